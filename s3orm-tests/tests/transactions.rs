//! Transactions: what they promise, what they cost, and what is on the bucket meanwhile.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // A test may.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use s3orm::store::{GetObject, Store as _};
use s3orm::testing::{Call, Fault, FaultStore, any};
use s3orm::tx::Tx;
use s3orm::{Db, Env, Error, ErrorKind, Result, S3Schema, Table};
use s3orm_tests::connect;
use s3orm_tests::odd::{OddStore, Quirk};
use s3orm_tests::server::TestServer;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::task::JoinSet;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "accounts", path = "<owner>", transactional)]
struct Account {
    owner: String,
    balance: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "transfers", path = "<day>/<id:ordered>", transactional)]
struct Transfer {
    day: String,
    id: u64,
    amount: i64,
}

const BALANCE: s3orm::ColumnHandle<Account, i64, s3orm::Required> = Account::COL.balance;

/// What a transaction asks for, and why it is refused.
type Refusal<'a> = (ErrorKind, &'a (dyn Fn(&Tx) -> Result<()> + Sync));

fn account(owner: &str, balance: i64) -> Account {
    Account {
        owner: owner.to_owned(),
        balance,
    }
}

fn transfer(id: u64, amount: i64) -> Transfer {
    Transfer {
        day: "today".to_owned(),
        id,
        amount,
    }
}

/// Two rows are written, and neither is read before.
async fn pay(db: &Db, from: &str, to: &str, amount: i64) -> Result<()> {
    let accounts = &db.table::<Account>();
    db.transaction(|tx| async move {
        let enough = BALANCE.ge(amount);
        tx.write(
            accounts
                .patch(from)
                .decrement(BALANCE, amount)
                .only_if(enough),
        )?;
        tx.write(accounts.patch(to).increment(BALANCE, amount))
    })
    .await
}

async fn balances(accounts: &Table<Account>) -> BTreeMap<String, i64> {
    let rows = accounts.query().scan().all().await.unwrap();
    rows.into_iter()
        .map(|row| (row.owner, row.balance))
        .collect()
}

async fn begin(db: &Db) -> Table<Account> {
    let accounts = db.table::<Account>();
    for owner in ["ann", "bob", "cat"] {
        accounts.insert(account(owner, 100)).await.unwrap();
    }
    accounts
}

/// A bucket in memory, with a client whose requests can fail, and its clock.
struct World {
    store: FaultStore,
    db: Db,
    accounts: Table<Account>,
}

impl World {
    async fn begin() -> Self {
        let store = FaultStore::memory();
        let db = store.db();
        let accounts = begin(&db).await;
        Self {
            store,
            db,
            accounts,
        }
    }

    /// Another client, to whom nothing happens.
    fn other(&self) -> (Db, Table<Account>) {
        let db = self.store.restart().db();
        let accounts = db.table();
        (db, accounts)
    }

    async fn object(&self, key: &str) -> Value {
        let request = GetObject {
            key: key.to_owned(),
            ..GetObject::default()
        };
        let object = self.store.restart().get(request).await.unwrap();
        serde_json::from_slice(&object.body).unwrap()
    }

