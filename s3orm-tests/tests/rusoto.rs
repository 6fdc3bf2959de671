//! The conformance suite over rusoto and this project's server, by HTTP.

use s3orm::Env;
use s3orm::store::rusoto::RusotoStore;
use s3orm_tests::conformance::Fixture;
use s3orm_tests::server::TestServer;

async fn rusoto() -> Fixture {
    let connect = |config| RusotoStore::connect(config, Env::system());
    TestServer::fixture(|config| connect(config).expect("a valid configuration")).await
}

s3orm_tests::conformance!(rusoto);
