//! Batches over real HTTP: an outcome for each row, requests counted and seen to overlap.
#![allow(clippy::disallowed_methods)] // It waits for real connections, by the real clock.
#![allow(clippy::unwrap_used)] // Its helpers are tests, too.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::stream::{self, StreamExt as _};
use indicatif::{InMemoryTerm, ProgressBar, ProgressDrawTarget};
use s3orm::batch::{Failed, FromStream};
use s3orm::store::PutObject;
use s3orm::{Db, ErrorKind, S3Schema, Table};
use s3orm_tests::connect;
use s3orm_tests::proxy::{Fault, Proxy, any, on};
use s3orm_tests::server::TestServer;
use s3orm_tests::tables::{Person, person};
use serde::{Deserialize, Serialize};

struct Bench {
    server: TestServer,
    people: Table<Person>,
}

impl Bench {
    async fn new() -> Self {
        let server = TestServer::memory().await;
        let people = connect::db(&server.endpoint()).await.table();
        Self { server, people }
    }

    async fn with_rows(count: u64) -> Self {
        let bench = Self::new().await;
        let rows = bench.people.put_many((0..count).map(person)).await;
        assert_eq!(rows.into_result().unwrap().len() as u64, count);
        bench.server.reset();
        bench
    }

    /// How many requests of each kind were made since the last call.
    fn spent(&self) -> Vec<(&'static str, usize)> {
        let spent = [
            "PutObject",
            "GetObject",
            "HeadObject",
            "DeleteObject",
            "DeleteObjects",
            "ListObjectsV2",
        ]
        .map(|operation| (operation, self.server.count(operation)));
        assert_eq!(
            spent.iter().map(|(_, count)| count).sum::<usize>(),
            self.server.requests().len()
        );
        self.server.reset();
        spent.into_iter().filter(|&(_, count)| count > 0).collect()
    }
}

/// The same server through a proxy, with the connection's own retries off.
async fn through_proxy(server: &TestServer) -> (Proxy, Table<Person>) {
    let proxy = Proxy::in_front_of(server.local_addr()).await;
    let db: Db = connect::builder(&proxy.endpoint())
        .retries(0)
        .connect()
        .await
        .unwrap();
    (proxy, db.table())
}

#[tokio::test]
async fn each_row_has_its_outcome_in_the_order_of_the_input() {
    let bench = Bench::new().await;
    for id in [3, 17] {
        bench.people.insert(person(id)).await.unwrap();
    }
    bench.server.reset();
    let mut rows: Vec<Person> = (0..40).map(person).collect();
    rows[5].city = "x".repeat(1100);

    let report = bench.people.insert_many(&rows).await;
    assert_eq!((report.succeeded(), report.failed()), (37, 3));
    let failures: Vec<_> = report
        .failures()
        .map(|(place, failed)| (place, failed.error.kind(), failed.input.id))
        .collect();
    assert_eq!(
        failures,
        [
            (3, ErrorKind::AlreadyExists, 3),
            (5, ErrorKind::InvalidKey, 5),
            (17, ErrorKind::AlreadyExists, 17),
        ]
    );
    let error = &report.failures().next().unwrap().1.error;
    assert_eq!(
        (error.operation(), error.table()),
        ("insert_many", "people")
    );
    for (place, outcome) in report.outcomes().iter().enumerate() {
        if let Ok(row) = outcome {
            assert_eq!(row.id, place as u64);
        }
    }
    assert!(report.unprocessed().is_empty(), "they would fail again");
    // The two HEADs make sure that the existing rows are another's.
    assert_eq!(bench.spent(), [("PutObject", 39), ("HeadObject", 2)]);
}

