//! Profiles: exchanged under load without a failed request, and old pools that go.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // Its helpers are tests; real connections, real time.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use s3orm::store::s3::{CredentialFuture, CredentialProvider, CredentialSource, Credentials};
use s3orm::store::{CompleteUpload, CreateUpload, Metadata, Precondition, UploadPart};
use s3orm::{Config, Db, DbBuilder, ErrorKind, Profiles, Result};
use s3orm_tests::connect;
use s3orm_tests::proxy::{Fault, Proxy, on};
use s3orm_tests::server::{ACCESS_KEY, BUCKET, SECRET_KEY, TestServer};
use s3orm_tests::tables::{Person, person};

/// Credentials whose holder is the client: when these are gone, the client is.
#[derive(Debug)]
struct Held;

impl CredentialProvider for Held {
    fn provide(&self) -> CredentialFuture<'_> {
        Box::pin(async {
            Ok(Credentials {
                access_key: ACCESS_KEY.to_owned(),
                secret_key: SECRET_KEY.into(),
                session_token: None,
                expires: None,
            })
        })
    }
}

/// The settings of one generation: each request says which it is of.
fn generation(endpoint: &str, number: usize) -> (DbBuilder, Weak<Held>) {
    let held = Arc::new(Held);
    let weak = Arc::downgrade(&held);
    let builder = Profiles::builder(&format!("s3://{BUCKET}?endpoint={endpoint}"))
        .unwrap()
        .credentials(CredentialSource::Provider(held))
        .header("x-generation", number.to_string());
    (builder, weak)
}

/// The generations of the requests so far, in their order.
fn generations(proxy: &Proxy, operation: &str) -> Vec<usize> {
    let headers = proxy.headers(operation);
    let number = |value: &http::HeaderValue| value.to_str().unwrap().parse().unwrap();
    headers
        .iter()
        .map(|headers| number(&headers["x-generation"]))
        .collect()
}

