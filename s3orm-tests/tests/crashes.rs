//! Every operation, with its client ended before and after each of its requests, also of those that
//! it makes because something went wrong. Whoever comes next finds each row as it was or as it
//! should be, and can do the operation again.
#![allow(clippy::print_stderr, reason = "the number of points is a figure")]
#![allow(clippy::disallowed_methods, reason = "hours pass on a paused clock")]

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use s3orm::store::{ListObjects, Store as _};
use s3orm::testing::{Call, Fault, FaultStore, Request, any};
use s3orm::{Db, ErrorKind, Result, S3Schema as _, Table};
use s3orm_tests::sim::history::Account;
use s3orm_tests::tables::{Person, person};

type Ran = Pin<Box<dyn Future<Output = Result<()>>>>;

/// An operation on three rows, of which it may touch some.
struct Case {
    name: &'static str,
    run: fn(Table<Person>) -> Ran,
    /// The ages before and after it.
    before: Ages,
    after: Ages,
    /// What it says, and the ages, if it is done again after it was applied.
    again: (Option<ErrorKind>, Ages),
}

/// Of the rows 1 to 3.
type Ages = [Option<u32>; 3];

const NONE: Ages = [None; 3];
const OLD: Ages = [Some(30); 3];
const NEW: Ages = [Some(31); 3];
const ONE: Ages = [Some(31), None, None];
const FIRST: Ages = [Some(31), Some(30), Some(30)];
const WITHOUT: Ages = [None, Some(30), Some(30)];

fn new(id: u64) -> Person {
    Person {
        age: 31,
        ..person(id)
    }
}

fn key(id: u64) -> (&'static str, u64) {
    ("Oslo", id)
}

macro_rules! case {
    ($name:literal, $before:ident -> $after:ident, again $kind:expr, $again:expr, $run:expr) => {
        Case {
            name: $name,
            run: |people| {
                Box::pin(async move {
                    let run: fn(_) -> _ = $run;
                    run(people).await
                })
            },
            before: $before,
            after: $after,
            again: ($kind, $again),
        }
    };
}

#[rustfmt::skip]
fn cases() -> Vec<Case> {
    type People = Table<Person>;
    const TWICE: Ages = [Some(32), Some(30), Some(30)];
    const ALL_TWICE: Ages = [Some(32); 3];
    vec![
        case!("insert", NONE -> ONE, again Some(ErrorKind::AlreadyExists), ONE,
            |people: People| async move { people.insert(new(1)).await.map(drop) }),
        case!("insert or nothing", NONE -> ONE, again None, ONE,
            |people: People| async move { people.insert(new(1)).on_conflict_nothing().await.map(drop) }),
        case!("insert or replace", OLD -> FIRST, again None, FIRST,
            |people: People| async move { people.insert(new(1)).on_conflict_replace().await.map(drop) }),
        case!("put", OLD -> FIRST, again None, FIRST,
            |people: People| async move { people.put(new(1)).await.map(drop) }),
        case!("put of a new row", NONE -> ONE, again None, ONE,
            |people: People| async move { people.put(new(1)).await.map(drop) }),
        case!("put returning old", OLD -> FIRST, again None, FIRST,
            |people: People| async move { people.put(new(1)).returning_old().await.map(drop) }),
        case!("put returning none", NONE -> ONE, again None, ONE,
            |people: People| async move { people.put(new(1)).returning_old().await.map(drop) }),
        case!("read and save", OLD -> FIRST, again None, FIRST,
            |people: People| async move {
                let mut row = people.read(key(1)).await?.expect("a row");
                row.age = 31;
                people.save(row).await.map(drop)
            }),
        case!("update", OLD -> FIRST, again None, TWICE,
            |people: People| async move { people.update(key(1), |row| row.age += 1).await.map(drop) }),
        case!("delete", OLD -> WITHOUT, again None, WITHOUT,
            |people: People| async move { people.delete(key(1)).await }),
        case!("delete what must exist", OLD -> WITHOUT, again Some(ErrorKind::NotFound), WITHOUT,
            |people: People| async move { people.delete(key(1)).must_exist().await }),
        case!("delete returning old", OLD -> WITHOUT, again None, WITHOUT,
            |people: People| async move { people.delete(key(1)).returning_old().await.map(drop) }),
        case!("insert many", NONE -> NEW, again Some(ErrorKind::AlreadyExists), NEW,
            |people: People| async move { people.insert_many((1..4).map(new)).await.into_result().map(drop) }),
        case!("insert many or nothing", NONE -> NEW, again None, NEW,
            |people: People| async move {
                people.insert_many((1..4).map(new)).on_conflict_nothing().await.into_result().map(drop)
            }),
        case!("put many", OLD -> NEW, again None, NEW,
            |people: People| async move { people.put_many((1..4).map(new)).await.into_result().map(drop) }),
        case!("delete many", OLD -> NONE, again None, NONE,
            |people: People| async move { people.delete_many((1..4).map(key)).await.into_result().map(drop) }),
        case!("update all", OLD -> NEW, again None, ALL_TWICE,
            |people: People| async move { people.update_all(|row| row.age += 1).await?.into_result().map(drop) }),
        case!("delete all", OLD -> NONE, again None, NONE,
            |people: People| async move { people.delete_all().confirm("people").await?.into_result().map(drop) }),
    ]
}

