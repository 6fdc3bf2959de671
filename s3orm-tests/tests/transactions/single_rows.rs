//! Transactions of one row, which are a write on the version that was read, and of none.

use super::*;

fn puts() -> Matcher {
    Call::Put.under("accounts/ann")
}

/// One row, which is not read before.
async fn earn(db: &Db, amount: i64) -> Result<()> {
    let accounts = &db.table::<Account>();
    db.transaction(|tx| async move { tx.write(accounts.patch("ann").increment(BALANCE, amount)) })
        .await
}

#[tokio::test(start_paused = true)]
async fn who_was_slower_goes_on_from_what_is_there() {
    let world = World::begin().await;
    let before = world.store.count(puts());
    world
        .store
        .fail_nth(1, puts(), Fault::Latency(Duration::from_secs(2)));
    let (_, other) = world.other();
    let faster = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        other.update("ann", |row| row.balance += 1000).await
    };
    let (earned, faster) = futures_util::join!(earn(&world.db, 1), faster);
    earned.unwrap();
    faster.unwrap();
    assert_eq!(balances(&other).await["ann"], 1101);
    assert_eq!(world.store.count(puts()) - before, 2);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_sent_twice_on_the_way_counts_once() {
    let world = World::begin().await;
    world.store.fail_nth(1, puts(), Fault::Duplicate);
    earn(&world.db, 1).await.unwrap();
    assert_eq!(balances(&world.accounts).await["ann"], 101);
}

#[tokio::test(start_paused = true)]
async fn refusals_are_told() {
    let world = World::begin().await;
    let before = world.store.count(puts());
    world.store.fail_all(puts(), Fault::Status(403));
    let error = earn(&world.db, 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    assert_eq!(world.store.count(puts()) - before, 1);

    // Each attempt is four requests, as often as a row is tried at all.
    let world = World::begin().await;
    let before = world.store.count(puts());
    world.store.fail_all(puts(), Fault::Conflict);
    let error = earn(&world.db, 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    let attempts = (world.store.count(puts()) - before) / 4;
    assert!((100..=101).contains(&attempts), "{attempts}");
    world.store.clear();
    assert_eq!(balances(&world.accounts).await["ann"], 100);
}

#[tokio::test(start_paused = true)]
async fn what_is_only_read_writes_nothing() {
    let world = World::begin().await;
    let before = world.store.count(Call::Put);
    let accounts = &world.accounts;
    let sum = world.db.transaction(|tx| async move {
        let ann = tx.get(accounts, "ann").await?;
        let bob = tx.get(accounts, "bob").await?;
        Ok(sum(ann, bob))
    });
    assert_eq!(sum.await.unwrap(), 200);
    assert_eq!(world.store.count(Call::Put), before);
}

/// Of a row that was never there nothing is left behind.
#[tokio::test(start_paused = true)]
async fn what_is_not_there_needs_no_tombstone() {
    let world = World::begin().await;
    let accounts = &world.accounts;
    let deleted = world
        .db
        .transaction(|tx| async move { tx.write(accounts.delete("nobody")) });
    deleted.await.unwrap();
    let keys = s3orm_tests::server::keys(&world.store, "accounts/").await;
    assert_eq!(keys.len(), 3, "{keys:?}");
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "texts", path = "<id>", transactional)]
struct Text {
    id: u64,
    text: String,
}

#[tokio::test(start_paused = true)]
async fn four_mebibytes_are_written_at_most() {
    let world = World::begin().await;
    let texts = &world.db.table::<Text>();
    for (bytes, fits) in [(2_097_000, true), (2_097_200, false)] {
        let text = |id| Text {
            id,
            text: "x".repeat(bytes),
        };
        let written = world.db.transaction(|tx| async move {
            tx.write(texts.put(text(1)))?;
            tx.write(texts.put(text(2)))
        });
        match written.await {
            Ok(()) => assert!(fits),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
                assert!(!fits);
            }
        }
    }
    assert_eq!(texts.get(1).await.unwrap().unwrap().text.len(), 2_097_000);
}
