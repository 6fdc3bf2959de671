//! Encrypted rows and columns of several versions, up and down, while keys change.

use s3orm::encrypt::StaticKeys;
use s3orm::{Db, ErrorKind, S3Schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Bucket, new_keys};

/// What is in each column, in all rows.
const CLOSING: &str = "canary in a column that is encrypted later";
const OPENING: &str = "canary in a column that is encrypted no more";
const SECRET: &str = "canary in a column that is always encrypted";
const ROWS: u64 = 20;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "notes", path = "<id>")]
struct NoteV1 {
    id: u64,
    closing: String,
    #[s3(encrypt)]
    opening: String,
    #[s3(encrypt)]
    secret: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(
    table = "notes",
    path = "<id>",
    version = 2,
    previous = "NoteV1",
    reversible
)]
struct Note {
    id: u64,
    /// What was written before is not encrypted yet.
    #[s3(encrypt = "migrating")]
    closing: String,
    opening: String,
    #[s3(encrypt)]
    secret: Option<String>,
    #[s3(encrypt)]
    new: u64,
}

impl From<NoteV1> for Note {
    fn from(old: NoteV1) -> Self {
        Self {
            id: old.id,
            closing: old.closing,
            opening: old.opening,
            secret: old.secret,
            new: old.id,
        }
    }
}

impl From<&Note> for NoteV1 {
    fn from(new: &Note) -> Self {
        Self {
            id: new.id,
            closing: new.closing.clone(),
            opening: new.opening.clone(),
            secret: new.secret.clone(),
        }
    }
}

fn note(id: u64) -> NoteV1 {
    NoteV1 {
        id,
        closing: CLOSING.to_owned(),
        opening: OPENING.to_owned(),
        secret: (id != 7).then(|| SECRET.to_owned()),
    }
}

fn last_keys() -> StaticKeys {
    StaticKeys::from_bytes("last", [3; 32]).unwrap()
}

/// The rows of the first version.
async fn written() -> Bucket {
    let bucket = Bucket::new().await;
    let notes = bucket.db.table();
    let written = notes.put_many((0..ROWS).map(note)).await;
    written.into_result().unwrap();
    bucket
}

/// A row as it is on the bucket.
async fn stored(bucket: &Bucket, key: &str) -> Value {
    serde_json::from_slice(&bucket.stored(key).await.body).unwrap()
}

#[track_caller]
fn is_cipher(row: &Value, column: &str) {
    let text = row[column].as_str().unwrap();
    assert!(text.starts_with("s3orm-encrypted:5XMz"), "{column}: {text}");
}

async fn all<T: S3Schema>(db: &Db) -> s3orm::Result<Vec<T>> {
    db.table::<T>().query().scan().all().await
}

#[tokio::test]
async fn columns_change_sides_up_and_down_while_keys_rotate() {
    let bucket = written().await;
    bucket.nobody_reads(OPENING).await;
    bucket.nobody_reads(SECRET).await;

    // A program of the second version, with a new key to write with.
    let both = new_keys().and_bytes("old", [1; 32]).unwrap();
    let rotating = bucket.db.with_row_keys(both);
    let notes = rotating.table::<Note>();
    assert_eq!(notes.get(3).await.unwrap(), Some(note(3).into()));
    notes.update(3, |row| row.new = 3).await.unwrap();
    let row = stored(&bucket, "notes/3.json").await;
    assert_eq!(row["closing"], CLOSING, "it writes the first version yet");
    is_cipher(&row, "opening");
    let plan = notes.migrate().dry_run().await.unwrap();
    assert_eq!((plan.to_rewrite, plan.failed.len()), (ROWS, 0));
    bucket.server.reset();
    let up = notes.migrate().alone().await.unwrap();
    assert_eq!((up.complete, up.rewritten), (true, ROWS));
    assert!(bucket.server.count("PutObject") < 20 + 10, "each row once");
    bucket.nobody_reads(CLOSING).await;
    bucket.nobody_reads(SECRET).await;
    let row = stored(&bucket, "notes/3.json").await;
    assert_eq!((&row["_v"], &row["opening"]), (&2.into(), &OPENING.into()));
    for column in ["closing", "secret", "new"] {
        is_cipher(&row, column);
    }

    // The old key is needed no more, and reads nothing.
    let new = bucket.db.with_row_keys(new_keys());
    let read = all::<Note>(&new).await.unwrap();
    assert!(read.iter().all(|row| *row == note(row.id).into()));
    let error = bucket.db.table::<Note>().get(3).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");

    // Back, with another key yet.
    let rotating = bucket
        .db
        .with_row_keys(last_keys().and_bytes("new", [2; 32]).unwrap());
    let notes = rotating.table::<Note>();
    bucket.server.reset();
    let back = notes.migrate().down_to(1).alone().await.unwrap();
    assert_eq!((back.complete, back.rewritten), (true, ROWS));
    assert!(bucket.server.count("PutObject") < 20 + 10, "each row once");
    bucket.nobody_reads(OPENING).await;
    bucket.nobody_reads(SECRET).await;
    let row = stored(&bucket, "notes/3.json").await;
    assert_eq!(row["closing"], CLOSING);
    assert!(row.get("_v").is_none() && row.get("new").is_none());
    let last = bucket.db.with_row_keys(last_keys());
    let read = all::<NoteV1>(&last).await.unwrap();
    assert_eq!(read.len(), 20);
    assert!(read.iter().all(|row| *row == note(row.id)));
    // What is encrypted no more in the newest version still is in the rows of the first.
    let read = all::<Note>(&last).await.unwrap();
    assert!(read.iter().all(|row| *row == note(row.id).into()));
}

