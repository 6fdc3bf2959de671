//! What an application does with a table, over any database: one function a fact.
#![allow(
    clippy::assigning_clones,
    clippy::disallowed_methods,
    clippy::missing_panics_doc,
    clippy::unused_async,
    clippy::needless_borrows_for_generic_args,
    clippy::unwrap_used,
    reason = "these are tests, called from a test for each store"
)]

use bytes::Bytes;
use chrono::{DateTime, Utc};
use s3orm::{Db, ErrorKind, S3Schema};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The row of most cases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<city>/<id>")]
pub struct Person {
    /// The first key column.
    pub city: String,
    /// The second key column.
    pub id: u64,
    /// Something to change.
    pub age: u32,
}

/// Somebody.
pub fn person(id: u64) -> Person {
    Person {
        city: "Oslo".to_owned(),
        id,
        age: 30,
    }
}

/// Calls `$case!` with a store's name and the name of every case.
#[macro_export]
macro_rules! table_cases {
    ($case:ident $store:ident) => {
        $case! { $store:
            insert_creates_and_then_refuses,
            on_conflict_chooses,
            put_replaces_and_returns_the_old_row,
            get_of_an_absent_row_is_none,
            save_needs_the_version_that_was_read,
            save_refuses_a_changed_key,
            update_begins_again_when_somebody_was_faster,
            update_of_an_absent_row_is_an_error,
            update_can_be_refused_by_its_closure,
            patch_changes_single_columns,
            rekey_moves_a_row,
            delete_is_idempotent_unless_it_must_exist,
            delete_returns_what_it_deleted,
            metadata_and_content_type_stay_with_the_row,
            the_librarys_metadata_names_are_reserved,
            generated_ids_and_timestamps,
            columns_that_live_in_the_key_alone,
            raw_bodies_are_the_bytes_themselves,
            a_row_that_does_not_decode_is_an_error,
            a_copied_object_is_noticed,
            rows_over_the_limit_are_refused,
            keys_that_are_too_long_are_refused,
            awkward_values_are_rows_of_their_own,
            encode_and_decode_by_hand,
        }
    };
}

/// `insert` is create-if-absent.
pub async fn insert_creates_and_then_refuses(db: Db) {
    let people = db.table::<Person>();
    let row = people.insert(&person(1)).await.unwrap();
    assert_eq!(*row, person(1));
    assert_eq!(row.key(), format!("{}people/Oslo/1.json", db.prefix()));

    let error = people
        .insert(Person {
            age: 99,
            ..person(1)
        })
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!((error.operation(), error.table()), ("insert", "people"));
    assert_eq!(error.key(), Some(row.key()));
    assert_eq!(people.get(("Oslo", 1)).await.unwrap(), Some(person(1)));
}

