//! Queries give what a loop over the data gives: on real flights, and where keys are awkward.
#![allow(clippy::unwrap_used)]

use std::ops::Bound;

use chrono::NaiveDate;
use s3orm::query::Order;
use s3orm::store::PutObject;
use s3orm::{Db, ErrorKind, S3Schema, Table};
use s3orm_tests::flights::{self, Flight};
use serde::{Deserialize, Serialize};

async fn db() -> Db {
    Db::connect("memory:").await.unwrap()
}

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2001, 1, day).unwrap()
}

fn those(test: impl Fn(&Flight) -> bool) -> Vec<Flight> {
    flights::by_key().into_iter().filter(test).collect()
}

#[tokio::test]
async fn partitions_and_ranges_of_flights() {
    let table = flights::shared().await;
    let sfo = table.query().at(Flight::KEY.origin, "SFO");
    assert_eq!(
        sfo.clone().all().await.unwrap(),
        those(|f| f.origin == "SFO")
    );

    let date = Flight::KEY.date;
    let of = |range: fn(NaiveDate) -> bool| those(|f| f.origin == "SFO" && range(f.date));
    let (a, b) = (day(5), day(11));
    let within = sfo.clone().within(date, a..b);
    assert_eq!(
        within.all().await.unwrap(),
        of(|d| d >= day(5) && d < day(11))
    );
    let within = sfo.clone().within(date, a..=b);
    assert_eq!(
        within.all().await.unwrap(),
        of(|d| d >= day(5) && d <= day(11))
    );
    let within = sfo.clone().within(date, a..);
    assert_eq!(within.all().await.unwrap(), of(|d| d >= day(5)));
    let within = sfo.clone().within(date, ..b);
    assert_eq!(within.all().await.unwrap(), of(|d| d < day(11)));
    let within = sfo.clone().within(date, ..=b);
    assert_eq!(within.all().await.unwrap(), of(|d| d <= day(11)));
    let within = sfo
        .clone()
        .within(date, (Bound::Excluded(a), Bound::Excluded(b)));
    assert_eq!(
        within.all().await.unwrap(),
        of(|d| d > day(5) && d < day(11))
    );
    let within = sfo.clone().within(date, b..a);
    assert_eq!(within.all().await.unwrap(), []);
    let within = sfo.clone().within(date, ..);
    assert_eq!(within.all().await.unwrap(), of(|_| true));

    let one_day = sfo.clone().at(date, day(28));
    let all = one_day.clone().all().await.unwrap();
    assert_eq!(all, of(|d| d == day(28)));
    let seq = all[all.len() / 2].seq;
    let half = one_day
        .clone()
        .within(Flight::KEY.seq, ..seq)
        .all()
        .await
        .unwrap();
    assert_eq!(half, all[..all.len() / 2]);
    assert_eq!(
        one_day.at(Flight::KEY.seq, seq).one().await.unwrap(),
        all[all.len() / 2]
    );
}

#[tokio::test]
async fn filters_of_flights() {
    let table = flights::shared().await;
    let c = Flight::COL;
    macro_rules! check {
        ($filter:expr, $test:expr) => {
            let found = table.query().scan().limit(20_000).filter($filter);
            let found = found.all().await.unwrap();
            assert_eq!(found, those($test), "{}", $filter);
            let count = table.query().scan().filter($filter).count().await.unwrap();
            assert_eq!(count, found.len() as u64);
        };
    }
    check!(c.delay.ge(60), |f| f.delay.is_some_and(|delay| delay >= 60));
    check!(!c.delay.ge(-5), |f| f.delay.is_some_and(|delay| delay < -5));
    check!(c.delay.is_null(), |f| f.delay.is_none());
    check!(c.delay.ne(5), |f| f.delay.is_some_and(|delay| delay != 5));
    check!(c.distance.between(300, 310), |f| (300..=310)
        .contains(&f.distance));
    check!(c.destination.in_(["SFO", "LAX"]), |f| ["SFO", "LAX"]
        .contains(&&*f.destination));
    check!(c.destination.starts_with("S"), |f| f
        .destination
        .starts_with('S'));
    check!(c.destination.contains("A").and(c.distance.gt(2000)), |f| {
        f.destination.contains('A') && f.distance > 2000
    });
    check!(c.origin.eq("SFO") | c.delay.lt(-40), |f| {
        f.origin == "SFO" || f.delay.is_some_and(|delay| delay < -40)
    });
    // The key decides.
    check!(c.date.eq(day(3)) & c.origin.le("B"), |f| f.date == day(3)
        && &*f.origin <= "B");
    check!(!(c.date.lt(day(3)) | c.seq.gt(100_u32)), |f| f.date
        >= day(3)
        && f.seq <= 100);
}

