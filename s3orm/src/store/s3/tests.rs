//! The client against a scripted server: what it sends, byte for byte, and what it makes of every
//! answer and of none.

mod documents;
mod refused;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::super::StoreErrorKind as Kind;
use super::super::{ByteRange, ListStart, Metadata, Precondition};
use super::*;
use crate::env::Env;

/// What the server does with a request, once it has read it.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// Answers, and keeps the connection.
    Answer(String),
    /// Answers (perhaps in part), and closes.
    Last(String),
    /// Says nothing.
    Silence,
}

/// The requests that the server has read, as text.
pub(super) type Seen = Arc<Mutex<Vec<String>>>;

async fn serve(listener: TcpListener, script: Vec<Act>, seen: Seen) {
    let mut script = script.into_iter().peekable();
    while script.peek().is_some() {
        let (mut stream, _) = listener.accept().await.unwrap();
        while let Some(request) = read_request(&mut stream).await {
            seen.lock().unwrap().push(request);
            match script.next() {
                Some(Act::Answer(answer)) => stream.write_all(answer.as_bytes()).await.unwrap(),
                Some(Act::Last(answer)) => {
                    stream.write_all(answer.as_bytes()).await.unwrap();
                    break;
                }
                Some(Act::Silence) => std::future::pending().await,
                None => return,
            }
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.unwrap() == 0 {
            return None;
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).to_lowercase();
    let length = text.split("content-length: ").nth(1).map_or(0, |rest| {
        rest.lines().next().unwrap().parse::<usize>().unwrap()
    });
    while bytes.len() < head + length {
        assert_ne!(
            stream.read_buf(&mut bytes).await.unwrap(),
            0,
            "a whole request"
        );
    }
    Some(String::from_utf8(bytes).unwrap())
}

fn config(url: &str) -> S3Config {
    let mut config = S3Config::new("bucket");
    config.endpoint = Some(url.to_owned());
    config.region = Some("eu-west-1".to_owned());
    config.credentials = CredentialSource::Static {
        access_key: "AKID".to_owned(),
        secret_key: "canary-secret".into(),
        session_token: Some("canary-token".into()),
    };
    config.timeout = Duration::from_millis(500);
    config
}

fn open(config: S3Config, env: Env) -> Arc<dyn Store> {
    Arc::new(S3Store::connect(config, env).unwrap())
}

async fn scripted_with(
    script: Vec<Act>,
    change: impl FnOnce(&mut S3Config),
) -> (Arc<dyn Store>, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = config(&format!("http://{}", listener.local_addr().unwrap()));
    change(&mut config);
    let seen = Seen::default();
    let env = Env::seeded(1);
    env.spawn(serve(listener, script, Arc::clone(&seen)));
    (open(config, env), seen)
}

pub(super) async fn scripted(script: Vec<Act>) -> (Arc<dyn Store>, Seen) {
    scripted_with(script, |_| {}).await
}

pub(super) fn answer(status: &str, headers: &str, body: &str) -> Act {
    Act::Answer(format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        body.len()
    ))
}

pub(super) fn fault(status: &str, code: &str) -> Act {
    let body =
        format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>why</Message></Error>");
    answer(status, "x-amz-request-id: RID\r\n", &body)
}

fn get(key: &str) -> GetObject {
    GetObject {
        key: key.to_owned(),
        ..Default::default()
    }
}

fn put(key: &str) -> PutObject {
    PutObject {
        key: key.to_owned(),
        body: Bytes::from_static(b"{}"),
        ..Default::default()
    }
}

const ETAG: &str = "etag: \"e1\"\r\n";

#[tokio::test]
async fn a_put_is_one_signed_request() {
    let (store, seen) = scripted_with(vec![answer("200 OK", ETAG, "")], |config| {
        config.headers = vec![
            ("x-amz-request-payer".to_owned(), "requester".to_owned()),
            ("x-tenant".to_owned(), "t".to_owned()),
        ];
        config.expected_bucket_owner = Some("123456789012".to_owned());
    })
    .await;
    let request = PutObject {
        precondition: Precondition::IfAbsent,
        content_type: Some("application/json".into()),
        metadata: Metadata::from([("write-id".to_owned(), "w 1".to_owned())]),
        ..put("a b/../ü.json")
    };
    assert_eq!(store.put(&request).await.unwrap().etag.as_str(), "e1");
    let request = seen.lock().unwrap().remove(0);
    let mut lines: Vec<&str> = request.lines().collect();
    assert_eq!(lines.remove(0), "PUT /bucket/a%20b/../%C3%BC.json HTTP/1.1");
    assert_eq!(lines.pop(), Some("{}"));
    let header = |name: &str| {
        let found = lines
            .iter()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        found.unwrap_or_else(|| panic!("no `{name}` in {request}"))
    };
    for (name, value) in [
        ("if-none-match", "*"),
        ("content-type", "application/json"),
        ("content-length", "2"),
        ("x-amz-meta-write-id", "w 1"),
        ("x-amz-date", "20231114T221320Z"),
        ("x-amz-request-payer", "requester"),
        ("x-tenant", "t"),
        ("x-amz-expected-bucket-owner", "123456789012"),
        ("x-amz-security-token", "canary-token"),
        (
            "x-amz-content-sha256",
            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        ),
    ] {
        assert_eq!(header(name), value);
    }
    assert!(header("authorization").contains(
        "Credential=AKID/20231114/eu-west-1/s3/aws4_request, SignedHeaders=content-type;host;\
         if-none-match;x-amz-content-sha256;x-amz-date;x-amz-expected-bucket-owner;\
         x-amz-meta-write-id;x-amz-request-payer;x-amz-security-token, Signature="
    ));
}

#[tokio::test]
async fn the_other_preconditions_are_headers_too() {
    let (store, seen) = scripted(vec![answer("200 OK", ETAG, ""); 3]).await;
    let tag = || ETag::new("\"t\"");
    store
        .put(&PutObject {
            precondition: Precondition::IfPresent,
            ..put("k")
        })
        .await
        .unwrap();
    store
        .put(&PutObject {
            precondition: Precondition::IfMatch(tag()),
            ..put("k")
        })
        .await
        .unwrap();
    let request = DeleteObject {
        key: "k".to_owned(),
        precondition: Precondition::IfMatch(tag()),
    };
    store.delete(request).await.unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen[0].contains("\r\nif-match: *\r\n"));
    assert!(seen[1].contains("\r\nif-match: \"t\"\r\n"));
    assert!(seen[2].starts_with("DELETE ") && seen[2].contains("\r\nif-match: \"t\"\r\n"));
}

