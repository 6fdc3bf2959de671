//! `insert_many` and `put_many`.

use std::sync::Arc;

use super::report::{Failed, Outcome};
use super::{Batch, Input, Items};
use crate::error::{ErrorKind, Result};
use crate::row::{IntoRow, Row};
use crate::schema::{S3Schema, WriteEvent};
use crate::store::{ETag, Precondition, PutObject};
use crate::table::{Table, WriteOptions, create, replace, write_error, write_options, written};
use crate::write;

/// Of a [`Batch`]: it creates rows, and says what becomes of those that are there.
#[derive(Debug, Clone, Copy)]
pub struct Inserts;

/// Of a [`Batch`]: it writes rows.
#[derive(Debug, Clone, Copy)]
pub struct Writes;

/// How the rows of a batch are written.
#[derive(Debug)]
pub(super) struct Write {
    event: WriteEvent,
    precondition: Precondition,
    options: WriteOptions,
}

impl Default for Write {
    fn default() -> Self {
        Self {
            event: WriteEvent::Put,
            precondition: Precondition::None,
            options: WriteOptions::default(),
        }
    }
}

impl<T: S3Schema> Table<T> {
    /// Creates many rows; awaiting returns a [`Report`](super::Report) with each as [`Row<T>`].
    ///
    /// Takes anything that yields `T`, or `&T` where `T` is `Clone`: see [`Input`].
    ///
    /// # Errors
    /// Each row's own: those of [`insert`](Self::insert). A row that is there already fails with
    /// [`AlreadyExists`](ErrorKind::AlreadyExists), and the others are written; see
    /// [`on_conflict_nothing`](Batch::on_conflict_nothing) and
    /// [`on_conflict_replace`](Batch::on_conflict_replace).
    ///
    /// # Cost
    /// 1 PUT a row. For each that is there, 1 more HEAD makes sure that it is another's. Of a stamped
    /// table, that of [`insert`](Self::insert) a row.
    pub fn insert_many<'a, R: IntoRow<T> + 'a>(
        &'a self,
        rows: impl Input<Item = R, Items: 'a>,
    ) -> Batch<'a, Row<T>, T, Inserts> {
        let mut batch = self.write_many("insert_many", Items::new(rows, R::into_row));
        batch.write.event = WriteEvent::Insert;
        batch.write.precondition = Precondition::IfAbsent;
        batch
    }

    /// Creates or replaces many rows; awaiting returns a [`Report`](super::Report) with each as
    /// [`Row<T>`].
    ///
    /// Of two rows with one key, either may be the last.
    ///
    /// # Errors
    /// Each row's own: those of [`put`](Self::put).
    ///
    /// # Cost
    /// 1 PUT a row. Of a stamped table, that of [`put`](Self::put) a row.
    pub fn put_many<'a, R: IntoRow<T> + 'a>(
        &'a self,
        rows: impl Input<Item = R, Items: 'a>,
    ) -> Batch<'a, Row<T>, T, Writes> {
        self.write_many("put_many", Items::new(rows, R::into_row))
    }

    fn write_many<'a, K>(
        &'a self,
        name: &'static str,
        rows: Items<'a, T>,
    ) -> Batch<'a, Row<T>, T, K> {
        let subject = (self.db().clone(), name, T::SCHEMA.table);
        Batch::each(subject, rows, |row, write| self.write_one(row, write))
    }

    /// One attempt at one row. A generated id stays with the row, should there be another.
    async fn write_one(&self, mut row: T, write: Arc<Write>) -> Outcome<Row<T>, T> {
        let db = self.db();
        let attempt = async {
            if T::SCHEMA.is_stamped() {
                return self.write_stamped(&mut row, &write).await;
            }
            self.may_write().await?;
            let mut request = self.request(&mut row, write.event, &write.options)?;
            request.precondition = write.precondition.clone();
            match write::put(db.store(), db.env(), &request).await {
                Ok(etag) => Ok((request, etag)),
                Err(failure) => Err(write_error(failure, request.key, ErrorKind::AlreadyExists)),
            }
        };
        match attempt.await {
            Ok((request, etag)) => Ok(written(row, request, etag)),
            Err(error) => Err(Failed { input: row, error }),
        }
    }
}

impl<T: S3Schema> Table<T> {
    async fn write_stamped(&self, row: &mut T, write: &Write) -> Result<(PutObject, ETag)> {
        if write.precondition == Precondition::IfAbsent {
            return create(self, row, &write.options).await;
        }
        let replaced = replace(self, row, write.event, &write.options, None, false).await;
        let (_, request, etag) = replaced?;
        Ok((request, etag))
    }
}

/// Options of [`insert_many`](Table::insert_many). What is said of the objects is said of each.
impl<'a, T: Send + 'a> Batch<'a, Row<T>, T, Inserts> {
    write_options!(in write.options);

    /// Leaves rows that are there as they are: each outcome is an `Option<Row<T>>`, `None` where
    /// nothing was written because there is a row.
    ///
    /// Cost: 1 PUT a row, and 1 HEAD for each that is there.
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema};
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<id>")]
    /// # struct Person { id: u64 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let people = Db::connect("memory:").await?.table::<Person>();
    /// people.insert(Person { id: 2 }).await?;
    /// let rows = (0..5).map(|id| Person { id });
    /// let inserted = people.insert_many(rows).on_conflict_nothing().await.into_result()?;
    /// let new: Vec<_> = inserted.iter().map(Option::is_some).collect();
    /// assert_eq!(new, [true, true, false, true, true]);
    /// # Ok(()) }
    /// ```
    pub fn on_conflict_nothing(self) -> Batch<'a, Option<Row<T>>, T, Writes> {
        self.mapped(|outcome| match outcome {
            Ok(row) => Ok(Some(row)),
            Err(failed) if failed.error.kind() == ErrorKind::AlreadyExists => Ok(None),
            Err(failed) => Err(failed),
        })
    }

    /// Replaces rows that are there. `created_at` is the time of this write then.
    ///
    /// Cost: 1 PUT a row.
    pub fn on_conflict_replace(mut self) -> Batch<'a, Row<T>, T, Writes> {
        self.write.precondition = Precondition::None;
        self.mapped(|outcome| outcome)
    }
}

/// Options of [`put_many`](Table::put_many), and of [`insert_many`](Table::insert_many) once it is
/// said what becomes of rows that are there. What is said of the objects is said of each.
impl<O, T> Batch<'_, O, T, Writes> {
    write_options!(in write.options);
}