#[tokio::test]
async fn what_the_key_decides_reads_no_row() {
    let table = flights::shared().await;
    let expected = those(|f| f.origin == "SFO" && f.seq % 2 == 0 && f.seq > 2000).len() as u64;
    let even = |f: &Flight| f.seq.is_multiple_of(2);
    let late = table
        .query()
        .at(Flight::KEY.origin, "SFO")
        .filter(Flight::COL.seq.gt(2000_u32));
    let mut rows = late.clone().stream().unwrap();
    let mut count = 0;
    while let Some(row) = rows.next().await {
        count += u64::from(even(&row.unwrap()));
    }
    assert_eq!(count, expected);
    let spent = rows.spent();
    assert_eq!(
        (spent.lists, spent.gets),
        (1, those(|f| f.origin == "SFO" && f.seq > 2000).len() as u64)
    );
    assert_eq!(late.clone().count().await.unwrap(), spent.gets);
    let keys = late.keys().unwrap().collect().await.unwrap();
    assert!(
        keys.iter()
            .all(|(origin, _, seq)| origin == "SFO" && *seq > 2000)
    );
    assert_eq!(keys.len() as u64, spent.gets);
}

#[tokio::test]
async fn the_other_ends() {
    let table = flights::loaded(&db().await).await;
    let all = flights::by_key();
    assert_eq!(table.query().first().await.unwrap().as_ref(), all.first());
    assert_eq!(table.query().limit(7).all().await.unwrap(), all[..7]);
    assert_eq!(table.query().count().await.unwrap(), all.len() as u64);
    assert_eq!(table.query().limit(5).count().await.unwrap(), 5);
    let sfo = table.query().at(Flight::KEY.origin, "SFO");
    assert!(sfo.clone().exists().await.unwrap());
    assert_eq!(
        sfo.clone().one().await.unwrap_err().kind(),
        ErrorKind::Conflict
    );
    let none = table.query().at(Flight::KEY.origin, "SF");
    assert!(!none.clone().exists().await.unwrap());
    assert_eq!(none.clone().first().await.unwrap(), None);
    assert_eq!(none.one().await.unwrap_err().kind(), ErrorKind::NotFound);
    let mut rows = sfo.clone().limit(1).all_rows().await.unwrap();
    rows[0].distance += 1;
    table.save(rows.remove(0)).await.unwrap();

    let mut unordered = sfo.clone().unordered().concurrency(3).all().await.unwrap();
    unordered.sort_by_key(|f| (f.date, f.seq));
    assert_eq!(unordered, sfo.clone().all().await.unwrap());

    let mut last = sfo.all().await.unwrap();
    last.reverse();
    let sfo = table
        .query()
        .at(Flight::KEY.origin, "SFO")
        .order(Order::Descending);
    assert_eq!(sfo.clone().all().await.unwrap(), last);
    assert_eq!(sfo.clone().limit(3).all().await.unwrap(), last[..3]);
    let far = sfo
        .filter(Flight::COL.distance.gt(2000))
        .limit(2)
        .all()
        .await
        .unwrap();
    let expected: Vec<_> = last
        .into_iter()
        .filter(|f| f.distance > 2000)
        .take(2)
        .collect();
    assert_eq!(far, expected);
}

