//! Over HTTP: uploads and reads, with their requests.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{TryStreamExt as _, stream};
use s3orm::store::GetObject;
use s3orm::store::memory::MemoryStore;
use s3orm::{Env, ErrorKind};
use s3orm_tests::connect;
use s3orm_tests::proxy::Proxy;
use s3orm_tests::server::{BUCKET, TestServer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// The requests since the last call, by S3's names.
fn requests(server: &TestServer) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for served in server.requests() {
        *counts.entry(served.operation).or_default() += 1;
    }
    server.reset();
    counts
}

async fn served() -> (TestServer, Db) {
    let server = TestServer::memory().await;
    let db = connect::db(&server.endpoint()).await;
    (server, db)
}

#[tokio::test]
async fn a_blob_is_one_put_and_its_row_says_what_it_is() {
    let (server, db) = served().await;
    let proxy = Proxy::in_front_of(server.local_addr()).await;
    let people = connect::db(&proxy.endpoint()).await.table::<Person>();
    let upload = people.blob().content_type("image/jpeg");
    let photo = upload.bytes("a photo").await.unwrap();
    assert_eq!(requests(&server), BTreeMap::from([("PutObject", 1)]));
    let headers = proxy.headers("PutObject").pop().unwrap();
    assert_eq!(headers["if-none-match"], "*", "it is never written over");
    assert_eq!(headers["content-type"], "image/jpeg");
    people.insert(person(1, photo.clone())).await.unwrap();

    let row = GetObject {
        key: "people/1.json".to_owned(),
        ..GetObject::default()
    };
    let row = server.store().get(row).await.unwrap().body;
    let row: serde_json::Value = serde_json::from_slice(&row).unwrap();
    let stored = &row["photo"];
    assert_eq!(stored["key"], photo.key());
    assert_eq!(stored["size"], 7);
    assert_eq!(stored["content_type"], "image/jpeg");
    let sum = "d3e1ad8b2c0e7ea3b9b2fb3b0c4bc2cd";
    assert_eq!(stored["sha256"].as_str().unwrap().len(), 2 * sum.len());
    assert!(photo.key().starts_with("_s3orm/blob/people/"));

    requests(&server);
    let read = db.table::<Person>().get(1).await.unwrap().unwrap();
    assert_eq!(read.photo, Some(photo.clone()));
    assert_eq!(photo.bytes(&db, 7).await.unwrap(), "a photo");
    assert_eq!(requests(&server), BTreeMap::from([("GetObject", 2)]));
    let error = photo.bytes(&db, 6).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_large_blob_goes_in_parts_and_comes_in_ranges() {
    let (server, db) = served().await;
    let people = db.table::<Person>();
    let bytes: Bytes = (0..11 * MIB).map(|at| at.to_le_bytes()[at % 2]).collect();
    let mut writer = people.blob().start();
    for piece in bytes.chunks(700_000) {
        writer.write(piece.to_vec()).await.unwrap();
    }
    let blob = writer.finish().await.unwrap();
    assert_eq!(blob.size(), bytes.len() as u64);
    let expected = [
        ("CompleteMultipartUpload", 1),
        ("CreateMultipartUpload", 1),
        ("UploadPart", 3),
    ];
    assert_eq!(requests(&server), BTreeMap::from(expected));

    assert_eq!(blob.bytes(&db, 1 << 30).await.unwrap(), bytes);
    assert_eq!(requests(&server), BTreeMap::from([("GetObject", 2)]));
    let range = blob.range(&db, 5_000_000..5_000_010);
    assert_eq!(range.bytes(100).await.unwrap(), bytes[5_000_000..5_000_010]);
    assert_eq!(requests(&server), BTreeMap::from([("GetObject", 1)]));
    let beyond = blob.range(&db, bytes.len() as u64..);
    assert_eq!(beyond.bytes(100).await.unwrap(), "");
    assert!(server.requests().is_empty());
    let mut read = Vec::new();
    blob.reader(&db).read_to_end(&mut read).await.unwrap();
    assert_eq!(read, bytes);
}

#[tokio::test]
async fn every_way_in_makes_the_same_blob() {
    let (_server, db) = served().await;
    let people = db.table::<Person>();
    let bytes: Bytes = vec![3; 6 * MIB].into();
    let pieces = || {
        stream::iter(
            bytes
                .chunks(99_999)
                .map(|piece| Ok::<_, io::Error>(piece.to_vec())),
        )
    };
    let mut written = people.blob().start();
    written.write_all(&bytes).await.unwrap();
    assert!(written.blob().is_none());
    written.shutdown().await.unwrap();
    let blobs = [
        people.blob().bytes(bytes.clone()).await.unwrap(),
        people.blob().stream(pieces()).await.unwrap(),
        people.blob().reader(&bytes[..]).await.unwrap(),
        written.blob().unwrap(),
        written.finish().await.unwrap(),
    ];
    for blob in &blobs {
        assert_eq!(
            (blob.size(), blob.sha256()),
            (bytes.len() as u64, blobs[0].sha256())
        );
        assert_eq!(blob.bytes(&db, 1 << 30).await.unwrap(), bytes);
    }
    let keys: BTreeSet<_> = blobs.iter().map(Blob::key).collect();
    assert_eq!(
        keys.len(),
        4,
        "each has a key of its own; the last two are one"
    );
    let empty = people.blob().bytes("").await.unwrap();
    assert_eq!(empty.bytes(&db, 0).await.unwrap(), "");
}

#[tokio::test]
async fn what_fails_makes_no_blob() {
    let (server, db) = served().await;
    let people = db.table::<Person>();
    let broken = stream::iter([Ok(vec![0; 6 * MIB]), Err(io::Error::other("the disk"))]);
    let error = people.blob().stream(broken).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    let mut aborted = people.blob().start();
    aborted.write(vec![0; 6 * MIB]).await.unwrap();
    aborted.abort().await.unwrap();
    tokio::task::yield_now().await;
    assert!(keys(&**server.store(), "").await.is_empty());
    // One is aborted in the background.
    for _ in 0..100 {
        let left: Vec<_> = db.uploads("").try_collect().await.unwrap();
        if left.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("an upload is left");
}

#[tokio::test]
async fn a_copy_is_one_request_and_a_blob_of_its_own() {
    let (server, db) = served().await;
    let upload = db.table::<Person>().blob().content_type("text/plain");
    let photo = upload.bytes("0123456789").await.unwrap();
    requests(&server);
    let page = db.table::<Paper>().copy_blob(&photo).await.unwrap();
    assert_eq!(requests(&server), BTreeMap::from([("CopyObject", 1)]));
    assert_eq!((page.table(), page.sha256()), ("papers", photo.sha256()));
    db.table::<Paper>()
        .insert(paper(1, page.clone()))
        .await
        .unwrap();
    assert_eq!(page.bytes(&db, 100).await.unwrap(), "0123456789");
    let meta = server.store().head(&page.key()).await.unwrap();
    assert_eq!(meta.content_type.as_deref(), Some("text/plain"));
}

#[tokio::test]
async fn a_signed_url_reads_it() {
    let (server, db) = served().await;
    let photo = db.table::<Person>().blob().bytes("a photo").await.unwrap();
    let url = photo.presign_get(&db).await.unwrap();
    let target = url.as_str().strip_prefix(&server.endpoint()).unwrap();
    let request = http::Request::get(target).header("host", server.local_addr().to_string());
    let request = request.body(http_body_util::Full::default()).unwrap();
    let answer = s3orm_tests::raw::exchange(server.local_addr(), request).await;
    let answer = answer.unwrap();
    assert_eq!((answer.status, &*answer.body), (200, &b"a photo"[..]));
}

/// Lets this much time pass for the server's store, and for nobody else.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_sweep_costs_what_it_says() {
    let store = MemoryStore::new(BUCKET, Env::seeded(1));
    let server = TestServer::over(Arc::new(store)).await;
    let db = connect::db(&server.endpoint()).await;
    let (people, papers) = (db.table::<Person>(), db.table::<Paper>());
    for id in 0..5 {
        let photo = people.blob().bytes(vec![0; 100]).await.unwrap();
        people.put(person(id, photo)).await.unwrap();
    }
    let page = papers.blob().bytes("a page").await.unwrap();
    papers.insert(paper(1, page)).await.unwrap();
    let sweep = async || {
        requests(&server);
        let swept = db.sweep_blobs().of::<Person>().of::<Paper>().await.unwrap();
        (swept, requests(&server))
    };
    let clock = [("HeadObject", 1), ("PutObject", 1)];
    let with = |more: &[(&'static str, usize)]| {
        let mut counts = BTreeMap::from(clock);
        for (operation, count) in more {
            *counts.entry(*operation).or_default() += count;
        }
        counts
    };

    // Everything is young: two folders of each table are listed.
    let (swept, cost) = sweep().await;
    assert_eq!((swept.young, swept.named, swept.marked), (6, 0, 0));
    assert_eq!(cost, with(&[("ListObjectsV2", 4)]));

    // Everything is named: the rows are read once.
    pass(HOUR).await;
    let (swept, cost) = sweep().await;
    assert_eq!((swept.young, swept.named, swept.marked), (0, 6, 0));
    assert_eq!(cost, with(&[("ListObjectsV2", 6), ("GetObject", 6)]));

    // Two are not: they are marked, and the tables are listed once more.
    people.delete(0).await.unwrap();
    let photo = people.blob().bytes("another").await.unwrap();
    people.put(person(1, photo)).await.unwrap();
    pass(HOUR).await;
    let (swept, cost) = sweep().await;
    assert_eq!((swept.named, swept.marked, swept.removed), (5, 2, 0));
    let marks = ("PutObject", 2);
    assert_eq!(cost, with(&[("ListObjectsV2", 8), ("GetObject", 5), marks]));
    let (swept, _) = sweep().await;
    assert_eq!((swept.marked, swept.removed), (2, 0), "not within the hour");

    // And go.
    pass(HOUR).await;
    let (swept, cost) = sweep().await;
    assert_eq!((swept.removed, swept.bytes, swept.marked), (2, 200, 0));
    let bulk = ("DeleteObjects", 2);
    assert_eq!(cost, with(&[("ListObjectsV2", 8), ("GetObject", 5), bulk]));
    let left = keys(&**server.store(), "_s3orm/blob").await;
    assert_eq!(left, whole(&db).await);
}
