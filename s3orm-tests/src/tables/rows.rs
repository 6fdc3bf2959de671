//! Rows: created, replaced, read, changed, deleted.

use s3orm::{Db, ErrorKind, S3Schema as _};

use super::{Person, person};

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
