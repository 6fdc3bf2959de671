//! Every kind of query over HTTP, on all 20,000 flights: the answer is the one computed from the
//! file, and costs the requests that it says.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use chrono::NaiveDate;
use s3orm::query::{Cursor, Order, Rows};
use s3orm::{S3Schema as _, Table};
use s3orm_tests::flights::{self, Flight};
use s3orm_tests::server::TestServer;

/// The airport with more than a page of departures.
const LARGE: &str = "DFW";
const SFO: &str = "SFO";

struct Flights {
    server: TestServer,
    table: Table<Flight>,
    all: Vec<Flight>,
}

impl Flights {
    async fn new() -> Self {
        let (server, table) = flights::served().await;
        Self {
            server,
            table,
            all: flights::by_key(),
        }
    }

    fn those(&self, test: impl Fn(&Flight) -> bool) -> Vec<Flight> {
        let those = self.all.iter().filter(|flight| test(flight));
        those.cloned().collect()
    }

    /// LIST and GET requests since the last call; there are no others.
    fn spent(&self) -> (usize, usize) {
        self.server.lists_and_gets()
    }
}

fn day(month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2001, month, day).unwrap()
}

fn pages(keys: usize) -> usize {
    keys.div_ceil(1000).max(1)
}

#[tokio::test]
async fn partitions_ranges_and_prefixes() {
    let flights = Flights::new().await;
    let query = || flights.table.query();
    let key = Flight::KEY;

    for origin in [SFO, LARGE, "MDT"] {
        let expected = flights.those(|f| f.origin == origin);
        let found = query().at(key.origin, origin).all().await.unwrap();
        assert_eq!(found, expected, "at {origin}");
        let cost = (pages(expected.len()), expected.len());
        assert_eq!(flights.spent(), cost, "at {origin}");
    }
    assert!(flights.those(|f| f.origin == LARGE).len() > 1000);
    let none = query().at(key.origin, "SF").all().await.unwrap();
    assert_eq!((none.len(), flights.spent()), (0, (1, 0)), "no half values");

    let sfo = || query().at(key.origin, SFO);
    let expected = flights.those(|f| f.origin == SFO && f.date == day(2, 7));
    let found = sfo().at(key.date, day(2, 7)).all().await.unwrap();
    assert_eq!(found, expected, "at two columns");
    assert_eq!(flights.spent(), (1, expected.len()));
    let one = &expected[0];
    let found = sfo().at(key.date, one.date).at(key.seq, one.seq);
    assert_eq!(found.one().await.unwrap(), *one, "a whole key");
    assert_eq!(flights.spent(), (1, 1));

    let expected = flights.those(|f| f.origin == SFO && (day(1, 20)..day(2, 10)).contains(&f.date));
    let found = sfo().within(key.date, day(1, 20)..day(2, 10));
    assert_eq!(found.all().await.unwrap(), expected, "within dates");
    assert_eq!(flights.spent(), (1, expected.len()));
    let (low, high) = (one.seq, one.seq + 100);
    let expected =
        flights.those(|f| f.origin == SFO && f.date == one.date && (low..=high).contains(&f.seq));
    let found = sfo().at(key.date, one.date).within(key.seq, low..=high);
    assert_eq!(found.all().await.unwrap(), expected, "within numbers");
    assert_eq!(flights.spent(), (1, expected.len()));

    let expected = flights.those(|f| f.origin.starts_with("SA"));
    let found = query().starts_with(key.origin, "SA").all().await.unwrap();
    assert_eq!(found, expected, "starts_with");
    assert_eq!(flights.spent(), (pages(expected.len()), expected.len()));
}

#[tokio::test]
async fn filters_orders_limits_and_pages() {
    let flights = Flights::new().await;
    let query = || flights.table.query();
    let large = || query().at(Flight::KEY.origin, LARGE);
    let of_large = flights.those(|f| f.origin == LARGE);
    let lists = pages(of_large.len());

    let expected = flights.those(|f| f.origin == LARGE && f.seq < 1_500);
    let found = large().filter(Flight::COL.seq.lt(1_500_u32));
    assert_eq!(found.all().await.unwrap(), expected, "the key decides");
    assert_eq!(flights.spent(), (lists, expected.len()));
    let expected = flights.those(|f| f.origin == SFO && f.delay.is_some_and(|d| d >= 60));
    let of_sfo = flights.those(|f| f.origin == SFO).len();
    let sfo = query().at(Flight::KEY.origin, SFO);
    let found = sfo.clone().filter(Flight::COL.delay.ge(60));
    assert_eq!(found.all().await.unwrap(), expected, "the row decides");
    assert_eq!(flights.spent(), (pages(of_sfo), of_sfo));

    let mut descending = of_large.clone();
    descending.reverse();
    let found = large().order(Order::Descending).limit(5);
    assert_eq!(found.all().await.unwrap(), descending[..5], "descending");
    assert_eq!(flights.spent(), (lists, 5));
    let found = query().limit(7).all().await.unwrap();
    assert_eq!(found, flights.all[..7], "limit");
    assert_eq!(flights.spent(), (1, 7));
    let found = large().first().await.unwrap();
    assert_eq!(found.as_ref(), of_large.first(), "first");
    assert_eq!(flights.spent(), (1, 1));

    let (mut rows, mut cursor) = (Vec::new(), None::<Cursor>);
    loop {
        let page = large().limit(400).page(cursor.as_ref()).await.unwrap();
        assert_eq!(flights.spent(), (1, page.rows.len()), "a page");
        rows.extend(page.rows);
        let Some(next) = page.next else { break };
        cursor = Some(next.to_string().parse().unwrap());
    }
    assert_eq!(rows, of_large, "pages");
}

