//! What became of a request: S3's outcomes, as kinds that mean one thing each.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use crate::error::Source;

/// What became of a request, in S3's terms.
pub struct StoreError(Box<StoreErrorInner>);

struct StoreErrorInner {
    kind: StoreErrorKind,
    status: Option<u16>,
    code: Option<String>,
    message: Cow<'static, str>,
    request_id: Option<String>,
    retry_after: Option<Duration>,
    source: Option<Source>,
}

/// The kinds of failed requests. [`is_ambiguous`](StoreErrorKind::is_ambiguous) tells those that
/// may have been applied all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// 404 `NoSuchKey`: there is no object; of a conditional write: and it was not applied.
    NotFound,
    /// 404 `NoSuchBucket`.
    NoSuchBucket,
    /// 404 `NoSuchUpload`. Of a completion, this may hide an earlier copy's success.
    NoSuchUpload,
    /// 304: the object has the tag that the caller has.
    NotModified,
    /// 412: the precondition does not hold; not applied.
    PreconditionFailed,
    /// 409 `ConditionalRequestConflict`: another write was faster; not applied.
    Conflict,
    /// 409: the bucket is there already.
    BucketExists,
    /// 409: the bucket holds objects.
    BucketNotEmpty,
    /// 416: the object has no byte of that range.
    InvalidRange,
    /// 403 `AccessDenied`.
    Denied,
    /// No credentials, or 401/403 because of them or of the clock (`InvalidAccessKeyId`,
    /// `SignatureDoesNotMatch`, `ExpiredToken`, `RequestTimeTooSkewed`).
    Credentials,
    /// 301/307/400: the bucket is in another region or at another endpoint.
    WrongRegion,
    /// Another 4xx, or a request that cannot be made: not applied.
    Invalid,
    /// A key that this store cannot hold; no request was made.
    InvalidKey,
    /// The object is larger than the caller takes.
    TooLarge,
    /// 501, or something that this store cannot do.
    Unsupported,
    /// 503 `SlowDown`, 429: not applied.
    Throttled,
    /// No connection, or the request was not sent, or 400 `RequestTimeout`: not applied.
    Unsent,
    /// 500, 502, 504, a 503 without a reason: it may be applied now, later or never.
    Server,
    /// Sent, and no answer: it may be applied now, later or never.
    Lost,
    /// An answer that is not S3's: of a write, it may be applied.
    BadAnswer,
}

impl StoreErrorKind {
    /// Whether the write may have been applied, or may be applied yet.
    pub fn is_ambiguous(self) -> bool {
        matches!(
            self,
            Self::Server | Self::Lost | Self::BadAnswer | Self::NoSuchUpload
        )
    }

    /// Whether the same request may succeed later, and was certainly not applied.
    pub fn is_definite_and_transient(self) -> bool {
        matches!(self, Self::Throttled | Self::Unsent)
    }

    /// Of an error that has a status and no code that is known. A 404 is then not taken for an
    /// absent object: something else is missing.
    #[cfg(any(feature = "s3", feature = "testing"))]
    pub(crate) fn of_status(status: u16) -> Self {
        match status {
            301 | 302 | 307 | 308 => Self::WrongRegion,
            304 => Self::NotModified,
            401 => Self::Credentials,
            403 => Self::Denied,
            409 => Self::Conflict,
            412 => Self::PreconditionFailed,
            416 => Self::InvalidRange,
            429 => Self::Throttled,
            501 => Self::Unsupported,
            408 | 500..=599 | 0 => Self::Server,
            400..=499 => Self::Invalid,
            _ => Self::BadAnswer,
        }
    }
}

impl StoreError {
    /// An error of this kind. The message is for a person, one line, without secrets.
    pub fn new(kind: StoreErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(StoreErrorInner {
            kind,
            status: None,
            code: None,
            message: message.into(),
            request_id: None,
            retry_after: None,
            source: None,
        }))
    }

    /// With the HTTP status and S3's error code.
    #[must_use]
    pub fn with_status(mut self, status: u16, code: Option<String>) -> Self {
        self.0.status = Some(status);
        self.0.code = code;
        self
    }

    /// With S3's request id.
    #[must_use]
    pub fn with_request_id(mut self, id: Option<String>) -> Self {
        self.0.request_id = id;
        self
    }

    /// With the time that the server asks to wait.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.0.retry_after = wait;
        self
    }

    /// With its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What became of the request.
    pub fn kind(&self) -> StoreErrorKind {
        self.0.kind
    }

    /// The HTTP status, where there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// S3's error code, where the answer had one.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// S3's request id, for its support.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The time that the server asks to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The cause alone.
    pub(crate) fn into_cause(self) -> Option<Source> {
        self.0.source
    }

    /// The message alone.
    pub fn message(&self) -> &str {
        &self.0.message
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        f.write_str(&inner.message)?;
        match (inner.status, &inner.code) {
            (Some(status), Some(code)) => write!(f, " ({status} {code}")?,
            (Some(status), None) => write!(f, " ({status}")?,
            (None, _) => return Ok(()),
        }
        match &inner.request_id {
            Some(id) => write!(f, ", request {id})"),
            None => f.write_str(")"),
        }
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)?;
        let mut source = self.source();
        while let Some(cause) = source {
            write!(f, "\n  caused by: {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}