#[tokio::test]
async fn a_migration_without_the_key_changes_nothing() {
    let bucket = written().await;
    let before = bucket.stored("notes/3.json").await;
    for db in [bucket.keyless().await, bucket.db.with_row_keys(new_keys())] {
        let error = db.table::<Note>().migrate().alone().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
        assert!(error.key().is_some_and(|key| key.starts_with("notes/")));
        assert_eq!(bucket.stored("notes/3.json").await.body, before.body);
    }
    let notes = bucket.db.table::<Note>();
    let up = notes.migrate();
    let up = up.alone().lease(std::time::Duration::from_millis(20)).await;
    assert_eq!(up.unwrap().into_result().unwrap(), ROWS);
}

/// Two versions of a table, encrypted or not.
macro_rules! letters {
    ($table:tt $before:ident $previous:tt { $($one:tt)* } $after:ident { $($two:tt)* }) => {
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
        #[s3(table = $table, path = "<id>", $($one)*)]
        struct $before {
            id: u64,
            text: String,
        }

        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
        #[s3(table = $table, path = "<id>", version = 2, previous = $previous, reversible, $($two)*)]
        struct $after {
            id: u64,
            text: String,
            words: usize,
        }

        impl From<$before> for $after {
            fn from(old: $before) -> Self {
                Self { id: old.id, words: old.text.split(' ').count(), text: old.text }
            }
        }

        impl From<&$after> for $before {
            fn from(new: &$after) -> Self {
                Self { id: new.id, text: new.text.clone() }
            }
        }
    };
}

letters! { "sealed" SealedV1 "SealedV1" { encrypt } Sealed { encrypt, body = "msgpack", compress(above = 0) } }
letters! { "closed" ClosedV1 "ClosedV1" {} Closed { encrypt = "migrating" } }
letters! { "opened" OpenedV1 "OpenedV1" { encrypt } Opened {} }
letters! { "strict" StrictV1 "StrictV1" {} Strict { encrypt } }

#[tokio::test]
async fn whole_rows_change_sides_up_and_down_while_keys_rotate() {
    let bucket = Bucket::new().await;
    macro_rules! each {
        ($($table:literal $before:ident $after:ident $first:literal $second:literal)+) => {$(
            let row = |id| $before { id, text: SECRET.to_owned() };
            let key = concat!($table, "/3.json");
            bucket.db.table().put_many((0..ROWS).map(row)).await.into_result().unwrap();
            let is_open = async || {
                let object = bucket.stored(key).await;
                let encoding = object.meta.content_encoding.unwrap_or_default();
                let seen = object.body.windows(6).any(|part| part == b"canary");
                assert_eq!(seen, !encoding.ends_with("s3orm-encrypted"), "{encoding}");
                seen
            };
            assert_eq!(is_open().await, $first, $table);

            let rotating = bucket.db.with_row_keys(new_keys().and_bytes("old", [1; 32]).unwrap());
            let rows = rotating.table::<$after>();
            assert_eq!(rows.get(3).await.unwrap(), Some(row(3).into()));
            let up = rows.migrate().alone().await.unwrap();
            assert_eq!((up.complete, up.rewritten), (true, ROWS));
            assert_eq!(is_open().await, $second, $table);
            let new = bucket.db.with_row_keys(new_keys());
            let read = all::<$after>(&new).await.unwrap();
            assert!(read.len() == 20 && read.iter().all(|one| *one == row(one.id).into()));

            let rotating = bucket.db.with_row_keys(last_keys().and_bytes("new", [2; 32]).unwrap());
            let back = rotating.table::<$after>().migrate().down_to(1).alone().await.unwrap();
            assert_eq!((back.complete, back.rewritten), (true, ROWS));
            assert_eq!(is_open().await, $first, $table);
            let last = bucket.db.with_row_keys(last_keys());
            let read = all::<$before>(&last).await.unwrap();
            assert!(read.len() == 20 && read.iter().all(|one| *one == row(one.id)));
            let read = all::<$after>(&last).await.unwrap();
            assert!(read.iter().all(|one| *one == row(one.id).into()));
        )+};
    }
    each! {
        "sealed" SealedV1 Sealed false false
        "closed" ClosedV1 Closed true false
        "opened" OpenedV1 Opened false true
    }
}

