//! What `doctor` makes of stores that are right, of stores that each do one thing wrong, and of the
//! service that `S3ORM_TEST_URL` names:
//!
//! ```text
//! S3ORM_TEST_URL='s3://bucket?endpoint=http://localhost:9000' \
//!     cargo test -p s3orm-tests --test doctor the_service -- --nocapture
//! ```
#![allow(clippy::unwrap_used)] // Tests panic.

use std::env;
use std::sync::Arc;
use std::time::Duration;

use s3orm::doctor::{Doctor, Level, Report, Severity};
#[cfg(unix)]
use s3orm::store::dir::DirStore;
use s3orm::store::memory::MemoryStore;
use s3orm::store::{GetObject, PutObject, Store};
use s3orm::{Db, Env, ErrorKind};
use s3orm_tests::connect::builder;
use s3orm_tests::odd::{OddStore, Quirk};
use s3orm_tests::proxy::{Fault, Proxy, on};
use s3orm_tests::server::{BUCKET, TestServer, keys};

const RECORD: &str = "_s3orm/capabilities.json";

/// A connection that bears a busy machine.
async fn connect(endpoint: &str) -> Db {
    let builder = builder(endpoint).timeout(Duration::from_secs(30));
    builder.connect().await.unwrap()
}

fn small(db: &Db) -> Doctor<'_> {
    db.doctor().rounds(3).contenders(8).increments(20)
}

fn severity(report: &Report, id: &str) -> Severity {
    report
        .finding(id)
        .unwrap_or_else(|| panic!("no `{id}`"))
        .severity
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_server_is_l3_at_full_length() {
    let server = TestServer::memory().await;
    let db = connect(&server.endpoint()).await;
    let report = db.doctor().await.unwrap();
    println!("{report}");

    assert_eq!(report.level, Level::L3);
    assert_eq!(report.refuses, [""; 0]);
    assert_eq!(
        (report.rounds, report.contenders, report.increments),
        (64, 32, 1000)
    );
    assert_eq!(report.endpoint, server.endpoint());
    for finding in &report.findings {
        let expected = match finding.id.as_str() {
            // It has no such settings.
            "versioning" | "lifecycle" => Severity::NotMeasured,
            _ => Severity::Pass,
        };
        assert_eq!(finding.severity, expected, "{finding:?}");
    }
    // The listing of `check`, and the record's read and write.
    let answered = server.requests().len() as u64;
    assert_eq!(report.requests + 1 + 2, answered);
    assert_eq!(keys(&**server.store(), "").await, [RECORD]);
}

/// A quirk, with the level and each finding that is not as S3 has it.
type Case = (Quirk, Level, &'static [(&'static str, Severity)]);

