//! What is written becomes one object, for the fewest requests.

use std::sync::{Arc, Mutex};

use futures_util::stream;
use s3orm::ErrorKind;
use s3orm::upload::Checksum;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{
    MIB, UPLOADS, at, counts, data, holds, is_absent, nothing_is_left, served, unfinished,
};

#[tokio::test]
async fn what_fits_into_a_part_is_one_put() {
    let (server, db) = served().await;
    for length in [0, 1, 5 * MIB] {
        server.reset();
        let bytes = data(length);
        let upload = db
            .upload("a")
            .content_type("text/plain")
            .metadata("of", "me");
        let uploaded = upload.bytes(bytes.clone()).await.unwrap();
        assert_eq!(counts(&server, UPLOADS), [1, 0, 0, 0, 0]);
        assert_eq!(server.requests().len(), 1);
        assert_eq!((uploaded.size, uploaded.parts), (length as u64, 0));
        assert_eq!(uploaded.key, "media/a");
        let meta = server.store().head("media/a").await.unwrap();
        assert_eq!(meta.etag.as_str(), uploaded.version.etag());
        assert_eq!(meta.checksum, Some(Checksum::of(&bytes)));
        assert_eq!(meta.content_type.as_deref(), Some("text/plain"));
        assert_eq!(
            (
                meta.metadata["of"].as_str(),
                meta.metadata["s3orm-id"].len()
            ),
            ("me", 32)
        );
        holds(&db, "a", &bytes).await;
    }
}

