//! What is derived from a declaration for others: policies, rules, definitions for query engines.
//!
//! `S3ORM_TEST_DUCKDB=/path/to/python`, with the module `duckdb`, runs the definitions in DuckDB.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // A test may.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use s3orm::infra::Verb;
use s3orm::store::dir::DirStore;
use s3orm::testing::{Call, Fault, FaultStore};
use s3orm::{Db, Env, ErrorKind, S3Schema, Table};
use s3orm_tests::connect;
use s3orm_tests::server::{BUCKET, TestServer};
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
async fn policies_are_frozen() {
    let db = on_aws().await;
    let plain = db.table::<Visit>();
    let rows = "arn:aws:s3:::bucket/app/visits/*";
    assert_eq!(
        plain.iam_policy([Verb::Write, Verb::List]),
        json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": [rows]},
            {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": ["arn:aws:s3:::bucket"],
             "Condition": {"StringLike": {"s3:prefix": ["app/visits/*"]}}},
        ]})
    );
    assert_eq!(plain.iam_policy([Verb::Maintain])["Statement"], json!([]));
    assert_eq!(
        db.table::<Account>().iam_policy([Verb::Delete])["Statement"],
        json!([
            {"Effect": "Allow", "Action": ["s3:GetObject"],
             "Resource": ["arn:aws:s3:::bucket/app/_s3orm/capabilities.json"]},
            {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"],
             "Resource": ["arn:aws:s3:::bucket/app/_s3orm/tx/*", "arn:aws:s3:::bucket/app/accounts/*"]},
        ])
    );
    assert_eq!(
        db.table::<User>().iam_policy([Verb::Read])["Statement"],
        json!([{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": [
            "arn:aws:s3:::bucket/app/_s3orm/ix/users/*",
            "arn:aws:s3:::bucket/app/_s3orm/schema/users.json",
            "arn:aws:s3:::bucket/app/_s3orm/uq/users/*",
            "arn:aws:s3:::bucket/app/users/*",
        ]}])
    );
    // What is a wildcard or a variable in a policy means itself.
    let odd = Db::connect("s3://bucket/a*$b?region=eu-north-1")
        .await
        .unwrap();
    let policy = odd.table::<Visit>().iam_policy([Verb::Read]);
    let resource = &policy["Statement"][0]["Resource"][0];
    assert_eq!(resource, "arn:aws:s3:::bucket/a${*}${$}b/visits/*");
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

/// Whether a policy of ours allows a request that a server was sent.
fn allows(policy: &Value, operation: &str, key: &str, prefix: &str) -> bool {
    let action = match operation {
        "GetObject" | "HeadObject" => "s3:GetObject",
        // A copy takes `s3:GetObject` of its source, too.
        "PutObject"
        | "CopyObject"
        | "CreateMultipartUpload"
        | "UploadPart"
        | "CompleteMultipartUpload" => "s3:PutObject",
        "AbortMultipartUpload" => "s3:AbortMultipartUpload",
        "DeleteObject" => "s3:DeleteObject",
        "ListObjectsV2" => "s3:ListBucket",
        other => panic!("an unexpected {other}"),
    };
    let like = |pattern: &Value, text: &str| {
        let pattern = pattern.as_str().unwrap();
        match pattern.strip_suffix('*') {
            Some(begin) => text.starts_with(begin),
            None => text == pattern,
        }
    };
    let any = |patterns: &Value, text: &str| {
        let mut patterns = patterns.as_array().unwrap().iter();
        patterns.any(|pattern| like(pattern, text))
    };
    let mut statements = policy["Statement"].as_array().unwrap().iter();
    statements.any(|statement| {
        let resource = format!("arn:aws:s3:::{key}");
        any(&statement["Action"], action)
            && any(&statement["Resource"], resource.trim_end_matches('/'))
            && match statement.get("Condition") {
                Some(condition) => any(&condition["StringLike"]["s3:prefix"], prefix),
                None => true,
            }
    })
}

/// The requests since the last call that a policy does not allow.
fn refused(server: &TestServer, policy: &Value) -> Vec<String> {
    let requests = server.requests();
    assert!(!requests.is_empty());
    server.reset();
    let decode = |text: &str| {
        text.replace("%2F", "/")
            .replace("%40", "@")
            .replace("%21", "!")
    };
    let refused = requests.into_iter().filter_map(|request| {
        let key = decode(request.path.trim_start_matches('/'));
        let mut parameters = request.query.split('&');
        let prefix = parameters.find_map(|parameter| parameter.strip_prefix("prefix="));
        let prefix = decode(prefix.unwrap_or_default());
        let allowed = allows(policy, request.operation, &key, &prefix);
        (!allowed).then(|| format!("{} {key} {prefix}", request.operation))
    });
    refused.collect()
}

