//! Uploads in parts.

use anyhow::ensure;
use bytes::Bytes;
use s3orm::store::{
    CompleteUpload, CreateUpload, ETag, Precondition, StoreError, StoreErrorKind, UploadPart,
    Written,
};

use super::fixture::refused;
use super::{Fixture, Outcome};

/// The fewest bytes of a part that is not the last.
const PART: usize = 5 << 20;

/// An upload under way.
struct Upload<'a> {
    f: &'a Fixture,
    key: String,
    id: String,
}

impl<'a> Upload<'a> {
    async fn begin(f: &'a Fixture, name: &str) -> anyhow::Result<Self> {
        let request = CreateUpload {
            key: f.key(name),
            content_type: Some("text/plain".to_owned()),
            content_encoding: Some("zstd".to_owned()),
            metadata: [("upload".to_owned(), "yes".to_owned())].into(),
        };
        Ok(Self {
            f,
            key: f.key(name),
            id: f.store().create_upload(request).await?,
        })
    }

    async fn part(&self, number: u16, body: impl Into<Bytes>) -> Result<ETag, StoreError> {
        let request = UploadPart {
            key: self.key.clone(),
            upload_id: self.id.clone(),
            number,
            body: body.into(),
        };
        self.f.store().upload_part(request).await
    }

    async fn complete(
        &self,
        parts: &[(u16, &ETag)],
        precondition: Precondition,
    ) -> Result<Written, StoreError> {
        let request = CompleteUpload {
            key: self.key.clone(),
            upload_id: self.id.clone(),
            parts: parts
                .iter()
                .map(|&(number, tag)| (number, tag.clone()))
                .collect(),
            precondition,
        };
        self.f.store().complete_upload(request).await
    }

    async fn abort(&self) -> Result<(), StoreError> {
        self.f.store().abort_upload(&self.key, &self.id).await
    }
}

pub(super) async fn parts_become_an_object(f: &Fixture) -> Outcome {
    let upload = Upload::begin(f, "a").await?;
    let (first, second) = (vec![1; PART], vec![2; PART + 1]);
    // In any order, with gaps in their numbers.
    let last = upload.part(9, "the end").await?;
    let two = upload.part(5, second.clone()).await?;
    let one = upload.part(2, first.clone()).await?;
    f.is_absent("a").await?;
    let parts = [(2, &one), (5, &two), (9, &last)];
    let written = upload.complete(&parts, Precondition::None).await?;
    let read = f.get("a").await?;
    ensure!(
        read.body == [&first[..], &second, b"the end"].concat(),
        "other bytes"
    );
    ensure!(read.meta.etag == written.etag, "another tag");
    ensure!(written.etag.as_str().ends_with("-3"), "{}", written.etag);
    ensure!(
        read.meta.content_type.as_deref() == Some("text/plain"),
        "{:?}",
        read.meta
    );
    ensure!(
        read.meta.content_encoding.as_deref() == Some("zstd"),
        "{:?}",
        read.meta
    );
    ensure!(read.meta.metadata["upload"] == "yes", "{:?}", read.meta);
    let listed = f.list_all("").await?;
    ensure!(
        listed[0].etag == written.etag && listed[0].size == read.meta.size,
        "{listed:?}"
    );
    f.put_if("a", "small", Precondition::IfMatch(written.etag))
        .await?;
    f.holds("a", "small").await?;
    refused(
        upload.complete(&parts, Precondition::IfAbsent).await,
        StoreErrorKind::NoSuchUpload,
    )
}

pub(super) async fn parts_of_a_conditional_create(f: &Fixture) -> Outcome {
    let (early, late) = (Upload::begin(f, "a").await?, Upload::begin(f, "a").await?);
    let (one, other) = (early.part(1, "early").await?, late.part(1, "late").await?);
    early.complete(&[(1, &one)], Precondition::IfAbsent).await?;
    let answer = late.complete(&[(1, &other)], Precondition::IfAbsent).await;
    refused(answer, StoreErrorKind::PreconditionFailed)?;
    f.holds("a", "early").await?;
    // Whether the refusal ended the upload is not told.
    match late.abort().await {
        Ok(()) => Ok(()),
        ended => refused(ended, StoreErrorKind::NoSuchUpload),
    }
}

