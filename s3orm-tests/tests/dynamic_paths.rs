//! Paths, types, filters and plans of dynamic tables: over real HTTP, requests counted.

use s3orm::dynamic::{DynamicTable, Filter, Values};
use s3orm::query::Rows;
use s3orm::{Db, ErrorKind, S3Schema};
use s3orm_tests::connect;
use s3orm_tests::server::TestServer;
use serde_json::json;

/// The same table as a struct.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, S3Schema)]
#[s3(
    table = "flights",
    path = "from=<origin>/<day:desc>/<seq:ordered>+<leg>"
)]
struct Flight {
    origin: String,
    day: chrono::NaiveDate,
    seq: i32,
    leg: u8,
    delay: Option<i64>,
}

const PATH: &str = "from=<origin>/<day:date:desc>/<seq:i32:ordered>+<leg:u8>";

struct Bench {
    server: TestServer,
    db: Db,
    flights: DynamicTable,
}

fn day(number: u32) -> chrono::NaiveDate {
    chrono::NaiveDate::from_ymd_opt(2024, 1, number).expect("a day")
}

impl Bench {
    /// Two origins, three days, sequence numbers -5 to 4.
    async fn new() -> Self {
        let server = TestServer::memory().await;
        let db = connect::db(&server.endpoint()).await;
        let flights = db.dynamic("flights").path(PATH).expect("a path");
        let this = Self {
            server,
            db,
            flights,
        };
        let typed = this.db.table::<Flight>();
        for origin in ["OSL", "a/b ü"] {
            for number in 1..=3 {
                for seq in -5..5 {
                    let flight = Flight {
                        origin: origin.to_owned(),
                        day: day(number),
                        seq,
                        leg: 7,
                        delay: (seq % 2 == 0).then_some(seq.into()),
                    };
                    typed.put(flight).await.expect("put");
                }
            }
        }
        this.server.reset();
        this
    }

    fn spent(&self) -> Vec<&'static str> {
        self.server.spent()
    }
}

fn filter(text: &str) -> Filter {
    text.parse().expect(text)
}

#[tokio::test]
async fn keys_are_those_of_the_struct() {
    let bench = Bench::new().await;
    let typed = bench.db.table::<Flight>();
    let values = Values::from([
        ("leg", "7"),
        ("seq", "-5"),
        ("day", "2024-01-02"),
        ("origin", "a/b ü"),
    ]);
    let row = bench
        .flights
        .select(&values)
        .await
        .expect("read")
        .expect("it is there");
    let flight = typed
        .read(("a/b ü", day(2), -5, 7))
        .await
        .expect("read")
        .expect("it is there");
    assert_eq!(row.key(), flight.key());
    let parsed = bench.flights.values(row.key()).expect("a row's");
    assert_eq!(parsed.get("seq"), Some("-5"));
    assert_eq!(bench.flights.json_of("seq", "-5"), json!(-5));
    assert_eq!(
        bench.flights.path(),
        "from=<origin>/<day:desc>/<seq:ordered>+<leg>.json"
    );
    for (column, wrong) in [
        ("seq", "x"),
        ("seq", "01"),
        ("day", "2024-13-01"),
        ("leg", "256"),
    ] {
        let pairs = values
            .iter()
            .map(|(name, value)| (name, if name == column { wrong } else { value }));
        let error = bench
            .flights
            .put(pairs.collect::<Values>(), "{}")
            .await
            .expect_err(wrong);
        assert_eq!(error.kind(), ErrorKind::InvalidKey, "{error}");
        assert!(
            error
                .to_string()
                .contains(&format!("key column `{column}`: `{wrong}`")),
            "{error}"
        );
    }
    // Keys with another spelling of a value are no rows.
    assert_eq!(
        bench.flights.values("flights/from=OSL/7975-98-98/x+7.json"),
        None
    );
}