#[rustfmt::skip]
const CASES: [Case; 16] = [
    (Quirk::IgnoresIfNoneMatch, Level::L0, &[
        ("create-if-absent", Severity::Danger), ("create-race", Severity::NotMeasured),
    ]),
    (Quirk::IgnoresIfMatch, Level::L1, &[
        ("replace-if-match", Severity::Danger), ("replace-absent", Severity::NotMeasured),
        ("replace-race", Severity::NotMeasured), ("lost-updates", Severity::NotMeasured),
        ("delete-race", Severity::NotMeasured),
    ]),
    (Quirk::ReplacesNothing, Level::L1, &[
        ("replace-absent", Severity::Danger), ("delete-race", Severity::NotMeasured),
    ]),
    (Quirk::IgnoresDeleteIfMatch, Level::L2, &[
        ("delete-if-match", Severity::Danger), ("delete-absent", Severity::NotMeasured),
        ("delete-if-present", Severity::NotMeasured), ("delete-race", Severity::NotMeasured),
        ("bulk-delete-if-match", Severity::Warn),
    ]),
    (Quirk::RefusesDeleteIfMatch, Level::L2, &[
        ("delete-if-match", Severity::Fail), ("delete-absent", Severity::NotMeasured),
        ("delete-if-present", Severity::NotMeasured), ("delete-race", Severity::NotMeasured),
        ("bulk-delete-if-match", Severity::Warn),
    ]),
    (Quirk::DeletesNothing, Level::L3, &[
        ("delete-absent", Severity::Warn), ("delete-if-present", Severity::Warn),
    ]),
    (Quirk::RefusesConditions, Level::L0, &[
        ("create-if-absent", Severity::Fail), ("create-race", Severity::NotMeasured),
        ("replace-if-match", Severity::Fail), ("replace-absent", Severity::NotMeasured),
        ("replace-race", Severity::NotMeasured), ("lost-updates", Severity::NotMeasured),
        ("delete-if-match", Severity::Fail), ("delete-absent", Severity::NotMeasured),
        ("delete-if-present", Severity::NotMeasured), ("delete-race", Severity::NotMeasured),
        ("bulk-delete-if-match", Severity::Warn),
    ]),
    (Quirk::CreatesLate, Level::L0, &[("create-race", Severity::Danger)]),
    (Quirk::ReplacesLate, Level::L1, &[
        ("replace-race", Severity::Danger), ("lost-updates", Severity::Danger),
        ("delete-race", Severity::Danger),
    ]),
    (Quirk::DeletesLate, Level::L2, &[("delete-race", Severity::Danger)]),
    (Quirk::ListsBackwards, Level::L3, &[
        ("list-order", Severity::Fail), ("list-start-after", Severity::Fail),
    ]),
    (Quirk::ListsInclusive, Level::L3, &[("list-start-after", Severity::Fail)]),
    (Quirk::Normalises, Level::L3, &[("keys-unicode", Severity::Warn)]),
    (Quirk::ForgetsMetadata, Level::L3, &[("metadata", Severity::Fail)]),
    (Quirk::TagsByLength, Level::L1, &[("etag", Severity::Danger)]),
    (Quirk::IgnoresOtherConditions, Level::L3, &[
        ("copy-conditions", Severity::Warn), ("upload-conditions", Severity::Warn),
    ]),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_quirk_is_found_and_nothing_else_is() {
    for (quirk, level, expected) in CASES {
        let server = TestServer::over(Arc::new(OddStore::new(quirk))).await;
        let db = connect(&server.endpoint()).await;
        let report = small(&db).await.unwrap();
        assert_eq!(report.level, level, "{quirk:?}\n{report}");
        for &(id, severity_due) in expected {
            assert_eq!(
                severity(&report, id),
                severity_due,
                "{quirk:?} {id}\n{report}"
            );
        }
        let dangers = |severity: &Severity| *severity == Severity::Danger;
        let due = expected.iter().filter(|(_, severity)| dangers(severity));
        let mut due: Vec<&str> = due.map(|(id, _)| *id).collect();
        let mut refuses = report.refuses.clone();
        // Objects of one length are all alike to a store without tags: more than one thing goes wrong.
        if quirk == Quirk::TagsByLength {
            refuses.retain(|id| id == "etag");
        } else {
            for finding in &report.findings {
                let known = matches!(finding.id.as_str(), "versioning" | "lifecycle");
                let named = expected.iter().any(|(id, _)| *id == finding.id);
                let pages = quirk == Quirk::ListsBackwards;
                let fine = finding.severity == Severity::Pass;
                assert!(fine || known || named || pages, "{quirk:?} {finding:?}");
            }
        }
        due.sort_unstable();
        refuses.sort_unstable();
        assert_eq!(refuses, due, "{quirk:?}");
        assert_eq!(keys(&**server.store(), "").await, [RECORD], "{quirk:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_without_conditions_is_refused_with_the_finding() {
    let server = TestServer::over(Arc::new(OddStore::new(Quirk::RefusesConditions))).await;
    let db = connect(&server.endpoint()).await;
    let unmeasured = db.require(Level::L1).await.unwrap_err();
    assert_eq!(unmeasured.kind(), ErrorKind::Unsupported);
    assert!(
        unmeasured.to_string().contains("`Db::doctor`"),
        "{unmeasured}"
    );

    small(&db).await.unwrap();
    server.reset();
    db.require(Level::L0).await.unwrap();
    let error = db.require(Level::L2).await.unwrap_err();
    assert_eq!(server.requests().len(), 2);
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(
        error.to_string(),
        "require: level L2 is required, and this store has L0: `create-if-absent`: \
         501 NotImplemented where nothing is, so `insert` fails; \
         use another store, or run `Db::doctor` again once it is mended"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_reads_worst_first() {
    let server = TestServer::over(Arc::new(OddStore::new(Quirk::IgnoresDeleteIfMatch))).await;
    let db = connect(&server.endpoint()).await;
    let printed = small(&db).await.unwrap().to_string();
    let lines: Vec<&str> = printed.lines().collect();
    assert!(
        lines[0].starts_with(&format!("s3://{BUCKET}/ at http://127.0.0.1:")),
        "{printed}"
    );
    assert_eq!(
        lines[3],
        "level L2: replace by version: `insert`, `save`, `update`"
    );
    assert_eq!(
        lines[5..8],
        [
            "DANGER  delete-if-match       a success for a tag that the object had before; the object is gone",
            "                              deletions by version delete what somebody else has written since",
            "warn    bulk-delete-if-match  another `ETag` is ignored",
        ]
    );
    assert!(lines[9].starts_with("unknown delete-absent"), "{printed}");
    let passed = lines.iter().position(|line| line.starts_with("pass    "));
    assert_eq!(
        passed,
        lines
            .iter()
            .position(|line| line.contains("read-after-write"))
    );
}

#[tokio::test]
async fn a_report_is_recorded_and_read_back() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new("rows", Env::system()));
    let db = Db::with_store(Arc::clone(&store), "app", Env::system()).unwrap();
    assert_eq!(db.capabilities().await.unwrap(), None);
    db.doctor().quick().await.unwrap();
    assert_eq!(db.capabilities().await.unwrap(), None);

    let report = small(&db).await.unwrap();
    assert_eq!(db.capabilities().await.unwrap().as_ref(), Some(&report));
    assert_eq!(keys(&*store, "").await, ["app/_s3orm/capabilities.json"]);

    // Of an earlier clock: the later report stays.
    let late = Db::with_store(Arc::clone(&store), "app", Env::seeded(1)).unwrap();
    let older = small(&late).await.unwrap();
    assert!(older.date < report.date);
    assert_eq!(db.capabilities().await.unwrap(), Some(report));

    let elsewhere = Db::with_store(store, "other", Env::system()).unwrap();
    assert_eq!(elsewhere.capabilities().await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_of_one_endpoint() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(BUCKET, Env::system()));
    let (one, other) = (
        TestServer::over(Arc::clone(&store)).await,
        TestServer::over(Arc::clone(&store)).await,
    );
    let (one, other) = (
        connect(&one.endpoint()).await,
        connect(&other.endpoint()).await,
    );
    small(&one).await.unwrap();
    assert!(one.capabilities().await.unwrap().is_some());
    assert_eq!(other.capabilities().await.unwrap(), None);
    small(&other).await.unwrap();
    assert!(other.capabilities().await.unwrap().is_some());
    assert_eq!(one.capabilities().await.unwrap(), None);
}

#[tokio::test]
async fn the_names_of_the_record_stay() {
    let db = Db::connect("memory:").await.unwrap();
    let report = small(&db).await.unwrap();
    let get = GetObject {
        key: RECORD.to_owned(),
        ..GetObject::default()
    };
    let record = db.store().get(get).await.unwrap();
    assert_eq!(
        record.meta.content_type.as_deref(),
        Some("application/json")
    );
    let json: serde_json::Value = serde_json::from_slice(&record.body).unwrap();
    let names = |value: &serde_json::Value| -> Vec<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    let mut expected = [
        "format",
        "level",
        "refuses",
        "database",
        "endpoint",
        "server",
        "client",
        "date",
        "millis",
        "rounds",
        "contenders",
        "increments",
        "connections",
        "requests",
        "findings",
    ];
    expected.sort_unstable();
    let mut found = names(&json);
    found.sort_unstable();
    assert_eq!(found, expected);
    let mut found = names(&json["findings"][0]);
    found.sort_unstable();
    assert_eq!(
        found,
        ["expected", "found", "id", "means", "needed_for", "severity"]
    );
    assert_eq!((&json["format"], &json["level"]), (&1.into(), &"L3".into()));
    let mut ids: Vec<&str> = report
        .findings
        .iter()
        .map(|finding| finding.id.as_str())
        .collect();
    ids.sort_unstable();
    assert_eq!(
        ids,
        [
            "bulk-delete-if-match",
            "checksums",
            "clock",
            "copy-conditions",
            "create-if-absent",
            "create-race",
            "delete-absent",
            "delete-if-match",
            "delete-if-present",
            "delete-race",
            "etag",
            "keys-encoded",
            "keys-long",
            "keys-raw",
            "keys-unicode",
            "leftovers",
            "lifecycle",
            "list-after-write",
            "list-delimiter",
            "list-order",
            "list-pages",
            "list-start-after",
            "lost-updates",
            "metadata",
            "read-after-write",
            "read-if-changed",
            "replace-absent",
            "replace-if-match",
            "replace-race",
            "upload-conditions",
            "versioning",
        ]
    );
}

#[tokio::test]
async fn what_is_no_record_is_told_and_written_anew() {
    let db = Db::connect("memory:").await.unwrap();
    for (body, expected) in [
        (
            "not JSON",
            "it is no report of `doctor`; run `Db::doctor` to write it anew",
        ),
        ("{\"format\":1}", "it is no report of `doctor`"),
    ] {
        let put = PutObject {
            key: RECORD.to_owned(),
            body: body.into(),
            ..PutObject::default()
        };
        db.store().put(&put).await.unwrap();
        for error in [
            db.capabilities().await.unwrap_err(),
            db.require(Level::L0).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Decode);
            assert!(error.to_string().contains(expected), "{error}");
        }
        small(&db).await.unwrap();
        db.require(Level::L3).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_is_deleted_also_when_a_probe_fails() {
    let server = TestServer::memory().await;
    let proxy = Proxy::in_front_of(server.local_addr()).await;
    let db = connect(&proxy.endpoint()).await;
    proxy.fail_next(on("CompleteMultipartUpload"), Fault::CutAfter);
    let error = db.doctor().quick().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.operation()),
        (ErrorKind::Unavailable, "doctor")
    );
    assert!(server.count("PutObject") > 100);
    assert_eq!(keys(&**server.store(), "").await, [""; 0]);

    let nowhere = db.bucket("nowhere").unwrap();
    let error = nowhere.doctor().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSuchBucket);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_spread_over_all_connections() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(BUCKET, Env::system()));
    let (one, other) = (
        TestServer::over(Arc::clone(&store)).await,
        TestServer::over(store).await,
    );
    let (db, second) = (
        connect(&one.endpoint()).await,
        connect(&other.endpoint()).await,
    );
    let report = db.doctor().quick().also(&second).await.unwrap();
    assert_eq!((report.level, report.connections), (Level::L3, 2));
    let served = one.requests().len() + other.requests().len();
    assert_eq!(report.requests + 1, served as u64);
    assert!(report.requests < 1100, "{}", report.requests);
    // Half of the contenders: 4 rounds of 3 races of 4, at least.
    assert!(other.requests().len() > 48);

    let stranger = TestServer::memory().await;
    let stranger = connect(&stranger.endpoint()).await;
    let error = db.doctor().quick().also(&stranger).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("the same bucket"), "{error}");
}