/// Waits until something holds, for five seconds at most.
async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not within five seconds: {what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_updates_under_load_fail_no_request_and_leave_no_pool() {
    let server = TestServer::memory().await;
    let proxy = Proxy::in_front_of(server.local_addr()).await;
    let profiles = Profiles::new();
    let (builder, weak) = generation(&proxy.endpoint(), 0);
    profiles.start("main", builder).await.unwrap();
    let mut clients = vec![weak];

    let (done, worked) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let workers: Vec<_> = (0..8_u64)
        .map(|worker| {
            let (profiles, over) = (profiles.clone(), Arc::clone(&done));
            let worked = Arc::clone(&worked);
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let work = profiles.with_client("main", |db| read_and_write(db, worker));
                    work.await.unwrap();
                    worked.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for number in 1..=100 {
        let before = worked.load(Ordering::Relaxed);
        until("work in each generation", || {
            worked.load(Ordering::Relaxed) > before + 2
        })
        .await;
        let (builder, weak) = generation(&proxy.endpoint(), number);
        profiles.update("main", builder).await.unwrap();
        clients.push(weak);
    }
    done.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.await.unwrap();
    }
    assert!(worked.load(Ordering::Relaxed) >= 200);
    let statuses = server.requests();
    assert!(statuses.iter().all(|request| request.status == Some(200)));

    // The old clients are gone, and so are their connections; the last has its pool of 8 yet.
    until("one client", || {
        clients
            .iter()
            .filter(|client| client.strong_count() > 0)
            .count()
            == 1
    })
    .await;
    assert_eq!(clients.last().unwrap().strong_count(), 1);
    assert_eq!(profiles.draining("main"), 0);
    until("one pool", || proxy.connections() <= 8).await;

    // Each request was of the generation that its work began with; they are all there.
    let mut seen = generations(&proxy, "PutObject");
    seen.sort_unstable();
    seen.dedup();
    assert!(seen.len() >= 95, "{} of 101 generations wrote", seen.len());

    profiles.stop("main").await.unwrap();
    until("no client", || {
        clients.iter().all(|client| client.strong_count() == 0)
    })
    .await;
    until("no connection", || proxy.connections() == 0).await;
}

async fn read_and_write(db: Db, worker: u64) -> Result<()> {
    let people = db.table::<Person>();
    people.put(person(worker)).await?;
    people.get(("Oslo", worker)).await?.expect("it was put");
    Ok(())
}

#[tokio::test]
async fn what_runs_keeps_what_it_began_with() {
    let server = TestServer::memory().await;
    let proxy = Proxy::in_front_of(server.local_addr()).await;
    let profiles = Profiles::new();
    let (builder, first) = generation(&proxy.endpoint(), 1);
    profiles.start("main", builder).await.unwrap();

    // An upload of three requests, and a batch: both begin, and the profile is updated meanwhile.
    let upload = |db: Db, updated: tokio::sync::oneshot::Receiver<()>| async move {
        let (store, key) = (db.store(), "upload".to_owned());
        let start = CreateUpload {
            key: key.clone(),
            content_type: None,
            content_encoding: None,
            metadata: Metadata::new(),
            checksums: false,
            encryption: None,
        };
        let upload_id = store.create_upload(start).await.unwrap();
        updated.await.unwrap();
        let part = UploadPart {
            key: key.clone(),
            upload_id: upload_id.clone(),
            number: 1,
            body: "all of it".into(),
            checksum: None,
            encryption: None,
        };
        let etag = store.upload_part(part).await.unwrap();
        let end = CompleteUpload {
            key,
            upload_id,
            parts: vec![(1, etag)],
            precondition: Precondition::IfAbsent,
            checksum: None,
        };
        store.complete_upload(end).await.unwrap();
        Ok(())
    };
    let (tell, updated) = tokio::sync::oneshot::channel();
    let running = profiles.clone();
    let uploading =
        tokio::spawn(async move { running.with_client("main", |db| upload(db, updated)).await });
    let db = profiles.db("main").unwrap();
    let people = db.table::<Person>();
    let mut outcomes = people.put_many((0..20).map(person)).concurrency(1).stream();
    outcomes.next().await.unwrap().unwrap();
    until("an upload", || server.count("CreateMultipartUpload") == 1).await;

    let (builder, second) = generation(&proxy.endpoint(), 2);
    profiles.update("main", builder).await.unwrap();
    assert_eq!(profiles.draining("main"), 1);
    profiles
        .db("main")
        .unwrap()
        .table::<Person>()
        .get(("Oslo", 0))
        .await
        .unwrap();
    tell.send(()).unwrap();
    while let Some(outcome) = outcomes.next().await {
        outcome.unwrap();
    }
    uploading.await.unwrap().unwrap();
    assert_eq!(generations(&proxy, "PutObject"), [1; 20]);
    assert_eq!(generations(&proxy, "GetObject"), [2]);
    for call in [
        "CreateMultipartUpload",
        "UploadPart",
        "CompleteMultipartUpload",
    ] {
        assert_eq!(generations(&proxy, call), [1], "{call}");
    }

    drop(outcomes);
    drop((people, db));
    until("the old client's end", || first.strong_count() == 0).await;
    assert_eq!((profiles.draining("main"), second.strong_count()), (0, 1));
    until("the old connections' end", || proxy.connections() == 1).await;
}

#[tokio::test]
async fn a_pool_that_is_held_too_long_is_closed() {
    let server = TestServer::memory().await;
    let proxy = Proxy::in_front_of(server.local_addr()).await;
    let grace = Duration::from_millis(100);
    let profiles = Profiles::with_grace(grace);
    let (builder, old) = generation(&proxy.endpoint(), 1);
    profiles
        .start(
            "main",
            builder.style(s3orm::store::s3::AddressingStyle::Path),
        )
        .await
        .unwrap();
    let hoarded = profiles.db("main").unwrap();
    let people = hoarded.table::<Person>();
    people
        .put_many((0..4).map(person))
        .await
        .into_result()
        .unwrap();
    assert_eq!(proxy.connections(), 4);

    // One request is under way when the time is up; it is answered.
    proxy.fail_next(on("GetObject"), Fault::Delay(grace * 4));
    let slow = people.clone();
    let slow = tokio::spawn(async move { slow.get(("Oslo", 1)).await });
    until("the slow request", || proxy.requests().len() == 5).await;
    profiles.stop("main").await.unwrap();
    assert_eq!(profiles.draining("main"), 1);
    people
        .get(("Oslo", 2))
        .await
        .unwrap()
        .expect("within its time");
    until("the idle connections' end", || proxy.connections() == 1).await;
    assert!(slow.await.unwrap().unwrap().is_some());
    until("the last connection's end", || proxy.connections() == 0).await;

    let before = proxy.requests().len();
    let error = people.put(person(9)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(
        error
            .to_string()
            .contains("its profile was updated or stopped"),
        "{error}"
    );
    assert_eq!(proxy.requests().len(), before, "nothing was sent");
    assert_eq!(old.strong_count(), 1, "the test holds it");
    drop((people, hoarded));
    assert_eq!((old.strong_count(), profiles.draining("main")), (0, 0));
}

#[tokio::test]
async fn a_mistaken_call_changes_nothing() {
    let server = TestServer::memory().await;
    let (builder, weak) = generation(&server.endpoint(), 1);
    let profiles = Profiles::new();
    profiles.start("main", builder).await.unwrap();
    let said = |error: s3orm::Error| {
        assert_eq!(error.kind(), ErrorKind::Config);
        error.to_string()
    };
    let other = || generation(&server.endpoint(), 2).0;
    let error = said(profiles.start("main", other()).await.unwrap_err());
    assert_eq!(
        error,
        "start `main`: the profile `main` is running; exchange it by `update`, or `stop` it first"
    );
    let error = said(profiles.update("mian", other()).await.unwrap_err());
    assert_eq!(
        error,
        "update `mian`: there is no profile `mian`; did you mean `main`?"
    );
    said(profiles.stop("other").await.unwrap_err());
    said(profiles.db("other").unwrap_err());
    said(profiles.health("other").await.unwrap_err());
    let nobody = profiles.with_client("other", |_| async { Ok(()) });
    said(nobody.await.unwrap_err());
    // An update that cannot be made leaves the profile as it is.
    let broken = other()
        .tls_ca("/nonexistent")
        .endpoint("https://localhost:1");
    said(profiles.update("main", broken).await.unwrap_err());
    assert_eq!(
        (profiles.names(), weak.strong_count()),
        (vec!["main".to_owned()], 1)
    );
    assert_eq!(server.requests().len(), 0, "no request so far");
    let health = profiles.health("main").await.unwrap();
    assert_eq!((health.draining, server.requests().len()), (0, 1));
}

#[tokio::test]
async fn health_says_what_holds_now() {
    let server = TestServer::memory().await;
    let proxy = Proxy::in_front_of(server.local_addr()).await;
    let profiles = Profiles::new();
    let keys = connect::credentials;
    let url = format!("s3://{BUCKET}?endpoint={}", proxy.endpoint());
    let builder = |url: &str| Profiles::builder(url).unwrap().credentials(keys());
    profiles.start("good", builder(&url)).await.unwrap();
    profiles
        .start("gone", builder(&url.replace(BUCKET, "no-such-bucket")))
        .await
        .unwrap();
    let wrong = Profiles::builder(&url).unwrap().access_key_id(ACCESS_KEY);
    profiles
        .start("wrong", wrong.secret_access_key("canary"))
        .await
        .unwrap();
    profiles.health("good").await.unwrap();
    for (name, kind) in [
        ("gone", ErrorKind::NoSuchBucket),
        ("wrong", ErrorKind::Credentials),
    ] {
        let error = profiles.health(name).await.unwrap_err();
        assert_eq!((error.kind(), error.operation()), (kind, "check"));
        assert!(!format!("{error:?} {profiles:?}").contains("canary"));
    }
    proxy.fail_all(on("ListObjectsV2"), Fault::Answer(503, "SlowDown"));
    let before = proxy.requests().len();
    let error = profiles.health("good").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttled);
    assert_eq!(proxy.requests().len(), before + 1, "it does not ask again");
}

#[tokio::test]
async fn profiles_come_from_a_file_and_from_variables() {
    let server = TestServer::memory().await;
    let proxy = Proxy::in_front_of(server.local_addr()).await;
    let toml = format!(
        "url = 's3://elsewhere'\n\
         [profiles.main]\n\
         url = 's3://{BUCKET}/main'\n\
         endpoint = {:?}\n\
         access_key_id = {ACCESS_KEY:?}\n\
         acl = 'private'\n\
         [profiles.main.tables.people]\n\
         max_row_bytes = 10\n\
         [profiles.local]\n\
         url = 'memory:'\n",
        proxy.endpoint()
    );
    let variables = [("S3ORM_PROFILES__MAIN__SECRET_ACCESS_KEY", SECRET_KEY)];
    let config = Config::new().toml("s3orm.toml", &toml).unwrap();
    let broken = Profiles::new();
    broken.start_all(&config).await.unwrap_err(); // half an access key
    assert!(broken.names().is_empty(), "all or none");
    let config = config.variables(variables).unwrap();
    assert!(config.profiles().eq(["local", "main"]));
    let profiles = Profiles::new();
    profiles.start_all(&config).await.unwrap();
    profiles.start_all(&config).await.unwrap_err();
    assert_eq!(profiles.names(), ["local", "main"]);
    let db = profiles.db("main").unwrap();
    let refused = db.table::<Person>().put(person(1)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidRow);
    let people = db.table::<Person>();
    let roomy = people.with(s3orm::Settings::new().max_row_bytes(100));
    roomy.put(person(1)).await.unwrap();
    assert_eq!(
        proxy.requests(),
        ["PutObject /test-bucket/main/people/Oslo/1.json"]
    );
    assert_eq!(proxy.headers("PutObject")[0]["x-amz-acl"], "private");

    // A profile's defaults, under what is said: two retries.
    proxy.fail_all(on("GetObject"), Fault::Answer(503, "SlowDown"));
    db.table::<Person>().get(("Oslo", 1)).await.unwrap_err();
    assert_eq!(proxy.headers("GetObject").len(), 3);
    let error = config.profile("mian").unwrap_err().to_string();
    assert!(error.contains("did you mean `main`?"), "{error}");
}

/// The defaults of a profile are in its settings: 8 idle connections, 15 s, 30 s.
#[test]
fn a_profile_has_defaults_of_its_own() {
    let shown = format!("{:?}", Profiles::builder("s3://bucket").unwrap());
    for expected in [
        "pool_size: 8,",
        "connect_timeout: 15s,",
        " timeout: 30s,",
        "retries: Some(2)",
    ] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    let shown = format!(
        "{:?}",
        Profiles::builder("s3://bucket?pool_size=3").unwrap()
    );
    assert!(shown.contains("pool_size: 3,"), "{shown}");
}
