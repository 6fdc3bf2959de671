//! Rows that belong to rows of another table: what they share, and what it costs, over HTTP.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // A test may.

use std::time::Duration;

use s3orm::query::Order as Direction;
use s3orm::store::PutObject;
use s3orm::{BelongsTo, Db, ErrorKind, KeyPrefix, S3Schema, Table};
use s3orm_tests::connect;
use s3orm_tests::proxy::{Fault, Proxy, on};
use s3orm_tests::server::TestServer;
use serde::{Deserialize, Serialize};

use self::faces::Avatar;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "customers", path = "<region>/<id>")]
struct Customer {
    region: String,
    id: u64,
    name: String,
}

/// The shared columns have names, forms and literals of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(
    table = "orders",
    path = "in=<region>/<customer:ordered>+<no:ordered>",
    belongs_to = "Customer"
)]
struct Order {
    region: String,
    customer: u64,
    no: u32,
}

/// A grandchild, whose body is not JSON.
#[derive(Debug, Clone, PartialEq, S3Schema)]
#[s3(
    table = "lines",
    path = "<region>/<customer>/<order>/<no>",
    body = "raw",
    belongs_to = "Order",
    belongs_to = "Customer"
)]
struct Line {
    region: String,
    customer: u64,
    order: u32,
    no: u8,
    #[s3(body)]
    text: String,
}

mod faces {
    use s3orm::S3Schema;
    use serde::{Deserialize, Serialize};

    /// At most one a customer: the same key.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
    #[s3(table = "avatars", path = "<region>-<id>", encoding = "verbatim")]
    #[s3(belongs_to = "super::Customer")]
    pub(super) struct Avatar {
        pub(super) region: String,
        pub(super) id: u64,
    }
}

fn customer(id: u64) -> Customer {
    Customer {
        region: "eu".into(),
        id,
        name: format!("customer {id}"),
    }
}

fn order(customer: u64, no: u32) -> Order {
    Order {
        region: "eu".into(),
        customer,
        no,
    }
}

fn line(customer: u64, order: u32, no: u8) -> Line {
    Line {
        region: "eu".into(),
        customer,
        order,
        no,
        text: format!("{customer} {order} {no}"),
    }
}

struct Shop {
    server: TestServer,
    customers: Table<Customer>,
    orders: Table<Order>,
    lines: Table<Line>,
}

impl Shop {
    /// Customers 1, 2 and 10 with as many orders, of two lines each. The orders of customer 3 have
    /// lost theirs.
    async fn new() -> Self {
        let server = TestServer::memory().await;
        let db: Db = connect::db(&server.endpoint()).await;
        let shop = Self {
            customers: db.table(),
            orders: db.table(),
            lines: db.table(),
            server,
        };
        for id in [1, 2, 10] {
            shop.customers.put(customer(id)).await.unwrap();
        }
        for (id, orders) in [(1, 1), (2, 2), (3, 3), (10, 10)] {
            for no in 1..=orders {
                shop.orders.put(order(id, no)).await.unwrap();
                for no_of_line in [1, 10] {
                    shop.lines.put(line(id, no, no_of_line)).await.unwrap();
                }
            }
        }
        shop.server.reset();
        shop
    }

    /// LIST and GET requests since the last call; there are no others.
    fn spent(&self) -> (usize, usize) {
        self.server.lists_and_gets()
    }
}

#[tokio::test]
async fn children_are_one_part_of_their_table() {
    let shop = Shop::new().await;
    for id in [1_u32, 2, 10] {
        let orders = shop.orders.query().of(&customer(id.into()));
        let expected: Vec<_> = (1..=id).map(|no| order(id.into(), no)).collect();
        assert_eq!(orders.all().await.unwrap(), expected);
        assert_eq!(shop.spent(), (1, id as usize));
    }
    let ten = customer(10);
    let orders = || shop.orders.query().of(&ten);
    assert_eq!(orders().count().await.unwrap(), 10);
    assert_eq!(shop.spent(), (1, 0));
    let found = orders().within(Order::KEY.no, 4..6).all().await.unwrap();
    assert_eq!(found, [order(10, 4), order(10, 5)]);
    let found = orders().at(Order::KEY.no, 10).one().await.unwrap();
    assert_eq!(found, order(10, 10));
    let last = orders().order(Direction::Descending).first().await.unwrap();
    assert_eq!(last, Some(order(10, 10)));
    let odd = orders()
        .filter(Order::COL.no.gt(8_u32))
        .all()
        .await
        .unwrap();
    assert_eq!(odd, [order(10, 9), order(10, 10)]);

    // By key, and as a value.
    let query = shop.orders.query().of_key::<Customer>(("eu", 2));
    assert_eq!(query.count().await.unwrap(), 2);
    let prefix = KeyPrefix::<Order>::of_key::<Customer>(("eu", 2));
    assert_eq!(prefix.to_string(), "in=eu/00000000000000000002+");
    assert_eq!(shop.orders.query().under(&prefix).count().await.unwrap(), 2);
    let none = shop.orders.query().of(&customer(100));
    assert_eq!(none.all().await.unwrap(), []);
    let elsewhere = Customer {
        region: "e".into(),
        ..customer(1)
    };
    assert!(!shop.orders.query().of(&elsewhere).exists().await.unwrap());
}

