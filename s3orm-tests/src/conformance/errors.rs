//! What is not there, and who may not: each its own error.

use s3orm::store::{
    CompleteUpload, CopyObject, CreateUpload, DeleteObject, ETag, GetObject, ListObjects,
    Precondition, PutObject, StoreErrorKind,
};

use super::fixture::{refused, refused_as};
use super::{Fixture, Outcome};

pub(super) async fn absent_objects(f: &Fixture) -> Outcome {
    f.put("folder/there", "1").await?;
    for name in [
        "a",
        "folder",
        "folder/",
        "folder/there/below",
        "folder/ther",
    ] {
        f.is_absent(name).await?;
        refused(f.store().head(&f.key(name)).await, StoreErrorKind::NotFound)?;
    }
    Ok(())
}

pub(super) async fn absent_buckets(f: &Fixture) -> Outcome {
    let none = StoreErrorKind::NoSuchBucket;
    let store = f.no_bucket()?;
    let key = || "a".to_owned();
    refused(store.head_bucket().await, none)?;
    refused(
        store
            .get(GetObject {
                key: key(),
                ..Default::default()
            })
            .await,
        none,
    )?;
    refused(store.head("a").await, none)?;
    refused(
        store
            .put(&PutObject {
                key: key(),
                ..Default::default()
            })
            .await,
        none,
    )?;
    let delete = DeleteObject {
        key: key(),
        ..Default::default()
    };
    refused(store.delete(delete.clone()).await, none)?;
    refused(store.delete_many(vec![delete]).await, none)?;
    refused(store.list(ListObjects::default()).await, none)?;
    let copy = CopyObject {
        source: key(),
        key: key(),
        ..Default::default()
    };
    refused(store.copy(copy).await, none)?;
    let create = CreateUpload {
        key: key(),
        ..Default::default()
    };
    refused(store.create_upload(create).await, none)?;
    let complete = CompleteUpload {
        key: key(),
        upload_id: "0".repeat(32),
        parts: vec![(1, ETag::new(&"0".repeat(32)))],
        precondition: Precondition::None,
        checksum: None,
    };
    let kinds = [none, StoreErrorKind::NoSuchUpload];
    refused_as(store.complete_upload(complete).await, &kinds)?;
    refused(store.delete_bucket().await, none)
}

/// Passes where there are no credentials to be wrong.
pub(super) async fn wrong_credentials(f: &Fixture) -> Outcome {
    let Some(wrong) = f.wrong() else {
        return Ok(());
    };
    f.put("a", "1").await?;
    let kinds = [StoreErrorKind::Credentials, StoreErrorKind::Denied];
    refused_as(wrong.get(f.read("a")).await, &kinds)?;
    refused_as(wrong.get(f.read("absent")).await, &kinds)?;
    refused_as(wrong.head(&f.key("a")).await, &kinds)?;
    refused_as(wrong.put(&f.write("a", "2")).await, &kinds)?;
    let delete = DeleteObject {
        key: f.key("a"),
        ..Default::default()
    };
    refused_as(wrong.delete(delete).await, &kinds)?;
    refused_as(wrong.list(f.listing("")).await, &kinds)?;
    refused_as(wrong.head_bucket().await, &kinds)?;
    f.holds("a", "1").await
}
