//! Hooks and rules, over HTTP: each operation calls them, at its one place, and what they refuse
//! costs no write.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // A test may.

use std::cell::RefCell;
use std::time::UNIX_EPOCH;

use chrono::{DateTime, Utc};
use s3orm::{Db, Error, ErrorKind, HookResult, Hooks, Prepare, S3Schema, Table, WriteEvent};
use s3orm_tests::connect;
use s3orm_tests::server::TestServer;
use serde::{Deserialize, Serialize};

thread_local! {
    /// What was called, in order. Tests run in threads of their own, and tokio's in the same.
    static CALLS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn called(call: impl Into<String>) {
    CALLS.with_borrow_mut(|calls| calls.push(call.into()));
}

/// The calls since the last time.
fn calls() -> Vec<String> {
    CALLS.take()
}

fn calls_but_reads() -> Vec<String> {
    let mut calls = calls();
    calls.retain(|call| call != "read");
    calls
}

/// Tables with the same hooks: one that is stamped, and one that is not.
macro_rules! users {
    ($($name:ident { $($option:tt)* })+) => {$(
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
        #[s3(table = "users", path = "<mail>", hooks, $($option)*)]
        struct $name {
            mail: String,
            age: u32,
            #[s3(updated_at)]
            changed_at: Option<DateTime<Utc>>,
            #[serde(skip)]
            initial: Option<char>,
        }

        impl $name {
            fn new(mail: &str) -> Self {
                Self { mail: mail.to_owned(), age: 30, changed_at: None, initial: None }
            }
        }

        impl Hooks for $name {
            fn before_write(&mut self, write: &Prepare<'_>) -> HookResult {
                called(format!("write {:?}", write.event()));
                assert_eq!(self.changed_at.map(Into::into), Some(write.now()), "after the stamps");
                assert!(write.now() > UNIX_EPOCH);
                self.mail = self.mail.to_lowercase();
                if self.age > 150 {
                    return Err(format!("nobody is {}", self.age).into());
                }
                Ok(())
            }

            fn after_read(&mut self) -> HookResult {
                called("read");
                self.initial = self.mail.chars().next();
                if self.age == 150 { Err("too old to be read".into()) } else { Ok(()) }
            }

            fn before_delete(key: &Self::Key) -> HookResult {
                called(format!("delete {}", key.0));
                if key.0 == "root" { Err("root stays".into()) } else { Ok(()) }
            }

            fn after_delete(key: &Self::Key) {
                called(format!("deleted {}", key.0));
            }
        }
    )+};
}

users! {
    User {}
    Stamped { transactional }
}

async fn connected() -> (TestServer, Db) {
    let server = TestServer::memory().await;
    let db = connect::db(&server.endpoint()).await;
    (server, db)
}

fn writes(server: &TestServer) -> usize {
    let count = ["PutObject", "DeleteObject", "DeleteObjects"].map(|call| server.count(call));
    server.reset();
    count.into_iter().sum()
}

fn is_refusal(error: &Error, key: &str, reason: &str) {
    use std::error::Error as _;

    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error:?}");
    assert_eq!(error.key(), Some(key), "{error:?}");
    assert_eq!(error.source().unwrap().to_string(), reason);
}

