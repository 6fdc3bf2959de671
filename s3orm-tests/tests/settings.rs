//! Settings at three levels: what each level may say, which wins, and that it is asked for over HTTP.
#![allow(clippy::unwrap_used)] // Its helpers are tests, too.

use std::sync::Arc;
use std::time::Duration;

use s3orm::testing::{Call, Fault as Lost, FaultStore};
use s3orm::{DbBuilder, ErrorKind, S3Schema, Settings, Table, scope};
use s3orm_tests::connect;
use s3orm_tests::proxy::{Fault, Proxy, any, on};
use s3orm_tests::server::TestServer;
use s3orm_tests::tables::{Person, person};
use serde::{Deserialize, Serialize};

/// A setting by its number, in each of the three ways to say it.
struct Case {
    application: fn(DbBuilder, u32) -> DbBuilder,
    settings: fn(u32) -> Settings,
    /// What holds where no level says anything; `None` where that takes too long to find out.
    default: Option<u32>,
}

/// What each combination of levels must come to: the narrowest that says something.
const LEVELS: [([Option<u32>; 3], Option<u32>); 8] = [
    ([None, None, None], None),
    ([Some(4), None, None], Some(4)),
    ([None, Some(2), None], Some(2)),
    ([None, None, Some(3)], Some(3)),
    ([Some(4), Some(2), None], Some(2)),
    ([Some(4), None, Some(3)], Some(3)),
    ([None, Some(2), Some(3)], Some(3)),
    ([Some(4), Some(2), Some(3)], Some(3)),
];

/// Measures what holds in each combination of application, task and table.
async fn at_every_level<F>(
    case: Case,
    measure: impl Fn(Arc<TestServer>, Arc<Proxy>, Table<Person>) -> F,
) where
    F: Future<Output = u32>,
{
    for ([application, task, table], expected) in LEVELS {
        let Some(expected) = expected.or(case.default) else {
            continue;
        };
        let server = Arc::new(TestServer::memory().await);
        let proxy = Arc::new(Proxy::in_front_of(server.local_addr()).await);
        for id in 0..12 {
            server
                .keep(format!("people/Oslo/{id}.json"), body(id))
                .await;
        }
        let mut builder = connect::builder(&proxy.endpoint());
        if let Some(value) = application {
            builder = (case.application)(builder, value);
        }
        let mut people = builder.connect().await.unwrap().table::<Person>();
        if let Some(value) = table {
            people = people.with((case.settings)(value));
        }
        let measured = measure(Arc::clone(&server), Arc::clone(&proxy), people);
        let measured = match task {
            Some(value) => scope((case.settings)(value), measured).await,
            None => measured.await,
        };
        let levels = [application, task, table];
        assert_eq!(measured, expected, "{levels:?}");
    }
}

fn body(id: u64) -> Vec<u8> {
    serde_json::to_vec(&person(id)).unwrap()
}

#[tokio::test]
async fn retries() {
    let case = Case {
        application: DbBuilder::retries,
        settings: |n| Settings::new().retries(n),
        default: Some(3),
    };
    at_every_level(case, |_server, proxy, people| async move {
        proxy.fail_all(any(), Fault::Answer(503, "SlowDown"));
        let error = people.get(("Oslo", 1)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Throttled);
        u32::try_from(proxy.requests().len()).unwrap() - 1
    })
    .await;
}

/// Parts and ranges are sent by tasks of their own, in the scope of who waits for them.
#[tokio::test(start_paused = true)]
async fn retries_of_parts_and_ranges() {
    let store = FaultStore::memory();
    let db = store.db();
    let bytes = vec![7; 11 << 20];
    db.upload("large").bytes(bytes.clone()).await.unwrap();
    for retries in [0, 2] {
        let settings = Settings::new().retries(retries);
        scope(settings, async {
            store.fail_all(Call::Get.under("large"), Lost::SlowDown);
            let (before, chunks) = (store.count(Call::Get), 1);
            let large = db.download("large").parallel(chunks).await;
            large.unwrap().unwrap().bytes(1 << 30).await.unwrap_err();
            assert_eq!(store.count(Call::Get) - before, 1 + retries as usize);

            store.fail_nth(2, Call::UploadPart, Lost::SlowDown);
            let uploaded = db.upload("other").bytes(bytes.clone()).await;
            assert_eq!(uploaded.is_ok(), retries > 0, "{uploaded:?}");
            store.clear();
        })
        .await;
    }
}