    async fn put(&self, key: &str, body: String) {
        let request = s3orm::store::PutObject {
            key: key.to_owned(),
            body: body.into(),
            ..Default::default()
        };
        self.store.restart().put(&request).await.unwrap();
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

#[tokio::test]
async fn rows_change_together_or_not_at_all() {
    let server = TestServer::memory().await;
    let db = connect::db(&server.endpoint()).await;
    let accounts = begin(&db).await;

    pay(&db, "ann", "bob", 30).await.unwrap();
    let now = balances(&accounts).await;
    assert_eq!((now["ann"], now["bob"]), (70, 130));

    let error = pay(&db, "ann", "bob", 71).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(error.key(), Some("accounts/ann.json"));
    assert!(error.to_string().contains("`balance >= 71`"), "{error}");
    let error = pay(&db, "ann", "nobody", 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.key(), Some("accounts/nobody.json"));
    assert_eq!(balances(&accounts).await, now);
}

#[tokio::test]
async fn every_write_can_be_part_of_one() {
    let server = TestServer::memory().await;
    let db = connect::db(&server.endpoint()).await;
    let (accounts, transfers) = (&begin(&db).await, &db.table::<Transfer>());
    let row = &accounts.read("cat").await.unwrap().unwrap();

    let seen = db.transaction(|tx| async move {
        tx.write(transfers.insert(transfer(1, 10)))?;
        tx.write(transfers.insert(transfer(1, 11)).on_conflict_nothing())?;
        tx.write(transfers.put(transfer(2, 20)))?;
        tx.write(accounts.update("ann", |row| row.balance -= 30))?;
        tx.write(accounts.patch("ann").increment(BALANCE, 5))?;
        tx.write(accounts.delete("bob"))?;
        tx.write(accounts.save({
            let mut row = row.clone();
            row.balance = 7;
            row
        }))?;
        tx.check(accounts, "cat", BALANCE.eq(7))?;
        // What it has done is what it reads.
        let ann = tx.get(accounts, "ann").await?.unwrap();
        let bob = tx.get(accounts, "bob").await?;
        Ok((ann.balance, bob))
    });
    assert_eq!(seen.await.unwrap(), (75, None));
    let expected = [("ann".to_owned(), 75), ("cat".to_owned(), 7)];
    assert_eq!(balances(accounts).await, BTreeMap::from(expected));
    let amounts = transfers.query().scan().all().await.unwrap();
    assert_eq!(amounts, [transfer(1, 10), transfer(2, 20)]);
    assert_eq!(accounts.count().await.unwrap(), 2);

    // Each of these is refused, with its key, and the other write is not done.
    let stale = row.clone();
    let version = row.version();
    let refusals: [Refusal<'_>; 6] = [
        (ErrorKind::AlreadyExists, &|tx| {
            tx.write(accounts.insert(account("ann", 1)))
        }),
        (ErrorKind::Conflict, &|tx| {
            tx.write(accounts.save(stale.clone()))
        }),
        (ErrorKind::Conflict, &|tx| {
            tx.write(accounts.put(account("cat", 1)).if_version(version))
        }),
        (ErrorKind::NotFound, &|tx| {
            tx.write(accounts.delete("bob").must_exist())
        }),
        (ErrorKind::Cancelled, &|tx| {
            tx.check(accounts, "ann", BALANCE.gt(75))
        }),
        (ErrorKind::Cancelled, &|tx| {
            tx.write(accounts.update("ann", |_: &mut Account| Err::<(), _>("no")))
        }),
    ];
    for (kind, refused) in refusals {
        let done = db.transaction(|tx| async move {
            tx.write(transfers.insert(transfer(3, 30)))?;
            refused(&tx)
        });
        let error = done.await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(
            error.key().is_some_and(|key| key.starts_with("accounts/")),
            "{error}"
        );
        assert!(error.to_string().starts_with("transaction "), "{error}");
    }
    assert_eq!(transfers.count().await.unwrap(), 2);
}

/// The figures of the module's documentation.
#[tokio::test]
async fn a_transaction_costs_what_it_says() {
    let server = TestServer::memory().await;
    let db = connect::db(&server.endpoint()).await;
    begin(&db).await;
    let transfers = &db.table::<Transfer>();
    let spent = || {
        let counts = ["PutObject", "GetObject"].map(|operation| server.count(operation));
        assert_eq!(server.requests().len(), counts.iter().sum::<usize>());
        server.reset();
        counts
    };
    for rows in [2, 10, 100] {
        spent();
        db.transaction(|tx| async move {
            (0..rows).try_for_each(|id| tx.write(transfers.put(transfer(id, 1))))
        })
        .settled()
        .await
        .unwrap();
        let rows = usize::try_from(rows).unwrap();
        assert_eq!(spent(), [2 * rows + 2, rows]);
    }
    // One row is a plain write; one that changes nothing, no write at all.
    let once = db.transaction(|tx| async move { tx.write(transfers.put(transfer(1, 2))) });
    once.await.unwrap();
    assert_eq!(spent(), [1, 1]);
    let again = db.transaction(|tx| async move { tx.write(transfers.put(transfer(1, 2))) });
    again.await.unwrap();
    assert_eq!(spent(), [0, 1]);

    let key = |id: u64| ("today", id);
    db.snapshot(|at| async move {
        at.get(transfers, key(1)).await?;
        at.get(transfers, key(2)).await
    })
    .await
    .unwrap();
    assert_eq!(spent(), [0, 4]);
}

/// Each request takes a second: the answer comes after three of them.
#[tokio::test(start_paused = true)]
async fn two_rows_are_three_rounds_of_requests() {
    let world = World::begin().await;
    world
        .store
        .fail_all(any(), Fault::Latency(Duration::from_secs(1)));
    let before = tokio::time::Instant::now();
    pay(&world.db, "ann", "bob", 30).await.unwrap();
    assert_eq!(before.elapsed(), Duration::from_secs(3));
    world.pass(Duration::from_secs(2)).await;
    assert_eq!(
        world.object("accounts/ann.json").await["_m"].get("tx"),
        None
    );
    assert_eq!(world.object("accounts/ann.json").await["balance"], 70);
}

/// Cut off at any request: a transaction is done or is not, for everybody, and nobody waits for ever.
#[tokio::test(start_paused = true)]
async fn a_crash_at_any_request_leaves_all_or_nothing() {
    for crash in [Fault::CrashBefore, Fault::CrashAfter] {
        for n in 1.. {
            let world = World::begin().await;
            world.store.fail_nth(n, any(), crash);
            let told = pay(&world.db, "ann", "bob", 30).await;
            world.pass(Duration::from_secs(1)).await;
            let (db, accounts) = world.other();
            let now = balances(&accounts).await;
            let sum: i64 = now.values().sum();
            assert_eq!(sum, 300, "{crash:?} at {n}");
            match &told {
                Ok(()) => assert_eq!(now["ann"], 70, "{crash:?} at {n}"),
                Err(error) if error.kind() == ErrorKind::OutcomeUnknown => {}
                Err(error) => assert_eq!(now["ann"], 100, "{crash:?} at {n}: {error}"),
            }
            // Others see the old values or the new ones, never one of each.
            let raw = ["ann", "bob"].map(|owner| format!("accounts/{owner}.json"));
            let (ann, bob) = (world.object(&raw[0]).await, world.object(&raw[1]).await);
            assert!(ann["balance"].is_i64() && bob["balance"].is_i64());

            // A write meets what was left behind, and is not in doubt about it.
            let began = tokio::time::Instant::now();
            accounts
                .update("bob", |row| row.balance += 1)
                .await
                .unwrap();
            accounts
                .update("ann", |row| row.balance += 1)
                .await
                .unwrap();
            assert!(
                began.elapsed() < Duration::from_secs(15),
                "{:?}",
                began.elapsed()
            );
            let later = balances(&accounts).await;
            assert_eq!(later.values().sum::<i64>(), 302);
            assert_eq!(later["ann"], now["ann"] + 1, "{crash:?} at {n}");

            // And everything is collected in the end.
            world.pass(Duration::from_mins(1)).await;
            db.sweep().await.unwrap();
            world.pass(Duration::from_mins(61)).await;
            db.sweep().await.unwrap();
            let left = world.store.restart().db();
            let records = world.store.restart();
            let page = records
                .list(s3orm::store::ListObjects {
                    prefix: "_s3orm/tx/".to_owned(),
                    ..Default::default()
                })
                .await
                .unwrap();
            assert!(
                page.objects.is_empty(),
                "{crash:?} at {n}: {:?}",
                page.objects
            );
            assert_eq!(balances(&left.table()).await, later);
            if told.is_ok() && world.store.requests().len() < n {
                assert!(n > 8, "all requests were cut off once");
                break;
            }
        }
    }
}

/// Between the locks and the commit, and after it, other programs read the old values.
#[tokio::test(start_paused = true)]
async fn others_never_read_half_of_a_transaction() {
    let world = World::begin().await;
    // The third write under `_s3orm/tx/` would be the commit's second try: this cuts the commit off.
    world
        .store
        .fail_nth(2, Call::Put.under("_s3orm/tx/"), Fault::CrashBefore);
    pay(&world.db, "ann", "bob", 30).await.unwrap_err();
    for owner in ["ann", "bob"] {
        let object = world.object(&format!("accounts/{owner}.json")).await;
        assert_eq!(object["balance"], 100);
        assert_eq!(object["_m"]["op"], "put");
        assert!(object["_m"]["new"]["balance"].is_i64());
    }
    let (db, accounts) = world.other();
    assert_eq!(balances(&accounts).await["ann"], 100);
    // Nothing to settle yet: it may be under way.
    let report = db.settle().await.unwrap();
    assert_eq!((report.aborted, report.left), (0, 1));
    world.pass(Duration::from_secs(13)).await;
    let report = db.settle().await.unwrap();
    assert_eq!((report.aborted, report.finished), (1, 2));

    let world = World::begin().await;
    world
        .store
        .fail_nth(2, Call::Put.under("_s3orm/tx/"), Fault::CrashAfter);
    let error = pay(&world.db, "ann", "bob", 30).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    assert_eq!(world.object("accounts/ann.json").await["balance"], 100);
    assert_eq!(world.object("accounts/bob.json").await["balance"], 100);
    let (db, accounts) = world.other();
    assert_eq!(balances(&accounts).await["ann"], 70);
    assert_eq!(db.settle().await.unwrap().finished, 2);
    assert_eq!(world.object("accounts/ann.json").await["balance"], 70);
    assert_eq!(world.object("accounts/bob.json").await["balance"], 130);
}

/// Every answer lost, every request lost: what is told is true.
#[tokio::test(start_paused = true)]
async fn lost_answers_are_found_or_told() {
    for fault in [
        Fault::AnswerLost,
        Fault::RequestLost,
        Fault::Duplicate,
        Fault::Conflict,
    ] {
        for n in 1..=8 {
            let world = World::begin().await;
            // Only writes are answered by a 409.
            let requests = match fault {
                Fault::Conflict => Call::Put.into(),
                _ => any(),
            };
            world.store.fail_nth(n, requests, fault);
            let told = pay(&world.db, "ann", "bob", 30).await;
            let (_, accounts) = world.other();
            let now = balances(&accounts).await;
            assert_eq!(now.values().sum::<i64>(), 300);
            match told {
                Ok(()) => assert_eq!(now["ann"], 70, "{fault:?} at {n}"),
                Err(error) => {
                    assert_eq!(
                        error.kind(),
                        ErrorKind::Unavailable,
                        "{fault:?} at {n}: {error}"
                    );
                    assert_eq!(now["ann"], 100, "{fault:?} at {n}: {error}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_used_once() {
    let world = World::begin().await;
    let deposit = async |db: &Db, token: &'static str, amount: i64| {
        let accounts = &db.table::<Account>();
        db.transaction(|tx| async move {
            tx.write(accounts.patch("ann").increment(BALANCE, amount))?;
            tx.write(accounts.patch("bob").increment(BALANCE, amount))
        })
        .once(token, &("deposit", amount))
        .await
    };
    assert_eq!(deposit(&world.db, "a", 5).await.unwrap(), Some(()));
    assert_eq!(deposit(&world.db, "a", 5).await.unwrap(), None);
    assert_eq!(deposit(&world.db, "b", 5).await.unwrap(), Some(()));
    let error = deposit(&world.db, "a", 6).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TokenReused);
    assert_eq!(balances(&world.accounts).await["ann"], 110);

    // The answer to the commit is lost with the program: asking again tells.
    for (crash, was_done) in [(Fault::CrashBefore, false), (Fault::CrashAfter, true)] {
        let world = World::begin().await;
        world
            .store
            .fail_nth(2, Call::Put.under("_s3orm/tx/"), crash);
        deposit(&world.db, "c", 5).await.unwrap_err();
        let (db, accounts) = world.other();
        let again = deposit(&db, "c", 5).await.unwrap();
        assert_eq!(again.is_none(), was_done);
        assert_eq!(balances(&accounts).await["ann"], 105);
        // It is remembered for a day, also when its first attempt was aborted.
        for _ in 0..23 {
            world.pass(Duration::from_hours(1)).await;
            db.sweep().await.unwrap();
        }
        assert_eq!(deposit(&db, "c", 5).await.unwrap(), None);
        world.pass(Duration::from_hours(26)).await;
        db.sweep().await.unwrap();
        db.sweep().await.unwrap();
        assert_eq!(db.sweep().await.unwrap().left, 0);
    }
}

/// 40 at once under one token: one of them does it.
#[tokio::test]
async fn a_token_is_used_once_by_many() {
    let server = TestServer::memory().await;
    let db = connect::db(&server.endpoint()).await;
    let accounts = begin(&db).await;
    let mut tasks = JoinSet::new();
    for _ in 0..40 {
        let (db, accounts) = (db.clone(), accounts.clone());
        tasks.spawn(async move {
            let accounts = &accounts;
            db.transaction(|tx| async move {
                tx.write(accounts.patch("ann").increment(BALANCE, 1))?;
                tx.write(accounts.patch("bob").increment(BALANCE, 1))
            })
            .once("token", &1)
            .await
        });
    }
    let outcomes = tasks.join_all().await;
    let done = outcomes
        .into_iter()
        .filter(|done| done.as_ref().unwrap().is_some());
    assert_eq!(done.count(), 1);
    assert_eq!(balances(&accounts).await["ann"], 101);
}

#[tokio::test]
async fn what_cannot_be_done_is_said() {
    let server = TestServer::memory().await;
    let db = connect::db(&server.endpoint()).await;
    let accounts = &begin(&db).await;
    let transfers = &db.table::<Transfer>();

    let many = db.transaction(|tx| async move {
        (0..101).try_for_each(|id| tx.write(transfers.put(transfer(id, 1))))
    });
    let error = many.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert!(
        error.to_string().contains("101 rows; it may be over 100"),
        "{error}"
    );

    let large = db.transaction(|tx| async move {
        for owner in ["x", "y", "z"] {
            tx.write(accounts.put(account(&owner.repeat(700_000), 1)))?;
        }
        Ok(())
    });
    assert_eq!(large.await.unwrap_err().kind(), ErrorKind::InvalidKey);

    let dressed =
        db.transaction(
            |tx| async move { tx.write(accounts.put(account("ann", 1)).metadata("a", "b")) },
        );
    assert_eq!(dressed.await.unwrap_err().kind(), ErrorKind::Unsupported);

    let other = &connect::db(&server.endpoint()).await.table::<Account>();
    let elsewhere = db.transaction(|tx| async move { tx.write(other.delete("ann")) });
    let error = elsewhere.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);

    let moved =
        db.transaction(
            |tx| async move { tx.write(accounts.update("ann", |row| row.owner.push('e'))) },
        );
    assert_eq!(moved.await.unwrap_err().kind(), ErrorKind::InvalidKey);

    let kept = &std::sync::Mutex::new(None);
    let keeping = db.transaction(|tx| async move {
        *kept.lock().unwrap() = Some(tx);
        Ok(())
    });
    keeping.await.unwrap();
    let tx = kept.lock().unwrap().take().unwrap();
    let error = tx.get(accounts, "ann").await.unwrap_err();
    assert!(
        error.to_string().contains("the transaction is over"),
        "{error}"
    );
    assert_eq!(balances(accounts).await["ann"], 100);
}

/// A closure that refuses on rows of two instants is not believed: it runs again.
#[tokio::test]
async fn a_refusal_is_of_one_instant() {
    let server = TestServer::memory().await;
    let db = connect::db(&server.endpoint()).await;
    let accounts = &begin(&db).await;
    let (runs, other) = (&std::sync::atomic::AtomicU32::new(0), &db);
    let checked = db.transaction(|tx| async move {
        let run = runs.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let ann = tx.get(accounts, "ann").await?.unwrap();
        if run == 0 {
            pay(other, "ann", "bob", 30).await?;
        }
        let bob = tx.get(accounts, "bob").await?.unwrap();
        match ann.balance + bob.balance {
            200 => Ok(()),
            sum => Err(Error::cancelled(format!("there are {sum}"))),
        }
    });
    checked.await.unwrap();
    assert_eq!(runs.load(std::sync::atomic::Ordering::Relaxed), 2);
}

/// A row that names a transaction which does not list it, or is none, is as it was.
#[tokio::test(start_paused = true)]
async fn forged_intents_are_void() {
    let world = World::begin().await;
    pay(&world.db, "ann", "bob", 30).await.unwrap();
    world.pass(Duration::from_secs(1)).await;
    let (db, accounts) = world.other();
    let records = world.store.restart();
    let page = records.list(s3orm::store::ListObjects {
        prefix: "_s3orm/tx/".to_owned(),
        ..Default::default()
    });
    let key = page.await.unwrap().objects[0].key.clone();
    let committed = &key[key.len() - 37..key.len() - 5];
    for tx in [committed, "00000000000000000000000000000000"] {
        let body = format!(
            r#"{{"_m":{{"v":"x","tx":"{tx}","op":"put","was":"row","new":{{"owner":"cat","balance":9}}}},"owner":"cat","balance":100}}"#
        );
        world.put("accounts/cat.json", body).await;
        assert_eq!(
            accounts.get("cat").await.unwrap(),
            Some(account("cat", 100))
        );
        accounts
            .update("cat", |row| row.balance += 1)
            .await
            .unwrap();
        assert_eq!(
            accounts.get("cat").await.unwrap(),
            Some(account("cat", 101))
        );
    }
    world
        .put(
            "accounts/cat.json",
            r#"{"_m":{"v":"x","tx":"../x","op":"check"}}"#.to_owned(),
        )
        .await;
    assert_eq!(
        accounts.get("cat").await.unwrap_err().kind(),
        ErrorKind::Decode
    );
    db.sweep().await.unwrap();
}

/// A store that is known to ignore conditions carries no transactions; one that deletes without them
/// carries them.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_doctor_found_is_heeded() {
    for (quirk, carries) in [
        (Quirk::IgnoresIfMatch, false),
        (Quirk::RefusesDeleteIfMatch, true),
    ] {
        let server = TestServer::over(Arc::new(OddStore::new(quirk))).await;
        let db = connect::db(&server.endpoint()).await;
        let doctor = db.doctor().rounds(4).contenders(8).increments(20);
        doctor.await.unwrap();
        server.reset();
        let written = db.table::<Account>().insert(account("ann", 1)).await;
        let paid = pay(&db, "ann", "bob", 1).await.unwrap_err();
        if carries {
            written.unwrap();
            assert_eq!(paid.kind(), ErrorKind::NotFound);
            continue;
        }
        for error in [written.unwrap_err(), paid] {
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.to_string().contains("`replace-if-match`"), "{error}");
        }
        assert_eq!(server.requests().len(), 1, "it is asked once");
    }
}

#[tokio::test(start_paused = true)]
async fn a_row_is_moved_in_one_instant() {
    let world = World::begin().await;
    let insert = world
        .accounts
        .insert(account("dan", 5))
        .metadata("colour", "red");
    insert.await.unwrap();
    let moved = world
        .accounts
        .rekey("dan", |row| row.owner = "eve".to_owned());
    let moved = moved.await.unwrap();
    assert_eq!(moved.key(), "accounts/eve.json");
    assert_eq!(moved.metadata()["colour"], "red");
    let mut moved = moved;
    moved.balance = 6;
    let saved = world.accounts.save(moved).await.unwrap();
    assert_eq!(saved.metadata()["colour"], "red");
    assert!(!world.accounts.exists("dan").await.unwrap());

    let error = world
        .accounts
        .rekey("eve", |row| row.owner = "ann".to_owned())
        .await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::AlreadyExists);
    let error = world
        .accounts
        .rekey("dan", |row| row.owner = "fay".to_owned())
        .await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::NotFound);
    let error = world.accounts.rekey("eve", |_| {}).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidKey);
    assert_eq!(world.accounts.count().await.unwrap(), 4);

    for n in 1..=9 {
        let world = World::begin().await;
        world.store.fail_nth(n, any(), Fault::CrashAfter);
        let _ = world
            .accounts
            .rekey("ann", |row| row.owner = "zoe".to_owned())
            .await;
        let (_, accounts) = world.other();
        let now = balances(&accounts).await;
        assert_eq!(now.len(), 3, "cut off at {n}");
        assert_eq!(
            now.contains_key("ann"),
            !now.contains_key("zoe"),
            "cut off at {n}"
        );
    }
}

