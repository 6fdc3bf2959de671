//! Each call, by rusoto.

use std::fmt::Display;

use rusoto_core::signature::SignedRequest;
use rusoto_s3::{
    AbortMultipartUploadRequest, CreateBucketConfiguration, CreateBucketRequest,
    DeleteBucketRequest, GetObjectRequest, ListObjectsV2Request, S3, S3Client,
};

use super::super::answer::{etag, object_meta};
use super::super::calls::{delete_each, object, page_limit, range_text, reason_of};
use super::super::documents::{read_buckets, read_page, read_parts, read_uploads};
use super::super::encryption::CustomerKey;
use super::super::multipart::upload_id;
use super::super::request::{Draft, decoded, invalid};
use super::super::transport::{Answer, MAX_XML};
use super::{RusotoStore, dispatch};
use crate::store::{
    CompleteUpload, CopyObject, CreateUpload, DeleteObject, ETag, GetObject, ListObjects,
    ListParts, ListStart, ListUploads, Object, ObjectMeta, Page, PartsPage, PutObject, StoreError,
    UploadPart, UploadsPage, Written, check_key,
};

type Result<T> = std::result::Result<T, StoreError>;

impl RusotoStore {
    pub(super) async fn get_object(&self, request: GetObject) -> Result<Object> {
        check_key(&request.key)?;
        let ranged = request.range.is_some();
        let key = self.inner.customer_key().map(CustomerKey::parts);
        let read = GetObjectRequest {
            bucket: self.bucket_name(),
            key: request.key,
            range: request.range.map(range_text).transpose()?,
            if_match: request.if_match.map(|tag| tag.quoted()),
            if_none_match: request.if_none_match.map(|tag| tag.quoted()),
            expected_bucket_owner: self.owner(),
            sse_customer_algorithm: key.map(|_| "AES256".to_owned()),
            sse_customer_key: key.map(|(key, _)| key.to_owned()),
            sse_customer_key_md5: key.map(|(_, md5)| md5.to_owned()),
            ..GetObjectRequest::default()
        };
        let max_body = request.max_bytes.unwrap_or(u64::MAX);
        let call = async |s3: S3Client| s3.get_object(read).await;
        object(self.ask(max_body, call).await?, ranged)
    }

    pub(super) async fn head_object(&self, key: String) -> Result<ObjectMeta> {
        check_key(&key)?;
        match self.send(self.inner.head(&key)).await {
            Ok(answer) => object_meta(&answer),
            Err(error) => reason_of(error, key, |byte| self.get_object(byte)).await,
        }
    }

    pub(super) async fn put_object(&self, request: &PutObject) -> Result<Written> {
        let answer = self.send(self.inner.put(request)?).await?;
        Ok(Written {
            etag: etag(&answer)?,
        })
    }

    pub(super) async fn delete_object(&self, request: DeleteObject) -> Result<()> {
        self.send(self.inner.delete(&request)?).await.map(drop)
    }

    pub(super) async fn delete_objects(
        &self,
        requests: Vec<DeleteObject>,
    ) -> Result<Vec<Result<()>>> {
        delete_each(&self.inner, requests, |draft| self.send(draft)).await
    }

    pub(super) async fn list_objects(&self, request: ListObjects) -> Result<Page> {
        let mut list = ListObjectsV2Request {
            bucket: self.bucket_name(),
            max_keys: Some(page_limit(request.limit)?.into()),
            delimiter: request.delimiter.map(String::from),
            encoding_type: Some("url".to_owned()),
            prefix: Some(request.prefix).filter(|prefix| !prefix.is_empty()),
            expected_bucket_owner: self.owner(),
            ..ListObjectsV2Request::default()
        };
        match request.start {
            ListStart::First => {}
            ListStart::After(key) => list.start_after = Some(key),
            ListStart::Token(token) => list.continuation_token = Some(token),
        }
        let call = async |s3: S3Client| s3.list_objects_v2(list).await;
        read_page(&self.ask(MAX_XML, call).await?)
    }

    pub(super) async fn copy_object(&self, request: CopyObject) -> Result<Written> {
        let answer = self.send(self.inner.copy(request)?).await?;
        self.inner.copied(&answer)
    }

    pub(super) async fn start_upload(&self, request: CreateUpload) -> Result<String> {
        upload_id(&self.send(self.inner.start(request)?).await?)
    }

    pub(super) async fn put_part(&self, request: UploadPart) -> Result<ETag> {
        etag(&self.send(self.inner.part(request)?).await?)
    }

    pub(super) async fn end_upload(&self, request: CompleteUpload) -> Result<Written> {
        let answer = self.send(self.inner.completion(&request)?).await?;
        self.inner.completed(&answer)
    }

