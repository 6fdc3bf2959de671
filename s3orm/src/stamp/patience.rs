//! What a writer does about a transaction that is in its way.
//!
//! It waits; and when the transaction's record has not changed for as long as the lease, by the
//! waiter's own clock, its owner is taken for gone and it is aborted. Whatever is decided here is a
//! matter of progress alone: each step is a compare-and-swap, so none of them can be wrong.

use std::time::Duration;

use super::record::{Decided, Record, State};
use super::seen::{self, Seen};
use crate::db::Db;
use crate::env::Instant;
use crate::error::{Error, ErrorKind, Result};
use crate::store::ETag;

/// The longest pause between two looks.
const MAX_PAUSE: Duration = Duration::from_millis(250);

/// The transactions that one writer has waited for at one row.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    /// The version of a record that was seen first at this time.
    since: Option<(ETag, Instant)>,
    pauses: u32,
}

impl Patience {
    /// Reads a row until no undecided transaction is in the way.
    ///
    /// # Errors
    /// Those of [`look`](seen::look); [`Unavailable`](ErrorKind::Unavailable) if a transaction cannot be
    /// aborted because the answers are lost each time.
    pub(crate) async fn look(&mut self, db: &Db, key: &str) -> Result<Seen> {
        loop {
            let seen = seen::look(db, key).await?;
            match seen.pending() {
                None => return Ok(seen),
                Some(record) => self.wait(db, record.clone()).await?,
            }
        }
    }

    /// Waits a while, or aborts what was waited for long enough.
    pub(crate) async fn wait(&mut self, db: &Db, record: Record) -> Result<()> {
        let now = db.env().instant();
        let since = match &self.since {
            Some((etag, since)) if *etag == record.etag => *since,
            _ => {
                self.since = Some((record.etag.clone(), now));
                now
            }
        };
        if now.duration_since(since) >= db.transaction_lease() {
            return abort(db, record).await;
        }
        let pause = Duration::from_millis(5) * 2_u32.pow(self.pauses.min(8));
        self.pauses += 1;
        db.env().sleep(db.env().jitter(pause.min(MAX_PAUSE))).await;
        Ok(())
    }
}

/// Aborts a pending transaction, unless it is decided meanwhile.
pub(crate) async fn abort(db: &Db, record: Record) -> Result<()> {
    let tx = record.id.as_str().to_owned();
    match record.decide(db, State::Aborted).await? {
        Decided::As(record) => {
            tracing::debug!(tx, state = ?record.state(), "waited for a transaction");
            Ok(())
        }
        Decided::Missing => Ok(()),
        // That is of the other transaction: of what the caller asked for nothing is sent yet.
        Decided::Unknown(error) => Err(Error::new(
            ErrorKind::Unavailable,
            "a transaction is in the way, and cannot be aborted",
        )
        .with_source(error)),
    }
}
