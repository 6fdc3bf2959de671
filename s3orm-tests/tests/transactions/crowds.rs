//! Many clients at once, and tokens that they share.

use super::*;

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
        world.store.fail_nth(2, records(), crash);
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
