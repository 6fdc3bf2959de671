//! The seam to S3: one trait in S3's own vocabulary, and its request and answer types.
//!
//! A [`Store`] is one bucket. It answers with S3's exact outcome (a 412, a 404, a 409 and a lost
//! answer are four different things) and **never sends a request twice**; retries are the `retry`
//! layer's, read-back of lost answers is `write`'s.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

#[cfg(feature = "cache")]
pub mod cache;
mod checksum;
#[cfg(all(feature = "dir", unix))]
pub mod dir;
mod encryption;
mod error;
mod layers;
mod listing;
pub mod memory;
mod presign;
pub mod retry;
mod rules;
#[cfg(feature = "s3")]
pub mod s3;
mod survey;
pub(crate) mod time;
pub mod trace;
mod upload;

pub use self::checksum::{Checksum, NoChecksum};
pub(crate) use self::encryption::EncryptStore;
pub use self::encryption::{AtRest, Encryption, KmsKey};
pub use self::error::{StoreError, StoreErrorKind};
pub(crate) use self::layers::Layers;
pub use self::presign::{Presign, PresignedAccess, PresignedUrl};
pub(crate) use self::rules::{hex, unhex};
#[cfg(feature = "rusoto")]
pub use self::s3::rusoto;
pub use self::survey::{LifecycleRule, Survey, Versioning};
pub use self::upload::{
    CompleteUpload, CreateUpload, ListParts, ListUploads, ListedPart, ListedUpload, PartsPage,
    UploadMarker, UploadPart, UploadsPage,
};

/// What a store's call returns: a boxed future, so that the trait is object-safe.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// One bucket of an S3 service, or what behaves like one.
///
/// Keys are 1 to 1,024 bytes of UTF-8, compared as bytes; any such key is valid. Every call is one
/// request unless it says otherwise.
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Reads an object, or a range of it.
    fn get(&self, request: GetObject) -> StoreFuture<'_, Object>;

    /// Reads an object's metadata. S3 answers a `HEAD` without a reason, so where it answers 404
    /// one more request (a `GET` of one byte) tells an absent object from an absent bucket.
    fn head(&self, key: &str) -> StoreFuture<'_, ObjectMeta>;

    /// Writes an object. By reference: who writes needs the request again, to send it once more or
    /// to look for what became of it.
    fn put<'a>(&'a self, request: &'a PutObject) -> StoreFuture<'a, Written>;

    /// Deletes an object. Without a precondition, deleting what is not there succeeds.
    fn delete(&self, request: DeleteObject) -> StoreFuture<'_, ()>;

    /// Deletes up to 1,000 objects; one outcome for each, in the order given.
    fn delete_many(
        &self,
        requests: Vec<DeleteObject>,
    ) -> StoreFuture<'_, Vec<Result<(), StoreError>>>;

    /// One page of a listing, in byte order of the keys.
    fn list(&self, request: ListObjects) -> StoreFuture<'_, Page>;

    /// Copies an object within the service.
    fn copy(&self, request: CopyObject) -> StoreFuture<'_, Written>;

    /// Starts a multipart upload; the answer is its id.
    fn create_upload(&self, request: CreateUpload) -> StoreFuture<'_, String>;

    /// Uploads one part (number 1 to 10,000; 5 MiB at least, but for the last).
    fn upload_part(&self, request: UploadPart) -> StoreFuture<'_, ETag>;

    /// Makes the object of its parts.
    fn complete_upload(&self, request: CompleteUpload) -> StoreFuture<'_, Written>;

    /// Drops an upload and its parts.
    fn abort_upload(&self, key: &str, upload_id: &str) -> StoreFuture<'_, ()>;

    /// One page of the uploads that were begun and neither completed nor aborted, in byte order of
    /// their keys.
    fn list_uploads(&self, request: ListUploads) -> StoreFuture<'_, UploadsPage>;

    /// One page of the parts that an unfinished upload has.
    fn list_parts(&self, request: ListParts) -> StoreFuture<'_, PartsPage>;

    /// Signs a request for somebody else to make. No request, but for credentials where they have
    /// to be fetched. [`StoreErrorKind::Unsupported`] where there are no URLs.
    fn presign(&self, request: Presign) -> StoreFuture<'_, PresignedUrl> {
        let _ = request;
        let nobody = StoreError::new(StoreErrorKind::Unsupported, "only `s3://` has signed URLs");
        Box::pin(std::future::ready(Err(nobody)))
    }

    /// Which service this is, for a person and to tell one from another: `https://host`,
    /// `file:/folder`, `memory:`; empty where nobody knows. No request.
    fn service(&self) -> String {
        String::new()
    }

    /// Asks the service about itself and about the bucket's settings: 6 requests. Three of them
    /// write to `scratch` what a service that checks its input refuses; deleting what others took
    /// is the caller's. [`StoreErrorKind::Unsupported`] where there is nobody to ask.
    fn survey<'a>(&'a self, scratch: &'a str) -> StoreFuture<'a, Survey> {
        let _ = scratch;
        let nobody = StoreError::new(StoreErrorKind::Unsupported, "there is no service to ask");
        Box::pin(std::future::ready(Err(nobody)))
    }

    /// The bucket's name.
    fn bucket(&self) -> &str;

    /// The same service and credentials, with another bucket. No request.
    fn with_bucket(&self, bucket: &str) -> Result<Arc<dyn Store>, StoreError>;

    /// Whether the bucket exists and may be read: `NoSuchBucket` or `Denied` otherwise.
    fn head_bucket(&self) -> StoreFuture<'_, ()>;

    /// Creates the bucket; [`StoreErrorKind::BucketExists`] if it is there.
    fn create_bucket(&self) -> StoreFuture<'_, ()>;

    /// Deletes the bucket, which must be empty ([`StoreErrorKind::BucketNotEmpty`]).
    fn delete_bucket(&self) -> StoreFuture<'_, ()>;

    /// The names of the buckets of these credentials, in order.
    fn list_buckets(&self) -> StoreFuture<'_, Vec<String>>;
}

