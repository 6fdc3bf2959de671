//! Objects in memory, with S3's exact semantics: the embedded store that forgets.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;

use super::listing::{self, Keys};
use super::rules::{self, Attributes, Sums};
use super::{
    AtRest, Checksum, CompleteUpload, CopyObject, CreateUpload, DeleteObject, ETag, GetObject,
    ListObjects, ListParts, ListUploads, ListedObject, ListedPart, ListedUpload, Object,
    ObjectMeta, Page, PartsPage, PutObject, Store, StoreError, StoreFuture, UploadPart,
    UploadsPage, Written, check_key,
};
use crate::env::Env;

/// A bucket in memory. Clones, and what [`with_bucket`](Store::with_bucket) answers, share one
/// service: all its buckets, which live as long as the last of them.
///
/// It remembers what [encryption at rest](AtRest) an object was written with, and tells; it encrypts
/// nothing, for it has no rest.
///
/// ```
/// use s3orm::store::memory::MemoryStore;
/// use s3orm::store::{PutObject, Store};
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let store = MemoryStore::new("rows", s3orm::Env::system());
/// let put = PutObject { key: "a".into(), body: "1".into(), ..PutObject::default() };
/// let written = store.put(&put).await.unwrap();
/// assert_eq!(store.head("a").await.unwrap().etag, written.etag);
/// # }
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    service: Arc<Service>,
    bucket: String,
}

struct Service {
    env: Env,
    buckets: Mutex<Buckets>,
}

type Buckets = BTreeMap<String, Bucket>;

#[derive(Default)]
struct Bucket {
    objects: BTreeMap<String, Stored>,
    uploads: BTreeMap<String, Upload>,
}

#[derive(Clone)]
struct Stored {
    encryption: Option<AtRest>,
    body: Bytes,
    etag: ETag,
    checksum: Option<Checksum>,
    last_modified: SystemTime,
    attributes: Attributes,
}

struct Upload {
    encryption: Option<AtRest>,
    key: String,
    initiated: SystemTime,
    attributes: Attributes,
    parts: BTreeMap<u16, (Sums, Bytes)>,
}

impl MemoryStore {
    /// A new service with one empty bucket, whose name is taken as it is.
    pub fn new(bucket: &str, env: Env) -> Self {
        let buckets = Mutex::new(BTreeMap::from([(bucket.to_owned(), Bucket::default())]));
        Self {
            service: Arc::new(Service { env, buckets }),
            bucket: bucket.to_owned(),
        }
    }

