//! S3 over HTTP: this crate's own thin client.
//!
//! A request here costs little more CPU than hashing and sending its bytes, every condition of S3
//! can be asked for, every key can be addressed, and nothing is sent twice. What is not S3's own
//! stands on kept parts: `hyper` (HTTP/1.1), `rustls` (TLS), and `reqsign`'s
//! credential providers.
//!
//! - `config`, `endpoint`, `headers`, `profile`: what is asked for, checked.
//! - `credentials`, `keys`, `chain`, `secret`: who asks. `sign`: signatures.
//! - `connect`, `transport`, `gate`: connections, one request over one of them, and their end.
//! - `encryption`: encryption at rest, as headers.
//! - `request`, `calls`, `multipart`, `documents`, `xml`, `answer`: each call as a request, each answer as
//!   an outcome. `presign`: requests for others to make.
//! - `client`: the store that joins them. `rusoto`: the same store, its requests made by rusoto.
//!
//! HTTP proxies, access points and directory buckets are not supported.

mod answer;
mod calls;
mod chain;
mod client;
mod config;
mod connect;
mod credentials;
mod documents;
mod encryption;
mod endpoint;
mod gate;
mod headers;
mod keys;
mod multipart;
mod presign;
mod profile;
mod request;
#[cfg(feature = "rusoto")]
pub mod rusoto;
mod secret;
mod sign;
mod survey;
#[cfg(test)]
mod tests;
mod transport;
mod xml;

use std::sync::Arc;

pub use self::client::S3Store;
pub use self::config::{
    AddressingStyle, CannedAcl, CredentialSource, IpVersion, S3Config, TlsConfig,
};
pub use self::credentials::{CredentialFuture, CredentialProvider, Credentials};
pub(crate) use self::gate::Closer;
pub use self::keys::{AccessKeys, SecretSource};
pub use self::secret::Secret;
use super::{
    CompleteUpload, CopyObject, CreateUpload, DeleteObject, ETag, GetObject, ListObjects,
    ListParts, ListUploads, Object, ObjectMeta, Page, PartsPage, Presign, PresignedUrl, PutObject,
    Store, StoreError, StoreFuture, Survey, UploadPart, UploadsPage, Written,
};

impl Store for S3Store {
    fn get(&self, request: GetObject) -> StoreFuture<'_, Object> {
        Box::pin(self.get_object(request))
    }

    /// Where S3 answers 400 or 403, the second request tells the reason too.
    fn head(&self, key: &str) -> StoreFuture<'_, ObjectMeta> {
        Box::pin(self.head_object(key.to_owned()))
    }

    fn put<'a>(&'a self, request: &'a PutObject) -> StoreFuture<'a, Written> {
        Box::pin(self.put_object(request))
    }

    fn delete(&self, request: DeleteObject) -> StoreFuture<'_, ()> {
        Box::pin(self.delete_object(request))
    }

    /// One request more for each key with a character that XML cannot hold (controls).
    fn delete_many(
        &self,
        requests: Vec<DeleteObject>,
    ) -> StoreFuture<'_, Vec<Result<(), StoreError>>> {
        Box::pin(self.delete_objects(requests))
    }

    fn list(&self, request: ListObjects) -> StoreFuture<'_, Page> {
        Box::pin(self.list_objects(request))
    }

    fn copy(&self, request: CopyObject) -> StoreFuture<'_, Written> {
        Box::pin(self.copy_object(request))
    }

    fn create_upload(&self, request: CreateUpload) -> StoreFuture<'_, String> {
        Box::pin(self.start_upload(request))
    }

    fn upload_part(&self, request: UploadPart) -> StoreFuture<'_, ETag> {
        Box::pin(self.put_part(request))
    }

    fn complete_upload(&self, request: CompleteUpload) -> StoreFuture<'_, Written> {
        Box::pin(self.end_upload(request))
    }

    fn abort_upload(&self, key: &str, upload_id: &str) -> StoreFuture<'_, ()> {
        Box::pin(self.drop_upload(key.to_owned(), upload_id.to_owned()))
    }

    fn list_uploads(&self, request: ListUploads) -> StoreFuture<'_, UploadsPage> {
        Box::pin(self.list_all_uploads(request))
    }

    fn list_parts(&self, request: ListParts) -> StoreFuture<'_, PartsPage> {
        Box::pin(self.list_parts_of(request))
    }

    fn presign(&self, request: Presign) -> StoreFuture<'_, PresignedUrl> {
        Box::pin(self.presigned(request))
    }

    fn service(&self) -> String {
        self.origin()
    }

    fn survey<'a>(&'a self, scratch: &'a str) -> StoreFuture<'a, Survey> {
        Box::pin(self.survey_bucket(scratch))
    }

    fn bucket(&self) -> &str {
        self.bucket_name()
    }

    fn with_bucket(&self, bucket: &str) -> Result<Arc<dyn Store>, StoreError> {
        Ok(Arc::new(self.to_bucket_named(bucket)?))
    }

    fn head_bucket(&self) -> StoreFuture<'_, ()> {
        Box::pin(self.ask_bucket())
    }

    fn create_bucket(&self) -> StoreFuture<'_, ()> {
        Box::pin(self.make_bucket())
    }

    fn delete_bucket(&self) -> StoreFuture<'_, ()> {
        Box::pin(self.drop_bucket())
    }

    fn list_buckets(&self) -> StoreFuture<'_, Vec<String>> {
        Box::pin(self.buckets())
    }
}