#[tokio::test]
async fn rows_that_are_there_may_be_left_or_replaced() {
    let bench = Bench::with_rows(3).await;
    let aged = |age| (0..20).map(move |id| Person { age, ..person(id) });
    let total = async || {
        let rows = bench.people.query().at(Person::KEY.city, "Oslo").all();
        rows.await.unwrap().iter().map(|row| row.age).sum::<u32>()
    };

    let mut rows: Vec<Person> = aged(50).collect();
    rows[5].city = "x".repeat(1100);
    let left = bench.people.insert_many(&rows).on_conflict_nothing().await;
    assert_eq!((left.succeeded(), left.failed()), (19, 1));
    for (place, outcome) in left.outcomes().iter().enumerate() {
        match outcome {
            Ok(Some(row)) => assert_eq!((row.id, row.age), (place as u64, 50)),
            Ok(None) => assert!(place < 3, "row {place} was not there"),
            Err(failed) => {
                let of = (place, failed.error.kind());
                assert_eq!(of, (5, ErrorKind::InvalidKey));
            }
        }
    }
    assert_eq!(bench.spent(), [("PutObject", 19), ("HeadObject", 3)]);
    assert_eq!(total().await, 3 * 30 + 16 * 50);
    bench.server.reset();

    let replaced = bench.people.insert_many(aged(60)).on_conflict_replace();
    assert_eq!(
        replaced.concurrency(3).await.into_result().unwrap().len(),
        20
    );
    assert_eq!(bench.spent(), [("PutObject", 20)]);
    assert_eq!(total().await, 20 * 60);

    // Of two rows of one key the second finds the first.
    let twice = bench.people.insert_many([person(77), person(77)]);
    let twice = twice.on_conflict_nothing().concurrency(1).await;
    let twice = twice.into_result().unwrap();
    assert_eq!((twice[0].is_some(), twice[1].is_some()), (true, false));
}

#[tokio::test]
async fn a_row_whose_answer_was_lost_is_not_taken_for_anothers() {
    let bench = Bench::with_rows(1).await;
    let (proxy, people) = through_proxy(&bench.server).await;
    proxy.fail_next(on("PutObject").path("/2.json"), Fault::CutAfter);
    proxy.fail_next(on("PutObject").path("/3.json"), Fault::CutBefore);
    let report = people.insert_many((0..4).map(person)).on_conflict_nothing();
    let mut outcomes = report.await.into_outcomes();
    let lost = outcomes.pop().unwrap().unwrap_err();
    assert_eq!(lost.error.kind(), ErrorKind::OutcomeUnknown);
    let written = outcomes
        .into_iter()
        .map(|outcome| outcome.unwrap().is_some());
    assert_eq!(written.collect::<Vec<_>>(), [false, true, true]);
}

#[tokio::test]
async fn what_is_said_of_a_batch_is_said_of_each_object() {
    let bench = Bench::new().await;
    let people = &bench.people;
    let rows = |city: &'static str| {
        (0..3).map(move |id| Person {
            city: city.to_owned(),
            ..person(id)
        })
    };
    let inserted = people.insert_many(rows("a")).metadata("source", "a");
    inserted.content_type("text/a").await.into_result().unwrap();
    let left = people.insert_many(rows("b")).content_type("text/b");
    let left = left.on_conflict_nothing().metadata("source", "b").await;
    left.into_result().unwrap();
    let replaced = people.insert_many(rows("c")).on_conflict_replace();
    let replaced = replaced.content_type("text/c").metadata("Source", "c");
    replaced.await.into_result().unwrap();
    let put = people.put_many(rows("d")).metadata("source", "d");
    put.content_type("text/d").await.into_result().unwrap();
    for city in ["a", "b", "c", "d"] {
        for id in 0..3 {
            let row = people.read((city, id)).await.unwrap().unwrap();
            assert_eq!(row.content_type(), Some(&*format!("text/{city}")));
            assert_eq!(row.metadata()["source"], city);
        }
    }
    bench.server.reset();

    let reserved = people.put_many(rows("e")).metadata("s3orm-id", "x").await;
    assert_eq!(reserved.failed(), 3);
    for (_, failed) in reserved.failures() {
        assert_eq!(failed.error.kind(), ErrorKind::InvalidRow);
    }
    assert_eq!(bench.spent(), []);
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "notes", path = "<id>")]
struct Note {
    id: u64,
    #[s3(created_at)]
    made: DateTime<Utc>,
}

#[tokio::test]
async fn a_row_that_an_insert_replaces_is_made_anew() {
    let bench = Bench::new().await;
    let notes = bench.people.db().table::<Note>();
    let made = DateTime::from_timestamp(1_000, 0).unwrap();
    let old = || (0..2).map(|id| Note { id, made });
    for put in notes.put_many(old()).await.into_result().unwrap() {
        assert_eq!(put.made, made, "a put keeps the time");
    }
    let replaced = notes.insert_many(old()).on_conflict_replace().await;
    for row in replaced.into_result().unwrap() {
        assert!(row.made > made, "an insert sets it");
    }
}