/// An entity tag: opaque, compared verbatim, without its quotes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ETag(Box<str>);

impl ETag {
    /// From a header's value, with or without quotes.
    pub fn new(text: &str) -> Self {
        Self(text.trim().trim_matches('"').into())
    }

    /// Without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As a header's value: in quotes.
    pub fn quoted(&self) -> String {
        format!("\"{}\"", self.0)
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What must hold of the object for a write to be applied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    #[default]
    None,
    /// There is no object (`If-None-Match: *`). Not for deletes.
    IfAbsent,
    /// There is an object, whatever it holds (`If-Match: *`).
    IfPresent,
    /// The object has this entity tag (`If-Match`).
    IfMatch(ETag),
}

/// User metadata (`x-amz-meta-…`): names, which come back in lower case, and values of visible ASCII
/// with single spaces inside. S3 takes at most 2 KB of it, names and values together.
pub type Metadata = BTreeMap<String, String>;

/// The bytes of an object to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteRange {
    /// From an offset to the end.
    From(u64),
    /// `start..end`, the end excluded. S3 cuts it at the object's end.
    Span(u64, u64),
    /// The last bytes.
    Last(u64),
}

/// A read.
#[derive(Debug, Clone, Default)]
pub struct GetObject {
    /// The object.
    pub key: String,
    /// Only these bytes.
    pub range: Option<ByteRange>,
    /// Only this version: 412 otherwise.
    pub if_match: Option<ETag>,
    /// Only another version: [`StoreErrorKind::NotModified`] otherwise.
    pub if_none_match: Option<ETag>,
    /// Refuse a body that is larger ([`StoreErrorKind::TooLarge`]) before reading it.
    pub max_bytes: Option<u64>,
}

/// A write.
#[derive(Debug, Clone, Default)]
pub struct PutObject {
    /// The object.
    pub key: String,
    /// Its bytes, up to 5 GiB.
    pub body: Bytes,
    /// When to apply it.
    pub precondition: Precondition,
    /// `application/octet-stream` if none.
    pub content_type: Option<Cow<'static, str>>,
    /// What must be undone to get at the content (`Content-Encoding`), such as `zstd`. No store does
    /// it: bytes come back as they were written.
    pub content_encoding: Option<Cow<'static, str>>,
    /// User metadata.
    pub metadata: Metadata,
    /// Refuse the body if its bytes have another.
    pub checksum: Option<Checksum>,
    /// How to encrypt it at rest; as the bucket says if none.
    pub encryption: Option<AtRest>,
}