#[tokio::test]
async fn policies_allow_what_their_verbs_do_and_no_more() {
    let server = TestServer::memory().await;
    let plain = connect::db(&server.endpoint()).await.table::<Visit>();
    assert!(
        plain.iam_policy([Verb::Read])["Statement"][0]["Resource"][0]
            .as_str()
            .unwrap()
            .contains(BUCKET)
    );
    let row = plain.insert(visit(1, 1)).await.unwrap();
    plain.put(visit(1, 2)).await.unwrap();
    plain.save(row).await.unwrap();
    plain
        .update((visit(1, 1).date, 1), |row| row.spent = 2.0)
        .await
        .unwrap();
    assert_eq!(refused(&server, &plain.iam_policy([Verb::Write])), [""; 0]);
    assert_eq!(plain.query().scan().all().await.unwrap().len(), 2);
    assert_eq!(
        refused(&server, &plain.iam_policy([Verb::Read, Verb::List])),
        [""; 0]
    );
    assert_eq!(plain.query().count().await.unwrap(), 2);
    assert_eq!(refused(&server, &plain.iam_policy([Verb::Read])).len(), 1);
    let row = plain.read((visit(1, 1).date, 1)).await.unwrap().unwrap();
    plain
        .delete((row.date, row.id))
        .if_version(row.version())
        .await
        .unwrap();
    plain.delete((visit(1, 1).date, 2)).await.unwrap();
    assert_eq!(refused(&server, &plain.iam_policy([Verb::Delete])), [""; 0]);
    plain.delete((visit(1, 1).date, 2)).await.unwrap();
    assert_eq!(
        refused(&server, &plain.iam_policy([Verb::Read, Verb::Write])).len(),
        1
    );
}

#[tokio::test]
async fn policies_cover_what_is_kept_for_transactions() {
    let server = TestServer::memory().await;
    let db = connect::db(&server.endpoint()).await;
    let accounts = &db.table::<Account>();
    accounts.insert(account("ann", 100)).await.unwrap();
    accounts.insert(account("bob", 100)).await.unwrap();
    let done = db.transaction(|tx| async move {
        tx.write(accounts.patch("ann").decrement(Account::COL.balance, 30))?;
        tx.write(accounts.insert(account("carl", 30)))
    });
    // What it does after its answer is a writer's, too.
    done.settled().await.unwrap();
    assert_eq!(
        refused(&server, &accounts.iam_policy([Verb::Write])),
        [""; 0]
    );
    assert_eq!(accounts.query().count().await.unwrap(), 3);
    assert_eq!(accounts.query().scan().all().await.unwrap().len(), 3);
    assert_eq!(
        refused(&server, &accounts.iam_policy([Verb::Read, Verb::List])),
        [""; 0]
    );
    accounts.delete("bob").await.unwrap();
    assert_eq!(
        refused(&server, &accounts.iam_policy([Verb::Delete])),
        [""; 0]
    );
    db.settle().await.unwrap();
    db.sweep().await.unwrap();
    accounts.vacuum().await.unwrap();
    assert_eq!(
        refused(&server, &accounts.iam_policy([Verb::Maintain])),
        [""; 0]
    );
}

