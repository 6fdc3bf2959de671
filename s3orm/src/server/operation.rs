//! S3's name of a call, which HTTP only implies.

use http::{Method, Request};

/// S3's name of the call that a path-style request makes, such as `PutObject`; `Unknown` if this
/// server has no such call.
///
/// ```
/// let request = http::Request::put("/bucket/people/42.json").body(()).unwrap();
/// assert_eq!(s3orm::server::operation(&request), "PutObject");
/// ```
pub fn operation<B>(request: &Request<B>) -> &'static str {
    let path = request.uri().path().trim_start_matches('/');
    let query = request.uri().query().unwrap_or_default();
    let has = |name: &str| {
        query
            .split('&')
            .any(|parameter| parameter.split('=').next() == Some(name))
    };
    match path.split_once('/') {
        _ if path.is_empty() => service(request.method()),
        Some((_, key)) if !key.is_empty() => {
            let copies = request.headers().contains_key("x-amz-copy-source");
            object(request.method(), has, copies)
        }
        _ => bucket(request.method(), has),
    }
}

fn service(method: &Method) -> &'static str {
    match *method {
        Method::GET => "ListBuckets",
        _ => "Unknown",
    }
}

fn bucket(method: &Method, has: impl Fn(&str) -> bool) -> &'static str {
    match *method {
        Method::GET if has("location") => "GetBucketLocation",
        Method::GET if has("list-type") => "ListObjectsV2",
        Method::GET if has("uploads") => "ListMultipartUploads",
        Method::GET => "ListObjects",
        Method::HEAD => "HeadBucket",
        Method::PUT => "CreateBucket",
        Method::DELETE => "DeleteBucket",
        Method::POST if has("delete") => "DeleteObjects",
        _ => "Unknown",
    }
}

fn object(method: &Method, has: impl Fn(&str) -> bool, copies: bool) -> &'static str {
    match *method {
        Method::GET if has("uploadId") => "ListParts",
        Method::GET => "GetObject",
        Method::HEAD => "HeadObject",
        Method::PUT if has("uploadId") => "UploadPart",
        Method::PUT if copies => "CopyObject",
        Method::PUT => "PutObject",
        Method::DELETE if has("uploadId") => "AbortMultipartUpload",
        Method::DELETE => "DeleteObject",
        Method::POST if has("uploads") => "CreateMultipartUpload",
        Method::POST if has("uploadId") => "CompleteMultipartUpload",
        _ => "Unknown",
    }
}