#[tokio::test]
async fn anonymous_requests_are_not_signed() {
    let (store, seen) = scripted_with(vec![answer("200 OK", ETAG, "x")], |config| {
        config.credentials = CredentialSource::Anonymous;
    })
    .await;
    store.get(get("k")).await.unwrap();
    assert!(!seen.lock().unwrap()[0].contains("x-amz-"));
}

impl Act {
    fn last(self) -> Self {
        match self {
            Self::Answer(answer) => Self::Last(answer),
            other => other,
        }
    }
}

#[tokio::test]
async fn a_read_gives_the_body_and_the_metadata() {
    let headers = "etag: \"e1\"\r\nlast-modified: Tue, 14 Nov 2023 22:13:20 GMT\r\n\
                   content-type: text/plain\r\nx-amz-meta-a: b\r\n";
    let chunked = format!(
        "HTTP/1.1 200 OK\r\n{headers}transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    );
    for act in [answer("200 OK", headers, "abcde"), Act::Answer(chunked)] {
        let (store, _) = scripted(vec![act]).await;
        let object = store.get(get("k")).await.unwrap();
        assert_eq!(object.body, "abcde");
        assert_eq!(object.meta.size, 5);
        assert_eq!(object.meta.etag.quoted(), "\"e1\"");
        assert_eq!(object.meta.content_type.as_deref(), Some("text/plain"));
        assert_eq!(object.meta.metadata["a"], "b");
        let modified = object.meta.last_modified.unwrap();
        assert_eq!(crate::store::time::unix_seconds(modified), 1_700_000_000);
    }
}

#[tokio::test]
async fn ranges_are_asked_for_and_checked() {
    let part = format!("{ETAG}content-range: bytes 2-4/9\r\n");
    let (store, seen) = scripted(vec![
        answer("206 Partial Content", &part, "cde"),
        answer("206 Partial Content", &part, "cde"),
        answer("206 Partial Content", &part, "cde"),
        answer("200 OK", ETAG, "abcdefghi"),
    ])
    .await;
    let ranges = [
        ByteRange::Span(2, 5),
        ByteRange::From(2),
        ByteRange::Last(3),
    ];
    for range in ranges {
        let object = store
            .get(GetObject {
                range: Some(range),
                ..get("k")
            })
            .await
            .unwrap();
        assert_eq!(
            (object.body.as_ref(), object.meta.size),
            (b"cde".as_ref(), 9)
        );
    }
    let ignored = store
        .get(GetObject {
            range: Some(ByteRange::From(2)),
            ..get("k")
        })
        .await;
    assert_eq!(ignored.unwrap_err().kind(), Kind::BadAnswer);
    for range in [ByteRange::Span(3, 3), ByteRange::Last(0)] {
        let empty = store
            .get(GetObject {
                range: Some(range),
                ..get("k")
            })
            .await;
        assert_eq!(empty.unwrap_err().kind(), Kind::InvalidRange);
    }
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 4);
    for (request, range) in seen.iter().zip(["bytes=2-4", "bytes=2-", "bytes=-3"]) {
        assert!(
            request.contains(&format!("\r\nrange: {range}\r\n")),
            "{request}"
        );
    }
}

