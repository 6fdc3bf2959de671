//! `insert_many`, `put_many` and `get_many`.

use super::report::{Failed, Outcome};
use super::{Batch, Input, Items};
use crate::error::ErrorKind;
use crate::key::KeyFrom;
use crate::row::{IntoRow, Row};
use crate::schema::{S3Schema, WriteEvent};
use crate::store::Precondition;
use crate::table::{Table, WriteOptions, write_error, written};
use crate::write;

impl<T: S3Schema> Table<T> {
    /// Creates many rows; awaiting returns a [`Report`](super::Report) with each as [`Row<T>`].
    ///
    /// Takes anything that yields `T`, or `&T` where `T` is `Clone`: see [`Input`].
    ///
    /// # Errors
    /// Each row's own: those of [`insert`](Self::insert). A row that is there already fails with
    /// [`AlreadyExists`](ErrorKind::AlreadyExists), and the others are written.
    ///
    /// # Cost
    /// 1 PUT a row.
    pub fn insert_many<'a, R: IntoRow<T> + 'a>(
        &'a self,
        rows: impl Input<Item = R, Items: 'a>,
    ) -> Batch<'a, Row<T>, T> {
        self.write_many(
            "insert_many",
            Items::new(rows, R::into_row),
            WriteEvent::Insert,
        )
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
    /// 1 PUT a row.
    pub fn put_many<'a, R: IntoRow<T> + 'a>(
        &'a self,
        rows: impl Input<Item = R, Items: 'a>,
    ) -> Batch<'a, Row<T>, T> {
        self.write_many("put_many", Items::new(rows, R::into_row), WriteEvent::Put)
    }

    /// Reads many rows; awaiting returns a [`Report`](super::Report) with an `Option<T>` for each
    /// key.
    ///
    /// # Errors
    /// Each row's own: those of [`get`](Self::get). An absent row is `None`.
    ///
    /// # Cost
    /// 1 GET a key.
    pub fn get_many<'a, K: 'a>(
        &'a self,
        keys: impl Input<Item = K, Items: 'a>,
    ) -> Batch<'a, Option<T>, T::Key>
    where
        T::Key: KeyFrom<K>,
    {
        let subject = (self.db().clone(), "get_many", T::SCHEMA.table);
        Batch::each(
            subject,
            Items::new(keys, T::Key::key_from),
            |key: T::Key| async {
                match self.fetch(key.clone()).await {
                    Ok(found) => Ok(found.map(|(_, _, row)| row)),
                    Err(error) => Err(Failed { input: key, error }),
                }
            },
        )
    }

    fn write_many<'a>(
        &'a self,
        name: &'static str,
        rows: Items<'a, T>,
        event: WriteEvent,
    ) -> Batch<'a, Row<T>, T> {
        let subject = (self.db().clone(), name, T::SCHEMA.table);
        Batch::each(subject, rows, move |row| self.write_one(row, event))
    }

    /// One attempt at one row. A generated id stays with the row, should there be another.
    async fn write_one(&self, mut row: T, event: WriteEvent) -> Outcome<Row<T>, T> {
        let db = self.db();
        let refused = async {
            let mut request = self.request(&mut row, event, &WriteOptions::default())?;
            if event == WriteEvent::Insert {
                request.precondition = Precondition::IfAbsent;
            }
            match write::put(db.store(), db.env(), &request).await {
                Ok(etag) => Ok((request, etag)),
                Err(failure) => Err(write_error(failure, request.key, ErrorKind::AlreadyExists)),
            }
        };
        match refused.await {
            Ok((request, etag)) => Ok(written(row, request, etag)),
            Err(error) => Err(Failed { input: row, error }),
        }
    }
}