#[tokio::test]
async fn a_get_for_each_key_and_none_for_an_absent_row() {
    let bench = Bench::with_rows(30).await;
    let keys = (0..40).rev().map(|id| ("Oslo", id));
    let rows = bench.people.get_many(keys).await.into_result().unwrap();
    let ids: Vec<_> = rows
        .iter()
        .map(|row| row.as_ref().map(|row| row.id))
        .collect();
    let expected: Vec<_> = (0..40).rev().map(|id| (id < 30).then_some(id)).collect();
    assert_eq!(ids, expected);
    assert_eq!(bench.spent(), [("GetObject", 40)]);
}

#[tokio::test]
async fn requests_overlap_as_far_as_they_may() {
    let server = TestServer::memory().await;
    for concurrency in [1, 8] {
        let proxy = Proxy::in_front_of(server.local_addr()).await;
        proxy.fail_all(any(), Fault::Delay(Duration::from_millis(5)));
        let people = connect::db(&proxy.endpoint()).await.table::<Person>();
        let batch = people
            .put_many((0..80).map(person))
            .concurrency(concurrency);
        assert_eq!(
            (batch.await.succeeded(), proxy.overlap()),
            (80, concurrency)
        );
    }
}

#[tokio::test]
async fn deletions_go_by_the_thousand() {
    let bench = Bench::with_rows(2_100).await;
    let bad = ("x".repeat(1100), 0);
    // Of these, 100 are not there and one cannot be.
    let keys = (0..2_200).map(|id| ("Oslo".to_owned(), id)).chain([bad]);
    let report = bench.people.delete_many(keys).await;
    assert_eq!((report.succeeded(), report.failed()), (2_200, 1));
    let (place, failed) = report.failures().next().unwrap();
    assert_eq!((place, failed.error.kind()), (2_200, ErrorKind::InvalidKey));
    assert_eq!(bench.spent(), [("DeleteObjects", 3)]);
    assert_eq!(
        bench
            .people
            .delete_all()
            .confirm("people")
            .await
            .unwrap()
            .done,
        0
    );
}

#[tokio::test]
async fn a_bulk_deletion_whose_answer_is_lost_is_unknown() {
    for fault in [Fault::CutAfter, Fault::AnswerAfter(500, "InternalError")] {
        let bench = Bench::with_rows(20).await;
        let (proxy, people) = through_proxy(&bench.server).await;
        proxy.fail_next(on("DeleteObjects"), fault);
        let keys = (0..20).map(|id| ("Oslo", id));
        let report = people.delete_many(keys).await;
        let is_unknown = |failed: &Failed<_>| failed.error.kind() == ErrorKind::OutcomeUnknown;
        assert!(report.failures().all(|(_, failed)| is_unknown(failed)));
        assert_eq!(report.failed(), 20);
        assert_eq!(bench.server.count("DeleteObjects"), 1, "sent once");
    }

    let bench = Bench::with_rows(3).await;
    let (proxy, people) = through_proxy(&bench.server).await;
    proxy.fail_next(on("DeleteObjects"), Fault::CutBefore);
    let report = people.delete_many((0..3).map(|id| ("Oslo", id))).await;
    for (_, failed) in report.failures() {
        assert_eq!(failed.error.kind(), ErrorKind::OutcomeUnknown);
        assert!(failed.error.key().is_some());
    }
    assert_eq!(
        (report.failed(), bench.server.count("DeleteObjects")),
        (3, 0)
    );
    assert!(report.unprocessed().is_empty(), "it may be applied yet");
}

#[tokio::test]
async fn what_is_throttled_is_tried_again_and_else_returned() {
    let bench = Bench::new().await;
    let (proxy, people) = through_proxy(&bench.server).await;
    let third = || on("PutObject").path("/people/Oslo/3.json");
    let sent = || {
        let sent = proxy.requests();
        sent.iter().filter(|line| line.ends_with("/3.json")).count()
    };

    proxy.fail_next(third(), Fault::Answer(503, "SlowDown"));
    let report = people.put_many((0..8).map(person)).await;
    assert_eq!((report.failed(), sent()), (0, 2), "tried again");

    proxy.fail_all(third(), Fault::Answer(503, "SlowDown"));
    let report = people.put_many((0..8).map(person)).max_attempts(4).await;
    assert_eq!((report.failed(), sent()), (1, 6), "four times");
    let report = people.put_many((0..8).map(person)).retry_budget(1).await;
    assert_eq!(
        (report.failed(), sent()),
        (1, 8),
        "twice: the budget is used up"
    );
    let left = report.unprocessed();
    assert_eq!(left, [person(3)]);

    proxy.clear();
    assert_eq!(people.put_many(left).await.failed(), 0);
}

