//! Options of connections, as the server sees them.
#![allow(clippy::unwrap_used)] // Its helpers are tests, too.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use http::HeaderMap;
use s3orm::server::Server;
use s3orm::store::memory::MemoryStore;
use s3orm::store::s3::{AddressingStyle, CannedAcl, IpVersion};
use s3orm::store::{
    CopyObject, CreateUpload, Description, Metadata, StoreError, StoreErrorKind, Written,
};
use s3orm::{Config, Db, DbBuilder, Env, ErrorKind};
use s3orm_tests::connect;
use s3orm_tests::proxy::Proxy;
use s3orm_tests::server::{ACCESS_KEY, BUCKET, SECRET_KEY, TestServer};
use s3orm_tests::tables::{Person, person};

/// A secret that the server does not know, to look for where it must not be.
const CANARY: &str = "canary-3f1c";

/// Our own client and rusoto.
fn clients(endpoint: &str) -> [DbBuilder; 2] {
    [
        connect::builder(endpoint),
        connect::builder(endpoint).rusoto(),
    ]
}

/// The headers of the last request that made this call.
fn last(proxy: &Proxy, operation: &str) -> HeaderMap {
    proxy.headers(operation).pop().expect("a request")
}

fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn each_acl_goes_with_what_writes_an_object_and_with_nothing_else() {
    let server = TestServer::memory().await;
    let proxy = Proxy::in_front_of(server.local_addr()).await;
    for acl in CannedAcl::ALL {
        for builder in clients(&proxy.endpoint()) {
            let db = builder.acl(acl).connect().await.unwrap();
            let people = db.table::<Person>();
            people.put(person(1)).await.unwrap();
            people.get(("Oslo", 1)).await.unwrap().unwrap();
            people.query().scan().all().await.unwrap();
            copy(&db, None).await.unwrap();
            start_upload(&db).await;
            for operation in ["PutObject", "CopyObject", "CreateMultipartUpload"] {
                let headers = last(&proxy, operation);
                assert_eq!(value(&headers, "x-amz-acl"), Some(acl.as_str()));
            }
            for operation in ["GetObject", "ListObjectsV2"] {
                assert_eq!(value(&last(&proxy, operation), "x-amz-acl"), None);
            }
        }
    }
    let without = connect::db(&proxy.endpoint()).await.table::<Person>();
    without.put(person(2)).await.unwrap();
    assert_eq!(value(&last(&proxy, "PutObject"), "x-amz-acl"), None);
}

async fn copy(db: &Db, replace: Option<Description>) -> Result<Written, StoreError> {
    let copy = CopyObject {
        source: "people/Oslo/1.json".to_owned(),
        key: "copy".to_owned(),
        replace,
        ..CopyObject::default()
    };
    db.store().copy(copy).await
}

async fn start_upload(db: &Db) {
    let upload = CreateUpload {
        key: "upload".to_owned(),
        content_type: Some("text/plain".to_owned()),
        content_encoding: None,
        metadata: Metadata::from([("a".to_owned(), "b".to_owned())]),
        checksums: false,
        encryption: None,
    };
    let id = db.store().create_upload(upload).await.unwrap();
    db.store().abort_upload("upload", &id).await.unwrap();
}

#[tokio::test]
async fn upload_headers_go_with_objects_and_headers_with_everything() {
    let server = TestServer::memory().await;
    let proxy = Proxy::in_front_of(server.local_addr()).await;
    for builder in clients(&proxy.endpoint()) {
        let db = builder
            .upload_header("x-amz-storage-class", "GLACIER")
            .upload_header("X-Amz-Storage-Class", "STANDARD")
            .header("x-tenant", "north")
            .connect()
            .await
            .unwrap();
        db.table::<Person>().put(person(1)).await.unwrap();
        start_upload(&db).await;
        copy(&db, None).await.unwrap();
        for operation in ["PutObject", "CopyObject", "CreateMultipartUpload"] {
            let headers = last(&proxy, operation);
            assert_eq!(value(&headers, "x-amz-storage-class"), Some("STANDARD"));
            assert_eq!(value(&headers, "x-tenant"), Some("north"));
        }
        let upload = last(&proxy, "CreateMultipartUpload");
        assert_eq!(value(&upload, "content-type"), Some("text/plain"));
        assert_eq!(value(&upload, "x-amz-meta-a"), Some("b"));
        db.table::<Person>()
            .get(("Oslo", 1))
            .await
            .unwrap()
            .unwrap();
        let headers = last(&proxy, "GetObject");
        assert_eq!(value(&headers, "x-amz-storage-class"), None);
        assert_eq!(value(&headers, "x-tenant"), Some("north"));
    }
}

