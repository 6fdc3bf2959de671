//! Pages, plans, and what the keys alone answer.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use chrono::NaiveDate;
use s3orm::query::{Cursor, Order, Prices, Rows, Stopped};
use s3orm::store::PutObject;
use s3orm::{Db, Env, ErrorKind, S3Schema};
use s3orm_tests::flights::{self, Flight};
use serde::{Deserialize, Serialize};

async fn db() -> Db {
    Db::connect("memory:").await.unwrap()
}

fn those(test: impl Fn(&Flight) -> bool) -> Vec<Flight> {
    flights::by_key().into_iter().filter(test).collect()
}

#[tokio::test]
async fn pages_are_the_whole_in_parts() {
    let table = flights::shared().await;
    for order in [Order::Ascending, Order::Descending] {
        for (origin, size) in [("MDT", 1), ("ATL", 7), ("ATL", 500)] {
            let query = || {
                table
                    .query()
                    .at(Flight::KEY.origin, origin)
                    .limit(size)
                    .order(order)
            };
            let mut expected = those(|f| f.origin == origin);
            if order == Order::Descending {
                expected.reverse();
            }
            let (mut rows, mut cursor) = (Vec::new(), None::<Cursor>);
            loop {
                let page = query().page(cursor.as_ref()).await.unwrap();
                assert_eq!(page.stopped, None);
                assert_eq!(
                    page.rows.len(),
                    size.min(expected.len() - rows.len()),
                    "no short page"
                );
                rows.extend(page.rows);
                let Some(next) = page.next else { break };
                // As text, as a restart would have it.
                cursor = Some(next.to_string().parse().unwrap());
            }
            assert_eq!(rows, expected);
        }
    }
}

#[tokio::test]
async fn filtered_pages_are_filled_up() {
    let table = flights::shared().await;
    let query = table
        .query()
        .filter(Flight::COL.distance.gt(2500))
        .scan()
        .limit(10);
    let expected = those(|f| f.distance > 2500);
    let (mut rows, mut cursor) = (Vec::new(), None);
    loop {
        let page = query.page(cursor.as_ref()).await.unwrap();
        rows.extend(page.rows.clone());
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
        assert_eq!(page.rows.len(), 10);
    }
    assert_eq!(rows, expected);

    // A budget cuts a page short, says so, and the next goes on where it stopped.
    let (mut rows, mut cursor, mut stops) = (Vec::new(), None, 0);
    loop {
        let page = query
            .clone()
            .max_requests(200)
            .page(cursor.as_ref())
            .await
            .unwrap();
        rows.extend(page.rows);
        stops += usize::from(page.stopped == Some(Stopped::Budget));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert!(stops > 5, "{stops}");
    assert_eq!(rows, expected);
    let error = query.max_requests(1).page(None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Budget);
}

#[tokio::test]
async fn a_cursor_outlives_its_row_and_belongs_to_its_query() {
    let table = flights::loaded(&db().await).await;
    let atl = table.query().at(Flight::KEY.origin, "ATL").limit(5);
    let all = those(|f| f.origin == "ATL");
    let cursor = atl.page(None).await.unwrap().next.unwrap();
    table
        .delete((&all[4].origin, all[4].date, all[4].seq))
        .await
        .unwrap();
    assert_eq!(atl.page(Some(&cursor)).await.unwrap().rows, all[5..10]);

    let other = table.query().at(Flight::KEY.origin, "SFO");
    let error = other.page(Some(&cursor)).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.operation()),
        (ErrorKind::InvalidKey, "page")
    );
    let down = atl
        .clone()
        .order(Order::Descending)
        .page(Some(&cursor))
        .await
        .unwrap_err();
    assert_eq!(down.kind(), ErrorKind::InvalidKey);
    let filtered = atl
        .filter(Flight::COL.distance.gt(1))
        .page(Some(&cursor))
        .await
        .unwrap_err();
    assert_eq!(filtered.kind(), ErrorKind::InvalidKey);
    for text in ["", "c1", "c1-x", "c2-0-a", "c1-00-a/b", "c1-00-.a"] {
        assert_eq!(
            text.parse::<Cursor>().unwrap_err().kind(),
            ErrorKind::InvalidKey,
            "{text}"
        );
    }
}

