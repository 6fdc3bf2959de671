//! Crashes, lost answers, objects that others have put there, and stores that cannot do it.

use super::*;

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
    world.store.fail_nth(2, records(), Fault::CrashBefore);
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
    world.store.fail_nth(2, records(), Fault::CrashAfter);
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
