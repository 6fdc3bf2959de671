//! Conditional requests: each outcome of S3's table.

use anyhow::ensure;
use s3orm::store::Precondition::{IfAbsent, IfMatch, IfPresent};
use s3orm::store::{ETag, GetObject, Precondition, StoreErrorKind};

use super::fixture::{refused, refused_as};
use super::{Fixture, Outcome};

pub(super) async fn create_if_absent(f: &Fixture) -> Outcome {
    let etag = f.put_if("a", "1", IfAbsent).await?;
    f.holds("a", "1").await?;
    ensure!(f.get("a").await?.meta.etag == etag, "another tag is read");
    Ok(())
}

pub(super) async fn create_if_absent_over_an_object(f: &Fixture) -> Outcome {
    f.put("a", "1").await?;
    let answer = f.put_if("a", "2", IfAbsent).await;
    refused(answer, StoreErrorKind::PreconditionFailed)?;
    f.holds("a", "1").await
}

pub(super) async fn replace_if_match(f: &Fixture) -> Outcome {
    let first = f.put("a", "1").await?;
    let second = f.put_if("a", "2", IfMatch(first.clone())).await?;
    ensure!(first != second, "another body has the same tag");
    f.holds("a", "2").await
}

pub(super) async fn replace_if_match_with_another_tag(f: &Fixture) -> Outcome {
    let first = f.put("a", "1").await?;
    f.put("a", "2").await?;
    let answer = f.put_if("a", "3", IfMatch(first)).await;
    refused(answer, StoreErrorKind::PreconditionFailed)?;
    f.holds("a", "2").await
}

pub(super) async fn replace_if_match_of_nothing(f: &Fixture) -> Outcome {
    let tag = f.put("other", "1").await?;
    let answer = f.put_if("a", "2", IfMatch(tag)).await;
    refused(answer, StoreErrorKind::NotFound)?;
    f.is_absent("a").await
}

pub(super) async fn replace_if_present(f: &Fixture) -> Outcome {
    let answer = f.put_if("a", "1", IfPresent).await;
    refused(answer, StoreErrorKind::NotFound)?;
    f.is_absent("a").await?;
    f.put("a", "1").await?;
    f.put_if("a", "2", IfPresent).await?;
    f.holds("a", "2").await
}

pub(super) async fn delete_if_match(f: &Fixture) -> Outcome {
    let tag = f.put("a", "1").await?;
    f.delete_if("a", IfMatch(tag)).await?;
    f.is_absent("a").await
}

pub(super) async fn delete_if_match_with_another_tag(f: &Fixture) -> Outcome {
    let first = f.put("a", "1").await?;
    f.put("a", "2").await?;
    let answer = f.delete_if("a", IfMatch(first)).await;
    refused(answer, StoreErrorKind::PreconditionFailed)?;
    f.holds("a", "2").await
}

pub(super) async fn delete_if_match_of_nothing(f: &Fixture) -> Outcome {
    let tag = f.put("other", "1").await?;
    let answer = f.delete_if("a", IfMatch(tag)).await;
    refused(answer, StoreErrorKind::NotFound)
}

pub(super) async fn delete_if_present(f: &Fixture) -> Outcome {
    let answer = f.delete_if("a", IfPresent).await;
    refused(answer, StoreErrorKind::NotFound)?;
    f.put("a", "1").await?;
    f.delete_if("a", IfPresent).await?;
    f.is_absent("a").await
}

pub(super) async fn delete_cannot_ask_for_absence(f: &Fixture) -> Outcome {
    f.put("a", "1").await?;
    let kinds = [StoreErrorKind::Invalid, StoreErrorKind::Unsupported];
    refused_as(f.delete_if("a", IfAbsent).await, &kinds)?;
    f.holds("a", "1").await
}

pub(super) async fn a_deleted_object_is_absent(f: &Fixture) -> Outcome {
    let tag = f.put("a", "1").await?;
    f.delete_if("a", IfMatch(tag.clone())).await?;
    let answer = f.put_if("a", "2", IfMatch(tag)).await;
    refused(answer, StoreErrorKind::NotFound)?;
    f.put_if("a", "3", IfAbsent).await?;
    f.holds("a", "3").await
}

pub(super) async fn read_if_match(f: &Fixture) -> Outcome {
    let first = f.put("a", "1").await?;
    let with = |tag: &ETag| GetObject {
        if_match: Some(tag.clone()),
        ..f.read("a")
    };
    ensure!(f.store().get(with(&first)).await?.body == "1");
    f.put("a", "2").await?;
    let answer = f.store().get(with(&first)).await;
    refused(answer, StoreErrorKind::PreconditionFailed)?;
    f.delete_if("a", Precondition::None).await?;
    refused(f.store().get(with(&first)).await, StoreErrorKind::NotFound)
}

pub(super) async fn read_if_changed(f: &Fixture) -> Outcome {
    let first = f.put("a", "1").await?;
    let unlike = |tag: &ETag| GetObject {
        if_none_match: Some(tag.clone()),
        ..f.read("a")
    };
    let answer = f.store().get(unlike(&first)).await;
    refused(answer, StoreErrorKind::NotModified)?;
    f.put("a", "2").await?;
    ensure!(f.store().get(unlike(&first)).await?.body == "2");
    Ok(())
}

pub(super) async fn equal_bytes_have_equal_tags(f: &Fixture) -> Outcome {
    let first = f.put("a", "hello").await?;
    f.put("a", "other").await?;
    let again = f.put("a", "hello").await?;
    ensure!(first == again, "{first} became {again}");
    ensure!(
        first.as_str() == "5d41402abc4b2a76b9719d911017c592",
        "{first} is not the bytes' MD5"
    );
    Ok(())
}