/// A deletion.
#[derive(Debug, Clone, Default)]
pub struct DeleteObject {
    /// The object.
    pub key: String,
    /// When to apply it.
    pub precondition: Precondition,
}

/// One page of a listing.
#[derive(Debug, Clone, Default)]
pub struct ListObjects {
    /// Only keys that start with it.
    pub prefix: String,
    /// Keys that have it after the prefix are rolled up into [`Page::prefixes`].
    pub delimiter: Option<char>,
    /// Where to begin.
    pub start: ListStart,
    /// Keys and prefixes at most, 1 to 1,000; 1,000 if none.
    pub limit: Option<u16>,
}

/// Where a page begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ListStart {
    /// At the first key.
    #[default]
    First,
    /// After this key, whether or not it exists.
    After(String),
    /// Where the page with this [`Page::next`] ended.
    Token(String),
}

/// A page of a listing.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The objects, in byte order of their keys.
    pub objects: Vec<ListedObject>,
    /// The common prefixes, in byte order.
    pub prefixes: Vec<String>,
    /// The token of the next page; `None` after the last.
    pub next: Option<String>,
}

/// An object as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// The key.
    pub key: String,
    /// The entity tag.
    pub etag: ETag,
    /// Bytes.
    pub size: u64,
    /// When it was written.
    pub last_modified: SystemTime,
}

/// An object's metadata.
#[derive(Debug, Clone)]
pub struct ObjectMeta {
    /// The entity tag.
    pub etag: ETag,
    /// Bytes of the whole object, also where a range was read.
    pub size: u64,
    /// When it was written, to the second.
    pub last_modified: Option<SystemTime>,
    /// The media type.
    pub content_type: Option<String>,
    /// What must be undone to get at the content, as [`PutObject::content_encoding`].
    pub content_encoding: Option<String>,
    /// User metadata.
    pub metadata: Metadata,
    /// Of the whole object's bytes: of a `HEAD`, where the store keeps it; a read need not tell.
    pub checksum: Option<Checksum>,
    /// How it is encrypted at rest, where the store tells.
    pub encryption: Option<AtRest>,
}

/// What is said of an object beside its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Description {
    /// `application/octet-stream` if none.
    pub content_type: Option<String>,
    /// As [`PutObject::content_encoding`].
    pub content_encoding: Option<String>,
    /// User metadata.
    pub metadata: Metadata,
}

/// An object that was read.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its metadata.
    pub meta: ObjectMeta,
    /// Its bytes, or those of the range.
    pub body: Bytes,
}

/// A copy within the service.
#[derive(Debug, Clone, Default)]
pub struct CopyObject {
    /// The bucket of the source, where it is another.
    pub source_bucket: Option<String>,
    /// The source.
    pub source: String,
    /// Only this version of the source: 412 otherwise.
    pub source_if_match: Option<ETag>,
    /// The destination.
    pub key: String,
    /// When to apply it, by the destination.
    pub precondition: Precondition,
    /// What is said of the destination; what is said of the source if none.
    pub replace: Option<Description>,
    /// How to encrypt the destination at rest; as the bucket says if none, whatever the source is.
    pub encryption: Option<AtRest>,
}

/// What a write answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The new object's entity tag.
    pub etag: ETag,
}

/// Checks what S3 checks of every key before any request: 1 to 1,024 bytes.
pub(crate) fn check_key(key: &str) -> Result<(), StoreError> {
    const MAX: usize = 1024;
    match key.len() {
        1..=MAX => Ok(()),
        0 => Err(StoreError::new(
            StoreErrorKind::InvalidKey,
            "an object key cannot be empty",
        )),
        len => Err(StoreError::new(
            StoreErrorKind::InvalidKey,
            format!("the key is {len} bytes long; S3 takes {MAX}"),
        )),
    }
}
