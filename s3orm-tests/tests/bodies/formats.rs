//! What is stored, what it says of itself, and tables that change it.

use s3orm::body::{BodyCodec, BodyError};
use s3orm::{ErrorKind, S3Schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Bucket;

/// Structs of one table, each with its own idea of what rows are stored as.
macro_rules! notes {
    ($($name:ident { $($option:tt)* })+) => {$(
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
        #[s3(table = "notes", path = "<id>", $($option)*)]
        struct $name {
            id: u64,
            text: String,
            count: u32,
        }

        impl $name {
            fn new(id: u64) -> Self {
                let text = "the same words, again and again; ".repeat(100);
                Self { id, text, count: 0 }
            }
        }
    )+};
}

notes! {
    Json {}
    MessagePack { body = "msgpack" }
    Zstd { compress = "zstd" }
    Both { body = "msgpack", compress(level = 19, above = 0) }
    Large { compress(above = 1_000_000) }
    Pretty { body = "Indented" }
}

/// JSON for people to read.
struct Indented;

impl BodyCodec for Indented {
    const CONTENT_TYPE: &'static str = "text/x-indented";

    fn encode<T: Serialize>(row: &T) -> Result<Vec<u8>, BodyError> {
        let text = serde_json::to_vec_pretty(row);
        text.map_err(|error| BodyError::new("the row has no JSON").with_source(error))
    }

    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BodyError> {
        let row = serde_json::from_slice(bytes);
        row.map_err(|error| BodyError::new("the object is not indented").with_source(error))
    }
}

const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Every form that a row may have, as it is on the bucket; each is written by one of the structs.
async fn write_all(bucket: &Bucket) {
    let db = &bucket.db;
    db.table().put(Json::new(1)).await.unwrap();
    db.table().put(MessagePack::new(2)).await.unwrap();
    db.table().put(Zstd::new(3)).await.unwrap();
    db.table().put(Both::new(4)).await.unwrap();
    db.table().put(Large::new(5)).await.unwrap();
    db.table().put(Pretty::new(6)).await.unwrap();
}

#[tokio::test]
async fn an_object_says_what_it_is() {
    let bucket = Bucket::new().await;
    write_all(&bucket).await;
    assert_eq!(bucket.spent(), ["PutObject"; 6]);
    for (id, content_type, encoding, first) in [
        (1, "application/json", None, &b"{\""[..]),
        (2, "application/msgpack", None, b"\x83\xa2id"),
        (3, "application/json", Some("zstd"), &ZSTD),
        (4, "application/msgpack", Some("zstd"), &ZSTD),
        (5, "application/json", None, b"{\""),
        (6, "text/x-indented", None, b"{\n"),
    ] {
        let object = bucket.stored(&format!("notes/{id}.json")).await;
        let (meta, body) = (object.meta, object.body);
        assert_eq!(meta.content_type.as_deref(), Some(content_type), "{id}");
        assert_eq!(meta.content_encoding.as_deref(), encoding, "{id}");
        assert!(body.starts_with(first), "{id}: {body:?}");
        assert_eq!(body.len() < 300, encoding.is_some(), "{id}: {}", body.len());
    }
}

/// Reads every form with every struct, by key and by a query, then changes it: it is in the struct's
/// own form then, and says so.
macro_rules! changes_to {
    ($name:ident, $readable:expr, $content_type:literal, $encoding:expr) => {{
        let bucket = Bucket::new().await;
        write_all(&bucket).await;
        bucket.spent();
        let notes = bucket.db.table::<$name>();
        for id in $readable {
            bucket.spent();
            assert_eq!(notes.get(id).await.unwrap(), Some($name::new(id)), "{id}");
            assert_eq!(bucket.spent(), ["GetObject"]);
            let row = notes.update(id, |note| note.count += 1).await.unwrap();
            assert_eq!(bucket.spent(), ["GetObject", "PutObject"]);
            // A type that says nothing of JSON stays with a row that was JSON and is.
            let kept = id == 6 && $content_type == "application/json";
            let content_type = if kept {
                "text/x-indented"
            } else {
                $content_type
            };
            assert_eq!(row.content_type(), Some(content_type), "{id}");
            let object = bucket.stored(row.key()).await.meta;
            assert_eq!(object.content_type.as_deref(), Some(content_type), "{id}");
            assert_eq!(object.content_encoding.as_deref(), $encoding, "{id}");
            let patched = notes
                .patch(id)
                .increment($name::COL.count, 1)
                .await
                .unwrap();
            assert_eq!(patched.count, 2, "{id}");
            let mut row = notes.read(id).await.unwrap().unwrap();
            assert_eq!(row.content_encoding(), $encoding);
            row.count += 1;
            let row = notes.save(row).await.unwrap();
            assert_eq!(row.content_encoding(), $encoding);
            assert_eq!(row.count, 3, "{id}");
        }
        let counts = notes.query().scan().select($name::COL.count).all().await;
        if $readable.count() == 6 {
            assert_eq!(counts.unwrap(), [3; 6]);
        }
    }};
}

#[tokio::test]
async fn a_table_changes_its_form_row_by_row() {
    // JSON that is indented is JSON: also where only its first byte tells.
    changes_to!(Json, 1..=6, "application/json", None);
    changes_to!(MessagePack, 1..=6, "application/msgpack", None);
    changes_to!(Zstd, 1..=6, "application/json", Some("zstd"));
    changes_to!(Both, 1..=6, "application/msgpack", Some("zstd"));
    changes_to!(Pretty, 1..=6, "text/x-indented", None);
}

/// Of a table that gets transactions, rows that are JSON stay readable.
#[tokio::test]
async fn rows_of_the_time_before_a_table_was_stamped() {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
    #[s3(table = "notes", path = "<id>", transactional)]
    struct Stamped {
        id: u64,
        text: String,
        count: u32,
    }

    let bucket = Bucket::new().await;
    write_all(&bucket).await;
    let notes = bucket.db.table::<Stamped>();
    for id in [1, 3, 5] {
        assert_eq!(
            notes.get(id).await.unwrap().unwrap().text,
            Json::new(1).text
        );
        notes.update(id, |note| note.count += 1).await.unwrap();
        let object = bucket.stored(&format!("notes/{id}.json")).await;
        assert_eq!(object.meta.content_encoding, None);
        assert!(object.body.starts_with(b"{\"_m\":"));
        assert_eq!(notes.get(id).await.unwrap().unwrap().count, 1);
    }
    for id in [2, 4] {
        let error = notes.get(id).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert!(error.to_string().contains("MessagePack"), "{error}");
        let error = notes.update(id, |note| note.count += 1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "it is not written over");
    }
}

#[tokio::test]
async fn other_programs_say_little_of_their_objects() {
    let bucket = Bucket::new().await;
    let (json, msgpack) = (bucket.db.table::<Json>(), bucket.db.table::<MessagePack>());
    let row = Json::new(1);
    let as_json = serde_json::to_vec(&row).unwrap();
    let as_msgpack = rmp_serde::to_vec_named(&row).unwrap();
    for content_type in [None, Some("binary/octet-stream"), Some("text/plain")] {
        for body in [&as_json, &as_msgpack] {
            bucket.keep("notes/1.json", content_type, None, body).await;
            assert_eq!(json.get(1).await.unwrap(), Some(row.clone()));
            assert_eq!(msgpack.get(1).await.unwrap(), Some(MessagePack::new(1)));
            let packed = zstd::bulk::compress(body, 1).unwrap();
            let encoding = Some("aws-chunked,zstd");
            bucket
                .keep("notes/1.json", content_type, encoding, &packed)
                .await;
            assert_eq!(json.get(1).await.unwrap(), Some(row.clone()));
        }
    }
    // By their indices, as some programs write structs, they are no row.
    let array = rmp_serde::to_vec(&row).unwrap();
    bucket
        .keep("notes/1.json", Some("application/msgpack"), None, &array)
        .await;
    let error = msgpack.get(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
}

#[tokio::test]
async fn a_content_type_may_say_more_but_nothing_else() {
    let bucket = Bucket::new().await;
    let notes = bucket.db.table::<MessagePack>();
    let put = notes
        .put(MessagePack::new(1))
        .content_type("application/vnd.note+msgpack");
    put.await.unwrap();
    let row = notes.update(1, |note| note.count += 1).await.unwrap();
    assert_eq!(row.content_type(), Some("application/vnd.note+msgpack"));
    bucket.spent();
    let put = notes
        .put(MessagePack::new(1))
        .content_type("application/json");
    let error = put.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRow);
    assert_eq!(error.key(), Some("notes/1.json"));
    assert!(error.to_string().contains("application/msgpack"), "{error}");
    assert_eq!(bucket.spent(), [""; 0], "nothing was sent");
}

/// Columns in the key alone are left out of every form, and put back.
#[tokio::test]
async fn key_only_columns() {
    macro_rules! parted {
        ($bucket:ident, $name:ident { $($option:tt)* }) => {{
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
            #[s3(table = "parted", path = "<day>/<id>", $($option)*)]
            struct $name {
                #[s3(key_only)]
                day: chrono::NaiveDate,
                #[s3(key_only)]
                id: u64,
                #[serde(rename = "n", skip_serializing_if = "Option::is_none", default)]
                note: Option<String>,
                big: u128,
                #[serde(flatten)]
                rest: std::collections::BTreeMap<String, u8>,
            }
            let day = chrono::NaiveDate::from_ymd_opt(2024, 2, 29).unwrap();
            for (id, note) in [(u64::MAX, Some("x".to_owned())), (1, None)] {
                let rest = [("more".to_owned(), 7)].into();
                let row = $name { day, id, note, big: u128::from(u64::MAX), rest };
                let key = $bucket.db.table::<$name>().put(&row).await.unwrap().key().to_owned();
                let body = $bucket.stored(&key).await.body;
                let has = |name: &[u8]| body.windows(name.len()).any(|part| part == name);
                assert!(!has(b"day") && !has(b"id") && has(b"more"), "{body:?}");
                assert_eq!($bucket.db.table::<$name>().get((day, id)).await.unwrap(), Some(row));
            }
        }};
    }
    let bucket = Bucket::new().await;
    parted!(bucket, JsonParts {});
    parted!(bucket, PackedParts { body = "msgpack" });
}

#[tokio::test]
async fn raw_bodies_and_text() {
    #[derive(Debug, Clone, PartialEq, S3Schema)]
    #[s3(table = "pages", path = "<id>", body = "raw", compress(above = 10))]
    struct Page {
        id: u64,
        #[s3(body)]
        html: String,
    }
    let bucket = Bucket::new().await;
    let pages = bucket.db.table::<Page>();
    for html in [String::new(), "short".to_owned(), "<p>é</p>".repeat(50)] {
        let page = Page { id: 1, html };
        let row = pages.put(&page).await.unwrap();
        assert_eq!(row.content_type(), Some("text/plain; charset=utf-8"));
        assert_eq!(row.content_encoding().is_some(), page.html.len() > 50);
        assert_eq!(pages.get(1).await.unwrap(), Some(page));
    }
    let image = pages
        .put(Page {
            id: 1,
            html: "<p>".repeat(50),
        })
        .content_type("text/html");
    image.await.unwrap();
    let row = pages.update(1, |page| page.html.push('!')).await.unwrap();
    assert_eq!(row.content_type(), Some("text/html"));
    bucket.keep("pages/1", None, None, b"\xff").await;
    let error = pages.get(1).await.unwrap_err();
    assert!(error.to_string().contains("UTF-8"), "{error}");
}

/// A copy on the server keeps what must be undone; a dynamic table shows it.
#[tokio::test]
async fn a_copy_stays_readable() {
    let bucket = Bucket::new().await;
    bucket.db.table().put(Zstd::new(3)).await.unwrap();
    let dynamic = bucket.db.dynamic("notes").columns(["id"]).unwrap();
    dynamic.copy([("id", "3")], [("id", "30")]).await.unwrap();
    let row = dynamic.select([("id", "30")]).await.unwrap().unwrap();
    assert_eq!(row.content_encoding(), Some("zstd"));
    assert!(row.starts_with(&ZSTD));
    let error = bucket.db.table::<Zstd>().get(30).await.unwrap_err();
    assert!(
        error.to_string().contains("`notes/3.json`"),
        "it was decoded: {error}"
    );
}

#[tokio::test]
async fn a_row_moves_with_its_form() {
    let bucket = Bucket::new().await;
    bucket.db.table().put(MessagePack::new(2)).await.unwrap();
    let notes = bucket.db.table::<Zstd>();
    let row = notes.rekey(2, |note| note.id = 20).await.unwrap();
    assert_eq!(row.content_type(), Some("application/json"));
    assert_eq!(row.content_encoding(), Some("zstd"));
    assert_eq!(
        notes.get(20).await.unwrap(),
        Some(Zstd {
            id: 20,
            ..Zstd::new(2)
        })
    );
}

#[tokio::test]
async fn batches_are_compressed_too() {
    let bucket = Bucket::new().await;
    let notes = bucket.db.table::<Both>();
    notes
        .put_many((0..20).map(Both::new))
        .await
        .into_result()
        .unwrap();
    assert_eq!(bucket.spent().len(), 20);
    let object = bucket.stored("notes/7.json").await;
    assert_eq!(object.meta.content_encoding.as_deref(), Some("zstd"));
    assert_eq!(notes.query().scan().all().await.unwrap().len(), 20);
}

/// The limit is of the content, whatever it is compressed to.
#[tokio::test]
async fn a_row_that_is_too_large_is_not_written() {
    let bucket = Bucket::new().await;
    let notes = bucket.db.table::<Zstd>();
    let small = notes.with(s3orm::Settings::new().max_row_bytes(1000));
    let error = small.put(Zstd::new(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRow);
    assert_eq!(bucket.spent(), [""; 0]);
    notes.put(Zstd::new(1)).await.unwrap();
    let error = small.get(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert_eq!(error.key(), Some("notes/1.json"));
}
