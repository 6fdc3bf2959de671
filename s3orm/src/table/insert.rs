//! `insert`: create a row.

use std::future::IntoFuture;

use super::put::{Put, send};
use super::swap::{Base, Found, Step, swap};
use super::{RequestFuture, Table, WriteOptions, awaits, operation, write_options, written};
use crate::error::{Error, ErrorKind, Result};
use crate::row::{IntoRow, Row};
use crate::schema::{S3Schema, WriteEvent};
use crate::store::{ETag, Precondition, PutObject};

impl<T: S3Schema> Table<T> {
    /// Creates a row; awaiting returns it as [`Row<T>`], with what was generated filled in.
    ///
    /// Takes a `T`, or a `&T` where `T` is `Clone`.
    ///
    /// # Errors
    /// [`AlreadyExists`](ErrorKind::AlreadyExists) if there is a row with its key (see
    /// [`on_conflict_nothing`](Insert::on_conflict_nothing) and
    /// [`on_conflict_replace`](Insert::on_conflict_replace)), [`Conflict`](ErrorKind::Conflict) if
    /// S3 answers each time that another write of the key is under way,
    /// [`InvalidKey`](ErrorKind::InvalidKey), [`InvalidRow`](ErrorKind::InvalidRow),
    /// [`OutcomeUnknown`](ErrorKind::OutcomeUnknown), and those of the connection.
    ///
    /// # Cost
    /// 1 PUT. When the row is there, 1 more HEAD makes sure that it is another's; of a stamped table
    /// it is 1 GET, and 1 PUT more where a row was deleted before. Of a table with a unique index 1 GET
    /// before; and what [indexes](crate::index#what-it-costs) cost.
    pub fn insert(&self, row: impl IntoRow<T>) -> Insert<'_, T> {
        Insert::new(self, row.into_row())
    }
}

/// A request of [`Table::insert`].
#[derive(Debug)]
#[must_use = "requests do nothing until awaited"]
pub struct Insert<'a, T> {
    pub(super) table: &'a Table<T>,
    pub(super) row: T,
    pub(super) options: WriteOptions,
}

/// A request of [`Insert::on_conflict_nothing`].
#[derive(Debug)]
#[must_use = "requests do nothing until awaited"]
pub struct InsertOrNothing<'a, T>(pub(super) Insert<'a, T>);

write_options!(Insert);

impl<'a, T: S3Schema> Insert<'a, T> {
    fn new(table: &'a Table<T>, row: T) -> Self {
        Self {
            table,
            row,
            options: WriteOptions::default(),
        }
    }

    /// Leaves a row that is there as it is; awaiting returns `None` then, and nothing was written.
    pub fn on_conflict_nothing(self) -> InsertOrNothing<'a, T> {
        InsertOrNothing(self)
    }

    /// Replaces a row that is there. `created_at` is the time of this write then.
    pub fn on_conflict_replace(self) -> Put<'a, T> {
        Put::inserting(self.table, self.row, self.options)
    }

    async fn run(mut self) -> Result<Row<T>> {
        if T::SCHEMA.is_stamped() {
            let created = Box::pin(create(self.table, &mut self.row, &self.options)).await;
            let (request, etag) = created?;
            return Ok(written(self.row, request, etag));
        }
        self.table.may_write().await?;
        let mut request = self
            .table
            .request(&mut self.row, WriteEvent::Insert, &self.options)?;
        request.precondition = Precondition::IfAbsent;
        send(self.table, self.row, request, ErrorKind::AlreadyExists).await
    }
}

/// Creates a row of a stamped table.
///
/// Begins as if there were nothing, which is what is found most often: not even what is left of a
/// deleted row.
pub(crate) async fn create<T: S3Schema>(
    table: &Table<T>,
    row: &mut T,
    options: &WriteOptions,
) -> Result<(PutObject, ETag)> {
    table.prepare(row, WriteEvent::Insert)?;
    let (key, object) = (row.key(), table.object_key(&row.key())?);
    let nothing = Found {
        row: Ok(None),
        base: Base::unseen(object.clone()),
    };
    // A claim may be taken for a row that was read before alone.
    let is_unique = T::SCHEMA.indexes.iter().any(|index| index.unique);
    let known = (!is_unique).then_some(nothing);
    let swapped = swap(table, &key, known, |found, _| {
        if !matches!(found, Ok(None)) {
            let detail = "a row with this key exists";
            return Err(Error::new(ErrorKind::AlreadyExists, detail).with_key(&object));
        }
        table.prepared(row, options).map(Step::Write)
    });
    swapped.await?.written()
}

impl<T: S3Schema> InsertOrNothing<'_, T> {
    async fn run(self) -> Result<Option<Row<T>>> {
        match self.0.run().await {
            Ok(row) => Ok(Some(row)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(error),
        }
    }
}

awaits!(Insert, "insert", Row<T>);
awaits!(InsertOrNothing, "insert", Option<Row<T>>);
