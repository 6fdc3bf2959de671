//! Queries in segments: nothing is lost or doubled, listings overlap, what is left is known.
#![allow(clippy::unwrap_used)] // A test may.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{Days, NaiveDate};
use s3orm::key::KeyFrom;
use s3orm::query::{Order, Segment};
use s3orm::{Db, ErrorKind, S3Schema, Table};
use s3orm_tests::connect;
use s3orm_tests::flights::{self, Flight};
use s3orm_tests::proxy::{Fault, Proxy, on};
use s3orm_tests::server::TestServer;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "numbers", path = "<id:ordered>")]
struct Number {
    id: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "plain", path = "n<id>")]
struct PlainNumber {
    id: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "uuids", path = "by/<id>")]
struct Unique {
    id: Uuid,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "names", path = "<name>/x", encoding = "verbatim")]
struct Named {
    name: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "days", path = "<day:desc>/<no>")]
struct Day {
    day: NaiveDate,
    no: u8,
}

/// A table whose requests are counted: none is sent twice because the machine is busy.
async fn table_at<T: S3Schema>(endpoint: &str) -> Table<T> {
    let db = connect::builder(endpoint).timeout(Duration::from_mins(1));
    db.connect().await.unwrap().table()
}

/// A server that holds the rows, put there without a request, and a table of it.
async fn filled<T: S3Schema>(rows: &[T]) -> (TestServer, Table<T>)
where
    T::Key: KeyFrom<T::Key>,
{
    let server = TestServer::memory().await;
    let table = table_at(&server.endpoint()).await;
    for row in rows {
        let key = table.key(row.key()).unwrap();
        server.keep(key, table.encode(row).unwrap()).await;
    }
    (server, table)
}

/// Lists in segments, and compares with the rows; the LIST requests that it took.
async fn listed<T: S3Schema>(rows: Vec<T>, most: usize) -> usize
where
    T::Key: KeyFrom<T::Key> + Ord,
{
    let (server, table) = filled(&rows).await;
    // What is no row is passed over.
    let prefix = table.query().plan().unwrap().prefix;
    server.keep(format!("{prefix}~"), "").await;
    let query = table.query().scan().segments(most);

    let mut keys = query.clone().keys().unwrap();
    let mut found = Vec::new();
    while let Some(key) = keys.next().await {
        found.push(key.unwrap());
    }
    assert_eq!(keys.remaining(), []);
    let count = found.len();
    let found: BTreeSet<_> = found.into_iter().collect();
    assert_eq!(found.len(), count, "none twice");
    let expected: BTreeSet<_> = rows.iter().map(T::key).collect();
    assert!(found == expected, "{} of {}", found.len(), expected.len());
    let lists = server.count("ListObjectsV2");
    assert_eq!(lists, server.requests().len());
    assert_eq!(keys.spent().lists, lists as u64);
    assert_eq!(keys.spent().foreign, 1);

    assert_eq!(query.count().await.unwrap(), rows.len() as u64);
    lists
}