#[tokio::test]
async fn a_body_larger_than_allowed_is_refused() {
    let chunked =
        format!("HTTP/1.1 200 OK\r\n{ETAG}transfer-encoding: chunked\r\n\r\n5\r\nabcde\r\n");
    for act in [answer("200 OK", ETAG, "abcde"), Act::Answer(chunked)] {
        let (store, _) = scripted(vec![act]).await;
        let request = GetObject {
            max_bytes: Some(4),
            ..get("k")
        };
        assert_eq!(store.get(request).await.unwrap_err().kind(), Kind::TooLarge);
    }
    let (store, _) = scripted(vec![answer("200 OK", ETAG, "abcde")]).await;
    assert!(
        store
            .get(GetObject {
                max_bytes: Some(5),
                ..get("k")
            })
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn head_asks_again_for_the_reason() {
    let bare = |status: &str| Act::Answer(format!("HTTP/1.1 {status}\r\n\r\n"));
    for (first, second, kind) in [
        (
            "404 Not Found",
            fault("404 Not Found", "NoSuchKey"),
            Kind::NotFound,
        ),
        (
            "404 Not Found",
            fault("404 Not Found", "NoSuchBucket"),
            Kind::NoSuchBucket,
        ),
        (
            "404 Not Found",
            fault("416 Range", "InvalidRange"),
            Kind::NotFound,
        ),
        (
            "404 Not Found",
            fault("503 Slow Down", "SlowDown"),
            Kind::Throttled,
        ),
        (
            "403 Forbidden",
            fault("403 Forbidden", "InvalidAccessKeyId"),
            Kind::Credentials,
        ),
        (
            "403 Forbidden",
            fault("403 Forbidden", "AccessDenied"),
            Kind::Denied,
        ),
    ] {
        let (store, seen) = scripted(vec![bare(first), second]).await;
        assert_eq!(store.head("k").await.unwrap_err().kind(), kind);
        let seen = seen.lock().unwrap();
        assert!(seen[0].starts_with("HEAD ") && seen[1].contains("\r\nrange: bytes=0-0\r\n"));
    }
    let found = format!("HTTP/1.1 200 OK\r\n{ETAG}content-length: 7\r\n\r\n");
    let (store, _) = scripted(vec![Act::Answer(found)]).await;
    assert_eq!(store.head("k").await.unwrap().size, 7);
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_without_a_request() {
    let (store, seen) = scripted(Vec::new()).await;
    let refused = [
        store.get(get("")).await.map(drop).unwrap_err(),
        store
            .put(&put(&"k".repeat(1025)))
            .await
            .map(drop)
            .unwrap_err(),
        store
            .delete(DeleteObject {
                key: "k".to_owned(),
                precondition: Precondition::IfAbsent,
            })
            .await
            .unwrap_err(),
        store
            .put(&PutObject {
                content_type: Some("é".into()),
                ..put("k")
            })
            .await
            .map(drop)
            .unwrap_err(),
        store
            .list(ListObjects {
                limit: Some(0),
                ..Default::default()
            })
            .await
            .map(drop)
            .unwrap_err(),
    ];
    let kinds = refused.map(|error| error.kind());
    assert_eq!(
        kinds,
        [
            Kind::InvalidKey,
            Kind::InvalidKey,
            Kind::Invalid,
            Kind::Invalid,
            Kind::Invalid
        ]
    );
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn no_secret_is_in_any_output() {
    let (store, _) = scripted(vec![Act::Last(String::new())]).await;
    let error = store.put(&put("k")).await.unwrap_err();
    let shown = format!("{store:?} {error} {error:?}");
    assert!(!shown.contains("canary"), "{shown}");
}
