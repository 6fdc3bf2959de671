//! A store that does one thing wrong: what `doctor` must find.

use std::sync::Arc;
use std::time::Duration;

use s3orm::Env;
use s3orm::store::memory::MemoryStore;
use s3orm::store::{
    CompleteUpload, CopyObject, CreateUpload, DeleteObject, ETag, GetObject, ListObjects,
    ListParts, ListUploads, Object, ObjectMeta, Page, PartsPage, Precondition, PutObject, Store,
    StoreError, StoreErrorKind, StoreFuture, UploadPart, UploadsPage, Written,
};
use tokio::sync::watch;

use crate::server::BUCKET;

/// What it does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quirk {
    /// `If-None-Match` of writes is not looked at.
    IgnoresIfNoneMatch,
    /// `If-Match` of writes is not looked at.
    IgnoresIfMatch,
    /// `If-Match` of an object that is not there creates it.
    ReplacesNothing,
    /// `If-Match` of deletions is not looked at.
    IgnoresDeleteIfMatch,
    /// Conditional deletions are answered 501.
    RefusesDeleteIfMatch,
    /// Conditional deletions of nothing succeed.
    DeletesNothing,
    /// Every condition is answered 501.
    RefusesConditions,
    /// Whether a creation's condition holds is looked at some time before it is applied.
    CreatesLate,
    /// Whether a replacement's condition holds is looked at some time before it is applied.
    ReplacesLate,
    /// Whether a deletion's condition holds is looked at some time before it is applied.
    DeletesLate,
    /// Listings are the wrong way round.
    ListsBackwards,
    /// Listings begin with the key that they should begin after.
    ListsInclusive,
    /// Letters and their accents are put together.
    Normalises,
    /// User metadata is not kept.
    ForgetsMetadata,
    /// Objects of the same length have the same tag.
    TagsByLength,
    /// What is read is not what was written.
    DamagesBodies,
    /// Copies and uploads are not conditional.
    IgnoresOtherConditions,
}

/// A store in memory with a quirk.
#[derive(Debug)]
pub struct OddStore {
    inner: MemoryStore,
    quirk: Quirk,
    race: Arc<watch::Sender<Race>>,
}

/// How far the conditional requests for one object are, since it was written without a condition.
#[derive(Debug, Default, Clone, Copy)]
struct Race {
    /// Of those that are applied late: how many have looked whether their condition holds.
    looked: usize,
    /// How many were applied or refused.
    decided: usize,
}

/// What the keys have that `doctor` lets many requests race for.
const RACE: &str = "-race";
/// That of deletions and replacements: there are always both.
const DELETE_RACE: &str = "/delete-race";
/// How long who is late waits for a rival: in a race, where one is sure to come, and elsewhere.
const SURELY: Duration = Duration::from_secs(20);
const PERHAPS: Duration = Duration::from_millis(50);

impl OddStore {
    /// With the bucket of [`TestServer`](crate::server::TestServer).
    pub fn new(quirk: Quirk) -> Self {
        Self {
            inner: MemoryStore::new(BUCKET, Env::system()),
            quirk,
            race: Arc::default(),
        }
    }

    fn is(&self, quirk: Quirk) -> bool {
        self.quirk == quirk
    }

    fn key(&self, key: &str) -> String {
        if self.is(Quirk::Normalises) {
            key.replace("e\u{301}", "\u{e9}")
                .replace('\u{212b}', "\u{c5}")
        } else {
            key.to_owned()
        }
    }

    fn tag(&self, tag: ETag, size: u64) -> ETag {
        if self.is(Quirk::TagsByLength) {
            ETag::new(&format!("{size}"))
        } else {
            tag
        }
    }

    fn refuse(&self, precondition: &Precondition) -> Result<(), StoreError> {
        if self.is(Quirk::RefusesConditions) && *precondition != Precondition::None {
            return Err(StoreError::new(
                StoreErrorKind::Unsupported,
                "no conditions",
            ));
        }
        Ok(())
    }