/// The server keeps no `Cache-Control` and says so: nothing that it takes has one.
#[tokio::test]
async fn a_copy_keeps_the_headers_that_s3_keeps_with_its_source() {
    let server = TestServer::memory().await;
    server.keep("people/Oslo/1.json", "{}").await;
    let proxy = Proxy::in_front_of(server.local_addr()).await;
    for builder in clients(&proxy.endpoint()) {
        let db = builder.upload_header("Cache-Control", "max-age=60");
        let db = db.connect().await.unwrap();
        copy(&db, None).await.unwrap();
        let refused = copy(&db, Some(Description::default())).await.unwrap_err();
        assert_eq!(refused.kind(), StoreErrorKind::Unsupported);
        let refused = db.table::<Person>().put(person(1)).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unsupported);
        let headers = last(&proxy, "PutObject");
        assert_eq!(value(&headers, "cache-control"), Some("max-age=60"));
    }
}

#[tokio::test]
async fn rusoto_refuses_what_it_cannot_say() {
    for refused in [
        connect::builder("http://localhost:1").style(AddressingStyle::Virtual),
        connect::builder("http://localhost:1").header("x-amz-request-payer", "requester"),
    ] {
        let error = refused.rusoto().connect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("rusoto"), "{error}");
    }
}

#[tokio::test]
async fn one_version_of_ip_is_kept_to() {
    let store = Arc::new(MemoryStore::new(BUCKET, Env::system()));
    let server = Server::builder(store).credentials(ACCESS_KEY, SECRET_KEY);
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        eprintln!("this machine has no IPv6: not run");
        return;
    }
    let server = server.bind("[::1]:0").await.unwrap();
    let six = server.endpoint();
    let people = connect::db(&six).await.table::<Person>();
    people.put(person(1)).await.unwrap();

    // By name, where the name has both.
    let port = server.local_addr().port();
    let by_name = |version| {
        connect::builder(&format!("http://localhost:{port}"))
            .retries(0)
            .ip(version)
            .connect()
    };
    let people = by_name(IpVersion::V6).await.unwrap().table::<Person>();
    assert!(people.get(("Oslo", 1)).await.unwrap().is_some());
    let people = by_name(IpVersion::V4).await.unwrap().table::<Person>();
    let error = people.get(("Oslo", 1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);

    let error = connect::builder(&six).ip(IpVersion::V4).connect().await;
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("`[::1]` is no address of the `ip` version"),
        "{error}"
    );
}

#[tokio::test]
async fn buckets_are_named_in_the_path_or_in_the_host() {
    let store = Arc::new(MemoryStore::new(BUCKET, Env::system()));
    let server = Server::builder(store)
        .credentials(ACCESS_KEY, SECRET_KEY)
        .domain("localhost");
    let server = server.bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::in_front_of(server.local_addr()).await;
    let endpoint = format!("http://localhost:{}", proxy.local_addr().port());
    for (style, path) in [
        (AddressingStyle::Path, "/test-bucket/people/Oslo/1.json"),
        (AddressingStyle::Virtual, "/people/Oslo/1.json"),
    ] {
        let builder = connect::builder(&endpoint).style(style);
        let people = builder.connect().await.unwrap().table::<Person>();
        people.put(person(1)).await.unwrap();
        assert!(people.get(("Oslo", 1)).await.unwrap().is_some());
        let request = proxy.requests().pop().unwrap();
        assert_eq!(request, format!("GetObject {path}"), "{style:?}");
    }
}

