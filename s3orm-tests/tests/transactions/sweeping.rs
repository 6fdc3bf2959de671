//! What sweeps, settles and vacuums tell, and what they must leave.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_transaction_has_its_lease_before_it_is_settled() {
    let world = World::begin().await;
    let store = world.store.restart();
    store.fail_nth(2, records(), Fault::CrashBefore);
    pay(&store.db(), "ann", "bob", 30).await.unwrap_err();
    // Ten seconds, and two that S3's clock may be off; less what the crash took.
    world.pass(Duration::from_secs(9)).await;
    assert_eq!(world.db.settle().await.unwrap().left, 1);
    world.pass(Duration::from_secs(4)).await;
    assert_eq!(world.db.settle().await.unwrap().aborted, 1);
}

#[tokio::test(start_paused = true)]
async fn the_clock_is_read_though_its_answer_is_lost() {
    let world = World::begin().await;
    let clock = || Call::Put.under("_s3orm/clock");
    world.store.fail_next(clock(), Fault::AnswerLost);
    world.db.sweep().await.unwrap();
    assert_eq!(world.store.count(clock()), 1);
    let meta = world.store.head("_s3orm/clock").await.unwrap();
    assert_eq!(
        meta.content_type.as_deref(),
        Some("application/octet-stream")
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_denied_is_told() {
    let world = World::begin().await;
    pay(&world.db, "ann", "bob", 30).await.unwrap();
    world.accounts.delete("cat").await.unwrap();
    world.pass(Duration::from_mins(61)).await;
    let denied = |requests: Matcher| {
        let store = world.store.restart();
        store.fail_all(requests, Fault::Status(403));
        store.db()
    };
    let error = denied(Call::Delete.into()).sweep().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    for requests in [Call::Get.under("accounts/"), Call::Delete.into()] {
        let accounts = denied(requests).table::<Account>();
        let error = accounts.vacuum().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    }
    let begun = denied(records());
    let accounts = &begun.table::<Account>();
    let once = begun.transaction(|tx| async move { tx.write(accounts.put(account("ann", 0))) });
    let error = once.once("token", &7).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    assert_eq!(world.db.sweep().await.unwrap().collected, 1);
    assert_eq!(world.accounts.vacuum().await.unwrap(), 1);
}

/// The record of an attempt that was aborted leads to that of the next one: without it the token would
/// be unused.
#[tokio::test(start_paused = true)]
async fn an_attempt_of_a_token_stays_until_the_next_one_is_gone() {
    let world = World::begin().await;
    let earn = |db: Db| async move {
        let accounts = &db.table::<Account>();
        let earned = db.transaction(|tx| async move {
            tx.write(accounts.patch("ann").increment(BALANCE, 1))?;
            tx.write(accounts.patch("bob").increment(BALANCE, 1))
        });
        earned.once("token", &7).await.map(drop)
    };
    let store = world.store.restart();
    store.fail_nth(2, records(), Fault::CrashBefore);
    earn(store.db()).await.unwrap_err();
    world.pass(Duration::from_secs(13)).await;
    assert_eq!(world.db.settle().await.unwrap().aborted, 1);
    earn(world.db.clone()).await.unwrap();

    world.pass(Duration::from_hours(27)).await;
    let left = || async { s3orm_tests::server::keys(&world.store, "_s3orm/tx/").await };
    let keys = left().await;
    assert_eq!(keys.len(), 2);
    for key in keys {
        let record = world.object(&key).await;
        if record["state"] == "committed" {
            world
                .store
                .fail_all(Call::Delete.under(&*key), Fault::RequestLost);
        }
    }
    assert_eq!(world.db.sweep().await.unwrap().collected, 0);
    earn(world.db.clone()).await.unwrap();
    assert_eq!(balances(&world.accounts).await["ann"], 101, "it was used");
    world.store.clear();
    while !left().await.is_empty() {
        assert!(world.db.sweep().await.unwrap().collected > 0);
    }
}
