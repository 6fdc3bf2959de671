//! What is done after the decision, and what is done again after a defeat.

use super::*;

/// A transaction whose client ends when it has committed.
async fn cut_off(world: &World) {
    let store = world.store.restart();
    store.fail_nth(2, records(), Fault::CrashAfter);
    pay(&store.db(), "ann", "bob", 30).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn rows_that_two_finish_at_once_are_no_failure() {
    let world = World::begin().await;
    cut_off(&world).await;
    let slow = Fault::Latency(Duration::from_secs(1));
    let [one, two] = [(); 2].map(|()| {
        let store = world.store.restart();
        store.fail_all(Call::Put.under("accounts/"), slow);
        store.db()
    });
    let (one, two) = futures_util::join!(one.settle(), two.settle());
    for report in [one.unwrap(), two.unwrap()] {
        assert_eq!((report.finished, report.failed.len()), (2, 0), "{report:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn rows_that_cannot_be_finished_are_told_of() {
    let world = World::begin().await;
    cut_off(&world).await;
    let denied = world.store.restart();
    denied.fail_all(Call::Put.under("accounts/"), Fault::Status(403));
    let error = denied.db().settle().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    assert_eq!(error.key(), Some("accounts/ann.json"));
    assert_eq!(world.other().0.settle().await.unwrap().finished, 2);
}

#[tokio::test]
async fn a_transaction_of_nothing_costs_nothing() {
    let world = World::begin().await;
    let before = world.store.requests().len();
    world.db.transaction(|_| async { Ok(()) }).await.unwrap();
    assert_eq!(world.store.requests().len(), before);
}

/// Two rows are locked at once; after three defeats one after the other, so that two who want the same
/// rows do not defeat each other for ever.
#[tokio::test(start_paused = true)]
async fn after_three_defeats_rows_are_locked_in_turn() {
    for (defeats, rounds) in [(2, 3), (3, 4)] {
        let world = World::begin().await;
        let (accounts, other) = (&world.accounts, &world.other().1);
        let runs = &Mutex::new((0, tokio::time::Instant::now()));
        let second = Fault::Latency(Duration::from_secs(1));
        world.store.fail_all(any(), second);
        let paid = world.db.transaction(|tx| async move {
            let ann = tx.get(accounts, "ann").await?.unwrap();
            let bob = tx.get(accounts, "bob").await?.unwrap();
            let run = {
                let mut runs = runs.lock().unwrap();
                *runs = (runs.0 + 1, tokio::time::Instant::now());
                runs.0
            };
            if run <= defeats {
                other.update("ann", |row| row.balance += 1).await?;
            }
            tx.write(accounts.put(account("ann", ann.balance - 1)))?;
            tx.write(accounts.put(account("bob", bob.balance + 1)))
        });
        paid.await.unwrap();
        let (run, began) = *runs.lock().unwrap();
        assert_eq!(run, defeats + 1);
        assert_eq!(began.elapsed(), Duration::from_secs(rounds));
    }
}
