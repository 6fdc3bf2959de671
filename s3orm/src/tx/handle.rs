//! What the closure of a transaction works with.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::part::Parts;
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::key::KeyFrom;
use crate::query::Filter;
use crate::row::Row;
use crate::schema::{S3Schema, Transactional};
use crate::stamp::Patience;
use crate::stamp::body::Op;
use crate::stamp::seen::{self, Seen};
use crate::table::{RowWrite, Table, TransactionWrite, unmet_by_row};

/// A transaction under way: of [`Db::transaction`].
///
/// What it reads must not have changed when it is committed, and what it writes is written then, all
/// of it or nothing. Cheap to clone; a clone that outlives the closure answers with an error.
#[derive(Clone)]
pub struct Tx(Handle);

/// Rows as they are at one instant: of [`Db::snapshot`].
///
/// Cheap to clone; a clone that outlives the closure answers with an error.
#[derive(Clone)]
pub struct Snapshot(Handle);

/// The rows that were touched, until they are taken to be committed.
#[derive(Clone)]
pub(super) struct Handle {
    db: Db,
    parts: Arc<Mutex<Option<Parts>>>,
    /// Whether transactions that are under way are waited for.
    waits: bool,
}

impl Handle {
    fn new(db: &Db, waits: bool) -> Self {
        Self {
            db: db.clone(),
            parts: Arc::new(Mutex::new(Some(Parts::default()))),
            waits,
        }
    }

    fn slot(&self) -> MutexGuard<'_, Option<Parts>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn take(&self) -> Parts {
        self.slot().take().unwrap_or_default()
    }

    fn with<R>(&self, act: impl FnOnce(&mut Parts) -> R) -> Result<R> {
        match &mut *self.slot() {
            Some(parts) => Ok(act(parts)),
            None => Err(Error::new(ErrorKind::Cancelled, "the transaction is over")
                .with_help("use the handle inside of the closure that got it")),
        }
    }

    fn check_db(&self, db: &Db) -> Result<()> {
        if self.db.is_same(db) {
            return Ok(());
        }
        let detail = format!("the table is of `{db}`, the transaction of `{}`", self.db);
        let help = "make the table of the same connection as the transaction";
        Err(Error::config(detail, help))
    }

    fn add(&self, write: RowWrite) -> Result<()> {
        self.check_db(&write.db)?;
        self.with(|parts| {
            parts.add(write);
        })
    }

    /// The row as the transaction leaves it. It is read once.
    async fn read<T: S3Schema>(&self, table: &Table<T>, key: T::Key) -> Result<Option<Row<T>>> {
        let seen = self.see(table, &key).await?;
        if seen.row.is_some() && seen.version().is_none() {
            let detail =
                "the row is new in this transaction, and has no version before that is committed";
            let error = Error::new(ErrorKind::Unsupported, detail).with_key(seen.key);
            return Err(error.with_help("`get` reads it, and `update` changes it"));
        }
        table.row_seen(key, &seen)
    }

    async fn see<T: S3Schema>(&self, table: &Table<T>, key: &T::Key) -> Result<Seen> {
        self.check_db(table.db())?;
        let object = table.object_key(key)?;
        let known = self.with(|parts| parts.of(object.clone()).read.is_some())?;
        if !known {
            let begun = self.db.env().instant();
            let seen = if self.waits {
                Patience::default().look(&self.db, &object).await?
            } else {
                seen::look(&self.db, &object).await?
            };
            self.with(|parts| {
                let part = parts.of(object.clone());
                part.read.get_or_insert(seen);
                part.read_at.get_or_insert(begun);
            })?;
        }
        self.with(|parts| {
            let part = parts.of(object);
            let Some(mut seen) = part.read.clone() else {
                return Err(Error::new(
                    ErrorKind::Internal,
                    "a row was read and is not there",
                ));
            };
            match part.op(&seen)? {
                Op::Put(new) => seen.row = Some(new),
                Op::Delete => seen.row = None,
                Op::Check => {}
            }
            Ok(seen)
        })?
    }
}

impl Tx {
    pub(super) fn new(db: &Db) -> Self {
        Self(Handle::new(db, true))
    }

    pub(super) fn take(&self) -> Parts {
        self.0.take()
    }

    /// The database of the transaction.
    pub fn db(&self) -> &Db {
        &self.0.db
    }