#[tokio::test]
async fn what_the_keys_tell() {
    let flights = Flights::new().await;
    let query = || flights.table.query();
    let key = Flight::KEY;
    let sfo = || query().at(key.origin, SFO);
    let of_sfo = flights.those(|f| f.origin == SFO);
    let lists = pages(of_sfo.len());

    assert_eq!(query().count().await.unwrap(), 20_000);
    assert_eq!(flights.spent(), (20, 0), "count of the table");
    assert_eq!(sfo().count().await.unwrap(), of_sfo.len() as u64);
    assert_eq!(flights.spent(), (lists, 0), "count of a partition");
    assert!(sfo().exists().await.unwrap());
    assert_eq!(flights.spent(), (1, 0), "exists");
    assert!(!query().at(key.origin, "XXX").exists().await.unwrap());
    assert_eq!(flights.spent(), (1, 0), "exists not");

    let keys = query().keys().unwrap().collect().await.unwrap();
    let expected = flights
        .all
        .iter()
        .map(|f| (f.origin.clone(), f.date, f.seq));
    assert_eq!(keys, expected.collect::<Vec<_>>());
    assert_eq!(flights.spent(), (20, 0), "keys");

    let origins: BTreeSet<_> = flights.all.iter().map(|f| f.origin.clone()).collect();
    let found = query().distinct(key.origin).await.unwrap();
    assert_eq!(found, origins.into_iter().collect::<Vec<_>>());
    assert_eq!(
        flights.spent(),
        (1, 0),
        "distinct values of the first column"
    );
    let dates: BTreeSet<_> = of_sfo.iter().map(|f| f.date).collect();
    let found = sfo().distinct(key.date).await.unwrap();
    assert_eq!(found, dates.iter().copied().collect::<Vec<_>>());
    assert_eq!(
        flights.spent(),
        (1, 0),
        "distinct values of the next column"
    );

    assert_eq!(sfo().min(key.date).await.unwrap().as_ref(), dates.first());
    assert_eq!(flights.spent(), (1, 0), "min");
    assert_eq!(sfo().max(key.date).await.unwrap().as_ref(), dates.last());
    assert_eq!(flights.spent(), (1, 0), "max of a column with folders");
    let last = of_sfo.last().unwrap();
    let found = sfo().at(key.date, last.date).max(key.seq).await.unwrap();
    assert_eq!(found, Some(last.seq));
    assert_eq!(flights.spent(), (1, 0), "max of the last column");

    let known: BTreeSet<_> = keys.into_iter().collect();
    let any = query().random_key().await.unwrap().unwrap();
    assert!(known.contains(&any), "{any:?}");
    assert_eq!(flights.spent(), (20, 0), "random_key");
    let any = query().random_key().approximate().await.unwrap().unwrap();
    assert!(known.contains(&any), "{any:?}");
    assert_eq!(flights.spent(), (3, 0), "approximate: a request a level");
}

#[tokio::test]
async fn a_scan_reads_the_whole_and_explains_itself() {
    let flights = Flights::new().await;
    let query = || flights.table.query();
    let expected = flights.those(|f| f.distance > 2500);
    let scan = query()
        .scan()
        .concurrency(64)
        .filter(Flight::COL.distance.gt(2500));
    assert_eq!(scan.all().await.unwrap(), expected);
    assert_eq!(flights.spent(), (20, 20_000), "a scan");

    let sfo = query().at(Flight::KEY.origin, SFO);
    let count = flights.those(|f| f.origin == SFO).len();
    let plan = sfo.plan().unwrap();
    assert_eq!((plan.rows, flights.spent()), (Rows::Unknown, (0, 0)));
    let plan = sfo.explain().await.unwrap();
    let (lists, gets) = (pages(count) as u64, count as u64);
    assert_eq!(plan.rows, Rows::Counted(gets));
    assert_eq!((plan.lists(), plan.gets()), (Some(lists), Some(gets)));
    assert_eq!(flights.spent(), (pages(count), 0), "explain");
}
