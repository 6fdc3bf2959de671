//! Reads that are kept: S3 is asked each time, and answers without the body while it holds.
#![allow(clippy::unwrap_used)] // Its helpers are tests, too.

use std::sync::Arc;

use s3orm::store::cache::CacheStore;
use s3orm::store::memory::MemoryStore;
use s3orm::store::{GetObject, PutObject, Store as _, StoreErrorKind};
use s3orm::{Db, Env, ErrorKind};
use s3orm_tests::conformance::Fixture;
use s3orm_tests::connect;
use s3orm_tests::server::TestServer;
use s3orm_tests::tables::{Person, person};

#[expect(clippy::unused_async, reason = "the suite awaits its fixture")]
async fn cached() -> Fixture {
    let inner = Arc::new(MemoryStore::new("rows", Env::system()));
    Fixture::new(CacheStore::new(inner, 1 << 20).expect("a cache"))
}

s3orm_tests::conformance!(cached);

/// The statuses of the requests since the last call.
fn statuses(server: &TestServer) -> Vec<u16> {
    let requests = server.requests();
    server.reset();
    requests
        .iter()
        .filter_map(|request| request.status)
        .collect()
}

#[tokio::test]
async fn an_unchanged_row_costs_a_304_and_a_changed_one_is_seen() {
    let server = TestServer::memory().await;
    let builder = connect::builder(&server.endpoint()).cache_bytes(1 << 20);
    let people = builder.connect().await.unwrap().table::<Person>();
    let others = connect::db(&server.endpoint()).await.table::<Person>();
    others.insert(person(1)).await.unwrap();
    statuses(&server);

    let read = || async { people.get(("Oslo", 1)).await.unwrap() };
    assert_eq!(
        (read().await, read().await),
        (Some(person(1)), Some(person(1)))
    );
    assert_eq!(statuses(&server), [200, 304]);

    let older = Person {
        age: 31,
        ..person(1)
    };
    others.put(&older).await.unwrap();
    assert_eq!(
        (read().await, read().await),
        (Some(older.clone()), Some(older))
    );
    assert_eq!(
        statuses(&server),
        [200, 200, 304],
        "their PUT, and two reads"
    );

    people
        .update(("Oslo", 1), |person| person.age += 1)
        .await
        .unwrap();
    assert_eq!(read().await.unwrap().age, 32);
    assert_eq!(
        statuses(&server),
        [304, 200, 200],
        "GET, PUT; forgotten, so read in full"
    );

    others.delete(("Oslo", 1)).await.unwrap();
    assert_eq!((read().await, read().await), (None, None));
    assert_eq!(statuses(&server), [204, 404, 404]);
}

#[tokio::test]
async fn without_the_option_nothing_is_kept() {
    let server = TestServer::memory().await;
    let people = connect::db(&server.endpoint()).await.table::<Person>();
    people.insert(person(1)).await.unwrap();
    people.get(("Oslo", 1)).await.unwrap().unwrap();
    people.get(("Oslo", 1)).await.unwrap().unwrap();
    assert_eq!(statuses(&server), [200, 200, 200]);
}

#[tokio::test]
async fn the_same_bytes_written_with_other_metadata_are_noticed() {
    let server = TestServer::memory().await;
    let builder = connect::builder(&server.endpoint()).cache_bytes(1 << 20);
    let people = builder.connect().await.unwrap().table::<Person>();
    for by in ["one", "another"] {
        people.put(person(1)).metadata("by", by).await.unwrap();
        let row = people.read(("Oslo", 1)).await.unwrap().unwrap();
        assert_eq!(row.metadata().get("by").map(String::as_str), Some(by));
    }
}

#[tokio::test]
async fn it_keeps_no_more_bytes_than_it_may() {
    let inner = Arc::new(MemoryStore::new("rows", Env::system()));
    let capacity = 100_000;
    let store = CacheStore::new(inner, capacity).unwrap();
    for row in 0..200 {
        let object = PutObject {
            key: format!("k{row}"),
            body: vec![0; 10_000].into(),
            ..PutObject::default()
        };
        store.put(&object).await.unwrap();
        let get = GetObject {
            key: format!("k{row}"),
            ..GetObject::default()
        };
        store.get(get).await.unwrap();
        assert!(store.kept_bytes() <= capacity, "{}", store.kept_bytes());
    }
    assert!(store.kept_bytes() > capacity / 2, "{}", store.kept_bytes());

    // One that is larger than all of it passes through; a smaller limit is still a limit.
    let large = PutObject {
        key: "large".to_owned(),
        body: vec![0; 200_000].into(),
        ..PutObject::default()
    };
    store.put(&large).await.unwrap();
    let get = GetObject {
        key: "large".to_owned(),
        ..GetObject::default()
    };
    assert_eq!(store.get(get).await.unwrap().body.len(), 200_000);
    assert!(store.kept_bytes() <= capacity);
    let get = GetObject {
        key: "k199".to_owned(),
        max_bytes: Some(100),
        ..GetObject::default()
    };
    assert_eq!(
        store.get(get).await.unwrap_err().kind(),
        StoreErrorKind::TooLarge
    );
}

#[tokio::test]
async fn buckets_do_not_share_their_rows() {
    let inner = Arc::new(MemoryStore::new("one", Env::system()));
    let store = CacheStore::new(inner, 1 << 20).unwrap();
    let other = store.with_bucket("two").unwrap();
    other.create_bucket().await.unwrap();
    let get = || GetObject {
        key: "k".to_owned(),
        ..GetObject::default()
    };
    store
        .put(&PutObject {
            key: "k".to_owned(),
            ..PutObject::default()
        })
        .await
        .unwrap();
    store.get(get()).await.unwrap();
    assert_eq!(
        other.get(get()).await.unwrap_err().kind(),
        StoreErrorKind::NotFound
    );
}

#[tokio::test]
async fn the_connection_string_has_the_option() {
    let db = Db::connect("memory:?cache_bytes=1000000").await.unwrap();
    assert!(format!("{:?}", db.store()).starts_with("CacheStore"));
    let error = Db::connect("memory:?cache_bytes=much").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}