fn write_secret(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn a_secret_is_read_from_its_file_and_again_when_it_was_exchanged() {
    let server = TestServer::memory().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    write_secret(&file, CANARY);
    let source = format!("file://{}", file.display());
    let url = format!("s3://{BUCKET}?endpoint={}", server.endpoint());
    let toml =
        format!("url = {url:?}\naccess_key_id = {ACCESS_KEY:?}\nsecret_access_key = {source:?}\n");
    let variables = [
        ("S3ORM_URL", &*url),
        ("S3ORM_ACCESS_KEY_ID", ACCESS_KEY),
        ("S3ORM_SECRET_ACCESS_KEY", &source),
    ];
    let parameters = format!("{url}&access_key_id={ACCESS_KEY}&secret_access_key={source}");
    let builders = [
        Db::builder(&url)
            .unwrap()
            .access_key_id(ACCESS_KEY)
            .secret_access_key(&*source),
        Db::builder(&parameters).unwrap(),
        Config::new()
            .toml("s3orm.toml", &toml)
            .unwrap()
            .builder()
            .unwrap(),
        Config::new()
            .variables(variables)
            .unwrap()
            .builder()
            .unwrap(),
    ];
    for builder in builders {
        write_secret(&file, CANARY);
        assert!(!format!("{builder:?}").contains(CANARY));
        let people = builder.connect().await.unwrap().table::<Person>();
        let error = people.put(person(1)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Credentials);
        assert!(!format!("{error:?} {people:?}").contains(CANARY));

        write_secret(&file, &format!("{SECRET_KEY}\n"));
        people.put(person(1)).await.unwrap();
    }

    // What others may read is refused before any request.
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = Db::builder(&parameters)
        .unwrap()
        .connect()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

#[tokio::test]
async fn no_secret_is_shown_wherever_it_was_written() {
    let variables = [
        ("S3ORM_URL", "s3://bucket?region=eu-north-1"),
        ("S3ORM_ACCESS_KEY_ID", CANARY),
        ("S3ORM_SECRET_ACCESS_KEY", CANARY),
        ("S3ORM_SESSION_TOKEN", CANARY),
        ("S3ORM_HEADER__X_TENANT", CANARY),
        ("S3ORM_UPLOAD_HEADER__X_AMZ_TAGGING", CANARY),
    ];
    let config = Config::new().variables(variables).unwrap();
    let builder = config.builder().unwrap();
    let shown = format!("{config:?} {builder:?}");
    let db = builder.connect().await.unwrap();
    let shown = format!("{shown} {db:?} {db} {:?}", db.table::<Person>());
    assert!(!shown.contains(CANARY), "{shown}");

    let secret = format!("secret_access_key = {CANARY:?}\n");
    for broken in [
        secret.clone(),
        format!("session_token = {CANARY:?}"),
        format!("secret_access_key = {CANARY:?} x"),
        format!("secret_access_key = [{CANARY:?}]"),
        format!("{secret}{secret}"),
        format!("[profiles.main]\n{secret}"),
    ] {
        let error = Config::new().toml("s3orm.toml", &broken).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(!format!("{error:?}").contains(CANARY), "{error:?}");
    }
    let url = format!("s3://bucket?secret_access_key={CANARY}");
    let error = Db::connect(&url).await.unwrap_err();
    assert!(!format!("{error:?}").contains(CANARY), "{error:?}");
}

/// Collects what is logged.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Each thing works with a secret, and fails with another, while everything is logged.
#[tokio::test]
async fn no_log_line_has_a_secret() {
    let logged = Logged::default();
    let writer = logged.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let store = Arc::new(MemoryStore::new(BUCKET, Env::system()));
    let server = Server::builder(store).credentials(ACCESS_KEY, CANARY);
    let server = server.bind("127.0.0.1:0").await.unwrap();
    let url = format!("s3://{BUCKET}?endpoint={}", server.endpoint());
    for (secret, works) in [(CANARY.to_owned(), true), (format!("{CANARY}-not"), false)] {
        let variables = [
            ("S3ORM_URL", &*url),
            ("S3ORM_ACCESS_KEY_ID", ACCESS_KEY),
            ("S3ORM_SECRET_ACCESS_KEY", &*secret),
            ("S3ORM_HEADER__X_TENANT", CANARY),
            ("S3ORM_UPLOAD_HEADER__X_AMZ_WHATEVER", CANARY),
        ];
        let config = Config::new().variables(variables).unwrap();
        for builder in [
            config.builder().unwrap(),
            config.builder().unwrap().rusoto(),
        ] {
            tracing::trace!(?config, ?builder, "connecting");
            let db = builder.connect().await.unwrap();
            let people = db.table::<Person>();
            let outcome = people.put(person(1)).await;
            assert_eq!(outcome.is_ok(), works);
            tracing::trace!(?db, ?outcome, found = ?people.get(("Oslo", 1)).await, "done");
        }
    }
    let logged = String::from_utf8(logged.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("people/Oslo/1.json") && logged.contains("SignatureDoesNotMatch"));
    // The server is in this process, too, and logs the headers that it gets.
    let ours = logged.lines().filter(|line| !line.contains(" s3s::"));
    for line in ours {
        assert!(!line.contains(CANARY), "{line}");
    }
}