/// A sequence that has no order: the same in every run.
fn scrambled(count: u64) -> impl Iterator<Item = u64> {
    (0..count).map(|n| (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (n << 7))
}

#[tokio::test]
async fn whatever_the_columns_nothing_is_lost_or_doubled() {
    // The rows; then how many pages they are, which no listing can do without.
    let numbers = listed((0..12_000).map(|id| Number { id }).collect(), 8).await;
    let sparse = listed(scrambled(12_000).map(|id| Number { id }).collect(), 8).await;
    let plain = (0..6_000).map(|n| PlainNumber {
        id: n * n * (1 - 2 * (n & 1)),
    });
    let plain = listed(plain.collect(), 4).await;
    let uuids = scrambled(12_000).map(|n| Unique {
        id: Uuid::from_u64_pair(n, n),
    });
    let uuids = listed(uuids.collect(), 16).await;
    let names = scrambled(6_000).map(|n| Named {
        name: format!("{}ö{n}", ['é', 'Z', '!', 'a', '漢'][(n % 5) as usize]),
    });
    let names = listed(names.collect(), 8).await;
    let days = (0..3_000).flat_map(|n| {
        let day = NaiveDate::from_ymd_opt(1999, 1, 1).unwrap() + Days::new(n);
        [1, 10, 200].map(|no| Day { day, no })
    });
    let days = listed(days.collect(), 8).await;
    for (lists, pages, most, what) in [
        (numbers, 12, 8, "numbers"),
        (sparse, 12, 8, "sparse numbers"),
        (plain, 6, 4, "plain numbers"),
        (uuids, 12, 16, "uuids"),
        (names, 6, 8, "names"),
        (days, 9, 8, "days"),
    ] {
        assert!(lists >= pages, "{what}: {lists} LIST");
        println!("{what}: {lists} LIST for {pages} pages in {most} segments");
        assert!(lists <= pages + 4 * most, "{what}: {lists} LIST");
    }
}

#[tokio::test]
async fn a_small_table_is_one_request() {
    for rows in [0, 1, 999] {
        assert_eq!(
            listed((0..rows).map(|id| Number { id }).collect(), 8).await,
            1
        );
    }
}

#[tokio::test]
async fn listings_overlap() {
    let rows: Vec<_> = (0..30_000).map(|id| Number { id }).collect();
    let (server, _) = filled(&rows).await;
    for (most, expected) in [(1, 1), (6, 6)] {
        let proxy = Proxy::in_front_of(server.local_addr()).await;
        let pause = Duration::from_millis(20);
        proxy.fail_all(on("ListObjectsV2"), Fault::Delay(pause));
        let table = table_at::<Number>(&proxy.endpoint()).await;
        let count = table.query().scan().segments(most).count().await.unwrap();
        assert_eq!((count, proxy.overlap()), (30_000, expected));
        println!("{most} segments: {} LIST", proxy.requests().len());
    }
}

#[tokio::test]
async fn rows_filters_and_limits() {
    let db = Db::connect("memory:").await.unwrap();
    let table = flights::loaded(&db).await;
    let seqs = |rows: &[Flight]| rows.iter().map(|row| row.seq).collect::<BTreeSet<_>>();
    let (all, mut found) = (flights::flights(), Vec::new());
    for unordered in [false, true] {
        let mut query = table.query().filter(Flight::COL.distance.gt(1000)).scan();
        if unordered {
            query = query.unordered();
        }
        let mut rows = query.segments(5).stream().unwrap();
        found.clear();
        while let Some(row) = rows.next().await {
            found.push(row.unwrap());
        }
        assert_eq!(rows.remaining(), []);
        let far: Vec<_> = all
            .iter()
            .filter(|row| row.distance > 1000)
            .cloned()
            .collect();
        assert_eq!((found.len(), seqs(&found)), (far.len(), seqs(&far)));
    }
    let limited = table.query().scan().limit(1_234).segments(5);
    let mut rows = limited.clone().stream().unwrap();
    let mut count = 0;
    while let Some(row) = rows.next().await {
        row.unwrap();
        count += 1;
    }
    assert_eq!(count, 1_234);
    assert_ne!(rows.remaining(), [], "there are more");
    assert_eq!(limited.count().await.unwrap(), 1_234);

    let may = NaiveDate::from_ymd_opt(2001, 5, 1).unwrap();
    let july = may + Days::new(61);
    let within = table
        .query()
        .at(Flight::KEY.origin, "ATL")
        .within(Flight::KEY.date, may..july);
    let expected = all
        .iter()
        .filter(|row| row.origin == "ATL" && (may..july).contains(&row.date));
    let expected = expected.count() as u64;
    assert_eq!(within.segments(3).count().await.unwrap(), expected);
}

#[tokio::test]
async fn what_is_left_goes_on_in_another_process() {
    let rows: Vec<_> = scrambled(4_500).map(|id| Number { id }).collect();
    let (server, table) = filled(&rows).await;
    for unordered in [false, true] {
        let query = |table: &'static Table<Number>| {
            let query = table.query().scan();
            let query = if unordered { query.unordered() } else { query };
            query.segments(4)
        };
        let here: &'static _ = Box::leak(Box::new(table.clone()));
        let mut seen = Vec::new();
        let mut left: Option<Vec<String>> = None;
        for _ in 0..100 {
            let elsewhere = table_at(&server.endpoint()).await;
            let elsewhere: &'static _ = Box::leak(Box::new(elsewhere));
            let mut stream = match &left {
                None => query(here).stream().unwrap(),
                Some(left) => {
                    let rest = left.iter().map(|text| text.parse().unwrap());
                    query(elsewhere)
                        .resume(rest.collect::<Vec<Segment>>())
                        .stream()
                        .unwrap()
                }
            };
            for _ in 0..350 {
                let Some(row) = stream.next().await else {
                    break;
                };
                seen.push(row.unwrap().id);
            }
            let rest: Vec<_> = stream.remaining().iter().map(Segment::to_string).collect();
            if rest.is_empty() {
                break;
            }
            left = Some(rest);
        }
        let count = seen.len();
        let seen: BTreeSet<_> = seen.into_iter().collect();
        let expected: BTreeSet<_> = rows.iter().map(|row| row.id).collect();
        assert!(seen == expected, "{} of {}", seen.len(), expected.len());
        let again = count - seen.len();
        // Not more than are read at the same time, each of the 13 times that it was left.
        assert!(
            again <= if unordered { 13 * 16 } else { 0 },
            "{again} again"
        );
    }
}

