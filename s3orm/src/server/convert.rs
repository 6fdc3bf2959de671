//! Between the store's terms and those of HTTP: outcomes, preconditions, ranges, metadata.
//!
//! Preconditions and metadata are read from the headers themselves: `s3s` knows no precondition of
//! a copy's destination, and decodes metadata that looks like an RFC 2047 word.

use http::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use s3s::dto::{self, ETagCondition};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use crate::store::{
    ByteRange, Checksum, DeleteObject, ETag, Metadata, Object, ObjectMeta, Precondition,
    StoreError, StoreErrorKind,
};

const META: &str = "x-amz-meta-";

/// The store's error as S3 tells it: with the store's own status and code where it has them.
pub(super) fn error(error: &StoreError) -> S3Error {
    let own = |code: &str| S3ErrorCode::from_bytes(code.as_bytes());
    let code = error.code().and_then(own);
    let code = code.unwrap_or_else(|| error_code(error.kind()));
    let mut answer = S3Error::with_message(code, error.message().to_owned());
    // Not the 200 that S3 puts in front of some errors.
    let is_error = |status: &StatusCode| !status.is_success();
    let status = error.status().and_then(|s| StatusCode::from_u16(s).ok());
    if let Some(status) = status.filter(is_error) {
        answer.set_status_code(status);
    }
    answer
}

/// S3's code, which implies the status, for each kind of outcome.
pub(super) fn error_code(kind: StoreErrorKind) -> S3ErrorCode {
    use StoreErrorKind as Kind;
    match kind {
        Kind::NotFound => S3ErrorCode::NoSuchKey,
        Kind::NoSuchBucket => S3ErrorCode::NoSuchBucket,
        Kind::NoSuchUpload => S3ErrorCode::NoSuchUpload,
        Kind::NotModified => S3ErrorCode::NotModified,
        Kind::PreconditionFailed => S3ErrorCode::PreconditionFailed,
        Kind::Conflict => S3ErrorCode::ConditionalRequestConflict,
        Kind::BucketExists => S3ErrorCode::BucketAlreadyOwnedByYou,
        Kind::BucketNotEmpty => S3ErrorCode::BucketNotEmpty,
        Kind::InvalidRange => S3ErrorCode::InvalidRange,
        // The server's own credentials are nothing that its client could fix.
        Kind::Denied | Kind::Credentials => S3ErrorCode::AccessDenied,
        Kind::Invalid | Kind::WrongRegion => S3ErrorCode::InvalidRequest,
        // S3 has no other reason to refuse a key, and clients know this one.
        Kind::InvalidKey => S3ErrorCode::KeyTooLongError,
        Kind::TooLarge => S3ErrorCode::EntityTooLarge,
        Kind::Unsupported => S3ErrorCode::NotImplemented,
        Kind::Throttled => S3ErrorCode::SlowDown,
        // The one code that says "not applied, try again" of a server that is not overloaded.
        Kind::Unsent => S3ErrorCode::RequestTimeout,
        Kind::Server | Kind::Lost | Kind::BadAnswer => S3ErrorCode::InternalError,
    }
}

/// What `If-Match` and `If-None-Match` ask of a write.
pub(super) fn precondition(headers: &HeaderMap) -> S3Result<Precondition> {
    let text = |name| headers.get(name).map(|v: &HeaderValue| v.as_bytes());
    match (text(IF_MATCH), text(IF_NONE_MATCH)) {
        (None, None) => Ok(Precondition::None),
        (None, Some(b"*")) => Ok(Precondition::IfAbsent),
        (Some(b"*"), None) => Ok(Precondition::IfPresent),
        (Some(tag), None) => Ok(Precondition::IfMatch(ETag::new(&String::from_utf8_lossy(
            tag,
        )))),
        (_, Some(_)) => Err(s3_error!(
            NotImplemented,
            "a write takes `if-match`, or `if-none-match: *`"
        )),
    }
}

/// The tag that a read asks for; `*` holds of every object.
pub(super) fn read_condition(condition: Option<&ETagCondition>) -> Option<ETag> {
    condition?.as_etag().map(|tag| ETag::new(tag.value()))
}

pub(super) fn byte_range(range: dto::Range) -> ByteRange {
    match range {
        dto::Range::Int { first, last: None } => ByteRange::From(first),
        dto::Range::Int {
            first,
            last: Some(last),
        } => ByteRange::Span(first, last.saturating_add(1)),
        dto::Range::Suffix { length } => ByteRange::Last(length),
    }
}

