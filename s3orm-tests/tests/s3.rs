//! The conformance suite over the default client and this project's server, by HTTP.

use s3orm::Env;
use s3orm::store::s3::S3Store;
use s3orm_tests::conformance::Fixture;
use s3orm_tests::server::TestServer;

async fn s3() -> Fixture {
    let connect = |config| S3Store::connect(config, Env::system());
    TestServer::fixture(|config| connect(config).expect("a valid configuration")).await
}

s3orm_tests::conformance!(s3);
