//! Each fault of the proxy does what it says.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // Tests have the real clock, and panic.

use std::time::{Duration, Instant};

use s3orm_tests::proxy::{Fault, Proxy, any, on};
use s3orm_tests::raw::{self, Answer};
use s3orm_tests::server::{BUCKET, TestServer, keys};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

struct Fixture {
    server: TestServer,
    proxy: Proxy,
}

impl Fixture {
    async fn new() -> Self {
        let server = TestServer::memory().await;
        let proxy = Proxy::in_front_of(server.local_addr()).await;
        Self { server, proxy }
    }

    /// Puts the key's name, on condition that it is not there.
    async fn put(&self, key: &str) -> anyhow::Result<Answer> {
        let target = format!("PUT /{BUCKET}/{key}");
        let absent = [("if-none-match", "*")];
        raw::send(self.proxy.local_addr(), &target, &absent, key.to_owned()).await
    }

    async fn get(&self, key: &str) -> anyhow::Result<Answer> {
        let target = format!("GET /{BUCKET}/{key}");
        raw::send(self.proxy.local_addr(), &target, &[], "").await
    }

    async fn keys(&self) -> Vec<String> {
        keys(&**self.server.store(), "").await
    }
}

#[tokio::test]
async fn without_a_fault_everything_passes() {
    let f = Fixture::new().await;
    assert_eq!(f.put("a%20b").await.unwrap().status, 200);
    assert_eq!(f.get("a%20b").await.unwrap().text(), "a%20b");
    let head = format!("HEAD /{BUCKET}/a%20b");
    let head = raw::send(f.proxy.local_addr(), &head, &[], "")
        .await
        .unwrap();
    assert_eq!(head.header("content-length"), "5");
    let seen = f.proxy.requests();
    assert_eq!(seen[0], format!("PutObject /{BUCKET}/a%20b"));
    assert_eq!(seen.len(), f.server.requests().len());
}

#[tokio::test]
async fn cut_before_keeps_the_request_from_the_server() {
    let f = Fixture::new().await;
    f.proxy.fail_next(any(), Fault::CutBefore);
    assert!(f.put("a").await.is_err());
    assert!(f.server.requests().is_empty());
    assert_eq!(f.put("a").await.unwrap().status, 200);
}

#[tokio::test]
async fn cut_after_loses_the_answer_of_what_was_applied() {
    let f = Fixture::new().await;
    f.proxy.fail_next(any(), Fault::CutAfter);
    assert!(f.put("a").await.is_err());
    assert_eq!(f.keys().await, ["a"]);
    assert_eq!(f.server.requests()[0].status, Some(200));
}

#[tokio::test]
async fn cut_in_body_breaks_off_in_the_middle() {
    let f = Fixture::new().await;
    f.put("abcdef").await.unwrap();
    f.proxy.fail_next(on("GetObject"), Fault::CutInBody);
    let text = raw_get(&f, "abcdef").await;
    assert!(text.contains("content-length: 6\r\n"), "{text}");
    assert!(text.ends_with("\r\n\r\nabc"), "{text}");
    assert_eq!(f.get("abcdef").await.unwrap().text(), "abcdef");
}

/// What arrives until the connection ends, byte for byte.
async fn raw_get(f: &Fixture, key: &str) -> String {
    let target = format!("GET /{BUCKET}/{key}");
    let headers = [("connection", "close")];
    let address = f.proxy.local_addr();
    let mut stream = raw::open(address, &target, &headers).await.unwrap();
    let mut answer = Vec::new();
    // A reset ends it too.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn an_answer_of_the_proxys_own_comes_instead_of_the_servers() {
    let f = Fixture::new().await;
    for (status, code) in [
        (500, "InternalError"),
        (503, "SlowDown"),
        (503, "ServiceUnavailable"),
        (409, "ConditionalRequestConflict"),
        (429, "TooManyRequests"),
    ] {
        f.proxy.fail_next(any(), Fault::Answer(status, code));
        let answer = f.put("a").await.unwrap();
        assert_eq!(answer.status, status);
        assert!(answer.text().contains(&format!("<Code>{code}</Code>")));
        assert!(f.server.requests().is_empty(), "not forwarded");
    }
    f.proxy
        .fail_next(any(), Fault::AnswerAfter(500, "InternalError"));
    assert_eq!(f.put("a").await.unwrap().status, 500);
    assert_eq!(f.keys().await, ["a"], "applied all the same");
}

#[tokio::test]
async fn silence_is_an_answer_that_never_comes() {
    let f = Fixture::new().await;
    f.proxy.fail_next(any(), Fault::Silence);
    let silent = tokio::time::timeout(Duration::from_millis(200), f.put("a"));
    assert!(silent.await.is_err());
    assert_eq!(f.keys().await, ["a"]);
}