/// As it is, and served: what is refused is refused alike, and nothing stays.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_l3_with_segments_of_255_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join(BUCKET);
    let store = DirStore::open(&place, Env::system()).await.unwrap();
    let server = TestServer::over(Arc::new(store)).await;
    let own = format!("file:{}", place.display());
    let own = Db::connect(&own).await.unwrap();
    let both = [own, connect(&server.endpoint()).await];
    for (db, is_service) in both.iter().zip([false, true]) {
        let report = db.doctor().quick().await.unwrap();
        assert_eq!(report.level, Level::L3, "{report}");
        for finding in &report.findings {
            let expected = match finding.id.as_str() {
                "keys-long" => Severity::Warn,
                "versioning" | "lifecycle" => Severity::NotMeasured,
                "clock" | "checksums" if !is_service => Severity::NotMeasured,
                _ => Severity::Pass,
            };
            assert_eq!(finding.severity, expected, "{finding:?}");
        }
        assert_eq!(keys(db.store(), "").await, [""; 0]);
    }
}

/// Prints what the service of `S3ORM_TEST_URL` honours, which may be anything; nothing stays there.
#[tokio::test(flavor = "multi_thread")]
async fn the_service() {
    let server = TestServer::memory().await;
    let db = match env::var("S3ORM_TEST_URL") {
        Ok(url) => Db::connect(&url).await.unwrap(),
        Err(_) => connect(&server.endpoint()).await,
    };
    db.ensure_bucket().await.unwrap();
    let report = db.doctor().record(false).await.unwrap();
    println!("{report}");
    assert_eq!(severity(&report, "leftovers"), Severity::Pass);
}
