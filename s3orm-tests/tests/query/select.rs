//! Chosen columns over real HTTP: what they give, and what is requested for them.

use s3orm::query::{Order, Stopped};
use s3orm::store::PutObject;
use s3orm::{Db, ErrorKind, Query, S3Schema, Table};
use s3orm_tests::connect;
use s3orm_tests::server::TestServer;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<city>/<id:ordered>")]
struct Person {
    city: String,
    id: u64,
    email: Option<String>,
    #[serde(default)]
    age: u32,
}

struct Counted {
    server: TestServer,
    people: Table<Person>,
}

impl Counted {
    /// People of Oslo and Rome, whose stored objects lack what may be missing: the e-mail of every
    /// third, the age of every second.
    async fn new(count: u64) -> Self {
        let server = TestServer::memory().await;
        let db: Db = connect::db(&server.endpoint()).await;
        let people = db.table::<Person>();
        for city in ["Oslo", "Rome"] {
            for id in 0..count {
                let mut stored = serde_json::json!({ "city": city, "id": id });
                if !id.is_multiple_of(3) {
                    stored["email"] = format!("{id}@{city}").into();
                }
                if !id.is_multiple_of(2) {
                    stored["age"] = (id + 10).into();
                }
                let key = people.key((city, id)).unwrap();
                server.keep(key, stored.to_string()).await;
            }
        }
        Self { server, people }
    }

    fn oslo(&self) -> Query<'_, Person, s3orm::query::Fixed<1>> {
        self.people.query().at(Person::KEY.city, "Oslo")
    }

    /// LIST and GET requests since the last call; there are no others.
    fn spent(&self) -> (usize, usize) {
        self.server.lists_and_gets()
    }
}

#[tokio::test]
async fn values_come_as_their_fields_have_them() {
    let counted = Counted::new(7).await;
    let c = Person::COL;
    let rows = counted.oslo().all().await.unwrap();
    assert_eq!((rows.len(), counted.spent()), (7, (1, 7)));

    let ages: Vec<u32> = counted.oslo().select(c.age).all().await.unwrap();
    assert_eq!(ages, [0, 11, 0, 13, 0, 15, 0], "the default where none is");
    assert_eq!(counted.spent(), (1, 7));
    let emails: Vec<Option<String>> = counted.oslo().select(c.email).all().await.unwrap();
    let expected: Vec<_> = rows.iter().map(|row| row.email.clone()).collect();
    assert_eq!(
        (emails[0].as_deref(), emails[1].as_deref()),
        (None, Some("1@Oslo"))
    );
    assert_eq!(emails, expected);
    let one: Vec<(u64,)> = counted.oslo().limit(2).select((c.id,)).all().await.unwrap();
    assert_eq!(one, [(0,), (1,)], "a tuple of one is a tuple of one");
    let four = (c.email, c.id, c.age, c.city);
    let four: Vec<(Option<String>, u64, u32, String)> =
        counted.oslo().select(four).all().await.unwrap();
    let expected = rows
        .into_iter()
        .map(|row| (row.email, row.id, row.age, row.city));
    assert_eq!(four, expected.collect::<Vec<_>>());
    let eight = (c.id, c.id, c.id, c.id, c.id, c.id, c.id, c.id);
    let eight = counted.oslo().select(eight).first().await.unwrap();
    assert_eq!(eight, Some((0, 0, 0, 0, 0, 0, 0, 0)));
}

#[tokio::test]
async fn key_columns_are_listed_and_no_row_is_read() {
    let counted = Counted::new(1_001).await;
    let c = Person::COL;
    let both = (c.id, c.city);

    let all = counted.people.query().select(both).all().await.unwrap();
    assert_eq!(
        (all.len(), counted.spent()),
        (2_002, (3, 0)),
        "no scan of rows"
    );
    assert_eq!(all[1_000], (1_000, "Oslo".to_owned()));
    assert_eq!(all[1_001], (0, "Rome".to_owned()));
    let ids = counted
        .oslo()
        .order(Order::Descending)
        .limit(2)
        .select(c.id);
    assert_eq!(ids.all().await.unwrap(), [1_000, 999]);
    assert_eq!(counted.spent(), (2, 0), "descending");
    assert_eq!(counted.oslo().select(c.id).first().await.unwrap(), Some(0));
    assert_eq!(counted.spent(), (1, 0), "first");
    let none = counted.people.query().at(Person::KEY.city, "Bergen");
    assert_eq!(none.select(c.id).first().await.unwrap(), None);
    assert_eq!(counted.spent(), (1, 0), "none");

    let even = counted.oslo().filter(c.id.in_([4_u64, 1_000]));
    let ids = even.clone().select(c.id).all().await.unwrap();
    assert_eq!(
        (ids, counted.spent()),
        (vec![4, 1_000], (2, 0)),
        "keys decide"
    );
    let with_age = even.select((c.id, c.age)).all().await.unwrap();
    assert_eq!(with_age, [(4, 0), (1_000, 0)]);
    assert_eq!(counted.spent(), (2, 2), "a column of the row");
    let adults = counted
        .oslo()
        .within(Person::KEY.id, ..20)
        .filter(c.age.ge(18));
    let ids = adults.select(c.id).all().await.unwrap();
    assert_eq!(ids, [9, 11, 13, 15, 17, 19]);
    assert_eq!(counted.spent(), (1, 20), "a filter of the row");

    // The row itself is not looked at.
    let broken = PutObject {
        key: counted.people.key(("Oslo", 2_000)).unwrap(),
        ..PutObject::default()
    };
    counted.server.store().put(&broken).await.unwrap();
    let last = counted.oslo().within(Person::KEY.id, 2_000..);
    assert_eq!(last.clone().select(c.id).all().await.unwrap(), [2_000]);
    let error = last.select(c.age).all().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
}

