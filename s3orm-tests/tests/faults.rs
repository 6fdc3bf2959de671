//! What each client makes of a broken answer, and that it never sends a request twice.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // Tests have the real clock, and panic.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use s3orm::Env;
use s3orm::store::rusoto::RusotoStore;
use s3orm::store::s3::{S3Config, S3Store};
use s3orm::store::{
    GetObject, ListObjects, Precondition, PutObject, Store, StoreErrorKind as Kind,
};
use s3orm_tests::proxy::{Fault, Proxy, any, campaign, on};
use s3orm_tests::server::TestServer;

struct Fixture {
    server: TestServer,
    proxy: Proxy,
    store: Arc<dyn Store>,
}

type Connect = fn(S3Config) -> Arc<dyn Store>;

fn s3(config: S3Config) -> Arc<dyn Store> {
    Arc::new(S3Store::connect(config, Env::system()).unwrap())
}

fn rusoto(config: S3Config) -> Arc<dyn Store> {
    Arc::new(RusotoStore::connect(config, Env::system()).unwrap())
}

const CLIENTS: [Connect; 2] = [s3, rusoto];

impl Fixture {
    async fn new(connect: Connect) -> Self {
        let server = TestServer::memory().await;
        let proxy = Proxy::in_front_of(server.local_addr()).await;
        let mut config = server.config();
        config.endpoint = Some(proxy.endpoint());
        config.timeout = Duration::from_millis(500);
        let store = connect(config);
        Self {
            server,
            proxy,
            store,
        }
    }

    async fn create(&self, key: &str) -> Option<Kind> {
        let put = PutObject {
            key: key.to_owned(),
            body: Bytes::from("a body"),
            precondition: Precondition::IfAbsent,
            ..PutObject::default()
        };
        self.store.put(&put).await.err().map(|error| error.kind())
    }

    async fn get(&self, key: &str) -> Result<Bytes, Kind> {
        let get = GetObject {
            key: key.to_owned(),
            ..GetObject::default()
        };
        let object = self.store.get(get).await;
        object.map(|o| o.body).map_err(|error| error.kind())
    }

    async fn is_there(&self, key: &str) -> bool {
        self.server.store().head(key).await.is_ok()
    }
}

#[tokio::test]
async fn a_broken_write_is_told_as_what_is_known_of_it() {
    let cases = [
        (Fault::CutBefore, Kind::Lost, false),
        (Fault::CutAfter, Kind::Lost, true),
        (Fault::Silence, Kind::Lost, true),
        (Fault::Answer(500, "InternalError"), Kind::Server, false),
        (
            Fault::Answer(503, "ServiceUnavailable"),
            Kind::Server,
            false,
        ),
        (Fault::Answer(503, "SlowDown"), Kind::Throttled, false),
        (
            Fault::Answer(429, "TooManyRequests"),
            Kind::Throttled,
            false,
        ),
        (Fault::Answer(400, "RequestTimeout"), Kind::Unsent, false),
        (
            Fault::Answer(409, "ConditionalRequestConflict"),
            Kind::Conflict,
            false,
        ),
        (Fault::AnswerAfter(500, "InternalError"), Kind::Server, true),
        (
            Fault::AnswerAfter(503, "ServiceUnavailable"),
            Kind::Server,
            true,
        ),
        // A re-sending middleman makes a write fail against itself: only read-back can tell.
        (Fault::Duplicate, Kind::PreconditionFailed, true),
    ];
    for connect in CLIENTS {
        let f = Fixture::new(connect).await;
        for (index, (fault, kind, applied)) in cases.iter().enumerate() {
            let key = format!("key-{index}");
            f.proxy.fail_next(on("PutObject"), fault.clone());
            assert_eq!(f.create(&key).await, Some(*kind), "{fault:?}");
            assert_eq!(f.is_there(&key).await, *applied, "{fault:?}");
        }
        assert_eq!(
            f.proxy.requests().len(),
            cases.len(),
            "nothing is sent twice"
        );
        assert_eq!(f.create("whole").await, None);
    }
}

