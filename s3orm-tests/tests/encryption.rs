//! Encryption at rest: what each request says, what S3 answers, and who can read it.
#![allow(clippy::unwrap_used)] // Its helpers are tests, too.

use std::future::IntoFuture as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::TryStreamExt as _;
use http::HeaderMap;
use md5::{Digest as _, Md5};
use s3orm::store::{
    AtRest, CopyObject, CreateUpload, ListParts, PutObject, StoreErrorKind, UploadPart,
};
use s3orm::{Config, Db, DbBuilder, Encryption, ErrorKind, KmsKey, Settings, scope};
use s3orm_tests::proxy::Proxy;
use s3orm_tests::server::{BUCKET, TestServer};
use s3orm_tests::tables::{Person, person};
use s3orm_tests::{connect, raw};

const ENCRYPTION: &str = "x-amz-server-side-encryption";
const CUSTOMER: &str = "x-amz-server-side-encryption-customer-";
const SOURCE: &str = "x-amz-copy-source-server-side-encryption-customer-";
/// Every request that writes an object.
const WRITES: [&str; 3] = ["PutObject", "CopyObject", "CreateMultipartUpload"];
const MIB: usize = 1 << 20;

/// Our own client and rusoto.
fn clients(endpoint: &str) -> [DbBuilder; 2] {
    [
        connect::builder(endpoint),
        connect::builder(endpoint).rusoto(),
    ]
}

fn kms() -> Encryption {
    let key = KmsKey::new("alias/people").context("tenant", "north");
    Encryption::Kms(key.bucket_key(true))
}

fn customer_key(byte: u8) -> String {
    STANDARD.encode([byte; 32])
}

fn last(proxy: &Proxy, operation: &str) -> HeaderMap {
    proxy.headers(operation).pop().expect("a request")
}

fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap())
}

/// Headers about encryption, of a request that made this call.
fn said(proxy: &Proxy, operation: &str) -> Vec<String> {
    let headers = last(proxy, operation);
    let names = headers.keys().map(|name| name.as_str().to_owned());
    names
        .filter(|name| name.contains("server-side-encryption"))
        .collect()
}

/// A row written, read, listed, copied and deleted, and an object of two parts.
async fn everything(db: &Db) {
    let people = db.table::<Person>();
    people.put(person(1)).await.unwrap();
    people.get(("Oslo", 1)).await.unwrap().unwrap();
    let all = people.query().scan().all().await.unwrap();
    assert_eq!(all.len(), 1);
    let copy = CopyObject {
        source: "people/Oslo/1.json".to_owned(),
        key: "copy".to_owned(),
        ..CopyObject::default()
    };
    db.store().copy(copy).await.unwrap();
    people.delete(("Oslo", 1)).await.unwrap();

    let bytes = vec![7; 11 * MIB];
    let mut uploader = db.upload("large").start();
    uploader.write(bytes.clone()).await.unwrap();
    let left = uploader.leave().await.unwrap().unwrap();
    let mut uploader = db.upload("large").resume(&left).await.unwrap();
    uploader.write(bytes.clone()).await.unwrap();
    let object = uploader.complete().await.unwrap();
    assert_eq!((object.parts, object.reused), (3, 2), "by their checksums");
    let large = db.download("large").await.unwrap().unwrap();
    assert!(large.checksum().is_some());
    assert_eq!(large.bytes(1 << 30).await.unwrap(), bytes);
}

