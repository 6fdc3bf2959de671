//! Blobs that only encrypted values name: no sweep takes them for blobs that nobody names.

use std::collections::BTreeMap;
use std::time::Duration;

use s3orm::testing::{Call, Fault, FaultStore, any};
use s3orm::{Blob, Db, ErrorKind, S3Schema};
use serde::{Deserialize, Serialize};

use super::{new_keys, old_keys};

/// Longer than the grace.
const HOUR: Duration = Duration::from_mins(62);

/// Tables with an encrypted blob, a list of them, and one in clear.
macro_rules! vaults {
    ($($name:ident $table:tt { $($option:tt)* })+) => {$(
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
        #[s3(table = $table, path = "<id>", $($option)*)]
        struct $name {
            id: u64,
            #[s3(encrypt)]
            scan: Option<Blob>,
            #[s3(encrypt)]
            more: BTreeMap<String, Blob>,
            clear: Blob,
        }

        impl $name {
            /// A row with four blobs.
            async fn new(db: &Db, id: u64) -> Self {
                let rows = db.table::<Self>();
                let blob = async |what: &str| rows.blob().bytes(format!("{what} {id}")).await.unwrap();
                Self {
                    id,
                    scan: Some(blob("scan").await),
                    more: BTreeMap::from([
                        ("a".to_owned(), blob("a").await),
                        ("b".to_owned(), blob("b").await),
                    ]),
                    clear: blob("clear").await,
                }
            }

            async fn check(db: &Db, context: &str) -> u64 {
                let mut blobs = 0;
                for row in db.table::<Self>().query().scan().all().await.expect(context) {
                    for blob in row.scan.iter().chain(row.more.values()).chain([&row.clear]) {
                        let bytes = blob.bytes(db, 100).await;
                        bytes.unwrap_or_else(|error| panic!("{context}: {blob:?} is lost: {error:?}"));
                        blobs += 1;
                    }
                }
                blobs
            }
        }
    )+};
}

vaults! {
    Vault "vault" { compress(above = 0) }
    Ledger "ledger" { transactional }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(
    table = "safe",
    path = "<id>",
    encrypt,
    body = "msgpack",
    compress = "zstd"
)]
struct Safe {
    id: u64,
    papers: Vec<Blob>,
}

/// Structs of the first table that say nothing of what is encrypted.
#[derive(Debug, Serialize, Deserialize, S3Schema)]
#[s3(table = "vault", path = "<id>")]
struct Blind {
    id: u64,
}

#[derive(Debug, Serialize, Deserialize, S3Schema)]
#[s3(table = "vault", path = "by=<id>")]
struct Elsewhere {
    id: u64,
}

fn world() -> (FaultStore, Db) {
    let store = FaultStore::memory();
    let db = store.db().with_row_keys(old_keys());
    (store, db)
}

#[tokio::test(start_paused = true)]
async fn blobs_in_encrypted_rows_and_columns_are_seen() {
    let (_store, db) = world();
    db.table().put(Vault::new(&db, 1).await).await.unwrap();
    db.table().put(Ledger::new(&db, 1).await).await.unwrap();
    let safes = db.table::<Safe>();
    let papers = vec![safes.blob().bytes("deed").await.unwrap()];
    safes.put(Safe { id: 1, papers }).await.unwrap();
    // Those that nobody names, one of each table.
    let _lost = db.table::<Vault>().blob().bytes("lost").await.unwrap();
    let _lost = db.table::<Ledger>().blob().bytes("lost").await.unwrap();
    let _lost = safes.blob().bytes("lost").await.unwrap();

    tokio::time::sleep(HOUR).await;
    let sweep = || db.sweep_blobs().of::<Vault>().of::<Ledger>().of::<Safe>();
    let swept = sweep().await.unwrap();
    assert_eq!((swept.named, swept.marked, swept.removed), (9, 3, 0));
    tokio::time::sleep(HOUR).await;
    let swept = sweep().await.unwrap();
    assert_eq!((swept.named, swept.marked, swept.removed), (9, 0, 3));
    assert_eq!(Vault::check(&db, "vault").await, 4);
    assert_eq!(Ledger::check(&db, "ledger").await, 4);
    let deed = safes.get(1).await.unwrap().unwrap().papers.remove(0);
    assert_eq!(deed.bytes(&db, 100).await.unwrap(), "deed");

    // After a rotation, with either key.
    let rotating = db.with_row_keys(new_keys().and_bytes("old", [1; 32]).unwrap());
    rotating
        .table::<Vault>()
        .update_all(|_| ())
        .await
        .unwrap()
        .into_result()
        .unwrap();
    rotating
        .table::<Vault>()
        .put(Vault::new(&rotating, 2).await)
        .await
        .unwrap();
    for _ in 0..2 {
        tokio::time::sleep(HOUR).await;
        let swept = rotating.sweep_blobs().of::<Vault>().await.unwrap();
        assert_eq!((swept.named, swept.marked, swept.removed), (8, 0, 0));
    }
    assert_eq!(Vault::check(&rotating, "rotated").await, 8);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_see_what_is_encrypted_sweeps_nothing() {
    let (store, db) = world();
    db.table().put(Vault::new(&db, 1).await).await.unwrap();
    db.table().put(Ledger::new(&db, 1).await).await.unwrap();
    let safes = db.table::<Safe>();
    let papers = vec![safes.blob().bytes("deed").await.unwrap()];
    safes.put(Safe { id: 1, papers }).await.unwrap();
    let (keyless, wrong) = (store.db(), db.with_row_keys(new_keys()));
    let same = s3orm::encrypt::StaticKeys::from_bytes("old", [9; 32]).unwrap();
    let false_key = db.with_row_keys(same);
    let before = store.count(any());
    for _ in 0..3 {
        tokio::time::sleep(HOUR).await;
        for (db, kind) in [
            (&keyless, ErrorKind::Denied),
            (&wrong, ErrorKind::Denied),
            (&false_key, ErrorKind::Decode),
        ] {
            for error in [
                db.sweep_blobs().of::<Vault>().await.unwrap_err(),
                db.sweep_blobs().of::<Ledger>().await.unwrap_err(),
                db.sweep_blobs().of::<Safe>().await.unwrap_err(),
            ] {
                assert_eq!(error.kind(), kind, "{error}");
                assert!(error.key().is_some(), "{error}");
            }
        }
        // The struct knows of no blob, with the key or without.
        for db in [&db, &keyless] {
            for error in [
                db.sweep_blobs().of::<Blind>().await.unwrap_err(),
                db.sweep_blobs().of::<Elsewhere>().await.unwrap_err(),
            ] {
                assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
                assert_eq!(error.key(), Some("vault/1.json"));
                assert!(error.to_string().contains("encrypted value"), "{error}");
            }
        }
    }
    assert!(store.count(any()) > before);
    let deletions = store
        .requests()
        .iter()
        .any(|request| matches!(request.call, Call::Delete | Call::DeleteMany));
    assert!(!deletions, "nothing was deleted");
    assert_eq!(Vault::check(&db, "vault").await, 4);
    assert_eq!(Ledger::check(&db, "ledger").await, 4);
    let swept = db.sweep_blobs().of::<Vault>().of::<Ledger>().of::<Safe>();
    let swept = swept.await.unwrap();
    assert_eq!((swept.named, swept.marked, swept.removed), (9, 0, 0));
}

/// The blobs of a row are encrypted no more, of which one goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(
    table = "vault",
    path = "<id>",
    version = 2,
    previous = "Vault",
    reversible
)]
struct Opened {
    id: u64,
    scan: Option<Blob>,
    #[s3(encrypt = "migrating")]
    clear: Blob,
}

