//! Whole rows.

use s3orm::body::{BodyCodec, BodyError};
use s3orm::{ErrorKind, S3Schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Bucket, is_refused, new_keys, old_keys};

const SECRET: &str = "the canary sings";

/// Structs of one table, each with its own idea of what rows are stored as.
macro_rules! letters {
    ($($name:ident { $($option:tt)* })+) => {$(
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
        #[s3(table = "letters", path = "<id>", $($option)*)]
        struct $name {
            id: u64,
            text: String,
        }

        #[allow(dead_code, reason = "not each is used in both ways")]
        impl $name {
            fn new(id: u64) -> Self {
                Self { id, text: SECRET.to_owned() }
            }

            fn long(id: u64) -> Self {
                Self { id, text: SECRET.repeat(100) }
            }
        }
    )+};
}

letters! {
    Plain {}
    Json { encrypt }
    Packed { encrypt, body = "msgpack" }
    Small { encrypt, compress = "zstd" }
    Both { encrypt = "migrating", body = "msgpack", compress(above = 0) }
    Custom { encrypt, body = "Reversed" }
    Migrating { encrypt = "migrating" }
    Stamped { transactional }
}

/// JSON backwards.
struct Reversed;

impl BodyCodec for Reversed {
    const CONTENT_TYPE: &'static str = "application/x-reversed";

    fn encode<T: Serialize>(row: &T) -> Result<Vec<u8>, BodyError> {
        let mut bytes = serde_json::to_vec(row).map_err(|_| BodyError::new("no JSON"))?;
        bytes.reverse();
        Ok(bytes)
    }

    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BodyError> {
        let mut bytes = bytes.to_vec();
        bytes.reverse();
        serde_json::from_slice(&bytes).map_err(|_| BodyError::new("no JSON"))
    }
}

#[derive(Debug, Clone, PartialEq, S3Schema)]
#[s3(table = "files", path = "<name>", body = "raw", encrypt)]
struct File {
    name: String,
    #[s3(body)]
    content: Vec<u8>,
}

#[tokio::test]
async fn every_format_is_encrypted_and_read() {
    let bucket = Bucket::new().await;
    macro_rules! each {
        ($($name:ident $id:literal $content_type:literal $encoding:literal)+) => {$(
            let rows = bucket.db.table::<$name>();
            bucket.server.reset();
            rows.put($name::long($id)).await.unwrap();
            let row = rows.read($id).await.unwrap().unwrap();
            assert_eq!(bucket.server.requests().len(), 2, "encryption costs no request");
            assert_eq!(*row, $name::long($id));
            assert_eq!(row.content_type(), Some($content_type));
            assert_eq!(row.content_encoding(), Some($encoding));
            let stored = bucket.stored(row.key()).await;
            assert!(stored.body.starts_with(b"\xe5s3\x01\x03old"), "{:?}", stored.body);
            let row = rows.update($id, |row| row.text.push('!')).await.unwrap();
            rows.save(row).await.unwrap();
            assert!(rows.get($id).await.unwrap().unwrap().text.ends_with('!'));
        )+};
    }
    each! {
        Json 1 "application/json" "s3orm-encrypted"
        Packed 2 "application/msgpack" "s3orm-encrypted"
        Small 3 "application/json" "zstd,s3orm-encrypted"
        Both 4 "application/msgpack" "zstd,s3orm-encrypted"
        Custom 5 "application/x-reversed" "s3orm-encrypted"
    }
    let files = bucket.db.table::<File>();
    let file = |name: &str| File {
        name: name.to_owned(),
        content: SECRET.into(),
    };
    files
        .put_many(["a", "b"].map(file))
        .await
        .into_result()
        .unwrap();
    assert_eq!(files.get("b").await.unwrap(), Some(file("b")));
    assert_eq!(
        files
            .get_many(["a", "b"])
            .await
            .into_result()
            .unwrap()
            .len(),
        2
    );
    bucket.nobody_reads("canary").await;

    // Each kind of row is read by every other kind of table, as ever; and by one that encrypts no more.
    for id in 1..=4 {
        let text = |row: Option<String>| assert_eq!(row, Some(SECRET.repeat(100) + "!"), "{id}");
        let db = &bucket.db;
        text(
            db.table::<Json>()
                .get(id)
                .await
                .unwrap()
                .map(|row| row.text),
        );
        text(
            db.table::<Both>()
                .get(id)
                .await
                .unwrap()
                .map(|row| row.text),
        );
        text(
            db.table::<Plain>()
                .get(id)
                .await
                .unwrap()
                .map(|row| row.text),
        );
        if id != 2 && id != 4 {
            text(
                db.table::<Stamped>()
                    .get(id)
                    .await
                    .unwrap()
                    .map(|row| row.text),
            );
        }
    }
    let found = bucket.db.table::<Both>().query().scan().all().await;
    assert_eq!(
        found.unwrap_err().kind(),
        ErrorKind::Decode,
        "one is of a format of its own"
    );
}

