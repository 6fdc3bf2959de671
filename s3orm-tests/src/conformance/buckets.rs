//! Buckets.

use anyhow::ensure;
use s3orm::store::{DeleteObject, ListObjects, PutObject, StoreErrorKind};

use super::fixture::refused;
use super::{Fixture, Outcome};

pub(super) async fn create_and_delete_a_bucket(f: &Fixture) -> Outcome {
    let store = f.no_bucket()?;
    f.put("a", "here").await?;
    for _ in 0..2 {
        store.create_bucket().await?;
        store.head_bucket().await?;
        let page = store.list(ListObjects::default()).await?;
        ensure!(page.objects.is_empty(), "a new bucket holds {page:?}");
        let key = f.key("a");
        store
            .put(PutObject {
                key: key.clone(),
                ..Default::default()
            })
            .await?;
        f.holds("a", "here").await?;
        store
            .delete(DeleteObject {
                key,
                ..Default::default()
            })
            .await?;
        store.delete_bucket().await?;
        refused(store.head_bucket().await, StoreErrorKind::NoSuchBucket)?;
    }
    f.store().head_bucket().await?;
    Ok(())
}

pub(super) async fn create_a_bucket_twice(f: &Fixture) -> Outcome {
    let store = f.no_bucket()?;
    store.create_bucket().await?;
    let again = store.create_bucket().await;
    store.delete_bucket().await?;
    refused(again, StoreErrorKind::BucketExists)
}

pub(super) async fn delete_a_bucket_that_is_not_empty(f: &Fixture) -> Outcome {
    let store = f.no_bucket()?;
    store.create_bucket().await?;
    let key = "deep/down/a".to_owned();
    store
        .put(PutObject {
            key: key.clone(),
            ..Default::default()
        })
        .await?;
    let answer = store.delete_bucket().await;
    let still = store.head(&key).await;
    store
        .delete(DeleteObject {
            key,
            ..Default::default()
        })
        .await?;
    store.delete_bucket().await?;
    still?;
    refused(answer, StoreErrorKind::BucketNotEmpty)
}

pub(super) async fn delete_a_bucket_that_is_not_there(f: &Fixture) -> Outcome {
    let answer = f.no_bucket()?.delete_bucket().await;
    refused(answer, StoreErrorKind::NoSuchBucket)
}

pub(super) async fn list_the_buckets(f: &Fixture) -> Outcome {
    let store = f.no_bucket()?;
    let before = f.store().list_buckets().await?;
    store.create_bucket().await?;
    let with = f.store().list_buckets().await?;
    store.delete_bucket().await?;
    let new = store.bucket().to_owned();
    ensure!(
        before.iter().any(|name| name == f.store().bucket()),
        "{before:?}"
    );
    ensure!(
        !before.contains(&new) && with.contains(&new),
        "{before:?}, then {with:?}"
    );
    ensure!(with.is_sorted(), "{with:?}");
    Ok(())
}

pub(super) async fn names_that_no_bucket_has(f: &Fixture) -> Outcome {
    for name in [
        "",
        "ab",
        "Upper",
        "under_score",
        "a/b",
        "..",
        "a..b",
        "-ab",
        "10.0.0.1",
    ] {
        refused(f.store().with_bucket(name), StoreErrorKind::Invalid)?;
    }
    Ok(())
}
