//! A write whose answer is lost ends in Applied, Conflict or Unknown, never in a false conflict.
//! A proxy between client and server loses requests and answers in every way that networks know.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // A test may.

use std::time::Duration;

use s3orm::{Db, ErrorKind, Table};
use s3orm_tests::connect;
use s3orm_tests::proxy::{Fault, Proxy, on};
use s3orm_tests::server::TestServer;
use s3orm_tests::tables::{Person, person};

/// A table behind a proxy, and the same table without it.
struct Lossy {
    server: TestServer,
    proxy: Proxy,
    people: Table<Person>,
    truth: Table<Person>,
}

impl Lossy {
    async fn new() -> Self {
        let server = TestServer::memory().await;
        let proxy = Proxy::in_front_of(server.local_addr()).await;
        let lossy: Db = connect::builder(&proxy.endpoint())
            .timeout(Duration::from_millis(400))
            .connect()
            .await
            .unwrap();
        let truth: Db = connect::db(&server.endpoint()).await;
        Self {
            people: lossy.table(),
            truth: truth.table(),
            server,
            proxy,
        }
    }

    async fn age(&self) -> Option<u32> {
        self.truth
            .get(("Oslo", 1))
            .await
            .unwrap()
            .map(|person| person.age)
    }
}

fn aged(age: u32) -> Person {
    Person { age, ..person(1) }
}

/// Every way in which a request is applied and its answer does not arrive.
fn losses() -> Vec<Fault> {
    vec![
        Fault::CutAfter,
        Fault::AnswerAfter(500, "InternalError"),
        Fault::AnswerAfter(502, "BadGateway"),
        Fault::AnswerAfter(503, "ServiceUnavailable"),
        Fault::AnswerAfter(504, "GatewayTimeout"),
        Fault::Silence,
        Fault::Duplicate,
    ]
}

#[tokio::test]
async fn an_applied_write_is_applied_however_its_answer_is_lost() {
    for fault in losses() {
        let lossy = Lossy::new().await;
        let context = format!("{fault:?}");

        lossy.proxy.fail_next(on("PutObject"), fault.clone());
        let row = lossy.people.insert(aged(1)).await.expect(&context);
        assert_eq!(lossy.age().await, Some(1), "{context}");

        lossy.proxy.fail_next(on("PutObject"), fault.clone());
        let mut row = lossy.people.save(row).await.expect(&context);
        row.age = 2;
        let row = lossy.people.save(row).await.expect(&context);
        assert_eq!(lossy.age().await, Some(2), "{context}");

        lossy.proxy.fail_next(on("PutObject"), fault.clone());
        lossy
            .people
            .update(("Oslo", 1), |person| person.age += 1)
            .await
            .expect(&context);
        assert_eq!(lossy.age().await, Some(3), "{context}: once, not twice");

        lossy.proxy.fail_next(on("PutObject"), fault.clone());
        lossy.people.put(aged(9)).await.expect(&context);
        assert_eq!(lossy.age().await, Some(9), "{context}");
        lossy.people.save(row).await.expect_err(&context);

        lossy.proxy.fail_next(on("DeleteObject"), fault.clone());
        let deleted = lossy.people.delete(("Oslo", 1)).await;
        let unknown = deleted.is_err_and(|error| error.kind() == ErrorKind::OutcomeUnknown);
        // A deletion leaves no id behind; of a duplicate, an answer arrives.
        assert_eq!(unknown, fault != Fault::Duplicate, "{context}");
        assert_eq!(lossy.age().await, None, "{context}");
    }
}

