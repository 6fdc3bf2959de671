//! Objects one by one: bodies, metadata, ranges.

use std::borrow::Cow;
use std::time::Duration;

use anyhow::ensure;
use bytes::Bytes;
use s3orm::Env;
use s3orm::store::{ByteRange, GetObject, Metadata, PutObject, StoreErrorKind};

use super::fixture::refused;
use super::{Fixture, Outcome};

fn metadata(pairs: &[(&str, &str)]) -> Metadata {
    let pairs = pairs
        .iter()
        .map(|&(name, value)| (name.into(), value.into()));
    pairs.collect()
}

fn with_metadata(f: &Fixture, metadata: Metadata) -> PutObject {
    PutObject {
        metadata,
        ..f.write("a", "1")
    }
}

pub(super) async fn metadata_and_content_type_come_back(f: &Fixture) -> Outcome {
    let given = metadata(&[
        ("plain", "value"),
        ("spaces", "one two three four"),
        ("signs", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
        ("with-dash", "=a=b="),
    ]);
    let request = PutObject {
        content_type: Some(Cow::Borrowed("application/json; charset=utf-8")),
        ..with_metadata(f, given.clone())
    };
    f.store().put(&request).await?;
    for meta in [f.get("a").await?.meta, f.store().head(&f.key("a")).await?] {
        ensure!(meta.metadata == given, "{:?}", meta.metadata);
        let content_type = meta.content_type.as_deref();
        ensure!(
            content_type == Some("application/json; charset=utf-8"),
            "{content_type:?}"
        );
        ensure!(meta.size == 1, "{}", meta.size);
    }
    let upper = metadata(&[("Name", "V")]);
    f.store().put(&with_metadata(f, upper)).await?;
    let found = f.get("a").await?.meta;
    ensure!(found.metadata == metadata(&[("name", "V")]), "{found:?}");
    let content_type = found.content_type.as_deref();
    ensure!(
        content_type == Some("application/octet-stream"),
        "{content_type:?}"
    );
    Ok(())
}

pub(super) async fn a_content_encoding_comes_back(f: &Fixture) -> Outcome {
    // No store looks into it: these bytes are none of that encoding's.
    let request = PutObject {
        content_encoding: Some(Cow::Borrowed("zstd")),
        ..f.write("a", "not compressed")
    };
    f.store().put(&request).await?;
    f.holds("a", "not compressed").await?;
    for meta in [f.get("a").await?.meta, f.store().head(&f.key("a")).await?] {
        ensure!(meta.content_encoding.as_deref() == Some("zstd"), "{meta:?}");
    }
    f.put("a", "1").await?;
    let meta = f.get("a").await?.meta;
    ensure!(meta.content_encoding.is_none(), "{meta:?}");
    let unsafe_one = PutObject {
        content_encoding: Some(Cow::Borrowed("zstd\r\nx-amz-acl: public-read")),
        ..f.write("a", "2")
    };
    ensure!(f.store().put(&unsafe_one).await.is_err(), "it was written");
    f.holds("a", "1").await
}

pub(super) async fn a_write_replaces_metadata(f: &Fixture) -> Outcome {
    let first = f
        .store()
        .put(&with_metadata(f, metadata(&[("a", "1")])))
        .await?;
    let second = f
        .store()
        .put(&with_metadata(f, metadata(&[("b", "2")])))
        .await?;
    ensure!(first == second, "the tag is of more than the bytes");
    let found = f.get("a").await?.meta.metadata;
    ensure!(found == metadata(&[("b", "2")]), "{found:?}");
    Ok(())
}

pub(super) async fn long_metadata(f: &Fixture) -> Outcome {
    let long = "v".repeat(1900);
    let given = metadata(&[("n", long.as_str()), ("other", "x")]);
    f.store().put(&with_metadata(f, given.clone())).await?;
    ensure!(f.get("a").await?.meta.metadata == given);
    Ok(())
}

pub(super) async fn unsafe_metadata_is_refused(f: &Fixture) -> Outcome {
    for (name, value) in [
        ("n", "a\r\nx-amz-acl: public-read"),
        ("n", "a\nb"),
        ("n", "a\0b"),
        ("n", "a\u{7f}"),
        ("n", "é"),
        ("n", " at an end"),
        ("n", "at an end "),
        ("n", "two  in a row"),
        ("a b", "v"),
        ("a:b", "v"),
        ("a\r\nb", "v"),
        ("", "v"),
    ] {
        let given = metadata(&[(name, value)]);
        let answer = f.store().put(&with_metadata(f, given)).await;
        refused(answer, StoreErrorKind::Invalid)?;
    }
    let request = PutObject {
        content_type: Some(Cow::Borrowed("text/plain\r\nx-amz-acl: public-read")),
        ..f.write("a", "1")
    };
    refused(f.store().put(&request).await, StoreErrorKind::Invalid)?;
    f.is_absent("a").await
}

pub(super) async fn too_much_metadata_is_refused(f: &Fixture) -> Outcome {
    let long = "v".repeat(1100);
    let given = metadata(&[("one", long.as_str()), ("two", long.as_str())]);
    let answer = f.store().put(&with_metadata(f, given)).await;
    refused(answer, StoreErrorKind::Invalid)?;
    f.is_absent("a").await
}

pub(super) async fn bodies_of_many_sizes(f: &Fixture) -> Outcome {
    for size in [0, 1, 1023, 65_536, (1 << 20) + 1] {
        let body: Bytes = (0..size)
            .map(|at: u32| at.to_le_bytes()[at as usize % 3])
            .collect();
        let request = PutObject {
            body: body.clone(),
            ..f.write("a", "")
        };
        let written = f.store().put(&request).await?;
        let read = f.get("a").await?;
        ensure!(read.body == body, "{size} bytes became {}", read.body.len());
        ensure!(read.meta.etag == written.etag, "another tag is read");
        ensure!(read.meta.size == u64::from(size), "size {}", read.meta.size);
        let head = f.store().head(&f.key("a")).await?;
        ensure!(
            head.size == u64::from(size) && head.etag == written.etag,
            "{head:?}"
        );
    }
    Ok(())
}

fn part(f: &Fixture, name: &str, range: ByteRange) -> GetObject {
    GetObject {
        range: Some(range),
        ..f.read(name)
    }
}

pub(super) async fn ranges(f: &Fixture) -> Outcome {
    f.put("a", "0123456789").await?;
    for (range, expected) in [
        (ByteRange::From(0), "0123456789"),
        (ByteRange::From(9), "9"),
        (ByteRange::Span(0, 1), "0"),
        (ByteRange::Span(2, 5), "234"),
        (ByteRange::Span(0, 10), "0123456789"),
        (ByteRange::Span(8, 100), "89"),
        (ByteRange::Last(1), "9"),
        (ByteRange::Last(10), "0123456789"),
        (ByteRange::Last(100), "0123456789"),
    ] {
        let read = f.store().get(part(f, "a", range)).await?;
        ensure!(read.body == expected, "{range:?} is {:?}", read.body);
        ensure!(read.meta.size == 10, "{range:?}: size {}", read.meta.size);
    }
    Ok(())
}

pub(super) async fn ranges_that_have_no_byte(f: &Fixture) -> Outcome {
    f.put("a", "0123456789").await?;
    f.put("empty", "").await?;
    for (name, range) in [
        ("a", ByteRange::From(10)),
        ("a", ByteRange::From(u64::MAX)),
        ("a", ByteRange::Span(10, 20)),
        ("a", ByteRange::Span(5, 5)),
        ("a", ByteRange::Last(0)),
        ("empty", ByteRange::From(0)),
        ("empty", ByteRange::Span(0, 1)),
        ("empty", ByteRange::Last(1)),
    ] {
        let answer = f.store().get(part(f, name, range)).await;
        refused(answer, StoreErrorKind::InvalidRange)
            .map_err(|error| error.context(format!("{range:?} of `{name}`")))?;
    }
    refused(
        f.store().get(part(f, "nothing", ByteRange::From(0))).await,
        StoreErrorKind::NotFound,
    )
}

pub(super) async fn a_read_is_limited(f: &Fixture) -> Outcome {
    f.put("a", "0123456789").await?;
    let limited = |max_bytes, range| GetObject {
        max_bytes: Some(max_bytes),
        range,
        ..f.read("a")
    };
    ensure!(f.store().get(limited(10, None)).await?.body == "0123456789");
    refused(
        f.store().get(limited(9, None)).await,
        StoreErrorKind::TooLarge,
    )?;
    let some = f
        .store()
        .get(limited(3, Some(ByteRange::Span(1, 4))))
        .await?;
    ensure!(some.body == "123", "{:?}", some.body);
    let more = f.store().get(limited(3, Some(ByteRange::From(1)))).await;
    refused(more, StoreErrorKind::TooLarge)
}

pub(super) async fn times_are_recent(f: &Fixture) -> Outcome {
    const SKEW: Duration = Duration::from_mins(15);
    let before = Env::system().now();
    f.put("a", "1").await?;
    let listed = f.list_all("").await?;
    let head = f.store().head(&f.key("a")).await?;
    let read = f.get("a").await?.meta;
    let time = head.last_modified;
    ensure!(
        read.last_modified == time,
        "{:?} and {time:?}",
        read.last_modified
    );
    ensure!(listed.len() == 1, "{listed:?}");
    let time = time.unwrap_or(std::time::UNIX_EPOCH);
    ensure!(time > before - SKEW && time < before + SKEW, "{time:?}");
    Ok(())
}