    /// Reads a row, as what the transaction did so far leaves it.
    ///
    /// A row is read once. If it has changed when the transaction is to be committed, the closure
    /// runs again. Another transaction that has locked it is waited for.
    ///
    /// # Errors
    /// Those of [`Table::get`]; those of a write that came before it and cannot be made, such as
    /// [`AlreadyExists`](ErrorKind::AlreadyExists) of an `insert`.
    ///
    /// # Cost
    /// 1 GET the first time, none after that. The row counts as one of the transaction's.
    pub async fn get<T, K>(&self, table: &Table<T>, key: K) -> Result<Option<T>>
    where
        T: Transactional,
        T::Key: KeyFrom<K>,
    {
        let key = T::Key::key_from(key);
        let seen = self.0.see(table, &key).await;
        let value = seen.and_then(|seen| table.value_seen(key, &seen));
        value.map_err(|error| error.during("transaction", T::SCHEMA.table))
    }

    /// Reads a row with its version, for [`Table::save`].
    ///
    /// # Errors
    /// As [`get`](Self::get); [`Unsupported`](ErrorKind::Unsupported) of a row that is new in this
    /// transaction.
    ///
    /// # Cost
    /// As [`get`](Self::get).
    pub async fn read<T, K>(&self, table: &Table<T>, key: K) -> Result<Option<Row<T>>>
    where
        T: Transactional,
        T::Key: KeyFrom<K>,
    {
        let read = self.0.read(table, T::Key::key_from(key)).await;
        read.map_err(|error| error.during("transaction", T::SCHEMA.table))
    }

    /// Makes a write part of the transaction: what `insert`, `put`, `save`, `update`, `patch` or
    /// `delete` of a table returns, instead of awaiting it.
    ///
    /// Several writes of one row are made in their order. What a write finds wrong (a row that is
    /// there, or is not, or does not meet a condition) is told when the transaction is committed, and
    /// then nothing of it is done.
    ///
    /// # Errors
    /// [`InvalidKey`](ErrorKind::InvalidKey), [`InvalidRow`](ErrorKind::InvalidRow),
    /// [`Unsupported`](ErrorKind::Unsupported) for metadata or a content type, and
    /// [`Config`](ErrorKind::Config) for a table of another connection.
    ///
    /// # Cost
    /// None. The row is read when the transaction is committed, unless it was read before.
    pub fn write(&self, write: impl TransactionWrite) -> Result<()> {
        self.0.add(write.into_write()?)
    }

    /// Requires that a row is there and meets a condition when the transaction is committed: it
    /// fails with [`Cancelled`](ErrorKind::Cancelled) or [`NotFound`](ErrorKind::NotFound)
    /// otherwise, and nothing of it is done.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    ///
    /// # Cost
    /// As [`write`](Self::write).
    pub fn check<T, K>(&self, table: &Table<T>, key: K, condition: Filter<T>) -> Result<()>
    where
        T: Transactional,
        T::Key: KeyFrom<K>,
    {
        let key = T::Key::key_from(key);
        let check = table.change(key, move |row| {
            if condition.matches(row) {
                return Ok(());
            }
            Err(unmet_by_row(&condition))
        });
        self.0.add(check?)
    }
}

impl Snapshot {
    pub(super) fn new(db: &Db) -> Self {
        Self(Handle::new(db, false))
    }

    pub(super) fn take(&self) -> Parts {
        self.0.take()
    }

    /// Reads a row.
    ///
    /// # Errors
    /// Those of [`Table::get`].
    ///
    /// # Cost
    /// 1 GET the first time, none after that; 1 more at the end.
    pub async fn get<T, K>(&self, table: &Table<T>, key: K) -> Result<Option<T>>
    where
        T: Transactional,
        T::Key: KeyFrom<K>,
    {
        Ok(self.read(table, key).await?.map(Row::into_inner))
    }

    /// Reads a row with its version.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    ///
    /// # Cost
    /// As [`get`](Self::get).
    pub async fn read<T, K>(&self, table: &Table<T>, key: K) -> Result<Option<Row<T>>>
    where
        T: Transactional,
        T::Key: KeyFrom<K>,
    {
        let read = self.0.read(table, T::Key::key_from(key)).await;
        read.map_err(|error| error.during("snapshot", T::SCHEMA.table))
    }
}

impl fmt::Debug for Tx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx")
            .field("db", &self.0.db)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("db", &self.0.db)
            .finish_non_exhaustive()
    }
}
