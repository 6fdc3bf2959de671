//! The job, up and down, with its client ended before and after each of its requests, also of those that
//! it makes because something went wrong; whoever comes next finishes it or turns it round, and rewrites no
//! row twice.
#![allow(clippy::print_stderr, reason = "the number of points is a figure")]

use std::collections::BTreeMap;
use std::time::Duration;

use s3orm::migrate::Migrated;
use s3orm::testing::{Call, Fault, FaultStore, Request, any};
use s3orm::{Db, ErrorKind, Result};

use crate::{Both, PersonV1, both, v1};

const ROWS: u64 = 3;
/// The versions to which rows are brought.
const WAYS: [u32; 2] = [2, 1];

/// What goes wrong besides, at the first write after the table is there.
const TROUBLES: [Option<Fault>; 6] = [
    None,
    Some(Fault::AnswerLost),
    Some(Fault::RequestLost),
    Some(Fault::NeverSent),
    Some(Fault::Conflict),
    Some(Fault::Status(500)),
];

async fn prepared(to: u32, trouble: Option<Fault>) -> FaultStore {
    let store = FaultStore::memory();
    let db = store.restart().db();
    for id in 0..ROWS {
        let put = match to {
            2 => db.table().put(v1(id)).await.map(drop),
            _ => db.table().put(both(id)).await.map(drop),
        };
        put.expect("nothing goes wrong yet");
    }
    let mut trouble = trouble;
    store.fail_when(move |request| trouble.take_if(|_| request.call == Call::Put));
    store
}

async fn job(db: Db, to: u32) -> Result<Migrated> {
    let people = db.table::<Both>();
    let job = people.migrate().alone().lease(Duration::from_secs(1));
    if to == 1 {
        return job.down_to(1).await;
    }
    job.await
}

/// All rows are as they should be, and of this version.
async fn check(store: &FaultStore, to: u32, context: &str) {
    let db = store.restart().db();
    for id in 0..ROWS {
        let row = db.table::<Both>().get(id).await.expect(context);
        assert_eq!(row, Some(both(id)), "{context}");
        // An old program reads no newer row.
        let old = db.table::<PersonV1>().get(id).await.ok();
        assert_eq!(old, (to == 1).then(|| Some(v1(id))), "{context}");
    }
    let schema = db.table::<Both>().schema().await.expect(context);
    let schema = schema.expect("it is described");
    let versions = (schema.version, schema.oldest, schema.newest);
    assert_eq!(versions, (to, None, None), "{context}");
}

/// How often each row was rewritten, as far as the client of these requests applied it.
fn rewrites(requests: &[Request], all: &mut BTreeMap<String, u32>) {
    for one in requests {
        let is_row = one.call == Call::Put && one.key.contains("people/");
        // Nobody else writes: what arrives is applied.
        let applied = match one.fault {
            None => one.outcome == Some(Ok(())),
            Some(fault) => matches!(fault, Fault::AnswerLost | Fault::CrashAfter),
        };
        if is_row && applied {
            *all.entry(one.key.clone()).or_default() += 1;
        }
    }
}

async fn crash(to: u32, trouble: Option<Fault>, n: usize, fault: Fault) -> bool {
    let context = format!("to {to}, {trouble:?}, {fault:?} at request {n}");
    let store = prepared(to, trouble).await;
    // Before the trouble, if it is the same request.
    store.fail_nth(n, any(), fault);
    let ended = job(store.db(), to).await;
    let requests = store.requests();
    if requests.len() < n {
        return false;
    }
    let mut all = BTreeMap::new();
    rewrites(&requests, &mut all);
    if let Ok(migrated) = &ended {
        assert!(
            !migrated.complete || requests.len() == n,
            "{context}: {migrated:?}"
        );
    }

    let next = store.restart();
    let migrated = job(next.db(), to).await.expect(&context);
    assert!(
        migrated.complete && migrated.failed.is_empty(),
        "{context}: {migrated:?}"
    );
    rewrites(&next.requests(), &mut all);
    assert!(all.values().all(|times| *times == 1), "{context}: {all:?}");
    check(&next, to, &context).await;
    true
}

