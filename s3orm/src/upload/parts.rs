//! The parts of an upload that are under way, and those that the store has.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::task::{JoinError, JoinHandle};

use super::part_error;
use super::plan::MAX_PARTS;
use super::request::Target;
use crate::error::{Error, ErrorKind, Result};
use crate::settings::inherited;
use crate::store::{
    Checksum, CreateUpload, ETag, ListParts, ListedPart, Store, StoreError, StoreErrorKind,
    UploadPart,
};

type Task<T> = JoinHandle<Result<T, StoreError>>;

/// How far the upload is.
#[derive(Debug)]
enum Stage {
    /// The request that creates it is under way. It is a task, so that a caller who stops waiting
    /// does not lose the id.
    Creating(Task<String>),
    Created(String),
    /// It was not created, as far as anybody knows.
    Failed,
}

/// A part that the store has.
#[derive(Debug)]
pub(super) struct Done {
    number: u16,
    pub(super) etag: ETag,
    pub(super) size: u64,
    pub(super) checksum: Option<Checksum>,
}

/// An upload in parts.
#[derive(Debug)]
pub(super) struct Parts {
    stage: Stage,
    under_way: FuturesUnordered<Task<Done>>,
    pub(super) done: BTreeMap<u16, Done>,
    /// Of an upload that was interrupted: what the store had.
    listed: BTreeMap<u16, ListedPart>,
    /// The number of the next part.
    pub(super) next: u16,
    pub(super) reused: u16,
}

impl Parts {
    /// Begins to create the upload.
    pub(super) fn create(target: &Arc<Target>) -> Self {
        let request = CreateUpload {
            key: target.key.clone(),
            content_type: target.content_type.clone(),
            content_encoding: None,
            metadata: target.metadata.clone(),
            checksums: target.checksum,
            encryption: None,
        };
        let db = target.db.clone();
        // In the scope of who writes: it may say how the object is encrypted, and how often to retry.
        let created = inherited(async move { db.store().create_upload(request).await });
        Self::of(Stage::Creating(target.db.env().spawn(created)))
    }

    /// Goes on with an upload.
    pub(super) async fn resume(target: &Target, upload_id: String) -> Result<Self> {
        let mut request = ListParts {
            key: target.key.clone(),
            upload_id: upload_id.clone(),
            ..ListParts::default()
        };
        let mut parts = Self::of(Stage::Created(upload_id));
        loop {
            let page = target.db.store().list_parts(request.clone()).await;
            let page = page.map_err(|error| part_error(error, &target.key))?;
            let listed = page.parts.into_iter().map(|part| (part.number, part));
            parts.listed.extend(listed);
            match page.next {
                Some(number) => request.after = number,
                None => return Ok(parts),
            }
        }
    }

    fn of(stage: Stage) -> Self {
        Self {
            stage,
            under_way: FuturesUnordered::new(),
            done: BTreeMap::new(),
            listed: BTreeMap::new(),
            next: 1,
            reused: 0,
        }
    }

    /// How long the next part is: as one that the store has, so that it need not be sent.
    pub(super) fn next_length(&self, target: &Target) -> u64 {
        let planned = target.plan.length(self.next);
        let listed = self.listed.get(&self.next).map(|part| part.size);
        // A shorter one was the last of another attempt.
        let usable = |size: &u64| *size >= target.plan.length(1) && *size <= target.plan.longest();
        listed.filter(usable).unwrap_or(planned)
    }

