//! The rows of a transaction, and what is done to each.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::indexes::RowIndexes;
use crate::db::Db;
use crate::env::Instant;
use crate::error::{Error, ErrorKind, Result};
use crate::stamp::Seen;
use crate::stamp::body::Op;
use crate::store::Metadata;
use crate::table::RowWrite;

/// The most rows of a transaction.
pub(crate) const MAX_ROWS: usize = 100;
/// The most bytes that a transaction writes.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// A change of a row, from its columns to its columns; `None` is no row. It may be made several
/// times, of one version after the other.
pub(crate) type Edit = Box<dyn FnMut(&Seen, Option<Bytes>) -> Result<Option<Bytes>> + Send>;

/// A row in a transaction.
#[derive(Default)]
pub(crate) struct Part {
    /// What was read of it, on which others depend: then it must not have changed.
    pub(crate) read: Option<Seen>,
    pub(crate) read_at: Option<Instant>,
    /// What is done to it, in this order. Without any it is only locked.
    pub(crate) edits: Vec<Edit>,
    /// What a new row's object gets; one that is there keeps what it has.
    pub(crate) content_type: Option<String>,
    pub(crate) metadata: Metadata,
    /// What becomes of its table's indexes, where that has any.
    pub(crate) indexes: Option<Box<dyn RowIndexes>>,
}

impl Part {
    /// The row with all its changes, and what they come to.
    pub(crate) fn op(&mut self, seen: &Seen) -> Result<Op> {
        let changed = self
            .edits
            .iter_mut()
            .try_fold(seen.row.clone(), |row, edit| {
                edit(seen, row).map_err(|error| error.with_key(&seen.key))
            })?;
        Ok(match changed {
            // It is stored as it was.
            Some(new) if seen.row.as_ref() == Some(&new) => Op::Check,
            Some(new) => Op::Put(new),
            None if seen.row.is_some() => Op::Delete,
            // Nothing was there, and nothing will be.
            None => Op::Check,
        })
    }
}

/// All rows of a transaction, by their objects' keys.
#[derive(Default)]
pub(crate) struct Parts(pub(crate) BTreeMap<String, Part>);

impl Parts {
    /// How long ago the first of them was read.
    pub(crate) fn age(&self, db: &Db) -> Duration {
        let reads = self.0.values().filter_map(|part| part.read_at);
        let first = reads.min();
        first.map_or(Duration::ZERO, |first| {
            db.env().instant().duration_since(first)
        })
    }

    pub(crate) fn of(&mut self, key: String) -> &mut Part {
        self.0.entry(key).or_default()
    }

    /// Makes a write part of it.
    pub(crate) fn add(&mut self, write: RowWrite) -> &mut Part {
        let part = self.of(write.key);
        part.edits.push(write.edit);
        part.indexes = part.indexes.take().or(write.indexes);
        part
    }

    /// Asks whether the tables may be written, as their indexes are.
    ///
    /// # Errors
    /// [`Schema`](ErrorKind::Schema), and those of the connection.
    pub(crate) async fn begin(&mut self) -> Result<()> {
        for part in self.0.values_mut() {
            // What the first row of a table asks is known to the others.
            if let Some(indexes) = &mut part.indexes {
                indexes.begin().await?;
            }
        }
        Ok(())
    }

    /// Whether nothing is written.
    pub(crate) fn only_read(&self) -> bool {
        self.0.values().all(|part| part.edits.is_empty())
    }

    /// Refuses more rows than a transaction has.
    pub(crate) fn check_count(&self) -> Result<()> {
        let rows = self.0.len();
        if rows <= MAX_ROWS {
            return Ok(());
        }
        let detail = format!("the transaction is over {rows} rows; it may be over {MAX_ROWS}");
        let help = "do less at once; rows that are only read count, too";
        Err(Error::new(ErrorKind::LimitExceeded, detail).with_help(help))
    }
}

/// Refuses more bytes than a transaction has.
pub(crate) fn check_size<'a>(ops: impl Iterator<Item = &'a Op>) -> Result<()> {
    let sizes = ops.map(|op| match op {
        Op::Put(new) => new.len(),
        Op::Delete | Op::Check => 0,
    });
    let bytes: usize = sizes.sum();
    if bytes <= MAX_BYTES {
        return Ok(());
    }
    let detail = format!("the transaction writes {bytes} bytes; it may write {MAX_BYTES}");
    Err(Error::new(ErrorKind::LimitExceeded, detail).with_help("write less at once"))
}
