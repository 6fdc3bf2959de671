//! Who may ask, and bodies that are not what was signed.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use s3orm_tests::raw::{self, Answer};
use s3orm_tests::server::{ACCESS_KEY, BUCKET};

use super::{Fixture, outcome};

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
