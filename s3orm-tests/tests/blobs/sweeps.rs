//! What a sweep takes, and what it must not.

use s3orm::testing::{Call, Fault, FaultStore};
use s3orm::{ErrorKind, Table};

use super::*;

struct World {
    store: FaultStore,
    db: Db,
    people: Table<Person>,
    papers: Table<Paper>,
}

impl World {
    fn new() -> Self {
        let store = FaultStore::memory();
        let db = store.db();
        Self {
            people: db.table(),
            papers: db.table(),
            store,
            db,
        }
    }

    async fn photo(&self) -> Blob {
        self.people.blob().bytes("a photo").await.unwrap()
    }

    async fn page(&self) -> Blob {
        self.papers.blob().bytes("a page").await.unwrap()
    }

    async fn sweep(&self) -> s3orm::blob::SweptBlobs {
        let swept = self.db.sweep_blobs().of::<Person>().of::<Paper>().await;
        swept.unwrap()
    }

    /// Two sweeps that are both past the grace.
    async fn sweep_twice(&self) -> u64 {
        let mut removed = 0;
        for _ in 0..2 {
            tokio::time::sleep(HOUR).await;
            removed += self.sweep().await.removed;
        }
        removed
    }

    async fn there(&self) -> BTreeSet<String> {
        keys(&self.store, "_s3orm/blob/").await
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_replaced_or_deleted_goes_and_nothing_stays_behind() {
    let world = World::new();
    let (first, second) = (world.photo().await, world.photo().await);
    world.people.put(person(1, first.clone())).await.unwrap();
    world.people.put(person(1, second.clone())).await.unwrap();
    world
        .papers
        .insert(paper(1, world.page().await))
        .await
        .unwrap();
    world.papers.delete(1).await.unwrap();
    let orphan = world.photo().await;
    assert_eq!(world.sweep().await.young, 4);
    // Whoever has the old row reads it for an hour yet.
    tokio::time::sleep(HOUR).await;
    assert_eq!(world.sweep().await.marked, 3);
    assert_eq!(first.bytes(&world.db, 100).await.unwrap(), "a photo");
    tokio::time::sleep(HOUR).await;
    let swept = world.sweep().await;
    assert_eq!((swept.removed, swept.named, swept.bytes), (3, 1, 20));
    assert_eq!(world.there().await, BTreeSet::from([second.key()]));
    assert!(keys(&world.store, "_s3orm/blob-marks/").await.is_empty());
    let error = orphan.bytes(&world.db, 100).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn only_blobs_of_its_tables_are_judged() {
    let world = World::new();
    let (photo, page) = (world.photo().await, world.page().await);
    for _ in 0..3 {
        tokio::time::sleep(HOUR).await;
        world.db.sweep_blobs().of::<Paper>().await.unwrap();
    }
    assert_eq!(world.there().await, BTreeSet::from([photo.key()]));
    assert_ne!(photo.key(), page.key());
}

/// The same table in other bytes, which show nothing of what they name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>", body = "msgpack")]
#[s3(compress(level = 3, above = 0))]
struct Packed {
    id: u64,
    photo: Option<Blob>,
    padding: String,
}

#[tokio::test(start_paused = true)]
async fn rows_name_their_blobs_in_whatever_form_they_are() {
    let world = World::new();
    let packed = world.db.table::<Packed>();
    let photo = world.photo().await;
    let row = Packed {
        id: 1,
        photo: Some(photo.clone()),
        padding: "a".repeat(10_000),
    };
    let stored = packed.put(row).await.unwrap();
    assert_eq!(stored.content_encoding(), Some("zstd"));
    for _ in 0..3 {
        tokio::time::sleep(HOUR).await;
        let swept = world.db.sweep_blobs().of::<Packed>().await.unwrap();
        assert_eq!((swept.named, swept.removed), (1, 0));
    }
    assert_eq!(world.there().await, BTreeSet::from([photo.key()]));
}

#[tokio::test(start_paused = true)]
async fn a_mark_goes_when_its_blob_is_named_again() {
    let world = World::new();
    let photo = world.photo().await;
    tokio::time::sleep(HOUR).await;
    assert_eq!(world.sweep().await.marked, 1);
    // Late, but within the rules: the mark gave it another hour.
    world.people.put(person(1, photo.clone())).await.unwrap();
    tokio::time::sleep(HOUR).await;
    assert_eq!(world.sweep().await.named, 1);
    assert!(keys(&world.store, "_s3orm/blob-marks/").await.is_empty());
    world.people.delete(1).await.unwrap();
    assert_eq!(world.sweep().await.marked, 1);
    assert_eq!(world.sweep_twice().await, 1);
}

/// Both values of a row under a transaction count, whatever becomes of it.
#[tokio::test(start_paused = true)]
async fn a_transaction_that_is_under_way_keeps_both_values() {
    for crash in [Fault::CrashBefore, Fault::CrashAfter] {
        // The record, two intents, the commit.
        for n in 1..=4 {
            let world = World::new();
            let (old, new) = (world.page().await, world.page().await);
            world.papers.insert(paper(1, old.clone())).await.unwrap();
            world
                .papers
                .insert(paper(2, world.page().await))
                .await
                .unwrap();
            let client = world.store.restart();
            client.fail_nth(n, Call::Put.under(""), crash);
            let db = client.db();
            let papers = &db.table::<Paper>();
            let done = db.transaction(|tx| {
                let new = new.clone();
                async move {
                    tx.write(papers.put(paper(1, new)))?;
                    tx.write(papers.update(2, |paper| paper.id = 2))
                }
            });
            let done = done.await;
            // As long as nobody touches the rows, both may become the value.
            let intent = String::from_utf8(object(&world.store, "papers/1.json").await).unwrap();
            if intent.contains("\"new\"") {
                assert!(intent.contains(&old.key()) && intent.contains(&new.key()));
                assert_eq!(world.sweep_twice().await, 0, "{crash:?} at {n}: {done:?}");
                assert!(world.there().await.contains(&old.key()));
                assert!(world.there().await.contains(&new.key()));
            }
            // Once it is decided and the row is plain, one of them.
            world.db.sweep().await.unwrap();
            world.sweep_twice().await;
            assert_eq!(world.there().await, whole(&world.db).await);
            assert_eq!(world.there().await.len(), 2);
        }
    }
}

async fn object(store: &FaultStore, key: &str) -> Vec<u8> {
    use s3orm::store::Store as _;
    let get = s3orm::store::GetObject {
        key: key.to_owned(),
        ..Default::default()
    };
    store.get(get).await.unwrap().body.to_vec()
}

async fn write(store: &FaultStore, key: &str, body: String) {
    use s3orm::store::Store as _;
    let put = s3orm::store::PutObject {
        key: key.to_owned(),
        body: body.into(),
        ..Default::default()
    };
    store.put(&put).await.unwrap();
}

/// What the struct does not have, other programs may.
#[tokio::test(start_paused = true)]
async fn what_only_the_bytes_name_is_named() {
    let world = World::new();
    let [a, b, c] = [
        world.photo().await,
        world.photo().await,
        world.photo().await,
    ];
    // A column that the struct has lost, a row under an older path, other spellings.
    let column = serde_json::to_string(&a).unwrap();
    write(
        &world.store,
        "people/1.json",
        format!(r#"{{"id":1,"photo":null,"was":{column}}}"#),
    )
    .await;
    let old = serde_json::to_string(&person(2, b.clone())).unwrap();
    write(&world.store, "people/north/2.json", old).await;
    let escaped = serde_json::to_string(&person(3, c.clone())).unwrap();
    write(&world.store, "people/3.json", escaped.replace('/', "\\/")).await;
    assert_eq!(world.sweep_twice().await, 0);
    assert_eq!(
        world.there().await,
        BTreeSet::from([a.key(), b.key(), c.key()])
    );
}

#[tokio::test(start_paused = true)]
async fn an_object_that_cannot_be_read_ends_the_sweep_before_anything_goes() {
    let world = World::new();
    let orphan = world.photo().await;
    tokio::time::sleep(HOUR).await;
    assert_eq!(world.sweep().await.marked, 1);
    tokio::time::sleep(HOUR).await;
    let judged = async || world.db.sweep_blobs().of::<Person>().await;
    write(&world.store, "people/1.json", "no row".to_owned()).await;
    assert_eq!(judged().await.unwrap_err().kind(), ErrorKind::Decode);
    write(&world.store, "people/1.json", "x".repeat(40 << 20)).await;
    assert_eq!(judged().await.unwrap_err().kind(), ErrorKind::LimitExceeded);
    write(
        &world.store,
        "people/1.json",
        r#"{"id":1,"photo":null}"#.to_owned(),
    )
    .await;
    for (call, fault) in [
        (Call::Get, Fault::Status(403)),
        (Call::List, Fault::Status(403)),
        (Call::Head, Fault::Status(403)),
    ] {
        world.store.fail_nth(1, call, fault);
        let error = judged().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied, "{call:?}: {error:?}");
    }
    assert!(world.there().await.contains(&orphan.key()));
    assert_eq!(judged().await.unwrap().removed, 1);
}

/// A row that moves behind the listing is found by the second.
#[tokio::test(start_paused = true)]
async fn a_row_that_moves_meanwhile_keeps_its_blobs() {
    let world = World::new();
    for id in [5, 6] {
        let photo = world.photo().await;
        world.people.put(person(id, photo)).await.unwrap();
    }
    tokio::time::sleep(HOUR).await;
    for _ in 0..3 {
        // Each read of a row takes a second: the first row is passed, and the last not yet read.
        let sweeper = world.store.restart();
        sweeper.fail_all(Call::Get, Fault::Latency(Duration::from_secs(1)));
        let db = sweeper.db();
        let sweep = tokio::spawn(async move { db.sweep_blobs().of::<Person>().await.unwrap() });
        tokio::time::sleep(Duration::from_millis(500)).await;
        world.people.rekey(6, |person| person.id = 1).await.unwrap();
        let swept = sweep.await.unwrap();
        assert_eq!((swept.named, swept.marked), (2, 0));
        world.people.rekey(1, |person| person.id = 6).await.unwrap();
        tokio::time::sleep(HOUR).await;
    }
    assert_eq!(world.there().await, whole(&world.db).await);
}

/// S3 dates an object of parts from its beginning: it is old when it is made.
#[tokio::test(start_paused = true)]
async fn a_long_upload_has_its_hour_all_the_same() {
    let world = World::new();
    let photo = world.photo().await;
    // As if it had been begun long ago.
    tokio::time::sleep(HOUR * 5).await;
    assert_eq!(world.sweep().await.marked, 1);
    tokio::time::sleep(Duration::from_mins(55)).await;
    assert_eq!(world.sweep().await.removed, 0);
    world.people.put(person(1, photo)).await.unwrap();
    assert_eq!(world.sweep_twice().await, 0);
    whole(&world.db).await;
}
