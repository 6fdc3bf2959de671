//! Signed URLs, used by somebody who has nothing else.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use s3orm::upload::PresignedUrl;
use s3orm::{Db, Env, ErrorKind};
use s3orm_tests::raw;
use s3orm_tests::server::TestServer;

use super::{holds, served};

/// Makes the request, with other headers where they are given; the status.
async fn use_it(
    server: &TestServer,
    url: &PresignedUrl,
    body: &'static str,
    others: &[(&str, &str)],
) -> u16 {
    let target = url
        .as_str()
        .strip_prefix(&server.endpoint())
        .expect("the server's");
    let mut request = Request::builder()
        .method(url.method())
        .uri(target)
        .header("host", server.local_addr().to_string());
    for (name, value) in url.headers() {
        let other = others.iter().find(|(other, _)| *other == name);
        let value = other.map_or(value, |(_, value)| value);
        if !value.is_empty() {
            request = request.header(name, value);
        }
    }
    let request = request
        .body(Full::new(Bytes::from(body)))
        .expect("a request and its answer");
    raw::exchange(server.local_addr(), request)
        .await
        .expect("a request and its answer")
        .status
}

#[tokio::test]
async fn a_get_reads_one_object_until_it_expires() {
    let (server, db) = served().await;
    db.upload("a b/\u{e9}").bytes("here").await.unwrap();
    server.reset();
    let url = db.presign_get("a b/\u{e9}").await.unwrap();
    assert!(server.requests().is_empty());
    assert_eq!((url.method(), url.headers().count()), ("GET", 0));
    assert_eq!(use_it(&server, &url, "", &[]).await, 200);
    assert_eq!(use_it(&server, &url, "", &[]).await, 200);
    let lasts = url.expires().duration_since(Env::system().now()).unwrap();
    assert!(
        lasts <= Duration::from_mins(5) && lasts > Duration::from_mins(4),
        "{lasts:?}"
    );

    let other = db.presign_get("other").await.unwrap();
    assert_eq!(use_it(&server, &other, "", &[]).await, 404);
    let short = db
        .presign_get("a b/\u{e9}")
        .expires_in(Duration::from_secs(1))
        .await
        .unwrap();
    Env::system().sleep(Duration::from_millis(2100)).await;
    assert_eq!(use_it(&server, &short, "", &[]).await, 403);
}

#[tokio::test]
async fn a_put_takes_what_was_signed_and_nothing_else() {
    let (server, db) = served().await;
    let url = db.presign_put("a", "text/plain", 4).await.unwrap();
    for others in [
        &[("content-type", "text/html")],
        &[("if-none-match", "")],
        &[("content-length", "5")],
    ] {
        let body = if others[0].0 == "content-length" {
            "12345"
        } else {
            "1234"
        };
        assert_eq!(use_it(&server, &url, body, others).await, 403, "{others:?}");
    }
    assert_eq!(use_it(&server, &url, "1234", &[]).await, 200);
    holds(&db, "a", &"1234".into()).await;
    // Used once more it finds what is there.
    assert_eq!(use_it(&server, &url, "9999", &[]).await, 412);

    let object = db.download("a").await.unwrap().unwrap();
    assert_eq!(object.content_type(), Some("text/plain"));
    let put = db
        .presign_put("a", "text/plain", 4)
        .if_version(&object.version());
    let url = put.await.unwrap();
    assert_eq!(use_it(&server, &url, "5678", &[]).await, 200);
    assert_eq!(use_it(&server, &url, "9999", &[]).await, 412);
    let url = db
        .presign_put("a", "text/plain", 4)
        .overwrite()
        .await
        .unwrap();
    assert_eq!(use_it(&server, &url, "abcd", &[]).await, 200);
    holds(&db, "a", &"abcd".into()).await;
}

#[tokio::test]
async fn times_are_limited_and_signatures_not_shown() {
    let (_server, db) = served().await;
    let long = Duration::from_secs(3601);
    let error = db.presign_get("a").expires_in(long).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.operation()),
        (ErrorKind::Config, "presign_get")
    );
    assert!(error.to_string().contains("`max_expiry`"), "{error}");
    let week = Duration::from_hours(24 * 7);
    assert!(
        db.presign_get("a")
            .expires_in(long)
            .max_expiry(week)
            .await
            .is_ok()
    );
    let beyond = week + Duration::from_secs(1);
    let error = db
        .presign_get("a")
        .expires_in(beyond)
        .max_expiry(beyond)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);

    let url = db.presign_put("a", "a/b", 1).await.unwrap();
    assert!(url.as_str().contains("X-Amz-Signature="));
    let shown = format!("{url} {url:?}");
    assert!(
        !shown.contains("Signature") && !shown.contains("Credential"),
        "{shown}"
    );
    assert!(shown.contains("media/a"), "{shown}");

    let memory = Db::connect("memory:").await.unwrap();
    let error = memory.presign_get("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}