/// Error, nothing, replace.
pub async fn on_conflict_chooses(db: Db) {
    let people = db.table::<Person>();
    assert!(
        people
            .insert(person(1))
            .on_conflict_nothing()
            .await
            .unwrap()
            .is_some()
    );
    let older = Person {
        age: 31,
        ..person(1)
    };
    assert!(
        people
            .insert(&older)
            .on_conflict_nothing()
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(people.get(("Oslo", 1)).await.unwrap(), Some(person(1)));
    people.insert(&older).on_conflict_replace().await.unwrap();
    assert_eq!(people.get(("Oslo", 1)).await.unwrap(), Some(older));
}

/// `put` creates or replaces; on demand with what it replaced, or only a version.
pub async fn put_replaces_and_returns_the_old_row(db: Db) {
    let people = db.table::<Person>();
    let first = people.put(person(1)).returning_old().await.unwrap();
    assert!(first.old.is_none());
    let older = Person {
        age: 31,
        ..person(1)
    };
    let second = people.put(&older).returning_old().await.unwrap();
    assert_eq!(second.old.map(s3orm::Row::into_inner), Some(person(1)));
    assert_eq!(*second.new, older);

    let stale = people
        .put(person(1))
        .if_version(first.new.version())
        .await
        .unwrap_err();
    assert_eq!(stale.kind(), ErrorKind::Conflict);
    people
        .put(person(1))
        .if_version(second.new.version())
        .await
        .unwrap();
    let stale = people
        .put(person(1))
        .if_version(second.new.version())
        .returning_old()
        .await;
    assert_eq!(stale.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(people.get(("Oslo", 1)).await.unwrap(), Some(person(1)));
}

/// Absence is no error.
pub async fn get_of_an_absent_row_is_none(db: Db) {
    let people = db.table::<Person>();
    assert_eq!(people.get(("Oslo", 1)).await.unwrap(), None);
    assert!(people.read(("Oslo", 1)).await.unwrap().is_none());
    assert!(!people.exists(("Oslo", 1)).await.unwrap());
    people.put(person(1)).await.unwrap();
    assert!(people.exists(("Oslo", 1)).await.unwrap());
    assert!(!people.exists(("Oslo", 10)).await.unwrap());
}

/// Compare-and-swap.
pub async fn save_needs_the_version_that_was_read(db: Db) {
    let people = db.table::<Person>();
    people.put(person(1)).await.unwrap();
    let mut mine = people.read(("Oslo", 1)).await.unwrap().unwrap();
    let mut theirs = mine.clone();
    theirs.age = 40;
    let mut theirs = people.save(theirs).await.unwrap();
    mine.age = 50;
    let stale = mine.clone();
    let error = people.save(stale).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    theirs.age += 1;
    people.save(theirs).await.unwrap();
    assert_eq!(people.get(("Oslo", 1)).await.unwrap().unwrap().age, 41);

    people.delete(("Oslo", 1)).await.unwrap();
    let error = people.save(mine).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(!people.exists(("Oslo", 1)).await.unwrap());
}

/// A changed key column would leave the old row behind.
pub async fn save_refuses_a_changed_key(db: Db) {
    let people = db.table::<Person>();
    let mut row = people.insert(person(1)).await.unwrap();
    row.city = "Bergen".to_owned();
    let error = people.save(row).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidKey);
    let error = people
        .update(("Oslo", 1), |person| person.id = 2)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidKey);
    assert_eq!(people.get(("Oslo", 1)).await.unwrap(), Some(person(1)));
    assert_eq!(people.get(("Bergen", 1)).await.unwrap(), None);
}