#[tokio::test]
async fn filters_narrow_what_is_listed_and_read() {
    let bench = Bench::new().await;
    let oslo = || bench.flights.query([("origin", "OSL")]);
    let that_day = || {
        bench
            .flights
            .query([("origin", "OSL"), ("day", "2024-01-02")])
    };
    for (query, expected, requests) in [
        (oslo().filter(filter("day = 2024-01-02")), 10, 1),
        (
            oslo().filter(filter("day >= 2024-01-02 and seq < 0")),
            10,
            1,
        ),
        (
            oslo().filter(filter("day between 2024-01-01 and 2024-01-02")),
            20,
            1,
        ),
        (oslo().filter(filter("leg > 6 or seq = 1")), 30, 1),
        (that_day().filter(filter("seq >= -1 and seq <= 1")), 3, 1),
        (that_day().filter(filter("seq > 4")), 0, 1),
        // Every row of the part is read, and no other.
        (that_day().filter(filter("seq > 1 and delay > 2")), 1, 4),
        (that_day().filter(filter("delay is null")), 5, 11),
        (bench.flights.all().filter(filter("seq in (-5, 4)")), 12, 1),
    ] {
        let shown = format!("{query:?}");
        assert_eq!(
            query.clone().count().await.expect("counted"),
            expected,
            "{shown}"
        );
        assert_eq!(bench.spent().len(), requests, "{shown}");
        assert_eq!(
            query.clone().rows().await.expect("read").len() as u64,
            expected
        );
        assert_eq!(
            query.segments(4).keys().await.expect("listed").len() as u64,
            expected
        );
        bench.spent();
    }
    let listed = that_day()
        .filter(filter("seq >= 3"))
        .plan()
        .expect("a plan");
    assert!(
        listed.start_after.is_some() && !listed.whole_table,
        "{listed}"
    );
    let by_days = oslo()
        .filter(filter("day > 2024-01-02"))
        .plan()
        .expect("a plan");
    assert!(
        by_days.stop.is_some(),
        "descending: the newest are the first: {by_days}"
    );
    let plan = that_day()
        .filter(filter("delay > 1"))
        .explain()
        .await
        .expect("a plan");
    assert_eq!(
        (plan.rows, plan.lists(), plan.gets()),
        (Rows::Counted(10), Some(1), Some(10))
    );
    assert_eq!(bench.spent(), ["ListObjectsV2"]);

    let error = bench
        .flights
        .all()
        .filter(filter("delay > 1"))
        .count()
        .await
        .expect_err("a scan");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(
        error
            .to_string()
            .ends_with("give a value for `origin`, or write `.scan()` to read the whole table"),
        "{error}"
    );
    assert!(bench.spent().is_empty());
}

#[tokio::test]
async fn pages_distinct_values_and_random_rows_keep_to_the_query() {
    let bench = Bench::new().await;
    let mut after = String::new();
    let mut seen = Vec::new();
    loop {
        let page = bench
            .flights
            .all()
            .after(&after)
            .limit(7)
            .list()
            .await
            .expect("a page");
        let Some(last) = page.last() else { break };
        last.key.clone_into(&mut after);
        seen.extend(page.into_iter().map(|row| row.key));
    }
    assert_eq!(seen.len(), 60);
    assert!(seen.is_sorted());
    bench.spent();
    let text = |values: Vec<Values>| values.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        text(bench.flights.distinct(["origin"]).await.expect("values")),
        ["origin=OSL", "origin=a/b ü"]
    );
    assert_eq!(bench.spent(), ["ListObjectsV2"]);
    let days = bench
        .flights
        .query([("origin", "OSL")])
        .distinct(["day"])
        .await
        .expect("values");
    assert_eq!(
        text(days),
        ["day=2024-01-01", "day=2024-01-02", "day=2024-01-03"]
    );
    let seqs = bench
        .flights
        .all()
        .scan()
        .filter(filter("seq < -3"))
        .distinct(["seq"])
        .await
        .expect("values");
    assert_eq!(text(seqs), ["seq=-5", "seq=-4"]);
    let row = bench
        .flights
        .query([("origin", "OSL")])
        .filter(filter("seq = 3"))
        .random()
        .await
        .expect("read");
    assert!(row.expect("there are three").key().contains("from=OSL/"));
    let deleted = bench
        .flights
        .query([("origin", "OSL")])
        .filter(filter("delay is null"));
    assert_eq!(
        deleted.delete().confirm("flights").await.expect("deleted"),
        15
    );
    assert_eq!(bench.flights.count().await.expect("counted"), 45);
}

