//! A layer that sends requests again, where that is right.
//!
//! A read may be sent again after any passing failure. A write may be sent again only if the copy
//! before was certainly not applied: after a lost answer a second copy of a conditional write would
//! meet the first's effect and report a conflict with itself. Such an outcome is passed on as it
//! is; reading back is for the layer above, which knows what it wrote.
//!
//! Two kinds of writes are exceptions: to upload a part or to drop an upload a second time changes
//! nothing, and an upload created twice leaves an orphan at worst, which a bucket's lifecycle rule
//! collects.

use std::sync::Arc;
use std::time::Duration;

use super::{
    CompleteUpload, CopyObject, CreateUpload, DeleteObject, ETag, GetObject, ListObjects,
    ListParts, ListUploads, Object, ObjectMeta, Page, PartsPage, Presign, PresignedUrl, PutObject,
    Store, StoreError, StoreErrorKind, StoreFuture, Survey, UploadPart, UploadsPage, Written,
};
use crate::env::{Env, Instant};
use crate::settings;

/// How often, how fast and how long a request is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Further attempts after the first. 3 by default; 0 for none.
    pub max_retries: u32,
    /// The longest wait before the first further attempt; it doubles with each. 50 ms by default.
    /// The wait itself is random below it, so that clients do not meet again.
    pub base: Duration,
    /// The longest wait before any attempt. 10 s by default.
    pub cap: Duration,
    /// No attempt begins later than this after the first. 5 min by default.
    pub deadline: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_retries: 3,
            base: Duration::from_millis(50),
            cap: Duration::from_secs(10),
            deadline: Duration::from_mins(5),
        }
    }
}

/// A store whose requests are sent again as its policy says.
#[derive(Debug, Clone)]
pub struct RetryStore {
    inner: Arc<dyn Store>,
    env: Env,
    policy: RetryPolicy,
    /// Whether a task's scope cannot change the number of retries.
    fixed: bool,
}

/// What may follow a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeat {
    /// Sending it again changes nothing.
    Harmless,
    /// Sending it again is right only if the copy before was not applied.
    IfNotApplied,
}

impl Repeat {
    fn allows(self, kind: StoreErrorKind) -> bool {
        let passing = matches!(
            kind,
            StoreErrorKind::Server | StoreErrorKind::Lost | StoreErrorKind::BadAnswer
        );
        kind.is_definite_and_transient() || (passing && self == Self::Harmless)
    }
}

impl RetryStore {
    /// Sends `inner`'s requests again by `policy`; a [`scope`](crate::scope) may say another number
    /// of retries for what is awaited in it.
    pub fn new(inner: Arc<dyn Store>, env: Env, policy: RetryPolicy) -> Self {
        Self {
            inner,
            env,
            policy,
            fixed: false,
        }
    }

    /// The same, whatever the scope says: for a table that has a number of its own.
    pub(crate) fn fixed(inner: Arc<dyn Store>, env: Env, policy: RetryPolicy) -> Self {
        Self {
            fixed: true,
            ..Self::new(inner, env, policy)
        }
    }

    fn max_retries(&self) -> u32 {
        let scoped = (!self.fixed).then(|| settings::current().retries).flatten();
        scoped.unwrap_or(self.policy.max_retries)
    }

    /// Sends until an outcome stands. `request` is kept for as long as it may be needed again.
    async fn send<'a, R: Clone, T>(
        &'a self,
        repeat: Repeat,
        request: R,
        mut once: impl FnMut(R) -> StoreFuture<'a, T>,
    ) -> Result<T, StoreError> {
        let mut first = None;
        for attempt in 0..self.max_retries() {
            let start = *first.get_or_insert_with(|| self.env.instant());
            match once(request.clone()).await {
                Err(error) if repeat.allows(error.kind()) => {
                    let Some(wait) = self.wait(attempt, &error, start) else {
                        return Err(error);
                    };
                    tracing::debug!(target: "s3orm", %error, ?wait, "request is sent again");
                    self.env.sleep(wait).await;
                }
                outcome => return outcome,
            }
        }
        once(request).await
    }

    /// How long to wait; `None` if the next attempt would begin too late.
    fn wait(&self, attempt: u32, error: &StoreError, start: Instant) -> Option<Duration> {
        let doubled = self
            .policy
            .base
            .saturating_mul(2_u32.saturating_pow(attempt));
        let jitter = self.env.jitter(doubled.min(self.policy.cap));
        let wait = jitter.max(error.retry_after().unwrap_or_default());
        let spent = self.env.instant().duration_since(start);
        (spent.saturating_add(wait) <= self.policy.deadline).then_some(wait)
    }
}

