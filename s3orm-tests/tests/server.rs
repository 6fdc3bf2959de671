//! The server over real HTTP, request by request.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // Tests have the real clock, and panic.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use s3orm::Env;
use s3orm::server::Server;
use s3orm::store::memory::MemoryStore;
use s3orm::store::{GetObject, ListObjects, PutObject, Store};
use s3orm_tests::raw::{self, Answer};
use s3orm_tests::server::{ACCESS_KEY, BUCKET, SECRET_KEY, TestServer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A server, and short forms of what the tests send to it.
struct Fixture(TestServer);

impl Fixture {
    async fn new() -> Self {
        Self(TestServer::memory().await)
    }

    async fn send(&self, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let target = target.replacen("{b}", BUCKET, 1);
        raw::send(self.0.local_addr(), &target, headers, body.to_owned())
            .await
            .unwrap()
    }

    /// The outcome of a request, as `412 PreconditionFailed`; of a success, `200`.
    async fn outcome(&self, target: &str, headers: &[(&str, &str)], body: &str) -> String {
        outcome(&self.send(target, headers, body).await)
    }

    async fn put(&self, key: &str, body: &str) -> String {
        let answer = self.send(&format!("PUT /{{b}}/{key}"), &[], body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.header("etag")
    }

    async fn keys(&self) -> Vec<String> {
        let page = self.0.store().list(ListObjects::default()).await.unwrap();
        page.objects.into_iter().map(|object| object.key).collect()
    }
}

fn outcome(answer: &Answer) -> String {
    match element(&answer.text(), "Code") {
        Some(code) => format!("{} {code}", answer.status),
        None => answer.status.to_string(),
    }
}

/// The text of the first element of that name.
fn element(xml: &str, name: &str) -> Option<String> {
    elements(xml, name).into_iter().next()
}

/// The texts of all elements of that name.
fn elements(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    xml.split(&open)
        .skip(1)
        .filter_map(|rest| Some(rest.split_once(&close)?.0.to_owned()))
        .collect()
}

const OTHER: (&str, &str) = ("if-match", "\"00000000000000000000000000000000\"");
const ABSENT: (&str, &str) = ("if-none-match", "*");
const PRESENT: (&str, &str) = ("if-match", "*");
const FAILED: &str = "412 PreconditionFailed";
const NO_KEY: &str = "404 NoSuchKey";
const NO_BUCKET: &str = "404 NoSuchBucket";
const REFUSED: &str = "501 NotImplemented";

#[tokio::test]
async fn a_put_has_s3s_outcomes() {
    let s3 = Fixture::new().await;
    assert_eq!(s3.outcome("PUT /{b}/a", &[ABSENT], "1").await, "200");
    assert_eq!(s3.outcome("PUT /{b}/a", &[ABSENT], "2").await, FAILED);
    assert_eq!(s3.outcome("PUT /{b}/a", &[OTHER], "2").await, FAILED);
    let tag = s3.send("HEAD /{b}/a", &[], "").await.header("etag");
    let same = [("if-match", tag.as_str())];
    assert_eq!(s3.outcome("PUT /{b}/a", &same, "2").await, "200");
    assert_eq!(s3.outcome("PUT /{b}/a", &same, "3").await, FAILED);
    assert_eq!(s3.outcome("PUT /{b}/a", &[PRESENT], "3").await, "200");
    assert_eq!(s3.outcome("PUT /{b}/none", &[OTHER], "").await, NO_KEY);
    assert_eq!(s3.outcome("PUT /{b}/none", &[PRESENT], "").await, NO_KEY);
    assert_eq!(s3.outcome("PUT /no-bucket/a", &[], "").await, NO_BUCKET);
    assert_eq!(s3.send("GET /{b}/a", &[], "").await.text(), "3");
}

#[tokio::test]
async fn a_precondition_that_s3_does_not_know_is_refused() {
    let s3 = Fixture::new().await;
    let tag = s3.put("a", "1").await;
    let unknown = [("if-none-match", tag.as_str())];
    assert_eq!(s3.outcome("PUT /{b}/a", &unknown, "2").await, REFUSED);
    let both = [ABSENT, PRESENT];
    assert_eq!(s3.outcome("PUT /{b}/a", &both, "2").await, REFUSED);
    assert_eq!(s3.send("GET /{b}/a", &[], "").await.text(), "1");
}

#[tokio::test]
async fn a_delete_has_s3s_outcomes() {
    let s3 = Fixture::new().await;
    let tag = s3.put("a", "1").await;
    let same = [("if-match", tag.as_str())];
    assert_eq!(s3.outcome("DELETE /{b}/a", &[OTHER], "").await, FAILED);
    assert_eq!(s3.outcome("DELETE /{b}/a", &same, "").await, "204");
    assert_eq!(s3.outcome("DELETE /{b}/a", &same, "").await, NO_KEY);
    assert_eq!(s3.outcome("DELETE /{b}/a", &[PRESENT], "").await, NO_KEY);
    assert_eq!(s3.outcome("DELETE /{b}/a", &[], "").await, "204");
    assert_eq!(s3.outcome("DELETE /no-bucket/a", &[], "").await, NO_BUCKET);
}

#[tokio::test]
async fn a_bulk_delete_reports_each_object() {
    let s3 = Fixture::new().await;
    let tag = s3.put("a", "1").await;
    s3.put("b", "2").await;
    s3.put("c%0Dd%F0%9F%98%80", "3").await;
    let body = format!(
        "<Delete><Object><Key>a</Key><ETag>{tag}</ETag></Object>\
         <Object><Key>b</Key><ETag>other</ETag></Object>\
         <Object><Key>none</Key></Object><Object><Key>gone</Key><ETag>*</ETag></Object>\
         <Object><Key>c&#13;d\u{1f600}</Key></Object></Delete>"
    );
    let answer = s3.send("POST /{b}?delete", &[], &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let errors = elements(&answer.text(), "Error");
    let codes: Vec<_> = errors.iter().map(|e| element(e, "Code").unwrap()).collect();
    assert_eq!(codes, ["PreconditionFailed", "NoSuchKey"]);
    assert_eq!(s3.keys().await, ["b"]);
    let control = "<Delete><Object><Key>b</Key></Object><Object><Key>\u{1}</Key></Object></Delete>";
    let refused = s3.outcome("POST /{b}?delete", &[], control).await;
    assert_eq!(refused, "400 MalformedXML");
    assert_eq!(s3.keys().await, ["b"]);
}

#[tokio::test]
async fn a_read_has_s3s_outcomes() {
    let s3 = Fixture::new().await;
    let tag = s3.put("a", "0123456789").await;
    for method in ["GET", "HEAD"] {
        let target = format!("{method} /{{b}}/a");
        let fresh = s3.send(&target, &[("if-none-match", &tag)], "").await;
        assert_eq!((fresh.status, fresh.header("etag")), (304, tag.clone()));
        assert!(fresh.body.is_empty());
        assert_eq!(s3.send(&target, &[OTHER], "").await.status, 412);
        assert_eq!(s3.send(&target, &[ABSENT], "").await.status, 304);
        let same = s3.send(&target, &[("if-match", &tag)], "").await;
        assert_eq!(same.status, 200);
    }
    assert_eq!(s3.outcome("GET /{b}/none", &[], "").await, NO_KEY);
    assert_eq!(s3.outcome("GET /no-bucket/a", &[], "").await, NO_BUCKET);
    assert_eq!(s3.send("HEAD /{b}/none", &[], "").await.status, 404);
}

#[tokio::test]
async fn a_range_is_cut_at_the_end() {
    let s3 = Fixture::new().await;
    s3.put("a", "0123456789").await;
    for (range, content_range, body) in [
        ("bytes=2-4", "bytes 2-4/10", "234"),
        ("bytes=7-", "bytes 7-9/10", "789"),
        ("bytes=7-99", "bytes 7-9/10", "789"),
        ("bytes=-3", "bytes 7-9/10", "789"),
        ("bytes=-99", "bytes 0-9/10", "0123456789"),
    ] {
        let answer = s3.send("GET /{b}/a", &[("range", range)], "").await;
        assert_eq!(answer.status, 206, "{range}");
        assert_eq!(answer.header("content-range"), content_range);
        assert_eq!(answer.text(), body);
    }
    let beyond = [("range", "bytes=10-")];
    let answer = s3.outcome("GET /{b}/a", &beyond, "").await;
    assert_eq!(answer, "416 InvalidRange");
}

#[tokio::test]
async fn metadata_and_content_type_come_back_as_they_were() {
    let s3 = Fixture::new().await;
    let sent = [
        ("content-type", "text/x-made-up; a=\"b c\""),
        ("x-amz-meta-word", "=?UTF-8?Q?x=20y?="),
        ("x-amz-meta-spaced-out", "one two"),
    ];
    assert_eq!(s3.outcome("PUT /{b}/a", &sent, "1").await, "200");
    for method in ["GET", "HEAD"] {
        let answer = s3.send(&format!("{method} /{{b}}/a"), &[], "").await;
        for (name, value) in sent {
            assert_eq!(answer.header(name), value, "{method}");
        }
        assert_eq!(answer.header("content-length"), "1");
    }
}

#[tokio::test]
async fn what_a_store_cannot_keep_is_refused() {
    let s3 = Fixture::new().await;
    for header in [
        ("cache-control", "no-cache"),
        ("x-amz-tagging", "a=b"),
        ("content-encoding", "gzip"),
    ] {
        assert_eq!(s3.outcome("PUT /{b}/a", &[header], "").await, REFUSED);
    }
    let version = s3.outcome("GET /{b}/a?versionId=3", &[], "").await;
    assert_eq!(version, REFUSED);
    assert!(s3.keys().await.is_empty());
}

/// Keys that some layer between a client and a store tends to change: as they are sent, and as they
/// are.
const AWKWARD: [(&str, &str); 15] = [
    ("%20lead", " lead"),
    ("a//b", "a//b"),
    ("/lead", "/lead"),
    ("trail/", "trail/"),
    ("./a", "./a"),
    ("a/../b", "a/../b"),
    ("a+b", "a+b"),
    ("a%2Bb%20", "a+b "),
    ("a%252Fb", "a%2Fb"),
    ("a%3Fb%23c", "a?b#c"),
    ("%E2%82%AC%F0%9F%98%80", "\u{20ac}\u{1f600}"),
    ("tab%09", "tab\t"),
    ("line%0A%0D", "line\n\r"),
    ("bell%07%1F", "bell\u{7}\u{1f}"),
    ("%3C%26%22%27%3E", "<&\"'>"),
];

#[tokio::test]
async fn every_key_arrives_as_it_was_sent() {
    let s3 = Fixture::new().await;
    for (sent, _) in AWKWARD {
        s3.put(sent, sent).await;
    }
    let mut expected: Vec<_> = AWKWARD.iter().map(|(_, key)| (*key).to_owned()).collect();
    expected.sort_unstable();
    assert_eq!(s3.keys().await, expected);

    let query = "encoding-type=url&list-type=2";
    let listing = s3.send(&format!("GET /{{b}}?{query}"), &[], "").await;
    let listed = elements(&listing.text(), "Key");
    assert_eq!(listed.len(), AWKWARD.len());
    for key in listed {
        let encoded = key.bytes().all(|byte| byte.is_ascii_graphic());
        assert!(encoded, "{key}");
        let object = s3.send(&format!("GET /{{b}}/{key}"), &[], "").await;
        assert_eq!(object.status, 200, "{key}");
        let deleted = s3.send(&format!("DELETE /{{b}}/{key}"), &[], "").await;
        assert_eq!(deleted.status, 204, "{key}");
    }
    assert!(s3.keys().await.is_empty());
}

#[tokio::test]
async fn a_key_has_1024_bytes_at_most() {
    let s3 = Fixture::new().await;
    s3.put(&"k".repeat(1024), "1").await;
    let target = format!("PUT /{{b}}/{}", "k".repeat(1025));
    let outcome = s3.outcome(&target, &[], "1").await;
    assert_eq!(outcome, "400 KeyTooLongError");
}

#[tokio::test]
async fn a_copy_has_s3s_outcomes() {
    let s3 = Fixture::new().await;
    let sent = [("x-amz-meta-a", "1"), ("content-type", "text/plain")];
    s3.send("PUT /{b}/dir/a+b", &sent, "body").await;
    let source = ("x-amz-copy-source", &*format!("/{BUCKET}/dir/a%2Bb"));
    let copy = "PUT /{b}/copy";
    assert_eq!(s3.outcome(copy, &[source, ABSENT], "").await, "200");
    let copied = s3.send("GET /{b}/copy", &[], "").await;
    assert_eq!(copied.text(), "body");
    assert_eq!(copied.header("x-amz-meta-a"), "1");

    assert_eq!(s3.outcome(copy, &[source, ABSENT], "").await, FAILED);
    assert_eq!(s3.outcome(copy, &[source, OTHER], "").await, FAILED);
    let stale = ("x-amz-copy-source-if-match", OTHER.1);
    assert_eq!(s3.outcome(copy, &[source, stale], "").await, FAILED);

    let replace = ("x-amz-metadata-directive", "REPLACE");
    let replaced = [source, replace, ("x-amz-meta-b", "2")];
    assert_eq!(s3.outcome(copy, &replaced, "").await, "200");
    let copied = s3.send("HEAD /{b}/copy", &[], "").await;
    assert_eq!(copied.header("x-amz-meta-a"), "");
    assert_eq!(copied.header("x-amz-meta-b"), "2");
    let missing = ("x-amz-copy-source", &*format!("{BUCKET}/none"));
    assert_eq!(s3.outcome(copy, &[missing], "").await, NO_KEY);
}

#[tokio::test]
async fn an_upload_is_completed_on_its_condition() {
    let s3 = Fixture::new().await;
    s3.put("big", "there").await;
    let metadata = [("x-amz-meta-a", "1")];
    let started = s3.send("POST /{b}/big?uploads", &metadata, "").await;
    let id = element(&started.text(), "UploadId").unwrap();
    let part = format!("PUT /{{b}}/big?partNumber=1&uploadId={id}");
    let part = s3.send(&part, &[], "part").await;
    let complete = format!("POST /{{b}}/big?uploadId={id}");
    let body = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part>\
         </CompleteMultipartUpload>",
        part.header("etag")
    );
    assert_eq!(s3.outcome(&complete, &[ABSENT], &body).await, FAILED);
    assert_eq!(s3.outcome(&complete, &[OTHER], &body).await, FAILED);
    assert_eq!(s3.outcome(&complete, &[PRESENT], &body).await, "200");
    let object = s3.send("GET /{b}/big", &[], "").await;
    assert_eq!(object.text(), "part");
    assert_eq!(object.header("x-amz-meta-a"), "1");
    assert!(object.header("etag").ends_with("-1\""));

    let again = s3.outcome(&complete, &[], &body).await;
    assert_eq!(again, "404 NoSuchUpload");
    let abort = format!("DELETE /{{b}}/big?uploadId={id}");
    assert_eq!(s3.outcome(&abort, &[], "").await, "404 NoSuchUpload");
}

/// Pages of one entry through the bucket, from one page's end to the next one's start.
async fn page_through(s3: &Fixture, form: &[&str], resume: &str, next: &str) -> Vec<String> {
    let (mut names, mut from) = (Vec::new(), None);
    loop {
        let mut query: Vec<String> = form.iter().map(|&part| part.to_owned()).collect();
        query.extend(["delimiter=%2F".to_owned(), "max-keys=1".to_owned()]);
        query.extend(from.map(|from: String| {
            let from = from.replace('/', "%2F").replace('!', "%21");
            format!("{resume}={from}")
        }));
        query.sort();
        let target = format!("GET /{{b}}?{}", query.join("&"));
        let text = s3.send(&target, &[], "").await.text();
        let prefixes = elements(&text, "CommonPrefixes");
        let page: Vec<_> = elements(&text, "Key")
            .into_iter()
            .chain(
                prefixes
                    .iter()
                    .filter_map(|prefix| element(prefix, "Prefix")),
            )
            .collect();
        assert_eq!(page.len(), 1, "{text}");
        names.extend(page);
        from = element(&text, next);
        if from.is_none() {
            return names;
        }
    }
}

#[tokio::test]
async fn both_listings_page_through_keys_and_prefixes() {
    let s3 = Fixture::new().await;
    for key in ["a", "b/1", "b/2", "b!", "c/1", "d"] {
        s3.put(key, "").await;
    }
    let expected = ["a", "b!", "b/", "c/", "d"];
    let new = ["list-type=2"];
    let names = page_through(&s3, &new, "continuation-token", "NextContinuationToken").await;
    assert_eq!(names, expected);
    assert_eq!(
        page_through(&s3, &[], "marker", "NextMarker").await,
        expected
    );

    let after = "GET /{b}?list-type=2&prefix=b&start-after=b%2F1";
    let after = s3.send(after, &[], "").await;
    assert_eq!(elements(&after.text(), "Key"), ["b/2"]);
    let none = s3.send("GET /{b}?list-type=2&max-keys=0", &[], "").await;
    assert_eq!(elements(&none.text(), "IsTruncated"), ["false"]);
    let missing = s3.outcome("GET /no-bucket?list-type=2", &[], "").await;
    assert_eq!(missing, NO_BUCKET);
}

#[tokio::test]
async fn buckets_come_and_go() {
    let s3 = Fixture::new().await;
    assert_eq!(s3.outcome("PUT /another-bucket", &[], "").await, "200");
    let again = s3.outcome("PUT /another-bucket", &[], "").await;
    assert_eq!(again, "409 BucketAlreadyOwnedByYou");
    let listed = s3.send("GET /", &[], "").await;
    let names = elements(&listed.text(), "Name");
    assert_eq!(names, ["another-bucket", BUCKET]);
    assert_eq!(s3.outcome("HEAD /another-bucket", &[], "").await, "200");
    let location = s3.outcome("GET /another-bucket?location", &[], "").await;
    assert_eq!(location, "200");
    s3.send("PUT /another-bucket/a", &[], "1").await;
    let full = s3.outcome("DELETE /another-bucket", &[], "").await;
    assert_eq!(full, "409 BucketNotEmpty");
    s3.send("DELETE /another-bucket/a", &[], "").await;
    assert_eq!(s3.outcome("DELETE /another-bucket", &[], "").await, "204");
    assert_eq!(s3.outcome("HEAD /another-bucket", &[], "").await, "404");
    let name = s3.outcome("PUT /Bad_Name", &[], "").await;
    assert_eq!(name, "400 InvalidBucketName");
}

/// A request that is signed, but not sent yet. `UNSIGNED-PAYLOAD`, as its body may yet change.
fn signed(s3: &Fixture, target: &str, body: &'static str) -> Request<Full<Bytes>> {
    let (method, path) = target.split_once(' ').unwrap();
    let mut request = Request::builder()
        .method(method)
        .uri(path.replacen("{b}", BUCKET, 1))
        .body(Full::new(Bytes::from(body)))
        .unwrap();
    let host = s3.0.local_addr().to_string();
    raw::sign(&mut request, &host, raw::UNSIGNED);
    request
}

#[tokio::test]
async fn only_requests_with_the_right_signature_pass() {
    let s3 = Fixture::new().await;
    let request = signed(&s3, "PUT /{b}/a", "1");
    let authorization = request.headers()["authorization"].to_str().unwrap();
    for (authorization, expected) in [
        (None, "403 AccessDenied"),
        (
            Some(authorization.replace(ACCESS_KEY, "stranger")),
            "403 InvalidAccessKeyId",
        ),
        (
            Some(authorization.replace("Signature=", "Signature=0")),
            "403 SignatureDoesNotMatch",
        ),
        (Some(authorization.to_owned()), "200"),
    ] {
        let mut request = request.clone();
        request.headers_mut().remove("authorization");
        if let Some(value) = authorization {
            let headers = request.headers_mut();
            headers.insert("authorization", value.parse().unwrap());
        }
        let answer = raw::exchange(s3.0.local_addr(), request).await.unwrap();
        assert_eq!(outcome(&answer), expected);
    }
}

/// A signed `PUT` in the form that AWS's clients send: chunks, and a checksum after them.
async fn put_chunked(s3: &Fixture, crc32: &str) -> Answer {
    let body = format!("5\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:{crc32}\r\n\r\n");
    let mut request = Request::put(format!("/{BUCKET}/a"))
        .header("content-encoding", "aws-chunked")
        .header("x-amz-decoded-content-length", "11")
        .header("x-amz-trailer", "x-amz-checksum-crc32")
        .body(Full::new(Bytes::from(body)))
        .unwrap();
    let (address, payload) = (s3.0.local_addr(), "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    raw::sign(&mut request, &address.to_string(), payload);
    raw::exchange(address, request).await.unwrap()
}

#[tokio::test]
async fn chunks_with_a_trailing_checksum_are_unpacked_and_checked() {
    let s3 = Fixture::new().await;
    let wrong = put_chunked(&s3, "AAAAAA==").await;
    assert_eq!(outcome(&wrong), "400 BadDigest");
    assert!(s3.keys().await.is_empty());
    assert_eq!(outcome(&put_chunked(&s3, "DUoRhQ==").await), "200");
    let object = s3.send("GET /{b}/a", &[], "").await;
    assert_eq!(object.text(), "hello world");
    assert_eq!(object.header("content-encoding"), "");
}

#[tokio::test]
async fn a_body_that_is_not_what_its_headers_say_is_refused() {
    let s3 = Fixture::new().await;
    // Both are of an empty body.
    let md5 = ("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==");
    let sha256 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    for sum in [md5, ("x-amz-checksum-sha256", sha256)] {
        let wrong = s3.outcome("PUT /{b}/a", &[sum], "1").await;
        assert_eq!(wrong, "400 BadDigest");
        assert_eq!(s3.outcome("PUT /{b}/a", &[sum], "").await, "200");
    }
    let address = s3.0.local_addr();
    let body = Full::new(Bytes::from("1"));
    let mut request = Request::put(format!("/{BUCKET}/b")).body(body).unwrap();
    let signed = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    raw::sign(&mut request, &address.to_string(), signed);
    let answer = raw::exchange(address, request).await.unwrap();
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(s3.keys().await, ["a"]);
}

/// Sends a `PUT`'s head alone, which promises four bytes.
async fn send_head(s3: &Fixture, key: &str, headers: &[(&str, &str)]) -> TcpStream {
    let target = format!("PUT /{BUCKET}/{key}");
    let headers = [&[("content-length", "4")], headers].concat();
    raw::open(s3.0.local_addr(), &target, &headers)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_client_that_expects_100_continue_gets_it() {
    let s3 = Fixture::new().await;
    let headers = [("expect", "100-continue"), ("connection", "close")];
    let mut stream = send_head(&s3, "a", &headers).await;
    let mut first = [0; 25];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"body").await.unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(rest.starts_with("HTTP/1.1 200 OK\r\n"), "{rest}");
    assert_eq!(s3.send("GET /{b}/a", &[], "").await.text(), "body");
}

#[tokio::test]
async fn requests_under_way_at_once_are_counted() {
    let s3 = Fixture::new().await;
    let streams = [
        send_head(&s3, "a", &[]).await,
        send_head(&s3, "b", &[]).await,
        send_head(&s3, "c", &[]).await,
    ];
    until(|| s3.0.overlap() == 3).await;
    assert!(s3.0.requests().is_empty());
    drop(streams);
    until(|| s3.0.requests().len() == 3).await;
    let requests = s3.0.requests();
    assert!(requests.iter().all(|request| request.status != Some(200)));
    assert!(s3.keys().await.is_empty(), "a cut request is not applied");
}

/// Waits for what another task does in a moment.
async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(10), waiting).await;
    waited.expect("it did not come to pass in ten seconds");
}

#[tokio::test]
async fn a_bucket_may_stand_in_the_host_name() {
    let store = MemoryStore::new(BUCKET, Env::system());
    let server = Server::builder(Arc::new(store.clone()))
        .credentials(ACCESS_KEY, SECRET_KEY)
        .domain("s3.test")
        .bind("127.0.0.1:0")
        .await
        .unwrap();
    let send = async |mut request: Request<Full<Bytes>>, host: &str| {
        raw::sign(&mut request, host, raw::UNSIGNED);
        raw::exchange(server.local_addr(), request).await.unwrap()
    };
    let put = Request::put("/dir/a%20b").body(Full::new(Bytes::from("1")));
    let host = format!("{BUCKET}.s3.test:9000");
    assert_eq!(outcome(&send(put.unwrap(), &host).await), "200");
    let get = GetObject {
        key: "dir/a b".to_owned(),
        ..GetObject::default()
    };
    assert_eq!(store.get(get).await.unwrap().body, "1");
    let get = Request::get(format!("/{BUCKET}/dir/a%20b")).body(Full::default());
    assert_eq!(outcome(&send(get.unwrap(), "s3.test").await), "200");
}

#[tokio::test]
async fn the_server_remembers_what_it_was_asked() {
    let s3 = Fixture::new().await;
    s3.put("a%20b", "1").await;
    s3.send("GET /{b}/none?x-id=GetObject", &[], "").await;
    let requests = s3.0.requests();
    let seen: Vec<_> = requests
        .iter()
        .map(|r| (r.operation, r.method.as_str(), r.query.as_str(), r.status))
        .collect();
    let put = ("PutObject", "PUT", "", Some(200));
    let get = ("GetObject", "GET", "x-id=GetObject", Some(404));
    assert_eq!(seen, [put, get]);
    assert_eq!(requests[0].path, format!("/{BUCKET}/a%20b"));
    assert_eq!(s3.0.count("PutObject"), 1);
    assert_eq!(s3.0.count("DeleteObject"), 0);
    assert_eq!(s3.0.overlap(), 1);
    s3.0.reset();
    assert!(s3.0.requests().is_empty());
    assert_eq!(s3.0.overlap(), 0);
}

#[tokio::test]
async fn a_shutdown_ends_idle_connections_and_frees_the_port() {
    let server = TestServer::memory().await;
    let address = server.local_addr();
    let mut idle = TcpStream::connect(address).await.unwrap();
    let request = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    idle.write_all(request).await.unwrap();
    idle.read_u8().await.unwrap();
    server.shutdown().await;
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.unwrap();
    assert!(rest.starts_with(b"TTP/1.1 403"), "{}", rest.escape_ascii());
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn it_says_why_it_cannot_start() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(BUCKET, Env::system()));
    let server = Server::builder(Arc::clone(&store));
    let error = server.bind("127.0.0.1:0").await.unwrap_err();
    assert!(error.to_string().contains("credentials"), "{error}");
    let taken = TestServer::over(Arc::clone(&store)).await;
    let address = taken.local_addr().to_string();
    let server = Server::builder(store).credentials(ACCESS_KEY, SECRET_KEY);
    assert!(!format!("{server:?}").contains(SECRET_KEY));
    let error = server.bind(&address).await.unwrap_err();
    assert_eq!(error.kind(), s3orm::ErrorKind::Config);
    assert!(error.to_string().contains(&address), "{error}");
}

#[tokio::test]
async fn what_is_written_in_process_is_read_over_http() {
    let s3 = Fixture::new().await;
    let put = PutObject {
        key: "a".into(),
        body: Bytes::from("1"),
        ..PutObject::default()
    };
    s3.0.store().put(put).await.unwrap();
    assert_eq!(s3.send("GET /{b}/a", &[], "").await.text(), "1");
}
