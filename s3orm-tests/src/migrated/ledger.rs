//! A store in memory that writes down what becomes of rows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, ensure};
use s3orm::Env;
use s3orm::store::memory::MemoryStore;
use s3orm::store::{
    CompleteUpload, CopyObject, CreateUpload, DeleteObject, ETag, GetObject, ListObjects,
    ListParts, ListUploads, Object, ObjectMeta, Page, PartsPage, PutObject, Store, StoreError,
    StoreFuture, UploadPart, UploadsPage, Written,
};
use serde::Deserialize;

use crate::server::BUCKET;

/// What was written of a row: its version, and how often it was counted up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    version: u32,
    count: u64,
}

/// Either form of a row.
#[derive(Deserialize)]
struct Body {
    #[serde(default, rename = "_v")]
    version: Option<u32>,
    #[serde(alias = "n")]
    count: u64,
}

/// The store. Clones share what is in it.
#[derive(Debug, Clone)]
pub struct Ledger {
    inner: MemoryStore,
    /// Taken for as long as a write takes, so that what is written down is in order.
    turn: Arc<tokio::sync::Mutex<()>>,
    rows: Arc<Mutex<BTreeMap<String, Vec<Entry>>>>,
}

/// What the ledger adds up to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    pub(super) rows: u64,
    pub(super) rewritten: u64,
    pub(super) again: u64,
}

impl Ledger {
    /// An empty one.
    pub fn new() -> Self {
        Self {
            inner: MemoryStore::new(BUCKET, Env::system()),
            turn: Arc::default(),
            rows: Arc::default(),
        }
    }

    async fn write(&self, request: &PutObject) -> Result<Written, StoreError> {
        let is_row = request.key.contains("counters/") && !request.key.contains("_s3orm/");
        let _turn = self.turn.lock().await;
        let written = self.inner.put(request).await?;
        if is_row {
            let body: Option<Body> = serde_json::from_slice(&request.body).ok();
            // What is no row is noticed by who reads it.
            let entry = body.map(|body| Entry {
                version: body.version.unwrap_or(1),
                count: body.count,
            });
            let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
            let row = rows.entry(request.key.clone()).or_default();
            row.extend(entry);
        }
        Ok(written)
    }

    /// Whether every write of a row was one of those that there may be, on the way from one version to
    /// another.
    pub(super) fn check(&self, way: Way) -> anyhow::Result<Sums> {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sums = Sums::default();
        for (key, entries) in &*rows {
            let rewritten =
                check_row(entries, way).with_context(|| format!("{key}: {entries:?}"))?;
            sums.rows += 1;
            sums.rewritten += rewritten;
            sums.again += rewritten.saturating_sub(1);
        }
        Ok(sums)
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

/// From which version to which.
pub(super) type Way = (u32, u32);

/// How often a row was rewritten.
fn check_row(entries: &[Entry], way: Way) -> anyhow::Result<u64> {
    let first = entries.first().context("it was never written")?;
    ensure!(
        (first.version, first.count) == (way.0, 0),
        "another beginning"
    );
    let mut rewritten = 0;
    for pair in entries.windows(2) {
        let [before, after] = pair else { continue };
        if after.count == before.count + 1 {
            continue;
        }
        ensure!(after.count == before.count, "an update is lost");
        ensure!(
            (before.version, after.version) == way,
            "it was rewritten though it need not be"
        );
        rewritten += 1;
    }
    let last = entries.last().map(|entry| entry.version);
    ensure!(last == Some(way.1), "it is of version {last:?} in the end");
    Ok(rewritten)
}

impl Store for Ledger {
    fn get(&self, request: GetObject) -> StoreFuture<'_, Object> {
        self.inner.get(request)
    }

    fn head(&self, key: &str) -> StoreFuture<'_, ObjectMeta> {
        self.inner.head(key)
    }

    fn put<'a>(&'a self, request: &'a PutObject) -> StoreFuture<'a, Written> {
        Box::pin(self.write(request))
    }