#[tokio::test]
async fn a_whole_table_is_read_only_if_said() {
    let table = db().await.table::<Flight>();
    let error = table.query().all().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(
        error.to_string(),
        "query `flights`: this query reads every row of the table; \
         fix a key column with `.at(KEY.origin, …)`, or say `.scan()`"
    );
    let filtered = || table.query().filter(Flight::COL.distance.gt(1));
    assert_eq!(
        filtered().limit(1).all().await.unwrap_err().kind(),
        ErrorKind::Unsupported
    );
    assert_eq!(
        filtered().count().await.unwrap_err().kind(),
        ErrorKind::Unsupported
    );
    assert_eq!(
        filtered().exists().await.unwrap_err().kind(),
        ErrorKind::Unsupported
    );
    assert_eq!(
        filtered().scan().keys().unwrap_err().kind(),
        ErrorKind::Unsupported
    );
    assert!(filtered().scan().all().await.unwrap().is_empty());
    assert!(table.query().limit(1).all().await.unwrap().is_empty());
    assert!(
        table
            .query()
            .starts_with(Flight::KEY.origin, "")
            .all()
            .await
            .is_err()
    );
    assert!(
        table
            .query()
            .starts_with(Flight::KEY.origin, "S")
            .all()
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn all_is_bounded_unless_limited() {
    let notes = db().await.table::<Note>();
    for id in 0..10_001 {
        notes
            .put(Note {
                name: "n".into(),
                id,
            })
            .await
            .unwrap();
    }
    let query = notes.query().at(Note::KEY.name, "n");
    let error = query.clone().all().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert_eq!(
        query.clone().limit(20_000).all().await.unwrap().len(),
        10_001
    );
    assert_eq!(query.clone().count().await.unwrap(), 10_001);
    let keys = query.keys().unwrap().collect().await.unwrap();
    assert_eq!(keys.len(), 10_001);
}

/// A name in its plain form, then a number in its plain form: listed as text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "notes", path = "<name>/<id>")]
struct Note {
    name: String,
    id: u32,
}

async fn notes(names: &[&str]) -> Table<Note> {
    let notes = db().await.table::<Note>();
    for (name, id) in names.iter().zip(1..) {
        notes
            .put(Note {
                name: (*name).to_owned(),
                id,
            })
            .await
            .unwrap();
    }
    notes
}

#[tokio::test]
async fn a_prefix_matches_no_value_by_half() {
    let notes = notes(&["1", "10", "US", "USA", "a", "a/b", "a.", "a.b", ""]).await;
    for name in ["1", "US", "a", "a.", ""] {
        let found = notes.query().at(Note::KEY.name, name).all().await.unwrap();
        assert_eq!(found.iter().map(|n| &*n.name).collect::<Vec<_>>(), [name]);
    }
    for id in [1, 10] {
        notes
            .put(Note {
                name: "x".into(),
                id,
            })
            .await
            .unwrap();
    }
    let x = notes.query().at(Note::KEY.name, "x");
    assert_eq!(x.at(Note::KEY.id, 1).one().await.unwrap().id, 1);
}

#[tokio::test]
async fn texts_are_found_by_their_beginning() {
    let names = [
        "", ".", "..", ".a", "a", "a.", "a..", "a...", "a..b", "a.b", "a!", "a-", "a/", "a/b",
        "ab", "A", "é", "éa", "!2e", "a!2e", "a!2eb", "b",
    ];
    let notes = notes(&names).await;
    for start in names {
        let found = notes
            .query()
            .starts_with(Note::KEY.name, start)
            .scan()
            .all()
            .await
            .unwrap();
        let mut found: Vec<_> = found.into_iter().map(|n| n.name).collect();
        found.sort();
        let mut expected = names.to_vec();
        expected.retain(|name| name.starts_with(start));
        expected.sort_unstable();
        assert_eq!(found, expected, "{start}");
    }
}

/// A descending column, and columns that share a segment with a literal that sorts after digits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(
    table = "events",
    path = "<at:desc>=<name:ordered>~<id>",
    extension = ""
)]
struct Event {
    at: u16,
    name: String,
    id: u8,
}

