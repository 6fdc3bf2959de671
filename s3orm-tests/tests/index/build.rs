//! Indexes over rows that were there before them; and stores that do not delete on condition.

use std::sync::Arc;
use std::time::Duration;

use s3orm::index::Problem;
use s3orm::testing::{Call, Fault, FaultStore};
use s3orm::{ErrorKind, S3Schema, Table};
use s3orm_tests::connect;
use s3orm_tests::odd::{OddStore, Quirk};
use s3orm_tests::server::TestServer;
use serde::{Deserialize, Serialize};

use super::fixture::{Person, Place, person};

/// The table before it had an index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "towns", path = "<id>")]
struct Before {
    id: u64,
    name: String,
    mayor: String,
}

/// With one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "towns", path = "<id>")]
struct Town {
    id: u64,
    #[s3(index)]
    name: String,
    mayor: String,
}

/// With another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "towns", path = "<id>")]
struct Later {
    id: u64,
    #[s3(index)]
    name: String,
    #[s3(unique)]
    mayor: String,
}

fn before(id: u64, mayor: &str) -> Before {
    Before {
        id,
        name: format!("T{}", id % 3),
        mayor: mayor.to_owned(),
    }
}

fn later(id: u64, mayor: &str) -> Later {
    Later {
        id,
        name: format!("T{}", id % 3),
        mayor: mayor.to_owned(),
    }
}

#[tokio::test]
async fn an_index_over_old_rows_is_asked_once_it_is_built() {
    let place = Place::open().await;
    let rows = (0..20).map(|id| before(id, "x"));
    place.db.table().put_many(rows).await.into_result().unwrap();
    let towns = place.db.table::<Town>();
    let asked = || towns.query().by(Town::INDEX.name).at("T1");
    let error = asked().all().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema);
    assert!(error.to_string().contains(".build()"), "{error}");
    let by_itself = towns.query().filter(Town::COL.name.eq("T1")).all().await;
    assert_eq!(by_itself.unwrap_err().kind(), ErrorKind::Schema);

    // Kept from the first write on, and still not asked.
    let row = Town {
        id: 31,
        name: "T1".into(),
        mayor: "y".into(),
    };
    towns.insert(row).await.unwrap();
    assert_eq!(asked().count().await.unwrap_err().kind(), ErrorKind::Schema);

    place.spent();
    let seen = std::sync::atomic::AtomicU64::new(0);
    let built = towns.index(Town::INDEX.name).build().on_progress(|done| {
        seen.fetch_max(done, std::sync::atomic::Ordering::Relaxed);
    });
    let built = built.await.unwrap();
    assert!(built.readable, "{built:?}");
    assert_eq!((built.rows, built.added, built.missing), (21, 20, 0));
    assert_eq!(seen.into_inner(), 42);
    let spent = place.spent();
    assert_eq!(spent.matches("PUT").count(), 21, "{spent}");
    assert_eq!(asked().count().await.unwrap(), 8);
    let again = towns.index(Town::INDEX.name).build().await.unwrap();
    assert!(again.readable && again.rows == 0);
    assert!(towns.verify().await.unwrap().is_clean());
}

/// Writers go on while it is built.
#[tokio::test]
async fn rows_may_be_written_while_it_is_built() {
    let place = Place::open().await;
    let rows = (0..100).map(|id| before(id, "x"));
    place.db.table().put_many(rows).await.into_result().unwrap();
    let writers: tokio::task::JoinSet<()> = (0..4_u64)
        .map(|writer| {
            let towns = place.db.table::<Town>();
            async move {
                for id in 0..100 {
                    match (id + writer) % 5 {
                        0 => towns.delete(id).await.unwrap(),
                        1 => {
                            let change = |town: &mut Town| town.name = format!("W{writer}");
                            let _ = towns.update(id, change).await;
                        }
                        _ => {}
                    }
                }
            }
        })
        .collect();
    let towns = place.db.table::<Town>();
    let built = towns.index(Town::INDEX.name).build().await.unwrap();
    assert!(built.readable, "{built:?}");
    writers.join_all().await;
    let mut found = towns
        .query()
        .by(Town::INDEX.name)
        .scan()
        .all()
        .await
        .unwrap();
    found.sort_by_key(|town| town.id.to_string());
    assert_eq!(found, towns.query().scan().all().await.unwrap());
    let verified = towns.verify().await.unwrap();
    assert!(
        verified
            .findings
            .iter()
            .all(|one| one.problem == Problem::DeadEntry),
        "{verified:?}"
    );
}