#[tokio::test]
async fn a_write_that_never_arrived_is_unknown_and_not_sent_again() {
    for fault in [Fault::CutBefore, Fault::Answer(500, "InternalError")] {
        let lossy = Lossy::new().await;
        let context = format!("{fault:?}");
        lossy.proxy.fail_next(on("PutObject"), fault.clone());
        let error = lossy.people.insert(aged(1)).await.expect_err(&context);
        assert_eq!(
            error.kind(),
            ErrorKind::OutcomeUnknown,
            "{context}: {error:?}"
        );
        assert!(!error.is_retryable());
        assert_eq!(lossy.age().await, None, "{context}");
        assert_eq!(
            lossy.server.count("PutObject"),
            0,
            "{context}: sent once, lost once"
        );

        lossy.truth.insert(aged(1)).await.unwrap();
        lossy.proxy.fail_next(on("DeleteObject"), fault.clone());
        let error = lossy.people.delete(("Oslo", 1)).await.expect_err(&context);
        assert_eq!(
            error.kind(),
            ErrorKind::OutcomeUnknown,
            "{context}: {error:?}"
        );
        assert_eq!(lossy.age().await, Some(1), "{context}");
    }
}

#[tokio::test]
async fn what_was_certainly_not_applied_is_sent_again() {
    for fault in [
        Fault::Answer(503, "SlowDown"),
        Fault::Answer(429, "TooManyRequests"),
    ] {
        let lossy = Lossy::new().await;
        let context = format!("{fault:?}");
        lossy.proxy.fail_next(on("PutObject"), fault.clone());
        lossy.people.insert(aged(1)).await.expect(&context);
        assert_eq!(lossy.server.count("PutObject"), 1, "{context}");
        lossy.proxy.fail_next(on("GetObject"), fault.clone());
        assert!(lossy.people.exists(("Oslo", 1)).await.expect(&context));
        lossy.proxy.fail_all(on("PutObject"), fault.clone());
        let error = lossy.people.put(aged(2)).await.expect_err(&context);
        assert_eq!(error.kind(), ErrorKind::Throttled, "{context}: {error:?}");
        assert_eq!(lossy.age().await, Some(1), "{context}");
    }
}

#[tokio::test]
async fn a_409_is_no_answer_and_asked_again() {
    let lossy = Lossy::new().await;
    lossy.proxy.fail_next(
        on("PutObject"),
        Fault::Answer(409, "ConditionalRequestConflict"),
    );
    let row = lossy.people.insert(aged(1)).await.unwrap();
    lossy.proxy.fail_all(
        on("PutObject"),
        Fault::Answer(409, "ConditionalRequestConflict"),
    );
    let error = lossy.people.save(row).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(lossy.age().await, Some(1));
}