#[tokio::test]
async fn a_lost_answer_is_no_failure_and_a_lost_request_is_unknown() {
    let bench = Bench::new().await;
    let (proxy, people) = through_proxy(&bench.server).await;
    proxy.fail_next(on("PutObject").path("/2.json"), Fault::CutAfter);
    proxy.fail_next(on("PutObject").path("/4.json"), Fault::CutBefore);
    let report = people.insert_many((0..6).map(person)).await;
    let failures: Vec<_> = report
        .failures()
        .map(|(place, f)| (place, f.error.kind()))
        .collect();
    assert_eq!(failures, [(4, ErrorKind::OutcomeUnknown)]);
    assert_eq!(bench.server.count("PutObject"), 5);
}

#[tokio::test]
async fn what_every_row_would_meet_ends_the_batch() {
    let bench = Bench::new().await;
    let elsewhere = connect::db(&bench.server.endpoint()).await;
    let store = elsewhere.store().with_bucket("not-there").unwrap();
    let db = Db::with_store(store, "", s3orm::Env::system()).unwrap();
    let people = db.table::<Person>();
    let report = people.put_many((0..100).map(person)).concurrency(2).await;
    assert_eq!(report.failed(), 100);
    for (_, failed) in report.failures() {
        assert_eq!(failed.error.kind(), ErrorKind::NoSuchBucket);
    }
    let sent = bench.server.requests().len();
    assert!(sent <= 2, "{sent} requests for a bucket that is not there");
    assert_eq!(report.unprocessed().len(), 100);
}

#[tokio::test]
async fn progress_counts_every_row() {
    let bench = Bench::new().await;
    let seen = Mutex::new(Vec::new());
    let note = |done, total| seen.lock().unwrap().push((done, total));
    let mut rows: Vec<_> = (0..10).map(person).collect();
    rows[4].city = String::from_utf8(vec![b'x'; 1100]).unwrap();
    let report = bench.people.put_many(rows).on_progress(note).await;
    assert_eq!(report.failed(), 1);
    let expected: Vec<_> = (1..=10).map(|done| (done, Some(10))).collect();
    assert_eq!(*seen.lock().unwrap(), expected);

    let totals = Mutex::new(Vec::new());
    let filtered = (0..3).filter(|id| *id != 1).map(person);
    let noted = bench
        .people
        .put_many(filtered)
        .on_progress(|_, total| totals.lock().unwrap().push(total));
    noted.await.into_result().unwrap();
    assert_eq!(
        *totals.lock().unwrap(),
        [None, None],
        "a filter does not say how many"
    );
}

#[tokio::test]
async fn a_progress_bar_shows_the_rows() {
    let bench = Bench::new().await;
    let term = InMemoryTerm::new(4, 100);
    let bar = || {
        let target = ProgressDrawTarget::term_like(Box::new(term.clone()));
        ProgressBar::with_draw_target(None, target).with_message("people")
    };
    let known = bar();
    let rows = (0..1_500).map(person);
    let batch = bench.people.put_many(rows).progress_on(known.clone());
    batch.await.into_result().unwrap();
    assert!(known.is_finished());
    assert_eq!((known.position(), known.length()), (1_500, Some(1_500)));
    let shown = term.contents();
    assert!(shown.starts_with("people ███"), "{shown}");
    assert!(shown.contains(" 1,500/1,500  "), "{shown}");

    let unknown = bar();
    let pass = bench.people.delete_all().confirm("people");
    let swept = pass.progress_on(unknown.clone()).await.unwrap();
    assert_eq!((swept.done, unknown.position()), (1_500, 1_500));
    assert_eq!(unknown.length(), None);
    // Not a terminal: nothing is drawn, and nothing else changes.
    let rows = (0..3).map(person);
    let written = bench.people.put_many(rows).progress_bar("people").await;
    assert_eq!(written.succeeded(), 3);
}

#[tokio::test]
async fn streams_are_read_no_faster_than_they_are_written() {
    let bench = Bench::new().await;
    let read = AtomicUsize::new(0);
    let endless = stream::iter((0..).map(person)).inspect(|_| {
        read.fetch_add(1, Ordering::Relaxed);
    });
    let batch = bench.people.put_many(FromStream(endless)).concurrency(4);
    let mut outcomes = batch.stream();
    for expected in 0..50 {
        let row = outcomes.next().await.unwrap().unwrap();
        assert_eq!(row.id, expected);
        let ahead = read.load(Ordering::Relaxed) - usize::try_from(expected).unwrap();
        assert!(ahead <= 6, "{ahead} rows ahead");
    }
    drop(outcomes);
    let sent = bench.server.requests().len();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(
        bench.server.requests().len() <= sent + 4,
        "dropped is stopped"
    );
}

