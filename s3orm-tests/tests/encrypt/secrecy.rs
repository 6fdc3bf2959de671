//! Neither keys nor rows stand in what is printed: not in `Debug`, not in errors, not in logs.

use std::error::Error as StdError;
use std::io;
use std::sync::{Arc, Mutex};

use s3orm::encrypt::{DataKey, KeyFailure, KeyId, KeyProvider, StaticKeys};
use s3orm::{Db, Env, ErrorKind, S3Schema};
use s3orm_tests::connect;
use s3orm_tests::server::TestServer;
use serde::{Deserialize, Serialize};
use tracing_subscriber::fmt::MakeWriter;

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "rows", path = "<id>", encrypt)]
struct Text {
    id: u64,
    value: String,
}

/// The same rows with another idea of the value.
#[derive(Debug, Serialize, Deserialize, S3Schema)]
#[s3(table = "rows", path = "<id>", encrypt)]
struct Number {
    id: u64,
    value: u32,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "cells", path = "<id>")]
struct TextCell {
    id: u64,
    #[s3(encrypt)]
    value: String,
}

#[derive(Debug, Serialize, Deserialize, S3Schema)]
#[s3(table = "cells", path = "<id>")]
struct NumberCell {
    id: u64,
    #[s3(encrypt)]
    value: u32,
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn chain(error: &s3orm::Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text} {cause} {cause:?}");
        source = cause.source();
    }
    text
}

const KEY: [u8; 32] = *b"the canary's own key of 32 bytes";

#[tokio::test]
async fn nothing_that_is_printed_tells() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    // Of the whole process: tests that run beside it would else keep its lines from being made.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let server = TestServer::memory().await;
    let keys = StaticKeys::from_bytes("k", KEY).unwrap();
    let mut printed = format!("{keys:?} {:?} {:?}", DataKey::new(KEY), KeyId::new("k"));
    let builder = connect::builder(&server.endpoint()).row_keys(keys);
    printed = format!("{printed} {builder:?}");
    let db = builder.connect().await.unwrap();
    printed = format!("{printed} {db:?} {:?}", db.table::<Text>());

    let value = "for nobody's eyes".to_owned();
    db.table()
        .put(Text {
            id: 1,
            value: value.clone(),
        })
        .await
        .unwrap();
    db.table().put(TextCell { id: 1, value }).await.unwrap();
    for error in [
        db.table::<Number>().get(1).await.unwrap_err(),
        db.table::<NumberCell>().get(1).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Decode);
        printed += &chain(&error);
    }
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("operation=\"put\""), "{logged}");
    printed += &logged;
    let bytes = format!("{KEY:?}");
    for secret in ["for nobody's eyes", bytes.trim_matches(['[', ']'])] {
        assert!(!printed.contains(secret), "{secret}: {printed}");
    }
}

/// A provider whose keys are elsewhere.
#[derive(Debug)]
struct Elsewhere(Result<(), &'static str>);

impl KeyProvider for Elsewhere {
    fn current(&self) -> KeyId {
        KeyId::new("vault/rows").unwrap()
    }

    fn wrap(&self, _: &KeyId, key: &DataKey, _: &Env) -> Result<Vec<u8>, KeyFailure> {
        self.0
            .map_err(|reason| KeyFailure::Refused(reason.into()))?;
        Ok(key.bytes().iter().map(|byte| !byte).collect())
    }

    fn unwrap(&self, _: &KeyId, wrapped: &[u8]) -> Result<DataKey, KeyFailure> {
        self.0
            .map_err(|reason| KeyFailure::Refused(reason.into()))?;
        let key: [u8; 32] = wrapped.try_into().map_err(|_| KeyFailure::Wrong)?;
        Ok(DataKey::new(key.map(|byte| !byte)))
    }
}

#[tokio::test]
async fn a_provider_of_ones_own() {
    let db = Db::connect("memory:").await.unwrap();
    let rows = db.with_row_keys(Elsewhere(Ok(()))).table::<Text>();
    rows.put(Text {
        id: 1,
        value: "canary".into(),
    })
    .await
    .unwrap();
    assert_eq!(rows.get(1).await.unwrap().unwrap().value, "canary");
    let closed = db
        .with_row_keys(Elsewhere(Err("it is night")))
        .table::<Text>();
    let read = closed.get(1).await.err().unwrap();
    let write = closed
        .put(Text {
            id: 1,
            value: String::new(),
        })
        .await
        .err()
        .unwrap();
    for error in [read, write] {
        assert_eq!(error.kind(), ErrorKind::Denied);
        assert_eq!(error.key(), Some("rows/1.json"));
        assert_eq!(error.source().unwrap().to_string(), "it is night");
    }
}