    fn buckets(&self) -> MutexGuard<'_, Buckets> {
        // A poisoned lock means a panic between two statements that cannot leave a map half
        // changed.
        let buckets = self.service.buckets.lock();
        buckets.unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` on the bucket, alone.
    fn locked<T>(
        &self,
        work: impl FnOnce(&mut Bucket) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut buckets = self.buckets();
        let bucket = buckets.get_mut(&self.bucket);
        work(bucket.ok_or_else(|| rules::no_such_bucket(&self.bucket))?)
    }

    /// A copy of the object, which shares its bytes.
    fn read(&self, key: &str) -> Result<Stored, StoreError> {
        check_key(key)?;
        self.locked(|bucket| bucket.object(key).cloned())
    }

    /// The tag of an object or a part that has the MD5 `md5`: of keys other than S3's own it is
    /// another, as S3 has it.
    fn tag(&self, encryption: Option<&AtRest>, md5: ETag) -> ETag {
        if AtRest::tags_are_md5(encryption) {
            return md5;
        }
        ETag::new(&rules::hex(&self.service.env.random_bytes::<16>()))
    }

    fn now(&self) -> SystemTime {
        rules::to_seconds(self.service.env.now())
    }

    fn get_now(&self, request: &GetObject) -> Result<Object, StoreError> {
        let stored = self.read(&request.key)?;
        rules::check_read(request, &stored.etag)?;
        let size = stored.body.len();
        let (start, end) = rules::answered_bytes(request, size as u64)?;
        let within = |offset: u64| usize::try_from(offset).map_or(size, |at| at.min(size));
        Ok(Object {
            body: stored.body.slice(within(start)..within(end)),
            meta: stored.meta(),
        })
    }

    fn put_now(&self, request: &PutObject) -> Result<Written, StoreError> {
        check_key(&request.key)?;
        rules::check_body(request.body.len())?;
        let attributes = Attributes::of_put(request)?;
        let sums = rules::checked_sums(&request.body, request.checksum)?;
        let stored = Stored {
            etag: self.tag(request.encryption.as_ref(), sums.etag),
            checksum: sums.checksum,
            encryption: request.encryption.clone(),
            body: request.body.clone(),
            last_modified: self.now(),
            attributes,
        };
        self.locked(|bucket| bucket.write(request.key.clone(), stored, &request.precondition))
    }

    fn delete_now(&self, request: &DeleteObject) -> Result<(), StoreError> {
        rules::check_delete(request)?;
        self.locked(|bucket| {
            let current = bucket.objects.get(&request.key).map(|stored| &stored.etag);
            rules::check_write(&request.key, current, &request.precondition)?;
            bucket.objects.remove(&request.key);
            Ok(())
        })
    }

    fn delete_many_now(
        &self,
        requests: &[DeleteObject],
    ) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        rules::check_delete_count(requests.len())?;
        self.locked(|_| Ok(()))?;
        Ok(requests.iter().map(|one| self.delete_now(one)).collect())
    }

    fn list_now(&self, request: &ListObjects) -> Result<Page, StoreError> {
        self.locked(|bucket| {
            let mut keys = KeysOf {
                objects: &bucket.objects,
                prefix: &request.prefix,
            };
            listing::page(request, &mut keys)
        })
    }

    fn copy_now(&self, request: &CopyObject) -> Result<Written, StoreError> {
        check_key(&request.key)?;
        let from = Self {
            service: Arc::clone(&self.service),
            bucket: request
                .source_bucket
                .as_ref()
                .unwrap_or(&self.bucket)
                .clone(),
        };
        let mut stored = from.read(&request.source)?;
        rules::check_copy(request, &self.bucket, &stored.etag)?;
        if let Some(given) = &request.replace {
            stored.attributes = Attributes::of_copy(given)?;
        }
        let keeps_tag = AtRest::tags_are_md5(stored.encryption.as_ref())
            && AtRest::tags_are_md5(request.encryption.as_ref());
        if rules::is_of_parts(&stored.etag) || !keeps_tag {
            let md5 = rules::etag_of(&stored.body);
            stored.etag = self.tag(request.encryption.as_ref(), md5);
        }
        stored.encryption.clone_from(&request.encryption);
        stored.last_modified = self.now();
        self.locked(|bucket| bucket.write(request.key.clone(), stored, &request.precondition))
    }

    fn create_upload_now(&self, request: CreateUpload) -> Result<String, StoreError> {
        check_key(&request.key)?;
        let upload = Upload {
            attributes: Attributes::of_upload(&request)?,
            key: request.key,
            encryption: request.encryption,
            initiated: self.now(),
            parts: BTreeMap::new(),
        };
        let id = rules::hex(&self.service.env.random_bytes::<16>());
        self.locked(|bucket| {
            bucket.uploads.insert(id.clone(), upload);
            Ok(id)
        })
    }

    fn upload_part_now(&self, request: UploadPart) -> Result<ETag, StoreError> {
        rules::check_part_number(request.number)?;
        rules::check_body(request.body.len())?;
        let mut sums = rules::checked_sums(&request.body, request.checksum)?;
        self.locked(|bucket| {
            let upload = bucket.upload(&request.key, &request.upload_id)?;
            rules::check_part_key(upload.encryption.as_ref(), request.encryption.as_ref())?;
            sums.etag = self.tag(upload.encryption.as_ref(), sums.etag);
            let etag = sums.etag.clone();
            upload.parts.insert(request.number, (sums, request.body));
            Ok(etag)
        })
    }

    fn complete_upload_now(&self, request: &CompleteUpload) -> Result<Written, StoreError> {
        let last_modified = self.now();
        self.locked(|bucket| {
            let upload = bucket.upload(&request.key, &request.upload_id)?;
            let sums = rules::check_parts(request, |number| {
                let part = upload.parts.get(&number);
                Ok(part.map(|(sums, body)| (sums.clone(), body.len() as u64)))
            })?;
            let bodies: Vec<&[u8]> = request
                .parts
                .iter()
                .filter_map(|(number, _)| upload.parts.get(number).map(|(_, body)| &body[..]))
                .collect();
            let stored = Stored {
                body: bodies.concat().into(),
                etag: sums.etag,
                checksum: sums.checksum,
                encryption: upload.encryption.clone(),
                last_modified,
                attributes: upload.attributes.clone(),
            };
            let written = bucket.write(request.key.clone(), stored, &request.precondition)?;
            bucket.uploads.remove(&request.upload_id);
            Ok(written)
        })
    }

    fn list_uploads_now(&self, request: &ListUploads) -> Result<UploadsPage, StoreError> {
        self.locked(|bucket| {
            let uploads = bucket.uploads.iter().map(|(id, upload)| ListedUpload {
                key: upload.key.clone(),
                upload_id: id.clone(),
                initiated: upload.initiated,
            });
            listing::uploads_page(request, uploads.collect())
        })
    }

    fn list_parts_now(&self, request: &ListParts) -> Result<PartsPage, StoreError> {
        self.locked(|bucket| {
            let upload = bucket.upload(&request.key, &request.upload_id)?;
            let parts = upload
                .parts
                .iter()
                .map(|(number, (sums, body))| ListedPart {
                    number: *number,
                    etag: sums.etag.clone(),
                    size: body.len() as u64,
                    checksum: sums.checksum,
                });
            listing::parts_page(request, parts.collect())
        })
    }

    fn delete_bucket_now(&self) -> Result<(), StoreError> {
        let mut buckets = self.buckets();
        match buckets.get(&self.bucket) {
            None => Err(rules::no_such_bucket(&self.bucket)),
            Some(bucket) if !bucket.objects.is_empty() => {
                Err(rules::bucket_not_empty(&self.bucket))
            }
            Some(_) => {
                buckets.remove(&self.bucket);
                Ok(())
            }
        }
    }

    fn create_bucket_now(&self) -> Result<(), StoreError> {
        rules::check_bucket_name(&self.bucket)?;
        let mut buckets = self.buckets();
        if buckets.contains_key(&self.bucket) {
            return Err(rules::bucket_exists(&self.bucket));
        }
        buckets.insert(self.bucket.clone(), Bucket::default());
        Ok(())
    }
}

impl Bucket {
    fn object(&self, key: &str) -> Result<&Stored, StoreError> {
        self.objects.get(key).ok_or_else(|| rules::no_such_key(key))
    }

    fn write(
        &mut self,
        key: String,
        stored: Stored,
        precondition: &super::Precondition,
    ) -> Result<Written, StoreError> {
        let current = self.objects.get(&key).map(|stored| &stored.etag);
        rules::check_write(&key, current, precondition)?;
        let etag = stored.etag.clone();
        self.objects.insert(key, stored);
        Ok(Written { etag })
    }

    fn upload(&mut self, key: &str, id: &str) -> Result<&mut Upload, StoreError> {
        let upload = self.uploads.get_mut(id).filter(|upload| upload.key == key);
        upload.ok_or_else(|| rules::no_such_upload(id))
    }
}

impl Stored {
    fn meta(self) -> ObjectMeta {
        ObjectMeta {
            etag: self.etag,
            size: self.body.len() as u64,
            last_modified: Some(self.last_modified),
            content_type: Some(self.attributes.content_type),
            content_encoding: self.attributes.content_encoding,
            metadata: self.attributes.metadata,
            checksum: self.checksum,
            encryption: self.encryption,
        }
    }
}

/// The keys of one listing, each found by a search: what is rolled up is never walked through.
struct KeysOf<'a> {
    objects: &'a BTreeMap<String, Stored>,
    prefix: &'a str,
}

impl Keys for KeysOf<'_> {
    fn next(&mut self, from: Bound<&str>) -> Result<Option<String>, StoreError> {
        let from = match from {
            Bound::Included(key) | Bound::Excluded(key) if key >= self.prefix => from,
            _ => Bound::Included(self.prefix),
        };
        let mut beyond = self.objects.range::<str, _>((from, Bound::Unbounded));
        let first = beyond.next().map(|(key, _)| key);
        Ok(first.filter(|key| key.starts_with(self.prefix)).cloned())
    }

    fn object(&mut self, key: String) -> Result<Option<ListedObject>, StoreError> {
        Ok(self.objects.get(&key).map(|stored| ListedObject {
            key,
            etag: stored.etag.clone(),
            size: stored.body.len() as u64,
            last_modified: stored.last_modified,
        }))
    }
}

impl Store for MemoryStore {
    fn get(&self, request: GetObject) -> StoreFuture<'_, Object> {
        Box::pin(async move { self.get_now(&request) })
    }

    fn head(&self, key: &str) -> StoreFuture<'_, ObjectMeta> {
        let key = key.to_owned();
        Box::pin(async move { self.read(&key).map(Stored::meta) })
    }

    fn put<'a>(&'a self, request: &'a PutObject) -> StoreFuture<'a, Written> {
        Box::pin(async move { self.put_now(request) })
    }

    fn delete(&self, request: DeleteObject) -> StoreFuture<'_, ()> {
        Box::pin(async move { self.delete_now(&request) })
    }

    fn delete_many(
        &self,
        requests: Vec<DeleteObject>,
    ) -> StoreFuture<'_, Vec<Result<(), StoreError>>> {
        Box::pin(async move { self.delete_many_now(&requests) })
    }

    fn list(&self, request: ListObjects) -> StoreFuture<'_, Page> {
        Box::pin(async move { self.list_now(&request) })
    }

    fn copy(&self, request: CopyObject) -> StoreFuture<'_, Written> {
        Box::pin(async move { self.copy_now(&request) })
    }

    fn create_upload(&self, request: CreateUpload) -> StoreFuture<'_, String> {
        Box::pin(async move { self.create_upload_now(request) })
    }

    fn upload_part(&self, request: UploadPart) -> StoreFuture<'_, ETag> {
        Box::pin(async move { self.upload_part_now(request) })
    }

    fn complete_upload(&self, request: CompleteUpload) -> StoreFuture<'_, Written> {
        Box::pin(async move { self.complete_upload_now(&request) })
    }

    fn abort_upload(&self, key: &str, upload_id: &str) -> StoreFuture<'_, ()> {
        let (key, id) = (key.to_owned(), upload_id.to_owned());
        Box::pin(async move {
            self.locked(|bucket| {
                bucket.upload(&key, &id)?;
                bucket.uploads.remove(&id);
                Ok(())
            })
        })
    }

    fn list_uploads(&self, request: ListUploads) -> StoreFuture<'_, UploadsPage> {
        Box::pin(async move { self.list_uploads_now(&request) })
    }

    fn list_parts(&self, request: ListParts) -> StoreFuture<'_, PartsPage> {
        Box::pin(async move { self.list_parts_now(&request) })
    }

    fn service(&self) -> String {
        "memory:".to_owned()
    }

    fn bucket(&self) -> &str {
        &self.bucket
    }

    fn with_bucket(&self, bucket: &str) -> Result<Arc<dyn Store>, StoreError> {
        rules::check_bucket_name(bucket)?;
        Ok(Arc::new(Self {
            service: Arc::clone(&self.service),
            bucket: bucket.to_owned(),
        }))
    }

    fn head_bucket(&self) -> StoreFuture<'_, ()> {
        Box::pin(async move { self.locked(|_| Ok(())) })
    }

    fn create_bucket(&self) -> StoreFuture<'_, ()> {
        Box::pin(async move { self.create_bucket_now() })
    }

    fn delete_bucket(&self) -> StoreFuture<'_, ()> {
        Box::pin(async move { self.delete_bucket_now() })
    }

    fn list_buckets(&self) -> StoreFuture<'_, Vec<String>> {
        Box::pin(async move { Ok(self.buckets().keys().cloned().collect()) })
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("bucket", &self.bucket)
            .finish_non_exhaustive()
    }
}
