//! `put` and `save`: write a row whatever is there, or on the version that was read.

use std::future::IntoFuture;

use super::swap::{Step, changed, swap};
use super::{
    RequestFuture, Table, WriteOptions, awaits, kept, operation, write_error, write_options,
    written,
};
use crate::error::{Error, ErrorKind, Result};
use crate::row::{IntoRow, Row, Version};
use crate::schema::{S3Schema, WriteEvent};
use crate::store::{ETag, Precondition, PutObject};
use crate::write;

impl<T: S3Schema> Table<T> {
    /// Creates a row or replaces it, whatever is there; awaiting returns it as [`Row<T>`].
    ///
    /// The last of several writers wins. To notice the others, use [`insert`](Self::insert),
    /// [`save`](Self::save), [`update`](Self::update) or [`if_version`](Put::if_version).
    ///
    /// # Errors
    /// [`InvalidKey`](ErrorKind::InvalidKey), [`InvalidRow`](ErrorKind::InvalidRow),
    /// [`OutcomeUnknown`](ErrorKind::OutcomeUnknown), and those of the connection.
    ///
    /// # Cost
    /// 1 PUT. Of a stamped table 1 GET and 1 PUT, as much again for each time that somebody was faster,
    /// and what [indexes](crate::index#what-it-costs) cost.
    pub fn put(&self, row: impl IntoRow<T>) -> Put<'_, T> {
        Put::new(self, row.into_row())
    }

    /// Writes a row back that was read or written before, if nobody changed it meanwhile; awaiting
    /// returns it with its new version.
    ///
    /// Content type and user metadata stay as they were read, unless the request says otherwise.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) if the row was changed or deleted since: nothing was
    /// written. [`InvalidKey`](ErrorKind::InvalidKey) if a key column was changed: that is another
    /// row, which [`rekey`](Self::rekey) makes of this one. And those of [`put`](Self::put).
    ///
    /// # Cost
    /// 1 PUT. After a conflict, 1 more HEAD makes sure that the other version is another's. Of a
    /// stamped table as [`put`](Self::put).
    pub fn save(&self, row: Row<T>) -> Save<'_, T> {
        Save::new(self, row)
    }
}

/// A request of [`Table::put`].
#[derive(Debug)]
#[must_use = "requests do nothing until awaited"]
pub struct Put<'a, T> {
    pub(super) table: &'a Table<T>,
    pub(super) row: T,
    pub(super) options: WriteOptions,
    pub(super) event: WriteEvent,
    pub(super) version: Option<Version>,
}

/// A request of [`Put::returning_old`].
#[derive(Debug)]
#[must_use = "requests do nothing until awaited"]
pub struct PutReturning<'a, T>(Put<'a, T>);

/// What [`Put::returning_old`] returns.
#[derive(Debug, Clone)]
pub struct Replaced<T> {
    /// The row that was there, if one was.
    pub old: Option<Row<T>>,
    /// The row that is there now.
    pub new: Row<T>,
}

/// A request of [`Table::save`].
#[derive(Debug)]
#[must_use = "requests do nothing until awaited"]
pub struct Save<'a, T> {
    pub(super) table: &'a Table<T>,
    pub(super) row: Row<T>,
    pub(super) options: WriteOptions,
}

write_options!(Put);
write_options!(Save);

/// Makes the write conditional on a version, and names that version as the predecessor.
pub(super) fn replacing(request: &mut PutObject, version: &Version) {
    request.precondition = Precondition::IfMatch(version.etag.clone());
    if let Some(id) = &version.id {
        request
            .metadata
            .insert(write::PREVIOUS.to_owned(), id.clone());
    }
}

impl<'a, T: S3Schema> Put<'a, T> {
    fn new(table: &'a Table<T>, row: T) -> Self {
        let options = WriteOptions::default();
        Self {
            table,
            row,
            options,
            event: WriteEvent::Put,
            version: None,
        }
    }

    pub(super) fn inserting(table: &'a Table<T>, row: T, options: WriteOptions) -> Self {
        Self {
            table,
            row,
            options,
            event: WriteEvent::Insert,
            version: None,
        }
    }

    /// Only if the row has this version: [`Conflict`](ErrorKind::Conflict) otherwise.
    pub fn if_version(mut self, version: &Version) -> Self {
        self.version = Some(version.clone());
        self
    }