/// Eight tasks count to 80 together.
pub async fn update_begins_again_when_somebody_was_faster(db: Db) {
    let people = db.table::<Person>();
    people
        .put(Person {
            age: 0,
            ..person(1)
        })
        .await
        .unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let people = people.clone();
            tokio::spawn(async move {
                for _ in 0..10 {
                    people
                        .update(("Oslo", 1), |person| person.age += 1)
                        .await
                        .unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(people.get(("Oslo", 1)).await.unwrap().unwrap().age, 80);
}

/// There is nothing to change.
pub async fn update_of_an_absent_row_is_an_error(db: Db) {
    let people = db.table::<Person>();
    let error = people
        .update(("Oslo", 1), |person| person.age += 1)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(!people.exists(("Oslo", 1)).await.unwrap());
}

/// The closure has the last word.
pub async fn update_can_be_refused_by_its_closure(db: Db) {
    let people = db.table::<Person>();
    people.put(person(1)).await.unwrap();
    let grow = |person: &mut Person| {
        person.age += 1;
        if person.age > 30 {
            Err("too old")
        } else {
            Ok(())
        }
    };
    let error = people.update(("Oslo", 1), grow).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "too old"
    );
    assert_eq!(people.get(("Oslo", 1)).await.unwrap(), Some(person(1)));
}

/// Twice is once, unless the caller minds.
pub async fn delete_is_idempotent_unless_it_must_exist(db: Db) {
    let people = db.table::<Person>();
    let row = people.insert(person(1)).await.unwrap();
    people.delete(("Oslo", 1)).await.unwrap();
    people.delete(("Oslo", 1)).await.unwrap();
    let error = people.delete(("Oslo", 1)).must_exist().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = people
        .delete(("Oslo", 1))
        .if_version(row.version())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);

    let newer = people
        .put(Person {
            age: 31,
            ..person(1)
        })
        .await
        .unwrap();
    let error = people
        .delete(("Oslo", 1))
        .if_version(row.version())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    people
        .delete(("Oslo", 1))
        .if_version(newer.version())
        .await
        .unwrap();
    people.put(person(1)).await.unwrap();
    people.delete(("Oslo", 1)).must_exist().await.unwrap();
    assert!(!people.exists(("Oslo", 1)).await.unwrap());
}

/// The row returned is the row deleted.
pub async fn delete_returns_what_it_deleted(db: Db) {
    let people = db.table::<Person>();
    assert!(
        people
            .delete(("Oslo", 1))
            .returning_old()
            .await
            .unwrap()
            .is_none()
    );
    let error = people
        .delete(("Oslo", 1))
        .must_exist()
        .returning_old()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    people.put(person(1)).await.unwrap();
    let old = people
        .delete(("Oslo", 1))
        .returning_old()
        .await
        .unwrap()
        .unwrap();
    assert_eq!(*old, person(1));
    assert!(!people.exists(("Oslo", 1)).await.unwrap());
}

/// More of it is in `patch.rs` of the tests.
pub async fn patch_changes_single_columns(db: Db) {
    let people = db.table::<Person>();
    people.insert(person(1)).await.unwrap();
    let age = Person::COL.age;
    let patch = people
        .patch(("Oslo", 1))
        .increment(age, 1)
        .only_if(age.eq(30));
    assert_eq!(patch.await.unwrap().age, 31);
    let patch = people.patch(("Oslo", 1)).set(age, 0).only_if(age.eq(30));
    assert_eq!(patch.await.unwrap_err().kind(), ErrorKind::Cancelled);
    let row = people.get(("Oslo", 1)).await.unwrap();
    assert_eq!(row.unwrap().age, 31);
}

/// More of it is in `rekey.rs` of the tests.
pub async fn rekey_moves_a_row(db: Db) {
    let people = db.table::<Person>();
    people.insert(person(1)).await.unwrap();
    people.insert(person(2)).await.unwrap();
    let error = people.rekey(("Oslo", 1), |person| person.id = 2).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::AlreadyExists);
    let row = people.rekey(("Oslo", 1), |person| person.id = 3).await;
    assert_eq!(row.unwrap().key(), people.key(("Oslo", 3)).unwrap());
    assert_eq!(people.get(("Oslo", 1)).await.unwrap(), None);
    assert_eq!(people.get(("Oslo", 3)).await.unwrap(), Some(person(3)));
}

/// What a write says of the object is read back, and kept by the next write of the row.
pub async fn metadata_and_content_type_stay_with_the_row(db: Db) {
    let people = db.table::<Person>();
    let plain = people.insert(person(1)).await.unwrap();
    assert_eq!(plain.content_type(), Some("application/json"));
    assert!(plain.metadata().is_empty());

    let request = people
        .put(person(1))
        .content_type("application/vnd.person+json");
    request
        .metadata("Source", "census")
        .metadata("batch", "7")
        .await
        .unwrap();
    let row = people.read(("Oslo", 1)).await.unwrap().unwrap();
    assert_eq!(row.content_type(), Some("application/vnd.person+json"));
    let metadata: Vec<_> = row
        .metadata()
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    assert_eq!(metadata, [("batch", "7"), ("source", "census")]);
    assert!(row.last_modified().is_some());

    people.save(row).await.unwrap();
    people
        .update(("Oslo", 1), |person| person.age += 1)
        .metadata("batch", "8")
        .await
        .unwrap();
    let row = people.read(("Oslo", 1)).await.unwrap().unwrap();
    assert_eq!(row.metadata()["batch"], "8");
    assert_eq!(row.metadata()["source"], "census");
    assert_eq!(row.content_type(), Some("application/vnd.person+json"));
}

