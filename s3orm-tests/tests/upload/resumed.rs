//! Uploads that were interrupted: gone on with, or swept.

use std::time::Duration;

use s3orm::ErrorKind;
use s3orm::upload::Unfinished;

use super::{MIB, counts, data, holds, is_absent, served, unfinished};

const REQUESTS: [&str; 4] = [
    "CreateMultipartUpload",
    "ListParts",
    "UploadPart",
    "CompleteMultipartUpload",
];

#[tokio::test]
async fn parts_that_are_there_are_not_sent_again() {
    let (server, db) = served().await;
    let bytes = data(17 * MIB);
    let mut uploader = db.upload("a").content_type("text/plain").start();
    uploader.write(bytes.slice(..11 * MIB)).await.unwrap();
    let token = uploader.leave().await.unwrap().expect("parts were sent");
    let listed = unfinished(&db).await;
    assert_eq!(
        (listed[0].key.as_str(), &listed[0].upload_id),
        ("media/a", &token.upload_id)
    );
    assert!(listed[0].initiated.is_some() && token.write_id.is_some());
    for from in [listed[0].clone(), token] {
        server.reset();
        let mut uploader = db.upload("a").resume(&from).await.unwrap();
        uploader.write(bytes.clone()).await.unwrap();
        if from.write_id.is_none() {
            // Interrupted once more.
            uploader.leave().await.unwrap();
            assert_eq!(counts(&server, REQUESTS), [0, 1, 1, 0]);
            continue;
        }
        let object = uploader.complete().await.unwrap();
        assert_eq!((object.parts, object.reused), (4, 3));
        assert_eq!(counts(&server, REQUESTS), [0, 1, 1, 1]);
    }
    holds(&db, "a", &bytes).await;
    let meta = server.store().head("media/a").await.unwrap();
    assert_eq!(meta.content_type.as_deref(), Some("text/plain"));
    assert!(unfinished(&db).await.is_empty());
}

#[tokio::test]
async fn other_data_is_sent_whatever_is_there() {
    let (_server, db) = served().await;
    let mut uploader = db.upload("a").start();
    uploader.write(data(16 * MIB)).await.unwrap();
    let left = uploader.leave().await.unwrap().unwrap();
    let mut other = data(12 * MIB).to_vec();
    other[6 * MIB] ^= 1;
    let mut uploader = db.upload("a").resume(&left).await.unwrap();
    uploader.write(other.clone()).await.unwrap();
    let object = uploader.complete().await.unwrap();
    assert_eq!((object.parts, object.reused), (3, 1));
    holds(&db, "a", &other.into()).await;
}

#[tokio::test]
async fn little_data_ends_a_resumed_upload_too() {
    let (_server, db) = served().await;
    for bytes in [data(3), data(0)] {
        let mut uploader = db.upload("a").start();
        uploader.write(data(11 * MIB)).await.unwrap();
        let left = uploader.leave().await.unwrap().unwrap();
        let mut uploader = db.upload("a").resume(&left).await.unwrap();
        uploader.write(bytes.clone()).await.unwrap();
        uploader.complete().await.unwrap();
        holds(&db, "a", &bytes).await;
        super::nothing_is_left(&db).await;
    }
}

#[tokio::test]
async fn what_cannot_be_resumed_is_told() {
    let (_server, db) = served().await;
    let gone = Unfinished {
        key: "media/a".to_owned(),
        upload_id: "0".repeat(32),
        initiated: None,
        write_id: None,
    };
    let error = db.upload("a").resume(&gone).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let error = db.upload("b").resume(&gone).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let mut nothing = db.upload("a").start();
    nothing.write("little").await.unwrap();
    assert_eq!(nothing.leave().await.unwrap(), None);
    is_absent(&db, "a").await;
}

#[tokio::test]
async fn a_sweep_ends_what_is_old_and_keeps_the_rest() {
    let (server, db) = served().await;
    let mut left = Vec::new();
    for key in ["a/1", "a/2", "b"] {
        let mut uploader = db.upload(key).start();
        uploader.write(data(6 * MIB)).await.unwrap();
        left.push(uploader.leave().await.unwrap().unwrap());
    }
    // Another database's.
    let elsewhere = server.store().create_upload(s3orm::store::CreateUpload {
        key: "elsewhere".to_owned(),
        ..Default::default()
    });
    elsewhere.await.unwrap();
    let swept = db.sweep_uploads().await.unwrap();
    assert_eq!((swept.ended, swept.kept), (0, 3));
    server.reset();
    let swept = db
        .sweep_uploads()
        .under("a/")
        .older_than(Duration::ZERO)
        .await
        .unwrap();
    assert_eq!((swept.ended, swept.kept), (2, 0));
    assert_eq!(
        counts(
            &server,
            ["ListMultipartUploads", "AbortMultipartUpload", "ListParts"]
        ),
        [1, 2, 2]
    );
    let keys: Vec<_> = unfinished(&db)
        .await
        .into_iter()
        .map(|upload| upload.key)
        .collect();
    assert_eq!(keys, ["media/b"]);
    // Who was under way is told.
    let mut uploader = db.upload("a/1").resume(&left[2]).await.err();
    assert_eq!(uploader.take().unwrap().kind(), ErrorKind::Config);
    let error = db.upload("a/1").resume(&left[0]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
}