#[tokio::test]
async fn bounds_hold_where_literals_sort_late() {
    let events = db().await.table::<Event>();
    let names = ["", "a", "ab", "abc", "b", "ba"];
    let mut all = Vec::new();
    for at in [0, 1, 9, 10, 11, 500] {
        for name in names {
            for id in [7, 70] {
                let event = Event {
                    at,
                    name: name.to_owned(),
                    id,
                };
                events.put(&event).await.unwrap();
                all.push(event);
            }
        }
    }
    let sorted = |mut events: Vec<Event>| {
        events.sort_by(|a, b| (a.at, &a.name, a.id).cmp(&(b.at, &b.name, b.id)));
        events
    };
    let of = |test: &dyn Fn(&Event) -> bool| {
        sorted(all.iter().filter(|event| test(event)).cloned().collect())
    };
    let bounds = |low: u8, high: u8| {
        let bound = |kind, value: u16| match kind {
            0 => Bound::Unbounded,
            1 => Bound::Included(value),
            _ => Bound::Excluded(value),
        };
        (bound(low, 1), bound(high, 10))
    };
    for (low, high) in [
        (0, 1),
        (0, 2),
        (1, 0),
        (2, 0),
        (1, 1),
        (1, 2),
        (2, 1),
        (2, 2),
    ] {
        let (low, high) = bounds(low, high);
        let found = events
            .query()
            .within(Event::KEY.at, (low, high))
            .all()
            .await
            .unwrap();
        assert!(
            found.is_sorted_by_key(|event| std::cmp::Reverse(event.at)),
            "newest first"
        );
        let inside = |event: &Event| std::ops::RangeBounds::contains(&(low, high), &event.at);
        assert_eq!(sorted(found), of(&inside), "{low:?} {high:?}");
    }
    let first = events.query().at(Event::KEY.at, 9);
    for low in names {
        for high in names {
            let range = (Bound::Excluded(low), Bound::Included(high));
            let found = first
                .clone()
                .within(Event::KEY.name, range)
                .all()
                .await
                .unwrap();
            let inside = |e: &Event| e.at == 9 && &*e.name > low && &*e.name <= high;
            assert_eq!(sorted(found), of(&inside), "{range:?}");
            let found = first
                .clone()
                .within(Event::KEY.name, low..high)
                .all()
                .await
                .unwrap();
            let inside = |e: &Event| e.at == 9 && &*e.name >= low && &*e.name < high;
            assert_eq!(sorted(found), of(&inside), "{low}..{high}");
        }
    }
}

/// Keys as another program wrote them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(
    table = "logs",
    path = "<app>--<day>/<name>",
    encoding = "verbatim",
    extension = ""
)]
struct Log {
    app: String,
    day: String,
    name: String,
}

#[tokio::test]
async fn verbatim_keys_are_found() {
    let logs = db().await.table::<Log>();
    let log = |app: &str, day: &str, name: &str| Log {
        app: app.into(),
        day: day.into(),
        name: name.into(),
    };
    let all = [
        log("a", "b--c", "x y"),
        log("a", "b", "é"),
        log("a b", "b", "1"),
        log("ab", "b", "1"),
    ];
    for log in &all {
        logs.put(log).await.unwrap();
    }
    let a = logs.query().at(Log::KEY.app, "a").all().await.unwrap();
    assert_eq!(a, [all[0].clone(), all[1].clone()]);
    let a = logs
        .query()
        .at(Log::KEY.app, "a")
        .at(Log::KEY.day, "b")
        .all()
        .await
        .unwrap();
    assert_eq!(a, [all[1].clone()]);
    let a = logs
        .query()
        .starts_with(Log::KEY.app, "a")
        .all()
        .await
        .unwrap();
    assert_eq!(a.len(), 4);
    let error = logs
        .query()
        .at(Log::KEY.app, "a--b")
        .all()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidKey);
}

