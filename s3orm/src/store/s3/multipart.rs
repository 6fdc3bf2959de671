//! The calls of multipart uploads.

use std::borrow::Cow;

use http::{HeaderName, HeaderValue, Method, header};

use super::answer::{bad_answer, etag};
use super::calls::{content_type, page_limit};
use super::client::S3Store;
use super::documents::{completion, field, read_parts, read_uploads};
use super::request::{Draft, invalid};
use super::transport::Answer;
use crate::store::{
    CompleteUpload, CreateUpload, ETag, ListParts, ListUploads, PartsPage, StoreError, UploadPart,
    UploadsPage, Written, check_key,
};

/// What the checksums of the parts are, and that they add up to the whole object's.
const CHECKSUMS: [(HeaderName, HeaderValue); 2] = [
    (
        HeaderName::from_static("x-amz-checksum-algorithm"),
        HeaderValue::from_static("CRC64NVME"),
    ),
    (
        HeaderName::from_static("x-amz-checksum-type"),
        HeaderValue::from_static("FULL_OBJECT"),
    ),
];

type Result<T> = std::result::Result<T, StoreError>;

impl S3Store {
    pub(super) async fn start_upload(&self, request: CreateUpload) -> Result<String> {
        upload_id(&self.send(self.start(request)?).await?)
    }

    pub(super) fn start(&self, request: CreateUpload) -> Result<Draft> {
        check_key(&request.key)?;
        let mut draft = self
            .to_key(Method::POST, &request.key)
            .query("uploads", "")
            .header(
                header::CONTENT_TYPE,
                content_type(request.content_type.map(Cow::Owned))?,
            )
            .content_encoding(request.content_encoding.map(Cow::Owned))?
            .metadata(&request.metadata)?
            .encryption(request.encryption.as_ref(), self.customer_key())?;
        if request.checksums {
            for (name, value) in CHECKSUMS {
                draft = draft.header(name, value);
            }
        }
        Ok(draft.headers(&self.extra_headers().upload))
    }

    pub(super) async fn put_part(&self, request: UploadPart) -> Result<ETag> {
        etag(&self.send(self.part(request)?).await?)
    }

    pub(super) fn part(&self, request: UploadPart) -> Result<Draft> {
        check_key(&request.key)?;
        let number = request.number;
        if !(1..=10_000).contains(&number) {
            return Err(invalid(format!(
                "part number {number}; S3 takes 1 to 10,000"
            )));
        }
        Ok(self
            .to_key(Method::PUT, &request.key)
            .query("partNumber", &number.to_string())
            .query("uploadId", &request.upload_id)
            .encryption(request.encryption.as_ref(), self.customer_key())?
            .checksum(request.checksum)?
            .body(request.body))
    }

    pub(super) async fn end_upload(&self, request: CompleteUpload) -> Result<Written> {
        let answer = self.send(self.completion(&request)?).await?;
        self.completed(&answer)
    }

    pub(super) fn completion(&self, request: &CompleteUpload) -> Result<Draft> {
        check_key(&request.key)?;
        Ok(self
            .to_key(Method::POST, &request.key)
            .query("uploadId", &request.upload_id)
            .precondition(&request.precondition)?
            .checksum(request.checksum)?
            // S3 wants it of an upload with checksums.
            .customer_key(self.customer_key())
            .body(completion(&request.parts)))
    }

    pub(super) fn completed(&self, answer: &Answer) -> Result<Written> {
        self.written_late(answer, "CompleteMultipartUploadResult")
    }

    pub(super) async fn drop_upload(&self, key: String, upload_id: String) -> Result<()> {
        check_key(&key)?;
        let draft = self
            .to_key(Method::DELETE, &key)
            .query("uploadId", &upload_id);
        self.send(draft).await.map(drop)
    }

    pub(super) async fn list_all_uploads(&self, request: ListUploads) -> Result<UploadsPage> {
        read_uploads(&self.send(self.uploads(&request)?).await?)
    }

    pub(super) fn uploads(&self, request: &ListUploads) -> Result<Draft> {
        let limit = page_limit(request.limit)?;
        // In the order of their names, as signatures want them.
        let mut draft = self.to_bucket(Method::GET).query("encoding-type", "url");
        if let Some(marker) = &request.after {
            draft = draft.query("key-marker", &marker.key);
        }
        draft = draft.query("max-uploads", &limit.to_string());
        if !request.prefix.is_empty() {
            draft = draft.query("prefix", &request.prefix);
        }
        if let Some(marker) = &request.after {
            draft = draft.query("upload-id-marker", &marker.upload_id);
        }
        Ok(draft.query("uploads", ""))
    }

    pub(super) async fn list_parts_of(&self, request: ListParts) -> Result<PartsPage> {
        read_parts(&self.send(self.parts(&request)?).await?)
    }

    pub(super) fn parts(&self, request: &ListParts) -> Result<Draft> {
        check_key(&request.key)?;
        let limit = page_limit(request.limit)?;
        let mut draft = self
            .to_key(Method::GET, &request.key)
            .customer_key(self.customer_key())
            .query("max-parts", &limit.to_string());
        if request.after > 0 {
            draft = draft.query("part-number-marker", &request.after.to_string());
        }
        Ok(draft.query("uploadId", &request.upload_id))
    }
}

pub(super) fn upload_id(answer: &Answer) -> Result<String> {
    let id = field(answer, "InitiateMultipartUploadResult", "UploadId")?;
    id.ok_or_else(|| bad_answer(answer, "it has no upload id"))
}