#[tokio::test]
async fn delete_all_wants_the_tables_name_and_keeps_to_it() {
    let bench = Bench::with_rows(1_100).await;
    let bergen = Person {
        city: "Bergen".into(),
        ..person(1)
    };
    let oslo2 = Person {
        city: "Oslo2".into(),
        ..person(1)
    };
    bench
        .people
        .put_many([&bergen, &oslo2])
        .await
        .into_result()
        .unwrap();
    for key in ["people/Oslo/README", "people2/Oslo/1.json"] {
        let foreign = PutObject {
            key: key.to_owned(),
            ..PutObject::default()
        };
        bench.server.store().put(&foreign).await.unwrap();
    }
    bench.server.reset();

    let error = bench.people.delete_all().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(
        error.to_string(),
        "delete_all `people`: `delete_all` was not confirmed; nothing was deleted; \
         write `.confirm(\"people\")` if that is what you mean"
    );
    bench
        .people
        .delete_all()
        .confirm("peopl")
        .await
        .unwrap_err();
    let half = bench
        .people
        .delete_all()
        .under("Oslo")
        .confirm("people")
        .await;
    assert_eq!(half.unwrap_err().kind(), ErrorKind::InvalidKey);
    assert_eq!(bench.spent(), []);

    let swept = bench
        .people
        .delete_all()
        .under("Oslo/")
        .confirm("people")
        .await
        .unwrap();
    assert_eq!(
        (swept.done, swept.foreign, swept.failed.len()),
        (1_100, 1, 0)
    );
    assert_eq!(bench.spent(), [("DeleteObjects", 2), ("ListObjectsV2", 2)]);
    let kept = bench
        .people
        .get_many([("Bergen", 1), ("Oslo2", 1)])
        .await
        .into_result()
        .unwrap();
    assert_eq!(kept, [Some(bergen), Some(oslo2)]);

    let swept = bench.people.delete_all().confirm("people").await.unwrap();
    assert_eq!((swept.done, swept.foreign), (2, 1));
    let page = bench
        .server
        .store()
        .list(s3orm::store::ListObjects::default())
        .await
        .unwrap();
    let keys: Vec<_> = page.objects.into_iter().map(|object| object.key).collect();
    assert_eq!(keys, ["people/Oslo/README", "people2/Oslo/1.json"]);
}

#[tokio::test]
async fn update_all_changes_each_row_once_whoever_else_is_at_it() {
    let bench = Bench::with_rows(60).await;
    let older = || {
        bench.people.update_all(|person| {
            if person.id % 10 == 0 {
                return Err("a round one");
            }
            person.age += 1;
            Ok(())
        })
    };
    let swept = older().await.unwrap();
    assert_eq!((swept.done, swept.skipped, swept.failed.len()), (54, 6, 0));
    assert_eq!(
        bench.spent(),
        [("PutObject", 54), ("GetObject", 60), ("ListObjectsV2", 1)]
    );

    let (one, other) = tokio::join!(older(), older().concurrency(4));
    assert_eq!(one.unwrap().into_result().unwrap(), 54);
    assert_eq!(other.unwrap().into_result().unwrap(), 54);
    let keys = (0..60).map(|id| ("Oslo", id));
    for row in bench.people.get_many(keys).await.into_result().unwrap() {
        let row = row.unwrap();
        assert_eq!(row.age, if row.id % 10 == 0 { 30 } else { 33 });
    }
}

#[tokio::test]
async fn a_pass_reports_rows_that_fail_and_fails_with_its_listing() {
    let bench = Bench::with_rows(5).await;
    let garbage = PutObject {
        key: "people/Oslo/3.json".to_owned(),
        body: "{}".into(),
        ..PutObject::default()
    };
    bench.server.store().put(&garbage).await.unwrap();
    let swept = bench
        .people
        .update_all(|person| person.age = 1)
        .await
        .unwrap();
    assert_eq!((swept.done, swept.failed.len()), (4, 1));
    assert_eq!(swept.failed[0].input, ("Oslo".to_owned(), 3));
    assert_eq!(swept.failed[0].error.kind(), ErrorKind::Decode);
    assert_eq!(swept.into_result().unwrap_err().operation(), "update");

    let (proxy, people) = through_proxy(&bench.server).await;
    proxy.fail_all(any(), Fault::Answer(403, "AccessDenied"));
    let error = people.delete_all().confirm("people").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
}
