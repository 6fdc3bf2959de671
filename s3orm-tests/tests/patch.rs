//! Patches over HTTP: each change, what it costs, and that it is applied exactly once.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // A test may.

use std::time::Duration;

use chrono::{DateTime, Utc};
use s3orm::store::PutObject;
use s3orm::{Db, ErrorKind, S3Schema, Table};
use s3orm_tests::connect;
use s3orm_tests::proxy::{Fault, Proxy, on};
use s3orm_tests::server::TestServer;
use serde::{Deserialize, Serialize};

/// A column of each kind that a patch treats in its own way. Not `Clone`: a patch needs none.
#[derive(Debug, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "accounts", path = "<region>/<id>")]
struct Account {
    region: String,
    id: u64,
    balance: i64,
    level: u8,
    bonus: Option<u8>,
    rate: f64,
    city: Option<String>,
    name: String,
    tags: Vec<String>,
    seen: Option<Vec<u32>>,
    #[s3(created_at)]
    created_at: DateTime<Utc>,
    #[s3(updated_at)]
    updated_at: DateTime<Utc>,
}

const COL: <Account as S3Schema>::ColumnHandles = Account::COL;

fn account() -> Account {
    Account {
        region: "eu".to_owned(),
        id: 1,
        balance: 100,
        level: 250,
        bonus: None,
        rate: 1.5,
        city: None,
        name: "Ann".to_owned(),
        tags: vec!["b".to_owned()],
        seen: None,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    }
}

const KEY: (&str, u64) = ("eu", 1);

struct Counted {
    server: TestServer,
    accounts: Table<Account>,
}

impl Counted {
    /// With one account in it.
    async fn new() -> Self {
        let server = TestServer::memory().await;
        let db: Db = connect::db(&server.endpoint()).await;
        let accounts = db.table();
        accounts.insert(account()).await.unwrap();
        server.reset();
        Self { server, accounts }
    }

    /// The requests since the last call, as S3 names them.
    fn spent(&self) -> Vec<&'static str> {
        self.server.spent()
    }

    async fn row(&self) -> Account {
        let row = self.accounts.get(KEY).await.unwrap().unwrap();
        self.server.reset();
        row
    }
}

const READ_AND_WRITE: [&str; 2] = ["GetObject", "PutObject"];

#[tokio::test]
async fn every_change_is_applied_and_all_cost_one_read_and_one_write() {
    let counted = Counted::new().await;
    let row = counted
        .accounts
        .patch(KEY)
        .set(COL.city, "Oslo")
        .set(COL.rate, 2.5)
        .increment(COL.balance, 7)
        .decrement(COL.level, 1)
        .increment(COL.bonus, 3)
        .append(COL.tags, ["c", "d"])
        .prepend(COL.tags, vec!["a".to_owned()])
        .append(COL.name, "a")
        .prepend(COL.name, "Jo".to_owned())
        .append(COL.seen, [1, 2])
        .prepend(COL.seen, Some(0))
        .await
        .unwrap();
    assert_eq!(counted.spent(), READ_AND_WRITE);
    let expected = Account {
        city: Some("Oslo".to_owned()),
        rate: 2.5,
        balance: 107,
        level: 249,
        bonus: Some(3),
        tags: ["a", "b", "c", "d"].map(str::to_owned).to_vec(),
        name: "JoAnna".to_owned(),
        seen: Some(vec![0, 1, 2]),
        created_at: row.created_at,
        updated_at: row.updated_at,
        ..account()
    };
    assert_eq!(*row, expected);
    assert_eq!(counted.row().await, expected, "what is returned is stored");

    let row = counted.accounts.patch(KEY).unset(COL.city);
    let row = row.if_not_exists(COL.bonus, 9).await.unwrap();
    assert_eq!((&row.city, row.bonus), (&None, Some(3)));
    let row = counted.accounts.patch(KEY).if_not_exists(COL.city, "Rome");
    let row = row.decrement(COL.rate, 0.5).await.unwrap();
    assert_eq!((row.city.as_deref(), row.rate), (Some("Rome"), 2.0));
}

#[tokio::test]
async fn changes_are_applied_in_order() {
    let counted = Counted::new().await;
    let patch = counted.accounts.patch(KEY).set(COL.balance, 5);
    let row = patch.increment(COL.balance, 1).unset(COL.city);
    let row = row.if_not_exists(COL.city, "Oslo").await.unwrap();
    assert_eq!((row.balance, row.city.as_deref()), (6, Some("Oslo")));
    assert_eq!(counted.spent(), READ_AND_WRITE);
}