#[tokio::test]
async fn a_query_is_shared_by_its_segments() {
    let rows: Vec<_> = (0..20_000).map(|n| Number { id: n * n }).collect();
    let (server, table) = filled(&rows).await;
    let query = table.query().scan().segments(4);
    let segments = query.clone().split().await.unwrap();
    assert_eq!(segments.len(), 4, "{segments:?}");
    println!("{} LIST to split", server.count("ListObjectsV2"));
    // Rows that come later are in one of them, wherever they are.
    for id in [5, u64::MAX] {
        table.put(Number { id }).await.unwrap();
    }
    let mut counts = Vec::new();
    for segment in segments {
        let part = table.query().scan().segments(1).resume([segment]);
        counts.push(part.count().await.unwrap());
    }
    assert_eq!(counts.iter().sum::<u64>(), 20_002, "{counts:?}");
    assert!(counts.iter().all(|&count| count >= 1_000), "{counts:?}");
    let none = table.query().at(Number::KEY.id, 3).segments(4);
    assert_eq!(none.split().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_segment_fails_by_itself_and_can_be_taken_up_again() {
    let rows: Vec<_> = (0..9_000).map(|id| Number { id }).collect();
    let (server, _) = filled(&rows).await;
    let proxy = Proxy::in_front_of(server.local_addr()).await;
    let table = table_at::<Number>(&proxy.endpoint()).await;
    for broken in 1..12 {
        proxy.fail_nth(
            broken,
            on("ListObjectsV2"),
            Fault::Answer(403, "AccessDenied"),
        );
        let mut keys = table.query().scan().segments(4).keys().unwrap();
        let (mut found, mut errors) = (Vec::new(), Vec::new());
        while let Some(key) = keys.next().await {
            match key {
                Ok((id,)) => found.push(id),
                Err(error) => errors.push(error),
            }
        }
        assert_eq!(errors.len(), 1, "{broken}: {errors:?}");
        assert_eq!(errors[0].kind(), ErrorKind::Denied);
        let rest = keys.remaining();
        assert_eq!(rest.len(), 1, "{broken}: {rest:?}");
        let again = table.query().scan().segments(4).resume(rest);
        let mut again = again.keys().unwrap();
        while let Some(key) = again.next().await {
            found.push(key.unwrap().0);
        }
        found.sort_unstable();
        assert!(
            found.iter().copied().eq(0..9_000),
            "{broken}: {}",
            found.len()
        );
        proxy.clear();
    }
    // Rows: the error is an item, and the stream goes on.
    proxy.fail_nth(3, on("ListObjectsV2"), Fault::Answer(403, "AccessDenied"));
    let some = || table.query().within(Number::KEY.id, ..3_500).segments(4);
    let mut stream = some().stream().unwrap();
    let (mut rows, mut errors) = (0, 0);
    while let Some(row) = stream.next().await {
        rows += usize::from(row.is_ok());
        errors += usize::from(row.is_err());
    }
    assert_eq!((errors, stream.remaining().len()), (1, 1));
    let mut rest = some().resume(stream.remaining()).stream().unwrap();
    while let Some(row) = rest.next().await {
        row.unwrap();
        rows += 1;
    }
    assert_eq!(rows, 3_500);
    proxy.fail_nth(2, on("ListObjectsV2"), Fault::Answer(403, "AccessDenied"));
    let error = table.query().scan().segments(4).count().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
}

#[tokio::test]
async fn a_budget_ends_all_and_what_is_left_is_known() {
    let rows: Vec<_> = (0..20_000).map(|id| Number { id }).collect();
    let (server, table) = filled(&rows).await;
    let mut found = 0;
    let mut rest: Option<Vec<Segment>> = None;
    for _ in 0..20 {
        // What a query costs is no part of what it is.
        let mut query = table.query().scan().max_requests(6).segments(4);
        if let Some(rest) = rest.take() {
            query = query.resume(rest);
        }
        server.reset();
        let mut keys = query.keys().unwrap();
        let mut errors = Vec::new();
        while let Some(key) = keys.next().await {
            match key {
                Ok(_) => found += 1,
                Err(error) => errors.push(error.kind()),
            }
        }
        assert!(server.requests().len() <= 6);
        let left = keys.remaining();
        assert_eq!(
            errors,
            vec![ErrorKind::Budget; usize::from(!left.is_empty())]
        );
        if left.is_empty() {
            break;
        }
        rest = Some(left);
    }
    assert_eq!(found, 20_000);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let db = Db::connect("memory:").await.unwrap();
    let table = db.table::<Number>();
    let whole = table.query().segments(4).stream().unwrap_err();
    assert_eq!(
        (whole.kind(), whole.operation()),
        (ErrorKind::Unsupported, "query")
    );
    assert!(whole.help().unwrap().contains(".scan()"), "{whole}");
    let descending = table
        .query()
        .order(Order::Descending)
        .segments(4)
        .keys()
        .unwrap_err();
    assert_eq!(descending.kind(), ErrorKind::Unsupported);
    assert!(descending.to_string().contains("no order"), "{descending}");

    for text in ["", "s1", "s1-ab-c", "s2-ab-c~d", "s1-ab-!zz~", "s1-ab-~é"] {
        let error = text.parse::<Segment>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidKey, "{text}");
    }
    let split = table.query().scan().segments(2).split().await.unwrap();
    let text = split[0].to_string();
    assert_eq!(text.parse::<Segment>().unwrap(), split[0], "{text}");
    let other = table
        .query()
        .within(Number::KEY.id, 1..5)
        .segments(2)
        .resume(split);
    let error = other.keys().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidKey);
    assert!(error.to_string().contains("another query"), "{error}");
}