#[tokio::test]
async fn a_delay_comes_before_the_server_and_a_trickle_after() {
    let f = Fixture::new().await;
    let pause = Duration::from_millis(30);
    let start = Instant::now();
    f.proxy.fail_next(on("PutObject"), Fault::Delay(pause));
    let (put, ()) = tokio::join!(f.put("abcdef"), async {
        tokio::time::sleep(pause / 2).await;
        assert!(f.server.requests().is_empty());
    });
    assert_eq!(put.unwrap().status, 200);
    assert!(start.elapsed() >= pause);

    let start = Instant::now();
    f.proxy.fail_next(on("GetObject"), Fault::Trickle(pause));
    assert_eq!(f.get("abcdef").await.unwrap().text(), "abcdef");
    assert!(start.elapsed() >= pause * 6);
}

#[tokio::test]
async fn a_request_in_limbo_is_delivered_when_the_test_says_so() {
    let f = Fixture::new().await;
    let held = f.proxy.hold_next(on("PutObject").path("/late"));
    assert_eq!(f.put("other").await.unwrap().status, 200);
    assert!(f.put("late").await.is_err());
    assert_eq!(f.keys().await, ["other"]);
    assert_eq!(held.deliver().await.unwrap(), 200);
    assert_eq!(f.keys().await, ["late", "other"]);
}

#[tokio::test]
async fn a_duplicate_meets_its_own_first_copy() {
    let f = Fixture::new().await;
    f.proxy.fail_next(any(), Fault::Duplicate);
    assert_eq!(f.put("a").await.unwrap().status, 412);
    let statuses: Vec<_> = f.server.requests().iter().map(|r| r.status).collect();
    assert_eq!(statuses, [Some(200), Some(412)]);
}

#[tokio::test]
async fn a_truncated_listing_looks_whole_to_http() {
    let f = Fixture::new().await;
    f.put("a").await.unwrap();
    let list = format!("GET /{BUCKET}?list-type=2");
    let whole = raw::send(f.proxy.local_addr(), &list, &[], "")
        .await
        .unwrap();
    f.proxy.fail_next(on("ListObjectsV2"), Fault::Truncate);
    let half = raw::send(f.proxy.local_addr(), &list, &[], "")
        .await
        .unwrap();
    assert_eq!(half.status, 200);
    assert_eq!(half.text(), whole.text()[..whole.body.len() / 2]);
}

#[tokio::test]
async fn a_wrong_length_promises_too_much_or_too_little() {
    let f = Fixture::new().await;
    f.put("abcdef").await.unwrap();
    f.proxy.fail_next(on("GetObject"), Fault::WrongLength(2));
    let text = raw_get(&f, "abcdef").await;
    assert!(text.contains("content-length: 8\r\n"), "{text}");
    assert!(text.ends_with("abcdef"), "{text}");
    f.proxy.fail_next(on("GetObject"), Fault::WrongLength(-2));
    assert_eq!(f.get("abcdef").await.unwrap().text(), "abcd");
}

#[tokio::test]
async fn faults_strike_the_requests_they_are_meant_for() {
    let f = Fixture::new().await;
    let slow = Fault::Answer(503, "SlowDown");
    f.proxy.fail_nth(2, on("PutObject"), slow.clone());
    f.proxy
        .fail_next(on("PutObject").path("/c"), Fault::CutAfter);
    assert_eq!(f.get("a").await.unwrap().status, 404);
    assert_eq!(f.put("a").await.unwrap().status, 200);
    assert_eq!(f.put("b").await.unwrap().status, 503);
    assert!(f.put("c").await.is_err());
    assert_eq!(f.put("d").await.unwrap().status, 200);

    f.proxy.fail_all(on("GetObject"), slow);
    for _ in 0..3 {
        assert_eq!(f.get("a").await.unwrap().status, 503);
    }
    f.proxy.clear();
    assert_eq!(f.get("a").await.unwrap().status, 200);
}

#[tokio::test]
async fn idle_connections_can_be_cut() {
    let f = Fixture::new().await;
    let mut idle = tokio::net::TcpStream::connect(f.proxy.local_addr())
        .await
        .unwrap();
    let request = b"HEAD / HTTP/1.1\r\nhost: a\r\n\r\n";
    idle.write_all(request).await.unwrap();
    assert_ne!(idle.read(&mut [0; 4096]).await.unwrap(), 0);
    f.proxy.cut_connections();
    assert_eq!(idle.read(&mut [0; 1]).await.unwrap_or(0), 0);
    assert_eq!(f.put("a").await.unwrap().status, 200);
}
