//! Deleting objects by the thousand.

use std::pin::pin;

use futures_util::stream::{self, Stream, StreamExt as _};

use crate::db::Db;
use crate::error::{ErrorKind, Result};
use crate::store::{DeleteObject, StoreError, StoreErrorKind};
use crate::table::{store_error, write_error};
use crate::write::{self, Failure};

/// The most objects of one request.
pub(crate) const MAX_DELETES: usize = 1000;
/// How many objects are looked at together after a lost answer.
const READ_BACKS: usize = 16;

/// Deletes up to [`MAX_DELETES`] objects; an outcome for each, in order. A key that could not be
/// made keeps its error.
///
/// Where S3's answer does not tell what became of an object, it is looked for: gone is gone, and
/// anything else is unknown.
///
/// Cost: 1 request; for each object of a lost answer up to three `HEAD`s.
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
    let settled = keys.into_iter().map(|key| {
        let outcome = key.map(|key| (key, outcomes.next().unwrap_or_else(left_out)));
        async move {
            let (key, outcome) = outcome?;
            settle(db, key, outcome).await
        }
    });
    stream::iter(settled).buffered(READ_BACKS).collect().await
}

fn left_out() -> Result<(), StoreError> {
    let message = "the answer does not mention the object";
    Err(StoreError::new(StoreErrorKind::BadAnswer, message))
}

async fn settle(db: &Db, key: String, outcome: Result<(), StoreError>) -> Result<()> {
    let error = match outcome {
        Ok(()) => return Ok(()),
        Err(error) => error,
    };
    if !error.kind().is_ambiguous() {
        return Err(store_error(error, Some(key)));
    }
    if write::is_gone(db.store(), db.env(), &key).await {
        return Ok(());
    }
    Err(write_error(
        Failure::Unknown(error),
        key,
        ErrorKind::Conflict,
    ))
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
