//! Stamped tables over HTTP: each operation of a single row, what is on the bucket, what it costs.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // A test may.

use s3orm::testing::{Call, Fault, FaultStore};
use s3orm::{Db, ErrorKind, S3Schema, Table};
use s3orm_tests::connect;
use s3orm_tests::server::TestServer;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Unknown members are an error: a row is read without the library's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "accounts", path = "<region>/<id:ordered>", transactional)]
#[serde(deny_unknown_fields)]
struct Account {
    region: String,
    id: u64,
    balance: i64,
}

fn account(id: u64, balance: i64) -> Account {
    Account {
        region: "eu".to_owned(),
        id,
        balance,
    }
}

struct Bank {
    server: TestServer,
    db: Db,
    accounts: Table<Account>,
}

impl Bank {
    async fn open() -> Self {
        let server = TestServer::memory().await;
        let db = connect::db(&server.endpoint()).await;
        let accounts = db.table::<Account>();
        // The first write asks what is recorded of the store.
        accounts.delete(("nowhere", 0)).await.unwrap();
        assert_eq!(server.count("GetObject"), 2);
        server.reset();
        Self {
            server,
            db,
            accounts,
        }
    }

    /// The requests since the last call, by their methods.
    fn spent(&self) -> String {
        let requests = self.server.requests();
        self.server.reset();
        let names = requests.iter().map(|request| match request.operation {
            "GetObject" => "GET",
            "PutObject" => "PUT",
            "ListObjectsV2" => "LIST",
            "HeadObject" => "HEAD",
            other => panic!("an unexpected {other}"),
        });
        names.collect::<Vec<_>>().join(" ")
    }

    async fn object(&self, id: u64) -> Value {
        let key = self.accounts.key(("eu", id)).unwrap();
        let object = s3orm::store::GetObject {
            key,
            ..Default::default()
        };
        let object = self.server.store().get(object).await.unwrap();
        serde_json::from_slice(&object.body).unwrap()
    }
}