/// Tombstones go after an hour, not before, and only tombstones.
#[tokio::test(start_paused = true)]
async fn what_was_deleted_is_vacuumed() {
    let world = World::begin().await;
    world.accounts.delete("ann").await.unwrap();
    world.pass(Duration::from_mins(50)).await;
    world.accounts.delete("bob").await.unwrap();
    assert_eq!(world.accounts.vacuum().await.unwrap(), 0);
    world.pass(Duration::from_mins(11)).await;
    assert_eq!(world.accounts.vacuum().await.unwrap(), 1);
    world.pass(Duration::from_hours(2)).await;
    assert_eq!(world.accounts.vacuum().await.unwrap(), 1);
    assert_eq!(world.accounts.vacuum().await.unwrap(), 0);
    assert_eq!(balances(&world.accounts).await.len(), 1);
    world.accounts.insert(account("ann", 1)).await.unwrap();
}

/// What others put there is in nobody's way, whatever its size, and an answer that is lost ends nothing.
#[tokio::test(start_paused = true)]
async fn a_vacuum_passes_over_what_is_no_tombstone() {
    let world = World::begin().await;
    for key in ["accounts/zoe.json", "accounts/readme.txt"] {
        world.put(key, "of sixteen bytes".to_owned()).await;
    }
    for owner in ["ann", "bob"] {
        world.accounts.delete(owner).await.unwrap();
    }
    world.pass(Duration::from_mins(61)).await;
    world.store.fail_next(Call::Delete, Fault::RequestLost);
    assert_eq!(world.accounts.vacuum().await.unwrap(), 1);
    assert_eq!(world.accounts.vacuum().await.unwrap(), 1);
    assert_eq!(world.accounts.vacuum().await.unwrap(), 0);
}