impl Store for RetryStore {
    fn get(&self, request: GetObject) -> StoreFuture<'_, Object> {
        Box::pin(self.send(Repeat::Harmless, request, |request| self.inner.get(request)))
    }

    fn head(&self, key: &str) -> StoreFuture<'_, ObjectMeta> {
        let key = key.to_owned();
        Box::pin(self.send(Repeat::Harmless, key, |key| self.inner.head(&key)))
    }

    fn put<'a>(&'a self, request: &'a PutObject) -> StoreFuture<'a, Written> {
        Box::pin(self.send(Repeat::IfNotApplied, request, |request| {
            self.inner.put(request)
        }))
    }

    fn delete(&self, request: DeleteObject) -> StoreFuture<'_, ()> {
        Box::pin(self.send(Repeat::IfNotApplied, request, |request| {
            self.inner.delete(request)
        }))
    }

    fn delete_many(
        &self,
        requests: Vec<DeleteObject>,
    ) -> StoreFuture<'_, Vec<Result<(), StoreError>>> {
        Box::pin(self.send(Repeat::IfNotApplied, requests, |requests| {
            self.inner.delete_many(requests)
        }))
    }

    fn list(&self, request: ListObjects) -> StoreFuture<'_, Page> {
        Box::pin(self.send(Repeat::Harmless, request, |request| {
            self.inner.list(request)
        }))
    }

    fn copy(&self, request: CopyObject) -> StoreFuture<'_, Written> {
        Box::pin(self.send(Repeat::IfNotApplied, request, |request| {
            self.inner.copy(request)
        }))
    }

    fn create_upload(&self, request: CreateUpload) -> StoreFuture<'_, String> {
        Box::pin(self.send(Repeat::Harmless, request, |request| {
            self.inner.create_upload(request)
        }))
    }

    fn upload_part(&self, request: UploadPart) -> StoreFuture<'_, ETag> {
        Box::pin(self.send(Repeat::Harmless, request, |request| {
            self.inner.upload_part(request)
        }))
    }

    fn complete_upload(&self, request: CompleteUpload) -> StoreFuture<'_, Written> {
        Box::pin(self.send(Repeat::IfNotApplied, request, |request| {
            self.inner.complete_upload(request)
        }))
    }

    fn abort_upload(&self, key: &str, upload_id: &str) -> StoreFuture<'_, ()> {
        let upload = (key.to_owned(), upload_id.to_owned());
        Box::pin(self.send(Repeat::Harmless, upload, |(key, upload_id)| {
            self.inner.abort_upload(&key, &upload_id)
        }))
    }

    fn list_uploads(&self, request: ListUploads) -> StoreFuture<'_, UploadsPage> {
        Box::pin(self.send(Repeat::Harmless, request, |request| {
            self.inner.list_uploads(request)
        }))
    }

    fn list_parts(&self, request: ListParts) -> StoreFuture<'_, PartsPage> {
        Box::pin(self.send(Repeat::Harmless, request, |request| {
            self.inner.list_parts(request)
        }))
    }

    fn presign(&self, request: Presign) -> StoreFuture<'_, PresignedUrl> {
        Box::pin(self.send(Repeat::Harmless, request, |request| {
            self.inner.presign(request)
        }))
    }

    fn service(&self) -> String {
        self.inner.service()
    }

    fn survey<'a>(&'a self, scratch: &'a str) -> StoreFuture<'a, Survey> {
        self.inner.survey(scratch)
    }

    fn bucket(&self) -> &str {
        self.inner.bucket()
    }

    fn with_bucket(&self, bucket: &str) -> Result<Arc<dyn Store>, StoreError> {
        let inner = self.inner.with_bucket(bucket)?;
        Ok(Arc::new(Self {
            inner,
            env: self.env.clone(),
            policy: self.policy,
            fixed: self.fixed,
        }))
    }

    fn head_bucket(&self) -> StoreFuture<'_, ()> {
        Box::pin(self.send(Repeat::Harmless, (), |()| self.inner.head_bucket()))
    }

    fn create_bucket(&self) -> StoreFuture<'_, ()> {
        Box::pin(self.send(Repeat::IfNotApplied, (), |()| self.inner.create_bucket()))
    }

    fn delete_bucket(&self) -> StoreFuture<'_, ()> {
        Box::pin(self.send(Repeat::IfNotApplied, (), |()| self.inner.delete_bucket()))
    }

    fn list_buckets(&self) -> StoreFuture<'_, Vec<String>> {
        Box::pin(self.send(Repeat::Harmless, (), |()| self.inner.list_buckets()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::{Mutex, PoisonError};

    use super::StoreErrorKind as Kind;
    use super::*;

    /// Fails as scripted, then succeeds; counts.
    #[derive(Debug, Default)]
    struct Scripted {
        failures: Mutex<VecDeque<StoreError>>,
        requests: Mutex<u32>,
    }

    impl Scripted {
        fn answer<T: Send + 'static>(&self, value: T) -> StoreFuture<'_, T> {
            *self.requests.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            let failure = self
                .failures
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front();
            Box::pin(async move { failure.map_or(Ok(value), Err) })
        }
    }

    fn object() -> Object {
        Object {
            meta: meta(),
            body: bytes::Bytes::new(),
        }
    }

    fn meta() -> ObjectMeta {
        ObjectMeta {
            etag: ETag::new("e"),
            size: 0,
            last_modified: None,
            content_type: None,
            content_encoding: None,
            metadata: super::super::Metadata::new(),
            checksum: None,
            encryption: None,
        }
    }

    fn written() -> Written {
        Written {
            etag: ETag::new("e"),
        }
    }

    impl Store for Scripted {
        fn get(&self, _: GetObject) -> StoreFuture<'_, Object> {
            self.answer(object())
        }
        fn head(&self, _: &str) -> StoreFuture<'_, ObjectMeta> {
            self.answer(meta())
        }
        fn put<'a>(&'a self, _: &'a PutObject) -> StoreFuture<'a, Written> {
            self.answer(written())
        }
        fn delete(&self, _: DeleteObject) -> StoreFuture<'_, ()> {
            self.answer(())
        }
        fn delete_many(
            &self,
            _: Vec<DeleteObject>,
        ) -> StoreFuture<'_, Vec<Result<(), StoreError>>> {
            self.answer(Vec::new())
        }
        fn list(&self, _: ListObjects) -> StoreFuture<'_, Page> {
            self.answer(Page::default())
        }
        fn copy(&self, _: CopyObject) -> StoreFuture<'_, Written> {
            self.answer(written())
        }
        fn create_upload(&self, _: CreateUpload) -> StoreFuture<'_, String> {
            self.answer(String::new())
        }
        fn upload_part(&self, _: UploadPart) -> StoreFuture<'_, ETag> {
            self.answer(ETag::new("e"))
        }
        fn complete_upload(&self, _: CompleteUpload) -> StoreFuture<'_, Written> {
            self.answer(written())
        }
        fn abort_upload(&self, _: &str, _: &str) -> StoreFuture<'_, ()> {
            self.answer(())
        }
        fn service(&self) -> String {
            "a script".to_owned()
        }
        fn list_uploads(&self, _: ListUploads) -> StoreFuture<'_, UploadsPage> {
            self.answer(UploadsPage::default())
        }
        fn list_parts(&self, _: ListParts) -> StoreFuture<'_, PartsPage> {
            self.answer(PartsPage::default())
        }
        fn bucket(&self) -> &'static str {
            "scripted"
        }
        fn with_bucket(&self, _: &str) -> Result<Arc<dyn Store>, StoreError> {
            Ok(Arc::new(Self::default()))
        }
        fn head_bucket(&self) -> StoreFuture<'_, ()> {
            self.answer(())
        }
        fn create_bucket(&self) -> StoreFuture<'_, ()> {
            self.answer(())
        }
        fn delete_bucket(&self) -> StoreFuture<'_, ()> {
            self.answer(())
        }
        fn list_buckets(&self) -> StoreFuture<'_, Vec<String>> {
            self.answer(Vec::new())
        }
    }

    /// What became of a call, how many requests it made, and how long it took.
    type Outcome = (Result<(), Kind>, u32, Duration);

    async fn run(name: &str, failures: Vec<StoreError>) -> Outcome {
        let env = Env::seeded(3);
        let scripted = Arc::new(Scripted {
            failures: Mutex::new(failures.into()),
            ..Default::default()
        });
        let store = RetryStore::new(
            Arc::clone(&scripted) as _,
            env.clone(),
            RetryPolicy::default(),
        );
        let start = env.instant();
        let part = UploadPart {
            key: "k".to_owned(),
            upload_id: "u".to_owned(),
            number: 1,
            body: bytes::Bytes::new(),
            checksum: None,
            encryption: None,
        };
        let end = CompleteUpload {
            key: "k".to_owned(),
            upload_id: "u".to_owned(),
            parts: Vec::new(),
            precondition: super::super::Precondition::None,
            checksum: None,
        };
        let outcome = match name {
            "get" => store.get(GetObject::default()).await.map(drop),
            "head" => store.head("k").await.map(drop),
            "list" => store.list(ListObjects::default()).await.map(drop),
            "list_buckets" => store.list_buckets().await.map(drop),
            "head_bucket" => store.head_bucket().await,
            "upload_part" => store.upload_part(part).await.map(drop),
            "abort_upload" => store.abort_upload("k", "u").await,
            "list_uploads" => store.list_uploads(ListUploads::default()).await.map(drop),
            "list_parts" => store.list_parts(ListParts::default()).await.map(drop),
            "create_upload" => store.create_upload(CreateUpload::default()).await.map(drop),
            "put" => store.put(&PutObject::default()).await.map(drop),
            "delete" => store.delete(DeleteObject::default()).await,
            "delete_many" => store.delete_many(Vec::new()).await.map(drop),
            "copy" => store.copy(CopyObject::default()).await.map(drop),
            "complete_upload" => store.complete_upload(end).await.map(drop),
            "create_bucket" => store.create_bucket().await,
            "delete_bucket" => store.delete_bucket().await,
            _ => unreachable!("no call `{name}`"),
        };
        let requests = *scripted.requests.lock().unwrap();
        (
            outcome.map_err(|error| error.kind()),
            requests,
            env.instant() - start,
        )
    }

    fn failure(kind: Kind) -> StoreError {
        StoreError::new(kind, "scripted")
    }

    const HARMLESS: [&str; 10] = [
        "get",
        "head",
        "list",
        "list_buckets",
        "head_bucket",
        "upload_part",
        "abort_upload",
        "create_upload",
        "list_uploads",
        "list_parts",
    ];
    const WRITES: [&str; 7] = [
        "put",
        "delete",
        "delete_many",
        "copy",
        "complete_upload",
        "create_bucket",
        "delete_bucket",
    ];

    #[test]
    fn it_names_what_is_below_it() {
        let scripted = Arc::new(Scripted::default());
        let store = RetryStore::new(scripted, Env::seeded(3), RetryPolicy::default());
        assert_eq!(store.service(), "a script");
        assert_eq!(store.bucket(), "scripted");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_not_applied_is_sent_again_by_every_call() {
        for name in HARMLESS.into_iter().chain(WRITES) {
            for kind in [Kind::Throttled, Kind::Unsent] {
                let (outcome, requests, _) = run(name, vec![failure(kind), failure(kind)]).await;
                assert_eq!((outcome, requests), (Ok(()), 3), "{name} {kind:?}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_be_applied_is_sent_again_only_where_that_is_harmless() {
        for kind in [Kind::Server, Kind::Lost, Kind::BadAnswer] {
            for name in HARMLESS {
                let (outcome, requests, _) = run(name, vec![failure(kind)]).await;
                assert_eq!((outcome, requests), (Ok(()), 2), "{name} {kind:?}");
            }
            for name in WRITES {
                let (outcome, requests, _) = run(name, vec![failure(kind)]).await;
                assert_eq!((outcome, requests), (Err(kind), 1), "{name} {kind:?}");
            }
        }
        // A copy that was not applied, then one whose answer is lost: passed on as it is.
        let script = vec![failure(Kind::Unsent), failure(Kind::Lost)];
        let (outcome, requests, _) = run("put", script).await;
        assert_eq!((outcome, requests), (Err(Kind::Lost), 2));
    }

    #[tokio::test(start_paused = true)]
    async fn what_stands_is_not_sent_again() {
        for kind in [
            Kind::NotFound,
            Kind::NoSuchBucket,
            Kind::NoSuchUpload,
            Kind::PreconditionFailed,
            Kind::Conflict,
            Kind::Denied,
            Kind::Credentials,
            Kind::WrongRegion,
            Kind::Invalid,
            Kind::InvalidKey,
            Kind::TooLarge,
            Kind::Unsupported,
            Kind::NotModified,
        ] {
            for name in ["get", "put"] {
                let (outcome, requests, _) = run(name, vec![failure(kind)]).await;
                assert_eq!((outcome, requests), (Err(kind), 1), "{name} {kind:?}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn retries_end_after_their_number_and_their_time() {
        let script = (0..9).map(|_| failure(Kind::Throttled)).collect();
        let (outcome, requests, took) = run("put", script).await;
        assert_eq!((outcome, requests), (Err(Kind::Throttled), 4));
        assert!(took < Duration::from_millis(50 + 100 + 200), "{took:?}");

        let asked =
            |seconds| failure(Kind::Throttled).with_retry_after(Some(Duration::from_secs(seconds)));
        let (outcome, requests, took) = run("put", vec![asked(7)]).await;
        assert_eq!((outcome, requests), (Ok(()), 2));
        assert!(took >= Duration::from_secs(7), "{took:?}");

        let (outcome, requests, took) = run("put", vec![asked(301)]).await;
        assert_eq!((outcome, requests), (Err(Kind::Throttled), 1));
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
}
