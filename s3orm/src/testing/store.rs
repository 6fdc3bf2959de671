//! Every call of a store, through [`FaultStore::request`].

use std::sync::Arc;

use super::client::FaultStore;
use super::fault::Call;
use crate::store::{
    CompleteUpload, CopyObject, CreateUpload, DeleteObject, ETag, GetObject, ListObjects,
    ListParts, ListUploads, Object, ObjectMeta, Page, PartsPage, Presign, PresignedUrl, PutObject,
    Store, StoreError, StoreFuture, Survey, UploadPart, UploadsPage, Written,
};

impl Store for FaultStore {
    fn get(&self, request: GetObject) -> StoreFuture<'_, Object> {
        let key = request.key.clone();
        self.request(Call::Get, &key, move |store| {
            let request = request.clone();
            Box::pin(async move { store.get(request).await })
        })
    }

    fn head(&self, key: &str) -> StoreFuture<'_, ObjectMeta> {
        let object = key.to_owned();
        self.request(Call::Head, key, move |store| {
            let object = object.clone();
            Box::pin(async move { store.head(&object).await })
        })
    }

    fn put<'a>(&'a self, request: &'a PutObject) -> StoreFuture<'a, Written> {
        let sent = request.clone();
        self.request(Call::Put, &request.key, move |store| {
            let request = sent.clone();
            Box::pin(async move { store.put(&request).await })
        })
    }

    fn delete(&self, request: DeleteObject) -> StoreFuture<'_, ()> {
        let key = request.key.clone();
        self.request(Call::Delete, &key, move |store| {
            let request = request.clone();
            Box::pin(async move { store.delete(request).await })
        })
    }

    fn delete_many(
        &self,
        requests: Vec<DeleteObject>,
    ) -> StoreFuture<'_, Vec<Result<(), StoreError>>> {
        let first = requests.first().map(|first| first.key.clone());
        self.request(Call::DeleteMany, &first.unwrap_or_default(), move |store| {
            let requests = requests.clone();
            Box::pin(async move { store.delete_many(requests).await })
        })
    }

    fn list(&self, request: ListObjects) -> StoreFuture<'_, Page> {
        let prefix = request.prefix.clone();
        self.request(Call::List, &prefix, move |store| {
            let request = request.clone();
            Box::pin(async move { store.list(request).await })
        })
    }

    fn copy(&self, request: CopyObject) -> StoreFuture<'_, Written> {
        let key = request.key.clone();
        self.request(Call::Copy, &key, move |store| {
            let request = request.clone();
            Box::pin(async move { store.copy(request).await })
        })
    }

    fn create_upload(&self, request: CreateUpload) -> StoreFuture<'_, String> {
        let key = request.key.clone();
        self.request(Call::CreateUpload, &key, move |store| {
            let request = request.clone();
            Box::pin(async move { store.create_upload(request).await })
        })
    }

    fn upload_part(&self, request: UploadPart) -> StoreFuture<'_, ETag> {
        let key = request.key.clone();
        self.request(Call::UploadPart, &key, move |store| {
            let request = request.clone();
            Box::pin(async move { store.upload_part(request).await })
        })
    }

    fn complete_upload(&self, request: CompleteUpload) -> StoreFuture<'_, Written> {
        let key = request.key.clone();
        self.request(Call::CompleteUpload, &key, move |store| {
            let request = request.clone();
            Box::pin(async move { store.complete_upload(request).await })
        })
    }

    fn abort_upload(&self, key: &str, upload_id: &str) -> StoreFuture<'_, ()> {
        let upload = (key.to_owned(), upload_id.to_owned());
        self.request(Call::AbortUpload, key, move |store| {
            let (key, id) = upload.clone();
            Box::pin(async move { store.abort_upload(&key, &id).await })
        })
    }

    fn list_uploads(&self, request: ListUploads) -> StoreFuture<'_, UploadsPage> {
        let prefix = request.prefix.clone();
        self.request(Call::ListUploads, &prefix, move |store| {
            let request = request.clone();
            Box::pin(async move { store.list_uploads(request).await })
        })
    }

    fn list_parts(&self, request: ListParts) -> StoreFuture<'_, PartsPage> {
        let key = request.key.clone();
        self.request(Call::ListParts, &key, move |store| {
            let request = request.clone();
            Box::pin(async move { store.list_parts(request).await })
        })
    }

    /// No request that could fail.
    fn presign(&self, request: Presign) -> StoreFuture<'_, PresignedUrl> {
        self.inner.presign(request)
    }

    fn service(&self) -> String {
        self.inner.service()
    }

    fn survey<'a>(&'a self, scratch: &'a str) -> StoreFuture<'a, Survey> {
        let place = scratch.to_owned();
        self.request(Call::Survey, scratch, move |store| {
            let place = place.clone();
            Box::pin(async move { store.survey(&place).await })
        })
    }

    fn bucket(&self) -> &str {
        self.inner.bucket()
    }

    fn with_bucket(&self, bucket: &str) -> Result<Arc<dyn Store>, StoreError> {
        let mut same = self.clone();
        same.inner = self.inner.with_bucket(bucket)?;
        Ok(Arc::new(same))
    }

    fn head_bucket(&self) -> StoreFuture<'_, ()> {
        self.request(Call::HeadBucket, "", |store| {
            Box::pin(async move { store.head_bucket().await })
        })
    }

    fn create_bucket(&self) -> StoreFuture<'_, ()> {
        self.request(Call::CreateBucket, "", |store| {
            Box::pin(async move { store.create_bucket().await })
        })
    }

    fn delete_bucket(&self) -> StoreFuture<'_, ()> {
        self.request(Call::DeleteBucket, "", |store| {
            Box::pin(async move { store.delete_bucket().await })
        })
    }

    fn list_buckets(&self) -> StoreFuture<'_, Vec<String>> {
        self.request(Call::ListBuckets, "", |store| {
            Box::pin(async move { store.list_buckets().await })
        })
    }
}