#[tokio::test]
async fn each_operation_costs_what_it_says() {
    let bank = Bank::open().await;
    let accounts = &bank.accounts;
    let key = ("eu", 1);

    let row = accounts.insert(account(1, 10)).await.unwrap();
    assert_eq!(bank.spent(), "PUT");
    accounts.insert(account(1, 11)).await.unwrap_err();
    assert_eq!(bank.spent(), "PUT GET");
    assert_eq!(accounts.get(key).await.unwrap(), Some(account(1, 10)));
    assert_eq!(bank.spent(), "GET");
    assert!(accounts.exists(key).await.unwrap());
    assert_eq!(bank.spent(), "GET");

    let mut saved = accounts.read(key).await.unwrap().unwrap();
    assert_eq!(saved.version(), row.version());
    saved.balance = 20;
    bank.spent();
    let saved = accounts.save(saved).await.unwrap();
    assert_eq!(bank.spent(), "GET PUT");
    let stale = accounts.save(row.clone()).await.unwrap_err();
    assert_eq!(stale.kind(), ErrorKind::Conflict);
    assert_eq!(bank.spent(), "GET");

    accounts.put(account(1, 30)).await.unwrap();
    assert_eq!(bank.spent(), "GET PUT");
    let stale = accounts.put(account(1, 31)).if_version(saved.version());
    assert_eq!(stale.await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(bank.spent(), "GET");
    let replaced = accounts.put(account(1, 40)).returning_old().await.unwrap();
    assert_eq!(replaced.old.unwrap().balance, 30);
    assert_eq!(bank.spent(), "GET PUT");

    accounts.update(key, |row| row.balance += 1).await.unwrap();
    assert_eq!(bank.spent(), "GET PUT");
    accounts
        .patch(key)
        .increment(Account::COL.balance, 1)
        .await
        .unwrap();
    assert_eq!(bank.spent(), "GET PUT");

    let old = accounts.delete(key).returning_old().await.unwrap();
    assert_eq!(old.unwrap().balance, 42);
    assert_eq!(bank.spent(), "GET PUT");
    accounts.delete(key).await.unwrap();
    assert_eq!(bank.spent(), "GET");
    let missing = accounts.delete(key).must_exist().await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    bank.spent();

    // A row where one was deleted.
    accounts.insert(account(1, 50)).await.unwrap();
    assert_eq!(bank.spent(), "PUT GET PUT");
    accounts
        .insert(account(1, 51))
        .on_conflict_nothing()
        .await
        .unwrap();
    accounts
        .insert(account(1, 52))
        .on_conflict_replace()
        .await
        .unwrap();
    assert_eq!(accounts.get(key).await.unwrap(), Some(account(1, 52)));
}

#[tokio::test]
async fn a_row_is_its_json_with_a_stamp_before_it() {
    let bank = Bank::open().await;
    bank.accounts.insert(account(1, 10)).await.unwrap();
    let first = bank.object(1).await;
    bank.accounts.put(account(1, 10)).await.unwrap();
    let second = bank.object(1).await;

    let stamp = |object: &Value, name: &str| object["_m"][name].as_str().map(str::to_owned);
    assert_eq!(second["balance"], 10);
    assert_eq!(stamp(&first, "p"), None);
    assert_eq!(stamp(&second, "p"), stamp(&first, "v"));
    assert_ne!(
        stamp(&second, "v"),
        stamp(&first, "v"),
        "equal rows have different tags"
    );

    bank.accounts.delete(("eu", 1)).await.unwrap();
    let tombstone = bank.object(1).await;
    assert_eq!(tombstone["_m"]["del"], true);
    assert_eq!(tombstone.as_object().unwrap().len(), 1);
}

/// What is left of deleted rows is not there for anybody, and costs a request where it is listed.
#[tokio::test]
async fn a_row_keeps_its_content_type() {
    let bank = Bank::open().await;
    let own = "application/vnd.account+json";
    let put = bank.accounts.put(account(1, 7));
    put.content_type(own).metadata("by", "ann").await.unwrap();
    bank.accounts
        .update(("eu", 1), |row| row.balance += 1)
        .await
        .unwrap();
    // An intent takes the row's place, and then a row.
    let accounts = &bank.accounts;
    let patch = || accounts.patch(("eu", 1)).increment(Account::COL.balance, 1);
    let transaction = bank.db.transaction(|tx| async move { tx.write(patch()) });
    transaction.settled().await.unwrap();
    let row = accounts.read(("eu", 1)).await.unwrap().unwrap();
    assert_eq!(
        (row.content_type(), &*row.metadata()["by"]),
        (Some(own), "ann")
    );
    accounts.save(row).await.unwrap();
    let key = accounts.key(("eu", 1)).unwrap();
    let meta = bank.server.store().head(&key).await.unwrap();
    assert_eq!(meta.content_type.as_deref(), Some(own));
}

#[tokio::test]
async fn deleted_rows_are_not_listed() {
    let bank = Bank::open().await;
    let accounts = &bank.accounts;
    let rows = (0..20).map(|id| account(id, 1));
    accounts.insert_many(rows).await.into_result().unwrap();
    let deleted = accounts.delete_many((0..20).step_by(4).map(|id| ("eu", id)));
    deleted.await.into_result().unwrap();
    bank.spent();

    let query = || accounts.query().at(Account::KEY.region, "eu");
    let tombstone = accounts.key(("eu", 0)).unwrap();
    let tombstone = bank.server.store().head(&tombstone).await.unwrap();
    assert_eq!(tombstone.content_type.as_deref(), Some("application/json"));
    assert_eq!(query().count().await.unwrap(), 15);
    let spent = bank.spent();
    assert_eq!(spent.matches("GET").count(), 5, "{spent}");
    assert_eq!(spent.matches("LIST").count(), 1, "{spent}");

    assert_eq!(query().all().await.unwrap().len(), 15);
    let keys = query().keys().unwrap().collect().await.unwrap();
    assert_eq!(keys.len(), 15);
    assert_eq!(keys[0], ("eu".to_owned(), 1));
    assert_eq!(query().first().await.unwrap().unwrap().id, 1);
    assert_eq!(query().limit(4).all().await.unwrap().len(), 4);
    assert_eq!(query().scan().segments(4).count().await.unwrap(), 15);
    let read = accounts.get_many((0..4).map(|id| ("eu", id)));
    let read = read.await.into_result().unwrap();
    assert_eq!(read.iter().flatten().count(), 3);

    let swept = accounts.delete_all().confirm("accounts").await.unwrap();
    assert_eq!(swept.into_result().unwrap(), 15);
    assert!(!query().exists().await.unwrap());
    assert_eq!(
        accounts.distinct(Account::KEY.region).await.unwrap(),
        [""; 0]
    );
    assert_eq!(accounts.query().random().await.unwrap(), None);
    assert_eq!(
        accounts.query().random_key().approximate().await.unwrap(),
        None
    );
}

/// What other programs put there is a row, and becomes a stamped one.
#[tokio::test]
async fn rows_of_other_programs_are_rows() {
    let bank = Bank::open().await;
    let accounts = &bank.accounts;
    let key = accounts.key(("eu", 7)).unwrap();
    bank.server
        .keep(key, r#"{"region":"eu","id":7,"balance":5}"#)
        .await;

    let row = accounts.read(("eu", 7)).await.unwrap().unwrap();
    assert_eq!(*row, account(7, 5));
    accounts.save(row).await.unwrap();
    assert!(bank.object(7).await["_m"]["v"].is_string());
    accounts
        .update(("eu", 7), |row| row.balance += 1)
        .await
        .unwrap();
    assert_eq!(accounts.get(("eu", 7)).await.unwrap(), Some(account(7, 6)));

    let key = accounts.key(("eu", 8)).unwrap();
    bank.server
        .keep(key, r#"{"_m":7,"region":"eu","id":8,"balance":5}"#)
        .await;
    let error = accounts.get(("eu", 8)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.to_string().contains("`_m`"), "{error}");
}

/// What is there and is no row can be replaced and deleted, and by nothing else.
#[tokio::test]
async fn what_is_no_row_can_be_written_over() {
    let bank = Bank::open().await;
    let accounts = &bank.accounts;
    let key = ("eu", 9);
    let object = accounts.key(key).unwrap();
    let broken = || {
        bank.server
            .keep(&*object, r#"{"region":"eu","id":9,"balance":"much"}"#)
    };

    broken().await;
    let refusals = [
        accounts.insert(account(9, 1)).await.map(drop),
        accounts.update(key, |row| row.balance += 1).await.map(drop),
        accounts.put(account(9, 1)).returning_old().await.map(drop),
        accounts.delete(key).returning_old().await.map(drop),
    ];
    let kinds = refusals.map(|refused| refused.unwrap_err().kind());
    let decode = ErrorKind::Decode;
    assert_eq!(kinds, [ErrorKind::AlreadyExists, decode, decode, decode]);
    accounts.put(account(9, 1)).await.unwrap();
    assert_eq!(accounts.get(key).await.unwrap(), Some(account(9, 1)));
    broken().await;
    accounts.delete(key).await.unwrap();
    assert_eq!(accounts.get(key).await.unwrap(), None);
}

/// A deletion is known by what it leaves, so its lost answer is found again.
#[tokio::test(start_paused = true)]
async fn a_lost_answer_of_a_deletion_is_found() {
    let store = FaultStore::memory();
    let db = Db::with_store(
        std::sync::Arc::new(store.clone()),
        "",
        s3orm::Env::seeded(1),
    )
    .unwrap();
    let accounts = db.table::<Account>();
    accounts.insert(account(1, 1)).await.unwrap();
    store.fail_next(Call::Put, Fault::AnswerLost);
    accounts.delete(("eu", 1)).await.unwrap();
    assert!(!accounts.exists(("eu", 1)).await.unwrap());

    accounts.insert(account(1, 1)).await.unwrap();
    store.fail_next(Call::Put, Fault::RequestLost);
    let lost = accounts.delete(("eu", 1)).await.unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::OutcomeUnknown);
    assert!(accounts.exists(("eu", 1)).await.unwrap());
}

/// 32 at once: every one of them counts, once.
#[tokio::test]
async fn updates_at_the_same_time_all_count() {
    let bank = Bank::open().await;
    bank.accounts.insert(account(1, 0)).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..32 {
        let accounts = bank.db.table::<Account>();
        tasks.spawn(async move { accounts.update(("eu", 1), |row| row.balance += 1).await });
    }
    while let Some(updated) = tasks.join_next().await {
        updated.unwrap().unwrap();
    }
    let row = bank.accounts.get(("eu", 1)).await.unwrap().unwrap();
    assert_eq!(row.balance, 32);
}