#[tokio::test]
async fn a_broken_read_is_never_taken_for_a_whole_one() {
    let cases = [
        (Fault::CutInBody, Kind::Lost),
        (Fault::WrongLength(3), Kind::Lost),
        (Fault::CutAfter, Kind::Lost),
        (Fault::Trickle(Duration::from_millis(200)), Kind::Lost),
        (Fault::AnswerAfter(500, "InternalError"), Kind::Server),
    ];
    for connect in CLIENTS {
        let f = Fixture::new(connect).await;
        f.create("a").await;
        for (fault, kind) in cases.clone() {
            f.proxy.fail_next(on("GetObject"), fault.clone());
            assert_eq!(f.get("a").await, Err(kind), "{fault:?}");
            assert_eq!(f.get("a").await.unwrap(), "a body", "after {fault:?}");
        }
        assert_eq!(f.proxy.requests().len(), 1 + 2 * cases.len());
    }
}

#[tokio::test]
async fn a_listing_that_ends_too_early_is_no_listing() {
    for connect in CLIENTS {
        let f = Fixture::new(connect).await;
        f.create("a").await;
        for fault in [Fault::Truncate, Fault::CutInBody] {
            f.proxy.fail_next(on("ListObjectsV2"), fault.clone());
            let error = f.store.list(ListObjects::default()).await.unwrap_err();
            let expected = match fault {
                Fault::Truncate => Kind::BadAnswer,
                _ => Kind::Lost,
            };
            assert_eq!(error.kind(), expected);
        }
        let page = f.store.list(ListObjects::default()).await.unwrap();
        assert_eq!(page.objects.len(), 1);
    }
}

#[tokio::test]
async fn a_request_in_limbo_may_be_applied_after_the_client_gave_up() {
    for connect in CLIENTS {
        let f = Fixture::new(connect).await;
        let held = f.proxy.hold_next(any());
        assert_eq!(f.create("late").await, Some(Kind::Lost));
        assert!(!f.is_there("late").await);
        assert_eq!(held.deliver().await.unwrap(), 200);
        assert!(f.is_there("late").await);
    }
}

#[tokio::test]
async fn a_connection_that_died_idle_is_not_used_again() {
    for connect in CLIENTS {
        let f = Fixture::new(connect).await;
        f.create("a").await;
        for round in 0..20 {
            f.proxy.cut_connections();
            // Sooner or later the client sees the end: before, while or after it writes.
            tokio::time::sleep(Duration::from_micros(round * 20)).await;
            match f.get("a").await {
                Ok(body) => assert_eq!(body, "a body"),
                Err(kind) => assert!(matches!(kind, Kind::Unsent | Kind::Lost), "{kind:?}"),
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        f.proxy.cut_connections();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(
            f.get("a").await.unwrap(),
            "a body",
            "its end was seen in time"
        );
    }
}

/// The short form; the long one is `--bin http_faults`.
#[tokio::test]
async fn whatever_is_broken_clients_are_told_what_is_so() {
    let figures = campaign::run(2000, 1).await;
    let figures = figures.unwrap_or_else(|error| panic!("{error:?}"));
    println!("{figures}");
    assert!(figures.broken() >= 2000 && figures.faults.len() == 10);
    let told = |name: &str| figures.told.get(name).copied().unwrap_or(0);
    assert!(told("done, applied") > 50);
    assert!(told("OutcomeUnknown, applied") + told("OutcomeUnknown, not applied") > 10);
    assert!(figures.reads["right"] > 50);
}

/// A bank of 64 clients, all of them through a proxy that breaks their requests.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sum_stays_what_it_is_under_faults() {
    let figures = s3orm_tests::proxy::bank::run(64, 2, 1).await;
    let figures = figures.expect("the sum is the same in every snapshot");
    eprintln!("{figures}");
    assert!(figures.faults.len() > 3, "{figures}");
    assert!(figures.of("transfer, done") > 20, "{figures}");
    assert!(figures.of("snapshot, done") > 0, "{figures}");
}