#[tokio::test]
async fn max_attempts() {
    let case = Case {
        application: DbBuilder::max_attempts,
        settings: |n| Settings::new().max_attempts(n),
        default: None,
    };
    at_every_level(case, |server, proxy, people| async move {
        proxy.fail_all(on("PutObject"), Fault::Answer(412, "PreconditionFailed"));
        let error = people.update(("Oslo", 1), |row| row.age += 1).await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Conflict);
        assert_eq!(server.count("PutObject"), 0);
        let puts = proxy.bodies("PutObject").len();
        u32::try_from(puts).unwrap() - 1
    })
    .await;
}

#[tokio::test]
async fn max_row_bytes() {
    let length = body(1).len() as u64;
    assert_eq!(length, 31);
    let case = Case {
        application: |builder, n| builder.max_row_bytes(31 + u64::from(n)),
        settings: |n| Settings::new().max_row_bytes(31 + u64::from(n)),
        default: None,
    };
    at_every_level(case, |server, _proxy, people| async move {
        // Rows one byte longer each; the longest that is taken tells the limit.
        let mut longest = 0;
        for more in 0..8_u32 {
            let mut row = person(1);
            row.city.push_str(&"o".repeat(more as usize));
            let bytes = length + u64::from(more);
            match people.put(&row).await {
                Ok(_) => longest = u32::try_from(bytes).unwrap() - 31,
                Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidRow),
            }
        }
        // Reading has the same limit.
        let written = server.count("PutObject");
        server.keep("people/Oslo/77.json", vec![b' '; 60]).await;
        let error = people.get(("Oslo", 77)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        assert_eq!(server.count("PutObject"), written, "none was sent again");
        longest
    })
    .await;
}

#[tokio::test]
async fn concurrency() {
    let case = Case {
        application: |builder, n| builder.concurrency(n as usize),
        settings: |n| Settings::new().concurrency(n as usize),
        default: Some(12),
    };
    at_every_level(case, |_server, proxy, people| async move {
        proxy.fail_all(any(), Fault::Delay(Duration::from_millis(30)));
        assert_eq!(people.query().scan().all().await.unwrap().len(), 12);
        let query = proxy.overlap();
        let batch = people.get_many((0..12).map(|id| ("Oslo", id))).await;
        assert!(batch.into_result().is_ok());
        assert_eq!(proxy.overlap(), query, "a batch as a query");
        // What the request says itself wins over all.
        people.query().scan().concurrency(1).all().await.unwrap();
        u32::try_from(query).unwrap()
    })
    .await;
}

#[tokio::test]
async fn max_requests() {
    let case = Case {
        application: |builder, n| builder.max_requests(n.into()),
        settings: |n| Settings::new().max_requests(n.into()),
        default: Some(13), // 1 LIST and 12 GET
    };
    at_every_level(case, |server, _proxy, people| async move {
        let answer = people.query().scan().concurrency(1).all().await;
        let spent = server.requests().len();
        if spent < 13 {
            assert_eq!(answer.unwrap_err().kind(), ErrorKind::Budget);
            // What the request says itself wins over all.
            let own = people.query().scan().max_requests(13).all().await;
            assert_eq!(own.unwrap().len(), 12);
        }
        u32::try_from(spent).unwrap()
    })
    .await;
}

