//! The server over real HTTP, request by request.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // Tests have the real clock, and panic.

mod access;
mod connections;
mod listings;
mod objects;

use s3orm_tests::raw::{self, Answer};
use s3orm_tests::server::{BUCKET, TestServer, keys};

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
        keys(&**self.0.store(), "").await
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
