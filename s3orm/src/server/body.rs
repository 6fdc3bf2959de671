//! Reads a request's body, and checks it against every checksum that came with it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::{BodyExt as _, Limited};
use md5::{Digest as _, Md5};
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
use s3s::dto::StreamingBlob;
use s3s::{Body, S3Result, TrailingHeaders, s3_error};

/// What one `PUT` may carry: 5 GiB.
const LIMIT: usize = 5 << 30;

/// The whole body. `s3s` has verified its signature and taken `aws-chunked` apart on the way.
pub(super) async fn read(
    body: Option<StreamingBlob>,
    headers: &HeaderMap,
    trailers: Option<TrailingHeaders>,
) -> S3Result<Bytes> {
    let Some(body) = body else {
        return Ok(Bytes::new());
    };
    let body = Limited::new(Body::from(body), LIMIT)
        .collect()
        .await
        .map_err(|error| s3_error!(BadDigest, "the body is not what was signed: {error}"))?
        .to_bytes();
    check_md5(&body, headers)?;
    check_sums(&body, headers)?;
    if let Some(trailers) = trailers.and_then(|trailers| trailers.take()) {
        check_sums(&body, &trailers)?;
    }
    Ok(body)
}

fn check_md5(body: &Bytes, headers: &HeaderMap) -> S3Result<()> {
    let Some(claimed) = headers.get("content-md5") else {
        return Ok(());
    };
    if claimed.as_bytes() == STANDARD.encode(Md5::digest(body)).as_bytes() {
        Ok(())
    } else {
        Err(s3_error!(
            BadDigest,
            "the body does not match `content-md5`"
        ))
    }
}

fn check_sums(body: &Bytes, claims: &HeaderMap) -> S3Result<()> {
    let claimed = |name: &'static str| claims.get(HeaderName::from_static(name));
    let (crc32, crc32c) = (
        claimed("x-amz-checksum-crc32"),
        claimed("x-amz-checksum-crc32c"),
    );
    let crc64nvme = claimed("x-amz-checksum-crc64nvme");
    let (sha1, sha256) = (
        claimed("x-amz-checksum-sha1"),
        claimed("x-amz-checksum-sha256"),
    );
    let mut hasher = ChecksumHasher {
        crc32: crc32.map(|_| Crc32::new()),
        crc32c: crc32c.map(|_| Crc32c::new()),
        crc64nvme: crc64nvme.map(|_| Crc64Nvme::new()),
        sha1: sha1.map(|_| Sha1::new()),
        sha256: sha256.map(|_| Sha256::new()),
    };
    hasher.update(body);
    let sums = hasher.finalize();
    let pairs = [
        (crc32, sums.checksum_crc32),
        (crc32c, sums.checksum_crc32c),
        (crc64nvme, sums.checksum_crc64nvme),
        (sha1, sums.checksum_sha1),
        (sha256, sums.checksum_sha256),
    ];
    let wrong = pairs.iter().any(|(claimed, sum)| {
        claimed.map(HeaderValue::as_bytes) != sum.as_ref().map(String::as_bytes)
    });
    if wrong {
        Err(s3_error!(BadDigest, "the body does not match its checksum"))
    } else {
        Ok(())
    }
}