#[tokio::test]
async fn timestamps_are_kept_as_by_save() {
    let counted = Counted::new().await;
    let old = counted.row().await;
    let new = counted.accounts.patch(KEY).increment(COL.balance, 1);
    let new = new.await.unwrap();
    assert!(new.updated_at > old.updated_at);
    assert_eq!(new.created_at, old.created_at);
}

#[tokio::test]
async fn what_changes_nothing_is_not_written() {
    let counted = Counted::new().await;
    let old = counted.accounts.read(KEY).await.unwrap().unwrap();
    counted.server.reset();
    let patch = counted.accounts.patch(KEY).set(COL.balance, 100);
    let row = patch
        .increment(COL.level, 0)
        .append(COL.name, "")
        .await
        .unwrap();
    assert_eq!(counted.spent(), ["GetObject"]);
    assert_eq!((&*row, row.version()), (&*old, old.version()));

    let patch = counted.accounts.patch(KEY).unset(COL.city);
    let both = patch.returning_old().await.unwrap();
    assert_eq!(counted.spent(), ["GetObject"]);
    assert_eq!(*both.old.unwrap(), *both.new);

    // What is said of the object is a change.
    let patch = counted.accounts.patch(KEY).metadata("source", "import");
    let row = patch.await.unwrap();
    assert_eq!(counted.spent(), READ_AND_WRITE);
    assert_eq!(row.metadata()["source"], "import");
    let row = counted.accounts.patch(KEY).increment(COL.level, 1);
    assert_eq!(row.await.unwrap().metadata()["source"], "import");
}

#[tokio::test]
async fn the_old_row_costs_no_more() {
    let counted = Counted::new().await;
    let version = counted.accounts.read(KEY).await.unwrap().unwrap();
    counted.server.reset();
    let patch = counted.accounts.patch(KEY).decrement(COL.balance, 30);
    let both = patch.returning_old().await.unwrap();
    assert_eq!(counted.spent(), READ_AND_WRITE);
    let old = both.old.unwrap();
    assert_eq!((old.balance, both.new.balance), (100, 70));
    assert_eq!(old.version(), version.version());
    assert_ne!(old.version(), both.new.version());
    counted.accounts.save(both.new).await.unwrap();
}

#[tokio::test]
async fn conditions_are_all_met_or_nothing_is_written() {
    let counted = Counted::new().await;
    let rich = COL.balance.ge(30);
    let withdraw = || counted.accounts.patch(KEY).decrement(COL.balance, 30);
    let met = withdraw().only_if(rich.clone()).only_if(COL.city.is_null());
    assert_eq!(met.await.unwrap().balance, 70);
    assert_eq!(counted.spent(), READ_AND_WRITE);

    let unmet = withdraw()
        .only_if(rich.clone())
        .only_if(COL.city.eq("Oslo"));
    let error = unmet.await.unwrap_err();
    assert_eq!(counted.spent(), ["GetObject"]);
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(!error.is_retryable());
    let message =
        "patch `accounts/eu/1.json`: the row does not meet `city = \"Oslo\"`; nothing was written";
    assert_eq!(error.to_string(), message);
    assert_eq!(counted.row().await.balance, 70);

    // The row before the patch is asked, not the one after it.
    assert_eq!(withdraw().only_if(rich.clone()).await.unwrap().balance, 40);
    assert_eq!(withdraw().only_if(rich.clone()).await.unwrap().balance, 10);
    let error = withdraw().only_if(rich).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(counted.row().await.balance, 10);
}

#[tokio::test]
async fn numbers_never_wrap() {
    let counted = Counted::new().await;
    let before = counted.row().await;
    let patch = || counted.accounts.patch(KEY).set(COL.city, "Oslo");
    for (patch, column) in [
        (patch().increment(COL.level, 6), "`level`"),
        (patch().decrement(COL.level, 251), "`level`"),
        (patch().decrement(COL.bonus, 1), "`bonus`"),
        (patch().increment(COL.balance, i64::MAX), "`balance`"),
        (patch().increment(COL.rate, f64::INFINITY), "`rate`"),
        (
            patch()
                .set(COL.rate, f64::MAX)
                .increment(COL.rate, f64::MAX),
            "`rate`",
        ),
    ] {
        let error = patch.await.unwrap_err();
        assert_eq!(counted.spent(), ["GetObject"], "{error}");
        assert_eq!(error.kind(), ErrorKind::InvalidRow, "{error}");
        assert!(error.to_string().contains(column), "{error}");
        assert_eq!(error.key(), Some("accounts/eu/1.json"));
        assert_eq!(counted.row().await, before, "the row is as it was");
    }
    let row = patch().increment(COL.level, 5).await.unwrap();
    assert_eq!(row.level, 255, "the last that fits");
}

