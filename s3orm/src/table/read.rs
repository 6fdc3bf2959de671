//! `get`, `read` and `exists`.

use std::future::IntoFuture;

use super::{RequestFuture, Table, awaits, operation, store_error};
use crate::error::Result;
use crate::key::KeyFrom;
use crate::row::Row;
use crate::schema::S3Schema;
use crate::stamp::seen;
use crate::store::{ByteRange, GetObject, StoreErrorKind};

impl<T: S3Schema> Table<T> {
    /// Reads a row; awaiting returns `Option<T>`.
    ///
    /// # Errors
    /// [`Decode`](crate::ErrorKind::Decode) if the object is not a row of this table,
    /// [`LimitExceeded`](crate::ErrorKind::LimitExceeded) if it is larger than the connection's
    /// `max_row_bytes`, [`InvalidKey`](crate::ErrorKind::InvalidKey), and those of the connection. A
    /// refusal is never read as "there is none".
    ///
    /// # Cost
    /// 1 GET. Of a row under a transaction 1 GET more, of its record.
    pub fn get<K>(&self, key: K) -> Get<'_, T>
    where
        T::Key: KeyFrom<K>,
    {
        Get::new(self, T::Key::key_from(key))
    }

    /// Reads a row with its version, for [`save`](Self::save); awaiting returns `Option<Row<T>>`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    ///
    /// # Cost
    /// 1 GET.
    pub fn read<K>(&self, key: K) -> Read<'_, T>
    where
        T::Key: KeyFrom<K>,
    {
        Read::new(self, T::Key::key_from(key))
    }

    /// Whether there is an object with this key; awaiting returns `bool`.
    ///
    /// # Errors
    /// As [`get`](Self::get), but for `Decode`: the object is not looked at.
    ///
    /// # Cost
    /// 1 GET of one byte (the answer to a HEAD would not tell an absent row from an absent bucket);
    /// of a stamped table, 1 GET.
    pub fn exists<K>(&self, key: K) -> Exists<'_, T>
    where
        T::Key: KeyFrom<K>,
    {
        Exists::new(self, T::Key::key_from(key))
    }
}

/// A request of [`Table::get`].
#[derive(Debug)]
#[must_use = "requests do nothing until awaited"]
pub struct Get<'a, T: S3Schema> {
    table: &'a Table<T>,
    key: T::Key,
}

/// A request of [`Table::read`].
#[derive(Debug)]
#[must_use = "requests do nothing until awaited"]
pub struct Read<'a, T: S3Schema> {
    table: &'a Table<T>,
    key: T::Key,
}

/// A request of [`Table::exists`].
#[derive(Debug)]
#[must_use = "requests do nothing until awaited"]
pub struct Exists<'a, T: S3Schema> {
    table: &'a Table<T>,
    key: T::Key,
}

impl<'a, T: S3Schema> Get<'a, T> {
    pub(crate) fn new(table: &'a Table<T>, key: T::Key) -> Self {
        Self { table, key }
    }
}

impl<'a, T: S3Schema> Read<'a, T> {
    fn new(table: &'a Table<T>, key: T::Key) -> Self {
        Self { table, key }
    }
}

impl<'a, T: S3Schema> Exists<'a, T> {
    fn new(table: &'a Table<T>, key: T::Key) -> Self {
        Self { table, key }
    }

    async fn run(self) -> Result<bool> {
        let key = self.table.object_key(&self.key)?;
        if T::SCHEMA.is_stamped() {
            let seen = Box::pin(seen::look(self.table.db(), &key)).await?;
            return Ok(seen.row.is_some());
        }
        let request = GetObject {
            key: key.clone(),
            range: Some(ByteRange::Span(0, 1)),
            ..GetObject::default()
        };
        match self.table.db().store().get(request).await {
            Ok(_) => Ok(true),
            Err(error) => match error.kind() {
                // An empty object has no first byte.
                StoreErrorKind::InvalidRange => Ok(true),
                StoreErrorKind::NotFound => Ok(false),
                _ => Err(store_error(error, Some(key))),
            },
        }
    }
}

impl<T: S3Schema> Get<'_, T> {
    async fn run(self) -> Result<Option<T>> {
        self.table.fetch_value(self.key).await
    }
}

impl<T: S3Schema> Read<'_, T> {
    async fn run(self) -> Result<Option<Row<T>>> {
        self.table.fetch(self.key).await
    }
}

awaits!(Get, "get", Option<T>);
awaits!(Read, "read", Option<Row<T>>);
awaits!(Exists, "exists", bool);