#[tokio::test]
async fn what_was_touched_is_not_read() {
    let bucket = Bucket::new().await;
    let rows = bucket.db.table::<Json>();
    rows.put(Json::new(1)).await.unwrap();
    let (key, object) = ("letters/1.json", bucket.stored("letters/1.json").await);
    for at in 0..object.body.len() {
        let mut body = object.body.to_vec();
        body[at] ^= 1;
        bucket.keep(key, &object, body).await;
        let error = rows.get(1).await.unwrap_err();
        // With another name of its key, it is not known whether the rest was touched.
        let kind = if (5..8).contains(&at) {
            ErrorKind::Denied
        } else {
            ErrorKind::Decode
        };
        is_refused(&error, kind, key);
        bucket.keep(key, &object, object.body.slice(..at)).await;
        is_refused(&rows.get(1).await.unwrap_err(), ErrorKind::Decode, key);
    }
    let more = [&object.body[..], b"\n"].concat();
    bucket.keep(key, &object, more).await;
    is_refused(&rows.get(1).await.unwrap_err(), ErrorKind::Decode, key);
    // Nothing that needs to read it has written over it; a put does.
    let update = rows.update(1, |row| row.text.clear()).await.unwrap_err();
    is_refused(&update, ErrorKind::Decode, key);

    for (content_type, encoding) in [
        ("application/msgpack", "s3orm-encrypted"),
        ("application/json", "zstd, s3orm-encrypted"),
        ("application/json", "s3orm-encrypted, zstd"),
        ("application/json", "identity"),
    ] {
        let mut other = object.clone();
        other.meta.content_type = Some(content_type.to_owned());
        other.meta.content_encoding = Some(encoding.to_owned());
        bucket.keep(key, &other, object.body.clone()).await;
        is_refused(&rows.get(1).await.unwrap_err(), ErrorKind::Decode, key);
    }
    // Transport says nothing of the row.
    let mut other = object.clone();
    other.meta.content_type = Some("application/json; charset=utf-8".to_owned());
    other.meta.content_encoding = Some("s3orm-encrypted,aws-chunked".to_owned());
    bucket.keep(key, &other, object.body.clone()).await;
    assert_eq!(rows.get(1).await.unwrap(), Some(Json::new(1)));
}

#[tokio::test]
async fn a_row_is_read_at_its_own_key_alone() {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
    #[s3(table = "copies", path = "<id>", encrypt)]
    struct Elsewhere {
        id: u64,
        text: String,
    }

    let bucket = Bucket::new().await;
    let rows = bucket.db.table::<Json>();
    rows.put(Json::new(1)).await.unwrap();
    let object = bucket.stored("letters/1.json").await;
    for key in ["letters/2.json", "copies/1.json", "other/letters/1.json"] {
        bucket.keep(key, &object, object.body.clone()).await;
    }
    let error = rows.get(2).await.unwrap_err();
    is_refused(&error, ErrorKind::Decode, "letters/2.json");
    assert!(
        error.to_string().contains("`old` does not open it"),
        "{error}"
    );
    let error = bucket.db.table::<Elsewhere>().get(1).await.unwrap_err();
    is_refused(&error, ErrorKind::Decode, "copies/1.json");

    // A database may move as a whole.
    let moved = s3orm::Db::with_store(bucket.server.store().clone(), "other", s3orm::Env::system());
    let moved = moved.unwrap().with_row_keys(old_keys());
    assert_eq!(
        moved.table::<Json>().get(1).await.unwrap(),
        Some(Json::new(1))
    );

    // A row that the library moves is encrypted anew.
    rows.rekey(1, |row| row.id = 7).await.unwrap();
    assert_eq!(rows.get(7).await.unwrap(), Some(Json::new(7)));
    assert_eq!(rows.get(1).await.unwrap(), None);
    bucket.nobody_reads("canary").await;
}