/// One record that cannot be read, or of which nobody can tell, keeps no other from being collected.
#[tokio::test(start_paused = true)]
async fn a_sweep_goes_on_after_what_fails() {
    let world = World::begin().await;
    for (from, to) in [("ann", "bob"), ("bob", "cat"), ("cat", "ann")] {
        pay(&world.db, from, to, 1).await.unwrap();
    }
    let broken = format!("_s3orm/tx/00/{}.json", "0".repeat(32));
    world.put(&broken, "?".to_owned()).await;
    world.pass(Duration::from_mins(61)).await;
    world.store.fail_next(Call::Delete, Fault::RequestLost);
    let swept = world.db.sweep().await.unwrap();
    assert_eq!((swept.collected, swept.left), (2, 2), "{swept:?}");
    assert_eq!(swept.failed.len(), 1);
    assert_eq!(swept.failed[0].0, broken);
    let swept = world.db.sweep().await.unwrap();
    assert_eq!((swept.collected, swept.left), (1, 1), "{swept:?}");
}

/// All accounts at one instant.
async fn total(db: &Db, count: u64) -> Result<i64> {
    let accounts = &db.table::<Account>();
    db.snapshot(|at| async move {
        let mut sum = 0;
        for number in 0..count {
            let account = at.get(accounts, format!("{number:02}")).await?;
            sum += account.map_or(0, |account| account.balance);
        }
        Ok(sum)
    })
    .await
}