#[tokio::test]
async fn a_table_is_listed_at_several_places() {
    let bench = Bench::new().await;
    let table = bench.db.dynamic("many").columns(["id"]).expect("a table");
    let bodies = (0..5000).map(|id| s3orm::store::PutObject {
        key: format!("many/{id}.json"),
        body: "{}".into(),
        ..s3orm::store::PutObject::default()
    });
    for body in bodies {
        bench.server.store().put(&body).await.expect("put");
    }
    bench.spent();
    let mut keys = table.all().segments(8).keys().await.expect("listed");
    let requests = bench.spent().len();
    assert!((5..40).contains(&requests), "{requests}");
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 5000);
}

#[tokio::test]
async fn a_description_of_a_tool_is_that_of_a_struct() {
    let bench = Bench::new().await;
    let delay = s3orm::StoredColumn::new("delay", "i64").nullable();
    let made = bench
        .db
        .dynamic("flights")
        .create(PATH, [delay])
        .await
        .expect("described");
    let typed = bench.db.table::<Flight>();
    let diff = typed.check().await.expect("compared");
    assert!(diff.is_compatible(), "{diff}");
    assert_eq!(made.path, "from=<origin>/<day:desc>/<seq:ordered>+<leg>");
    assert_eq!(bench.spent(), ["GetObject", "PutObject", "GetObject"]);
    let opened = bench.db.open_dynamic("flights").await.expect("opened");
    assert_eq!(opened.count().await.expect("counted"), 60);
    let other = bench
        .db
        .dynamic("flights")
        .create("<origin>", [])
        .await
        .expect_err("another path");
    assert_eq!(other.kind(), ErrorKind::Schema);
    assert!(other.to_string().contains("`path` is"), "{other}");
}

/// Rows with a stamp are read as transactions leave them, and not written.
#[tokio::test]
async fn stamped_rows_are_read_as_they_count() {
    #[derive(Debug, Clone, serde::Serialize, serde::Deserialize, S3Schema)]
    #[s3(table = "accounts", path = "<id>", transactional)]
    struct Account {
        id: u64,
        money: i64,
    }
    let bench = Bench::new().await;
    let accounts = bench.db.table::<Account>();
    for id in 1..=40 {
        accounts
            .insert(Account { id, money: 5 })
            .await
            .expect("inserted");
    }
    for id in 31..=40 {
        accounts.delete(id).await.expect("deleted");
    }
    let table = bench
        .db
        .dynamic("accounts")
        .stamped(true)
        .path("<id:u64>")
        .expect("a table");
    assert_eq!(table.count().await.expect("counted"), 30);
    assert_eq!(table.all().segments(4).count().await.expect("counted"), 30);
    assert_eq!(table.distinct(["id"]).await.expect("values").len(), 30);
    let row = table
        .select([("id", "7")])
        .await
        .expect("read")
        .expect("it is there");
    assert_eq!(row.text().expect("text"), r#"{"id":7,"money":5}"#);
    assert!(table.select([("id", "31")]).await.expect("read").is_none());
    bench.spent();
    let key = || [("id", "7")];
    let refused = [
        table.put(key(), "{}").await.map(drop),
        table.insert(key(), "{}").await.map(drop),
        table.delete(key()).await,
        table.copy(key(), [("id", "8")]).await,
        table
            .query(key())
            .delete()
            .confirm("accounts")
            .await
            .map(drop),
    ];
    for outcome in refused {
        assert_eq!(outcome.expect_err("refused").kind(), ErrorKind::Unsupported);
    }
    assert!(bench.spent().is_empty());
}