#[tokio::test]
async fn more_is_parts_and_each_way_of_writing_gives_the_same() {
    let (server, db) = served().await;
    let bytes = data(11 * MIB + 7);
    let mut uploader = db.upload("small writes").start();
    for chunk in bytes.chunks(99_991) {
        uploader.write(chunk.to_vec()).await.unwrap();
    }
    let one = uploader.complete().await.unwrap();
    assert_eq!(counts(&server, UPLOADS), [0, 1, 3, 1, 0]);
    assert_eq!(
        (one.size, one.parts, one.reused),
        (bytes.len() as u64, 3, 0)
    );
    assert_eq!(one.checksum, Some(Checksum::of(&bytes)));

    let two = db.upload("bytes").bytes(bytes.clone()).await.unwrap();
    let chunks = bytes
        .chunks(MIB)
        .map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec()));
    let three = db
        .upload("stream")
        .stream(stream::iter(chunks))
        .await
        .unwrap();
    let four = db.upload("reader").reader(&bytes[..]).await.unwrap();
    let mut uploader = db.upload("writer").start();
    uploader.write_all(&bytes).await.unwrap();
    assert!(uploader.uploaded().is_none());
    uploader.shutdown().await.unwrap();
    let five = uploader.uploaded().unwrap().clone();
    assert_eq!(counts(&server, UPLOADS), [0, 5, 15, 5, 0]);
    for uploaded in [one, two, three, four, five] {
        let key = uploaded.key.strip_prefix("media/").unwrap();
        holds(&db, key, &bytes).await;
        let meta = server.store().head(&uploaded.key).await.unwrap();
        assert_eq!(meta.checksum, Some(Checksum::of(&bytes)), "{key}");
        assert_eq!(meta.etag.as_str(), uploaded.version.etag());
    }
    assert!(unfinished(&db).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_are_sent_at_the_same_time_but_no_more_than_allowed() {
    let (server, db) = served().await;
    let bytes = data(41 * MIB);
    for parallel in [1, 3] {
        server.reset();
        let upload = db.upload("a").parallel(parallel);
        upload.bytes(bytes.clone()).await.unwrap();
        assert!(server.overlap() <= parallel, "{}", server.overlap());
        if parallel > 1 {
            assert!(server.overlap() > 1, "one part after the other");
        }
    }
}

#[tokio::test]
async fn a_write_that_is_too_long_is_refused_and_the_upload_goes_on() {
    let (_server, db) = served().await;
    let mut uploader = db.upload("a").max_part_size(6 << 20).start();
    uploader.write("begin ").await.unwrap();
    let error = uploader.write(data(6 * MIB + 1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert_eq!(error.key(), Some("media/a"));
    uploader.write("end").await.unwrap();
    assert_eq!(uploader.complete().await.unwrap().size, 9);
    holds(&db, "a", &"begin end".into()).await;
}

#[tokio::test]
async fn conditions_hold_for_small_and_large_and_leave_nothing() {
    let (server, db) = served().await;
    for length in [3, 6 * MIB] {
        let (first, second) = (data(length), data(length + 1));
        let key = format!("of {length}");
        let uploaded = db
            .upload(&key)
            .if_absent()
            .bytes(first.clone())
            .await
            .unwrap();
        let refused = db.upload(&key).if_absent().bytes(second.clone()).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::AlreadyExists);
        holds(&db, &key, &first).await;
        assert!(unfinished(&db).await.is_empty());

        let version = uploaded.version;
        let replaced = db.upload(&key).if_version(&version).bytes(second.clone());
        let replaced = replaced.await.unwrap();
        let meta = server.store().head(&replaced.key).await.unwrap();
        assert_eq!(meta.metadata.get("s3orm-prev").map(String::len), Some(32));
        let stale = db.upload(&key).if_version(&version).bytes(first).await;
        assert_eq!(stale.unwrap_err().kind(), ErrorKind::Conflict);
        holds(&db, &key, &second).await;
        let absent = db.upload("absent").if_version(&version).bytes(second).await;
        assert_eq!(absent.unwrap_err().kind(), ErrorKind::Conflict);
        assert!(unfinished(&db).await.is_empty());
    }
}

#[tokio::test]
async fn what_is_not_completed_is_aborted() {
    let (server, db) = served().await;
    let mut uploader = db.upload("a").start();
    uploader.write(data(11 * MIB)).await.unwrap();
    assert!(uploader.unfinished().await.unwrap().is_some());
    uploader.abort().await.unwrap();
    assert!(unfinished(&db).await.is_empty());

    let mut dropped = db.upload("a").start();
    dropped.write(data(11 * MIB)).await.unwrap();
    drop(dropped);
    nothing_is_left(&db).await;

    let chunks = [Ok(data(11 * MIB)), Err("the disk is gone")];
    let error = db
        .upload("a")
        .stream(stream::iter(chunks))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "the disk is gone"
    );
    nothing_is_left(&db).await;
    is_absent(&db, "a").await;
    assert_eq!(server.count("CompleteMultipartUpload"), 0);
}

#[tokio::test]
async fn options_that_do_not_fit_are_told_at_the_first_call() {
    let (server, db) = served().await;
    for (upload, kind) in [
        (db.upload("a").min_part_size(1), ErrorKind::Config),
        (
            db.upload("a").min_part_size(6 << 20).max_part_size(5 << 20),
            ErrorKind::Config,
        ),
        (db.upload(""), ErrorKind::InvalidKey),
        (db.upload("_s3orm/a"), ErrorKind::InvalidKey),
        (db.upload("x".repeat(1025)), ErrorKind::InvalidKey),
        (
            db.upload("a").metadata("s3orm-id", "1"),
            ErrorKind::InvalidRow,
        ),
    ] {
        let error = upload.start().write("1").await.unwrap_err();
        assert_eq!(
            (error.kind(), error.operation()),
            (kind, "upload"),
            "{error}"
        );
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn progress_is_told_of_what_the_store_has() {
    let (_server, db) = served().await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let hear = Arc::clone(&told);
    let upload = db.upload("a").on_progress(move |done, total| {
        hear.lock().unwrap().push((done, total));
    });
    upload.bytes(data(12 * MIB)).await.unwrap();
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(
        told.is_sorted() && told[2] == (12 << 20, Some(12 << 20)),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_download_is_a_reader_for_an_upload() {
    let (server, db) = served().await;
    let bytes = data(9 * MIB);
    db.upload("a").bytes(bytes.clone()).await.unwrap();
    let elsewhere = at(&server.endpoint()).await;
    let mut source = db.download("a").chunk_size(1 << 20).await.unwrap().unwrap();
    let mut head = [0; 10];
    source.read_exact(&mut head).await.unwrap();
    assert_eq!(head, bytes[..10]);
    elsewhere.upload("b").reader(source).await.unwrap();
    holds(&db, "b", &bytes.slice(10..)).await;
}
