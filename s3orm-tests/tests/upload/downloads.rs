//! Objects are read whole and of one version, or not at all.

use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use s3orm::{Db, ErrorKind};
use s3orm_tests::odd::{OddStore, Quirk};
use s3orm_tests::proxy::{Fault, on};
use s3orm_tests::server::TestServer;
use tokio::io::AsyncReadExt as _;

use super::{MIB, at, counts, data, proxied, served};

const READS: [&str; 2] = ["HeadObject", "GetObject"];

#[tokio::test]
async fn large_objects_are_read_in_ranges_and_small_ones_at_once() {
    let (server, db) = served().await;
    for (length, gets) in [(0, 0), (1, 1), (MIB, 1), (MIB + 1, 2), (5 * MIB + 3, 6)] {
        let bytes = data(length);
        db.upload("a")
            .content_type("a/b")
            .metadata("of", "me")
            .bytes(bytes.clone())
            .await
            .unwrap();
        server.reset();
        let object = db.download("a").chunk_size(1 << 20).await.unwrap().unwrap();
        assert_eq!(
            (object.len(), object.size()),
            (length as u64, length as u64)
        );
        assert_eq!(
            (object.key(), object.content_type()),
            ("media/a", Some("a/b"))
        );
        assert_eq!(
            object.metadata().into_iter().collect::<Vec<_>>(),
            [("of".into(), "me".into())]
        );
        assert!(object.checksum().is_some() && object.last_modified().is_some());
        assert!(object.bytes(length as u64).await.unwrap() == bytes);
        assert_eq!(counts(&server, READS), [1, gets]);
    }
    assert!(db.download("b").await.unwrap().is_none());
}

#[tokio::test]
async fn ranges_are_read_at_the_same_time_and_no_more_than_allowed() {
    for parallel in [1, 3] {
        let (_server, proxy, db, direct) = proxied().await;
        let bytes = data(6 * MIB);
        direct.upload("a").bytes(bytes.clone()).await.unwrap();
        proxy.fail_all(on("GetObject"), Fault::Delay(Duration::from_millis(20)));
        let request = db.download("a").chunk_size(1 << 20).parallel(parallel);
        let object = request.await.unwrap().unwrap();
        assert!(object.bytes(1 << 30).await.unwrap() == bytes);
        assert_eq!(proxy.overlap(), parallel);
    }
}

#[tokio::test]
async fn ranges_are_cut_at_the_objects_end() {
    let (_server, db) = served().await;
    let bytes = data(2 * MIB);
    db.upload("a").bytes(bytes.clone()).await.unwrap();
    let read = async |request: s3orm::upload::DownloadRequest| {
        let object = request.chunk_size(300_000).await.unwrap().unwrap();
        let length = object.len();
        let found = object.bytes(1 << 30).await.unwrap();
        assert_eq!(found.len() as u64, length);
        found
    };
    let end = bytes.len() as u64;
    assert!(read(db.download("a").range(..)).await == bytes);
    assert!(read(db.download("a").range(5..=9)).await == bytes.slice(5..10));
    assert!(read(db.download("a").range(1_000_000..)).await == bytes.slice(1_000_000..));
    assert!(read(db.download("a").range(end - 1..end + 9)).await == bytes.slice(2 * MIB - 1..));
    assert!(read(db.download("a").range(end..)).await.is_empty());
    assert!(read(db.download("a").range(7..7)).await.is_empty());
}

#[tokio::test]
async fn a_download_of_two_versions_is_a_conflict() {
    let (server, db) = served().await;
    db.upload("a").bytes(data(3 * MIB)).await.unwrap();
    for replace in [true, false] {
        let request = db.download("a").chunk_size(1 << 20).parallel(1);
        let mut object = request.await.unwrap().unwrap();
        assert_eq!(object.try_next().await.unwrap().unwrap().len(), MIB);
        if replace {
            db.upload("a").bytes(data(3 * MIB - 1)).await.unwrap();
        } else {
            let delete = s3orm::store::DeleteObject {
                key: "media/a".to_owned(),
                ..Default::default()
            };
            server.store().delete(delete).await.unwrap();
        }
        // One chunk was under way before.
        let error = loop {
            match object.try_next().await {
                Ok(chunk) => assert!(chunk.is_some(), "the end of half an object"),
                Err(error) => break error,
            }
        };
        assert_eq!(
            (error.kind(), error.key()),
            (ErrorKind::Conflict, Some("media/a"))
        );
        assert!(object.try_next().await.unwrap().is_none());
    }
}

#[tokio::test]
async fn bytes_that_are_not_the_objects_are_noticed() {
    let server = TestServer::over(Arc::new(OddStore::new(Quirk::DamagesBodies))).await;
    let db = at(&server.endpoint()).await;
    for length in [10, 3 * MIB] {
        db.upload("a").bytes(data(length)).await.unwrap();
        let object = db.download("a").chunk_size(1 << 20).await.unwrap().unwrap();
        let error = object.bytes(1 << 30).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{error:?}");
        let mut reader = db.download("a").await.unwrap().unwrap();
        let mut read = Vec::new();
        assert!(reader.read_to_end(&mut read).await.is_err());
        assert!(read.len() < length, "the last bytes were handed out");
    }
}

#[tokio::test]
async fn cuts_in_the_middle_are_read_again() {
    let (server, proxy, db, direct) = proxied().await;
    let bytes = data(3 * MIB);
    direct.upload("a").bytes(bytes.clone()).await.unwrap();
    server.reset();
    proxy.fail_next(on("GetObject"), Fault::CutInBody);
    proxy.fail_nth(2, on("GetObject"), Fault::Answer(503, "SlowDown"));
    let object = db.download("a").chunk_size(1 << 20).await.unwrap().unwrap();
    assert!(object.bytes(1 << 30).await.unwrap() == bytes);
    assert_eq!(counts(&server, READS), [1, 4]);
    // A proxy that shortens an object and says so is found out.
    proxy.fail_next(on("GetObject"), Fault::Truncate);
    let object = db.download("a").chunk_size(1 << 20).await.unwrap().unwrap();
    assert!(object.bytes(1 << 30).await.is_err());
}

#[tokio::test]
async fn a_limit_is_kept_and_other_stores_do_the_same() {
    for connection in ["memory:".to_owned(), folder()] {
        let db = Db::connect(&connection).await.unwrap();
        let bytes = data(11 * MIB);
        db.upload("a").bytes(bytes.clone()).await.unwrap();
        let object = db.download("a").await.unwrap().unwrap();
        assert!(object.checksum().is_some());
        let error = object.bytes(11 << 19).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        super::holds(&db, "a", &bytes).await;
        let mut uploader = db.upload("b").start();
        uploader.write(data(6 * MIB)).await.unwrap();
        uploader.leave().await.unwrap().unwrap();
        let sweep = db.sweep_uploads().older_than(Duration::ZERO);
        assert_eq!(sweep.await.unwrap().ended, 1);
    }
}

/// A folder that is gone with the system's temporary files.
fn folder() -> String {
    let path = tempfile::tempdir().expect("a folder").keep();
    format!("file:{}", path.display())
}
