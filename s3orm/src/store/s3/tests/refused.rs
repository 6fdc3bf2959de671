//! Refusals, lost answers and connections.

use super::*;

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
        let says = match code {
            "InvalidAccessKeyId" => "does not know the access key",
            "SignatureDoesNotMatch" => "the secret access key is wrong",
            _ => "",
        };
        assert!(error.to_string().contains(says), "{error}");
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
