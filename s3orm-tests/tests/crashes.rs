//! Every operation, with its client ended before and after each of its requests, also of those that
//! it makes because something went wrong. Whoever comes next finds each row as it was or as it
//! should be, and can do the operation again.
#![allow(clippy::print_stderr, reason = "the number of points is a figure")]

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;

use s3orm::testing::{Call, Fault, FaultStore, Request, any};
use s3orm::{Db, ErrorKind, Result, Table};
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