/// A 409 tells of another write under way, not of what is there.
#[tokio::test]
async fn a_409_is_neither_a_row_that_exists_nor_one_that_does_not() {
    let lossy = Lossy::new().await;
    let race = Fault::Answer(409, "ConditionalRequestConflict");
    lossy.proxy.fail_all(on("PutObject"), race.clone());
    let error = lossy.people.insert(aged(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let insert = lossy.people.insert(aged(1)).on_conflict_nothing();
    assert_eq!(insert.await.unwrap_err().kind(), ErrorKind::Conflict);
    let report = lossy.people.insert_many([aged(1)]).await;
    assert_eq!(
        report.into_result().unwrap_err().kind(),
        ErrorKind::Conflict
    );
    assert_eq!(lossy.age().await, None);

    lossy.truth.insert(aged(1)).await.unwrap();
    lossy.proxy.fail_all(on("DeleteObject"), race);
    let delete = lossy.people.delete(("Oslo", 1)).must_exist();
    assert_eq!(delete.await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(lossy.age().await, Some(1));
}

#[tokio::test]
async fn reads_are_sent_again_whatever_was_lost() {
    for fault in [
        Fault::CutBefore,
        Fault::CutAfter,
        Fault::CutInBody,
        Fault::Answer(500, "InternalError"),
        Fault::AnswerAfter(503, "SlowDown"),
        Fault::WrongLength(5),
    ] {
        let lossy = Lossy::new().await;
        lossy.truth.insert(aged(1)).await.unwrap();
        lossy.proxy.fail_next(on("GetObject"), fault.clone());
        let row = lossy
            .people
            .get(("Oslo", 1))
            .await
            .unwrap_or_else(|e| panic!("{fault:?}: {e:?}"));
        assert_eq!(row, Some(aged(1)), "{fault:?}");
    }
}

#[tokio::test]
async fn a_refusal_is_never_absence() {
    let lossy = Lossy::new().await;
    lossy.truth.insert(aged(1)).await.unwrap();
    for (status, code, kind) in [
        (403, "AccessDenied", ErrorKind::Denied),
        (403, "InvalidAccessKeyId", ErrorKind::Credentials),
        (404, "NoSuchBucket", ErrorKind::NoSuchBucket),
        (500, "InternalError", ErrorKind::Unavailable),
        (503, "SlowDown", ErrorKind::Throttled),
    ] {
        lossy.proxy.clear();
        lossy
            .proxy
            .fail_all(on("GetObject"), Fault::Answer(status, code));
        let error = lossy.people.get(("Oslo", 1)).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{code}");
        let error = lossy.people.exists(("Oslo", 1)).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{code}");
    }
}

/// Some servers take the `*` of `If-Match` for a tag, and refuse it for every object.
#[tokio::test]
async fn a_row_that_is_there_is_never_not_found() {
    let lossy = Lossy::new().await;
    lossy.truth.insert(aged(1)).await.unwrap();
    let refusal = Fault::Answer(412, "PreconditionFailed");
    lossy.proxy.fail_next(on("DeleteObject"), refusal.clone());
    lossy.people.delete(("Oslo", 1)).must_exist().await.unwrap();
    assert_eq!(lossy.age().await, None);

    lossy.proxy.fail_next(on("DeleteObject"), refusal);
    let error = lossy
        .people
        .delete(("Oslo", 1))
        .must_exist()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

/// The request sits in the network while the client gives up, and lands afterwards.
#[tokio::test]
async fn a_request_in_limbo_is_unknown_and_may_land_later() {
    let lossy = Lossy::new().await;
    let held = lossy.proxy.hold_next(on("PutObject"));
    let error = lossy.people.insert(aged(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    assert_eq!(lossy.age().await, None);
    held.deliver().await.unwrap();
    assert_eq!(lossy.age().await, Some(1));
}

/// That a row is gone does not say that our deletion was: it may land on the next row.
#[tokio::test]
async fn a_deletion_in_limbo_is_unknown_although_the_row_is_gone() {
    let lossy = Lossy::new().await;
    let held = lossy.proxy.hold_next(on("DeleteObject"));
    let error = lossy.people.delete(("Oslo", 1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    lossy.truth.insert(aged(1)).await.unwrap();
    held.deliver().await.unwrap();
    assert_eq!(
        lossy.age().await,
        None,
        "an insert was lost, and it was said"
    );

    let held = lossy.proxy.hold_next(on("DeleteObjects"));
    let report = lossy.people.delete_many([("Oslo", 1)]).await;
    let error = report.into_result().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    lossy.truth.insert(aged(1)).await.unwrap();
    held.deliver().await.unwrap();
    assert_eq!(lossy.age().await, None);
}

/// Our write landed, and somebody replaced it before we could look: still not a conflict.
#[tokio::test]
async fn a_lost_write_that_was_replaced_is_found_by_its_successor() {
    let lossy = Lossy::new().await;
    let held = lossy.proxy.hold_next(on("PutObject"));
    let (people, truth) = (lossy.people.clone(), lossy.truth.clone());
    let insert = tokio::spawn(async move { people.insert(aged(1)).await });
    held.deliver().await.unwrap();
    truth
        .update(("Oslo", 1), |person| person.age = 2)
        .await
        .unwrap();

    let row = insert
        .await
        .unwrap()
        .expect("the successor names our write");
    assert_eq!(lossy.age().await, Some(2));
    let error = lossy.people.save(row).await.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::Conflict,
        "the row is not ours any more"
    );
    assert_eq!(lossy.age().await, Some(2));
}

/// Something on the way sends the write twice, and somebody replaces the row between the refusal of
/// the second copy and our looking: the row still names our write.
#[tokio::test]
async fn an_update_that_was_sent_twice_and_replaced_is_not_applied_again() {
    let lossy = Lossy::new().await;
    lossy.truth.insert(aged(0)).await.unwrap();
    let before = lossy.server.count("PutObject");
    lossy.proxy.fail_next(on("PutObject"), Fault::Duplicate);
    let pause = Fault::Delay(Duration::from_millis(300));
    lossy.proxy.fail_nth(2, on("GetObject"), pause);
    let people = lossy.people.clone();
    let update =
        tokio::spawn(async move { people.update(("Oslo", 1), |person| person.age += 1).await });
    while lossy.server.count("PutObject") < before + 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let other = lossy.truth.update(("Oslo", 1), |person| person.age += 10);
    other.await.unwrap();

    let row = update.await.unwrap().unwrap();
    assert_eq!((row.age, lossy.age().await), (1, Some(11)));
    lossy.people.save(row).await.expect_err("it was replaced");
}

/// Whatever is lost, eight writers' counter ends between what was acknowledged and what was tried.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_counter_under_faults_loses_and_doubles_nothing() {
    let lossy = Lossy::new().await;
    lossy.truth.insert(aged(0)).await.unwrap();
    for n in 1..60 {
        let fault = losses().swap_remove(n % 7);
        lossy.proxy.fail_nth(n * 3, on("PutObject"), fault);
    }
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let people = lossy.people.clone();
            tokio::spawn(async move {
                let (mut applied, mut unknown) = (0, 0);
                for _ in 0..12 {
                    match people.update(("Oslo", 1), |person| person.age += 1).await {
                        Ok(_) => applied += 1,
                        Err(error) if error.kind() == ErrorKind::OutcomeUnknown => unknown += 1,
                        Err(error) => panic!("{error:?}"),
                    }
                }
                (applied, unknown)
            })
        })
        .collect();
    let (mut applied, mut unknown) = (0, 0);
    for task in tasks {
        let (a, u) = task.await.unwrap();
        applied += a;
        unknown += u;
    }
    let age = lossy.age().await.unwrap();
    assert_eq!(applied + unknown, 96);
    assert!(
        (applied..=applied + unknown).contains(&age),
        "{applied} + {unknown}: {age}"
    );
}

#[tokio::test]
async fn the_last_attempt_of_an_update_looks_before_it_says_conflict() {
    let lossy = Lossy::new().await;
    lossy.truth.insert(aged(0)).await.unwrap();
    let db = connect::builder(&lossy.proxy.endpoint()).max_attempts(0);
    let people = db.connect().await.unwrap().table::<Person>();
    lossy.proxy.fail_next(on("PutObject"), Fault::Duplicate);
    let row = people.update(("Oslo", 1), |person| person.age += 1).await;
    assert_eq!(row.unwrap().age, 1);
    assert_eq!(lossy.server.count("HeadObject"), 1);
    assert_eq!(lossy.age().await, Some(1));
}

/// A 409 says that the request was not applied: it is sent again three times, and no more.
#[tokio::test(start_paused = true)]
async fn a_conflict_is_answered_by_three_further_requests() {
    use s3orm::testing::{Call, Fault, FaultStore};
    let store = FaultStore::memory();
    let people = store.db().table::<Person>();
    store.fail_all(Call::Put.under("people/"), Fault::Conflict);
    store.fail_all(Call::Delete.under("people/"), Fault::Conflict);
    let error = people.put(person(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert_eq!(store.count(Call::Put.under("people/")), 4);
    let error = people.delete(("Oslo", 1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert_eq!(store.count(Call::Delete.under("people/")), 4);
}
