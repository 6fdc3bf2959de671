//! Encrypted rows and columns, over HTTP: nobody else reads them, nothing that was touched is read, and
//! whatever else a table can do stays possible.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // A test may.

mod blobs;
mod columns;
mod described;
mod rows;
mod secrecy;
mod versions;

use s3orm::encrypt::StaticKeys;
use s3orm::store::{GetObject, Object, PutObject};
use s3orm::{Db, Error, ErrorKind};
use s3orm_tests::connect;
use s3orm_tests::server::{TestServer, keys};

/// A server, and a database on it that has a key.
struct Bucket {
    server: TestServer,
    db: Db,
}

fn old_keys() -> StaticKeys {
    StaticKeys::from_bytes("old", [1; 32]).unwrap()
}

fn new_keys() -> StaticKeys {
    StaticKeys::from_bytes("new", [2; 32]).unwrap()
}

impl Bucket {
    async fn new() -> Self {
        let server = TestServer::memory().await;
        let db = connect::builder(&server.endpoint()).row_keys(old_keys());
        let db = db.connect().await.unwrap();
        Self { server, db }
    }

    /// The database without any keys.
    async fn keyless(&self) -> Db {
        connect::db(&self.server.endpoint()).await
    }

    async fn stored(&self, key: &str) -> Object {
        let request = GetObject {
            key: key.to_owned(),
            ..GetObject::default()
        };
        self.server.store().get(request).await.unwrap()
    }

    /// Stores an object with other bytes, and all else as it is.
    async fn keep(&self, key: &str, object: &Object, body: impl Into<bytes::Bytes>) {
        let meta = &object.meta;
        let object = PutObject {
            key: key.to_owned(),
            body: body.into(),
            content_type: meta.content_type.clone().map(Into::into),
            content_encoding: meta.content_encoding.clone().map(Into::into),
            metadata: meta.metadata.clone(),
            ..PutObject::default()
        };
        self.server.store().put(&object).await.unwrap();
    }

    /// The keys of all objects.
    async fn keys(&self) -> Vec<String> {
        keys(&**self.server.store(), "").await
    }

    /// No object has these bytes, in its body, its key or its metadata.
    async fn nobody_reads(&self, secret: &str) {
        let keys = self.keys().await;
        assert!(!keys.is_empty());
        for key in keys {
            let object = self.stored(&key).await;
            let seen = |bytes: &[u8]| {
                bytes
                    .windows(secret.len())
                    .any(|part| part == secret.as_bytes())
            };
            assert!(!seen(&object.body), "{key}: {:?}", object.body);
            assert!(!seen(key.as_bytes()), "{key}");
            assert!(!seen(format!("{:?}", object.meta).as_bytes()), "{key}");
        }
    }
}

#[track_caller]
fn is_refused(error: &Error, kind: ErrorKind, key: &str) {
    assert_eq!(error.kind(), kind, "{error:?}");
    assert_eq!(error.key(), Some(key), "{error:?}");
}
