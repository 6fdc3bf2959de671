//! S3's calls, each turned into the store's.

use std::sync::Arc;

use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, Bucket, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource,
    CreateBucketInput, CreateBucketOutput, CreateMultipartUploadInput, CreateMultipartUploadOutput,
    DeleteBucketInput, DeleteBucketOutput, DeleteObjectInput, DeleteObjectOutput,
    DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, GetBucketLocationInput,
    GetBucketLocationOutput, GetObjectInput, GetObjectOutput, HeadBucketInput, HeadBucketOutput,
    HeadObjectInput, HeadObjectOutput, ListBucketsInput, ListBucketsOutput,
    ListMultipartUploadsInput, ListMultipartUploadsOutput, ListObjectsInput, ListObjectsOutput,
    ListObjectsV2Input, ListObjectsV2Output, ListPartsInput, ListPartsOutput, MetadataDirective,
    PutObjectInput, PutObjectOutput, StreamingBlob, UploadPartInput, UploadPartOutput,
};
use s3s::{Body, S3, S3Request, S3Response, S3Result, s3_error};

use super::{body, convert, encryption, listing};
use crate::store::{
    CompleteUpload, CopyObject, CreateUpload, DeleteObject, Description, ETag, GetObject,
    PutObject, Store, StoreError, StoreErrorKind, UploadPart,
};

/// Every bucket of a store's service.
pub(super) struct Buckets(pub(super) Arc<dyn Store>);

type Answer<T> = S3Result<S3Response<T>>;

