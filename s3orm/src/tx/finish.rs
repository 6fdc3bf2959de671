//! After the decision: rows that are under a transaction become plain ones again.
//!
//! It changes no row's value, which the decision has settled, so it may be done by anybody, at any
//! time, or never. It is for those who read the objects without the library, and for the sweeper,
//! who must see all rows of a record clean before it goes.

use futures_util::future::join_all;

use crate::db::Db;
use crate::error::{ErrorKind, Result};
use crate::stamp::record::TxId;
use crate::stamp::seen::{self, Seen};
use crate::table::write_error;
use crate::write::{self, Failure};

/// Puts the decided value of a row over the intent that was seen there.
///
/// # Errors
/// Those of the connection. That somebody else was faster is none.
///
/// Cost: 1 PUT.
pub(crate) async fn finish(db: &Db, seen: &Seen) -> Result<()> {
    let request = seen.as_it_is(db.env())?;
    match write::put_or_reread(db.store(), db.env(), &request).await {
        Ok(_) => Ok(()),
        Err(Failure::Refused(error)) if write::is_race(&error) => Ok(()),
        Err(failure) => Err(write_error(failure, request.key, ErrorKind::Conflict)),
    }
}

/// Finishes several rows at the same time. What fails is left to the sweeper.
pub(crate) async fn finish_all(db: &Db, rows: &[Seen]) {
    for finished in join_all(rows.iter().map(|seen| finish(db, seen))).await {
        if let Err(error) = finished {
            tracing::debug!(%error, "a row stays under its transaction");
        }
    }
}

/// Makes sure that a row is not under this transaction, which is decided. Whether it was.
///
/// # Errors
/// Those of the connection.
///
/// Cost: 1 GET; where it was, 1 PUT and 2 GETs more.
pub(crate) async fn clean(db: &Db, key: &str, tx: &TxId) -> Result<bool> {
    let mut was = false;
    loop {
        let seen = seen::look(db, key).await?;
        let under = seen
            .object
            .as_ref()
            .and_then(|object| object.under.as_ref());
        if under.is_none_or(|under| under.intent.tx != *tx) {
            return Ok(was);
        }
        was = true;
        finish(db, &seen).await?;
    }
}