/// A second index joins the first: who does not know of it stops writing, and it is waited for.
#[tokio::test(start_paused = true)]
async fn a_further_index_waits_for_who_does_not_know_of_it() {
    let store = FaultStore::memory();
    let (old, new) = (store.restart().db(), store.db());
    let towns = old.table::<Town>();
    for id in 0..3 {
        let Before { id, name, mayor } = before(id, if id == 0 { "a" } else { "b" });
        towns.insert(Town { id, name, mayor }).await.unwrap();
    }
    let table = new.table::<Later>();
    let env = s3orm::Env::seeded(1);
    let start = env.now();
    let built = table.index(Later::UNIQUE.mayor).build().await.unwrap();
    assert!(env.now().duration_since(start).unwrap() >= Duration::from_secs(390));
    assert!(!built.readable);
    assert_eq!(built.duplicates.len(), 1, "{built:?}");
    let error = table.get_by(Later::UNIQUE.mayor, "a").await.unwrap_err();
    assert!(error.to_string().contains("UNIQUE.mayor"), "{error}");
    let verified = table.verify().await.unwrap();
    assert_eq!(verified.keys(Problem::Duplicate).len(), 1, "{verified:?}");

    // The other one goes on being asked, and the old program stops.
    let by_name = table.query().by(Later::INDEX.name).at("T1").count().await;
    assert_eq!(by_name.unwrap(), 1);
    let error = towns.delete(0).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema);
    assert!(error.to_string().contains("`unique.mayor`"), "{error}");

    table
        .update(2, |town| town.mayor = "c".into())
        .await
        .unwrap();
    let built = table
        .index(Later::UNIQUE.mayor)
        .build()
        .alone()
        .await
        .unwrap();
    assert!(built.readable, "{built:?}");
    let taken = table.insert(later(9, "b")).await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::UniqueViolation);

    // And where nobody declares it any more, it goes.
    let error = table.drop_index(true, "mayor").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(towns.drop_index(true, "mayor").await.unwrap());
    assert!(!towns.drop_index(true, "mayor").await.unwrap());
    towns.delete(0).await.unwrap();
    let verified = towns.verify().await.unwrap();
    assert!(verified.is_clean(), "{verified:?}");
}