    /// Whether a condition holds now, which says nothing of later. If it does, it is not applied before a
    /// rival has looked, too, or was answered: so a race goes wrong however busy the machine is.
    async fn looks(&self, key: &str, precondition: &Precondition) -> Result<(), StoreError> {
        let before = *self.race.borrow();
        let found = self.inner.head(key).await.ok().map(|meta| meta.etag);
        let holds = match precondition {
            Precondition::None => true,
            Precondition::IfAbsent => found.is_none(),
            Precondition::IfPresent => found.is_some(),
            Precondition::IfMatch(tag) => found.as_ref() == Some(tag),
        };
        if !holds {
            let kind = StoreErrorKind::PreconditionFailed;
            return Err(StoreError::new(kind, "it does not hold"));
        }
        self.race.send_modify(|race| race.looked += 1);
        let rival = |race: &Race| race.looked > before.looked + 1 || race.decided > before.decided;
        self.wait(key, rival).await;
        Ok(())
    }

    /// Waits for a rival, for as long as one can be hoped for.
    async fn wait(&self, key: &str, until: impl FnMut(&Race) -> bool) {
        let patience = if key.contains(RACE) { SURELY } else { PERHAPS };
        let mut race = self.race.subscribe();
        // Who is alone goes on all the same.
        let _ = Env::system().timeout(patience, race.wait_for(until)).await;
    }

    /// Lets those who look at a condition and apply it late look first.
    async fn let_look(&self, key: &str, late: Quirk) {
        if self.is(late) && key.ends_with(DELETE_RACE) {
            self.wait(key, |race| race.looked > 0).await;
        }
    }

    /// Notes that a request was answered: a new race begins with a write without a condition.
    fn note(&self, is_conditional: bool) {
        self.race.send_modify(|race| {
            if is_conditional {
                race.decided += 1;
            } else {
                race.looked = 0;
            }
        });
    }

    async fn put_oddly(&self, request: &PutObject) -> Result<Written, StoreError> {
        let mut request = request.clone();
        request.key = self.key(&request.key);
        self.refuse(&request.precondition)?;
        let condition = &request.precondition;
        let late = match condition {
            Precondition::IfAbsent => self.is(Quirk::CreatesLate),
            Precondition::IfMatch(_) => self.is(Quirk::ReplacesLate),
            _ => false,
        };
        let is_conditional = *condition != Precondition::None;
        if late {
            self.looks(&request.key, condition).await?;
        } else if is_conditional {
            self.let_look(&request.key, Quirk::DeletesLate).await;
        }
        let ignored = match condition {
            Precondition::IfAbsent => self.is(Quirk::IgnoresIfNoneMatch),
            Precondition::IfMatch(_) if self.is(Quirk::ReplacesNothing) => {
                self.inner.head(&request.key).await.is_err()
            }
            Precondition::IfMatch(_) => self.is(Quirk::IgnoresIfMatch),
            _ => false,
        };
        if late || ignored {
            request.precondition = Precondition::None;
        }
        if self.is(Quirk::ForgetsMetadata) {
            request.metadata.clear();
        }
        if let (Quirk::TagsByLength, Precondition::IfMatch(tag)) =
            (self.quirk, &request.precondition)
        {
            let found = self.inner.head(&request.key).await?;
            if self.tag(found.etag.clone(), found.size) == *tag {
                request.precondition = Precondition::IfMatch(found.etag);
            }
        }
        let size = request.body.len() as u64;
        let written = self.inner.put(&request).await;
        self.note(is_conditional);
        let written = written?;
        Ok(Written {
            etag: self.tag(written.etag, size),
        })
    }

    async fn delete_oddly(&self, mut request: DeleteObject) -> Result<(), StoreError> {
        request.key = self.key(&request.key);
        self.refuse(&request.precondition)?;
        if request.precondition == Precondition::None {
            return self.inner.delete(request).await;
        }
        match self.quirk {
            Quirk::RefusesDeleteIfMatch => {
                return Err(StoreError::new(
                    StoreErrorKind::Unsupported,
                    "no conditions",
                ));
            }
            Quirk::IgnoresDeleteIfMatch => request.precondition = Precondition::None,
            Quirk::DeletesLate => {
                self.looks(&request.key, &request.precondition).await?;
                request.precondition = Precondition::None;
            }
            Quirk::ReplacesLate => self.let_look(&request.key, Quirk::ReplacesLate).await,
            Quirk::DeletesNothing => {
                return match self.inner.delete(request).await {
                    Err(error) if error.kind() == StoreErrorKind::NotFound => Ok(()),
                    outcome => outcome,
                };
            }
            _ => {}
        }
        let deleted = self.inner.delete(request).await;
        self.note(true);
        deleted
    }

