//! What S3 checks and answers, whatever holds the objects: names, metadata, conditions, ranges,
//! parts and entity tags. The embedded stores share it, so that they cannot disagree.

use std::net::Ipv4Addr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use md5::{Digest as _, Md5};

use super::{
    AtRest, ByteRange, Checksum, CompleteUpload, CopyObject, CreateUpload, DeleteObject,
    Description, ETag, GetObject, Metadata, Precondition, PutObject, StoreError, StoreErrorKind,
};

/// The most that S3 takes of user metadata: names and values together.
const MAX_METADATA: usize = 2048;
/// The most bytes of one request's body.
const MAX_BODY: u64 = 5 << 30;
/// The fewest bytes of a part that is not the last.
const MIN_PART: u64 = 5 << 20;
const MAX_PART_NUMBER: u16 = 10_000;
/// The most deletions of one request.
const MAX_DELETES: usize = 1000;
const DEFAULT_CONTENT_TYPE: &str = "application/octet-stream";

pub(crate) fn invalid(message: impl Into<String>) -> StoreError {
    StoreError::new(StoreErrorKind::Invalid, message.into())
}

pub(crate) fn no_such_key(key: &str) -> StoreError {
    StoreError::new(
        StoreErrorKind::NotFound,
        format!("there is no object `{}`", key.escape_debug()),
    )
}

pub(crate) fn no_such_bucket(bucket: &str) -> StoreError {
    StoreError::new(
        StoreErrorKind::NoSuchBucket,
        format!("there is no bucket `{bucket}`"),
    )
}

pub(crate) fn bucket_exists(bucket: &str) -> StoreError {
    StoreError::new(
        StoreErrorKind::BucketExists,
        format!("the bucket `{bucket}` is there already"),
    )
}

pub(crate) fn bucket_not_empty(bucket: &str) -> StoreError {
    StoreError::new(
        StoreErrorKind::BucketNotEmpty,
        format!("the bucket `{bucket}` is not empty"),
    )
}

pub(crate) fn no_such_upload(upload_id: &str) -> StoreError {
    StoreError::new(
        StoreErrorKind::NoSuchUpload,
        format!("there is no upload `{}`", upload_id.escape_debug()),
    )
}

fn precondition_failed(key: &str, found: &str) -> StoreError {
    StoreError::new(
        StoreErrorKind::PreconditionFailed,
        format!("`{}` {found}", key.escape_debug()),
    )
}

/// Checks a bucket's name by S3's rules.
pub(crate) fn check_bucket_name(name: &str) -> Result<(), StoreError> {
    match bucket_name_fault(name) {
        None => Ok(()),
        Some(why) => {
            let name = name.escape_debug();
            Err(invalid(format!("the bucket name `{name}` {why}")))
        }
    }
}

/// What S3's rules have against a bucket's name.
pub(crate) fn bucket_name_fault(name: &str) -> Option<&'static str> {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-');
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    if !(3..=63).contains(&name.len()) {
        Some("must be 3 to 63 characters long")
    } else if !name.bytes().all(allowed) {
        Some("may have lower-case letters, digits, `-` and `.` only")
    } else if !edge(bytes.first()) || !edge(bytes.last()) || name.contains("..") {
        Some("must begin and end with a letter or digit, and its dots must stand apart")
    } else if name.parse::<Ipv4Addr>().is_ok() {
        Some("is an IP address, which S3 does not take for a name")
    } else {
        None
    }
}

/// What an object has beside its bytes and its tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attributes {
    pub(crate) content_type: String,
    pub(crate) content_encoding: Option<String>,
    pub(crate) metadata: Metadata,
}

impl Default for Attributes {
    fn default() -> Self {
        Self {
            content_type: DEFAULT_CONTENT_TYPE.to_owned(),
            content_encoding: None,
            metadata: Metadata::new(),
        }
    }
}

impl Attributes {
    /// Checks what a caller gave: what cannot travel as an HTTP header is refused.
    pub(crate) fn new(
        content_type: Option<&str>,
        content_encoding: Option<&str>,
        metadata: &Metadata,
    ) -> Result<Self, StoreError> {
        let content_type = content_type.unwrap_or(DEFAULT_CONTENT_TYPE);
        let described = [
            ("content type", Some(content_type)),
            ("content encoding", content_encoding),
        ];
        for (what, value) in described {
            let value = value.unwrap_or("-");
            if value.is_empty() || !is_header_value(value) {
                return Err(invalid(format!(
                    "the {what} `{}` is not visible ASCII",
                    value.escape_debug()
                )));
            }
        }
        Ok(Self {
            content_type: content_type.to_owned(),
            content_encoding: content_encoding.map(str::to_owned),
            metadata: checked_metadata(metadata)?,
        })
    }

