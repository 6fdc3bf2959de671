//! Reading a blob's bytes.

use std::ops::RangeBounds;

use bytes::Bytes;

use super::value::Blob;
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Metadata, ObjectMeta, StoreError, StoreErrorKind};
use crate::table::store_error;
use crate::upload::{Download, PresignGet};

impl Blob {
    /// Its bytes: a stream of them, in order, and an [`AsyncRead`](tokio::io::AsyncRead). Of the
    /// database of its row, whichever connection. No request before it is read.
    ///
    /// ```
    /// use tokio::io::AsyncReadExt as _;
    ///
    /// # use s3orm::{Blob, Db, S3Schema};
    /// # #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<id>")]
    /// # struct Person { id: u64, photo: Blob }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let db = s3orm::Db::connect("memory:").await?;
    /// # let photo = db.table::<Person>().blob().bytes("0123456789").await?;
    /// let mut text = String::new();
    /// photo.reader(&db).read_to_string(&mut text).await?;
    /// assert_eq!(text, "0123456789");
    /// assert_eq!(photo.range(&db, 3..6).bytes(100).await?, "345");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// None here. Reading ends in [`NotFound`](ErrorKind::NotFound) if the blob is gone, as it is an hour or more after
    /// its row was replaced or deleted, in [`Decode`](ErrorKind::Decode) if the bytes do not have its size and
    /// its SHA-256 (found with the last of them), and in the errors of the connection.
    ///
    /// # Cost
    /// 1 GET for each 8 MiB, as it is read.
    pub fn reader(&self, db: &Db) -> Download {
        Download::of_blob(db, self.object(db), self.meta(), Some(self.sha256), ..)
    }

    /// Some of its bytes; those that are beyond its end are left out. They are not checked by the SHA-256, which
    /// is of all of them, but are of the object that was uploaded, by its entity tag.
    ///
    /// # Errors
    /// As [`reader`](Self::reader); [`Conflict`](ErrorKind::Conflict) if the object is another, as it may be in a
    /// copy of the bucket: a whole read is checked without the tag.
    ///
    /// # Cost
    /// As [`reader`](Self::reader).
    pub fn range(&self, db: &Db, bytes: impl RangeBounds<u64>) -> Download {
        Download::of_blob(db, self.object(db), self.meta(), None, bytes)
    }

    /// All of its bytes, if they are no more than `limit`.
    ///
    /// # Errors
    /// [`LimitExceeded`](ErrorKind::LimitExceeded) if they are more: nothing was read then; and those
    /// of [`reader`](Self::reader).
    ///
    /// # Cost
    /// As [`reader`](Self::reader).
    pub async fn bytes(&self, db: &Db, limit: u64) -> Result<Bytes> {
        self.reader(db).bytes(limit).await
    }

    /// The key on the bucket.
    pub(super) fn object(&self, db: &Db) -> String {
        format!("{}{}", db.prefix(), self.id)
    }

    pub(super) fn meta(&self) -> ObjectMeta {
        ObjectMeta {
            etag: self.etag.clone(),
            size: self.size,
            last_modified: None,
            content_type: self.content_type.clone(),
            content_encoding: None,
            metadata: Metadata::new(),
            checksum: None,
            encryption: None,
        }
    }

    /// Signs a URL that reads it: as [`Db::presign_get`], whose options it has. It works until the blob is
    /// gone, whatever becomes of the row.
    pub fn presign_get(&self, db: &Db) -> PresignGet {
        PresignGet::of_own(db, &self.key())
    }
}

/// The error of a read of a blob's object, or of a copy from it.
pub(crate) fn broken(error: StoreError, key: &str) -> Error {
    let (kind, detail, help) = match error.kind() {
        StoreErrorKind::NotFound => (
            ErrorKind::NotFound,
            "the blob is gone",
            "its row was replaced or deleted over an hour ago: read the row again",
        ),
        StoreErrorKind::PreconditionFailed => (
            ErrorKind::Conflict,
            "the blob's object is not the one that was uploaded",
            "somebody wrote over it, or the bucket is a copy: read it whole",
        ),
        StoreErrorKind::TooLarge | StoreErrorKind::InvalidRange => (
            ErrorKind::Decode,
            "the blob's object does not have the size that the row says",
            "somebody wrote over it",
        ),
        _ => return store_error(error, Some(key.to_owned())),
    };
    let error = Error::new(kind, detail).with_source(error);
    error.with_help(help).with_key(key)
}
