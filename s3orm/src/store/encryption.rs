//! How the store encrypts objects at rest, and the layer that says so with every write.
//!
//! What a write asks for is, from the strongest: what the request says itself, the table's, the
//! task's and the application's setting, and what the bucket does by itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    CompleteUpload, CopyObject, CreateUpload, DeleteObject, ETag, GetObject, ListObjects,
    ListParts, ListUploads, Object, ObjectMeta, Page, PartsPage, Presign, PresignedUrl, PutObject,
    Store, StoreError, StoreFuture, Survey, UploadPart, UploadsPage, Written,
};
use crate::settings;

/// Encryption at rest by keys that the service keeps. Readers need not say it, only be allowed to use
/// the key.
///
/// ```
/// use s3orm::{Encryption, KmsKey};
///
/// let plain = Encryption::S3;
/// let own_key = Encryption::Kms(
///     KmsKey::new("arn:aws:kms:eu-north-1:111122223333:key/people").context("table", "people"),
/// );
/// assert_ne!(plain, own_key);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encryption {
    /// SSE-S3 (`AES256`): by a key of S3's own.
    S3,
    /// SSE-KMS (`aws:kms`): by a key of AWS's key management service. Its entity tags are not the
    /// MD5 of the bytes, and its requests to KMS are billed.
    Kms(KmsKey),
}

/// A key of AWS's key management service, and how it is used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KmsKey {
    pub(crate) id: Option<Arc<str>>,
    pub(crate) context: Arc<BTreeMap<String, String>>,
    pub(crate) bucket_key: Option<bool>,
}

impl KmsKey {
    /// The key with this id, ARN or alias.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self {
            id: Some(id.into()),
            ..Self::default()
        }
    }

    /// AWS's own key of the account for S3 (`aws/s3`).
    pub fn aws_managed() -> Self {
        Self::default()
    }

    /// Adds to the encryption context: what KMS's log and a key's policy see of each use. It is not
    /// secret, and the service keeps it with the object.
    #[must_use]
    pub fn context(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.context).insert(name.into(), value.into());
        self
    }

    /// Whether S3 derives the objects' keys from one of the bucket, which spares most requests to
    /// KMS; what the bucket says, unless set.
    #[must_use]
    pub fn bucket_key(mut self, enabled: bool) -> Self {
        self.bucket_key = Some(enabled);
        self
    }

    /// The key's id, ARN or alias; none of AWS's own.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

/// How an object is encrypted at rest, as the seam has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AtRest {
    /// By a key that the service keeps.
    Service(Encryption),
    /// SSE-C: by a key that every request must bring along. The connection has it; here it is known
    /// by its MD5 alone, in base64, which is how the service tells it from others.
    Customer {
        /// The MD5 of the key's 32 bytes.
        key_md5: String,
    },
}

impl AtRest {
    /// Whether the entity tags of such objects are the MD5 of their bytes.
    pub(crate) fn tags_are_md5(encryption: Option<&Self>) -> bool {
        matches!(encryption, None | Some(Self::Service(Encryption::S3)))
    }

    /// The MD5 of the customer's key, if it is one.
    #[cfg(feature = "server")]
    pub(crate) fn customer(&self) -> Option<&str> {
        match self {
            Self::Customer { key_md5 } => Some(key_md5),
            Self::Service(_) => None,
        }
    }
}

/// A store whose writes say how they are to be encrypted, unless they say so themselves.
#[derive(Debug, Clone)]
pub(crate) struct EncryptStore {
    pub(crate) inner: Arc<dyn Store>,
    /// The table's: over the task's.
    pub(crate) table: Option<Encryption>,
    /// The application's: under the task's.
    pub(crate) application: Option<Encryption>,
}

impl EncryptStore {
    /// What a write that says nothing itself is encrypted with.
    fn encryption(&self, own: Option<&AtRest>) -> Option<AtRest> {
        if own.is_some() {
            return None;
        }
        let set = self.table.clone();
        let set = set.or_else(|| settings::current().encryption);
        set.or_else(|| self.application.clone())
            .map(AtRest::Service)
    }
}

impl Store for EncryptStore {
    fn get(&self, request: GetObject) -> StoreFuture<'_, Object> {
        self.inner.get(request)
    }

    fn head(&self, key: &str) -> StoreFuture<'_, ObjectMeta> {
        self.inner.head(key)
    }

    fn put<'a>(&'a self, request: &'a PutObject) -> StoreFuture<'a, Written> {
        let Some(encryption) = self.encryption(request.encryption.as_ref()) else {
            return self.inner.put(request);
        };
        let request = PutObject {
            encryption: Some(encryption),
            ..request.clone()
        };
        Box::pin(async move { self.inner.put(&request).await })
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

    fn copy(&self, mut request: CopyObject) -> StoreFuture<'_, Written> {
        let encryption = self.encryption(request.encryption.as_ref());
        request.encryption = request.encryption.or(encryption);
        self.inner.copy(request)
    }

    fn create_upload(&self, mut request: CreateUpload) -> StoreFuture<'_, String> {
        let encryption = self.encryption(request.encryption.as_ref());
        request.encryption = request.encryption.or(encryption);
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

    fn presign(&self, mut request: Presign) -> StoreFuture<'_, PresignedUrl> {
        let encryption = self.encryption(request.encryption.as_ref());
        request.encryption = request.encryption.or(encryption);
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
        Ok(Arc::new(Self {
            inner: self.inner.with_bucket(bucket)?,
            ..self.clone()
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
