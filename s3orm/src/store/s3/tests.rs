//! The client against a scripted server: what it sends, byte for byte, and what it makes of every
//! answer and of none.

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

#[tokio::test]
async fn every_refusal_has_its_kind() {
    for (status, code, kind) in [
        (
            "412 Precondition Failed",
            "PreconditionFailed",
            Kind::PreconditionFailed,
        ),
        ("404 Not Found", "NoSuchKey", Kind::NotFound),
        ("404 Not Found", "NoSuchBucket", Kind::NoSuchBucket),
        ("404 Not Found", "NoSuchUpload", Kind::NoSuchUpload),
        ("404 Not Found", "NoSuchWebsiteConfiguration", Kind::Invalid),
        ("409 Conflict", "ConditionalRequestConflict", Kind::Conflict),
        ("409 Conflict", "OperationAborted", Kind::Conflict),
        (
            "409 Conflict",
            "BucketAlreadyOwnedByYou",
            Kind::BucketExists,
        ),
        ("409 Conflict", "BucketAlreadyExists", Kind::BucketExists),
        ("409 Conflict", "BucketNotEmpty", Kind::BucketNotEmpty),
        (
            "416 Range Not Satisfiable",
            "InvalidRange",
            Kind::InvalidRange,
        ),
        ("403 Forbidden", "AccessDenied", Kind::Denied),
        ("403 Forbidden", "InvalidAccessKeyId", Kind::Credentials),
        ("403 Forbidden", "SignatureDoesNotMatch", Kind::Credentials),
        ("403 Forbidden", "RequestTimeTooSkewed", Kind::Credentials),
        ("403 Forbidden", "SomethingNew", Kind::Denied),
        ("400 Bad Request", "ExpiredToken", Kind::Credentials),
        ("400 Bad Request", "RequestTimeout", Kind::Unsent),
        ("400 Bad Request", "MalformedXML", Kind::Invalid),
        ("400 Bad Request", "KeyTooLongError", Kind::InvalidKey),
        (
            "400 Bad Request",
            "AuthorizationHeaderMalformed",
            Kind::WrongRegion,
        ),
        ("501 Not Implemented", "NotImplemented", Kind::Unsupported),
        ("503 Slow Down", "SlowDown", Kind::Throttled),
        ("503 Slow Down", "SlowDownWrite", Kind::Throttled),
        ("429 Too Many", "TooManyRequests", Kind::Throttled),
        (
            "503 Service Unavailable",
            "ServiceUnavailable",
            Kind::Server,
        ),
        ("500 Internal Server Error", "InternalError", Kind::Server),
    ] {
        let (store, seen) = scripted(vec![fault(status, code)]).await;
        let error = store.put(&put("k")).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{status} {code}");
        assert_eq!(
            (error.code(), error.request_id()),
            (Some(code), Some("RID"))
        );
        assert_eq!(error.status(), status[..3].parse().ok());
        assert_eq!(seen.lock().unwrap().len(), 1, "nothing is sent twice");
    }
}

