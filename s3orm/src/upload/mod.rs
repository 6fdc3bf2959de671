//! Large objects: uploads in parts, downloads in ranges, and signed URLs.
//!
//! An object is not a row: its key is any text under the database's prefix, and its bytes are
//! what they are. Nothing here is in memory as a whole.
//!
//! ```
//! use s3orm::Db;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
//! let db = Db::connect("memory:").await?;
//!
//! let mut uploader = db.upload("videos/1.mp4").content_type("video/mp4").start();
//! for _ in 0..100 {
//!     uploader.write(vec![7; 100_000]).await?;
//! }
//! let uploaded = uploader.complete().await?;
//! assert_eq!((uploaded.size, uploaded.parts), (10_000_000, 2));
//!
//! let video = db.download("videos/1.mp4").await?.expect("it was uploaded");
//! assert_eq!(video.size(), 10_000_000);
//! let bytes = video.bytes(20_000_000).await?;                  // checked by its checksum
//! assert!(bytes.iter().all(|byte| *byte == 7));
//! # Ok(()) }
//! ```
//!
//! # Uploads
//!
//! [`Db::upload`] takes the options; [`start`](Upload::start) makes an [`Uploader`] to write to, also as
//! a [`tokio::io::AsyncWrite`], and [`stream`](Upload::stream), [`reader`](Upload::reader),
//! [`bytes`](Upload::bytes) and [`again`](Upload::again) upload what they are given. What fits into one part is one PUT. From
//! there on, parts are sent while the next is filled, at most [`parallel`](Upload::parallel) at a
//! time, so that memory holds so many parts and one more. Parts are 5 MiB long, and grow after the
//! thousandth so that 10,000 of them hold S3's largest object.
//!
//! The object appears when [`complete`](Uploader::complete) is answered, whole or not at all.
//!
//! | [`complete`](Uploader::complete) is answered | meaning | what the caller gets |
//! |---|---|---|
//! | 200 | applied | [`Uploaded`] |
//! | 412, and the object has our write id | applied (something on the way sent it twice) | [`Uploaded`] |
//! | 412 otherwise, 404 of `If-Match` | not applied | `AlreadyExists`, `Conflict` |
//! | 409 | not applied, and the upload is spent | from a source that can be read [again](Upload::again): a new upload of every part, up to three times; else `Conflict` |
//! | 404 `NoSuchUpload` | spent: perhaps by our own completion | found by the write id: [`Uploaded`]; else `OutcomeUnknown` |
//! | 500, a lost answer, an error in the body of a 200 | unknown | found by the write id: [`Uploaded`]; else it is sent again, which cannot apply it twice; in the end `OutcomeUnknown` |
//!
//! The write id is user metadata, which S3 takes when the upload is created. Whatever the outcome,
//! an upload that made no object is aborted: by `complete` itself, by [`abort`](Uploader::abort),
//! when the uploader is dropped (as far as a program that ends can: the abort is a task), and in the
//! end by [`Db::sweep_uploads`], which ends what is old. Until then S3 bills the parts.
//!
//! [`Db::uploads`] lists what is unfinished, and [`Upload::resume`] goes on with it: parts that the store
//! has, by their checksum, are not sent again.
//!
//! # Checksums
//!
//! Each part is sent with its CRC-64/NVME and a signature of its SHA-256, and the completion with the
//! CRC-64/NVME of the whole, so that S3 refuses what is not what was written. S3 keeps it, and a
//! download of the whole object is checked against it before its last bytes are handed out. A store
//! that does not keep checksums cannot be asked for them ([`Download::checksum`] tells), and one that
//! refuses them needs [`without_checksum`](Upload::without_checksum).
//!
//! # Downloads
//!
//! [`Db::download`] asks for the object's size and version, then reads it in ranges, some at a time, each on the
//! condition that the object still has that version. If somebody replaces it meanwhile, the download
//! ends in [`Conflict`](crate::ErrorKind::Conflict): what was handed out is one version's, never a mix.
//!
//! # Signed URLs
//!
//! [`Db::presign_get`] and [`Db::presign_put`] let somebody without credentials read or write one object for some minutes.

mod download;
mod finish;
mod parts;
mod plan;
mod pool;
mod presign;
mod request;
mod session;
mod source;
mod unfinished;
mod uploader;

pub use self::download::{Download, DownloadRequest};
pub use self::presign::{PresignGet, PresignPut};
pub use self::request::{Upload, Uploaded};
pub(crate) use self::source::{read_some, unreadable};
pub use self::unfinished::{Sweep, Swept, Unfinished};
pub use self::uploader::Uploader;
pub use crate::store::{Checksum, PresignedUrl};

use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::store::{StoreError, StoreErrorKind, check_key};
use crate::table::store_error;
use crate::write::Failure;

/// The object's key on the bucket.
fn object_key(db: &Db, key: &str) -> Result<String> {
    let wrong = |detail: String| {
        let error = Error::new(ErrorKind::InvalidKey, detail);
        Err(error.with_help("write what follows the database's prefix: `videos/1.mp4`"))
    };
    if key.is_empty() {
        return wrong("the key is empty".to_owned());
    }
    if key.starts_with("_s3orm/") {
        return wrong(format!("`{}` is the library's own", key.escape_debug()));
    }
    let key = format!("{}{key}", db.prefix());
    check_key(&key).map_err(|error| store_error(error, None))?;
    Ok(key)
}

/// The error of an upload's end: `refused` where the condition did not hold.
fn upload_error(failure: Failure, key: &str, refused: ErrorKind) -> Error {
    match failure {
        Failure::Refused(error) => match error.kind() {
            StoreErrorKind::Conflict => Error::new(
                ErrorKind::Conflict,
                "another write of this key was under way; nothing was written",
            )
            .with_help("upload it again, from a source that can be read again by `Upload::again`")
            .with_source(error)
            .with_key(key),
            StoreErrorKind::PreconditionFailed | StoreErrorKind::NotFound => {
                let detail = match refused {
                    ErrorKind::AlreadyExists => "an object with this key exists",
                    _ => "the object was changed or deleted since; nothing was written",
                };
                Error::new(refused, detail).with_source(error).with_key(key)
            }
            _ => part_error(error, key),
        },
        Failure::Unknown(error) => Error::new(
            ErrorKind::OutcomeUnknown,
            "the answer was lost, and the object does not tell whether the upload was completed",
        )
        .with_help("it may be there now, later or never: look before you upload it again")
        .with_source(error)
        .with_key(key),
    }
}

/// The error of a request of an upload that was not completed.
fn part_error(error: StoreError, key: &str) -> Error {
    if error.kind() == StoreErrorKind::NoSuchUpload {
        return Error::new(
            ErrorKind::Conflict,
            "somebody ended the upload; nothing was written",
        )
        .with_help("upload it again; a sweep or a lifecycle rule may be too eager")
        .with_source(error)
        .with_key(key);
    }
    store_error(error, Some(key.to_owned()))
}
