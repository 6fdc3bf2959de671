//! Uploads, downloads and signed URLs over HTTP, with what they cost and what cuts leave.

mod cuts;
mod downloads;
mod ends;
mod presigned;
mod resumed;
mod writes;

use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use s3orm::upload::Unfinished;
use s3orm::{Db, Env};
use s3orm_tests::connect;
use s3orm_tests::proxy::Proxy;
use s3orm_tests::server::{BUCKET, TestServer};

const MIB: usize = 1 << 20;

/// A server and a database at a prefix of its bucket.
async fn served() -> (TestServer, Db) {
    let server = TestServer::memory().await;
    let db = at(&server.endpoint()).await;
    (server, db)
}

/// The same with a proxy between; the last database goes past it.
async fn proxied() -> (TestServer, Proxy, Db, Db) {
    let (server, direct) = served().await;
    let proxy = Proxy::in_front_of(server.local_addr()).await;
    let db = at(&proxy.endpoint()).await;
    (server, proxy, db, direct)
}

async fn at(endpoint: &str) -> Db {
    let connection = format!("s3://{BUCKET}/media?endpoint={endpoint}");
    let builder = Db::builder(&connection).expect("a connection string");
    let builder = builder.credentials(connect::credentials());
    let builder = builder.timeout(Duration::from_secs(10));
    builder.connect().await.expect("a database")
}

/// Bytes of which no two parts are equal.
fn data(length: usize) -> Bytes {
    let mut bytes: Vec<u8> = b"0123456789abcdef".repeat(length / 16 + 1);
    bytes.truncate(length);
    for (number, page) in bytes.chunks_mut(4096).enumerate() {
        page[0] = number.to_le_bytes()[0];
        *page.last_mut().expect("a page has a byte") = number.to_le_bytes()[1];
    }
    bytes.into()
}

async fn holds(db: &Db, key: &str, expected: &Bytes) {
    let object = db
        .download(key)
        .await
        .expect("the server answers")
        .expect("it was uploaded");
    let found = object.bytes(1 << 30).await.expect("the server answers");
    assert!(found == *expected, "{key} has {} other bytes", found.len());
}

async fn is_absent(db: &Db, key: &str) {
    assert!(
        db.download(key)
            .await
            .expect("the server answers")
            .is_none(),
        "{key}"
    );
}

async fn unfinished(db: &Db) -> Vec<Unfinished> {
    db.uploads("")
        .try_collect()
        .await
        .expect("the server answers")
}

/// Waits for what is done in the background.
async fn nothing_is_left(db: &Db) {
    for _ in 0..200 {
        if unfinished(db).await.is_empty() {
            return;
        }
        Env::system().sleep(Duration::from_millis(10)).await;
    }
    panic!("{:?}", unfinished(db).await);
}

/// How often the server was asked for each of these.
fn counts<const N: usize>(server: &TestServer, operations: [&str; N]) -> [usize; N] {
    operations.map(|operation| server.count(operation))
}

const UPLOADS: [&str; 5] = [
    "PutObject",
    "CreateMultipartUpload",
    "UploadPart",
    "CompleteMultipartUpload",
    "AbortMultipartUpload",
];
