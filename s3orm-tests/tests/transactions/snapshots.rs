//! Snapshots that others are in the way of.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

/// Reads two rows, of which another client changes one each time, so many times; how often it ran.
async fn read_amid(world: &World, changes: u64) -> (Result<i64>, u64) {
    let runs = &AtomicU64::new(0);
    let (accounts, other) = (&world.accounts, &world.other().1);
    let sum = world.db.snapshot(|tx| async move {
        let ann = tx.get(accounts, "ann").await?;
        let bob = tx.get(accounts, "bob").await?;
        if runs.fetch_add(1, Ordering::Relaxed) < changes {
            other.update("ann", |row| row.balance += 1).await?;
        }
        Ok(sum(ann, bob))
    });
    (sum.await, runs.load(Ordering::Relaxed))
}

#[tokio::test(start_paused = true)]
async fn rows_that_change_again_and_again_are_locked() {
    let world = World::begin().await;
    let (sum, runs) = read_amid(&world, 4).await;
    assert_eq!((sum.unwrap(), runs), (204, 5));
    assert_eq!(world.store.count(records()), 0, "nobody was waited for");

    let (sum, runs) = read_amid(&world, 5).await;
    assert_eq!((sum.unwrap(), runs), (209, 6));
    assert_eq!(world.store.count(records()), 2, "begun and decided");
}

#[tokio::test(start_paused = true)]
async fn who_may_not_lock_is_told_so() {
    let world = World::begin().await;
    world.store.fail_all(records(), Fault::Status(403));
    let (sum, _) = read_amid(&world, 5).await;
    assert_eq!(sum.unwrap_err().kind(), ErrorKind::Denied);

    // It has written nothing that counts, so nothing is unknown.
    let world = World::begin().await;
    world.store.fail_all(records(), Fault::RequestLost);
    let (sum, _) = read_amid(&world, 5).await;
    assert_eq!(sum.unwrap_err().kind(), ErrorKind::Unavailable);
    let world = World::begin().await;
    world.store.fail_nth(2, records(), Fault::CrashBefore);
    let (sum, _) = read_amid(&world, 5).await;
    assert_eq!(sum.unwrap_err().kind(), ErrorKind::Unavailable);
}

/// What it read at first may be collected by then.
#[tokio::test(start_paused = true)]
async fn rows_that_were_read_more_than_five_minutes_ago_are_read_again() {
    let world = World::begin().await;
    let runs = &AtomicU64::new(0);
    let accounts = &world.accounts;
    let sum = world.db.snapshot(|tx| async move {
        let ann = tx.get(accounts, "ann").await?;
        if runs.fetch_add(1, Ordering::Relaxed) == 0 {
            tokio::time::sleep(Duration::from_mins(6)).await;
        }
        let bob = tx.get(accounts, "bob").await?;
        Ok(sum(ann, bob))
    });
    assert_eq!(sum.await.unwrap(), 200);
    assert_eq!(runs.load(Ordering::Relaxed), 2);
}