/// 64 clients over HTTP: the sum is the same in every snapshot.
#[tokio::test]
async fn the_sum_is_the_same_in_every_snapshot() {
    const ACCOUNTS: u64 = 24;
    let server = TestServer::memory().await;
    let db = connect::builder(&server.endpoint())
        .timeout(Duration::from_mins(1))
        .connect()
        .await
        .unwrap();
    let accounts = db.table::<Account>();
    let name = |number: u64| format!("{number:02}");
    let rows = (0..ACCOUNTS).map(|number| account(&name(number), 100));
    accounts.insert_many(rows).await.into_result().unwrap();
    let mut clients = JoinSet::new();
    for client in 0..64 {
        let db = db.clone();
        clients.spawn(async move {
            let env = Env::seeded(client);
            let draw = || name(u64::from(env.random_bytes::<1>()[0]) % ACCOUNTS);
            for _ in 0..4 {
                let (from, to) = (draw(), draw());
                if from == to {
                    continue;
                }
                match pay(&db, &from, &to, 7).await {
                    Ok(()) => {}
                    Err(error) => {
                        let kind = error.kind();
                        assert!(
                            matches!(kind, ErrorKind::Cancelled | ErrorKind::Conflict),
                            "{error:?}"
                        );
                    }
                }
            }
        });
    }
    let auditor = async {
        let mut snapshots = 0;
        while !clients.is_empty() {
            match total(&db, ACCOUNTS).await {
                Ok(sum) => assert_eq!(sum, 2400),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
            }
            snapshots += 1;
            while let Some(client) = clients.try_join_next() {
                client.unwrap();
            }
        }
        snapshots
    };
    assert!(auditor.await > 0);
    assert_eq!(total(&db, ACCOUNTS).await.unwrap(), 2400);
    db.settle().await.unwrap();
    assert_eq!(balances(&accounts).await.values().sum::<i64>(), 2400);
}