/// A row's write id is not a user's to set.
pub async fn the_librarys_metadata_names_are_reserved(db: Db) {
    let people = db.table::<Person>();
    let error = people
        .put(person(1))
        .metadata("S3orm-Id", "x")
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRow);
    let error = people
        .put(person(1))
        .metadata("note", "two\nlines")
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRow, "{error:?}");
    assert!(!people.exists(("Oslo", 1)).await.unwrap());
}

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
struct File {
    folder: String,
    name: String,
    #[s3(body)]
    data: Bytes,
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

async fn put_object(db: &Db, key: &str, body: &'static [u8]) {
    let key = format!("{}{key}", db.prefix());
    let body = Bytes::from_static(body);
    let request = s3orm::store::PutObject {
        key,
        body,
        ..Default::default()
    };
    db.store().put(&request).await.unwrap();
}

/// A broken object is not an absent row.
pub async fn a_row_that_does_not_decode_is_an_error(db: Db) {
    let people = db.table::<Person>();
    for body in [
        &b""[..],
        b"{",
        b"[1]",
        br#"{"city":"Oslo","id":1}"#,
        b"\xff",
    ] {
        put_object(&db, "people/Oslo/1.json", body).await;
        let error = people.get(("Oslo", 1)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{error:?}");
        assert!(error.key().unwrap().ends_with("people/Oslo/1.json"));
        assert!(people.exists(("Oslo", 1)).await.unwrap());
    }
}

/// The columns must agree with the key.
pub async fn a_copied_object_is_noticed(db: Db) {
    let people = db.table::<Person>();
    put_object(
        &db,
        "people/Oslo/2.json",
        br#"{"city":"Oslo","id":1,"age":3}"#,
    )
    .await;
    let error = people.get(("Oslo", 2)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.to_string().contains("people/Oslo/1.json"), "{error}");
}

/// Checked before any request.
pub async fn rows_over_the_limit_are_refused(db: Db) {
    let files = db.table::<File>();
    let data = Bytes::from(vec![b'x'; 16 * 1024 * 1024 + 1]);
    let file = File {
        folder: "a".to_owned(),
        name: "b".to_owned(),
        data,
    };
    let error = files.put(file).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRow);
    assert!(!files.exists(("a", "b")).await.unwrap());
}

/// S3's limit, checked before any request.
pub async fn keys_that_are_too_long_are_refused(db: Db) {
    let people = db.table::<Person>();
    let city = "é".repeat(200);
    let error = people.put(Person { city, ..person(1) }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidKey);
    assert!(error.to_string().contains("1024"), "{error}");
}

/// No two values share a row.
pub async fn awkward_values_are_rows_of_their_own(db: Db) {
    let people = db.table::<Person>();
    let cities = [
        "",
        ".",
        "..",
        "a/b",
        "a",
        "a.",
        "!",
        "!2f",
        "%2f",
        "a b",
        "a+b",
        "\0",
        "\r\n",
        "é",
        "e\u{301}",
        "🦀",
        "US",
        "USA",
        "../../etc/passwd",
        "<x>",
        "\u{ffff}",
    ];
    for (age, city) in (0..).zip(cities) {
        let row = Person {
            city: city.to_owned(),
            id: 1,
            age,
        };
        people
            .insert(row)
            .await
            .unwrap_or_else(|error| panic!("{city:?}: {error:?}"));
    }
    for (age, city) in (0..).zip(cities) {
        let row = people.get((city, 1)).await.unwrap().unwrap();
        assert_eq!((row.city.as_str(), row.age), (city, age));
    }
}

/// Y13.
pub async fn encode_and_decode_by_hand(db: Db) {
    let people = db.table::<Person>();
    let bytes = people.encode(&person(1)).unwrap();
    assert_eq!(bytes, r#"{"city":"Oslo","id":1,"age":30}"#);
    assert_eq!(people.decode(("Oslo", 1), &bytes).unwrap(), person(1));
    assert_eq!(
        people.decode(("Oslo", 2), &bytes).unwrap_err().kind(),
        ErrorKind::Decode
    );
    assert_eq!(
        people.key(("Oslo", 1)).unwrap(),
        format!("{}people/Oslo/1.json", db.prefix())
    );
}