/// One partition of many.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "items", path = "<shelf>/<id:ordered>")]
struct Item {
    shelf: String,
    id: u32,
}

async fn shelf(db: &Db, items: u32) -> s3orm::Table<Item> {
    let table = db.table::<Item>();
    for id in 0..items {
        table
            .put(Item {
                shelf: "a".into(),
                id,
            })
            .await
            .unwrap();
    }
    table
}

#[tokio::test]
async fn no_page_ends_at_a_thousand_keys() {
    let table = shelf(&db().await, 2_500).await;
    let a = table.query().at(Item::KEY.shelf, "a");
    let page = a.clone().limit(1_200).page(None).await.unwrap();
    assert_eq!(page.rows.len(), 1_200);
    let rest = a
        .clone()
        .limit(5_000)
        .page(page.next.as_ref())
        .await
        .unwrap();
    assert_eq!(
        (rest.rows.len(), rest.rows[0].id, rest.next),
        (1_300, 1_200, None)
    );
    assert_eq!(a.clone().all().await.unwrap().len(), 2_500);
    let last = a.order(Order::Descending).limit(2).all().await.unwrap();
    assert_eq!((last[0].id, last[1].id), (2_499, 2_498));
}

#[tokio::test]
async fn plans_say_what_is_done_and_what_it_costs() {
    let table = shelf(&db().await, 1_500).await;
    let query = table
        .query()
        .at(Item::KEY.shelf, "a")
        .within(Item::KEY.id, 100..1_300)
        .filter(Item::COL.shelf.ne("b"));
    let plan = query.plan().unwrap();
    assert_eq!((plan.rows, plan.cost()), (Rows::Unknown, None));
    assert_eq!(plan.filter, Some(("shelf <> \"b\"".to_owned(), true)));
    assert!(!plan.whole_table);

    let plan = query.explain().await.unwrap();
    assert_eq!(
        (plan.rows, plan.lists(), plan.gets()),
        (Rows::Counted(1_200), Some(2), Some(1_200))
    );
    assert_eq!(
        plan.to_string(),
        "list `items/a/`, after `items/a/00000000000000000100`, up to `items/a/00000000000000001300…`\n\
         filter keys: shelf <> \"b\"\nread the rows\n\
         requests: 2 LIST and 1200 GET, $0.000490 at the prices of 2026-11-01"
    );
    let mut rows = query.clone().stream().unwrap();
    while let Some(row) = rows.next().await {
        row.unwrap();
    }
    let spent = rows.spent();
    assert_eq!(
        (Some(spent.lists), Some(spent.gets)),
        (plan.lists(), plan.gets())
    );

    let free = Prices {
        since: "2000-01-01",
        list: 1.0,
        get: 0.0,
    };
    let plan = query.prices(free).limit(3).explain().await.unwrap();
    assert_eq!((plan.rows, plan.cost()), (Rows::Counted(3), Some(0.001)));

    let plan = table
        .query()
        .order(Order::Descending)
        .scan()
        .plan()
        .unwrap();
    assert_eq!(
        plan.to_string(),
        "list `items/`, the whole table\n  every key of it before the first row: the order is \
         descending\nread the rows\nrequests: 1 LIST a thousand keys, 1 GET a row; not counted"
    );
}

