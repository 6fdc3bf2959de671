//! From a store's outcomes to errors that say what happened to which key.

use crate::error::{Error, ErrorKind};
use crate::store::{StoreError, StoreErrorKind};
use crate::write::Failure;

/// The error of a failed write: `refused` where a precondition did not hold.
pub(crate) fn write_error(failure: Failure, key: String, refused: ErrorKind) -> Error {
    match failure {
        Failure::Refused(error) => match error.kind() {
            // It tells of another write at the same time, not of what is there.
            StoreErrorKind::Conflict => Error::new(
                ErrorKind::Conflict,
                "other writes of this key were faster each time; nothing was written",
            )
            .with_source(error)
            .with_key(key),
            StoreErrorKind::PreconditionFailed | StoreErrorKind::NotFound => {
                let detail = match refused {
                    ErrorKind::AlreadyExists => "a row with this key exists",
                    ErrorKind::NotFound => "there is no row with this key",
                    _ => "the row was changed or deleted since it was read; nothing was written",
                };
                Error::new(refused, detail).with_source(error).with_key(key)
            }
            StoreErrorKind::Invalid => {
                store_error(error, Some(key)).with_kind(ErrorKind::InvalidRow)
            }
            _ => store_error(error, Some(key)),
        },
        Failure::Unknown(error) => Error::new(
            ErrorKind::OutcomeUnknown,
            "the answer was lost, and the object does not tell whether the write was applied",
        )
        .with_help("it may be applied now, later or never: read the row before writing it again")
        .with_source(error)
        .with_key(key),
    }
}

impl Error {
    /// The failure of one of the [store](crate::Db::store)'s own calls, as the library tells it.
    pub fn from_store(error: StoreError) -> Self {
        store_error(error, None)
    }
}

/// The error of a failed request that was no write, or was certainly not applied.
pub(crate) fn store_error(error: StoreError, key: Option<String>) -> Error {
    let (kind, help) = match error.kind() {
        StoreErrorKind::NotFound | StoreErrorKind::NoSuchUpload => (ErrorKind::NotFound, None),
        StoreErrorKind::NoSuchBucket => (
            ErrorKind::NoSuchBucket,
            Some("create it with `Db::ensure_bucket`, or fix the name in the connection string"),
        ),
        StoreErrorKind::PreconditionFailed
        | StoreErrorKind::Conflict
        | StoreErrorKind::BucketNotEmpty => (ErrorKind::Conflict, None),
        StoreErrorKind::BucketExists => (ErrorKind::AlreadyExists, None),
        StoreErrorKind::Denied => (ErrorKind::Denied, None),
        StoreErrorKind::Credentials => (ErrorKind::Credentials, None),
        StoreErrorKind::WrongRegion => (ErrorKind::Config, None),
        StoreErrorKind::InvalidKey => (ErrorKind::InvalidKey, None),
        StoreErrorKind::TooLarge => (
            ErrorKind::LimitExceeded,
            Some("raise `max_row_bytes`, or read it in ranges"),
        ),
        StoreErrorKind::Unsupported => (ErrorKind::Unsupported, None),
        StoreErrorKind::Throttled => (ErrorKind::Throttled, None),
        StoreErrorKind::Unsent
        | StoreErrorKind::Server
        | StoreErrorKind::Lost
        | StoreErrorKind::BadAnswer => (ErrorKind::Unavailable, None),
        _ => (ErrorKind::Internal, None),
    };
    let mut mapped = Error::new(kind, error.to_string()).with_cause(error.into_cause());
    if let Some(help) = help {
        mapped = mapped.with_help(help);
    }
    match key {
        Some(key) => mapped.with_key(key),
        None => mapped,
    }
}