#[tokio::test]
async fn answers_that_are_not_s3s_prove_nothing() {
    const PAGE: &str = "<html><body>Welcome to the hotel</body></html>";
    for (status, body, kind) in [
        ("200 OK", PAGE, Kind::BadAnswer),
        ("404 Not Found", PAGE, Kind::BadAnswer),
        ("404 Not Found", "", Kind::BadAnswer),
        ("403 Forbidden", PAGE, Kind::BadAnswer),
        ("412 Precondition Failed", PAGE, Kind::BadAnswer),
        ("412 Precondition Failed", "", Kind::PreconditionFailed),
        ("400 Bad Request", "", Kind::BadAnswer),
        ("502 Bad Gateway", PAGE, Kind::Server),
        ("503 Service Unavailable", "", Kind::Server),
        ("429 Too Many Requests", "", Kind::Throttled),
        (
            "404 Not Found",
            "<Error><Code>NoSuchKey</Code>",
            Kind::BadAnswer,
        ),
        (
            "404 Not Found",
            "<!DOCTYPE x><Error><Code>NoSuchKey</Code></Error>",
            Kind::BadAnswer,
        ),
    ] {
        let (store, _) = scripted(vec![answer(status, "", body)]).await;
        assert_eq!(
            store.put(&put("k")).await.unwrap_err().kind(),
            kind,
            "{status} {body}"
        );
    }
    let (store, _) = scripted(vec![Act::Last("SSH-2.0-OpenSSH\r\n".to_owned())]).await;
    assert_eq!(
        store.put(&put("k")).await.unwrap_err().kind(),
        Kind::BadAnswer
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_names_the_region() {
    let elsewhere = "location: http://127.0.0.1:1/\r\nx-amz-bucket-region: eu-central-1\r\n";
    for status in ["301 Moved Permanently", "307 Temporary Redirect"] {
        let (store, seen) = scripted(vec![answer(status, elsewhere, "")]).await;
        let error = store.get(get("k")).await.unwrap_err();
        assert_eq!(error.kind(), Kind::WrongRegion);
        assert!(error.message().contains("`eu-central-1`"), "{error}");
        assert_eq!(seen.lock().unwrap().len(), 1);
    }
    let body = "<Error><Code>AuthorizationHeaderMalformed</Code><Region>us-west-2</Region></Error>";
    let (store, _) = scripted(vec![answer("400 Bad Request", "", body)]).await;
    assert!(
        store
            .get(get("k"))
            .await
            .unwrap_err()
            .message()
            .contains("`us-west-2`")
    );
}

#[tokio::test]
async fn a_wrong_clock_is_measured() {
    let body = "<Error><Code>RequestTimeTooSkewed</Code></Error>";
    // The seeded clock begins at 22:13:20.
    let date = "date: Tue, 14 Nov 2023 20:13:20 GMT\r\n";
    let (store, _) = scripted(vec![answer("403 Forbidden", date, body)]).await;
    let error = store.get(get("k")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Credentials);
    assert!(
        error
            .message()
            .contains("clock is 7200 s ahead of the server's"),
        "{error}"
    );
}

#[tokio::test]
async fn the_server_may_ask_for_time() {
    let body = "<Error><Code>SlowDown</Code></Error>";
    for (value, seconds) in [("7", 7), ("Tue, 14 Nov 2023 22:14:20 GMT", 60)] {
        let header = format!("retry-after: {value}\r\n");
        let (store, _) = scripted(vec![answer("503 Slow Down", &header, body)]).await;
        let wait = store
            .put(&put("k"))
            .await
            .unwrap_err()
            .retry_after()
            .unwrap();
        assert!(
            wait.abs_diff(Duration::from_secs(seconds)) < Duration::from_secs(1),
            "{wait:?}"
        );
    }
}

#[tokio::test]
async fn lost_answers_and_unsent_requests_are_told_apart() {
    let lost = [
        Act::Last(String::new()),
        Act::Last("HTTP/1.1 200 OK\r\ncontent-".to_owned()),
        Act::Silence,
    ];
    for act in lost {
        let (store, _) = scripted(vec![act.clone()]).await;
        assert_eq!(
            store.put(&put("k")).await.unwrap_err().kind(),
            Kind::Lost,
            "{act:?}"
        );
    }
    // A read of which half arrives is not an object.
    let half = format!("HTTP/1.1 200 OK\r\n{ETAG}content-length: 10\r\n\r\nhalf");
    let (store, _) = scripted(vec![Act::Last(half)]).await;
    assert_eq!(store.get(get("k")).await.unwrap_err().kind(), Kind::Lost);

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let store = open(config(&url), Env::seeded(1));
    let error = store.put(&put("k")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unsent);
    assert_eq!(
        error.message(),
        format!("connection refused by {url}: is the server running?")
    );

    let mut nowhere = config("http://no-such-host.invalid");
    nowhere.allow_http = true;
    let store = open(nowhere, Env::seeded(1));
    let error = store.put(&put("k")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unsent);
    assert!(
        error
            .message()
            .contains("`no-such-host.invalid` cannot be resolved"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_without_tls_is_an_unsent_request() {
    let mut plain = config("http://localhost");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    plain.endpoint = Some(format!("https://{}", listener.local_addr().unwrap()));
    let env = Env::seeded(1);
    env.spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
    });
    let error = open(plain, env).put(&put("k")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unsent, "{error:?}");
}

#[tokio::test]
async fn connections_are_used_again_while_they_live() {
    let script = vec![
        answer("200 OK", ETAG, ""),
        answer("412 Precondition Failed", "", ""),
        answer("200 OK", ETAG, "").last(),
        answer("200 OK", ETAG, ""),
    ];
    let (store, seen) = scripted(script).await;
    store.put(&put("k")).await.unwrap();
    store.put(&put("k")).await.unwrap_err();
    store.put(&put("k")).await.unwrap();
    // The server serves one connection at a time: had the first not been used again, the second
    // request would have found nobody. Now it is closed, and noticed.
    tokio::task::yield_now().await;
    Env::system().sleep(Duration::from_millis(20)).await;
    store.put(&put("k")).await.unwrap();
    assert_eq!(seen.lock().unwrap().len(), 4);
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
async fn a_page_is_read_strictly() {
    let entry = |key: &str| {
        format!(
            "<Contents><Key>{key}</Key><LastModified>2009-10-12T17:50:30.000Z</LastModified>\
             <ETag>&quot;e&quot;</ETag><Size>5</Size><Owner><ID>x</ID></Owner></Contents>"
        )
    };
    let page = |inner: &str| {
        let body = format!(
            "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <Prefix>p%2F</Prefix>{inner}</ListBucketResult>"
        );
        answer("200 OK", "", &body)
    };
    let url = "<EncodingType>url</EncodingType>";
    let good = format!(
        "{}{}<CommonPrefixes><Prefix>p%2Fq%2F</Prefix></CommonPrefixes>\
         <IsTruncated>true</IsTruncated><NextContinuationToken>t&amp;1</NextContinuationToken>{url}",
        entry("p%2Fa+b%2B"),
        entry("p%2F%01")
    );
    let (store, seen) = scripted(vec![page(&good)]).await;
    let request = ListObjects {
        prefix: "p/".to_owned(),
        delimiter: Some('/'),
        start: ListStart::After("p/0".to_owned()),
        limit: Some(2),
    };
    let found = store.list(request).await.unwrap();
    let keys: Vec<_> = found
        .objects
        .iter()
        .map(|object| object.key.as_str())
        .collect();
    assert_eq!(keys, ["p/a b+", "p/\u{1}"]);
    assert_eq!(
        (found.objects[0].etag.as_str(), found.objects[0].size),
        ("e", 5)
    );
    assert_eq!(
        (found.prefixes, found.next.as_deref()),
        (vec!["p/q/".to_owned()], Some("t&1"))
    );
    assert!(seen.lock().unwrap()[0].starts_with(
        "GET /bucket?delimiter=%2F&encoding-type=url&list-type=2&max-keys=2&prefix=p%2F&start-after=p%2F0 "
    ));

    for wrong in [
        format!("{url}{}", entry("%zz")),
        format!("{url}<IsTruncated>true</IsTruncated>"),
        format!("{url}{}", entry("a").replace("<Size>5</Size>", "")),
        format!("{url}<Contents><Key>"),
    ] {
        let (store, _) = scripted(vec![page(&wrong)]).await;
        let error = store.list(ListObjects::default()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::BadAnswer, "{wrong}");
    }
    let (store, _) = scripted(vec![page(&entry("100%"))]).await;
    let raw = store.list(ListObjects::default()).await.unwrap();
    assert_eq!(
        raw.objects[0].key, "100%",
        "without the encoding asked for, keys are as they are"
    );
}

#[tokio::test]
async fn a_bulk_deletion_has_an_outcome_for_each() {
    let body = "<DeleteResult><Deleted><Key>a&amp;b</Key></Deleted>\
                <Error><Key>c</Key><Code>PreconditionFailed</Code><Message>m</Message></Error>\
                <Error><Key>d</Key><Code>InternalError</Code></Error></DeleteResult>";
    let single = Act::Answer("HTTP/1.1 204 No Content\r\n\r\n".to_owned());
    let (store, seen) = scripted(vec![answer("200 OK", "", body), single]).await;
    let requests = ["d", "a&b", "\u{1}", "c", "e"].map(|key| DeleteObject {
        key: key.to_owned(),
        precondition: match key {
            "c" => Precondition::IfMatch(ETag::new("t")),
            _ => Precondition::None,
        },
    });
    let outcomes = store.delete_many(requests.to_vec()).await.unwrap();
    let kinds: Vec<_> = outcomes
        .iter()
        .map(|outcome| outcome.as_ref().err().map(StoreError::kind))
        .collect();
    let expected = [
        Some(Kind::Server),
        None,
        None,
        Some(Kind::PreconditionFailed),
        Some(Kind::BadAnswer),
    ];
    assert_eq!(kinds, expected);
    let seen = seen.lock().unwrap();
    assert!(seen[0].starts_with("POST /bucket?delete= ") && seen[0].contains("content-md5: "));
    assert!(seen[0].contains("<Object><Key>c</Key><ETag>&quot;t&quot;</ETag></Object>"));
    assert!(seen[1].starts_with("DELETE /bucket/%01 "));
}

#[tokio::test]
async fn a_success_may_hold_an_error() {
    let upload = || CompleteUpload {
        key: "k".to_owned(),
        upload_id: "u".to_owned(),
        parts: vec![(1, ETag::new("p"))],
        precondition: Precondition::IfAbsent,
    };
    let copy = || CopyObject {
        source: "s".to_owned(),
        key: "k".to_owned(),
        ..Default::default()
    };
    for (code, kind) in [
        ("InternalError", Kind::Server),
        ("SlowDown", Kind::Server),
        ("SomethingNew", Kind::Server),
        ("NoSuchUpload", Kind::NoSuchUpload),
        ("PreconditionFailed", Kind::PreconditionFailed),
    ] {
        let (store, _) = scripted(vec![fault("200 OK", code), fault("200 OK", code)]).await;
        assert_eq!(
            store.complete_upload(upload()).await.unwrap_err().kind(),
            kind,
            "{code}"
        );
        assert_eq!(store.copy(copy()).await.unwrap_err().kind(), kind, "{code}");
    }
    let done =
        "\n <CompleteMultipartUploadResult><ETag>\"e-1\"</ETag></CompleteMultipartUploadResult>";
    let copied = "<CopyObjectResult><ETag>\"c\"</ETag></CopyObjectResult>";
    let (store, seen) = scripted(vec![
        answer("200 OK", "", done),
        answer("200 OK", "", copied),
    ])
    .await;
    assert_eq!(
        store.complete_upload(upload()).await.unwrap().etag.as_str(),
        "e-1"
    );
    assert_eq!(store.copy(copy()).await.unwrap().etag.as_str(), "c");
    let seen = seen.lock().unwrap();
    assert!(seen[0].starts_with("POST /bucket/k?uploadId=u "));
    assert!(seen[0].contains("<PartNumber>1</PartNumber><ETag>&quot;p&quot;</ETag>"));
    assert!(seen[1].contains("\r\nx-amz-copy-source: /bucket/s\r\n"));
}

#[tokio::test]
async fn buckets_are_made_listed_and_named() {
    let list = "<ListAllMyBucketsResult><Owner><ID>o</ID></Owner><Buckets>\
                <Bucket><Name>two</Name></Bucket><Bucket><Name>one</Name></Bucket></Buckets>\
                </ListAllMyBucketsResult>";
    let (store, seen) = scripted(vec![answer("200 OK", "", ""), answer("200 OK", "", list)]).await;
    let other = store.with_bucket("other").unwrap();
    other.create_bucket().await.unwrap();
    assert_eq!(store.list_buckets().await.unwrap(), ["one", "two"]);
    assert_eq!(store.with_bucket("No").unwrap_err().kind(), Kind::Invalid);
    let seen = seen.lock().unwrap();
    assert!(seen[0].starts_with("PUT /other HTTP/1.1"));
    assert!(seen[0].ends_with(
        "<LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>"
    ));
    assert!(seen[1].starts_with("GET / HTTP/1.1"));
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
