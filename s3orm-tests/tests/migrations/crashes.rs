//! The job with its client ended before and after each of its requests, also of those that it makes
//! because something went wrong; whoever comes next finishes it, and rewrites no row twice.
#![allow(clippy::print_stderr, reason = "the number of points is a figure")]

use std::collections::BTreeMap;
use std::time::Duration;

use s3orm::migrate::Migrated;
use s3orm::testing::{Call, Fault, FaultStore, Request, any};
use s3orm::{Db, ErrorKind, Result};

use crate::{PersonV1, PersonV2, v1, v2};

const ROWS: u64 = 3;

/// What goes wrong besides, at the first write after the table is there.
const TROUBLES: [Option<Fault>; 6] = [
    None,
    Some(Fault::AnswerLost),
    Some(Fault::RequestLost),
    Some(Fault::NeverSent),
    Some(Fault::Conflict),
    Some(Fault::Status(500)),
];

async fn prepared(trouble: Option<Fault>) -> FaultStore {
    let store = FaultStore::memory();
    let people = store.restart().db().table::<PersonV1>();
    for id in 0..ROWS {
        people.put(v1(id)).await.expect("nothing goes wrong yet");
    }
    let mut trouble = trouble;
    store.fail_when(move |request| trouble.take_if(|_| request.call == Call::Put));
    store
}

async fn job(db: Db) -> Result<Migrated> {
    let people = db.table::<PersonV2>();
    people.migrate().alone().lease(Duration::from_secs(1)).await
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

async fn crash(trouble: Option<Fault>, n: usize, fault: Fault) -> bool {
    let context = format!("{trouble:?}, {fault:?} at request {n}");
    let store = prepared(trouble).await;
    // Before the trouble, if it is the same request.
    store.fail_nth(n, any(), fault);
    let ended = job(store.db()).await;
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
    let migrated = job(next.db()).await.expect(&context);
    assert!(
        migrated.complete && migrated.failed.is_empty(),
        "{context}: {migrated:?}"
    );
    rewrites(&next.requests(), &mut all);
    assert!(all.values().all(|times| *times == 1), "{context}: {all:?}");
    let people = next.db().table::<PersonV2>();
    for id in 0..ROWS {
        assert_eq!(
            people.get(id).await.expect(&context),
            Some(v2(id)),
            "{context}"
        );
    }
    let schema = people
        .schema()
        .await
        .expect(&context)
        .expect("it is described");
    assert_eq!((schema.version, schema.oldest), (2, None), "{context}");
    true
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_after_a_crash_finishes_it() {
    let mut points = 0;
    for trouble in TROUBLES {
        let store = prepared(trouble).await;
        let migrated = job(store.db()).await;
        assert!(
            migrated.is_ok_and(|migrated| migrated.complete),
            "{trouble:?}"
        );
        let requests = store.count(any());
        for n in 1..=requests {
            for fault in [Fault::CrashBefore, Fault::CrashAfter] {
                assert!(crash(trouble, n, fault).await);
                points += 1;
            }
        }
    }
    eprintln!("{points} points");
    assert!(points > 150);
}

/// A client that reads and writes while each request of the job fails in turn.
#[tokio::test(start_paused = true)]
async fn faults_leave_nothing_half_done() {
    for fault in [
        Fault::AnswerLost,
        Fault::RequestLost,
        Fault::Duplicate,
        Fault::SlowDown,
    ] {
        for n in 1..40 {
            let store = prepared(None).await;
            store.fail_nth(n, any(), fault);
            let context = format!("{fault:?} at request {n}");
            match job(store.db()).await {
                Ok(migrated) => assert!(migrated.complete, "{context}: {migrated:?}"),
                Err(error) => {
                    let kind = error.kind();
                    let may = matches!(
                        kind,
                        ErrorKind::Unavailable | ErrorKind::Throttled | ErrorKind::Conflict
                    );
                    assert!(may, "{context}: {error}");
                    let again = job(store.restart().db()).await.expect(&context);
                    assert!(again.complete, "{context}: {again:?}");
                }
            }
            let people = store.restart().db().table::<PersonV2>();
            for id in 0..ROWS {
                assert_eq!(
                    people.get(id).await.expect(&context),
                    Some(v2(id)),
                    "{context}"
                );
            }
        }
    }
}
