//! Interleavings that are told in advance: who comes late, and what is left by who is gone.

use std::time::Duration;

use super::fixture::{Person, User, person, user};
use s3orm::store::{GetObject, PutObject, Store as _};
use s3orm::testing::{Call, Fault, FaultStore};
use s3orm::{ErrorKind, S3Schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

const CLAIM: &str = "_s3orm/uq/users/email/x.json";

async fn stored(store: &FaultStore, key: &str) -> Value {
    let request = GetObject {
        key: key.to_owned(),
        ..GetObject::default()
    };
    let object = store.restart().get(request).await.unwrap();
    serde_json::from_slice(&object.body).unwrap()
}

/// A claim of rows that have not its value.
async fn claim(store: &FaultStore, body: &'static str) {
    let claim = PutObject {
        key: CLAIM.to_owned(),
        body: body.into(),
        ..PutObject::default()
    };
    store.restart().put(&claim).await.unwrap();
}

/// Two rows one after the other, and the columns of the first one's entry are written in between.
#[tokio::test(start_paused = true)]
async fn who_comes_late_writes_the_columns_that_the_row_has_by_then() {
    let store = FaultStore::memory();
    let people = store.db().table::<Person>();
    people.insert(person(1, "Oslo")).await.unwrap();
    let entries = || Call::Put.under("_s3orm/ix/people/place/");
    store.fail_nth(1, entries(), Fault::Latency(Duration::from_secs(10)));
    store.fail_nth(2, entries(), Fault::Latency(Duration::from_secs(20)));
    let second = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        people.update(1, |row| row.name = "c".into()).await
    };
    let first = async { people.update(1, |row| row.name = "b".into()).await };
    let (first, second) = futures_util::join!(first, second);
    let (_, row) = (first.unwrap(), second.unwrap());
    assert_eq!(
        store.count(entries()),
        4,
        "one at first, two, and one again"
    );

    let query = people.query().by(Person::INDEX.place).at("Oslo");
    let found = query.entries().unwrap().collect().await.unwrap();
    assert_eq!(
        found[0].get(Person::COL.name).unwrap().as_deref(),
        Some("c")
    );
    let age = "09223372036854775838";
    let entry = format!("_s3orm/ix/people/place/Oslo/{age}/00000000000000000001.json");
    let (entry, stored) = (
        stored(&store, &entry).await,
        stored(&store, row.key()).await,
    );
    assert_eq!(entry["_m"]["row"], stored["_m"]["v"], "{entry} {stored}");
}

