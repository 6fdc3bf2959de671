//! From S3's answer to its exact outcome.
//!
//! S3 says what happened by the status and, in an XML body, by a code. The code is the stronger:
//! one status covers cases that mean different things to a writer. An answer without S3's marks is
//! another party's (a proxy, a captive portal) and proves nothing.

use std::time::{Duration, SystemTime};

use http::header::{self, HeaderName};
use http::{HeaderMap, StatusCode};

use super::encryption::at_rest;
use super::transport::Answer;
use super::xml;
use crate::store::time::unix_seconds;
use crate::store::{ETag, Metadata, ObjectMeta, StoreError, StoreErrorKind};

pub(super) const META_PREFIX: &str = "x-amz-meta-";
pub(super) const CHECKSUM: HeaderName = HeaderName::from_static("x-amz-checksum-crc64nvme");
const REGION: HeaderName = HeaderName::from_static("x-amz-bucket-region");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");

/// What S3 says of a failed request.
#[derive(Debug, Default)]
struct Fault {
    code: String,
    message: String,
    region: String,
    endpoint: String,
}

impl Fault {
    /// `None` if the body is not an error of S3's.
    fn read(body: &[u8]) -> Option<Self> {
        let mut fault = Self::default();
        let mut is_error = false;
        let read = xml::walk(body, |path, text| {
            is_error = path.root() == "Error";
            let field = match path.place() {
                ("Error", "Code") => &mut fault.code,
                ("Error", "Message") => &mut fault.message,
                ("Error", "Region") => &mut fault.region,
                ("Error", "Endpoint") => &mut fault.endpoint,
                _ => return,
            };
            text.trim().clone_into(field);
        });
        (read.is_ok() && is_error && !fault.code.is_empty()).then_some(fault)
    }
}

/// The error of an answer whose status is not a success. `now` is this machine's time.
pub(super) fn error_of(answer: &Answer, now: SystemTime) -> StoreError {
    let status = answer.status.as_u16();
    let fault = Fault::read(&answer.body);
    let (kind, message) = match &fault {
        Some(fault) => of_fault(status, fault, &answer.headers, now),
        None => of_status(status, &answer.headers, answer.body.is_empty()),
    };
    with_marks(StoreError::new(kind, message), answer, fault, now)
}

/// The error inside a body whose status was a success: S3 answers a completion and a copy before
/// it knows their end. `None` if there is none.
pub(super) fn error_in_success(answer: &Answer, now: SystemTime) -> Option<StoreError> {
    let fault = Fault::read(&answer.body)?;
    let (kind, message) = of_fault(0, &fault, &answer.headers, now);
    // The work had begun: what would be "not applied" of a refused request is not known here.
    let kind = match kind {
        StoreErrorKind::Throttled | StoreErrorKind::Unsent | StoreErrorKind::Invalid => {
            StoreErrorKind::Server
        }
        kind => kind,
    };
    Some(with_marks(
        StoreError::new(kind, message),
        answer,
        Some(fault),
        now,
    ))
}

/// The error of one object of a bulk deletion.
pub(super) fn error_of_code(code: &str, message: &str) -> StoreError {
    let kind = kind_of_code(code).unwrap_or(StoreErrorKind::Server);
    StoreError::new(kind, one_line(message)).with_status(200, Some(code.to_owned()))
}

/// An answer that S3 would not give.
pub(super) fn bad_answer(answer: &Answer, what: &str) -> StoreError {
    StoreError::new(
        StoreErrorKind::BadAnswer,
        format!("the answer is not S3's: {what}; is there a proxy between?"),
    )
    .with_status(answer.status.as_u16(), None)
    .with_request_id(text(&answer.headers, &REQUEST_ID))
}

