//! The conformance suite over a folder.

use std::sync::Arc;

use s3orm::Env;
use s3orm::store::dir::DirStore;
use s3orm_tests::conformance::Fixture;

async fn dir() -> Fixture {
    let above = tempfile::tempdir().expect("a temporary folder");
    let path = above.path().join("rows");
    let store = DirStore::open(&path, Env::system()).await.expect("a store");
    let second = DirStore::open(&path, Env::system()).await.expect("a store");
    Fixture::new(store).second(Arc::new(second)).keeping(above)
}

s3orm_tests::conformance!(dir);