#[tokio::test]
async fn an_absent_row_is_not_made() {
    let counted = Counted::new().await;
    let error = counted.accounts.patch(("eu", 2)).set(COL.level, 1);
    let error = error.await.unwrap_err();
    assert_eq!(counted.spent(), ["GetObject"]);
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(
        (error.operation(), error.key()),
        ("patch", Some("accounts/eu/2.json"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn increments_at_the_same_time_add_up() {
    let counted = Counted::new().await;
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let accounts = counted.accounts.clone();
            tokio::spawn(async move {
                for _ in 0..25 {
                    let patch = accounts.patch(KEY).increment(COL.balance, 1);
                    let both = patch.returning_old().await.unwrap();
                    assert_eq!(both.old.unwrap().balance + 1, both.new.balance);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let writes = counted.server.count("PutObject");
    let reads = counted.server.count("GetObject");
    assert_eq!(reads, writes, "one of each, as often again for a lost race");
    assert!(writes >= 400, "{writes}");
    assert_eq!(counted.row().await.balance, 100 + 16 * 25);
}

/// A condition is asked again of the row that somebody else has changed meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_balance_is_never_overdrawn() {
    let counted = Counted::new().await;
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let accounts = counted.accounts.clone();
            tokio::spawn(async move {
                let patch = accounts.patch(KEY).decrement(COL.balance, 30);
                match patch.only_if(COL.balance.ge(30)).await {
                    Ok(_) => 1,
                    Err(error) if error.kind() == ErrorKind::Cancelled => 0,
                    Err(error) => panic!("{error:?}"),
                }
            })
        })
        .collect();
    let mut drawn = 0;
    for task in tasks {
        drawn += task.await.unwrap();
    }
    assert_eq!((drawn, counted.row().await.balance), (3, 10));
}

#[tokio::test]
async fn a_patch_whose_answer_is_lost_is_applied_once() {
    for fault in [
        Fault::CutAfter,
        Fault::AnswerAfter(500, "InternalError"),
        Fault::AnswerAfter(503, "ServiceUnavailable"),
        Fault::Silence,
        Fault::Duplicate,
    ] {
        let counted = Counted::new().await;
        let proxy = Proxy::in_front_of(counted.server.local_addr()).await;
        let lossy = connect::builder(&proxy.endpoint()).timeout(Duration::from_millis(400));
        let lossy: Table<Account> = lossy.connect().await.unwrap().table();

        proxy.fail_next(on("PutObject"), fault.clone());
        let patch = lossy.patch(KEY).increment(COL.balance, 1);
        let row = patch.append(COL.tags, ["x"]).await;
        let row = row.unwrap_or_else(|error| panic!("{fault:?}: {error:?}"));
        assert_eq!(row.balance, 101, "{fault:?}");

        proxy.fail_next(on("PutObject"), fault.clone());
        let patch = lossy.patch(KEY).increment(COL.balance, 1).returning_old();
        let both = patch.await;
        let both = both.unwrap_or_else(|error| panic!("{fault:?}: {error:?}"));
        assert_eq!(both.old.unwrap().balance, 101, "{fault:?}");
        assert_eq!(both.new.balance, 102, "{fault:?}");

        let row = counted.row().await;
        assert_eq!((row.balance, row.tags), (102, vec!["b".into(), "x".into()]));

        proxy.fail_next(on("PutObject"), Fault::CutBefore);
        let error = lossy.patch(KEY).increment(COL.balance, 1).await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::OutcomeUnknown);
        assert_eq!(counted.row().await.balance, 102, "never arrived");
    }
}

/// Members that the type does not know are not the library's to keep, but those that it fills in
/// by default are no change.
#[tokio::test]
async fn a_row_that_another_program_wrote_is_patched() {
    #[derive(Debug, Serialize, Deserialize, S3Schema)]
    #[s3(table = "items", path = "<id>")]
    struct Item {
        #[s3(key_only)]
        id: u64,
        #[serde(default)]
        stock: u32,
    }
    let server = TestServer::memory().await;
    let db = connect::db(&server.endpoint()).await;
    let request = PutObject {
        key: "items/7.json".to_owned(),
        body: "{}".into(),
        ..PutObject::default()
    };
    db.store().put(&request).await.unwrap();
    let items = db.table::<Item>();
    server.reset();
    items.patch(7).set(Item::COL.stock, 0).await.unwrap();
    assert_eq!(server.count("PutObject"), 0);
    let patch = items.patch(7).increment(Item::COL.stock, 2).returning_old();
    let both = patch.await.unwrap();
    assert_eq!((both.old.unwrap().stock, both.new.stock), (0, 2));
    assert_eq!(both.new.id, 7);
}