fn is_write(call: Call) -> bool {
    matches!(call, Call::Put | Call::Delete | Call::DeleteMany)
}

/// What goes wrong besides, at the first write.
const TROUBLES: [Option<Fault>; 6] = [
    None,
    Some(Fault::AnswerLost),
    Some(Fault::RequestLost),
    Some(Fault::NeverSent),
    Some(Fault::Conflict),
    Some(Fault::Status(500)),
];

/// A store with the rows of before, and this trouble ahead.
async fn prepared(case: &Case, trouble: Option<Fault>) -> FaultStore {
    let store = FaultStore::memory();
    let people = store.restart().db().table::<Person>();
    for (id, age) in (1..).zip(case.before) {
        if let Some(age) = age {
            let row = Person { age, ..person(id) };
            people.put(row).await.expect("nothing goes wrong yet");
        }
    }
    let mut trouble = trouble;
    store.fail_when(move |request| trouble.take_if(|_| is_write(request.call)));
    store
}

async fn ages(db: &Db) -> Ages {
    let people = db.table::<Person>();
    let mut ages = NONE;
    for (id, age) in (1..).zip(&mut ages) {
        let row = people.get(key(id)).await;
        *age = row.expect("every row can be read").map(|row| row.age);
    }
    ages
}

/// The rows of which the store has applied a write, by the client's own requests.
fn applied(requests: &[Request]) -> BTreeSet<usize> {
    let is_applied = |one: &&Request| {
        let sent = matches!(
            one.fault,
            None | Some(Fault::AnswerLost | Fault::CrashAfter)
        );
        is_write(one.call) && sent && one.outcome.is_some()
    };
    let rows = |one: &Request| match one.call {
        Call::DeleteMany => vec![0, 1, 2],
        _ => (0..3)
            .filter(|row| one.key.ends_with(&format!("/{}.json", row + 1)))
            .collect(),
    };
    requests.iter().filter(is_applied).flat_map(rows).collect()
}