    pub(crate) fn of_put(request: &PutObject) -> Result<Self, StoreError> {
        let (content_type, encoding) = (&request.content_type, &request.content_encoding);
        Self::new(
            content_type.as_deref(),
            encoding.as_deref(),
            &request.metadata,
        )
    }

    pub(crate) fn of_copy(given: &Description) -> Result<Self, StoreError> {
        let (content_type, encoding) = (&given.content_type, &given.content_encoding);
        Self::new(
            content_type.as_deref(),
            encoding.as_deref(),
            &given.metadata,
        )
    }

    pub(crate) fn of_upload(request: &CreateUpload) -> Result<Self, StoreError> {
        let (content_type, encoding) = (&request.content_type, &request.content_encoding);
        Self::new(
            content_type.as_deref(),
            encoding.as_deref(),
            &request.metadata,
        )
    }
}

fn checked_metadata(metadata: &Metadata) -> Result<Metadata, StoreError> {
    let mut checked = Metadata::new();
    let mut size = 0;
    for (name, value) in metadata {
        if !is_token(name) {
            return Err(invalid(format!(
                "`{}` cannot name metadata: use ASCII letters, digits and `-`",
                name.escape_debug()
            )));
        }
        // Signatures count spaces in a row as one, and some clients send them so.
        if !is_header_value(value) || value.contains("  ") {
            return Err(invalid(format!(
                "the metadata `{name}` has a value that is not visible ASCII with single spaces"
            )));
        }
        size += name.len() + value.len();
        if checked
            .insert(name.to_ascii_lowercase(), value.clone())
            .is_some()
        {
            return Err(invalid(format!("the metadata `{name}` is given twice")));
        }
    }
    if size > MAX_METADATA {
        return Err(invalid(format!(
            "the metadata is {size} bytes long; S3 takes {MAX_METADATA}"
        )));
    }
    Ok(checked)
}