impl From<Vault> for Opened {
    fn from(old: Vault) -> Self {
        Self {
            id: old.id,
            scan: old.scan,
            clear: old.clear,
        }
    }
}

impl From<&Opened> for Vault {
    fn from(new: &Opened) -> Self {
        Self {
            id: new.id,
            scan: new.scan.clone(),
            more: BTreeMap::new(),
            clear: new.clear.clone(),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn blobs_stay_while_their_rows_change_their_version() {
    let (_store, db) = world();
    for id in 0..10 {
        db.table().put(Vault::new(&db, id).await).await.unwrap();
    }
    let opened = db.table::<Opened>();
    // Before it has begun, and when some rows are of each version.
    for part in [false, true] {
        if part {
            opened
                .migrate()
                .alone()
                .await
                .unwrap()
                .into_result()
                .unwrap();
            for id in 0..5 {
                db.table().put(Vault::new(&db, id).await).await.unwrap();
            }
        }
        tokio::time::sleep(HOUR).await;
        let swept = db.sweep_blobs().of::<Opened>().await.unwrap();
        let named = if part { 5 * 4 + 5 * 2 } else { 40 };
        assert_eq!((swept.named, swept.removed), (named, 0), "{part}");
    }
    // Who reads the older version alone sees nothing of the newer one's blobs, and says so.
    let error = db.sweep_blobs().of::<Vault>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema, "{error}");

    let back = opened.migrate().down_to(1).again().alone().await.unwrap();
    assert!(back.complete);
    for _ in 0..3 {
        tokio::time::sleep(HOUR).await;
        db.sweep_blobs().of::<Vault>().await.unwrap();
    }
    assert_eq!(Vault::check(&db, "back again").await, 5 * 4 + 5 * 2);
}

/// A transaction is cut off at each of its requests: what it has left names the blobs of the row before
/// it, and those of the row after it.
#[tokio::test(start_paused = true)]
async fn blobs_of_rows_under_a_transaction_are_seen() {
    let mut points = 0;
    for n in 1.. {
        let (store, db) = world();
        db.table().insert(Ledger::new(&db, 1).await).await.unwrap();
        let next = Ledger::new(&db, 1).await;
        // It is a transaction of two rows, so that it is not done in one request.
        let other = Ledger::new(&db, 2).await;
        let cut = store.restart();
        cut.fail_nth(n, any(), Fault::CrashAfter);
        let dying = cut.db().with_row_keys(old_keys());
        let rows = &dying.table::<Ledger>();
        let (next, other) = (&next, &other);
        let done = dying.transaction(|tx| async move {
            tx.write(rows.put(next.clone()))?;
            tx.write(rows.insert(other.clone()))
        });
        let is_done = done.await.is_ok();
        for _ in 0..3 {
            tokio::time::sleep(HOUR).await;
            let swept = store.restart().db().with_row_keys(old_keys());
            let sweep = swept.sweep_blobs().of::<Ledger>().await.unwrap();
            assert_eq!(sweep.young, 0);
        }
        let blobs = Ledger::check(&db, &format!("cut off at request {n}")).await;
        assert!(blobs == 4 || blobs == 8, "{blobs} at {n}");
        points += 1;
        if is_done && cut.count(any()) < n {
            break;
        }
    }
    assert!(points > 5, "{points}");
}
