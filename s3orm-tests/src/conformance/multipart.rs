//! Uploads in parts.

use anyhow::ensure;
use bytes::Bytes;
use s3orm::store::{
    Checksum, CompleteUpload, CreateUpload, ETag, ListParts, ListUploads, ListedPart, ListedUpload,
    Precondition, PutObject, StoreError, StoreErrorKind, UploadPart, Written,
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
            checksums: true,
            encryption: None,
        };
        Ok(Self {
            f,
            key: f.key(name),
            id: f.store().create_upload(request).await?,
        })
    }

    async fn part(&self, number: u16, body: impl Into<Bytes>) -> Result<ETag, StoreError> {
        let body = body.into();
        let checksum = Checksum::of(&body);
        self.checked_part(number, body, checksum).await
    }

    async fn checked_part(
        &self,
        number: u16,
        body: Bytes,
        checksum: Checksum,
    ) -> Result<ETag, StoreError> {
        let request = UploadPart {
            key: self.key.clone(),
            upload_id: self.id.clone(),
            number,
            body,
            checksum: Some(checksum),
            encryption: None,
        };
        self.f.store().upload_part(request).await
    }

    /// The upload's parts, in pages of so many.
    async fn parts(&self, limit: u16) -> Result<Vec<ListedPart>, StoreError> {
        let mut request = ListParts {
            key: self.key.clone(),
            upload_id: self.id.clone(),
            limit: Some(limit),
            ..ListParts::default()
        };
        let mut parts = Vec::new();
        loop {
            let page = self.f.store().list_parts(request.clone()).await?;
            parts.extend(page.parts);
            match page.next {
                Some(number) => request.after = number,
                None => return Ok(parts),
            }
        }
    }

    async fn complete(
        &self,
        parts: &[(u16, &ETag)],
        precondition: Precondition,
    ) -> Result<Written, StoreError> {
        self.checked_complete(parts, precondition, None).await
    }

    async fn checked_complete(
        &self,
        parts: &[(u16, &ETag)],
        precondition: Precondition,
        checksum: Option<Checksum>,
    ) -> Result<Written, StoreError> {
        let request = CompleteUpload {
            key: self.key.clone(),
            upload_id: self.id.clone(),
            parts: parts
                .iter()
                .map(|&(number, tag)| (number, tag.clone()))
                .collect(),
            precondition,
            checksum,
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

/// The unfinished uploads under a name, in pages of so many.
async fn uploads(f: &Fixture, name: &str, limit: u16) -> Result<Vec<ListedUpload>, StoreError> {
    let mut request = ListUploads {
        prefix: f.key(name),
        limit: Some(limit),
        ..ListUploads::default()
    };
    let mut uploads = Vec::new();
    loop {
        let page = f.store().list_uploads(request.clone()).await?;
        uploads.extend(page.uploads);
        match page.next {
            Some(marker) => request.after = Some(marker),
            None => return Ok(uploads),
        }
    }
}

pub(super) async fn unfinished_uploads_are_listed(f: &Fixture) -> Outcome {
    let names = ["a b+c%/\u{e9}", "a/1", "a/1", "a/2", "b"];
    let mut begun = Vec::new();
    for name in names {
        begun.push(Upload::begin(f, name).await?);
    }
    f.put("a/0", "no upload").await?;
    let place = |upload: &ListedUpload| (upload.key.clone(), upload.upload_id.clone());
    for limit in [1000, 1, 2] {
        let found = uploads(f, "a", limit).await?;
        let mut expected: Vec<_> = begun[..4]
            .iter()
            .map(|upload| (upload.key.clone(), upload.id.clone()))
            .collect();
        let mut found: Vec<_> = found.iter().map(place).collect();
        ensure!(found.is_sorted_by_key(|(key, _)| key.clone()), "{found:?}");
        // S3 orders the uploads of one key by their time.
        expected.sort();
        found.sort();
        ensure!(
            found == expected,
            "pages of {limit}: {found:?}, not {expected:?}"
        );
    }
    let now = s3orm::Env::system().now();
    let far = std::time::Duration::from_mins(15);
    for upload in uploads(f, "a", 1000).await? {
        let begun = upload.initiated;
        ensure!(begun < now + far && begun > now - far, "{upload:?}");
    }
    let one = begun[1].part(1, "1").await?;
    begun[1].complete(&[(1, &one)], Precondition::None).await?;
    begun[2].abort().await?;
    let left: Vec<_> = uploads(f, "a/", 1000).await?.iter().map(place).collect();
    ensure!(
        left == [(begun[3].key.clone(), begun[3].id.clone())],
        "{left:?}"
    );
    for upload in [&begun[0], &begun[3], &begun[4]] {
        upload.abort().await?;
    }
    ensure!(uploads(f, "", 1000).await?.is_empty(), "they are aborted");
    Ok(())
}

pub(super) async fn parts_are_listed(f: &Fixture) -> Outcome {
    let upload = Upload::begin(f, "a").await?;
    ensure!(upload.parts(1000).await?.is_empty(), "there are no parts");
    let two = upload.part(7, "two").await?;
    upload.part(2, "replaced").await?;
    let one = upload.part(2, "one").await?;
    for limit in [1000, 1, 2] {
        let parts = upload.parts(limit).await?;
        let found: Vec<_> = parts
            .iter()
            .map(|part| (part.number, part.size, &part.etag))
            .collect();
        ensure!(
            found == [(2, 3, &one), (7, 3, &two)],
            "pages of {limit}: {found:?}"
        );
        // Who keeps none says none.
        for (part, body) in parts.iter().zip([b"one", b"two"]) {
            let right = part.checksum.is_none_or(|sum| sum == Checksum::of(body));
            ensure!(right, "{part:?}");
        }
    }
    upload.abort().await?;
    refused(upload.parts(1000).await, StoreErrorKind::NoSuchUpload)
}

pub(super) async fn checksums_are_kept_and_checked(f: &Fixture) -> Outcome {
    let put = |name: &str, sum: Checksum| PutObject {
        checksum: Some(sum),
        ..f.write(name, "1")
    };
    let (right, wrong) = (Checksum::of(b"1"), Checksum::of(b"2"));
    refused(
        f.store().put(&put("a", wrong)).await,
        StoreErrorKind::Invalid,
    )?;
    f.is_absent("a").await?;
    f.store().put(&put("a", right)).await?;
    let kept = f.store().head(&f.key("a")).await?.checksum;
    ensure!(kept == Some(right), "{kept:?}");

    let upload = Upload::begin(f, "b").await?;
    let answer = upload.checked_part(1, "1".into(), wrong).await;
    refused(answer, StoreErrorKind::Invalid)?;
    let (first, second) = (vec![1; PART], vec![2; 3]);
    let one = upload.part(1, first.clone()).await?;
    let two = upload.part(2, second.clone()).await?;
    let parts = [(1, &one), (2, &two)];
    let answer = upload.checked_complete(&parts, Precondition::None, Some(wrong));
    refused(answer.await, StoreErrorKind::Invalid)?;
    f.is_absent("b").await?;
    let whole = Checksum::of(&first).then(&second);
    upload
        .checked_complete(&parts, Precondition::None, Some(whole))
        .await?;
    let kept = f.store().head(&f.key("b")).await?.checksum;
    ensure!(kept == Some(whole), "{kept:?}");
    Ok(())
}