/// A job that was cut off is turned round, and later begun once more.
async fn turn(to: u32, n: usize, fault: Fault) {
    let context = format!("to {to}, {fault:?} at request {n}");
    let first = prepared(to, None).await;
    first.fail_nth(n, any(), fault);
    let _cut_off = job(first.db(), to).await;
    let mut done = BTreeMap::new();
    rewrites(&first.requests(), &mut done);

    let back = first.restart();
    let migrated = job(back.db(), 3 - to).await.expect(&context);
    assert!(migrated.complete, "{context}: {migrated:?}");
    let mut undone = BTreeMap::new();
    rewrites(&back.requests(), &mut undone);
    assert_eq!(undone, done, "{context}: what was rewritten, and no more");
    check(&back, 3 - to, &context).await;

    let again = back.restart();
    let migrated = job(again.db(), to).await.expect(&context);
    let counted = (migrated.complete, migrated.rewritten);
    assert_eq!(counted, (true, ROWS), "{context}: {migrated:?}");
    let mut all = BTreeMap::new();
    rewrites(&again.requests(), &mut all);
    assert!(all.values().all(|times| *times == 1), "{context}: {all:?}");
    check(&again, to, &context).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_after_a_crash_turns_it_round() {
    let mut points = 0;
    for to in WAYS {
        let store = prepared(to, None).await;
        let migrated = job(store.db(), to).await.expect("nothing goes wrong");
        assert!(migrated.complete, "{migrated:?}");
        for n in 1..=store.count(any()) {
            for fault in [Fault::CrashBefore, Fault::CrashAfter] {
                turn(to, n, fault).await;
                points += 1;
            }
        }
    }
    eprintln!("{points} points");
    assert!(points > 60);
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_after_a_crash_finishes_it() {
    let mut points = 0;
    let ways = WAYS
        .into_iter()
        .flat_map(|to| TROUBLES.map(|trouble| (to, trouble)));
    for (to, trouble) in ways {
        let store = prepared(to, trouble).await;
        let migrated = job(store.db(), to).await;
        assert!(
            migrated.is_ok_and(|migrated| migrated.complete),
            "to {to}, {trouble:?}"
        );
        let requests = store.count(any());
        for n in 1..=requests {
            for fault in [Fault::CrashBefore, Fault::CrashAfter] {
                assert!(crash(to, trouble, n, fault).await);
                points += 1;
            }
        }
    }
    eprintln!("{points} points");
    assert!(points > 300);
}

/// A client that reads and writes while each request of the job fails in turn.
#[tokio::test(start_paused = true)]
async fn faults_leave_nothing_half_done() {
    let faults = [
        Fault::AnswerLost,
        Fault::RequestLost,
        Fault::Duplicate,
        Fault::SlowDown,
    ];
    for (to, fault) in WAYS
        .into_iter()
        .flat_map(|to| faults.map(|fault| (to, fault)))
    {
        for n in 1..40 {
            let store = prepared(to, None).await;
            store.fail_nth(n, any(), fault);
            let context = format!("to {to}, {fault:?} at request {n}");
            match job(store.db(), to).await {
                Ok(migrated) => assert!(migrated.complete, "{context}: {migrated:?}"),
                Err(error) => {
                    let kind = error.kind();
                    let may = matches!(
                        kind,
                        ErrorKind::Unavailable | ErrorKind::Throttled | ErrorKind::Conflict
                    );
                    assert!(may, "{context}: {error}");
                    let again = job(store.restart().db(), to).await.expect(&context);
                    assert!(again.complete, "{context}: {again:?}");
                }
            }
            check(&store, to, &context).await;
        }
    }
}
