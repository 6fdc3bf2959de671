//! Real flights.

use std::ops::Bound;

use chrono::NaiveDate;
use s3orm::query::Order;
use s3orm::{ErrorKind, S3Schema as _};
use s3orm_tests::flights::{self, Flight};

use super::db;

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