pub(super) async fn parts_of_a_conditional_replace(f: &Fixture) -> Outcome {
    let upload = Upload::begin(f, "a").await?;
    let part = upload.part(1, "new").await?;
    let tag = f.put("other", "1").await?;
    let on = Precondition::IfMatch(tag);
    let answer = upload.complete(&[(1, &part)], on.clone()).await;
    refused(answer, StoreErrorKind::NotFound)?;
    let upload = Upload::begin(f, "a").await?;
    let part = upload.part(1, "new").await?;
    let current = f.put("a", "current").await?;
    let answer = upload.complete(&[(1, &part)], on).await;
    refused(answer, StoreErrorKind::PreconditionFailed)?;
    f.holds("a", "current").await?;
    let upload = Upload::begin(f, "a").await?;
    let part = upload.part(1, "new").await?;
    upload
        .complete(&[(1, &part)], Precondition::IfMatch(current))
        .await?;
    f.holds("a", "new").await
}

pub(super) async fn parts_replace_parts(f: &Fixture) -> Outcome {
    let upload = Upload::begin(f, "a").await?;
    let first = upload.part(1, "first").await?;
    let second = upload.part(1, "second").await?;
    let answer = upload.complete(&[(1, &first)], Precondition::None).await;
    refused(answer, StoreErrorKind::Invalid)?;
    upload.complete(&[(1, &second)], Precondition::None).await?;
    f.holds("a", "second").await
}

pub(super) async fn parts_out_of_order(f: &Fixture) -> Outcome {
    let upload = Upload::begin(f, "a").await?;
    let one = upload.part(1, vec![1; PART]).await?;
    let two = upload.part(2, "2").await?;
    let answer = upload
        .complete(&[(2, &two), (1, &one)], Precondition::None)
        .await;
    refused(answer, StoreErrorKind::Invalid)?;
    f.is_absent("a").await?;
    Ok(upload.abort().await?)
}

pub(super) async fn parts_that_are_not_there(f: &Fixture) -> Outcome {
    let upload = Upload::begin(f, "a").await?;
    let one = upload.part(1, "1").await?;
    let answer = upload.complete(&[(2, &one)], Precondition::None).await;
    refused(answer, StoreErrorKind::Invalid)?;
    refused(
        upload.complete(&[], Precondition::None).await,
        StoreErrorKind::Invalid,
    )?;
    refused(upload.part(0, "0").await, StoreErrorKind::Invalid)?;
    refused(upload.part(10_001, "0").await, StoreErrorKind::Invalid)?;
    upload.part(10_000, "last").await?;
    f.is_absent("a").await?;
    Ok(upload.abort().await?)
}

pub(super) async fn a_part_too_small(f: &Fixture) -> Outcome {
    let upload = Upload::begin(f, "a").await?;
    let one = upload.part(1, vec![1; PART - 1]).await?;
    let two = upload.part(2, "2").await?;
    let answer = upload
        .complete(&[(1, &one), (2, &two)], Precondition::None)
        .await;
    refused(answer, StoreErrorKind::Invalid)?;
    f.is_absent("a").await?;
    Ok(upload.abort().await?)
}

pub(super) async fn aborted_uploads_are_gone(f: &Fixture) -> Outcome {
    let upload = Upload::begin(f, "a").await?;
    let one = upload.part(1, "1").await?;
    upload.abort().await?;
    refused(upload.part(2, "2").await, StoreErrorKind::NoSuchUpload)?;
    let answer = upload.complete(&[(1, &one)], Precondition::None).await;
    refused(answer, StoreErrorKind::NoSuchUpload)?;
    f.is_absent("a").await
}

pub(super) async fn uploads_that_never_were(f: &Fixture) -> Outcome {
    let mut upload = Upload::begin(f, "a").await?;
    let one = upload.part(1, "1").await?;
    let (id, key) = (upload.id.clone(), upload.key.clone());
    for (wrong_id, wrong_key) in [
        ("0".repeat(32), key.clone()),
        ("../uploads".to_owned(), key.clone()),
        (id.clone(), f.key("b")),
    ] {
        (upload.id, upload.key) = (wrong_id, wrong_key);
        refused(upload.part(1, "1").await, StoreErrorKind::NoSuchUpload)?;
        let answer = upload.complete(&[(1, &one)], Precondition::None).await;
        refused(answer, StoreErrorKind::NoSuchUpload)?;
        refused(upload.abort().await, StoreErrorKind::NoSuchUpload)?;
    }
    (upload.id, upload.key) = (id, key);
    upload.complete(&[(1, &one)], Precondition::None).await?;
    f.holds("a", "1").await
}

pub(super) async fn an_upload_is_no_object(f: &Fixture) -> Outcome {
    let upload = Upload::begin(f, "a").await?;
    upload.part(1, "1").await?;
    ensure!(f.names("").await?.is_empty(), "{:?}", f.names("").await?);
    f.put_if("a", "2", Precondition::IfAbsent).await?;
    upload.abort().await?;
    f.holds("a", "2").await
}
