//! The place that the probes work in: a prefix of their own, requests that are counted, and a list
//! of what there is to delete.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::db::Db;
use crate::store::{
    CopyObject, DeleteObject, ETag, GetObject, ListObjects, Object, Page, Precondition, PutObject,
    Store, StoreError, StoreErrorKind,
};
use crate::write::new_id;

/// What a probe's request came to.
pub(super) type Answer<T> = Result<T, StoreError>;

#[derive(Debug)]
pub(super) struct Lab {
    /// The database's own first.
    connections: Vec<Db>,
    prefix: String,
    requests: AtomicU64,
    written: Mutex<BTreeSet<String>>,
    /// A fault of the connection, which no probe may take for a habit of the store.
    fault: Mutex<Option<StoreError>>,
}

impl Lab {
    pub(super) fn new(db: &Db, others: &[Db]) -> Self {
        let connections = std::iter::once(db).chain(others).cloned();
        Self {
            connections: connections.collect(),
            prefix: format!("{}_s3orm/doctor/{}/", db.prefix(), new_id(db.env())),
            requests: AtomicU64::new(0),
            written: Mutex::default(),
            fault: Mutex::default(),
        }
    }

    pub(super) fn db(&self) -> &Db {
        &self.connections[0]
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.len()
    }

    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub(super) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// The name of a key of this place.
    pub(super) fn name<'a>(&self, key: &'a str) -> Option<&'a str> {
        key.strip_prefix(&self.prefix)
    }

    /// The store to send the request of contender number `who` to, which makes `requests`.
    pub(super) fn store(&self, who: usize, requests: u64) -> &dyn Store {
        self.requests.fetch_add(requests, Ordering::Relaxed);
        self.connections[who % self.connections.len()].store()
    }

    /// Looks at an answer for a fault of the connection.
    pub(super) fn hear<T>(&self, answer: Answer<T>) -> Answer<T> {
        if let Err(error) = &answer
            && ends_all(error)
        {
            let copy = StoreError::new(error.kind(), error.message().to_owned());
            let code = error.code().map(str::to_owned);
            let copy = match error.status() {
                Some(status) => copy.with_status(status, code),
                None => copy,
            };
            self.fault().get_or_insert(copy);
        }
        answer
    }

    fn fault(&self) -> MutexGuard<'_, Option<StoreError>> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first fault since this was asked.
    pub(super) fn take_fault(&self) -> Option<StoreError> {
        self.fault().take()
    }

    fn written(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers to delete it.
    pub(super) fn will_write(&self, key: &str) {
        let mut written = self.written();
        if !written.contains(key) {
            written.insert(key.to_owned());
        }
    }

    pub(super) async fn put(&self, name: &str, body: &str) -> Answer<ETag> {
        self.put_if(0, name, body, Precondition::None).await
    }

    pub(super) async fn put_if(
        &self,
        who: usize,
        name: &str,
        body: &str,
        precondition: Precondition,
    ) -> Answer<ETag> {
        let request = PutObject {
            key: self.key(name),
            body: body.to_owned().into(),
            precondition,
            ..PutObject::default()
        };
        self.write(who, &request).await
    }

    pub(super) async fn write(&self, who: usize, request: &PutObject) -> Answer<ETag> {
        self.will_write(&request.key);
        let written = self.hear(self.store(who, 1).put(request).await)?;
        Ok(written.etag)
    }

    pub(super) async fn get(&self, name: &str) -> Answer<Object> {
        self.get_by(0, name).await
    }

    pub(super) async fn get_by(&self, who: usize, name: &str) -> Answer<Object> {
        let request = GetObject {
            key: self.key(name),
            ..GetObject::default()
        };
        self.hear(self.store(who, 1).get(request).await)
    }

    /// The body of an object, or `None` if it is absent.
    pub(super) async fn body(&self, who: usize, name: &str) -> Answer<Option<String>> {
        match self.get_by(who, name).await {
            Ok(object) => Ok(Some(String::from_utf8_lossy(&object.body).into_owned())),
            Err(error) if error.kind() == StoreErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the object holds this.
    pub(super) async fn holds(&self, name: &str, body: &str) -> Answer<bool> {
        Ok(self.body(0, name).await?.as_deref() == Some(body))
    }

    pub(super) async fn delete(&self, name: &str) -> Answer<()> {
        self.delete_if(0, name, Precondition::None).await
    }

    pub(super) async fn delete_if(
        &self,
        who: usize,
        name: &str,
        precondition: Precondition,
    ) -> Answer<()> {
        let key = self.key(name);
        let request = DeleteObject {
            key: key.clone(),
            precondition,
        };
        let (store, certain) = (
            self.store(who, 1),
            request.precondition == Precondition::None,
        );
        self.hear(store.delete(request).await)?;
        if certain {
            self.written().remove(&key);
        }
        Ok(())
    }

    pub(super) async fn copy(&self, request: CopyObject) -> Answer<()> {
        self.will_write(&request.key);
        self.hear(self.store(0, 1).copy(request).await.map(drop))
    }

    /// A page of what is under a name; `change` says of what kind.
    pub(super) async fn page(
        &self,
        name: &str,
        change: impl FnOnce(&mut ListObjects),
    ) -> Answer<Page> {
        let mut request = ListObjects {
            prefix: self.key(name),
            ..ListObjects::default()
        };
        change(&mut request);
        self.hear(self.store(0, 1).list(request).await)
    }

    /// Deletes everything that was written; the keys that are left, with the last reason.
    pub(super) async fn clear(&self) -> (Vec<String>, Option<StoreError>) {
        let keys: Vec<String> = std::mem::take(&mut *self.written()).into_iter().collect();
        let (mut left, mut reason) = (Vec::new(), None);
        for keys in keys.chunks(1000) {
            let requests = keys.iter().map(|key| DeleteObject {
                key: key.clone(),
                precondition: Precondition::None,
            });
            let bulk = self.store(0, 1).delete_many(requests.collect()).await;
            let outcomes = bulk.unwrap_or_default();
            for (at, key) in keys.iter().enumerate() {
                // What is not certainly deleted is deleted on its own.
                if matches!(outcomes.get(at), Some(Ok(()))) {
                    continue;
                }
                let request = DeleteObject {
                    key: key.clone(),
                    precondition: Precondition::None,
                };
                match self.store(0, 1).delete(request).await {
                    // A key that the store cannot hold was never written; if it was, a listing shows it.
                    Ok(()) => {}
                    Err(error)
                        if matches!(
                            error.kind(),
                            StoreErrorKind::NotFound
                                | StoreErrorKind::InvalidKey
                                | StoreErrorKind::Invalid
                        ) => {}
                    Err(error) => {
                        left.push(key.clone());
                        reason = Some(error);
                    }
                }
            }
        }
        (left, reason)
    }

    /// What a listing still shows of this place.
    pub(super) async fn remains(&self) -> Answer<Vec<String>> {
        let page = self.page("", |_| {}).await?;
        Ok(page.objects.into_iter().map(|object| object.key).collect())
    }
}

/// Whether no probe can go on after this: the fault is the connection's, not the store's habit.
pub(super) fn ends_all(error: &StoreError) -> bool {
    matches!(
        error.kind(),
        StoreErrorKind::Credentials
            | StoreErrorKind::Lost
            | StoreErrorKind::NoSuchBucket
            | StoreErrorKind::Throttled
            | StoreErrorKind::Unsent
            | StoreErrorKind::WrongRegion
    )
}

/// Whether a write was refused as one that came second.
pub(super) fn came_second(error: &StoreError) -> bool {
    matches!(
        error.kind(),
        StoreErrorKind::PreconditionFailed | StoreErrorKind::Conflict
    )
}
