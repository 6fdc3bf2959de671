//! Multipart uploads, as the seam has them: their requests and answers.

use std::time::SystemTime;

use bytes::Bytes;

use super::rules::etag_of;
use super::{AtRest, Checksum, ETag, Metadata, Precondition};

/// The start of a multipart upload.
#[derive(Debug, Clone, Default)]
pub struct CreateUpload {
    /// The object.
    pub key: String,
    /// `application/octet-stream` if none.
    pub content_type: Option<String>,
    /// As [`PutObject::content_encoding`](super::PutObject::content_encoding).
    pub content_encoding: Option<String>,
    /// User metadata.
    pub metadata: Metadata,
    /// Whether its parts will come with checksums.
    pub checksums: bool,
    /// How to encrypt the object at rest; as the bucket says if none.
    pub encryption: Option<AtRest>,
}

/// One part of an upload.
#[derive(Debug, Clone, Default)]
pub struct UploadPart {
    /// The object.
    pub key: String,
    /// The upload.
    pub upload_id: String,
    /// 1 to 10,000.
    pub number: u16,
    /// Its bytes.
    pub body: Bytes,
    /// Refuse the part if its bytes have another.
    pub checksum: Option<Checksum>,
    /// The customer's key that the upload was begun with. A connection with a key says it by itself.
    pub encryption: Option<AtRest>,
}

/// The end of a multipart upload.
#[derive(Debug, Clone)]
pub struct CompleteUpload {
    /// The object.
    pub key: String,
    /// The upload.
    pub upload_id: String,
    /// The parts' numbers, ascending, with the tags that
    /// [`upload_part`](super::Store::upload_part) answered.
    pub parts: Vec<(u16, ETag)>,
    /// When to apply it.
    pub precondition: Precondition,
    /// Refuse the object if its bytes have another.
    pub checksum: Option<Checksum>,
}

/// One page of the uploads that were begun and neither completed nor aborted.
#[derive(Debug, Clone, Default)]
pub struct ListUploads {
    /// Only of keys that start with it.
    pub prefix: String,
    /// Where the page before ended: its [`UploadsPage::next`].
    pub after: Option<UploadMarker>,
    /// Uploads at most, 1 to 1,000; 1,000 if none.
    pub limit: Option<u16>,
}

/// Where a page of uploads ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadMarker {
    /// The last upload's object.
    pub key: String,
    /// The last upload.
    pub upload_id: String,
}

/// A page of unfinished uploads.
#[derive(Debug, Clone, Default)]
pub struct UploadsPage {
    /// The uploads, in byte order of their keys.
    pub uploads: Vec<ListedUpload>,
    /// Where the next page goes on; `None` after the last.
    pub next: Option<UploadMarker>,
}

/// An unfinished upload as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedUpload {
    /// The object that it would make.
    pub key: String,
    /// Its id.
    pub upload_id: String,
    /// When it was begun, by the store's clock.
    pub initiated: SystemTime,
}

/// One page of the parts of an unfinished upload.
#[derive(Debug, Clone, Default)]
pub struct ListParts {
    /// The object.
    pub key: String,
    /// The upload.
    pub upload_id: String,
    /// Only parts with a higher number.
    pub after: u16,
    /// Parts at most, 1 to 1,000; 1,000 if none.
    pub limit: Option<u16>,
}

/// A page of the parts of an upload.
#[derive(Debug, Clone, Default)]
pub struct PartsPage {
    /// The parts, by number.
    pub parts: Vec<ListedPart>,
    /// [`ListParts::after`] of the next page; `None` after the last.
    pub next: Option<u16>,
}

/// A part as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPart {
    /// 1 to 10,000.
    pub number: u16,
    /// Its tag.
    pub etag: ETag,
    /// Bytes.
    pub size: u64,
    /// Of its bytes, where the store tells.
    pub checksum: Option<Checksum>,
}

impl ListedPart {
    /// Whether it certainly holds these bytes. Its tag may be their MD5, and proves nothing if not.
    pub(crate) fn holds(&self, body: &[u8], checksum: Option<Checksum>) -> bool {
        self.size == body.len() as u64
            && match (self.checksum, checksum) {
                (Some(kept), Some(checksum)) => kept == checksum,
                _ => self.etag == etag_of(body),
            }
    }
}