#[tokio::test]
async fn streams_and_pages_give_values() {
    let counted = Counted::new(25).await;
    let c = Person::COL;
    let mut values = counted.oslo().select((c.id, c.email)).stream().unwrap();
    let mut ids = Vec::new();
    while let Some(value) = values.next().await {
        let (id, email) = value.unwrap();
        assert_eq!(email.is_none(), id.is_multiple_of(3));
        ids.push(id);
    }
    assert_eq!(ids, (0..25).collect::<Vec<_>>());
    assert_eq!(values.spent().to_string(), "1 LIST and 25 GET requests");
    assert_eq!(counted.spent(), (1, 25));

    let few = counted.oslo().limit(10);
    let (ids, ages) = (few.clone().select(c.id), few.clone().select(c.age));
    for order in [Order::Ascending, Order::Descending] {
        let ids = few.clone().order(order).select(c.id);
        let (mut read, mut cursor) = (Vec::new(), None);
        for expected in [10, 10, 5] {
            let page = ids.page(cursor.as_ref()).await.unwrap();
            assert_eq!((page.rows.len(), counted.spent()), (expected, (1, 0)));
            read.extend(page.rows);
            cursor = page.next;
        }
        assert_eq!(cursor, None);
        read.sort_unstable();
        assert_eq!(read, (0..25).collect::<Vec<_>>(), "{order:?}");
    }
    // A cursor is a place in the query, whichever columns are chosen.
    let next = ids.page(None).await.unwrap().next;
    let page = ages.page(next.as_ref()).await.unwrap();
    assert_eq!(page.rows, [0, 21, 0, 23, 0, 25, 0, 27, 0, 29]);
    assert_eq!(few.page(next.as_ref()).await.unwrap().rows[0].id, 10);
    assert_eq!(page.next, few.page(next.as_ref()).await.unwrap().next);

    let exact = counted.oslo().limit(25).select(c.id).page(None).await;
    assert_eq!(exact.unwrap().next, None, "no page is left");
}

#[tokio::test]
async fn limits_and_budgets_hold_for_values() {
    let counted = Counted::new(1_500).await;
    let c = Person::COL;
    let whole = || counted.people.query();

    let error = whole().select(c.age).all().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "it reads every row");
    let error = whole().select(c.age).stream().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let filtered = whole().filter(c.age.ge(1)).select(c.id);
    let error = filtered.page(None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "also to filter them");
    assert_eq!(counted.spent(), (0, 0));
    assert_eq!(whole().limit(2).select(c.age).all().await.unwrap(), [0, 11]);
    assert_eq!(counted.spent(), (1, 2));

    let error = counted.oslo().max_requests(1).select(c.id).all().await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Budget);
    assert_eq!(counted.spent(), (1, 0));
    let ids = counted.oslo().max_requests(1).limit(1_200).select(c.id);
    let page = ids.page(None).await.unwrap();
    assert_eq!(
        (page.rows.len(), page.stopped),
        (1_000, Some(Stopped::Budget))
    );
    let rest = ids.page(page.next.as_ref()).await.unwrap();
    assert_eq!(
        (rest.rows.len(), rest.rows[0], rest.next),
        (500, 1_000, None)
    );
}

#[tokio::test]
async fn plans_tell_what_is_kept_and_that_nothing_is_read() {
    let counted = Counted::new(30).await;
    let c = Person::COL;
    let keys = counted.oslo().filter(c.id.lt(5_u64)).select((c.id, c.city));
    let plan = keys.plan().unwrap();
    assert_eq!(plan.columns, Some((vec!["id", "city"], true)));
    assert_eq!(
        (plan.reads_rows(), plan.gets(), plan.lists()),
        (false, Some(0), None)
    );
    assert_eq!(
        plan.to_string(),
        "list `people/Oslo/`\n\
         filter keys: id < 5\n\
         read no rows\n\
         keep `id`, `city` of the keys\n\
         requests: 1 LIST a thousand keys; not counted"
    );
    let plan = keys.explain().await.unwrap();
    assert_eq!((plan.lists(), plan.gets()), (Some(1), Some(0)));
    assert!(
        plan.to_string()
            .ends_with("\nrequests: 1 LIST and 0 GET, $0.000005 at the prices of 2026-11-01")
    );
    assert_eq!(counted.spent(), (1, 0));

    let rows = counted.oslo().filter(c.age.ge(18)).select(c.id);
    assert_eq!(
        rows.plan().unwrap().to_string(),
        "list `people/Oslo/`\n\
         read rows\n\
         filter rows: age >= 18\n\
         keep `id`\n\
         requests: 1 LIST a thousand keys, 1 GET a row; not counted"
    );
    let limited = counted.oslo().limit(7).select((c.id, c.email));
    let plan = limited.plan().unwrap();
    assert_eq!((plan.reads_rows(), plan.gets()), (true, Some(7)));
    assert_eq!(counted.oslo().plan().unwrap().columns, None);
}

#[tokio::test]
async fn a_table_answers_from_its_keys() {
    let counted = Counted::new(1_001).await;
    assert_eq!(counted.people.count().await.unwrap(), 2_002);
    assert_eq!(counted.spent(), (3, 0));
    let cities = counted.people.distinct(Person::KEY.city).await.unwrap();
    assert_eq!(
        (cities, counted.spent()),
        (vec!["Oslo".to_owned(), "Rome".to_owned()], (1, 0))
    );
}