    /// Returns the row that was replaced, too.
    ///
    /// Reads first and writes on what was read, and again when somebody was faster: exactly one row
    /// was replaced, and that one is returned. Cost: 1 GET and 1 PUT, and as much again each time.
    pub fn returning_old(self) -> PutReturning<'a, T> {
        PutReturning(self)
    }

    async fn run(mut self) -> Result<Row<T>> {
        if T::SCHEMA.is_stamped() {
            return Ok(Box::pin(self.over(false)).await?.new);
        }
        self.table.may_write().await?;
        let mut request = self
            .table
            .request(&mut self.row, self.event, &self.options)?;
        if let Some(version) = &self.version {
            replacing(&mut request, version);
        }
        send(self.table, self.row, request, ErrorKind::Conflict).await
    }
}

impl<T: S3Schema> Put<'_, T> {
    /// Writes over what is read first.
    async fn over(self, asked: bool) -> Result<Replaced<T>> {
        let Self {
            table,
            mut row,
            options,
            event,
            version,
        } = self;
        let version = version.as_ref();
        let replaced = replace(table, &mut row, event, &options, version, asked).await;
        let (old, request, etag) = replaced?;
        let new = written(row, request, etag);
        Ok(Replaced { old, new })
    }
}

impl<T: S3Schema> PutReturning<'_, T> {
    async fn run(self) -> Result<Replaced<T>> {
        self.0.over(true).await
    }
}

/// Writes a row over what was read; that, if it is asked for, and the write. Otherwise what is there
/// need not be readable.
pub(crate) async fn replace<T: S3Schema>(
    table: &Table<T>,
    row: &mut T,
    event: WriteEvent,
    options: &WriteOptions,
    version: Option<&Version>,
    asked: bool,
) -> Result<(Option<Row<T>>, PutObject, ETag)> {
    table.prepare(row, event)?;
    let (mut old, key) = (None, row.key());
    let swapped = swap(table, &key, None, |found, base| {
        let request = table.prepared(row, options)?;
        if version.is_some_and(|version| !base.is_of(version)) {
            return Err(changed(request.key));
        }
        if asked {
            old = found?;
        }
        Ok(Step::Write(request))
    });
    let (request, etag) = swapped.await?.written()?;
    Ok((old, request, etag))
}

impl<'a, T: S3Schema> Save<'a, T> {
    fn new(table: &'a Table<T>, row: Row<T>) -> Self {
        let options = WriteOptions {
            content_type: kept(&row),
            metadata: row.metadata.clone(),
        };
        Self {
            table,
            row,
            options,
        }
    }

    async fn run(mut self) -> Result<Row<T>> {
        self.table.may_write().await?;
        let mut request =
            self.table
                .request(&mut self.row.value, WriteEvent::Save, &self.options)?;
        same_key(&self.row.key, &request.key)?;
        if T::SCHEMA.is_stamped() {
            return Box::pin(self.run_stamped()).await;
        }
        replacing(&mut request, &self.row.version);
        send(self.table, self.row.value, request, ErrorKind::Conflict).await
    }
}

impl<T: S3Schema> Save<'_, T> {
    /// The version of a stamped row may be under another tag by now: that of a transaction which
    /// only looked at it, or of the same value once its transaction was finished.
    async fn run_stamped(self) -> Result<Row<T>> {
        let Self {
            table,
            row,
            options,
        } = self;
        let (version, key) = (row.version.clone(), row.value.key());
        let swapped = swap(table, &key, None, |_, base| {
            if !base.is_of(&version) {
                return Err(changed(row.key.clone()));
            }
            let request = table.prepared(&row.value, &options)?;
            Ok(Step::Write(request))
        });
        let (request, etag) = swapped.await?.written()?;
        Ok(written(row.value, request, etag))
    }
}

/// A row is its key: a changed key column would leave the old row behind.
pub(super) fn same_key(read: &str, now: &str) -> Result<()> {
    if read == now {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::InvalidKey,
        format!("a key column was changed: it was read as `{read}`"),
    )
    .with_help("`rekey` moves a row to another key")
    .with_key(now))
}

/// Sends the write of a row; `refused` is the error where its condition does not hold.
pub(super) async fn send<T: S3Schema>(
    table: &Table<T>,
    row: T,
    request: PutObject,
    refused: ErrorKind,
) -> Result<Row<T>> {
    match write::put(table.db().store(), table.db().env(), &request).await {
        Ok(etag) => Ok(written(row, request, etag)),
        Err(failure) => Err(write_error(failure, request.key, refused)),
    }
}

awaits!(Put, "put", Row<T>);
awaits!(PutReturning, "put", Replaced<T>);
awaits!(Save, "save", Row<T>);