    fn delete(&self, request: DeleteObject) -> StoreFuture<'_, ()> {
        self.inner.delete(request)
    }

    fn delete_many(
        &self,
        requests: Vec<DeleteObject>,
    ) -> StoreFuture<'_, Vec<Result<(), StoreError>>> {
        self.inner.delete_many(requests)
    }

    fn list(&self, request: ListObjects) -> StoreFuture<'_, Page> {
        self.inner.list(request)
    }

    fn copy(&self, request: CopyObject) -> StoreFuture<'_, Written> {
        self.inner.copy(request)
    }

    fn create_upload(&self, request: CreateUpload) -> StoreFuture<'_, String> {
        self.inner.create_upload(request)
    }

    fn upload_part(&self, request: UploadPart) -> StoreFuture<'_, ETag> {
        self.inner.upload_part(request)
    }

    fn complete_upload(&self, request: CompleteUpload) -> StoreFuture<'_, Written> {
        self.inner.complete_upload(request)
    }

    fn abort_upload(&self, key: &str, upload_id: &str) -> StoreFuture<'_, ()> {
        self.inner.abort_upload(key, upload_id)
    }

    fn list_uploads(&self, request: ListUploads) -> StoreFuture<'_, UploadsPage> {
        self.inner.list_uploads(request)
    }

    fn list_parts(&self, request: ListParts) -> StoreFuture<'_, PartsPage> {
        self.inner.list_parts(request)
    }

    fn bucket(&self) -> &str {
        self.inner.bucket()
    }

    fn with_bucket(&self, bucket: &str) -> Result<Arc<dyn Store>, StoreError> {
        if bucket != self.inner.bucket() {
            return self.inner.with_bucket(bucket);
        }
        Ok(Arc::new(self.clone()))
    }

    fn head_bucket(&self) -> StoreFuture<'_, ()> {
        self.inner.head_bucket()
    }

    fn create_bucket(&self) -> StoreFuture<'_, ()> {
        self.inner.create_bucket()
    }

    fn delete_bucket(&self) -> StoreFuture<'_, ()> {
        self.inner.delete_bucket()
    }

    fn list_buckets(&self) -> StoreFuture<'_, Vec<String>> {
        self.inner.list_buckets()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(writes: &[(u32, u64)]) -> Option<u64> {
        checked_on((1, 2), writes)
    }

    fn checked_on(way: Way, writes: &[(u32, u64)]) -> Option<u64> {
        let entries = writes
            .iter()
            .map(|&(version, count)| Entry { version, count });
        check_row(&entries.collect::<Vec<_>>(), way).ok()
    }

    #[test]
    fn the_way_back_is_another() {
        assert_eq!(
            checked_on((2, 1), &[(2, 0), (2, 1), (1, 1), (1, 2)]),
            Some(1)
        );
        assert_eq!(checked_on((2, 1), &[(2, 0), (1, 0), (2, 0), (1, 0)]), None);
        assert_eq!(checked_on((2, 1), &[(2, 0), (1, 0), (2, 1)]), None);
    }

    #[test]
    fn what_must_not_be_is_noticed() {
        assert_eq!(checked(&[(1, 0), (1, 1), (2, 1), (2, 2)]), Some(1));
        assert_eq!(checked(&[(1, 0), (2, 1)]), Some(0));
        assert_eq!(checked(&[(1, 0), (2, 0), (1, 1), (2, 1)]), Some(2));
        assert_eq!(
            checked(&[(1, 0), (1, 1), (2, 0)]),
            None,
            "an update is lost"
        );
        assert_eq!(checked(&[(1, 0), (2, 0), (2, 0)]), None, "rewritten twice");
        assert_eq!(
            checked(&[(1, 0), (1, 0), (2, 0)]),
            None,
            "rewritten in vain"
        );
        assert_eq!(checked(&[(1, 0), (2, 2)]), None, "counted twice");
        assert_eq!(checked(&[(1, 0), (2, 0), (1, 1)]), None, "left old");
    }
}