    /// Takes up a part that has ended, if one has: its size. `Pending` while parts are under way.
    pub(super) fn poll_done(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<u64, Failed>>> {
        if let Stage::Creating(task) = &mut self.stage {
            let created = ready!(Pin::new(task).poll(cx));
            match created
                .map_err(Failed::Task)
                .and_then(|made| made.map_err(Failed::Store))
            {
                Ok(id) => self.stage = Stage::Created(id),
                Err(error) => {
                    // The task has ended: nobody may ask it again.
                    self.stage = Stage::Failed;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
        let Some(ended) = ready!(self.under_way.poll_next_unpin(cx)) else {
            return Poll::Ready(None);
        };
        let done = ended
            .map_err(Failed::Task)
            .and_then(|sent| sent.map_err(Failed::Store));
        Poll::Ready(Some(done.map(|done| {
            let size = done.size;
            self.done.insert(done.number, done);
            size
        })))
    }

    /// Whether the upload is created and fewer than so many parts are under way.
    pub(super) fn has_room(&self, parallel: usize) -> bool {
        matches!(self.stage, Stage::Created(_)) && self.under_way.len() < parallel
    }

    /// The upload, once it is created.
    pub(super) fn upload_id(&self) -> Option<&str> {
        match &self.stage {
            Stage::Creating(_) | Stage::Failed => None,
            Stage::Created(id) => Some(id),
        }
    }

    /// Sends the next part, of an upload that is created; its size if the store has it already.
    pub(super) fn send(&mut self, target: &Arc<Target>, body: Bytes) -> Result<Option<u64>> {
        let number = self.next;
        let Some(upload_id) = self.upload_id().map(str::to_owned) else {
            unreachable!("`has_room` is asked first")
        };
        if number > MAX_PARTS {
            return Err(full(&target.key));
        }
        self.next += 1;
        if let Some(done) = self.reuse(number, &body) {
            let size = done.size;
            self.done.insert(number, done);
            self.reused += 1;
            return Ok(Some(size));
        }
        let target = Arc::clone(target);
        let env = target.db.env().clone();
        self.under_way.push(env.spawn(inherited(async move {
            let checksum = target.checksum.then(|| Checksum::of(&body));
            let size = body.len() as u64;
            let request = UploadPart {
                key: target.key.clone(),
                upload_id,
                number,
                body,
                checksum,
                encryption: None,
            };
            let etag = target.db.store().upload_part(request).await?;
            Ok(Done {
                number,
                etag,
                size,
                checksum,
            })
        })));
        Ok(None)
    }

    fn reuse(&self, number: u16, body: &[u8]) -> Option<Done> {
        let listed = self.listed.get(&number)?;
        if listed.size != body.len() as u64 {
            return None;
        }
        let checksum = Some(Checksum::of(body));
        listed.holds(body, checksum).then(|| Done {
            number,
            etag: listed.etag.clone(),
            size: listed.size,
            checksum,
        })
    }

    /// Ends the upload: its parts first, so that none arrives after the upload is gone.
    pub(super) async fn abort(mut self, target: &Target) -> Result<(), StoreError> {
        for task in &self.under_way {
            task.abort();
        }
        while self.under_way.next().await.is_some() {}
        let id = match self.stage {
            Stage::Created(id) => id,
            Stage::Creating(task) => match task.await {
                Ok(Ok(id)) => id,
                Ok(Err(_)) | Err(_) => return Ok(()),
            },
            Stage::Failed => return Ok(()),
        };
        abort(target.db.store(), &target.key, &id).await
    }
}

/// Aborts an upload; one that has ended is as it should be.
pub(super) async fn abort(store: &dyn Store, key: &str, id: &str) -> Result<(), StoreError> {
    match store.abort_upload(key, id).await {
        Err(error) if error.kind() == StoreErrorKind::NoSuchUpload => Ok(()),
        outcome => outcome,
    }
}

/// Why a part, or the upload's creation, failed.
pub(super) enum Failed {
    Store(StoreError),
    /// It panicked, or the runtime is shutting down.
    Task(JoinError),
}

impl Failed {
    pub(super) fn into_error(self, key: &str) -> Error {
        match self {
            Self::Store(error) => part_error(error, key),
            Self::Task(error) => Error::new(ErrorKind::Internal, "the task of a part ended early")
                .with_source(error)
                .with_key(key),
        }
    }
}

/// The error of a part that would be the 10,001st.
pub(super) fn full(key: &str) -> Error {
    let detail = format!("the object does not fit into {MAX_PARTS} parts of these sizes");
    Error::new(ErrorKind::LimitExceeded, detail)
        .with_help("raise `max_part_size`, or say how long it is with `size_hint`")
        .with_key(key)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;
    use crate::db::Db;

    #[tokio::test]
    async fn an_upload_that_was_not_created_can_be_aborted() {
        let db = Db::connect("memory:").await.unwrap();
        let nowhere = db.bucket("no-such-bucket").unwrap();
        let target = Arc::new(nowhere.upload("a").0.target().unwrap());
        let mut parts = Parts::create(&target);
        let failed = poll_fn(|cx| parts.poll_done(cx)).await;
        let Some(Err(Failed::Store(error))) = failed else {
            panic!("there is no bucket")
        };
        assert_eq!(error.kind(), StoreErrorKind::NoSuchBucket);
        assert!(parts.upload_id().is_none());
        parts.abort(&target).await.unwrap();
    }

    #[tokio::test]
    async fn an_upload_that_is_being_created_is_aborted_once_it_is() {
        let db = Db::connect("memory:").await.unwrap();
        let target = Arc::new(db.upload("a").0.target().unwrap());
        Parts::create(&target).abort(&target).await.unwrap();
        let listed = db
            .store()
            .list_uploads(crate::store::ListUploads::default());
        assert!(listed.await.unwrap().uploads.is_empty());
    }
}