#[tokio::test]
async fn grandchildren_belong_to_both() {
    let shop = Shop::new().await;
    let of_customer = shop.lines.query().of(&customer(1)).all().await.unwrap();
    assert_eq!(of_customer, [line(1, 1, 1), line(1, 1, 10)]);
    let of_ten = shop.lines.query().of(&customer(10));
    assert_eq!(of_ten.clone().count().await.unwrap(), 20);
    // The column between is the next one.
    let tenth = of_ten.at(Line::KEY.order, 10).all().await.unwrap();
    let order = order(10, 10);
    assert_eq!(shop.lines.query().of(&order).all().await.unwrap(), tenth);
    assert_eq!(tenth, [line(10, 10, 1), line(10, 10, 10)]);
    let first = shop.lines.query().of(&order).at(Line::KEY.no, 1);
    assert_eq!(first.one().await.unwrap(), line(10, 10, 1));
    shop.spent();

    let line = line(10, 3, 1);
    assert_eq!(shop.customers.of(&line).await.unwrap(), Some(customer(10)));
    assert_eq!(shop.spent(), (0, 1));
    assert_eq!(shop.orders.of(&line).await.unwrap().unwrap().no, 3);
    assert_eq!(shop.spent(), (0, 1));
    let key = BelongsTo::<Customer>::parent_key(&line);
    assert_eq!(key, ("eu".to_owned(), 10));

    let found = shop.orders.get_with::<Line>(("eu", 2, 2)).await.unwrap();
    assert_eq!(found.unwrap().1.len(), 2);
    assert_eq!(shop.spent(), (1, 3));
    let found = shop.customers.get_with::<Line>(("eu", 2)).await.unwrap();
    assert_eq!(found.unwrap().1.len(), 4);
    assert_eq!(shop.spent(), (1, 5));
}

#[tokio::test]
async fn a_parent_comes_with_its_children() {
    let shop = Shop::new().await;
    let get = |id: u64| shop.customers.get_with::<Order>(("eu", id));
    let found = get(2).await.unwrap();
    let expected = (customer(2), vec![order(2, 1), order(2, 2)]);
    assert_eq!(found, Some(expected));
    assert_eq!(shop.spent(), (1, 3), "1 GET, and 1 a child");
    let (_, orders) = get(10).limit(3).await.unwrap().unwrap();
    assert_eq!(orders, [order(10, 1), order(10, 2), order(10, 3)]);
    assert_eq!(shop.spent(), (1, 4), "the limit");
    let (_, orders) = get(10).limit(0).await.unwrap().unwrap();
    assert_eq!(orders, []);

    shop.customers.put(customer(5)).await.unwrap();
    shop.server.reset();
    assert_eq!(get(5).await.unwrap(), Some((customer(5), vec![])));
    assert_eq!(shop.spent(), (1, 1), "no child");

    // Neither, and orphans. What was given up may reach the server later, or never.
    assert_eq!(get(4).await.unwrap(), None);
    assert_eq!(get(3).await.unwrap(), None);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let (lists, gets) = shop.spent();
    assert!(lists <= 2 && (2..=5).contains(&gets), "{lists} {gets}");
}

#[tokio::test]
async fn a_child_tells_its_parent() {
    let shop = Shop::new().await;
    // A row with its version, which `insert` and `read` give, is as good.
    let order = shop.orders.read(("eu", 2, 1)).await.unwrap().unwrap();
    shop.spent();
    assert_eq!(shop.customers.of(&order).await.unwrap(), Some(customer(2)));
    assert_eq!(shop.spent(), (0, 1));
    let row = shop.customers.read(order.parent_key()).await.unwrap();
    let count = shop.orders.query().of(&row.unwrap()).count();
    assert_eq!(count.await.unwrap(), 2);
    assert_eq!(shop.customers.of(&self::order(3, 1)).await.unwrap(), None);
}