macro_rules! every_operation {
    ($row:ident) => {{
        let (server, db) = connected().await;
        let users: Table<$row> = db.table();
        let first = db.table::<$row>().insert($row::new("ANN")).await.unwrap();
        assert_eq!(
            (first.key(), &*first.mail),
            ("users/ann.json", "ann"),
            "its key is its own"
        );
        assert_eq!(calls(), ["write Insert"]);
        assert_eq!(users.get("ann").await.unwrap().unwrap().initial, Some('a'));
        assert_eq!(calls(), ["read"]);
        users.put($row::new("BOB")).await.unwrap();
        assert_eq!(calls_but_reads(), ["write Put"]);
        let row = users.read("bob").await.unwrap().unwrap();
        users.save(row).await.unwrap();
        // What is read in order to be written is read, as often as that takes.
        assert_eq!(calls_but_reads(), ["write Save"]);
        users.update("bob", |user| user.age += 1).await.unwrap();
        // What is read in order to be written is read, as often as that takes.
        assert_eq!(calls_but_reads(), ["write Save"]);
        users
            .patch("bob")
            .increment($row::COL.age, 1)
            .await
            .unwrap();
        // What is read in order to be written is read, as often as that takes.
        assert_eq!(calls_but_reads(), ["write Save"]);
        users
            .put_many([$row::new("C"), $row::new("D")])
            .await
            .into_result()
            .unwrap();
        assert_eq!(calls_but_reads(), ["write Put"; 2]);
        assert_eq!(users.query().scan().all().await.unwrap().len(), 4);
        assert_eq!(calls(), ["read"; 4]);
        users
            .rekey("d", |user| user.mail = "E".to_owned())
            .await
            .unwrap();
        // What is read in order to be written is read, as often as that takes.
        assert_eq!(calls_but_reads(), ["write Save"]);
        users.delete("e").await.unwrap();
        assert_eq!(calls_but_reads(), ["delete e", "deleted e"]);
        users.delete_many(["c"]).await.into_result().unwrap();
        assert_eq!(calls_but_reads(), ["delete c", "deleted c"]);

        writes(&server);
        let old = || $row {
            age: 151,
            ..$row::new("Zoe")
        };
        is_refusal(
            &users.put(old()).await.unwrap_err(),
            "users/zoe.json",
            "nobody is 151",
        );
        is_refusal(
            &users.insert(old()).await.unwrap_err(),
            "users/zoe.json",
            "nobody is 151",
        );
        let update = users.update("bob", |user| user.age = 200).await;
        is_refusal(&update.unwrap_err(), "users/bob.json", "nobody is 200");
        let patch = users.patch("bob").set($row::COL.age, 200).await;
        is_refusal(&patch.unwrap_err(), "users/bob.json", "nobody is 200");
        let report = users.put_many([old()]).await;
        is_refusal(
            &report.into_result().unwrap_err(),
            "users/zoe.json",
            "nobody is 151",
        );
        is_refusal(
            &users.delete("root").await.unwrap_err(),
            "users/root.json",
            "root stays",
        );
        let returning = users.delete("root").returning_old().await;
        is_refusal(&returning.unwrap_err(), "users/root.json", "root stays");
        let many = users.delete_many(["root"]).await;
        is_refusal(
            &many.into_result().unwrap_err(),
            "users/root.json",
            "root stays",
        );
        assert_eq!(writes(&server), 0, "nothing was sent");
        calls();

        // A row that is refused when it is read stays where it is.
        users.update("bob", |user| user.age = 150).await.unwrap();
        let unread = users.get("bob").await.unwrap_err();
        assert_eq!(unread.kind(), ErrorKind::Decode);
        assert_eq!(unread.key(), Some("users/bob.json"));
        users.delete("bob").await.map(drop).unwrap_or_else(|error| {
            assert_eq!(
                error.kind(),
                ErrorKind::Decode,
                "a stamped row is read first"
            );
        });
        calls();
    }};
}

#[tokio::test]
async fn every_operation_calls_them() {
    every_operation!(User);
}

#[tokio::test]
async fn every_operation_of_a_stamped_table_calls_them() {
    every_operation!(Stamped);
}

#[tokio::test]
async fn transactions_call_them() {
    let (server, db) = connected().await;
    let users = db.table::<Stamped>();
    users.put(Stamped::new("ann")).await.unwrap();
    users.put(Stamped::new("bob")).await.unwrap();
    calls();
    let done = db.transaction(async |tx| {
        tx.write(users.update("ann", |user: &mut Stamped| user.age += 1))?;
        tx.write(users.delete("bob"))?;
        tx.write(users.put(Stamped::new("CY")))
    });
    done.settled().await.unwrap();
    let calls = calls();
    for call in ["read", "write Save", "delete bob", "write Put"] {
        assert!(calls.contains(&call.to_owned()), "{call}: {calls:?}");
    }
    assert!(users.get("cy").await.unwrap().is_some());
    server.reset();
    let refused = db.transaction(async |tx| {
        tx.write(users.put(Stamped::new("eve")))?;
        tx.write(users.delete("root"))
    });
    let error = refused.await.unwrap_err();
    is_refusal(&error, "users/root.json", "root stays");
    assert_eq!(writes(&server), 0);
}

/// The indexed columns as they are shown, which is not how they are stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "shown", path = "<id>", hooks)]
#[s3(index(columns(city), projection = "all"))]
struct Shown {
    id: u64,
    city: String,
    #[s3(unique)]
    mail: String,
}

impl Shown {
    fn new(id: u64, city: &str) -> Self {
        let mail = format!("{city}@{id}");
        let city = city.to_owned();
        Self { id, city, mail }
    }
}

impl Hooks for Shown {
    fn before_write(&mut self, _: &Prepare<'_>) -> HookResult {
        self.city = self.city.to_lowercase();
        self.mail = self.mail.to_lowercase();
        Ok(())
    }

    fn after_read(&mut self) -> HookResult {
        self.city = self.city.to_uppercase();
        self.mail = self.mail.to_uppercase();
        if self.id == 13 {
            Err("unlucky".into())
        } else {
            Ok(())
        }
    }
}

