//! A folder as a store: the conformance suite, other processes, crashes, symlinks and files that
//! others wrote.
#![allow(clippy::disallowed_methods)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use s3orm::Env;
use s3orm::store::dir::DirStore;
use s3orm::store::{
    DeleteObject, GetObject, ListObjects, Object, Precondition, PutObject, Store, StoreError,
    StoreErrorKind,
};
use s3orm_tests::conformance::{Fixture, run_all};
use s3orm_tests::server::keys;
use tempfile::TempDir;

mod foreign;
mod processes;
mod symlinks;

async fn dir() -> Fixture {
    let rows = Rows::new().await;
    let second = rows.reopen().await;
    Fixture::shared(Arc::new(rows.store))
        .second(Arc::new(second))
        .keeping(rows.above)
}

s3orm_tests::conformance!(dir);

/// As on a file system that takes `A` for `a`, which no test can mount.
async fn folded() -> anyhow::Result<Fixture> {
    let rows = Rows::new().await;
    fs::write(rows.path(".s3orm/format"), "s3orm folder 1, folded names\n")?;
    let store = rows.reopen().await;
    Ok(Fixture::new(store).keeping(rows.above))
}

#[tokio::test]
async fn keys_on_a_file_system_that_folds_names() {
    for filter in ["key", "order", "prefixes"] {
        let report = run_all(filter, folded).await;
        assert_eq!(report.failures(), 0, "{report}");
    }
}

/// A store in a folder of its own, and the ways into it from outside.
struct Rows {
    store: DirStore,
    above: TempDir,
}

impl Rows {
    async fn new() -> Self {
        let above = tempfile::tempdir().expect("a temporary folder");
        let store = DirStore::open(above.path().join("rows"), Env::system()).await;
        Self {
            store: store.expect("a store"),
            above,
        }
    }

    async fn reopen(&self) -> DirStore {
        let store = DirStore::open(self.path(""), Env::system()).await;
        store.expect("the store again")
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.above.path().join("rows").join(inside)
    }

    /// A folder beside the store, which no operation may touch.
    fn outside(&self) -> PathBuf {
        let path = self.above.path().join("outside");
        fs::create_dir_all(&path).expect("a folder");
        path
    }

    async fn put(&self, key: &str, body: &str) -> Result<(), StoreError> {
        let put = PutObject {
            key: key.to_owned(),
            body: body.to_owned().into(),
            ..PutObject::default()
        };
        self.store.put(&put).await.map(|_| ())
    }

    async fn get(&self, key: &str) -> Result<Object, StoreError> {
        let get = self.store.get(GetObject {
            key: key.to_owned(),
            ..GetObject::default()
        });
        get.await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let delete = self.store.delete(DeleteObject {
            key: key.to_owned(),
            precondition: Precondition::None,
        });
        delete.await
    }

    async fn keys(&self) -> Vec<String> {
        keys(&self.store, "").await
    }
}

/// The names in a folder, in order.
fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).expect("a folder");
    let mut names: Vec<String> = entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .collect();
    names.sort();
    names
}

fn kind_of<T>(answer: Result<T, StoreError>) -> Option<StoreErrorKind> {
    answer.err().map(|error| error.kind())
}