/// A write whose answer was lost is known by what replaced it. A transaction writes its rows twice, and
/// that must count as once: what it sets and clears is not what replaced the row.
#[tokio::test(start_paused = true)]
async fn a_transaction_does_not_hide_what_was_written_before_it() {
    for changes in [false, true] {
        let world = World::begin().await;
        world.store.fail_next(Call::Put, Fault::AnswerLost);
        let slow = Fault::Latency(Duration::from_secs(2));
        world.store.fail_next(Call::Head, slow);
        let other = async {
            world.pass(Duration::from_secs(1)).await;
            let (db, accounts) = world.other();
            let accounts = &accounts;
            let done = db.transaction(|tx| async move {
                if changes {
                    tx.write(accounts.patch("ann").increment(BALANCE, 10))?;
                } else {
                    tx.check(accounts, "ann", BALANCE.eq(101))?;
                }
                tx.write(accounts.patch("bob").increment(BALANCE, 1))
            });
            done.settled().await.unwrap();
        };
        let own = async { world.accounts.patch("ann").increment(BALANCE, 1).await };
        let (told, ()) = tokio::join!(own, other);
        let told = told.map(|row| row.balance).map_err(|error| error.kind());
        assert_eq!(told, Ok(101), "the other changes it: {changes}");
        let (_, accounts) = world.other();
        let ann = accounts.get("ann").await.unwrap().unwrap();
        assert_eq!(ann.balance, 101 + 10 * i64::from(changes));
    }
}

/// A row is read as what the transaction did so far leaves it: also one that was not there.
#[tokio::test]
async fn a_row_that_is_new_is_read() {
    let world = World::begin().await;
    let (db, accounts) = (&world.db, &world.accounts);
    let done = db.transaction(async |tx| {
        assert_eq!(tx.get(accounts, "eve").await?, None);
        tx.write(accounts.insert(account("eve", 5)))?;
        assert_eq!(tx.get(accounts, "eve").await?, Some(account("eve", 5)));
        let unread = tx.read(accounts, "eve").await.unwrap_err();
        assert_eq!(unread.kind(), ErrorKind::Unsupported);
        tx.write(accounts.update("eve", |account: &mut Account| account.balance += 1))?;
        assert_eq!(tx.get(accounts, "eve").await?, Some(account("eve", 6)));
        tx.write(accounts.delete("eve"))?;
        assert_eq!(tx.get(accounts, "eve").await?, None);
        tx.write(accounts.put(account("eve", 7)))
    });
    done.await.unwrap();
    assert_eq!(accounts.get("eve").await.unwrap(), Some(account("eve", 7)));
}