    async fn list_oddly(&self, mut request: ListObjects) -> Result<Page, StoreError> {
        request.prefix = self.key(&request.prefix);
        if let (Quirk::ListsInclusive, s3orm::store::ListStart::After(key)) =
            (self.quirk, &request.start)
        {
            // The last text before it, for keys that end in a letter.
            let mut before = key.clone();
            before.pop();
            request.start = s3orm::store::ListStart::After(before);
        }
        let mut page = self.inner.list(request).await?;
        if self.is(Quirk::ListsBackwards) {
            page.objects.reverse();
        }
        for object in &mut page.objects {
            object.etag = self.tag(object.etag.clone(), object.size);
        }
        Ok(page)
    }

    async fn get_oddly(&self, mut request: GetObject) -> Result<Object, StoreError> {
        request.key = self.key(&request.key);
        let mut object = self.inner.get(request).await?;
        object.meta.etag = self.tag(object.meta.etag, object.meta.size);
        if self.is(Quirk::DamagesBodies) && !object.body.is_empty() {
            let mut damaged = object.body.to_vec();
            damaged[0] ^= 1;
            object.body = damaged.into();
        }
        Ok(object)
    }

    async fn head_oddly(&self, key: String) -> Result<ObjectMeta, StoreError> {
        let mut meta = self.inner.head(&self.key(&key)).await?;
        meta.etag = self.tag(meta.etag, meta.size);
        Ok(meta)
    }
}

impl Store for OddStore {
    fn get(&self, request: GetObject) -> StoreFuture<'_, Object> {
        Box::pin(self.get_oddly(request))
    }

    fn head(&self, key: &str) -> StoreFuture<'_, ObjectMeta> {
        Box::pin(self.head_oddly(key.to_owned()))
    }

    fn put<'a>(&'a self, request: &'a PutObject) -> StoreFuture<'a, Written> {
        Box::pin(self.put_oddly(request))
    }

    fn delete(&self, request: DeleteObject) -> StoreFuture<'_, ()> {
        Box::pin(self.delete_oddly(request))
    }

    fn delete_many(
        &self,
        requests: Vec<DeleteObject>,
    ) -> StoreFuture<'_, Vec<Result<(), StoreError>>> {
        Box::pin(async move {
            let mut outcomes = Vec::new();
            for request in requests {
                outcomes.push(self.delete_oddly(request).await);
            }
            Ok(outcomes)
        })
    }

    fn list(&self, request: ListObjects) -> StoreFuture<'_, Page> {
        Box::pin(self.list_oddly(request))
    }

    fn copy(&self, mut request: CopyObject) -> StoreFuture<'_, Written> {
        if self.is(Quirk::IgnoresOtherConditions) {
            request.precondition = Precondition::None;
        }
        self.inner.copy(request)
    }

    fn create_upload(&self, request: CreateUpload) -> StoreFuture<'_, String> {
        self.inner.create_upload(request)
    }

    fn upload_part(&self, request: UploadPart) -> StoreFuture<'_, ETag> {
        self.inner.upload_part(request)
    }

    fn complete_upload(&self, mut request: CompleteUpload) -> StoreFuture<'_, Written> {
        if self.is(Quirk::IgnoresOtherConditions) {
            request.precondition = Precondition::None;
        }
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
        // The same service: clones of a store in memory share it.
        if bucket != self.inner.bucket() {
            return self.inner.with_bucket(bucket);
        }
        Ok(Arc::new(Self {
            inner: self.inner.clone(),
            quirk: self.quirk,
            race: Arc::clone(&self.race),
        }))
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