/// Ends the client at its `n`-th request; `false` if it makes no such request.
async fn crash(case: &Case, trouble: Option<Fault>, n: usize, fault: Fault) -> bool {
    let context = format!("{}, {trouble:?}, {fault:?} at request {n}", case.name);
    let store = prepared(case, trouble).await;
    // Before the trouble, if it is the same request.
    store.fail_nth(n, any(), fault);
    let outcome = (case.run)(store.db().table()).await;
    let requests = store.requests();
    if requests.len() < n {
        return false;
    }
    // A crash at the last read of a write that is known to be applied changes nothing any more.
    let error = outcome.expect_err(&context);
    assert!(
        matches!(
            error.kind(),
            ErrorKind::OutcomeUnknown | ErrorKind::Unavailable
        ),
        "{context}: {error:?}"
    );

    let applied = applied(&requests);
    let mut expected = case.before;
    for row in &applied {
        expected[*row] = case.after[*row];
    }
    let db = store.restart().db();
    assert_eq!(ages(&db).await, expected, "{context}: {requests:#?}");

    let again = (case.run)(db.table()).await.map_err(|error| error.kind());
    let (says, twice) = if applied.is_empty() {
        (None, case.after)
    } else {
        case.again
    };
    assert_eq!(again.err(), says, "{context}, and again");
    let mut expected = case.after;
    for row in applied {
        expected[row] = twice[row];
    }
    assert_eq!(ages(&db).await, expected, "{context}, and again");
    true
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_after_a_crash_finds_every_row_whole() {
    let mut points = 0;
    for case in cases() {
        for trouble in TROUBLES {
            let store = prepared(&case, trouble).await;
            // Also where it ends in an error: the requests until then are points, too.
            let _ = (case.run)(store.db().table()).await;
            let requests = store.count(any());
            assert!(requests > 0, "{}", case.name);
            for n in 1..=requests {
                for fault in [Fault::CrashBefore, Fault::CrashAfter] {
                    assert!(crash(&case, trouble, n, fault).await);
                    points += 1;
                }
            }
        }
    }
    eprintln!("{points} points");
    assert!(points > 500);
}

#[tokio::test(start_paused = true)]
async fn without_a_crash_every_operation_does_what_it_says() {
    for case in cases() {
        let store = prepared(&case, None).await;
        (case.run)(store.db().table()).await.expect(case.name);
        assert_eq!(ages(&store.db()).await, case.after, "{}", case.name);
    }
}

/// The test can fail: a client that takes an unknown outcome for a success.
#[tokio::test(start_paused = true)]
#[should_panic(expected = "careless put, None, CrashAfter at request 1")]
async fn a_careless_client_is_seen() {
    let case = case!("careless put", OLD -> FIRST, again None, FIRST,
    |people: Table<Person>| async move {
        let put = people.put(new(1)).await.map(drop);
        put.or_else(|error| match error.kind() {
            ErrorKind::OutcomeUnknown => Ok(()),
            _ => Err(error),
        })
    });
    crash(&case, None, 1, Fault::CrashAfter).await;
}

/// And an operation that can be left half done.
#[tokio::test(start_paused = true)]
#[should_panic(expected = "two writes, None, CrashBefore at request 2")]
async fn two_writes_that_should_be_one_are_seen() {
    let case = case!("two writes", NONE -> ONE, again None, ONE,
    |people: Table<Person>| async move {
        people.insert(person(1)).await?;
        people.put(new(1)).await.map(drop)
    });
    crash(&case, None, 2, Fault::CrashBefore).await;
}

/// Several rows at one instant, or what collects what they leave.
struct Deed {
    name: &'static str,
    run: fn(Db) -> Ran,
    before: Balances,
    after: Balances,
    /// Whether it may be done twice, by who does not know.
    once: bool,
    /// Whether crashes of others, and deleted rows, have left something before.
    litter: bool,
}

/// Of the rows 1 to 3.
type Balances = [Option<u64>; 3];

const FULL: Balances = [Some(100), Some(100), Some(100)];
const PAID: Balances = [Some(70), Some(130), Some(100)];

fn row(id: u64, balance: u64) -> Account {
    let (stamp, base, count) = (id, None, 0);
    Account {
        id,
        stamp,
        base,
        count,
        balance,
    }
}

async fn pay(db: &Db) -> Result<()> {
    let table = &db.table::<Account>();
    let balance = Account::COL.balance;
    db.transaction(|tx| async move {
        tx.write(table.patch(1).decrement(balance, 30_u64))?;
        tx.write(table.patch(2).increment(balance, 30_u64))
    })
    .await
}

macro_rules! deed {
    ($name:literal, $before:expr => $after:expr, $once:literal, $litter:literal, $run:expr) => {
        Deed {
            name: $name,
            run: |db| {
                Box::pin(async move {
                    let run: fn(_) -> _ = $run;
                    run(db).await
                })
            },
            before: $before,
            after: $after,
            once: $once,
            litter: $litter,
        }
    };
}

#[rustfmt::skip]
fn deeds() -> Vec<Deed> {
    const GONE: Balances = [None, Some(200), Some(100)];
    vec![
        deed!("two rows", FULL => PAID, false, false, |db: Db| async move { pay(&db).await }),
        deed!("two rows, and what others left", FULL => PAID, false, true, |db: Db| async move { pay(&db).await }),
        deed!("three rows, one checked", FULL => PAID, false, false, |db: Db| async move {
            let table = &db.table::<Account>();
            db.transaction(|tx| async move {
                let row = tx.get(table, 1).await?.expect("a row");
                tx.write(table.put(Account { balance: row.balance - 30, ..row }))?;
                tx.write(table.update(2, |row| row.balance += 30))?;
                tx.check(table, 3, Account::COL.balance.eq(100_u64))
            }).settled().await
        }),
        deed!("under a token", FULL => PAID, true, false, |db: Db| async move {
            let table = &db.table::<Account>();
            let done = db.transaction(|tx| async move {
                tx.write(table.update(1, |row| row.balance -= 30))?;
                tx.write(table.update(2, |row| row.balance += 30))
            });
            done.once("token", &30).await.map(drop)
        }),
        deed!("a row moves", [Some(100), None, Some(7)] => [None, Some(100), Some(7)], false, false, |db: Db| async move {
            db.table::<Account>().rekey(1, |row| row.id = 2).await.map(drop)
        }),
        deed!("one goes, one comes", [Some(100), None, None] => [None, None, Some(100)], false, true, |db: Db| async move {
            let table = &db.table::<Account>();
            db.transaction(|tx| async move {
                tx.write(table.delete(1).must_exist())?;
                tx.write(table.insert(row(3, 100)))
            }).await
        }),
        deed!("one goes, one gets it", FULL => GONE, false, false, |db: Db| async move {
            let table = &db.table::<Account>();
            db.transaction(|tx| async move {
                let gone = tx.get(table, 1).await?.expect("a row");
                tx.write(table.delete(1))?;
                tx.write(table.patch(2).increment(Account::COL.balance, gone.balance))
            }).await
        }),
        deed!("sweep", FULL => FULL, false, true, |db: Db| async move { db.sweep().await.map(drop) }),
        deed!("settle", FULL => FULL, false, true, |db: Db| async move { db.settle().await.map(drop) }),
        deed!("vacuum", FULL => FULL, false, true, |db: Db| async move { db.table::<Account>().vacuum().await.map(drop) }),
    ]
}

/// A store with the rows of before, and this trouble ahead.
async fn bank(deed: &Deed, trouble: Option<Fault>) -> FaultStore {
    let store = FaultStore::memory();
    let table = store.restart().db().table::<Account>();
    if deed.litter {
        for id in 1..5 {
            table
                .insert(row(id, 1))
                .await
                .expect("nothing goes wrong yet");
        }
        // One is committed, and its rows are left under it; the other never gets as far.
        for n in [6, 4] {
            let client = store.restart();
            client.fail_nth(n, any(), Fault::CrashAfter);
            let (db, ends) = (client.db(), [2 + u64::from(n == 4), 4]);
            let table = &db.table::<Account>();
            let done = db.transaction(|tx| async move {
                ends.iter().try_for_each(|id| tx.write(table.delete(*id)))
            });
            done.await.expect_err("the client has crashed");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
    for (id, balance) in (1..).zip(deed.before) {
        match balance {
            Some(balance) => table.put(row(id, balance)).await.map(drop),
            None => table.delete(id).await,
        }
        .expect("nothing goes wrong yet");
    }
    if deed.litter {
        tokio::time::sleep(Duration::from_mins(62)).await;
    }
    let mut trouble = trouble;
    store.fail_when(move |request| trouble.take_if(|_| is_write(request.call)));
    store
}

async fn balances(db: &Db) -> Balances {
    let table = db.table::<Account>();
    let mut balances = [None; 3];
    for (id, balance) in (1..).zip(&mut balances) {
        let row = table.get(id).await.expect("every row can be read");
        *balance = row.map(|row| row.balance);
    }
    balances
}

/// What a client leaves that ends at its `n`-th request, and what others make of it.
async fn cut_off(deed: &Deed, trouble: Option<Fault>, n: usize, fault: Fault) {
    let context = format!("{}, {trouble:?}, {fault:?} at request {n}", deed.name);
    let store = bank(deed, trouble).await;
    store.fail_nth(n, any(), fault);
    let told = (deed.run)(store.db()).await;
    // What goes on after the answer.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(store.count(any()) >= n, "{context}");

    let db = store.restart().db();
    let mut now = balances(&db).await;
    assert!(
        now == deed.before || now == deed.after,
        "{context}: {now:?}"
    );
    if told.is_ok() {
        assert_eq!(now, deed.after, "{context}, acknowledged");
    }
    if deed.once {
        (deed.run)(db.clone()).await.expect(&context);
        now = deed.after;
        assert_eq!(balances(&db).await, now, "{context}, and again");
    }
    let (table, began) = (db.table::<Account>(), tokio::time::Instant::now());
    for (id, balance) in (1..).zip(&mut now) {
        if let Some(balance) = balance {
            let updated = table.update(id, |row| row.balance += 1).await;
            updated.expect(&context);
            *balance += 1;
        }
    }
    assert!(
        began.elapsed() < Duration::from_secs(30),
        "{context}: {began:?}"
    );
    assert_eq!(balances(&db).await, now, "{context}, and others go on");

    // A token is remembered for a day; what a sweep leaves of deleted rows, for an hour.
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_hours(26)).await;
        db.sweep().await.expect(&context);
        table.vacuum().await.expect(&context);
    }
    tokio::time::sleep(Duration::from_mins(61)).await;
    table.vacuum().await.expect(&context);
    assert_eq!(balances(&db).await, now, "{context}, and all is collected");
    let rows = now.iter().flatten().count() + 1;
    let all = store.restart().list(ListObjects::default()).await;
    let all = all.expect("a store in memory lists").objects;
    // The clock is there, too.
    assert_eq!(all.len(), rows, "{context}: {all:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_after_a_crash_finds_a_transaction_done_or_not() {
    let mut points = 0;
    for deed in deeds() {
        for trouble in TROUBLES {
            let store = bank(&deed, trouble).await;
            let done = (deed.run)(store.db()).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            if trouble.is_none() {
                done.expect(deed.name);
                let now = balances(&store.restart().db()).await;
                assert_eq!(now, deed.after, "{}", deed.name);
            }
            for n in 1..=store.count(any()) {
                for fault in [Fault::CrashBefore, Fault::CrashAfter] {
                    cut_off(&deed, trouble, n, fault).await;
                    points += 1;
                }
            }
        }
    }
    eprintln!("{points} points");
    assert!(points > 500);
}

/// The test can fail: two writes that should be a transaction.
#[tokio::test(start_paused = true)]
#[should_panic(expected = "two rows without one, None, CrashBefore at request 3")]
async fn two_rows_without_a_transaction_are_seen() {
    let deed = deed!("two rows without one", FULL => PAID, false, false, |db: Db| async move {
        let table = db.table::<Account>();
        table.update(1, |row| row.balance -= 30).await?;
        table.update(2, |row| row.balance += 30).await.map(drop)
    });
    cut_off(&deed, None, 3, Fault::CrashBefore).await;
}