#[tokio::test]
async fn foreign_objects_are_no_rows() {
    let notes = notes(&["a", "a"]).await;
    for key in [
        "notes/a/x.json",
        "notes/a/01.json",
        "notes/a/1.txt",
        "notes/a/1/2.json",
        "notes/!a/1.json",
    ] {
        let foreign = PutObject {
            key: key.into(),
            ..PutObject::default()
        };
        notes.db().store().put(&foreign).await.unwrap();
    }
    assert_eq!(
        notes
            .query()
            .at(Note::KEY.name, "a")
            .all()
            .await
            .unwrap()
            .len(),
        2
    );
    assert_eq!(notes.query().count().await.unwrap(), 2);
    assert_eq!(notes.query().limit(2).all().await.unwrap().len(), 2);
    let mut keys = notes.query().keys().unwrap();
    while let Some(key) = keys.next().await {
        key.unwrap();
    }
    assert_eq!((keys.spent().keys, keys.spent().foreign), (7, 5));
}

#[tokio::test]
async fn a_row_that_fails_is_an_item_and_the_next_follows() {
    let notes = notes(&["a", "a", "a"]).await;
    let broken = PutObject {
        key: "notes/a/2.json".into(),
        ..PutObject::default()
    };
    notes.db().store().put(&broken).await.unwrap();
    let mut rows = notes.query().at(Note::KEY.name, "a").stream().unwrap();
    let mut ids = Vec::new();
    let mut errors = Vec::new();
    while let Some(row) = rows.next().await {
        match row {
            Ok(note) => ids.push(note.id),
            Err(error) => errors.push((error.kind(), error.key().map(str::to_owned))),
        }
    }
    assert_eq!(ids, [1, 3]);
    assert_eq!(
        errors,
        [(ErrorKind::Decode, Some("notes/a/2.json".to_owned()))]
    );
    let error = notes
        .query()
        .at(Note::KEY.name, "a")
        .all()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
}

#[tokio::test]
async fn budgets_stop_with_what_was_reached() {
    let notes = notes(&["a"; 20]).await;
    let a = notes.query().at(Note::KEY.name, "a");
    let mut rows = a.clone().max_requests(11).stream().unwrap();
    for _ in 0..10 {
        rows.next().await.unwrap().unwrap();
    }
    let error = rows.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Budget);
    assert_eq!(
        error.to_string(),
        "query `notes`: the budget of 11 requests is used up by 1 LIST and 10 GET requests; \
         raise it, or narrow the query"
    );
    assert!(rows.next().await.is_none());
    // A LIST costs 12.5 times a GET.
    let mut rows = a.clone().max_cost(0.000_006_7).stream().unwrap();
    let mut read = 0;
    while let Some(Ok(_)) = rows.next().await {
        read += 1;
    }
    assert_eq!(read, 4);
    assert_eq!(
        a.max_requests(0).count().await.unwrap_err().kind(),
        ErrorKind::Budget
    );
}

#[tokio::test]
async fn values_without_a_key_text_are_errors_of_the_end() {
    let table = db().await.table::<Flight>();
    let year = NaiveDate::from_ymd_opt(12_345, 1, 1).unwrap();
    let query = table.query().at(Flight::KEY.origin, "SFO");
    for error in [
        query
            .clone()
            .at(Flight::KEY.date, year)
            .all()
            .await
            .unwrap_err(),
        query
            .clone()
            .within(Flight::KEY.date, ..year)
            .all()
            .await
            .unwrap_err(),
        query.within(Flight::KEY.date, year..).keys().unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidKey);
    }
}
