//! `update`: read, change, save; again when somebody was faster.

use std::error::Error as StdError;
use std::future::IntoFuture;

use super::put::same_key;
use super::swap::{Step, Swapped, swap};
use super::{RequestFuture, Table, WriteOptions, operation, write_options, written};
use crate::error::{Error, ErrorKind, Result};
use crate::key::KeyFrom;
use crate::row::Row;
use crate::schema::{S3Schema, WriteEvent};

impl<T: S3Schema> Table<T> {
    /// Reads a row, changes it and saves it, and does so again when somebody else was faster;
    /// awaiting returns the changed [`Row<T>`].
    ///
    /// The closure may run several times, each time on the newest version. It returns `()`, or a
    /// `Result` whose `Err` leaves the row as it is.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) if there is no row, [`Cancelled`](ErrorKind::Cancelled) if
    /// the closure returned an `Err`, [`Conflict`](ErrorKind::Conflict) if others were faster every
    /// time, and those of [`get`](Self::get) and [`save`](Self::save).
    ///
    /// # Cost
    /// 1 GET and 1 PUT; as much again for each time that somebody was faster, and 1 HEAD after the
    /// last.
    pub fn update<K, F, D>(&self, key: K, change: F) -> Update<'_, T, F>
    where
        T::Key: KeyFrom<K>,
        F: FnMut(&mut T) -> D + Send,
        D: Decision,
    {
        Update::new(self, T::Key::key_from(key), change)
    }
}

/// What the closure of [`Table::update`] returns.
pub trait Decision {
    /// The reason to leave the row as it is, if there is one.
    fn refusal(self) -> Option<Box<dyn StdError + Send + Sync>>;
}

impl Decision for () {
    fn refusal(self) -> Option<Box<dyn StdError + Send + Sync>> {
        None
    }
}

impl<E: Into<Box<dyn StdError + Send + Sync>>> Decision for Result<(), E> {
    fn refusal(self) -> Option<Box<dyn StdError + Send + Sync>> {
        self.err().map(Into::into)
    }
}

/// A request of [`Table::update`].
#[must_use = "requests do nothing until awaited"]
pub struct Update<'a, T: S3Schema, F> {
    pub(super) table: &'a Table<T>,
    pub(super) key: T::Key,
    pub(super) change: F,
    pub(super) options: WriteOptions,
}

impl<T: S3Schema, F> std::fmt::Debug for Update<'_, T, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Update")
            .field("table", &self.table)
            .finish_non_exhaustive()
    }
}

impl<'a, T: S3Schema, F> Update<'a, T, F> {
    write_options!(in options);

    pub(crate) fn new(table: &'a Table<T>, key: T::Key, change: F) -> Self {
        Self {
            table,
            key,
            change,
            options: WriteOptions::default(),
        }
    }
}

impl<T: S3Schema, F, D> Update<'_, T, F>
where
    F: FnMut(&mut T) -> D + Send,
    D: Decision,
{
    async fn run(mut self) -> Result<Row<T>> {
        compare_and_swap(self.table, self.key, &self.options, |row| {
            decided((self.change)(&mut row.value)).map(|()| Change::Write)
        })
        .await
    }
}

/// What has become of a row that was read.
pub(super) enum Change {
    /// It is to be written.
    Write,
    /// It is as it was; there is nothing to write.
    Nothing,
}

/// Reads a row, has it changed and writes it on the version that was read, and again when somebody
/// was faster. An error of `change` ends it; it gets the row's key.
pub(super) async fn compare_and_swap<T: S3Schema>(
    table: &Table<T>,
    key: T::Key,
    options: &WriteOptions,
    mut change: impl FnMut(&mut Row<T>) -> Result<Change> + Send,
) -> Result<Row<T>> {
    let mut left = None;
    let swapped = swap(table, &key, None, |row, _| {
        let Some(mut row) = row? else {
            return Err(absent(table.object_key(&key)?));
        };
        let request = match change(&mut row) {
            Ok(Change::Write) => {
                let options = options.over(&row);
                let request = table.request(&mut row.value, WriteEvent::Save, &options)?;
                same_key(&row.key, &request.key)?;
                Step::Write(request)
            }
            Ok(Change::Nothing) => Step::Keep,
            Err(error) => return Err(error.with_key(row.key)),
        };
        left = Some(row);
        Ok(request)
    });
    let swapped = swapped.await?;
    let row = left.ok_or_else(|| Error::new(ErrorKind::Internal, "no row was decided about"))?;
    Ok(match swapped {
        Swapped::Written(request, etag) => written(row.value, *request, etag),
        Swapped::Kept => row,
    })
}

/// A closure's refusal as an error.
pub(super) fn decided(decision: impl Decision) -> Result<()> {
    match decision.refusal() {
        None => Ok(()),
        Some(reason) => Err(Error::cancelled(reason)),
    }
}

/// There is no row to change.
pub(super) fn absent(key: String) -> Error {
    Error::new(ErrorKind::NotFound, "there is no row with this key")
        .with_help("create it with `insert` or `put`")
        .with_key(key)
}

impl<'a, T: S3Schema, F, D> IntoFuture for Update<'a, T, F>
where
    F: FnMut(&mut T) -> D + Send + 'a,
    D: Decision + 'a,
{
    type Output = Result<Row<T>>;
    type IntoFuture = RequestFuture<'a, Row<T>>;

    fn into_future(self) -> Self::IntoFuture {
        operation::<T, _>("update", self.run())
    }
}
