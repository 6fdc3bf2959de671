//! Copies within the service.

use anyhow::{Context as _, ensure};
use s3orm::store::{
    CompleteUpload, CopyObject, CreateUpload, Description, ETag, Metadata, ObjectMeta,
    Precondition, PutObject, StoreErrorKind, UploadPart,
};

use super::fixture::refused;
use super::{Fixture, Outcome};

fn metadata(value: &str) -> Metadata {
    [("name".to_owned(), value.to_owned())].into()
}

/// Writes the source, whose key needs escaping.
async fn put_source(f: &Fixture) -> anyhow::Result<ETag> {
    let request = PutObject {
        content_type: Some("text/plain".into()),
        content_encoding: Some("zstd".into()),
        metadata: metadata("of the source"),
        ..f.write("the source/é+%.txt", "source")
    };
    Ok(f.store().put(&request).await?.etag)
}

fn copy(f: &Fixture, precondition: Precondition) -> CopyObject {
    CopyObject {
        source: f.key("the source/é+%.txt"),
        key: f.key("a"),
        precondition,
        ..CopyObject::default()
    }
}

fn is_described(meta: &ObjectMeta, content_type: &str, encoding: &str, name: &str) -> Outcome {
    ensure!(
        meta.content_type.as_deref() == Some(content_type)
            && meta.content_encoding.as_deref().unwrap_or_default() == encoding
            && meta.metadata == metadata(name),
        "{meta:?}"
    );
    Ok(())
}

pub(super) async fn copy_keeps_attributes(f: &Fixture) -> Outcome {
    let tag = put_source(f).await?;
    let written = f.store().copy(copy(f, Precondition::None)).await?;
    ensure!(written.etag == tag, "{} became {}", tag, written.etag);
    let read = f.get("a").await?;
    ensure!(read.body == "source" && read.meta.etag == tag, "{read:?}");
    is_described(&read.meta, "text/plain", "zstd", "of the source")
}

pub(super) async fn copy_replaces_attributes(f: &Fixture) -> Outcome {
    put_source(f).await?;
    let request = CopyObject {
        replace: Some(Description {
            content_type: Some("text/html".to_owned()),
            content_encoding: None,
            metadata: metadata("of the copy"),
        }),
        ..copy(f, Precondition::None)
    };
    f.store().copy(request).await?;
    f.holds("a", "source").await?;
    is_described(&f.get("a").await?.meta, "text/html", "", "of the copy")?;
    let source = f.get("the source/é+%.txt").await?;
    is_described(&source.meta, "text/plain", "zstd", "of the source")
}

pub(super) async fn copy_if_absent(f: &Fixture) -> Outcome {
    put_source(f).await?;
    f.store().copy(copy(f, Precondition::IfAbsent)).await?;
    f.holds("a", "source").await?;
    f.put("a", "there").await?;
    let answer = f.store().copy(copy(f, Precondition::IfAbsent)).await;
    refused(answer, StoreErrorKind::PreconditionFailed)?;
    f.holds("a", "there").await
}

pub(super) async fn copy_if_match(f: &Fixture) -> Outcome {
    let source = put_source(f).await?;
    let other = Precondition::IfMatch(source);
    let answer = f.store().copy(copy(f, other.clone())).await;
    refused(answer, StoreErrorKind::NotFound)?;
    let current = f.put("a", "there").await?;
    let answer = f.store().copy(copy(f, other)).await;
    refused(answer, StoreErrorKind::PreconditionFailed)?;
    f.holds("a", "there").await?;
    f.store()
        .copy(copy(f, Precondition::IfMatch(current)))
        .await?;
    f.holds("a", "source").await
}

pub(super) async fn copy_of_a_version(f: &Fixture) -> Outcome {
    let tag = put_source(f).await?;
    let of = |tag: &ETag| CopyObject {
        source_if_match: Some(tag.clone()),
        ..copy(f, Precondition::None)
    };
    f.store().copy(of(&tag)).await?;
    f.holds("a", "source").await?;
    f.put("a", "other").await?;
    let other = f.put("other", "other").await?;
    let answer = f.store().copy(of(&other)).await;
    refused(answer, StoreErrorKind::PreconditionFailed)?;
    f.holds("a", "other").await
}

pub(super) async fn copy_of_nothing(f: &Fixture) -> Outcome {
    let answer = f.store().copy(copy(f, Precondition::None)).await;
    refused(answer, StoreErrorKind::NotFound)?;
    f.is_absent("a").await?;
    let request = CopyObject {
        source_bucket: Some(f.no_bucket()?.bucket().to_owned()),
        ..copy(f, Precondition::None)
    };
    refused(f.store().copy(request).await, StoreErrorKind::NoSuchBucket)
}

pub(super) async fn copy_onto_itself(f: &Fixture) -> Outcome {
    put_source(f).await?;
    let onto = |replace| CopyObject {
        key: f.key("the source/é+%.txt"),
        replace,
        ..copy(f, Precondition::None)
    };
    refused(f.store().copy(onto(None)).await, StoreErrorKind::Invalid)?;
    let new = Description {
        content_type: Some("text/html".to_owned()),
        metadata: metadata("new"),
        ..Description::default()
    };
    f.store().copy(onto(Some(new))).await?;
    let read = f.get("the source/é+%.txt").await?;
    ensure!(read.body == "source", "{read:?}");
    is_described(&read.meta, "text/html", "", "new")
}

pub(super) async fn copy_between_buckets(f: &Fixture) -> Outcome {
    put_source(f).await?;
    let target = f.no_bucket()?;
    let request = CopyObject {
        source_bucket: Some(f.store().bucket().to_owned()),
        ..copy(f, Precondition::None)
    };
    refused(
        target.copy(request.clone()).await,
        StoreErrorKind::NoSuchBucket,
    )?;
    target.create_bucket().await?;
    let copied = async {
        target.copy(request).await?;
        let meta = target.head(&f.key("a")).await?;
        is_described(&meta, "text/plain", "zstd", "of the source")?;
        f.is_absent("a").await
    };
    let outcome = copied.await;
    target
        .delete(s3orm::store::DeleteObject {
            key: f.key("a"),
            ..Default::default()
        })
        .await?;
    target.delete_bucket().await?;
    outcome
}

pub(super) async fn copy_of_parts(f: &Fixture) -> Outcome {
    let (store, key) = (f.store(), f.key("the source/é+%.txt"));
    let create = CreateUpload {
        key: key.clone(),
        ..CreateUpload::default()
    };
    let upload_id = store.create_upload(create).await?;
    let part = UploadPart {
        key: key.clone(),
        upload_id: upload_id.clone(),
        number: 1,
        body: "hello".into(),
        checksum: None,
        encryption: None,
    };
    let parts = vec![(1, store.upload_part(part).await?)];
    let complete = CompleteUpload {
        key,
        upload_id,
        parts,
        precondition: Precondition::None,
        checksum: None,
    };
    let source = store.complete_upload(complete).await?;
    let copied = store.copy(copy(f, Precondition::None)).await?;
    f.holds("a", "hello").await?;
    let of_bytes = f.put("b", "hello").await?;
    ensure!(source.etag != of_bytes, "parts have the tag of the bytes");
    ensure!(
        copied.etag == of_bytes,
        "the copy in one piece has the tag {}",
        copied.etag
    );
    let listed = f.list_all("a").await?;
    let listed = listed.first().context("the copy is not listed")?;
    ensure!(listed.etag == copied.etag, "{listed:?}");
    Ok(())
}