#[tokio::test]
async fn what_must_be_encrypted_is_not_brought_back_to_what_is_not() {
    let bucket = Bucket::new().await;
    let row = StrictV1 {
        id: 1,
        text: SECRET.to_owned(),
    };
    bucket.db.table::<StrictV1>().put(&row).await.unwrap();
    let rows = bucket.db.table::<Strict>();
    let up = rows.migrate().alone().await.unwrap();
    let (_, error) = &up.failed[0];
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(
        error.to_string().contains("`encrypt = \"migrating\"`"),
        "{error}"
    );
    assert!(!up.complete);

    bucket.server.reset();
    let error = rows.migrate().down_to(1).alone().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema, "{error}");
    assert!(
        error.to_string().contains("`encrypt = \"migrating\"`"),
        "{error}"
    );
    assert!(bucket.server.requests().is_empty());
}

/// As somebody has written it who thought otherwise of the table.
#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "odd", path = "<id>", encrypt)]
struct Odd {
    id: u64,
    number: String,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "odd", path = "<id>", encrypt)]
struct EvenV1 {
    id: u64,
    number: u64,
}

#[derive(Debug, Serialize, Deserialize, S3Schema)]
#[s3(table = "odd", path = "<id>", version = 2, previous = "EvenV1")]
struct Even {
    id: u64,
    number: u64,
}

impl From<EvenV1> for Even {
    fn from(old: EvenV1) -> Self {
        Self {
            id: old.id,
            number: old.number,
        }
    }
}

#[tokio::test]
async fn no_error_quotes_a_row_that_was_encrypted_in_the_version_before() {
    let bucket = Bucket::new().await;
    let row = Odd {
        id: 1,
        number: "canary".to_owned(),
    };
    bucket.db.table().put(row).await.unwrap();
    let error = bucket.db.table::<Even>().get(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
}

/// The first version's struct, with `encrypt` taken off.
#[derive(Debug, Clone, Serialize, Deserialize, S3Schema)]
#[s3(table = "notes", path = "<id>")]
struct TakenOff {
    id: u64,
    opening: String,
}

#[tokio::test]
async fn who_takes_encrypt_off_takes_no_cipher_for_a_value() {
    let bucket = Bucket::new().await;
    bucket.db.table().put(note(1)).await.unwrap();
    for db in [&bucket.db, &bucket.keyless().await] {
        let rows = db.table::<TakenOff>();
        for error in [
            rows.get(1).await.unwrap_err(),
            rows.query().scan().all().await.unwrap_err(),
            rows.update(1, |row| row.opening.clear()).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
            assert_eq!(error.key(), Some("notes/1.json"));
            let says = "column `opening`: it is encrypted, and the struct does not say so";
            assert!(error.to_string().contains(says), "{error}");
        }
    }
    let read = bucket.db.table::<NoteV1>().get(1).await.unwrap();
    assert_eq!(read, Some(note(1)), "it was not written over");

    // A text that speaks of it is a text.
    let about = TakenOff {
        id: 2,
        opening: r#"the value is "s3orm-encrypted:5XMzAQ...", in quotes"#.to_owned(),
    };
    let rows = bucket.db.table::<TakenOff>();
    rows.put(&about).await.unwrap();
    assert_eq!(rows.get(2).await.unwrap().unwrap().opening, about.opening);
}