#[tokio::test]
async fn policies_cover_what_is_kept_for_indexes() {
    let server = TestServer::memory().await;
    let users: Table<User> = connect::db(&server.endpoint()).await.table();
    users.insert(user(1)).await.unwrap();
    users.insert(user(2)).await.unwrap();
    users
        .update(1, |row| row.email = "new@a.org".into())
        .await
        .unwrap();
    assert_eq!(refused(&server, &users.iam_policy([Verb::Write])), [""; 0]);
    // Another connection, which knows nothing yet.
    let users: Table<User> = connect::db(&server.endpoint()).await.table();
    assert_eq!(
        users
            .query()
            .by(User::INDEX.city)
            .at("Oslo")
            .all()
            .await
            .unwrap()
            .len(),
        2
    );
    assert!(
        users
            .get_by(User::UNIQUE.email, "new@a.org")
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(
        refused(&server, &users.iam_policy([Verb::Read, Verb::List])),
        [""; 0]
    );
    users.delete(2).await.unwrap();
    assert_eq!(refused(&server, &users.iam_policy([Verb::Delete])), [""; 0]);
    assert!(users.verify().await.unwrap().is_clean());
    users.repair().await.unwrap();
    users.index(User::INDEX.city).build().await.unwrap();
    users.vacuum().await.unwrap();
    assert_eq!(
        refused(&server, &users.iam_policy([Verb::Maintain])),
        [""; 0]
    );
}

#[derive(Debug, Clone, Serialize, Deserialize, S3Schema)]
#[s3(table = "albums", path = "<id>")]
struct Album {
    id: u64,
    photo: s3orm::Blob,
}

#[tokio::test]
async fn policies_cover_blobs() {
    let env = Env::seeded(1);
    let store = s3orm::store::memory::MemoryStore::new(BUCKET, env);
    let server = TestServer::over(Arc::new(store)).await;
    let db = connect::db(&server.endpoint()).await;
    let albums = db.table::<Album>();
    let policy = |verb| albums.iam_policy([verb]);
    let photo = albums.blob().bytes("a photo").await.unwrap();
    albums.blob().bytes(vec![0; 6 << 20]).await.unwrap();
    let mut given_up = albums.blob().start();
    given_up.write(vec![0; 6 << 20]).await.unwrap();
    given_up.abort().await.unwrap();
    let photo = albums.copy_blob(&photo).await.unwrap();
    assert_eq!(refused(&server, &policy(Verb::WriteBlobs)), [""; 0]);
    photo.bytes(&db, 100).await.unwrap();
    assert_eq!(refused(&server, &policy(Verb::ReadBlobs)), [""; 0]);
    albums.insert(Album { id: 1, photo }).await.unwrap();
    server.reset();
    // Two blobs of three are named nowhere.
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_mins(62)).await;
    tokio::time::resume();
    let swept = db.sweep_blobs().of::<Album>().await.unwrap();
    assert_eq!((swept.named, swept.marked), (1, 2));
    assert_eq!(refused(&server, &policy(Verb::SweepBlobs)), [""; 0]);
    // What a request that deletes many deletes is in its body.
    let sweeping = policy(Verb::SweepBlobs);
    for key in ["_s3orm/blob/albums/3f/x", "_s3orm/blob-marks/albums/3f/x"] {
        let key = format!("{BUCKET}/{key}");
        assert!(allows(&sweeping, "DeleteObject", &key, ""));
        assert!(!allows(&policy(Verb::WriteBlobs), "DeleteObject", &key, ""));
    }
    let row = format!("{BUCKET}/albums/1.json");
    assert!(!allows(&sweeping, "DeleteObject", &row, ""));
    assert!(!allows(&policy(Verb::WriteBlobs), "PutObject", &row, ""));
}

#[tokio::test]
async fn definitions_are_frozen() {
    let db = on_aws().await;
    assert_eq!(
        db.table::<Visit>().duckdb().unwrap(),
        r#"CREATE OR REPLACE VIEW "visits" AS
SELECT
    "date",
    "id",
    "at",
    "spent",
    "referrer",
    "pages",
    "agent"
FROM read_json(
    's3://bucket/app/visits/date=*/*.json',
    format = 'unstructured',
    records = true,
    filename = 's3orm_file',
    hive_partitioning = true,
    hive_types = {'date': 'DATE'},
    columns = {
        'date': 'DATE',
        'id': 'UBIGINT',
        'at': 'TIMESTAMP',
        'spent': 'DOUBLE',
        'referrer': 'VARCHAR',
        'pages': 'USMALLINT[]',
        'agent': 'JSON'
    }
)"#
    );
    assert_eq!(
        db.table::<Visit>().athena().unwrap(),
        [
            r"CREATE EXTERNAL TABLE `visits` (
    `id` decimal(20,0),
    `at` string,
    `spent` double,
    `referrer` string,
    `pages` array<int>,
    `agent` string
)
PARTITIONED BY (`date` date)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://bucket/app/visits/'",
            "MSCK REPAIR TABLE `visits`",
        ]
    );
    let accounts = db.table::<Account>().athena().unwrap();
    assert_eq!(
        accounts[0],
        r"CREATE EXTERNAL TABLE `accounts_objects` (
    `s3orm_m` struct<del:boolean,was:string>,
    `owner` string,
    `balance` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
WITH SERDEPROPERTIES ('mapping.s3orm_m' = '_m')
LOCATION 's3://bucket/app/accounts/'"
    );
    assert_eq!(
        accounts[1],
        r#"CREATE OR REPLACE VIEW "accounts" AS
SELECT
    "owner",
    "balance"
FROM "accounts_objects"
WHERE coalesce(s3orm_m.del, false) = false AND coalesce(s3orm_m.was, 'row') <> 'absent'"#
    );
    let notes = db.table::<Note>().athena().unwrap();
    assert!(
        notes[0].contains("'mapping.fulltext' = 'fullText'"),
        "{}",
        notes[0]
    );
    assert!(
        notes[2]
            .contains(r#"regexp_extract("$path", '/day=([^/]*?)/([^/]*?)/([^/]*?)\.json$', 2)"#),
        "{}",
        notes[2]
    );
}

