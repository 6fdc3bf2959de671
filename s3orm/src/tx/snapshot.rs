//! Whether rows that were read one after the other were all there at one instant.

use futures_util::future::join_all;

use crate::db::Db;
use crate::error::Result;
use crate::stamp::Seen;
use crate::stamp::record::Record;
use crate::store::{GetObject, StoreErrorKind};
use crate::table::store_error;

/// Reads all of it a second time: each object must be as it was, and each record that was pending
/// still be. Then everything was so from its first reading to its second, hence at the instant
/// between the last of the first and the first of the second.
///
/// # Errors
/// Those of the connection.
///
/// Cost: 1 GET a row, answered without its bytes if it is as it was; 1 GET for each that was under a
/// pending transaction.
pub(super) async fn is_of_one_instant(db: &Db, rows: &[Seen]) -> Result<bool> {
    let same = join_all(rows.iter().map(|seen| is_unchanged(db, seen))).await;
    for same in same {
        if !same? {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn is_unchanged(db: &Db, seen: &Seen) -> Result<bool> {
    let request = GetObject {
        key: seen.key.clone(),
        if_none_match: seen.etag().cloned(),
        ..GetObject::default()
    };
    let same = match db.store().get(request).await {
        Ok(_) => false,
        Err(error) => match error.kind() {
            StoreErrorKind::NotModified => true,
            StoreErrorKind::NotFound => seen.etag().is_none(),
            _ => return Err(store_error(error, Some(seen.key.clone()))),
        },
    };
    match seen.pending() {
        Some(record) if same => is_pending(db, record).await,
        _ => Ok(same),
    }
}

async fn is_pending(db: &Db, record: &Record) -> Result<bool> {
    let now = Record::read(db, &record.id).await?;
    Ok(now.is_some_and(|now| now.etag == record.etag))
}
