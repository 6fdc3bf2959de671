//! Deleting objects by the thousand.

use std::pin::pin;

use futures_util::stream::{Stream, StreamExt as _};

use crate::db::Db;
use crate::error::{ErrorKind, Result};
use crate::store::{DeleteObject, StoreError, StoreErrorKind};
use crate::table::{store_error, write_error};
use crate::write::Failure;

/// The most objects of one request.
pub(crate) const MAX_DELETES: usize = 1000;

/// Deletes up to [`MAX_DELETES`] objects; an outcome for each, in order. A key that could not be
/// made keeps its error.
///
/// What became of an object is unknown where S3's answer does not tell, as it is of
/// [`write::delete`](crate::write::delete).
///
/// Cost: 1 request.
pub(crate) async fn delete(db: &Db, keys: Vec<Result<String>>) -> Vec<Result<()>> {
    let valid = keys.iter().flatten().map(|key| DeleteObject {
        key: key.clone(),
        ..DeleteObject::default()
    });
    let valid: Vec<DeleteObject> = valid.collect();
    let count = valid.len();
    let outcomes = match count {
        0 => Ok(Vec::new()),
        _ => db.store().delete_many(valid).await,
    };
    let mut outcomes = match outcomes {
        Ok(outcomes) => outcomes.into_iter(),
        Err(error) => {
            let same: Vec<_> = (0..count).map(|_| Err(copy(&error))).collect();
            same.into_iter()
        }
    };
    let settle = |key: Result<String>| {
        let key = key?;
        settled(key, outcomes.next().unwrap_or_else(left_out))
    };
    keys.into_iter().map(settle).collect()
}

fn left_out() -> Result<(), StoreError> {
    let message = "the answer does not mention the object";
    Err(StoreError::new(StoreErrorKind::BadAnswer, message))
}

fn settled(key: String, outcome: Result<(), StoreError>) -> Result<()> {
    outcome.map_err(|error| {
        if error.kind().is_ambiguous() {
            write_error(Failure::Unknown(error), key, ErrorKind::Conflict)
        } else {
            store_error(error, Some(key))
        }
    })
}

/// The same error, for another object of the same request.
fn copy(error: &StoreError) -> StoreError {
    let copied = StoreError::new(error.kind(), error.message().to_owned());
    let copied = copied.with_request_id(error.request_id().map(str::to_owned));
    match error.status() {
        Some(status) => copied.with_status(status, error.code().map(str::to_owned)),
        None => copied,
    }
}

/// Deletes all of these objects, whatever their number; how many there were.
///
/// # Errors
/// The first that befalls: what was deleted before stays deleted, and deleting again goes on.
///
/// Cost: 1 request for each 1,000 objects.
pub(crate) async fn delete_all(
    db: &Db,
    keys: impl Stream<Item = Result<String>> + Send,
) -> Result<u64> {
    let pieces = keys.chunks(MAX_DELETES);
    let mut pieces = pin!(pieces.map(|keys| delete(db, keys)).buffered(4));
    let mut deleted = 0;
    while let Some(outcomes) = pieces.next().await {
        let count = outcomes.len() as u64;
        if let Some(error) = outcomes.into_iter().find_map(Result::err) {
            let help = format!("{deleted} objects and more are deleted; do it again to go on");
            return Err(error.with_help(help));
        }
        deleted += count;
    }
    Ok(deleted)
}