#[tokio::test]
async fn keys_are_rotated() {
    let bucket = Bucket::new().await;
    bucket
        .db
        .table::<Json>()
        .put_many((1..=5).map(Json::new))
        .await
        .into_result()
        .unwrap();
    let both = new_keys().and_bytes("old", [1; 32]).unwrap();
    let rotating = bucket.db.with_row_keys(both);
    let rows = rotating.table::<Json>();
    rows.put(Json::new(6)).await.unwrap();
    assert_eq!(
        rows.query().scan().all().await.unwrap().len(),
        6,
        "of old keys and new"
    );

    let only_new = bucket.db.with_row_keys(new_keys()).table::<Json>();
    let error = only_new.get(1).await.unwrap_err();
    is_refused(&error, ErrorKind::Denied, "letters/1.json");
    assert!(error.to_string().contains("`old`"), "{error}");
    let error = bucket.db.table::<Json>().get(6).await.unwrap_err();
    is_refused(&error, ErrorKind::Denied, "letters/6.json");

    rows.update_all(|_| ())
        .await
        .unwrap()
        .into_result()
        .unwrap();
    assert_eq!(only_new.query().scan().all().await.unwrap().len(), 6);

    // A key of the same name that is another one.
    let wrong = s3orm::encrypt::StaticKeys::from_bytes("new", [3; 32]).unwrap();
    let wrong = bucket.db.with_row_keys(wrong).table::<Json>();
    is_refused(
        &wrong.get(1).await.unwrap_err(),
        ErrorKind::Decode,
        "letters/1.json",
    );
}

#[tokio::test]
async fn without_keys_nothing_is_read_or_sent() {
    let bucket = Bucket::new().await;
    bucket.db.table::<Json>().put(Json::new(1)).await.unwrap();
    let rows = bucket.keyless().await.table::<Json>();
    is_refused(
        &rows.get(1).await.unwrap_err(),
        ErrorKind::Denied,
        "letters/1.json",
    );
    bucket.server.reset();
    let error = rows.put(Json::new(2)).await.unwrap_err();
    is_refused(&error, ErrorKind::Config, "letters/2.json");
    assert!(format!("{error:?}").contains("row_keys"), "{error:?}");
    let many = rows
        .insert_many([Json::new(2)])
        .await
        .into_result()
        .unwrap_err();
    assert_eq!(many.kind(), ErrorKind::Config);
    assert_eq!(bucket.server.requests().len(), 0);
}

#[tokio::test]
async fn plain_rows_are_read_while_a_table_migrates() {
    let bucket = Bucket::new().await;
    bucket.db.table::<Plain>().put(Plain::new(1)).await.unwrap();
    let rows = bucket.db.table::<Json>();
    let error = rows.get(1).await.unwrap_err();
    is_refused(&error, ErrorKind::Decode, "letters/1.json");
    assert!(format!("{error:?}").contains("migrating"), "{error:?}");
    let update = rows.update(1, |row| row.text.clear()).await.unwrap_err();
    is_refused(&update, ErrorKind::Decode, "letters/1.json");

    let migrating = bucket.db.table::<Migrating>();
    assert_eq!(migrating.get(1).await.unwrap(), Some(Migrating::new(1)));
    migrating
        .update_all(|_| ())
        .await
        .unwrap()
        .into_result()
        .unwrap();
    assert_eq!(rows.get(1).await.unwrap(), Some(Json::new(1)));
    bucket.nobody_reads("canary").await;
}

#[tokio::test]
async fn a_row_of_the_greatest_size_is_read() {
    let bucket = Bucket::new().await;
    let settings = s3orm::Settings::new().max_row_bytes(1000);
    let rows = bucket.db.table::<Json>().with(settings);
    let sized = |size: usize| Json {
        id: 1,
        text: "x".repeat(size - r#"{"id":1,"text":""}"#.len()),
    };
    rows.put(sized(1000)).await.unwrap();
    assert_eq!(rows.get(1).await.unwrap(), Some(sized(1000)));
    assert_eq!(
        rows.put(sized(1001)).await.unwrap_err().kind(),
        ErrorKind::InvalidRow
    );
}
