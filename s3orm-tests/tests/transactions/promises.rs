//! What a transaction does, refuses and costs, when nothing fails.

use super::*;

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

    let kept = &Mutex::new(None);
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