#[tokio::test]
async fn what_is_missing_is_found_and_put() {
    let place = Place::open().await;
    let people: Table<Person> = place.people().await;
    people.insert(person(1, "Oslo")).await.unwrap();
    let key = "people/00000000000000000007.json";
    let body = r#"{"id":7,"city":"Rome","age":1,"club":null,"name":"x"}"#;
    place.server.keep(key, body).await;
    place.server.keep("people/what.txt", "?").await;
    place
        .server
        .keep("people/00000000000000000008.json", "{}")
        .await;
    place.server.keep("_s3orm/ix/people/city/what", "?").await;
    let stale = "_s3orm/ix/people/place/Oslo/09223372036854775838/00000000000000000001.json";
    place
        .server
        .keep(stale, r#"{"_m":{"v":"x","row":"y"},"name":"z"}"#)
        .await;

    let found = people.verify().await.unwrap();
    let foreign = ["_s3orm/ix/people/city/what", "people/what.txt"];
    let mut keys = found.keys(Problem::Foreign);
    keys.sort_unstable();
    assert_eq!(keys, foreign);
    assert_eq!(
        found.keys(Problem::Broken),
        ["people/00000000000000000008.json"]
    );
    assert_eq!(found.keys(Problem::StaleEntry), [stale]);
    assert_eq!(found.keys(Problem::MissingEntry).len(), 2, "{found:?}");
    assert_eq!((found.found, found.mended), (6, 0), "{found:?}");

    let repaired = people.repair().await.unwrap();
    assert_eq!((repaired.found, repaired.mended), (6, 3), "{repaired:?}");
    let again = people.repair().await.unwrap();
    assert_eq!((again.found, again.mended), (3, 0), "{again:?}");
    let rome = people.query().by(Person::INDEX.city).at("Rome").all().await;
    assert_eq!(rome.unwrap().len(), 1);
}

/// A row that others have written, whose value is too long for an index, is found, and the rest is
/// looked at all the same.
#[tokio::test]
async fn a_row_that_no_index_can_hold_is_found() {
    let place = Place::open().await;
    let people: Table<Person> = place.people().await;
    people.insert(person(1, "Oslo")).await.unwrap();
    let key = |id: u64| format!("people/{id:020}.json");
    let mut long = person(7, &"o".repeat(1000));
    for id in [7, 8] {
        long.id = id;
        let body = serde_json::to_vec(&long).unwrap();
        place.server.keep(key(id), body).await;
        long.city = "Rome".to_owned();
    }
    let found = people.verify().await.unwrap();
    assert_eq!(found.keys(Problem::Broken), [key(7)]);
    assert_eq!(found.keys(Problem::MissingEntry).len(), 2, "{found:?}");
    let repaired = people.repair().await.unwrap();
    assert_eq!((repaired.found, repaired.mended), (3, 2), "{repaired:?}");
    let rome = people.query().by(Person::INDEX.city).at("Rome");
    assert_eq!(rome.count().await.unwrap(), 1);
}

/// A store that does not delete on condition keeps what is dead, and no answer is wrong.
#[tokio::test]
async fn without_conditional_deletes_dead_entries_stay() {
    let odd = Arc::new(OddStore::new(Quirk::RefusesDeleteIfMatch));
    let server = TestServer::over(odd).await;
    let place = Place {
        db: connect::db(&server.endpoint()).await,
        server,
    };
    let people = place.people().await;
    people.insert(person(1, "Oslo")).await.unwrap();
    people
        .update(1, |row| row.city = "Rome".into())
        .await
        .unwrap();
    people
        .update(1, |row| row.city = "Oslo".into())
        .await
        .unwrap();
    people.insert(person(1, "Bonn")).await.unwrap_err();
    for (city, rows) in [("Oslo", 1), ("Rome", 0), ("Bonn", 0)] {
        let by = people.query().by(Person::INDEX.city).at(city);
        assert_eq!(by.count().await.unwrap(), rows, "{city}");
    }
    assert!(place.keys("_s3orm/ix/people/city/").await.len() >= 3);
    let users = place.users().await;
    users.insert(super::fixture::user(1, "a")).await.unwrap();
    users.delete(1).await.unwrap();
    users.insert(super::fixture::user(2, "a")).await.unwrap();
}

/// What S3 refuses is refused: an entry that may not be written leaves the row unwritten.
#[tokio::test(start_paused = true)]
async fn a_refused_entry_refuses_the_row() {
    let store = FaultStore::memory();
    let people = store.db().table::<Person>();
    people.insert(person(1, "Oslo")).await.unwrap();
    store.fail_all(
        Call::Put.under("_s3orm/ix/people/city/"),
        Fault::Status(403),
    );
    let error = people.insert(person(2, "Oslo")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    store.clear();
    assert_eq!(people.get(2).await.unwrap(), None);
    assert!(
        people.verify().await.unwrap().is_clean(),
        "what was put is taken back"
    );
    store.fail_all(Call::Get.under("_s3orm/schema/"), Fault::Status(403));
    let other = store.db().table::<Person>();
    let error = other.insert(person(2, "Oslo")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
}
