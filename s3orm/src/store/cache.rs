//! A layer that keeps what was read, and asks S3 each time whether it still holds.
//!
//! Every read makes its request: with the entity tag of what is kept (`If-None-Match`), which S3
//! answers with 304 and no body if the object is the same. So a read is never older than S3's
//! answer; what is saved is the body's transfer.
//!
//! The tag is a hash of the bytes: where somebody else writes the **same bytes with other metadata**,
//! the metadata that is kept is the older. Writes through this layer are noticed.

use std::sync::Arc;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use super::{
    CompleteUpload, CopyObject, CreateUpload, DeleteObject, ETag, GetObject, ListObjects,
    ListParts, ListUploads, Object, ObjectMeta, Page, PartsPage, Presign, PresignedUrl, PutObject,
    Store, StoreError, StoreErrorKind, StoreFuture, Survey, UploadPart, UploadsPage, Written,
};

/// What an entry takes besides its texts and bytes, about.
const ENTRY: usize = 512;
/// A guess of a row's size, for the first allocation.
const TYPICAL: u64 = 2048;

/// A store whose reads are kept, up to a number of bytes.
#[derive(Debug, Clone)]
pub struct CacheStore {
    inner: Arc<dyn Store>,
    /// By `<bucket>/<key>`: buckets share it.
    kept: Arc<Cache<String, Object, Bytes>>,
}

/// An entry weighs its bytes.
#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<String, Object> for Bytes {
    fn weight(&self, key: &String, object: &Object) -> u64 {
        let metadata = object.meta.metadata.iter();
        let metadata: usize = metadata.map(|(name, value)| name.len() + value.len()).sum();
        (ENTRY + key.len() + metadata + object.body.len()) as u64
    }
}

impl CacheStore {
    /// Keeps up to `capacity` bytes of what is read from `inner`, and forgets what is read least.
    ///
    /// # Errors
    /// `Invalid` if that is more than this machine can count.
    pub fn new(inner: Arc<dyn Store>, capacity: u64) -> Result<Self, StoreError> {
        let items = usize::try_from(capacity / TYPICAL).unwrap_or(usize::MAX);
        let options = OptionsBuilder::new()
            .estimated_items_capacity(items.clamp(1, 1 << 16))
            .weight_capacity(capacity)
            // In one piece, so that a single row may fill it.
            .shards(1)
            .build()
            .map_err(|error| {
                let message = format!("there is no cache of {capacity} bytes: {error}");
                StoreError::new(StoreErrorKind::Invalid, message)
            })?;
        let kept = Cache::with_options(
            options,
            Bytes,
            DefaultHashBuilder::default(),
            DefaultLifecycle::default(),
        );
        Ok(Self {
            inner,
            kept: Arc::new(kept),
        })
    }

    /// What is kept, over another way to the same service.
    pub(crate) fn over(&self, inner: Arc<dyn Store>) -> Self {
        let kept = Arc::clone(&self.kept);
        Self { inner, kept }
    }

    /// The bytes that are kept now.
    pub fn kept_bytes(&self) -> u64 {
        self.kept.weight()
    }

    fn place(&self, key: &str) -> String {
        format!("{}/{key}", self.inner.bucket())
    }

    async fn read(&self, mut request: GetObject) -> Result<Object, StoreError> {
        let place = self.place(&request.key);
        let limit = request.max_bytes.unwrap_or(u64::MAX);
        let kept = self.kept.get(&place);
        let kept = kept.filter(|object| object.body.len() as u64 <= limit);
        request.if_none_match = kept.as_ref().map(|object| object.meta.etag.clone());
        match (self.inner.get(request).await, kept) {
            (Err(error), Some(kept)) if error.kind() == StoreErrorKind::NotModified => Ok(kept),
            (Ok(object), _) => {
                self.kept.insert(place, object.clone());
                Ok(object)
            }
            (Err(error), _) => {
                if error.kind() == StoreErrorKind::NotFound {
                    self.kept.remove(&place);
                }
                Err(error)
            }
        }
    }

    /// Forgets the objects of a write, also if nobody waits for its end.
    fn written<'a, T: Send + 'a>(
        &'a self,
        keys: Vec<String>,
        write: StoreFuture<'a, T>,
    ) -> StoreFuture<'a, T> {
        let forget = move || {
            for key in &keys {
                self.kept.remove(&self.place(key));
            }
        };
        forget();
        Box::pin(async move {
            let outcome = write.await;
            forget();
            outcome
        })
    }
}

impl Store for CacheStore {
    fn get(&self, request: GetObject) -> StoreFuture<'_, Object> {
        match request {
            GetObject {
                range: None,
                if_match: None,
                if_none_match: None,
                ..
            } => Box::pin(self.read(request)),
            _ => self.inner.get(request),
        }
    }

    fn head(&self, key: &str) -> StoreFuture<'_, ObjectMeta> {
        self.inner.head(key)
    }

    fn put<'a>(&'a self, request: &'a PutObject) -> StoreFuture<'a, Written> {
        self.written(vec![request.key.clone()], self.inner.put(request))
    }

    fn delete(&self, request: DeleteObject) -> StoreFuture<'_, ()> {
        self.written(vec![request.key.clone()], self.inner.delete(request))
    }

    fn delete_many(
        &self,
        requests: Vec<DeleteObject>,
    ) -> StoreFuture<'_, Vec<Result<(), StoreError>>> {
        let keys = requests.iter().map(|request| request.key.clone());
        self.written(keys.collect(), self.inner.delete_many(requests))
    }

    fn list(&self, request: ListObjects) -> StoreFuture<'_, Page> {
        self.inner.list(request)
    }

    fn copy(&self, request: CopyObject) -> StoreFuture<'_, Written> {
        self.written(vec![request.key.clone()], self.inner.copy(request))
    }

    fn create_upload(&self, request: CreateUpload) -> StoreFuture<'_, String> {
        self.inner.create_upload(request)
    }

    fn upload_part(&self, request: UploadPart) -> StoreFuture<'_, ETag> {
        self.inner.upload_part(request)
    }

    fn complete_upload(&self, request: CompleteUpload) -> StoreFuture<'_, Written> {
        self.written(
            vec![request.key.clone()],
            self.inner.complete_upload(request),
        )
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

    fn presign(&self, request: Presign) -> StoreFuture<'_, PresignedUrl> {
        self.inner.presign(request)
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
        let kept = Arc::clone(&self.kept);
        Ok(Arc::new(Self { inner, kept }))
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