    pub(super) async fn drop_upload(&self, key: String, upload_id: String) -> Result<()> {
        check_key(&key)?;
        let abort = AbortMultipartUploadRequest {
            bucket: self.bucket_name(),
            key,
            upload_id,
            expected_bucket_owner: self.owner(),
            ..AbortMultipartUploadRequest::default()
        };
        let call = async |s3: S3Client| s3.abort_multipart_upload(abort).await;
        self.ask(MAX_XML, call).await.map(drop)
    }

    pub(super) async fn list_all_uploads(&self, request: ListUploads) -> Result<UploadsPage> {
        read_uploads(&self.send(self.inner.uploads(&request)?).await?)
    }

    pub(super) async fn list_parts_of(&self, request: ListParts) -> Result<PartsPage> {
        read_parts(&self.send(self.inner.parts(&request)?).await?)
    }

    /// By listing one key: unlike `HEAD`, a refusal has a reason.
    pub(super) async fn ask_bucket(&self) -> Result<()> {
        let one = ListObjects {
            limit: Some(1),
            ..ListObjects::default()
        };
        self.list_objects(one).await.map(drop)
    }

    pub(super) async fn make_bucket(&self) -> Result<()> {
        let region = self.inner.region();
        let elsewhere = CreateBucketConfiguration {
            location_constraint: Some(region.to_owned()),
        };
        let create = CreateBucketRequest {
            bucket: self.bucket_name(),
            // S3's first region has no name here.
            create_bucket_configuration: (region != "us-east-1").then_some(elsewhere),
            ..CreateBucketRequest::default()
        };
        let call = async |s3: S3Client| s3.create_bucket(create).await;
        self.ask(MAX_XML, call).await.map(drop)
    }

    pub(super) async fn drop_bucket(&self) -> Result<()> {
        let delete = DeleteBucketRequest {
            bucket: self.bucket_name(),
            expected_bucket_owner: self.owner(),
        };
        let call = async |s3: S3Client| s3.delete_bucket(delete).await;
        self.ask(MAX_XML, call).await.map(drop)
    }

    pub(super) async fn buckets(&self) -> Result<Vec<String>> {
        let call = async |s3: S3Client| s3.list_buckets().await;
        read_buckets(&self.ask(MAX_XML, call).await?)
    }

    fn bucket_name(&self) -> String {
        self.inner.bucket_name().to_owned()
    }

    fn owner(&self) -> Option<String> {
        let owner = self.inner.extra_headers().owner.as_ref()?;
        owner.to_str().ok().map(str::to_owned)
    }

    /// Makes one of `rusoto_s3`'s calls.
    async fn ask<T, E: Display>(
        &self,
        max_body: u64,
        call: impl AsyncFnOnce(S3Client) -> std::result::Result<T, E>,
    ) -> Result<Answer> {
        let (client, outcome) = dispatch::client(&self.inner, max_body);
        let made = call(S3Client::new_with_client(client, self.region.clone())).await;
        outcome.take().unwrap_or_else(|| Err(not_made(made.err())))
    }

    /// Sends one of `rusoto_core`'s signed requests.
    async fn send(&self, draft: Draft) -> Result<Answer> {
        let (client, outcome) = dispatch::client(&self.inner, MAX_XML);
        let request = self.signed_request(&draft)?;
        let made = client.sign_and_dispatch(request).await;
        let error = made.err().map(|error| format!("{error:?}"));
        outcome.take().unwrap_or_else(|| Err(not_made(error)))
    }

    fn signed_request(&self, draft: &Draft) -> Result<SignedRequest> {
        let unreadable = || invalid("the request's target cannot be decoded".to_owned());
        let signed = draft.signed();
        // rusoto takes names as they are, and encodes them by the same rules.
        let path = decoded(signed.path).ok_or_else(unreadable)?;
        let method = signed.method.as_str();
        let mut request = SignedRequest::new(method, "s3", &self.region, &path);
        for parameter in signed.query.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            request.add_param(name.to_owned(), decoded(value).ok_or_else(unreadable)?);
        }
        for (name, value) in &draft.headers {
            let value = value
                .to_str()
                .map_err(|_| invalid(format!("the header `{name}` is not visible ASCII")))?;
            request.add_header(name, &single_spaced(value));
        }
        if let Some(owner) = self.owner() {
            request.add_header("x-amz-expected-bucket-owner", &owner);
        }
        request.set_payload(Some(draft.body.clone()));
        Ok(request)
    }
}

/// rusoto's signature of a value with three spaces or more in a row is wrong.
fn single_spaced(value: &str) -> String {
    let words: Vec<_> = value.split(' ').filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

fn not_made(error: Option<impl Display>) -> StoreError {
    match error {
        Some(error) => invalid(format!("rusoto made no request: {error}")),
        None => invalid("rusoto made no request".to_owned()),
    }
}