/// `Content-Range` of an answer to that range.
pub(super) fn content_range(range: ByteRange, object: &Object) -> String {
    let (size, length) = (object.meta.size, object.body.len() as u64);
    let start = match range {
        ByteRange::From(start) | ByteRange::Span(start, _) => start,
        ByteRange::Last(_) => size - length,
    };
    // A store answers no range without a byte.
    let last = start + length.max(1) - 1;
    format!("bytes {start}-{last}/{size}")
}

/// The encoding of the content, without that of the transfer, which some clients name beside it.
pub(super) fn content_encoding(header: Option<String>) -> Option<String> {
    let header = header?;
    let encodings = header.split(',').map(str::trim);
    let own: Vec<&str> = encodings
        .filter(|encoding| !encoding.is_empty() && !encoding.eq_ignore_ascii_case("aws-chunked"))
        .collect();
    (!own.is_empty()).then(|| own.join(","))
}

/// User metadata, as the headers have it.
pub(super) fn metadata(headers: &HeaderMap) -> S3Result<Metadata> {
    let mut metadata = Metadata::new();
    for (name, value) in headers {
        let Some(name) = name.as_str().strip_prefix(META) else {
            continue;
        };
        let value = value
            .to_str()
            .map_err(|_| s3_error!(InvalidArgument, "`{META}{name}` is not visible ASCII"))?;
        metadata.insert(name.to_owned(), value.to_owned());
    }
    Ok(metadata)
}

/// The headers of user metadata.
pub(super) fn metadata_headers(metadata: &Metadata) -> S3Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in metadata {
        let name =
            HeaderName::try_from(format!("{META}{name}")).map_err(S3Error::internal_error)?;
        let value = HeaderValue::try_from(value).map_err(S3Error::internal_error)?;
        headers.insert(name, value);
    }
    Ok(headers)
}

/// The object's checksum, for a caller who asks for it.
pub(super) fn checksum(
    checksum: Option<Checksum>,
    mode: Option<&dto::ChecksumMode>,
) -> Option<String> {
    let asked = mode.is_some_and(|mode| mode.as_str() == dto::ChecksumMode::ENABLED);
    let checksum = checksum.filter(|_| asked);
    checksum.map(|checksum| checksum.to_string())
}

/// The checksum that a caller says the object has.
pub(super) fn claimed(text: Option<&str>) -> S3Result<Option<Checksum>> {
    let parsed = text.map(str::parse).transpose();
    parsed.map_err(|error| s3_error!(InvalidRequest, "`x-amz-checksum-crc64nvme` is {error}"))
}

pub(super) fn etag(tag: &ETag) -> dto::ETag {
    dto::ETag::Strong(tag.as_str().to_owned())
}

/// 304, with the tag that the caller has.
pub(super) fn not_modified(tag: &ETag) -> S3Error {
    let mut answer = S3Error::new(S3ErrorCode::NotModified);
    if let Ok(tag) = HeaderValue::try_from(tag.quoted()) {
        answer.set_headers(HeaderMap::from_iter([(ETAG, tag)]));
    }
    answer
}

/// Applies a read's conditions to metadata: a store's `head` takes none.
pub(super) fn check_read(
    meta: &ObjectMeta,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<()> {
    let holds = |condition: &ETagCondition| match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(tag) => tag.value() == meta.etag.as_str(),
    };
    if if_match.is_some_and(|condition| !holds(condition)) {
        return Err(s3_error!(PreconditionFailed));
    }
    if if_none_match.is_some_and(holds) {
        return Err(not_modified(&meta.etag));
    }
    Ok(())
}

/// A length as S3's answers have it.
pub(super) fn length(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

pub(super) fn to_delete(object: dto::ObjectIdentifier) -> DeleteObject {
    let precondition = match object.e_tag {
        None => Precondition::None,
        Some(tag) if tag.value() == "*" => Precondition::IfPresent,
        Some(tag) => Precondition::IfMatch(ETag::new(tag.value())),
    };
    DeleteObject {
        key: object.key,
        precondition,
    }
}

/// `s3s` lets control characters pass; an answer with one in it would be no XML.
pub(super) fn xml_can_hold(key: &str) -> bool {
    !key.chars()
        .any(|char| char.is_ascii_control() && !matches!(char, '\t' | '\n' | '\r' | '\x7f'))
}

pub(super) fn not_deleted(key: String, error: &S3Error) -> dto::Error {
    dto::Error {
        key: Some(key),
        code: Some(error.code().as_str().to_owned()),
        message: error.message().map(ToOwned::to_owned),
        version_id: None,
    }
}

pub(super) fn part_number(number: Option<i32>) -> S3Result<u16> {
    number
        .and_then(|number| u16::try_from(number).ok())
        .filter(|number| (1..=10_000).contains(number))
        .ok_or_else(|| s3_error!(InvalidArgument, "a part's number is 1 to 10,000"))
}