#[tokio::test]
async fn each_write_says_how_and_reads_need_not() {
    let server = TestServer::memory().await;
    let proxy = Proxy::in_front_of(server.local_addr()).await;
    for encryption in [Encryption::S3, kms()] {
        for builder in clients(&proxy.endpoint()) {
            proxy.forget();
            let db = builder.encryption(encryption.clone()).connect().await;
            let db = db.unwrap();
            everything(&db).await;
            for operation in WRITES {
                let headers = last(&proxy, operation);
                let of = |name: &str| value(&headers, &format!("{ENCRYPTION}{name}"));
                if encryption == Encryption::S3 {
                    assert_eq!(of(""), Some("AES256"), "{operation}");
                    assert_eq!(said(&proxy, operation).len(), 1);
                    continue;
                }
                assert_eq!(of(""), Some("aws:kms"), "{operation}");
                assert_eq!(of("-aws-kms-key-id"), Some("alias/people"));
                let context = STANDARD.encode(r#"{"tenant":"north"}"#);
                assert_eq!(of("-context"), Some(context.as_str()));
                assert_eq!(of("-bucket-key-enabled"), Some("true"));
            }
            for operation in ["GetObject", "HeadObject", "ListObjectsV2", "DeleteObject"] {
                assert_eq!(said(&proxy, operation), [""; 0], "{operation}");
            }
            for operation in ["UploadPart", "CompleteMultipartUpload", "ListParts"] {
                assert_eq!(said(&proxy, operation), [""; 0], "{operation}");
            }
            for key in ["copy", "large"] {
                let meta = db.store().head(key).await.unwrap();
                let Some(AtRest::Service(kept)) = meta.encryption else {
                    panic!("{key}: {:?}", meta.encryption)
                };
                match (&kept, &encryption) {
                    // The context is for KMS alone.
                    (Encryption::Kms(kept), Encryption::Kms(said)) => {
                        assert_eq!(kept.id(), said.id());
                    }
                    _ => assert_eq!(kept, encryption),
                }
            }
        }
    }
}

#[tokio::test]
async fn the_narrower_level_wins() {
    let server = TestServer::memory().await;
    let kms = |id: &str| Encryption::Kms(KmsKey::new(id));
    let builder = connect::builder(&server.endpoint()).encryption(kms("application"));
    let of_table = Settings::new().encryption(kms("table"));
    let db = builder.table_settings("people", of_table).connect().await;
    let db = db.unwrap();
    let people = db.table::<Person>();
    let key = async |key: &str| match server.store().head(key).await.unwrap().encryption {
        Some(AtRest::Service(Encryption::Kms(key))) => key.id().unwrap().to_owned(),
        other => panic!("{other:?}"),
    };

    db.upload("a").bytes("1").await.unwrap();
    assert_eq!(key("a").await, "application");
    // Of a task also what it spawns: the upload in parts is begun by another.
    let upload = db.upload("b").bytes(vec![0; 6 * MIB]);
    scope(Settings::new().encryption(kms("task")), upload)
        .await
        .unwrap();
    assert_eq!(key("b").await, "task");
    let put = people.put(person(1)).into_future();
    scope(Settings::new().encryption(kms("task")), put)
        .await
        .unwrap();
    assert_eq!(key("people/Oslo/1.json").await, "table");
    let handle = people.with(Settings::new().encryption(kms("handle")));
    handle.put(person(1)).await.unwrap();
    assert_eq!(key("people/Oslo/1.json").await, "handle");
    // What the request says itself.
    let own = PutObject {
        key: "c".to_owned(),
        encryption: Some(AtRest::Service(Encryption::S3)),
        ..PutObject::default()
    };
    db.store().put(&own).await.unwrap();
    let kept = server.store().head("c").await.unwrap().encryption;
    assert_eq!(kept, own.encryption);
}

#[tokio::test]
async fn a_customers_key_goes_with_all_that_reads_or_writes_an_object() {
    let server = TestServer::memory().await;
    let proxy = Proxy::in_front_of(server.local_addr()).await;
    for builder in clients(&proxy.endpoint()) {
        proxy.forget();
        let key = customer_key(7);
        let md5 = STANDARD.encode(Md5::digest([7; 32]));
        let db = builder.customer_key(key.as_str()).connect().await.unwrap();
        assert!(!format!("{db:?}").contains(&key));
        everything(&db).await;
        let of_parts = ["UploadPart", "CompleteMultipartUpload", "ListParts"];
        let reads = ["GetObject", "HeadObject"];
        for operation in WRITES.iter().chain(&of_parts).chain(&reads) {
            let headers = last(&proxy, operation);
            let of = |name: &str| value(&headers, &format!("{CUSTOMER}{name}"));
            assert_eq!(of("algorithm"), Some("AES256"), "{operation}");
            assert_eq!(of("key"), Some(key.as_str()), "{operation}");
            assert_eq!(of("key-md5"), Some(md5.as_str()), "{operation}");
        }
        let headers = last(&proxy, "CopyObject");
        let of = |name: &str| value(&headers, &format!("{SOURCE}{name}"));
        assert_eq!(of("key"), Some(key.as_str()));
        assert_eq!(
            (of("algorithm"), of("key-md5")),
            (Some("AES256"), Some(&*md5))
        );
        for operation in ["ListObjectsV2", "DeleteObject"] {
            assert_eq!(said(&proxy, operation), [""; 0], "{operation}");
        }
        let kept = db.store().head("large").await.unwrap().encryption;
        assert_eq!(kept, Some(AtRest::Customer { key_md5: md5 }));
    }
}

#[tokio::test]
async fn without_the_key_nothing_is_read_and_nothing_is_taken_for_absent() {
    let server = TestServer::memory().await;
    let with = |key: Option<u8>| {
        let builder = connect::builder(&server.endpoint());
        match key {
            Some(byte) => builder.customer_key(customer_key(byte)).connect(),
            None => builder.connect(),
        }
    };
    let (own, other) = (with(Some(1)).await.unwrap(), with(Some(2)).await.unwrap());
    let without = with(None).await.unwrap();
    own.table::<Person>().put(person(1)).await.unwrap();
    without.table::<Person>().put(person(2)).await.unwrap();
    let cases = [
        (&without, 1, 400, "InvalidRequest"),
        (&other, 1, 403, "AccessDenied"),
        // What was written without it.
        (&own, 2, 400, "InvalidRequest"),
    ];
    for (db, id, status, code) in cases {
        let people = db.table::<Person>();
        let error = people.get(("Oslo", id)).await.unwrap_err();
        assert_ne!(error.kind(), ErrorKind::NotFound);
        people.exists(("Oslo", id)).await.unwrap_err();
        let key = format!("people/Oslo/{id}.json");
        // A HEAD has no reason: the GET after it has.
        let error = db.store().head(&key).await.unwrap_err();
        assert_eq!((error.status(), error.code()), (Some(status), Some(code)));
        let copy = CopyObject {
            source: key,
            key: "copy".to_owned(),
            ..CopyObject::default()
        };
        let error = db.store().copy(copy).await.unwrap_err();
        assert_eq!((error.status(), error.code()), (Some(status), Some(code)));
    }
    // An upload goes on with the key that it was begun with.
    let begun = CreateUpload {
        key: "a".to_owned(),
        ..CreateUpload::default()
    };
    let id = own.store().create_upload(begun).await.unwrap();
    for db in [&other, &without] {
        let part = UploadPart {
            key: "a".to_owned(),
            upload_id: id.clone(),
            number: 1,
            ..UploadPart::default()
        };
        let error = db.store().upload_part(part).await.unwrap_err();
        assert_eq!(error.status(), Some(400));
    }
    let parts = ListParts {
        key: "a".to_owned(),
        upload_id: id,
        ..ListParts::default()
    };
    assert!(
        own.store()
            .list_parts(parts)
            .await
            .unwrap()
            .parts
            .is_empty()
    );
}

#[tokio::test]
async fn a_key_that_is_not_what_it_says_is_refused_by_the_server() {
    let server = TestServer::memory().await;
    let key = customer_key(1);
    let md5 = STANDARD.encode(Md5::digest([1; 32]));
    let names = ["algorithm", "key", "key-md5"].map(|name| format!("{CUSTOMER}{name}"));
    let target = format!("PUT /{BUCKET}/a");
    let short = STANDARD.encode([1; 31]);
    for (values, status) in [
        (
            [Some("AES256"), Some(key.as_str()), Some(md5.as_str())],
            200,
        ),
        ([Some("AES256"), Some(&key), Some(&key)], 400),
        ([Some("AES256"), Some(&short), Some(&md5)], 400),
        ([Some("AES256"), None, Some(&md5)], 400),
        ([Some("aws:kms"), Some(&key), Some(&md5)], 400),
        ([None, Some(&key), Some(&md5)], 400),
    ] {
        let headers = names.iter().zip(values);
        let headers: Vec<_> = headers
            .filter_map(|(name, value)| Some((name.as_str(), value?)))
            .collect();
        let answer = raw::send(server.local_addr(), &target, &headers, "1").await;
        let answer = answer.unwrap();
        assert_eq!(answer.status, status, "{values:?}: {}", answer.text());
        assert!(!answer.text().contains(&key));
        if status == 200 {
            assert_eq!(answer.header(&names[2]), md5);
            assert_eq!(answer.header(&names[1]), "", "the key goes nowhere");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_kept_apart_is_refused_before_any_request() {
    let url = |endpoint: &str| format!("s3://{BUCKET}?endpoint={endpoint}&allow_http=true");
    let builder = |endpoint: &str| {
        let builder = Db::builder(&url(endpoint)).unwrap();
        let keys = connect::credentials();
        builder.credentials(keys).customer_key(customer_key(1))
    };
    builder("http://localhost:1").connect().await.unwrap();
    builder("https://s3.test").connect().await.unwrap();
    let table = Settings::new().encryption(Encryption::S3);
    let both = "the connection has both";
    for (refused, expected) in [
        (builder("http://s3.test"), "write `https`"),
        (builder("http://localhost:1").encryption(kms()), both),
        (
            builder("http://localhost:1").table_settings("people", table),
            both,
        ),
        (
            builder("http://localhost:1").upload_header(ENCRYPTION, "AES256"),
            "write `encryption`",
        ),
        (
            builder("http://localhost:1").header(format!("{CUSTOMER}key"), "canary"),
            "write `encryption` or `customer_key`",
        ),
        (
            builder("http://localhost:1").customer_key("canary"),
            "openssl rand -base64 32",
        ),
        (
            Db::builder("memory:")
                .unwrap()
                .customer_key(customer_key(1)),
            "an option of `s3://` connections",
        ),
    ] {
        let error = refused.connect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(expected), "{shown}");
        assert!(!shown.contains("canary"), "{shown}");
    }
    // What only a task says is refused with the write.
    let server = TestServer::memory().await;
    let own = connect::builder(&server.endpoint()).customer_key(customer_key(1));
    let people = own.connect().await.unwrap().table::<Person>();
    let put = people.put(person(1)).into_future();
    let error = scope(Settings::new().encryption(kms()), put).await;
    let error = error.unwrap_err();
    assert!(
        format!("{error:?}").contains("leave out `encryption`"),
        "{error:?}"
    );
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_folder_encrypts_nothing_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file:{}", folder.path().display());
    let builder = Db::builder(&url).unwrap();
    let db = builder.encryption(Encryption::S3).connect().await.unwrap();
    let people = db.table::<Person>();
    let error = people.put(person(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let copy = CopyObject {
        source: "a".to_owned(),
        key: "b".to_owned(),
        ..CopyObject::default()
    };
    let error = db.store().copy(copy).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unsupported);
    let error = db.upload("a").bytes(vec![0; 6 * MIB]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let left: Vec<_> = db.uploads("").try_collect().await.unwrap();
    assert!(left.is_empty());
}

#[tokio::test]
async fn a_signed_url_says_how_and_hands_out_no_key() {
    let server = TestServer::memory().await;
    let plain = connect::builder(&server.endpoint());
    let db = plain.encryption(kms()).connect().await.unwrap();
    let url = db.presign_put("a", "text/plain", 4).await.unwrap();
    let headers: Vec<_> = url.headers().collect();
    assert!(headers.contains(&(ENCRYPTION, "aws:kms")));
    let target = url.as_str().strip_prefix(&server.endpoint()).unwrap();
    for (left_out, status) in [(Some(ENCRYPTION), 403), (None, 200)] {
        let mut request =
            http::Request::put(target).header("host", server.local_addr().to_string());
        for (name, value) in &headers {
            if Some(*name) != left_out {
                request = request.header(*name, *value);
            }
        }
        let request = request.body(http_body_util::Full::from("1234")).unwrap();
        let answer = raw::exchange(server.local_addr(), request).await.unwrap();
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    let kept = server.store().head("a").await.unwrap().encryption;
    assert!(matches!(kept, Some(AtRest::Service(Encryption::Kms(_)))));
    let url = db.presign_get("a").await.unwrap();
    assert_eq!(url.headers().count(), 0);

    let own = connect::builder(&server.endpoint()).customer_key(customer_key(1));
    let own = own.connect().await.unwrap();
    let get = own.presign_get("a").await.unwrap_err();
    let put = own.presign_put("a", "text/plain", 4).await.unwrap_err();
    for error in [get, put] {
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(format!("{error:?}").contains("`customer_key`"), "{error:?}");
    }
}

#[tokio::test]
async fn a_key_is_read_from_where_it_is_kept() {
    let server = TestServer::memory().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, format!("{}\n", customer_key(3))).unwrap();
    let url = format!("s3://{BUCKET}?endpoint={}", server.endpoint());
    let text = format!("customer_key = 'file://{}'", file.display());
    let config = Config::new().toml("s3orm.toml", &text).unwrap();
    let builder = || config.builder_for(&url).unwrap();
    let builder = || builder().credentials(connect::credentials());
    // Others may read it.
    let mode = |mode| {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(&file, mode).unwrap();
    };
    mode(0o644);
    let error = builder().connect().await.unwrap_err();
    assert!(error.to_string().contains("`customer_key`"), "{error}");
    mode(0o600);
    let db = builder().connect().await.unwrap();
    db.table::<Person>().put(person(1)).await.unwrap();
    let meta = server.store().head("people/Oslo/1.json").await.unwrap();
    let key_md5 = STANDARD.encode(Md5::digest([3; 32]));
    assert_eq!(meta.encryption, Some(AtRest::Customer { key_md5 }));
}