fn with_marks(
    error: StoreError,
    answer: &Answer,
    fault: Option<Fault>,
    now: SystemTime,
) -> StoreError {
    error
        .with_status(answer.status.as_u16(), fault.map(|fault| fault.code))
        .with_request_id(text(&answer.headers, &REQUEST_ID))
        .with_retry_after(retry_after(&answer.headers, now))
}

fn of_fault(
    status: u16,
    fault: &Fault,
    headers: &HeaderMap,
    now: SystemTime,
) -> (StoreErrorKind, String) {
    use StoreErrorKind as Kind;
    let kind = kind_of_code(&fault.code).unwrap_or_else(|| StoreErrorKind::of_status(status));
    let message = match kind {
        Kind::WrongRegion => return (kind, elsewhere(headers, fault)),
        Kind::Credentials if fault.code == "RequestTimeTooSkewed" => skew(headers, now),
        _ => one_line(&fault.message),
    };
    let reason = match fault.code.as_str() {
        "SignatureDoesNotMatch" => "the secret access key is wrong",
        "InvalidAccessKeyId" => "the service does not know the access key",
        _ => "",
    };
    let message = match (reason, message.as_str()) {
        ("", "") => format!("S3 answers {}", fault.code),
        ("", _) => message,
        (_, "") => reason.to_owned(),
        _ => format!("{reason}: {message}"),
    };
    (kind, message)
}

fn kind_of_code(code: &str) -> Option<StoreErrorKind> {
    use StoreErrorKind as Kind;
    Some(match code {
        "NoSuchKey" | "NoSuchVersion" | "NotFound" => Kind::NotFound,
        "NoSuchBucket" => Kind::NoSuchBucket,
        "NoSuchUpload" => Kind::NoSuchUpload,
        "NotModified" => Kind::NotModified,
        "PreconditionFailed" => Kind::PreconditionFailed,
        "ConditionalRequestConflict" | "OperationAborted" => Kind::Conflict,
        "BucketAlreadyOwnedByYou" | "BucketAlreadyExists" => Kind::BucketExists,
        "BucketNotEmpty" => Kind::BucketNotEmpty,
        "InvalidRange" => Kind::InvalidRange,
        "AccessDenied" | "AllAccessDisabled" | "AccountProblem" | "MethodNotAllowed" => {
            Kind::Denied
        }
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "InvalidToken"
        | "TokenRefreshRequired"
        | "RequestTimeTooSkewed"
        | "RequestExpired"
        | "InvalidSecurity"
        | "NotSignedUp"
        | "MissingSecurityHeader"
        | "MissingAuthenticationToken"
        | "UnrecognizedClientException" => Kind::Credentials,
        "PermanentRedirect"
        | "TemporaryRedirect"
        | "Redirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException" => Kind::WrongRegion,
        "KeyTooLongError" => Kind::InvalidKey,
        "EntityTooLarge" => Kind::TooLarge,
        "NotImplemented" => Kind::Unsupported,
        "RequestTimeout" => Kind::Unsent,
        "InternalError" | "ServiceUnavailable" | "IncompleteBody" => Kind::Server,
        code if code.starts_with("SlowDown")
            || code.contains("Throttl")
            || matches!(code, "RequestLimitExceeded" | "TooManyRequests") =>
        {
            Kind::Throttled
        }
        _ => return None,
    })
}

/// Of an answer without an error of S3's in it.
fn of_status(status: u16, headers: &HeaderMap, empty: bool) -> (StoreErrorKind, String) {
    use StoreErrorKind as Kind;
    let kind = Kind::of_status(status);
    match kind {
        Kind::WrongRegion => (kind, elsewhere(headers, &Fault::default())),
        Kind::NotModified => (kind, "the object has not changed".to_owned()),
        Kind::Throttled => (kind, "the server asks to slow down".to_owned()),
        Kind::Server => (kind, "the server failed".to_owned()),
        // Here an empty body is enough. For an absent object it is not: that needs S3's own word.
        Kind::PreconditionFailed if empty => (kind, "the precondition does not hold".to_owned()),
        Kind::Denied if empty => (kind, "the access is denied, without a reason".to_owned()),
        Kind::Credentials if empty => (kind, "the credentials are not accepted".to_owned()),
        Kind::InvalidRange if empty => (kind, "the object has no byte of that range".to_owned()),
        Kind::Unsupported if empty => (kind, "the server cannot do this".to_owned()),
        _ => (
            Kind::BadAnswer,
            "the answer is not S3's: it has no error in it; is there a proxy between?".to_owned(),
        ),
    }
}