impl Buckets {
    fn bucket(&self, name: &str) -> S3Result<Arc<dyn Store>> {
        self.0
            .with_bucket(name)
            .map_err(|error| convert::error(&error))
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it ends every call")]
fn answer<T>(output: T) -> Answer<T> {
    Ok(S3Response::new(output))
}

/// The store's outcome, as S3 says it.
trait Outcome<T> {
    fn s3(self) -> S3Result<T>;
}

impl<T> Outcome<T> for Result<T, StoreError> {
    fn s3(self) -> S3Result<T> {
        self.map_err(|error| convert::error(&error))
    }
}

#[async_trait::async_trait]
impl S3 for Buckets {
    async fn get_object(&self, request: S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
        let input = request.input;
        if input.part_number.is_some() {
            return Err(s3_error!(
                NotImplemented,
                "this server reads no single parts"
            ));
        }
        let key = encryption::customer_key(&request.headers)?;
        let (if_match, if_none_match) = (input.if_match.as_ref(), input.if_none_match.as_ref());
        let range = input.range.map(convert::byte_range);
        let read = GetObject {
            key: input.key,
            range,
            if_match: convert::read_condition(if_match),
            if_none_match: convert::read_condition(if_none_match),
            max_bytes: None,
        };
        let not_modified = read.if_none_match.as_ref().map(convert::not_modified);
        let object = match (self.bucket(&input.bucket)?.get(read).await, not_modified) {
            (Err(error), Some(answer)) if error.kind() == StoreErrorKind::NotModified => {
                return Err(answer);
            }
            (outcome, _) => outcome.s3()?,
        };
        encryption::check_key(object.meta.encryption.as_ref(), key.as_deref())?;
        convert::check_read(&object.meta, if_match, if_none_match)?;
        let output = GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: Some(convert::length(object.body.len() as u64)),
            content_range: range.map(|range| convert::content_range(range, &object)),
            content_type: object.meta.content_type,
            content_encoding: object.meta.content_encoding,
            e_tag: Some(convert::etag(&object.meta.etag)),
            last_modified: object.meta.last_modified.map(Into::into),
            // Of the whole object only.
            checksum_crc64nvme: convert::checksum(
                object.meta.checksum,
                input.checksum_mode.as_ref(),
            )
            .filter(|_| range.is_none()),
            body: Some(StreamingBlob::from(Body::from(object.body))),
            ..GetObjectOutput::default()
        };
        let mut headers = convert::metadata_headers(&object.meta.metadata)?;
        encryption::tell(&mut headers, object.meta.encryption.as_ref());
        Ok(S3Response::with_headers(output, headers))
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
        let (input, key) = (request.input, encryption::customer_key(&request.headers)?);
        if input.part_number.is_some() || input.range.is_some() {
            return Err(s3_error!(
                NotImplemented,
                "this server takes `HEAD` of whole objects only"
            ));
        }
        let meta = self.bucket(&input.bucket)?.head(&input.key).await.s3()?;
        encryption::check_key(meta.encryption.as_ref(), key.as_deref())?;
        convert::check_read(&meta, input.if_match.as_ref(), input.if_none_match.as_ref())?;
        let output = HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: Some(convert::length(meta.size)),
            content_type: meta.content_type,
            content_encoding: meta.content_encoding,
            e_tag: Some(convert::etag(&meta.etag)),
            last_modified: meta.last_modified.map(Into::into),
            checksum_crc64nvme: convert::checksum(meta.checksum, input.checksum_mode.as_ref()),
            ..HeadObjectOutput::default()
        };
        let mut headers = convert::metadata_headers(&meta.metadata)?;
        encryption::tell(&mut headers, meta.encryption.as_ref());
        Ok(S3Response::with_headers(output, headers))
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        let (input, headers) = (request.input, request.headers);
        let put = PutObject {
            key: input.key,
            precondition: convert::precondition(&headers)?,
            content_type: input.content_type.map(Into::into),
            content_encoding: convert::content_encoding(input.content_encoding).map(Into::into),
            metadata: convert::metadata(&headers)?,
            body: body::read(input.body, &headers, request.trailing_headers).await?,
            // It is checked where it is read.
            checksum: None,
            encryption: encryption::asked(&headers)?,
        };
        let written = self.bucket(&input.bucket)?.put(&put).await.s3()?;
        let output = PutObjectOutput {
            e_tag: Some(convert::etag(&written.etag)),
            ..PutObjectOutput::default()
        };
        let told = encryption::told(put.encryption.as_ref());
        Ok(S3Response::with_headers(output, told))
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> Answer<DeleteObjectOutput> {
        let delete = DeleteObject {
            key: request.input.key,
            precondition: convert::precondition(&request.headers)?,
        };
        let bucket = self.bucket(&request.input.bucket)?;
        bucket.delete(delete).await.s3()?;
        answer(DeleteObjectOutput::default())
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> Answer<DeleteObjectsOutput> {
        let input = request.input;
        if input.delete.objects.len() > 1000 {
            return Err(s3_error!(
                MalformedXML,
                "a request deletes up to 1,000 objects"
            ));
        }
        let requests: Vec<_> = input
            .delete
            .objects
            .into_iter()
            .map(convert::to_delete)
            .collect();
        if !requests
            .iter()
            .all(|delete| convert::xml_can_hold(&delete.key))
        {
            let message = "XML cannot hold control characters: delete the key on its own";
            return Err(s3_error!(MalformedXML, "{message}"));
        }
        let keys: Vec<_> = requests.iter().map(|delete| delete.key.clone()).collect();
        let outcomes = self
            .bucket(&input.bucket)?
            .delete_many(requests)
            .await
            .s3()?;
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for (key, outcome) in keys.into_iter().zip(outcomes) {
            match outcome {
                Ok(()) => deleted.push(DeletedObject {
                    key: Some(key),
                    ..DeletedObject::default()
                }),
                Err(error) => errors.push(convert::not_deleted(key, &convert::error(&error))),
            }
        }
        if input.delete.quiet == Some(true) {
            deleted.clear();
        }
        answer(DeleteObjectsOutput {
            deleted: Some(deleted),
            errors: Some(errors),
            ..DeleteObjectsOutput::default()
        })
    }

    async fn copy_object(&self, request: S3Request<CopyObjectInput>) -> Answer<CopyObjectOutput> {
        let (input, headers) = (request.input, request.headers);
        let CopySource::Bucket {
            bucket,
            key,
            version_id: None,
        } = input.copy_source
        else {
            return Err(s3_error!(
                NotImplemented,
                "this server copies from `bucket/key` only"
            ));
        };
        let directive = input.metadata_directive.as_ref();
        let replaces = directive.is_some_and(|d| d.as_str() == MetadataDirective::REPLACE);
        let copy = CopyObject {
            source_bucket: Some(bucket.into()),
            source: key.into(),
            source_if_match: convert::read_condition(input.copy_source_if_match.as_ref()),
            key: input.key,
            precondition: convert::precondition(&headers)?,
            replace: if replaces {
                Some(Description {
                    content_type: input.content_type,
                    content_encoding: convert::content_encoding(input.content_encoding),
                    metadata: convert::metadata(&headers)?,
                })
            } else {
                None
            },
            encryption: encryption::asked(&headers)?,
        };
        let source = self.bucket(copy.source_bucket.as_deref().unwrap_or(&input.bucket))?;
        let source = source.head(&copy.source).await.s3()?;
        let key = encryption::source_key(&headers)?;
        encryption::check_key(source.encryption.as_ref(), key.as_deref())?;
        let told = encryption::told(copy.encryption.as_ref());
        let written = self.bucket(&input.bucket)?.copy(copy).await.s3()?;
        let output = CopyObjectOutput {
            copy_object_result: Some(CopyObjectResult {
                e_tag: Some(convert::etag(&written.etag)),
                ..CopyObjectResult::default()
            }),
            ..CopyObjectOutput::default()
        };
        Ok(S3Response::with_headers(output, told))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> Answer<ListObjectsV2Output> {
        let bucket = self.bucket(&request.input.bucket)?;
        answer(listing::new(&*bucket, request.input).await?)
    }

    async fn list_objects(
        &self,
        request: S3Request<ListObjectsInput>,
    ) -> Answer<ListObjectsOutput> {
        let bucket = self.bucket(&request.input.bucket)?;
        answer(listing::old(&*bucket, request.input).await?)
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> Answer<CreateMultipartUploadOutput> {
        let input = request.input;
        let upload = CreateUpload {
            key: input.key.clone(),
            content_type: input.content_type,
            content_encoding: convert::content_encoding(input.content_encoding),
            metadata: convert::metadata(&request.headers)?,
            checksums: input.checksum_algorithm.is_some(),
            encryption: encryption::asked(&request.headers)?,
        };
        let told = encryption::told(upload.encryption.as_ref());
        let id = self
            .bucket(&input.bucket)?
            .create_upload(upload)
            .await
            .s3()?;
        let output = CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            ..CreateMultipartUploadOutput::default()
        };
        Ok(S3Response::with_headers(output, told))
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> Answer<UploadPartOutput> {
        let input = request.input;
        let part = UploadPart {
            key: input.key,
            upload_id: input.upload_id,
            number: convert::part_number(Some(input.part_number))?,
            encryption: encryption::asked(&request.headers)?,
            body: body::read(input.body, &request.headers, request.trailing_headers).await?,
            checksum: None,
        };
        let told = encryption::told(part.encryption.as_ref());
        let tag = self.bucket(&input.bucket)?.upload_part(part).await.s3()?;
        let output = UploadPartOutput {
            e_tag: Some(convert::etag(&tag)),
            ..UploadPartOutput::default()
        };
        Ok(S3Response::with_headers(output, told))
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> Answer<CompleteMultipartUploadOutput> {
        let input = request.input;
        let parts = input.multipart_upload.and_then(|upload| upload.parts);
        let part = |part: s3s::dto::CompletedPart| {
            let tag = part
                .e_tag
                .ok_or_else(|| s3_error!(MalformedXML, "a part has no `ETag`"))?;
            Ok((
                convert::part_number(part.part_number)?,
                ETag::new(tag.value()),
            ))
        };
        let complete = CompleteUpload {
            key: input.key.clone(),
            upload_id: input.upload_id,
            parts: parts
                .unwrap_or_default()
                .into_iter()
                .map(part)
                .collect::<S3Result<_>>()?,
            precondition: convert::precondition(&request.headers)?,
            checksum: convert::claimed(input.checksum_crc64nvme.as_deref())?,
        };
        let bucket = self.bucket(&input.bucket)?;
        let written = bucket.complete_upload(complete).await.s3()?;
        answer(CompleteMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(convert::etag(&written.etag)),
            ..CompleteMultipartUploadOutput::default()
        })
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> Answer<AbortMultipartUploadOutput> {
        let input = request.input;
        let bucket = self.bucket(&input.bucket)?;
        bucket
            .abort_upload(&input.key, &input.upload_id)
            .await
            .s3()?;
        answer(AbortMultipartUploadOutput::default())
    }

    async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> Answer<ListMultipartUploadsOutput> {
        let bucket = self.bucket(&request.input.bucket)?;
        answer(listing::uploads(&*bucket, request.input).await?)
    }

    async fn list_parts(&self, request: S3Request<ListPartsInput>) -> Answer<ListPartsOutput> {
        let bucket = self.bucket(&request.input.bucket)?;
        answer(listing::parts(&*bucket, request.input).await?)
    }

    async fn create_bucket(
        &self,
        request: S3Request<CreateBucketInput>,
    ) -> Answer<CreateBucketOutput> {
        let name = request.input.bucket;
        self.bucket(&name)?.create_bucket().await.s3()?;
        answer(CreateBucketOutput {
            location: Some(format!("/{name}")),
        })
    }

    async fn delete_bucket(
        &self,
        request: S3Request<DeleteBucketInput>,
    ) -> Answer<DeleteBucketOutput> {
        self.bucket(&request.input.bucket)?
            .delete_bucket()
            .await
            .s3()?;
        answer(DeleteBucketOutput::default())
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> Answer<HeadBucketOutput> {
        self.bucket(&request.input.bucket)?
            .head_bucket()
            .await
            .s3()?;
        answer(HeadBucketOutput::default())
    }

    async fn get_bucket_location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> Answer<GetBucketLocationOutput> {
        self.bucket(&request.input.bucket)?
            .head_bucket()
            .await
            .s3()?;
        // No constraint: what S3 says of `us-east-1`.
        answer(GetBucketLocationOutput::default())
    }

    async fn list_buckets(&self, _: S3Request<ListBucketsInput>) -> Answer<ListBucketsOutput> {
        let bucket = |name| Bucket {
            name: Some(name),
            ..Bucket::default()
        };
        let names = self.0.list_buckets().await.s3()?;
        answer(ListBucketsOutput {
            buckets: Some(names.into_iter().map(bucket).collect()),
            ..ListBucketsOutput::default()
        })
    }
}