#[tokio::test]
async fn orphans_are_found_and_families_deleted() {
    let shop = Shop::new().await;
    let customers = shop.customers.query().keys().unwrap();
    let customers = customers.collect().await.unwrap();
    let parents = shop.orders.query().at(Order::KEY.region, "eu");
    let mut orphans = parents.distinct(Order::KEY.customer).await.unwrap();
    orphans.retain(|id| !customers.contains(&("eu".to_owned(), *id)));
    assert_eq!(orphans, [3]);

    let one = customer(1);
    let under = KeyPrefix::<Line>::of(&one).to_string();
    assert_eq!(under, "eu/1/");
    let lines = shop.lines.delete_all().under(under).confirm("lines");
    assert_eq!(lines.await.unwrap().into_result().unwrap(), 2);
    let keys = shop.orders.query().of(&one).keys().unwrap();
    let keys = keys.collect().await.unwrap();
    let report = shop.orders.delete_many(keys).await;
    report.into_result().unwrap();
    assert!(!shop.orders.query().of(&one).exists().await.unwrap());
    assert_eq!(shop.orders.query().count().await.unwrap(), 15);
    assert_eq!(shop.lines.query().count().await.unwrap(), 30);
}

#[tokio::test]
async fn the_parent_decides_and_errors_are_told() {
    let shop = Shop::new().await;
    let broken = |key: &str| PutObject {
        key: key.to_owned(),
        ..PutObject::default()
    };
    let get = |id: u64| shop.customers.get_with::<Order>(("eu", id));
    let order = shop.orders.key(("eu", 2, 2)).unwrap();
    shop.server.store().put(&broken(&order)).await.unwrap();
    let error = get(2).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.key()),
        (ErrorKind::Decode, Some(&*order))
    );
    assert!(error.to_string().contains("`orders/"), "{error}");
    shop.customers.delete(("eu", 2)).await.unwrap();
    assert_eq!(get(2).await.unwrap(), None, "a broken orphan");
    let one = shop.customers.key(("eu", 1)).unwrap();
    shop.server.store().put(&broken(&one)).await.unwrap();
    let error = get(1).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.key()),
        (ErrorKind::Decode, Some(&*one))
    );

    let avatars = shop.customers.db().table::<Avatar>();
    let (region, id) = ("eu".to_owned(), 10);
    avatars.put(Avatar { region, id }).await.unwrap();
    let found = shop.customers.get_with::<Avatar>(("eu", 10)).await.unwrap();
    assert_eq!(found.unwrap().1.len(), 1, "the same key");
    // Of a value that the child's keys cannot hold.
    let odd = Customer {
        region: "a-b".into(),
        ..customer(1)
    };
    let error = avatars.query().of(&odd).all().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidKey);
    shop.customers.put(&odd).await.unwrap();
    let found = shop.customers.get_with::<Avatar>(("a-b", 1)).await;
    assert_eq!(found.unwrap_err().kind(), ErrorKind::InvalidKey);
    let found = shop.customers.get_with::<Avatar>(("a-b", 2)).await;
    assert_eq!(found.unwrap(), None);
}

#[tokio::test]
async fn children_are_bounded_unless_limited() {
    let shop = Shop::new().await;
    let rest = |order: Order| PutObject {
        key: shop
            .orders
            .key((&order.region, order.customer, order.no))
            .unwrap(),
        body: shop.orders.encode(&order).unwrap(),
        ..PutObject::default()
    };
    for no in 11..=10_001 {
        shop.server.store().put(&rest(order(10, no))).await.unwrap();
    }
    let get = || shop.customers.get_with::<Order>(("eu", 10));
    let error = get().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    shop.server.reset();
    let (_, orders) = get().limit(2_500).await.unwrap().unwrap();
    assert_eq!((orders.len(), shop.spent()), (2_500, (3, 2_501)));
}

/// Each of the two is held up in turn: the other is done before it reaches the server.
#[tokio::test]
async fn the_parent_and_the_listing_overlap() {
    let shop = Shop::new().await;
    let proxy = Proxy::in_front_of(shop.server.local_addr()).await;
    let customers = connect::db(&proxy.endpoint()).await.table::<Customer>();
    let (get, list) = ("GetObject", "ListObjectsV2");
    let late = Fault::Delay(Duration::from_millis(300));
    for (held_up, served) in [
        (on(get).path("/customers/"), [list, get, get, get]),
        (on(list), [get, list, get, get]),
    ] {
        proxy.fail_next(held_up, late.clone());
        shop.server.reset();
        let found = customers.get_with::<Order>(("eu", 2)).await.unwrap();
        assert_eq!(found.unwrap().1.len(), 2);
        let requests = shop.server.requests();
        let order: Vec<_> = requests.iter().map(|request| request.operation).collect();
        assert_eq!(order, served);
    }
    // Reading children ends with the parent's absence.
    proxy.fail_next(on(list), Fault::Delay(Duration::from_secs(5)));
    shop.server.reset();
    assert_eq!(customers.get_with::<Order>(("eu", 3)).await.unwrap(), None);
    assert_eq!(shop.spent(), (0, 1));
}