/// A redirect is never followed: it would take a signature to a host that nobody configured.
fn elsewhere(headers: &HeaderMap, fault: &Fault) -> String {
    let region = text(headers, &REGION).unwrap_or_else(|| fault.region.clone());
    if !region.is_empty() {
        return format!(
            "the bucket is in region `{}`: set it",
            region.escape_debug()
        );
    }
    if !fault.endpoint.is_empty() {
        return format!(
            "the bucket is at `{}`: set the endpoint",
            fault.endpoint.escape_debug()
        );
    }
    let message = one_line(&fault.message);
    if message.is_empty() {
        "the bucket is in another region or at another endpoint: set it".to_owned()
    } else {
        message
    }
}

fn skew(headers: &HeaderMap, now: SystemTime) -> String {
    let theirs =
        text(headers, &header::DATE).and_then(|date| httpdate::parse_http_date(&date).ok());
    let Some(theirs) = theirs else {
        return "this machine's clock is more than 15 minutes off: set it right".to_owned();
    };
    let (ours, theirs) = (unix_seconds(now), unix_seconds(theirs));
    let side = if ours > theirs { "ahead of" } else { "behind" };
    format!(
        "this machine's clock is {} s {side} the server's: set it right",
        ours.abs_diff(theirs)
    )
}

fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = text(headers, &header::RETRY_AFTER)?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(&value)
        .ok()?
        .duration_since(now)
        .ok()
}

fn one_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().trim().to_owned()
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// The entity tag of an answer.
pub(super) fn etag(answer: &Answer) -> Result<ETag, StoreError> {
    let value = answer
        .headers
        .get(header::ETAG)
        .and_then(|value| value.to_str().ok());
    let etag = value
        .map(ETag::new)
        .filter(|etag| !etag.as_str().is_empty());
    etag.ok_or_else(|| bad_answer(answer, "it has no entity tag"))
}

/// The metadata of an object of which the answer holds all or some bytes.
pub(super) fn object_meta(answer: &Answer) -> Result<ObjectMeta, StoreError> {
    let headers = &answer.headers;
    let size = match answer.status {
        StatusCode::PARTIAL_CONTENT => total_of_range(headers),
        // A chunked body has its length proved by its end.
        _ => content_length(headers).or_else(|| {
            u64::try_from(answer.body.len())
                .ok()
                .filter(|length| *length > 0)
        }),
    };
    let mut metadata = Metadata::new();
    for (name, value) in headers {
        if let Some(name) = name.as_str().strip_prefix(META_PREFIX) {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            metadata.insert(name.to_owned(), value);
        }
    }
    Ok(ObjectMeta {
        etag: etag(answer)?,
        size: size.ok_or_else(|| bad_answer(answer, "it does not say how long the object is"))?,
        last_modified: headers
            .get(header::LAST_MODIFIED)
            .and_then(|value| httpdate::parse_http_date(value.to_str().ok()?).ok()),
        content_type: text(headers, &header::CONTENT_TYPE),
        content_encoding: text(headers, &header::CONTENT_ENCODING),
        metadata,
        checksum: text(headers, &CHECKSUM).and_then(|text| text.parse().ok()),
        encryption: at_rest(headers),
    })
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

fn total_of_range(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    range
        .strip_prefix("bytes ")?
        .rsplit_once('/')?
        .1
        .parse()
        .ok()
}