/// The rows of queries in DuckDB after some definitions; `None` where it is not to be had.
fn duckdb(definitions: &[String], queries: &[&str]) -> Option<Vec<Value>> {
    let python = std::env::var_os("S3ORM_TEST_DUCKDB")?;
    let program = "
import duckdb, json, sys
definitions, queries = json.loads(sys.argv[1])
database = duckdb.connect()
for definition in definitions:
    database.execute(definition)
answers = [database.execute(query).fetchall() for query in queries]
print(json.dumps(answers, default=str))
";
    let output = Command::new(python)
        .args(["-c", program, &json!([definitions, queries]).to_string()])
        .output()
        .expect("python runs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

async fn folder(path: &Path) -> Db {
    Db::connect(&format!("file:{}", path.display()))
        .await
        .unwrap()
}

#[tokio::test]
async fn duckdb_reads_the_rows_that_were_written() {
    let place = tempfile::tempdir().unwrap();
    let db = folder(&place.path().join("it's [here]")).await;
    let (visits, notes) = (db.table::<Visit>(), db.table::<Note>());
    for id in 0..20 {
        visits
            .insert(visit(1 + u32::try_from(id % 2).unwrap(), u64::MAX - id))
            .await
            .unwrap();
    }
    for (no, author) in ["S\u{e3}o a+b/c", "", "100%", "ann"].iter().enumerate() {
        notes
            .insert(note(author, u32::try_from(no).unwrap()))
            .await
            .unwrap();
    }
    let definitions = [visits.duckdb().unwrap(), notes.duckdb().unwrap()];
    let Some(answers) = duckdb(
        &definitions,
        &[
            "SELECT count(*), sum(id)::VARCHAR, sum(spent), sum(pages[2]), count(referrer) FROM visits",
            "SELECT count(*), min(date), min(agent->>'name') FROM visits WHERE date = DATE '2024-02-02'",
            "SELECT DISTINCT referrer, \"at\" FROM visits WHERE referrer IS NOT NULL",
            "SELECT author, no, day, \"fullText\" FROM notes ORDER BY no",
            "SELECT count(*) FROM notes WHERE day = DATE '2024-02-29'",
        ],
    ) else {
        eprintln!("S3ORM_TEST_DUCKDB is not set: not run in DuckDB");
        return;
    };
    let rows = visits.query().scan().all().await.unwrap();
    let sum: u128 = rows.iter().map(|row| u128::from(row.id)).sum();
    let spent: f64 = rows.iter().map(|row| row.spent).sum();
    assert_eq!(
        answers[0],
        json!([[rows.len(), sum.to_string(), spent, 40, 10]])
    );
    assert_eq!(answers[1], json!([[10, "2024-02-02", "curl"]]));
    assert_eq!(
        answers[2],
        json!([["it's \u{e9}", "2023-11-14 22:13:20.123456"]])
    );
    let day = "2024-02-29";
    let expected = json!([
        ["S\u{e3}o a+b/c", 0, day, "x"],
        ["", 1, day, "x"],
        ["100%", 2, day, "x"],
        ["ann", 3, day, "x"],
    ]);
    assert_eq!(answers[3], expected);
    assert_eq!(answers[4], json!([[4]]));
}

/// What is said of rows under a transaction: as they were before, also when it is committed, until
/// somebody finishes it.
#[tokio::test]
async fn duckdb_sees_committed_rows_alone() {
    for (fault, committed) in [(Fault::CrashBefore, false), (Fault::CrashAfter, true)] {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("bank");
        let db = folder(&path).await;
        let accounts = db.table::<Account>();
        for owner in ["ann", "bob", "carl", "eve"] {
            accounts.insert(account(owner, 100)).await.unwrap();
        }
        accounts.delete("carl").await.unwrap();

        let store = DirStore::open(&path, Env::system()).await.unwrap();
        let client = FaultStore::over(Arc::new(store), Env::system());
        // The first is the record, the second its decision.
        client.fail_nth(2, Call::Put.under("_s3orm/tx/"), fault);
        let crashing = client.db();
        let theirs = &crashing.table::<Account>();
        let ended = crashing.transaction(|tx| async move {
            tx.write(theirs.patch("ann").decrement(Account::COL.balance, 30))?;
            tx.write(theirs.delete("eve"))?;
            tx.write(theirs.insert(account("dave", 130)))
        });
        ended.await.unwrap_err();

        let queries = ["SELECT owner, balance FROM accounts ORDER BY owner"];
        let definitions = [accounts.duckdb().unwrap()];
        let Some(answers) = duckdb(&definitions, &queries) else {
            return;
        };
        let before = json!([["ann", 100], ["bob", 100], ["eve", 100]]);
        assert_eq!(answers[0], before, "{fault:?}");
        if committed {
            assert_eq!(accounts.get("ann").await.unwrap().unwrap().balance, 70);
        }

        db.settle().await.unwrap();
        let answers = duckdb(&definitions, &queries).unwrap();
        let after = json!([["ann", 70], ["bob", 100], ["dave", 130]]);
        assert_eq!(
            answers[0],
            if committed { after } else { before },
            "{fault:?}"
        );
    }
}