/// Who repairs an index may take an entry of five minutes for dead.
#[tokio::test(start_paused = true)]
async fn a_row_is_not_written_on_entries_that_took_too_long() {
    let store = FaultStore::memory();
    let people = store.db().table::<Person>();
    people.insert(person(1, "Oslo")).await.unwrap();
    let entries = || Call::Put.under("_s3orm/ix/people/");
    store.fail_all(entries(), Fault::Latency(Duration::from_mins(6)));
    let error = people.insert(person(2, "Oslo")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert_eq!(
        store.count(Call::Put.under("people/")),
        1,
        "the first row's"
    );
    assert_eq!(people.get(2).await.unwrap(), None);

    store.clear();
    store.fail_nth(1, entries(), Fault::Latency(Duration::from_mins(6)));
    people.insert(person(2, "Oslo")).await.unwrap();
    assert!(people.verify().await.unwrap().is_clean());
}

#[tokio::test(start_paused = true)]
async fn a_claim_is_looked_at_four_times_before_it_is_dead() {
    let store = FaultStore::memory();
    let users = store.db().table::<User>();
    users.insert(user(1, "ann@a.org")).await.unwrap();
    claim(&store, r#"{"_m":{"v":"x"},"pks":["7.json"]}"#).await;
    let rival = store.restart();
    rival
        .db()
        .table::<User>()
        .insert(user(2, "x"))
        .await
        .unwrap();
    assert_eq!(rival.count(Call::Get.under(CLAIM)), 4);
    assert_eq!(rival.count(Call::Get.under("users/7")), 4);

    // Its own claim, of a write before that was cut off, is in nobody's way.
    claim(&store, r#"{"_m":{"v":"x"},"pks":["3.json"]}"#).await;
    users.delete(2).await.unwrap();
    claim(&store, r#"{"_m":{"v":"x"},"pks":["3.json"]}"#).await;
    let rival = store.restart();
    rival
        .db()
        .table::<User>()
        .insert(user(3, "x"))
        .await
        .unwrap();
    assert_eq!(rival.count(Call::Get.under(CLAIM)), 1);
}

/// Another client is at work on it.
#[tokio::test(start_paused = true)]
async fn a_claim_that_changes_is_looked_at_anew() {
    let store = FaultStore::memory();
    store
        .db()
        .table::<User>()
        .insert(user(1, "ann@a.org"))
        .await
        .unwrap();
    claim(&store, r#"{"_m":{"v":"x"},"pks":["7.json"]}"#).await;
    let rival = store.restart();
    // The third look waits until there is another claim.
    rival.fail_nth(
        3,
        Call::Get.under(CLAIM),
        Fault::Latency(Duration::from_secs(10)),
    );
    let other = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        claim(&store, r#"{"_m":{"v":"y"},"pks":["8.json"]}"#).await;
    };
    let users = rival.db().table::<User>();
    let insert = async { users.insert(user(2, "x")).await };
    let (inserted, ()) = futures_util::join!(insert, other);
    inserted.unwrap();
    let looks = ["users/7", "users/8"].map(|row| rival.count(Call::Get.under(row)));
    assert_eq!((rival.count(Call::Get.under(CLAIM)), looks), (6, [2, 4]));
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "staff", path = "<id>", transactional)]
struct Staff {
    id: u64,
    #[s3(unique)]
    email: String,
    #[s3(unique)]
    badge: String,
    #[s3(index)]
    team: String,
}

fn staff(id: u64, email: &str, badge: &str) -> Staff {
    Staff {
        id,
        email: email.to_owned(),
        badge: badge.to_owned(),
        team: "A".to_owned(),
    }
}

#[tokio::test]
async fn no_entry_is_put_for_a_row_whose_name_is_taken() {
    let store = FaultStore::memory();
    let all = store.db().table::<Staff>();
    all.insert(staff(1, "x", "1")).await.unwrap();
    let puts = || store.count(Call::Put.under("_s3orm/ix/"));
    assert_eq!(puts(), 1);
    let error = all.insert(staff(2, "x", "2")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UniqueViolation);
    assert_eq!(puts(), 1);
}

/// A value that is given up is that of its own index, and of that value alone.
#[tokio::test]
async fn a_claim_names_who_gives_the_value_up_and_who_gets_it() {
    let store = FaultStore::memory();
    let db = store.db();
    let all = &db.table::<Staff>();
    for (id, email, badge) in [(1, "a", "1"), (2, "x", "2"), (3, "c", "x")] {
        all.insert(staff(id, email, badge)).await.unwrap();
    }
    db.transaction(|tx| async move {
        tx.write(all.put(staff(2, "b", "2")))?;
        tx.write(all.put(staff(3, "c", "3")))?;
        tx.write(all.put(staff(1, "x", "x")))
    })
    .await
    .unwrap();
    for (index, givers) in [("email", "2.json"), ("badge", "3.json")] {
        let claim = stored(&store, &format!("_s3orm/uq/staff/{index}/x.json")).await;
        assert_eq!(
            claim["pks"],
            serde_json::json!([givers, "1.json"]),
            "{index}"
        );
    }
}

/// The row's own request is refused: what was put for it goes, and what is the row's stays.
#[tokio::test(start_paused = true)]
async fn a_write_that_is_denied_takes_its_entries_back() {
    let store = FaultStore::memory();
    let people = store.db().table::<Person>();
    people.insert(person(1, "Oslo")).await.unwrap();
    let row = || Call::Put.under("people/");
    store.fail_all(row(), Fault::Status(403));
    let moved = people.update(1, |row| row.city = "Rome".into()).await;
    assert_eq!(moved.unwrap_err().kind(), ErrorKind::Denied);
    assert_eq!(
        store.count(row()),
        2,
        "one at first, and one that is not repeated"
    );
    let found = s3orm_tests::server::keys(&store.restart(), "_s3orm/ix/people/").await;
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().all(|key| key.contains("/Oslo/")), "{found:?}");
}

/// Another program has put something there.
#[tokio::test(start_paused = true)]
async fn what_is_no_row_has_no_entries() {
    let store = FaultStore::memory();
    let people = store.db().table::<Person>();
    people.insert(person(1, "Oslo")).await.unwrap();
    let object = |body: String| PutObject {
        key: people.key(2).unwrap(),
        body: body.into(),
        ..PutObject::default()
    };
    let foreign = |city: &str| object(serde_json::to_string(&person(2, city)).unwrap());
    // No row: it can be written over, and deleted.
    for _ in 0..2 {
        store
            .restart()
            .put(&object(r#"{"city":7}"#.into()))
            .await
            .unwrap();
        people.put(person(2, "Rome")).await.unwrap();
        let found = people.query().by(Person::INDEX.city).at("Rome").all().await;
        assert_eq!(found.unwrap(), [person(2, "Rome")]);
        store
            .restart()
            .put(&object(r#"{"city":7}"#.into()))
            .await
            .unwrap();
        people.delete(2).await.unwrap();
    }
    // A row that no index can hold: who changes it is told.
    store
        .restart()
        .put(&foreign(&"x".repeat(1000)))
        .await
        .unwrap();
    let error = people.update(2, |row| row.age += 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidKey, "{error}");
}

/// The same of a transaction.
#[tokio::test(start_paused = true)]
async fn a_transaction_of_one_row_that_is_denied_takes_its_entries_back() {
    let store = FaultStore::memory();
    let db = store.db();
    let all = &db.table::<Staff>();
    all.insert(staff(1, "a", "1")).await.unwrap();
    store.fail_all(Call::Put.under("staff/"), Fault::Status(403));
    let moved = db.transaction(|tx| async move {
        tx.write(all.update(1, |row: &mut Staff| row.team = "B".into()))
    });
    assert_eq!(moved.await.unwrap_err().kind(), ErrorKind::Denied);
    let found = s3orm_tests::server::keys(&store.restart(), "_s3orm/ix/staff/").await;
    assert_eq!(found, ["_s3orm/ix/staff/team/A/1.json"]);
}
