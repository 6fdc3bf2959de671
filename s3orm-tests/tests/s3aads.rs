//! A bucket laid out as s3aads (Python) writes it: a folder a table, a folder a column, bodies of
//! bytes, no extension and no escapes. Read and written back by a derived struct.
//!
//! `S3ORM_TEST_S3AADS=/path/to/python` runs the second test against s3aads itself.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // A test may.

use std::process::Command;

use bytes::Bytes;
use s3orm::store::{ListObjects, PutObject};
use s3orm::{Db, S3Schema};
use s3orm_tests::connect;
use s3orm_tests::server::{ACCESS_KEY, BUCKET, SECRET_KEY, TestServer};

/// `Table(name="events", columns=["day", "name"])`.
#[derive(Debug, Clone, PartialEq, S3Schema)]
#[s3(
    table = "events",
    path = "<day>/<name>",
    body = "raw",
    encoding = "verbatim"
)]
struct Event {
    day: String,
    name: String,
    #[s3(body)]
    data: Bytes,
}

fn event(day: &str, name: &str, data: &'static [u8]) -> Event {
    Event {
        day: day.to_owned(),
        name: name.to_owned(),
        data: Bytes::from_static(data),
    }
}

/// What is in the table, whoever wrote it.
fn events() -> [Event; 4] {
    [
        event("2024-01-01", "start", b"plain text"),
        event("2024-01-01", "a b+c.json", br#"{"any": "JSON"}"#),
        event("2024-01-02", "caf\u{e9}", "caf\u{e9}".as_bytes()),
        event("1", "10", b"\x00\xff\x80"),
    ]
}

#[tokio::test]
async fn rows_are_read_and_written_back_byte_for_byte() {
    let server = TestServer::memory().await;
    let db: Db = connect::db(&server.endpoint()).await;
    let table = db.table::<Event>();
    for Event { day, name, data } in events() {
        let key = format!("events/{day}/{name}");
        server
            .store()
            .put(PutObject {
                key,
                body: data,
                ..PutObject::default()
            })
            .await
            .unwrap();
    }
    for event in events() {
        let mut row = table
            .read((&event.day, &event.name))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(*row, event);
        row.data = [&row.data[..], b" and back"].concat().into();
        table.save(row).await.unwrap();
    }
    table
        .insert(event("2024-01-03", "ours", b"new"))
        .await
        .unwrap();

    let listed = server.store().list(ListObjects::default()).await.unwrap();
    let keys: Vec<_> = listed
        .objects
        .iter()
        .map(|object| object.key.as_str())
        .collect();
    let expected = [
        "events/1/10",
        "events/2024-01-01/a b+c.json",
        "events/2024-01-01/start",
        "events/2024-01-02/caf\u{e9}",
        "events/2024-01-03/ours",
    ];
    assert_eq!(keys, expected);
    for event in events() {
        let row = table.get((&event.day, &event.name)).await.unwrap().unwrap();
        assert_eq!(row.data, [&event.data[..], b" and back"].concat());
    }
}

const WRITE: &str = r#"
from s3aads import Table
t = Table(name="events", database=BUCKET, columns=["day", "name"])
t.insert(day="2024-01-01", name="start", data=b"plain text")
t.insert(day="2024-01-01", name="a b+c.json", data=b'{"any": "JSON"}', metadata={"Metadata": {"origin": "python"}})
t.insert_string(day="2024-01-02", name="caf\u00e9", data="caf\u00e9")
t.insert(day=1, name=10, data=b"\x00\xff\x80")
"#;

const READ: &str = r#"
from s3aads import Table
t = Table(name="events", database=BUCKET, columns=["day", "name"])
assert t.select(day="2024-01-01", name="start") == b"plain text and back", t.select(day="2024-01-01", name="start")
assert t.select_string(day="2024-01-02", name="caf\u00e9") == "caf\u00e9 and back"
assert t.select(day=1, name=10) == b"\x00\xff\x80 and back"
assert t.select(day="2024-01-03", name="ours") == b"new"
assert t.count() == 5, t.keys
assert sorted(t.query(day="2024-01-01"), key=str) == [{"day": "2024-01-01", "name": n} for n in ("a b+c.json", "start")]
"#;

fn python(program: &str, endpoint: &str) -> Option<()> {
    let python = std::env::var_os("S3ORM_TEST_S3AADS")?;
    let output = Command::new(python)
        .args(["-c", &format!("BUCKET = {BUCKET:?}\n{program}")])
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .output()
        .expect("python runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(())
}

/// Passes over where the variable is not set: the test above holds the layout.
#[tokio::test(flavor = "multi_thread")]
async fn s3aads_itself_agrees() {
    let server = TestServer::memory().await;
    let endpoint = server.endpoint();
    let there = endpoint.clone();
    let written = tokio::task::spawn_blocking(move || python(WRITE, &there))
        .await
        .unwrap();
    if written.is_none() {
        eprintln!("S3ORM_TEST_S3AADS is not set: not run against s3aads itself");
        return;
    }
    let table = connect::db(&endpoint).await.table::<Event>();
    for event in events() {
        let mut row = table
            .read((&event.day, &event.name))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(*row, event);
        let origin = row.metadata().get("origin").map(String::as_str);
        assert_eq!(origin, (event.name == "a b+c.json").then_some("python"));
        row.data = [&row.data[..], b" and back"].concat().into();
        table.save(row).await.unwrap();
    }
    table
        .insert(event("2024-01-03", "ours", b"new"))
        .await
        .unwrap();
    tokio::task::spawn_blocking(move || python(READ, &endpoint))
        .await
        .unwrap();
}
