//! What a transaction does to the indexes of its rows.
//!
//! As of single writes: entries and claims of new values are there before the commit, those of old
//! ones go after it; and where the row is not locked on what was read, its claims are taken anew. A
//! unique value may move from one row of the transaction to another: its claim names both then, and
//! whether it is committed or not, the one that has the value is named.

use futures_util::future::BoxFuture;

use super::lock::Lock;
use crate::catalog::table::needs_object;
use crate::error::Result;
use crate::index::layout::Facts;
use crate::index::upkeep::Upkeep;
use crate::schema::S3Schema;
use crate::stamp::Seen;
use crate::stamp::body::Op;
use crate::table::Table;

/// A value of a unique index: the table's folder, the index's number, the value.
type UniqueValue = (String, usize, String);

/// The indexes of one row, whatever its table.
pub(crate) trait RowIndexes: Send {
    /// Whether the table may be written, as its indexes are.
    fn begin(&mut self) -> BoxFuture<'_, Result<()>>;

    /// What must be there before the row is locked.
    fn before<'a>(
        &'a mut self,
        seen: &'a Seen,
        op: &'a Op,
        version: &'a str,
    ) -> BoxFuture<'a, Result<()>>;

    /// The row was not locked on what was read, or the transaction is not committed.
    fn undo<'a>(&'a mut self, now: &'a Seen) -> BoxFuture<'a, ()>;

    /// The transaction is committed.
    fn after<'a>(&'a mut self, version: &'a str) -> BoxFuture<'a, ()>;

    /// The unique values that the row gives up, and those that it gets.
    fn moves(&self, seen: &Seen, op: &Op) -> Result<[Vec<UniqueValue>; 2]>;

    /// The row's path in its table.
    fn path(&self) -> &str;

    /// The row at another path gives this value of a unique index up.
    fn takes_from(&mut self, number: usize, values: String, path: String);
}

/// The indexes of a row, unless its table has none.
pub(crate) fn of_row<T: S3Schema>(table: &Table<T>, object: &str) -> Option<Box<dyn RowIndexes>> {
    if !needs_object::<T>() {
        return None;
    }
    Some(Box::new(Indexed(Upkeep::new(table, object))))
}

struct Indexed<T>(Upkeep<T>);

impl<T: S3Schema> Indexed<T> {
    /// What the row has, and what it is to have.
    fn facts(&self, seen: &Seen, op: &Op) -> Result<[Facts; 2]> {
        let new = match op {
            Op::Put(new) => Some(new),
            Op::Delete => None,
            Op::Check => seen.row.as_ref(),
        };
        let table = self.0.table();
        Ok([table.facts_seen(seen)?, table.facts_of(&seen.key, new)?])
    }
}

impl<T: S3Schema> RowIndexes for Indexed<T> {
    fn begin(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.0.table().may_transact())
    }

    fn before<'a>(
        &'a mut self,
        seen: &'a Seen,
        op: &'a Op,
        version: &'a str,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let [old, new] = self.facts(seen, op)?;
            self.0.undo(&old).await;
            let before = self.0.before(&old, &new, version).await;
            if before.is_err() {
                self.0.undo(&old).await;
            }
            before
        })
    }

    fn undo<'a>(&'a mut self, now: &'a Seen) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            // What was put for a row that cannot be read stays, and is dead.
            if let Ok(facts) = self.0.table().facts_seen(now) {
                self.0.undo(&facts).await;
            }
        })
    }

    fn after<'a>(&'a mut self, version: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(self.0.after(version))
    }

    fn moves(&self, seen: &Seen, op: &Op) -> Result<[Vec<UniqueValue>; 2]> {
        let [old, new] = self.facts(seen, op)?;
        let (mut lost, mut gained) = (Vec::new(), Vec::new());
        for (number, index) in T::SCHEMA.indexes.iter().enumerate() {
            let (old, new) = (old.values(number), new.values(number));
            if !index.unique || old == new {
                continue;
            }
            let folder = self.0.table().folder();
            let value = |values: &str| (folder.to_owned(), number, values.to_owned());
            lost.extend(old.map(value));
            gained.extend(new.map(value));
        }
        Ok([lost, gained])
    }

    fn path(&self) -> &str {
        self.0.path()
    }

    fn takes_from(&mut self, number: usize, values: String, path: String) {
        self.0.takes_from(number, values, path);
    }
}

/// Tells each row that gets a unique value which other row of the transaction gives it up.
///
/// # Errors
/// Those of reading the rows' values.
pub(super) fn share(locks: &mut [Lock<'_>]) -> Result<()> {
    let (mut lost, mut gained) = (Vec::new(), Vec::new());
    for (place, lock) in locks.iter().enumerate() {
        if let Some(indexes) = &lock.part.indexes {
            let [loses, gains] = indexes.moves(&lock.seen, &lock.op)?;
            lost.extend(
                loses
                    .into_iter()
                    .map(|value| (value, indexes.path().to_owned())),
            );
            gained.extend(gains.into_iter().map(|value| (value, place)));
        }
    }
    for (value, place) in gained {
        for (other, path) in &lost {
            if *other == value
                && let Some(indexes) = &mut locks[place].part.indexes
            {
                indexes.takes_from(value.1, value.2.clone(), path.clone());
            }
        }
    }
    Ok(())
}
