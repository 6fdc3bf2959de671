//! What each end of a query costs in requests, counted at the server.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // A test may.

use std::time::Duration;

use s3orm::{Db, S3Schema, Table};
use s3orm_tests::connect;
use s3orm_tests::proxy::{Fault, Proxy, on};
use s3orm_tests::server::TestServer;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "items", path = "<shelf>/<id:ordered>")]
struct Item {
    shelf: String,
    id: u32,
}

struct Counted {
    server: TestServer,
    items: Table<Item>,
}

impl Counted {
    /// Shelves with so many items each, put into the store without a request.
    async fn new(shelves: &[(&str, u32)]) -> Self {
        let server = TestServer::memory().await;
        let db: Db = connect::db(&server.endpoint()).await;
        let items = db.table::<Item>();
        for &(shelf, count) in shelves {
            for id in 0..count {
                let item = Item {
                    shelf: shelf.to_owned(),
                    id,
                };
                let key = items.key((shelf, id)).unwrap();
                server.keep(key, items.encode(&item).unwrap()).await;
            }
        }
        Self { server, items }
    }

    /// LIST and GET requests since the last call; there are no others.
    fn spent(&self) -> (usize, usize) {
        self.server.lists_and_gets()
    }
}

#[tokio::test]
async fn a_partition_costs_its_rows() {
    let counted = Counted::new(&[("a", 1_000), ("b", 2_500), ("c", 3)]).await;
    let shelf = |name: &str| counted.items.query().at(Item::KEY.shelf, name);

    assert_eq!(shelf("c").all().await.unwrap().len(), 3);
    assert_eq!(counted.spent(), (1, 3), "all");
    assert_eq!(shelf("a").all().await.unwrap().len(), 1_000);
    assert_eq!(counted.spent(), (1, 1_000), "a full page");
    assert_eq!(shelf("b").limit(2_500).all().await.unwrap().len(), 2_500);
    assert_eq!(counted.spent(), (3, 2_500), "three pages");
    assert_eq!(shelf("none").all().await.unwrap().len(), 0);
    assert_eq!(counted.spent(), (1, 0), "no row");
    shelf("b").first().await.unwrap().unwrap();
    assert_eq!(counted.spent(), (1, 1), "first");
    shelf("b").limit(10).all().await.unwrap();
    assert_eq!(counted.spent(), (1, 10), "limit");
    shelf("b").limit(10).page(None).await.unwrap();
    assert_eq!(counted.spent(), (1, 10), "page");
    shelf("b").at(Item::KEY.id, 7).one().await.unwrap();
    assert_eq!(counted.spent(), (1, 1), "a whole key");
    let found = shelf("b")
        .within(Item::KEY.id, 1_100..1_120)
        .all()
        .await
        .unwrap();
    assert_eq!((found.len(), counted.spent()), (20, (1, 20)), "a range");
}

#[tokio::test]
async fn what_the_keys_tell_reads_no_row() {
    let counted = Counted::new(&[("a", 2_500), ("b", 1), ("c", 1_001)]).await;
    let query = || counted.items.query();
    let shelf = || query().at(Item::KEY.shelf, "a");

    assert_eq!(shelf().count().await.unwrap(), 2_500);
    assert_eq!(counted.spent(), (3, 0), "count");
    assert!(shelf().exists().await.unwrap());
    assert_eq!(counted.spent(), (1, 0), "exists");
    assert_eq!(
        shelf().keys().unwrap().collect().await.unwrap().len(),
        2_500
    );
    assert_eq!(counted.spent(), (3, 0), "keys");
    assert_eq!(
        query().distinct(Item::KEY.shelf).await.unwrap(),
        ["a", "b", "c"]
    );
    assert_eq!(counted.spent(), (1, 0), "distinct values cost no rows");
    assert_eq!(shelf().min(Item::KEY.id).await.unwrap(), Some(0));
    assert_eq!(counted.spent(), (1, 0), "min");
    assert_eq!(shelf().max(Item::KEY.id).await.unwrap(), Some(2_499));
    assert_eq!(counted.spent(), (3, 0), "max of the last column");
    shelf().random_key().await.unwrap().unwrap();
    assert_eq!(counted.spent(), (3, 0), "random_key");
    query().random_key().approximate().await.unwrap().unwrap();
    assert_eq!(
        counted.spent(),
        (2, 0),
        "approximate random_key: a request a level"
    );
    shelf().random().await.unwrap().unwrap();
    assert_eq!(counted.spent(), (3, 1), "random");
    let even = shelf().filter(Item::COL.id.lt(5_u32));
    assert_eq!(even.clone().count().await.unwrap(), 5);
    assert_eq!(
        counted.spent(),
        (3, 0),
        "count under a filter of key columns"
    );
    assert_eq!(even.all().await.unwrap().len(), 5);
    assert_eq!(
        counted.spent(),
        (3, 5),
        "rows under a filter of key columns"
    );
    shelf().plan().unwrap();
    assert_eq!(counted.spent(), (0, 0), "plan");
    shelf().explain().await.unwrap();
    assert_eq!(counted.spent(), (3, 0), "explain");
    query().all().await.unwrap_err();
    assert_eq!(counted.spent(), (0, 0), "a refused query");
}

#[tokio::test]
async fn reads_overlap_and_stop_with_the_stream() {
    let counted = Counted::new(&[("a", 2_500)]).await;
    let proxy = Proxy::in_front_of(counted.server.local_addr()).await;
    proxy.fail_all(on("GetObject"), Fault::Delay(Duration::from_millis(5)));
    let items = connect::db(&proxy.endpoint()).await.table::<Item>();
    let shelf = || items.query().at(Item::KEY.shelf, "a").concurrency(8);
    assert_eq!(shelf().limit(100).all().await.unwrap().len(), 100);
    assert_eq!(proxy.overlap(), 8);
    counted.spent();

    let mut rows = shelf().stream().unwrap();
    for id in 0..20 {
        assert_eq!(rows.next().await.unwrap().unwrap().id, id);
    }
    drop(rows);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let (lists, gets) = counted.spent();
    assert_eq!(lists, 1);
    assert!((20..=28).contains(&gets), "{gets}");
}