/// HTTP's token: what a header's name is made of.
fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// What arrives as it was sent: HTTP strips spaces at the ends.
fn is_header_value(value: &str) -> bool {
    value.trim_matches(' ').len() == value.len()
        && value.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

pub(crate) fn check_body(len: usize) -> Result<(), StoreError> {
    if len as u64 <= MAX_BODY {
        return Ok(());
    }
    Err(invalid(format!(
        "the body is {len} bytes long; one request takes {MAX_BODY}: upload it in parts"
    )))
}

/// Whether a write may be applied over `current`.
pub(crate) fn check_write(
    key: &str,
    current: Option<&ETag>,
    precondition: &Precondition,
) -> Result<(), StoreError> {
    match (precondition, current) {
        (Precondition::None, _)
        | (Precondition::IfAbsent, None)
        | (Precondition::IfPresent, Some(_)) => Ok(()),
        (Precondition::IfAbsent, Some(_)) => Err(precondition_failed(key, "is there already")),
        (Precondition::IfPresent | Precondition::IfMatch(_), None) => Err(no_such_key(key)),
        (Precondition::IfMatch(wanted), Some(found)) => check_match(key, found, Some(wanted)),
    }
}

/// Whether a deletion may be applied; it is never asked to be of nothing.
pub(crate) fn check_delete(request: &DeleteObject) -> Result<(), StoreError> {
    super::check_key(&request.key)?;
    if request.precondition == Precondition::IfAbsent {
        return Err(invalid("a deletion cannot ask that there be no object"));
    }
    Ok(())
}

pub(crate) fn check_delete_count(count: usize) -> Result<(), StoreError> {
    if count <= MAX_DELETES {
        return Ok(());
    }
    Err(invalid(format!(
        "{count} deletions in one request; S3 takes {MAX_DELETES}"
    )))
}

fn check_match(key: &str, found: &ETag, wanted: Option<&ETag>) -> Result<(), StoreError> {
    match wanted {
        Some(wanted) if wanted != found => Err(precondition_failed(
            key,
            &format!("has the tag `{found}`, not `{wanted}`"),
        )),
        _ => Ok(()),
    }
}

/// Whether a read may be answered with the object that has the tag `found`.
pub(crate) fn check_read(request: &GetObject, found: &ETag) -> Result<(), StoreError> {
    check_match(&request.key, found, request.if_match.as_ref())?;
    if request.if_none_match.as_ref() == Some(found) {
        return Err(StoreError::new(
            StoreErrorKind::NotModified,
            format!("`{}` still has this tag", request.key.escape_debug()),
        ));
    }
    Ok(())
}

/// Whether a copy may read the source that has the tag `found`.
pub(crate) fn check_copy(
    request: &CopyObject,
    bucket: &str,
    found: &ETag,
) -> Result<(), StoreError> {
    check_match(&request.source, found, request.source_if_match.as_ref())?;
    let elsewhere = request.source_bucket.as_ref().is_some_and(|b| b != bucket);
    let changes = request.replace.is_some() || request.encryption.is_some();
    if request.source == request.key && !elsewhere && !changes {
        return Err(invalid(format!(
            "`{}` cannot be copied onto itself without a change of its metadata",
            request.key.escape_debug()
        )));
    }
    Ok(())
}

/// The bytes to answer a read with, as `start..end` of a body of `size` bytes.
pub(crate) fn answered_bytes(request: &GetObject, size: u64) -> Result<(u64, u64), StoreError> {
    let (start, end) = match request.range {
        None => (0, size),
        Some(ByteRange::From(start)) => (start, size),
        Some(ByteRange::Span(start, end)) => (start, end.min(size)),
        Some(ByteRange::Last(count)) => (size.saturating_sub(count), size),
    };
    if request.range.is_some() && start >= end {
        return Err(StoreError::new(
            StoreErrorKind::InvalidRange,
            format!(
                "`{}` is {size} bytes long and has none of this range",
                request.key.escape_debug()
            ),
        ));
    }
    match request.max_bytes {
        Some(max) if end - start > max => Err(StoreError::new(
            StoreErrorKind::TooLarge,
            format!(
                "`{}` is {} bytes long, over the limit of {max}",
                request.key.escape_debug(),
                end - start
            ),
        )),
        _ => Ok((start, end)),
    }
}

pub(crate) fn check_part_number(number: u16) -> Result<(), StoreError> {
    if (1..=MAX_PART_NUMBER).contains(&number) {
        return Ok(());
    }
    Err(invalid(format!(
        "{number} cannot number a part: use 1 to {MAX_PART_NUMBER}"
    )))
}

/// What is told of an object's bytes, or of a part's.
#[derive(Debug, Clone)]
pub(crate) struct Sums {
    pub(crate) etag: ETag,
    /// Not of what another program wrote into a folder.
    pub(crate) checksum: Option<Checksum>,
}

/// The sums of a body that was written in one piece, if it has the checksum that it should have.
pub(crate) fn checked_sums(body: &[u8], expected: Option<Checksum>) -> Result<Sums, StoreError> {
    let sums = Sums {
        etag: etag_of(body),
        checksum: Some(Checksum::of(body)),
    };
    check_checksum(sums.checksum, expected)?;
    Ok(sums)
}

fn check_checksum(found: Option<Checksum>, expected: Option<Checksum>) -> Result<(), StoreError> {
    match (found, expected) {
        (Some(found), Some(expected)) if found != expected => {
            let message = format!("the bytes have the checksum `{found}`, not `{expected}`");
            Err(invalid(message).with_status(400, Some("BadDigest".to_owned())))
        }
        _ => Ok(()),
    }
}

/// Checks a completion against the parts that were uploaded; the answer is the whole object's sums.
pub(crate) fn check_parts(
    request: &CompleteUpload,
    uploaded: impl Fn(u16) -> Result<Option<(Sums, u64)>, StoreError>,
) -> Result<Sums, StoreError> {
    let listed = &request.parts;
    if listed.is_empty() {
        return Err(invalid("a completion has one part at least"));
    }
    if !listed.is_sorted_by(|(a, _), (b, _)| a < b) {
        return Err(invalid("the parts are not in ascending order"));
    }
    let mut digests = Md5::new();
    let mut checksum = Some(Checksum::EMPTY);
    for (index, (number, tag)) in listed.iter().enumerate() {
        let (sums, size) = match uploaded(*number)? {
            Some((found, size)) if found.etag == *tag => (found, size),
            _ => return Err(invalid(format!("there is no part {number} with this tag"))),
        };
        if size < MIN_PART && index + 1 < listed.len() {
            return Err(invalid(format!(
                "part {number} is {size} bytes long; all but the last have {MIN_PART} at least"
            )));
        }
        // Parts have tags of `etag_of`, so there are bytes.
        digests.update(unhex(tag.as_str()).unwrap_or_default());
        checksum = match (checksum, sums.checksum) {
            (Some(so_far), Some(part)) => Some(so_far.followed_by(part, size)),
            _ => None,
        };
    }
    check_checksum(checksum, request.checksum)?;
    let digest = hex(&digests.finalize());
    Ok(Sums {
        etag: ETag::new(&format!("{digest}-{}", listed.len())),
        checksum,
    })
}

/// Whether a part comes with the customer's key that its upload was begun with, or with none if it
/// was begun with none.
pub(crate) fn check_part_key(
    upload: Option<&AtRest>,
    part: Option<&AtRest>,
) -> Result<(), StoreError> {
    let key = |encryption: Option<&AtRest>| match encryption {
        Some(AtRest::Customer { key_md5 }) => Some(key_md5.clone()),
        _ => None,
    };
    if key(upload) == key(part) {
        return Ok(());
    }
    Err(invalid(
        "the part does not come with the customer's key that the upload was begun with",
    ))
}

/// For a store that cannot encrypt: what was asked for is refused, never dropped.
#[cfg(all(feature = "dir", unix))]
pub(crate) fn check_unencrypted(encryption: Option<&AtRest>) -> Result<(), StoreError> {
    match encryption {
        None => Ok(()),
        Some(_) => Err(StoreError::new(
            StoreErrorKind::Unsupported,
            "a folder's files are not encrypted: use an encrypted file system, or `s3://`",
        )),
    }
}

/// The tag of an object that was written in one piece: its MD5.
pub(crate) fn etag_of(body: &[u8]) -> ETag {
    ETag::new(&hex(&Md5::digest(body)))
}

/// Whether the tag was made from parts: a copy in one piece has another.
pub(crate) fn is_of_parts(tag: &ETag) -> bool {
    tag.as_str().contains('-')
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// What [`hex`] wrote; `None` if it did not.
pub(crate) fn unhex(digits: &str) -> Option<Vec<u8>> {
    let value = |digit: u8| u8::try_from(char::from(digit).to_digit(16)?).ok();
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| match *pair {
            [high, low] => Some(value(high)? << 4 | value(low)?),
            _ => None,
        })
        .collect()
}

/// S3 tells times to the second.
pub(crate) fn to_seconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_names() {
        for name in ["abc", "a-b.c", "0aa", &"a".repeat(63)] {
            assert!(check_bucket_name(name).is_ok(), "{name}");
        }
        for name in [
            "",
            "ab",
            "Abc",
            "a_b",
            "-ab",
            "ab-",
            ".ab",
            "ab.",
            "a..b",
            "10.0.0.1",
            "a/b",
            "abé",
            &"a".repeat(64),
        ] {
            assert!(check_bucket_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn metadata_at_its_limits() {
        let one = |name: &str, value: &str| {
            checked_metadata(&Metadata::from([(name.to_owned(), value.to_owned())]))
        };
        assert!(one("Name", "a b").is_ok_and(|checked| checked.contains_key("name")));
        assert!(one("n", &"v".repeat(MAX_METADATA - 1)).is_ok());
        assert!(one("n", &"v".repeat(MAX_METADATA)).is_err());
        for value in [" a", "a ", "a  b", "a\nb", "a\rb", "\u{7f}", "é", "a\tb"] {
            assert!(one("n", value).is_err(), "{value:?}");
        }
        for name in ["", "a b", "a:b", "é", "a\n"] {
            assert!(one(name, "v").is_err(), "{name:?}");
        }
        let twice = Metadata::from([("A", "1"), ("a", "2")].map(|(n, v)| (n.into(), v.into())));
        assert!(checked_metadata(&twice).is_err());
    }

    #[test]
    fn tags_of_parts() {
        let sums = checked_sums(b"hello", None).unwrap();
        let part = sums.etag.clone();
        assert_eq!(part.as_str(), "5d41402abc4b2a76b9719d911017c592");
        let mut complete = CompleteUpload {
            key: "a".to_owned(),
            upload_id: "u".to_owned(),
            parts: vec![(3, part.clone())],
            precondition: Precondition::None,
            checksum: Some(Checksum::of(b"hello")),
        };
        let whole = check_parts(&complete, |_| Ok(Some((sums.clone(), 5)))).unwrap();
        assert_eq!(whole.checksum, Some(Checksum::of(b"hello")));
        let whole = whole.etag;
        // MD5 of the 16 bytes of the part's MD5.
        let expected = format!("{}-1", hex(&Md5::digest(Md5::digest(b"hello"))));
        assert_eq!(whole.as_str(), expected);
        assert!(is_of_parts(&whole) && !is_of_parts(&part));
        complete.checksum = Some(Checksum::of(b"hallo"));
        let refused = check_parts(&complete, |_| Ok(Some((sums.clone(), 5)))).unwrap_err();
        assert_eq!(refused.code(), Some("BadDigest"));
    }
}
