//! What is derived from a declaration for others: policies, rules, definitions for query engines.
//!
//! `S3ORM_TEST_DUCKDB=/path/to/python`, with the module `duckdb`, runs the definitions in DuckDB.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // A test may.

mod definitions;
mod policies;

use chrono::{DateTime, NaiveDate, Utc};
use s3orm::{Db, ErrorKind, S3Schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "visits", path = "date=<date>/<id>")]
struct Visit {
    date: NaiveDate,
    id: u64,
    at: DateTime<Utc>,
    spent: f64,
    referrer: Option<String>,
    pages: Vec<u16>,
    agent: Value,
}

/// Columns that are in the key alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "notes", path = "day=<day>/<author>/<no:ordered>")]
struct Note {
    #[s3(key_only)]
    day: NaiveDate,
    #[s3(key_only)]
    author: String,
    #[s3(key_only)]
    no: u32,
    #[serde(rename = "fullText")]
    text: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "accounts", path = "<owner>", transactional)]
struct Account {
    owner: String,
    balance: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "users", path = "<id>")]
struct User {
    id: u64,
    #[s3(unique)]
    email: String,
    #[s3(index)]
    city: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "moments", path = "<at:desc>")]
struct Moment {
    #[s3(key_only)]
    at: u64,
}

#[derive(Debug, Clone, PartialEq, S3Schema)]
#[s3(table = "files", path = "<name>", body = "raw")]
struct File {
    name: String,
    #[s3(body)]
    data: bytes::Bytes,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "packed", path = "<id>", body = "msgpack")]
struct Packed {
    id: u64,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "compressed", path = "<id>", compress = "zstd")]
struct Compressed {
    id: u64,
}

fn visit(day: u32, id: u64) -> Visit {
    Visit {
        date: NaiveDate::from_ymd_opt(2024, 2, day).unwrap(),
        id,
        at: DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap(),
        spent: 0.5,
        referrer: (day == 1).then(|| "it's \u{e9}".to_owned()),
        pages: vec![1, 2],
        agent: json!({"name": "curl"}),
    }
}

fn note(author: &str, no: u32) -> Note {
    Note {
        day: NaiveDate::from_ymd_opt(2024, 2, 29).unwrap(),
        author: author.to_owned(),
        no,
        text: "x".to_owned(),
    }
}

fn account(owner: &str, balance: i64) -> Account {
    Account {
        owner: owner.to_owned(),
        balance,
    }
}

fn user(id: u64) -> User {
    User {
        id,
        email: format!("{id}@a.org"),
        city: "Oslo".to_owned(),
    }
}

async fn on_aws() -> Db {
    Db::connect("s3://bucket/app?region=eu-north-1")
        .await
        .unwrap()
}

#[tokio::test]
async fn the_rules_of_a_bucket_are_frozen() {
    let db = on_aws().await;
    let policy = db.table::<Account>().conditional_writes_policy().unwrap();
    assert_eq!(
        policy["Statement"],
        json!([{
            "Effect": "Deny", "Principal": "*", "Action": ["s3:PutObject"],
            "Resource": ["arn:aws:s3:::bucket/app/accounts/*"],
            "Condition": {
                "Null": {"s3:if-match": "true", "s3:if-none-match": "true"},
                "Bool": {"s3:ObjectCreationOperation": "true"},
            },
        }])
    );
    let rules = db.lifecycle().abort_uploads_after(7).unwrap();
    let rules = rules.versions_expire_after(30).unwrap();
    let rules = rules.expire_after::<Visit>(400).unwrap();
    // What is said again holds.
    let rules = rules.expire_after::<Visit>(90).unwrap().to_json();
    assert_eq!(
        rules,
        json!({"Rules": [
            {"ID": "s3orm-all", "Status": "Enabled", "Filter": {"Prefix": "app/"},
             "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
             "NoncurrentVersionExpiration": {"NoncurrentDays": 30}},
            {"ID": "s3orm-expire-visits", "Status": "Enabled", "Filter": {"Prefix": "app/visits/"},
             "Expiration": {"Days": 90}},
        ]})
    );
}

#[tokio::test]
async fn what_would_do_harm_is_refused() {
    let db = on_aws().await;
    let memory = Db::connect("memory:").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = format!("file:{}", folder.path().join("b").display());
    let folder = Db::connect(&file).await.unwrap();
    let unsupported = ErrorKind::Unsupported;
    for (error, kind, says) in [
        (
            db.table::<Visit>().conditional_writes_policy().err(),
            unsupported,
            "`transactional`",
        ),
        (
            db.lifecycle().expire_after::<Account>(1).err(),
            unsupported,
            "`accounts`",
        ),
        (
            db.lifecycle().expire_after::<User>(1).err(),
            unsupported,
            "indexes or transactions",
        ),
        (
            db.lifecycle().expire_after::<Visit>(0).err(),
            ErrorKind::Config,
            "0 days",
        ),
        (
            db.lifecycle().abort_uploads_after(0).err(),
            ErrorKind::Config,
            "0 days",
        ),
        (
            db.table::<Moment>().duckdb().err(),
            unsupported,
            "`at` is in the key alone",
        ),
        (db.table::<File>().athena().err(), unsupported, "raw bytes"),
        (
            db.table::<Packed>().duckdb().err(),
            unsupported,
            "MessagePack",
        ),
        (
            db.table::<Compressed>().athena().err(),
            unsupported,
            "compressed",
        ),
        (
            memory.table::<Visit>().duckdb().err(),
            unsupported,
            "memory",
        ),
        (
            folder.table::<Visit>().athena().err(),
            unsupported,
            "folder",
        ),
    ] {
        let error = error.unwrap();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
}
