//! S3 through `rusoto_s3` and `rusoto_core`, for who must.
//!
//! rusoto has not been maintained since 2022. It knows no conditional write, has no timeout,
//! refuses plain HTTP, and brings an old TLS stack. Here it makes requests and signs them; what it
//! lacks comes from this crate's [`S3Store`]: connections with timeouts and a TLS of today, the
//! whole credential chain, and the outcome of an answer. So both stores behave alike, at two to
//! three times the CPU for this one. Choose the default unless your rules name rusoto.
//!
//! - `calls`: reads, listings of objects and buckets by `rusoto_s3`'s typed calls; writes, which they know
//!   no conditions of, and what has checksums, as `rusoto_core`'s signed requests.
//! - `dispatch`: between rusoto and this crate's connections.
//!
//! It addresses buckets in the path only, and signs with the system's clock. `rusoto_core` does not
//! compile without a TLS stack: its `rustls` 0.20 is built, and never runs.

mod calls;
mod dispatch;

use std::fmt;
use std::sync::Arc;

use rusoto_core::Region;

use super::{AddressingStyle, Closer, S3Config, S3Store};
use crate::env::Env;
use crate::error::Error;
use crate::store::{
    CompleteUpload, CopyObject, CreateUpload, DeleteObject, ETag, GetObject, ListObjects,
    ListParts, ListUploads, Object, ObjectMeta, Page, PartsPage, Presign, PresignedUrl, PutObject,
    Store, StoreError, StoreFuture, Survey, UploadPart, UploadsPage, Written,
};

/// A bucket of an S3 service, whose requests rusoto makes. Cheap to clone; clones share their
/// connections.
#[derive(Clone)]
pub struct RusotoStore {
    inner: S3Store,
    region: Region,
}

impl RusotoStore {
    /// A store over this configuration. It makes no request: whether the bucket is there is
    /// [`Store::head_bucket`]'s to say.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config): as [`S3Store::connect`], and for
    /// virtual-hosted style and extra `x-amz-` headers, which rusoto does not know.
    pub fn connect(mut config: S3Config, env: Env) -> Result<Self, Error> {
        if config.style == Some(AddressingStyle::Virtual) {
            return Err(Error::config(
                "rusoto does not know `style=virtual`",
                "write `style=path`, or choose the default store",
            ));
        }
        config.style = Some(AddressingStyle::Path);
        let inner = S3Store::connect(config, env)?;
        if let Some((name, _)) = inner.extra_headers().signed.first() {
            return Err(Error::config(
                format!("rusoto does not send the extra header `{name}`"),
                "leave it out, or choose the default store",
            ));
        }
        let region = Region::Custom {
            name: inner.region().to_owned(),
            endpoint: inner.origin(),
        };
        Ok(Self { inner, region })
    }
}

impl RusotoStore {
    /// A hand on this client that does not keep it.
    pub(crate) fn closer(&self) -> Closer {
        self.inner.closer()
    }
}

impl Store for RusotoStore {
    fn get(&self, request: GetObject) -> StoreFuture<'_, Object> {
        Box::pin(self.get_object(request))
    }

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

    /// By this crate's own client: rusoto signs no conditions into URLs.
    fn presign(&self, request: Presign) -> StoreFuture<'_, PresignedUrl> {
        Box::pin(self.inner.presigned(request))
    }

    fn service(&self) -> String {
        self.inner.origin()
    }

    /// By this crate's own client: rusoto has no way to lie about a body.
    fn survey<'a>(&'a self, scratch: &'a str) -> StoreFuture<'a, Survey> {
        Box::pin(self.inner.survey_bucket(scratch))
    }

    fn bucket(&self) -> &str {
        self.inner.bucket_name()
    }

    fn with_bucket(&self, bucket: &str) -> Result<Arc<dyn Store>, StoreError> {
        Ok(Arc::new(Self {
            inner: self.inner.to_bucket_named(bucket)?,
            region: self.region.clone(),
        }))
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

impl fmt::Debug for RusotoStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RusotoStore").field(&self.inner).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn config() -> S3Config {
        let mut config = S3Config::new("people");
        config.endpoint = Some("http://localhost:9000".to_owned());
        config
    }

    #[test]
    fn what_rusoto_does_not_know_is_refused_with_what_to_do() {
        let refused = |config| RusotoStore::connect(config, Env::system()).unwrap_err();
        let mut virtual_hosted = config();
        virtual_hosted.style = Some(AddressingStyle::Virtual);
        let error = refused(virtual_hosted);
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("`style=path`"), "{error}");
        let mut paid = config();
        paid.headers = vec![("x-amz-request-payer".to_owned(), "requester".to_owned())];
        let error = refused(paid);
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("x-amz-request-payer"), "{error}");
        assert!(RusotoStore::connect(config(), Env::system()).is_ok());
    }
}