/// An index is of what is stored, whatever `after_read` shows of it.
#[tokio::test]
async fn indexes_are_of_what_is_stored() {
    let (server, db) = connected().await;
    let rows = db.table::<Shown>();
    rows.put(Shown::new(1, "Oslo")).await.unwrap();
    rows.put(Shown::new(2, "Bergen")).await.unwrap();
    rows.put(Shown::new(13, "Oslo")).await.unwrap();

    let error = rows.query().by(Shown::INDEX.city).at("oslo").all().await;
    let error = error.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::Decode,
        "a refusal is not left out: {error:?}"
    );
    let by = rows
        .get_by(Shown::UNIQUE.mail, "oslo@13")
        .await
        .unwrap_err();
    assert_eq!(by.kind(), ErrorKind::Decode, "{by:?}");
    rows.delete(13).await.unwrap();
    let gone = rows.get_by(Shown::UNIQUE.mail, "oslo@13").await.unwrap();
    assert_eq!(gone, None);

    let found = rows
        .query()
        .by(Shown::INDEX.city)
        .at("oslo")
        .all()
        .await
        .unwrap();
    assert_eq!(
        found.iter().map(|row| &*row.city).collect::<Vec<_>>(),
        ["OSLO"]
    );
    let found = rows.get_by(Shown::UNIQUE.mail, "oslo@1").await.unwrap();
    assert_eq!(found.map(|row| row.mail).as_deref(), Some("OSLO@1"));
    let mut entries = rows
        .query()
        .by(Shown::INDEX.city)
        .at("bergen")
        .entries()
        .unwrap();
    let entry = entries.next().await.unwrap().unwrap();
    assert_eq!(
        entry.row().unwrap().city,
        "BERGEN",
        "an entry's row is read, too"
    );

    // A row that moves in the index leaves nothing behind.
    rows.update(1, |row| {
        row.city = "Bergen".to_owned();
        row.mail = "new".to_owned();
    })
    .await
    .unwrap();
    rows.delete(2).await.unwrap();
    for index in ["ix/shown/city/", "uq/shown/mail/"] {
        let left = stored(&server, &format!("_s3orm/{index}")).await;
        assert_eq!(left.len(), 1, "{left:?}");
        assert!(
            left[0].contains("bergen") || left[0].contains("new"),
            "{left:?}"
        );
    }
}

/// The keys below a prefix.
async fn stored(server: &TestServer, prefix: &str) -> Vec<String> {
    let request = s3orm::store::ListObjects {
        prefix: prefix.to_owned(),
        ..Default::default()
    };
    let page = server.store().list(request).await.unwrap();
    page.objects.into_iter().map(|object| object.key).collect()
}

/// A hook is told which write it is.
#[test]
fn events_have_names() {
    assert_ne!(WriteEvent::Insert, WriteEvent::Save);
}

mod rules {
    use garde::Validate;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, S3Schema)]
    #[s3(table = "members", path = "<id>", validate)]
    struct Member {
        #[garde(skip)]
        id: u64,
        #[garde(range(min = 18))]
        age: u8,
        #[garde(length(min = 1), inner(ascii))]
        tags: Vec<String>,
    }

    fn member(age: u8, tags: &[&str]) -> Member {
        let tags = tags.iter().map(|&tag| tag.to_owned()).collect();
        Member { id: 1, age, tags }
    }

    #[tokio::test]
    async fn a_row_that_breaks_them_is_not_written() {
        let (server, db) = connected().await;
        let members = db.table::<Member>();
        members.put(member(18, &["a"])).await.unwrap();
        server.reset();
        for (row, columns) in [
            (member(17, &["a"]), "`age`"),
            (member(18, &[]), "`tags`"),
            (member(0, &["a", "é"]), "`age`, `tags[1]`"),
        ] {
            let errors = [
                members.put(&row).await.unwrap_err(),
                members.insert(&row).await.unwrap_err(),
                members
                    .update(1, |there| *there = row.clone())
                    .await
                    .unwrap_err(),
                members.put_many([&row]).await.into_result().unwrap_err(),
            ];
            for error in errors {
                assert_eq!(error.kind(), ErrorKind::InvalidRow, "{error:?}");
                assert_eq!(error.key(), Some("members/1.json"), "{error:?}");
                assert!(error.to_string().contains(columns), "{error:?}");
            }
        }
        assert_eq!(writes(&server), 0);
    }

    /// Rules are for what is written: a row that was there before them is read, and can be mended.
    #[tokio::test]
    async fn what_is_stored_already_is_read() {
        let (server, db) = connected().await;
        let members = db.table::<Member>();
        server
            .keep("members/1.json", r#"{"id":1,"age":3,"tags":[]}"#)
            .await;
        assert_eq!(members.get(1).await.unwrap(), Some(member(3, &[])));
        members
            .update(1, |row| *row = member(18, &["a"]))
            .await
            .unwrap();
        assert_eq!(members.get(1).await.unwrap(), Some(member(18, &["a"])));
    }
}