#[tokio::test]
async fn max_cost() {
    // A LIST is 0.005 dollars a thousand, a GET 0.0004: so many GET after the LIST.
    fn dollars(n: u32) -> f64 {
        (0.005 + f64::from(n) * 0.0004) / 1000.0 + 1e-9
    }
    let case = Case {
        application: |builder, n| builder.max_cost(dollars(n)),
        settings: |n| Settings::new().max_cost(dollars(n)),
        default: Some(12),
    };
    at_every_level(case, |server, _proxy, people| async move {
        let answer = people.query().scan().concurrency(1).all().await;
        assert_eq!(answer.is_err(), server.count("GetObject") < 12);
        u32::try_from(server.count("GetObject")).unwrap()
    })
    .await;
}

#[derive(Debug, Clone, Serialize, Deserialize, S3Schema)]
#[s3(table = "orders", path = "<id>")]
struct Order {
    id: u64,
}

#[tokio::test]
async fn a_tables_settings_are_its_own() {
    let server = TestServer::memory().await;
    let db = connect::builder(&server.endpoint())
        .table_settings("people", Settings::new().max_row_bytes(10).retries(0))
        .table_settings("people", Settings::new().retries(1))
        .connect()
        .await
        .unwrap();
    let people = db.table::<Person>();
    let refused = people.put(person(1)).await.unwrap_err();
    assert_eq!(
        refused.kind(),
        ErrorKind::InvalidRow,
        "said when connecting"
    );

    // By name, so also without a type; not for other tables, also when reached from this one.
    let dynamic = db.dynamic("people").columns(["city", "id"]).unwrap();
    let row = [("city", "Oslo"), ("id", "1")];
    let refused = dynamic.put(row, "more than ten").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidRow);
    let roomy = dynamic.with(Settings::new().max_row_bytes(100));
    roomy.put(row, "more than ten").await.unwrap();
    people
        .db()
        .table::<Order>()
        .put(Order { id: 1 })
        .await
        .unwrap();
    people
        .db()
        .table::<Person>()
        .put(person(1))
        .await
        .unwrap_err();

    // A handle's settings are over those, one by one.
    let people = people.with(Settings::new().max_row_bytes(1000));
    people.put(person(1)).await.unwrap();
    let proxy = Proxy::in_front_of(server.local_addr()).await;
    proxy.fail_all(any(), Fault::Answer(503, "SlowDown"));
    let elsewhere = connect::builder(&proxy.endpoint())
        .table_settings("people", Settings::new().retries(1))
        .connect()
        .await
        .unwrap();
    let people = elsewhere
        .table::<Person>()
        .with(Settings::new().max_row_bytes(1000));
    people.get(("Oslo", 1)).await.unwrap_err();
    assert_eq!(proxy.requests().len(), 2, "once more, as its table says");
}

#[tokio::test]
async fn a_table_with_its_own_retries_shares_cache_and_connections() {
    let server = TestServer::memory().await;
    let db = connect::builder(&server.endpoint()).cache_bytes(1 << 20);
    let people = db.connect().await.unwrap().table::<Person>();
    people.put(person(1)).await.unwrap();
    people.get(("Oslo", 1)).await.unwrap();
    people
        .with(Settings::new().retries(9))
        .get(("Oslo", 1))
        .await
        .unwrap();
    let statuses: Vec<_> = server.requests().iter().map(|seen| seen.status).collect();
    assert_eq!(statuses, [Some(200), Some(200), Some(304)]);
}

#[tokio::test]
async fn a_store_of_ones_own_gets_requests_again_only_where_a_table_says_so() {
    let server = TestServer::memory().await;
    let proxy = Proxy::in_front_of(server.local_addr()).await;
    proxy.fail_all(any(), Fault::Answer(503, "SlowDown"));
    let mut config = server.config();
    config.endpoint = Some(proxy.endpoint());
    let store = s3orm::store::s3::S3Store::connect(config, s3orm::Env::system()).unwrap();
    let store = Arc::new(store);
    let db = s3orm::Db::with_store(store, "", s3orm::Env::system()).unwrap();
    let people = db.table::<Person>();
    people.get(("Oslo", 1)).await.unwrap_err();
    assert_eq!(proxy.requests().len(), 1);
    let again = people.with(Settings::new().retries(2));
    again.get(("Oslo", 1)).await.unwrap_err();
    assert_eq!(proxy.requests().len(), 1 + 3);
}
