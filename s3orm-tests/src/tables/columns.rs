//! Columns that the library keeps, that live in the key, or that are the body.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use s3orm::{Db, ErrorKind, S3Schema};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A row whose id and times the library keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "notes", path = "<id>")]
struct Note {
    #[s3(generate)]
    id: Uuid,
    text: String,
    #[s3(created_at)]
    created_at: Option<DateTime<Utc>>,
    #[s3(updated_at)]
    updated_at: DateTime<Utc>,
}

/// E6 and D11.
pub async fn generated_ids_and_timestamps(db: Db) {
    let notes = db.table::<Note>();
    let blank = Note {
        id: Uuid::nil(),
        text: "first".to_owned(),
        created_at: None,
        updated_at: DateTime::UNIX_EPOCH,
    };
    let one = notes.insert(&blank).await.unwrap();
    let two = notes.insert(&blank).await.unwrap();
    assert_ne!(one.id, two.id);
    assert_eq!(one.id.get_version_num(), 7);
    assert_eq!(one.created_at, Some(one.updated_at));
    assert_eq!(notes.get(one.id).await.unwrap().as_ref(), Some(&*one));

    let changed = notes
        .update(one.id, |note| note.text.push('!'))
        .await
        .unwrap();
    assert_eq!(changed.id, one.id);
    assert_eq!(changed.created_at, one.created_at);
    assert!(changed.updated_at > one.updated_at);

    let own = Uuid::from_u128(7);
    let kept = notes.insert(Note { id: own, ..blank }).await.unwrap();
    assert_eq!(kept.id, own);
    let put = notes
        .put(Note {
            text: "again".to_owned(),
            ..(*kept).clone()
        })
        .await
        .unwrap();
    assert_eq!(put.created_at, kept.created_at);
}

/// A row whose key columns are not in its body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "readings", path = "sensor=<sensor>/<at>")]
struct Reading {
    #[s3(key_only)]
    sensor: String,
    #[s3(key_only)]
    at: u32,
    value: f64,
}

/// The body holds the rest.
pub async fn columns_that_live_in_the_key_alone(db: Db) {
    let readings = db.table::<Reading>();
    let reading = Reading {
        sensor: "a/b".to_owned(),
        at: 7,
        value: 1.5,
    };
    assert_eq!(readings.encode(&reading).unwrap(), r#"{"value":1.5}"#);
    readings.insert(&reading).await.unwrap();
    assert_eq!(readings.get(("a/b", 7)).await.unwrap(), Some(reading));
}

/// A row as s3aads writes it.
#[derive(Debug, Clone, PartialEq, S3Schema)]
#[s3(
    table = "files",
    path = "<folder>/<name>",
    body = "raw",
    encoding = "verbatim"
)]
pub(super) struct File {
    pub(super) folder: String,
    pub(super) name: String,
    #[s3(body)]
    pub(super) data: Bytes,
}

/// No extension, no escapes, no JSON.
pub async fn raw_bodies_are_the_bytes_themselves(db: Db) {
    let files = db.table::<File>();
    let data = Bytes::from_static(b"\x00\xff not JSON");
    let file = File {
        folder: "a b".to_owned(),
        name: "x y.txt".to_owned(),
        data,
    };
    let row = files.insert(&file).await.unwrap();
    assert_eq!(row.key(), format!("{}files/a b/x y.txt", db.prefix()));
    assert_eq!(row.content_type(), Some("application/octet-stream"));
    assert_eq!(
        files.get(("a b", "x y.txt")).await.unwrap(),
        Some(file.clone())
    );
    let error = files
        .put(File {
            name: "a/b".to_owned(),
            ..file
        })
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidKey);
}