#[tokio::test]
async fn values_of_key_columns() {
    let table = flights::shared().await;
    let all = flights::by_key();
    let origins: BTreeSet<_> = all.iter().map(|f| f.origin.clone()).collect();
    let dates: BTreeSet<_> = all.iter().map(|f| f.date).collect();
    let sfo: BTreeSet<_> = those(|f| f.origin == "SFO")
        .iter()
        .map(|f| f.date)
        .collect();

    let found = table.query().distinct(Flight::KEY.origin).await.unwrap();
    assert_eq!(found, origins.iter().cloned().collect::<Vec<_>>());
    let mut found = table.query().distinct(Flight::KEY.date).await.unwrap();
    found.sort();
    assert_eq!(found, dates.iter().copied().collect::<Vec<_>>());

    let query = || table.query().at(Flight::KEY.origin, "SFO");
    let date = Flight::KEY.date;
    let found = query().distinct(date).await.unwrap();
    assert_eq!(found, sfo.iter().copied().collect::<Vec<_>>());
    assert_eq!(query().distinct(Flight::KEY.origin).await.unwrap(), ["SFO"]);
    assert_eq!(query().min(date).await.unwrap().as_ref(), sfo.first());
    assert_eq!(query().max(date).await.unwrap().as_ref(), sfo.last());
    let noon = NaiveDate::from_ymd_opt(2001, 2, 7).unwrap();
    let found = query().within(date, noon..).distinct(date).await.unwrap();
    assert_eq!(found, sfo.range(noon..).copied().collect::<Vec<_>>());
    let found = query().within(date, ..noon).distinct(date).await.unwrap();
    assert_eq!(found, sfo.range(..noon).copied().collect::<Vec<_>>());
    let far = query()
        .filter(Flight::COL.seq.lt(1000_u32))
        .distinct(date)
        .await
        .unwrap();
    let expected: BTreeSet<_> = those(|f| f.origin == "SFO" && f.seq < 1000)
        .iter()
        .map(|f| f.date)
        .collect();
    assert_eq!(far, expected.into_iter().collect::<Vec<_>>());
    let seqs = query().at(date, noon).max(Flight::KEY.seq).await.unwrap();
    assert_eq!(
        seqs,
        those(|f| f.origin == "SFO" && f.date == noon)
            .last()
            .map(|f| f.seq)
    );
    let none = table.query().at(Flight::KEY.origin, "XXX");
    assert_eq!(none.max(date).await.unwrap(), None);
}

/// Newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "news", path = "at=<at:desc>,<id>")]
struct News {
    at: u8,
    id: u8,
}

#[tokio::test]
async fn extremes_of_a_descending_column_that_shares_its_segment() {
    let news = db().await.table::<News>();
    assert_eq!(news.query().min(News::KEY.at).await.unwrap(), None);
    for (at, id) in [(3, 1), (200, 1), (200, 2), (17, 1)] {
        news.put(News { at, id }).await.unwrap();
    }
    assert_eq!(news.query().min(News::KEY.at).await.unwrap(), Some(3));
    assert_eq!(news.query().max(News::KEY.at).await.unwrap(), Some(200));
    assert_eq!(
        news.query().distinct(News::KEY.at).await.unwrap(),
        [200, 17, 3]
    );
    assert_eq!(news.query().first().await.unwrap().unwrap().at, 200);
}

#[tokio::test]
async fn random_keys_are_uniform_and_approximate_ones_are_keys() {
    let store = s3orm::store::memory::MemoryStore::new("memory", Env::system());
    let db = Db::with_store(std::sync::Arc::new(store), "", Env::seeded(7)).unwrap();
    let table = shelf(&db, 3).await;
    assert_eq!(
        table
            .query()
            .at(Item::KEY.shelf, "b")
            .random_key()
            .await
            .unwrap(),
        None
    );
    table
        .put(Item {
            shelf: "b".into(),
            id: 3,
        })
        .await
        .unwrap();
    let mut seen = [0_u32; 4];
    for _ in 0..4_000 {
        let (_, id) = table.query().random_key().await.unwrap().unwrap();
        seen[id as usize] += 1;
    }
    // Five standard deviations of 1,000.
    assert!(
        seen.iter().all(|&times| (863..1_137).contains(&times)),
        "{seen:?}"
    );

    let mut seen = [0_u32; 4];
    for _ in 0..1_000 {
        let (_, id) = table
            .query()
            .random_key()
            .approximate()
            .await
            .unwrap()
            .unwrap();
        seen[id as usize] += 1;
    }
    assert!(seen.iter().all(|&times| times > 100), "{seen:?}");
    assert!(seen[3] > 400, "a small folder's is likelier: {seen:?}");
    assert!(table.query().random().await.unwrap().is_some());

    // A folder of foreign objects leads nowhere.
    let foreign = PutObject {
        key: "items/c/x".into(),
        ..PutObject::default()
    };
    db.store().put(&foreign).await.unwrap();
    for _ in 0..50 {
        assert!(
            table
                .query()
                .random_key()
                .approximate()
                .await
                .unwrap()
                .is_some()
        );
    }
}
