//! How a transaction is decided where its answers are lost or refused, and what others wait for.

use super::*;

impl World {
    /// All writes of records but the first `passed` have this fault.
    fn fail_decisions(&self, passed: usize, fault: Fault) {
        let mut seen = 0;
        self.store.fail_when(move |request| {
            let is_one = request.call == Call::Put && request.key.starts_with("_s3orm/tx/");
            seen += usize::from(is_one);
            (is_one && seen > passed).then_some(fault)
        });
    }
}

#[tokio::test(start_paused = true)]
async fn a_decision_that_is_lost_is_sent_eight_times() {
    let world = World::begin().await;
    world.fail_decisions(1, Fault::RequestLost);
    let error = pay(&world.db, "ann", "bob", 30).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");
    assert_eq!(world.store.count(records()), 1 + 8);
    // Nobody has heard of it: who waits aborts it.
    let (_, accounts) = world.other();
    accounts
        .update("ann", |row| row.balance += 1)
        .await
        .unwrap();
    assert_eq!(balances(&accounts).await["ann"], 101);
}

/// Its entries and claims may be taken for dead by then.
#[tokio::test(start_paused = true)]
async fn nothing_is_decided_after_five_minutes() {
    let world = World::begin().await;
    world.fail_decisions(1, Fault::RequestLost);
    let looks = Fault::Latency(Duration::from_mins(3));
    world.store.fail_all(Call::Get.under("_s3orm/tx/"), looks);
    let error = pay(&world.db, "ann", "bob", 30).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");
    assert_eq!(world.store.count(records()), 1 + 2);
}

#[tokio::test(start_paused = true)]
async fn a_decision_that_is_refused_is_told_unless_one_was_lost_before() {
    let world = World::begin().await;
    world.fail_decisions(1, Fault::Status(403));
    let error = pay(&world.db, "ann", "bob", 30).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    let (_, accounts) = world.other();
    assert_eq!(balances(&accounts).await["ann"], 100);

    // The one that was lost may be applied yet.
    let world = World::begin().await;
    world.store.fail_nth(2, records(), Fault::RequestLost);
    world.fail_decisions(1, Fault::Status(403));
    let error = pay(&world.db, "ann", "bob", 30).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_record_is_json_and_of_a_megabyte_at_most() {
    let world = World::begin().await;
    world.store.fail_nth(2, records(), Fault::CrashBefore);
    pay(&world.db, "ann", "bob", 30).await.unwrap_err();
    let other = world.store.restart();
    let records = s3orm::store::ListObjects {
        prefix: "_s3orm/tx/".to_owned(),
        ..Default::default()
    };
    let key = other.list(records).await.unwrap().objects[0].key.clone();
    let meta = other.head(&key).await.unwrap();
    assert_eq!(meta.content_type.as_deref(), Some("application/json"));

    let record = world.object(&key).await.to_string();
    world
        .put(&key, format!("{record}{}", " ".repeat(1024 * 1024)))
        .await;
    let (_, accounts) = world.other();
    let error = accounts.get("ann").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
    world.put(&key, record).await;
    assert_eq!(accounts.get("ann").await.unwrap().unwrap().balance, 100);
}

#[tokio::test(start_paused = true)]
async fn a_row_that_is_too_large_is_refused_before_it_is_read() {
    let world = World::begin().await;
    let large = format!(
        r#"{{"owner":"ann","balance":1{}}}"#,
        " ".repeat(100_000_000)
    );
    world.put("accounts/ann.json", large).await;
    let error = world.accounts.get("ann").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
}

/// Who waits for one transaction, and then for another, waits as long for the second.
#[tokio::test(start_paused = true)]
async fn each_transaction_has_its_whole_lease() {
    let world = World::begin().await;
    let slow = || {
        let store = world.store.restart();
        store.fail_nth(2, records(), Fault::Latency(Duration::from_secs(7)));
        store
    };
    let (first, late) = (slow().db(), slow());
    let second = late.db();
    let (_, accounts) = world.other();
    let began = tokio::time::Instant::now();
    let one = pay(&first, "ann", "bob", 1);
    let two = async {
        tokio::time::sleep(Duration::from_millis(6990)).await;
        pay(&second, "ann", "cat", 1).await
    };
    let waits = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        accounts.update("ann", |row| row.balance += 1000).await
    };
    let (one, two, waited) = futures_util::join!(one, two, waits);
    one.unwrap();
    two.unwrap();
    waited.unwrap();
    assert_eq!(late.count(records()), 2, "nobody has aborted it");
    assert!(
        began.elapsed() > Duration::from_secs(13),
        "it waited for both"
    );
    assert_eq!(balances(&accounts).await["ann"], 1098);
}

/// A lock that is denied ends it, whatever became of the other.
#[tokio::test(start_paused = true)]
async fn a_lock_that_is_denied_is_told() {
    let world = World::begin().await;
    let denied = || Call::Put.under("accounts/ann");
    world.store.fail_all(denied(), Fault::Status(403));
    let before = world.store.count(denied());
    let (accounts, other) = (&world.accounts, &world.other().1);
    let mut runs = 0;
    let moved = world.db.transaction(|tx| {
        runs += 1;
        async move {
            tx.get(accounts, "bob").await?;
            // The one lock is denied, and the other one finds another version.
            other.update("bob", |row| row.balance += 1).await?;
            tx.write(accounts.put(account("ann", 0)))?;
            tx.write(accounts.put(account("bob", 200)))
        }
    });
    let error = moved.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    assert_eq!((runs, world.store.count(denied()) - before), (1, 1));
}
