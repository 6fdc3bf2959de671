//! What rows are stored as, over HTTP: every format and compression, changed row by row, round
//! trips of awkward values, and bad bodies, none of which panics and none of which is lost.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // A test may.

mod bad;
mod formats;
mod values;

use s3orm::Db;
use s3orm::store::{Object, PutObject};
use s3orm_tests::connect;
use s3orm_tests::server::TestServer;

/// A server, and a database on it.
struct Bucket {
    server: TestServer,
    db: Db,
}

impl Bucket {
    async fn new() -> Self {
        let server = TestServer::memory().await;
        let db = connect::db(&server.endpoint()).await;
        server.reset();
        Self { server, db }
    }

    /// An object as it is stored.
    async fn stored(&self, key: &str) -> Object {
        let request = s3orm::store::GetObject {
            key: key.to_owned(),
            ..Default::default()
        };
        self.server.store().get(request).await.unwrap()
    }

    /// Stores an object as another program would.
    async fn keep(
        &self,
        key: &str,
        content_type: Option<&str>,
        encoding: Option<&str>,
        body: &[u8],
    ) {
        let object = PutObject {
            key: key.to_owned(),
            body: bytes::Bytes::copy_from_slice(body),
            content_type: content_type.map(|text| text.to_owned().into()),
            content_encoding: encoding.map(|text| text.to_owned().into()),
            ..PutObject::default()
        };
        self.server.store().put(&object).await.unwrap();
    }

    /// The calls since the last time.
    fn spent(&self) -> Vec<String> {
        let calls = self.server.requests();
        self.server.reset();
        calls
            .into_iter()
            .map(|served| served.operation.to_string())
            .collect()
    }
}
