//! The requests of single rows as parts of a transaction.

use bytes::Bytes;

use super::update::{absent, decided};
use super::{
    Decision, Delete, Insert, InsertOrNothing, Patch, Put, Save, Table, Update, WriteOptions, swap,
};
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::row::Version;
use crate::schema::{S3Schema, Transactional, WriteEvent};
use crate::stamp::Seen;
use crate::tx::{self, Edit, RowIndexes};

/// A write of one row that can be part of a transaction: what `insert`, `put`, `save`, `update`,
/// `patch` and `delete` of a table return, before they are awaited.
///
/// The closure of an `update` must own what it uses (`move`), because it runs when the transaction
/// does. What says how the object is stored (metadata, content type) cannot be part of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a transaction",
    label = "not a write of one row in a transactional table",
    note = "what `insert`, `put`, `save`, `update`, `patch` and `delete` of a `#[s3(transactional)]` table return can be; \
            the closure of an `update` must be `'static`: write `move`"
)]
pub trait TransactionWrite: IntoWrite {}

pub(crate) mod sealed {
    use super::{Db, Edit, Result, RowIndexes};

    /// A change of the row at a key.
    pub trait IntoWrite {
        #[doc(hidden)]
        fn into_write(self) -> Result<RowWrite>;
    }

    /// The database and the key of a row, and what is done to it.
    #[allow(missing_debug_implementations)]
    pub struct RowWrite {
        pub(crate) db: Db,
        pub(crate) key: String,
        pub(crate) edit: Edit,
        pub(crate) indexes: Option<Box<dyn RowIndexes>>,
    }
}

pub(crate) use sealed::{IntoWrite, RowWrite};

impl<T: S3Schema> Table<T> {
    fn write(&self, key: String, edit: Edit) -> RowWrite {
        RowWrite {
            db: self.db().clone(),
            indexes: tx::of_row(self, &key),
            key,
            edit,
        }
    }

    /// A row as it is stored: its key and its columns. They are of the program's version, since it is
    /// asked later whether the table is at that.
    fn stored(&self, row: &mut T, event: WriteEvent) -> Result<(String, Bytes)> {
        self.prepare(row, event)?;
        let key = self.object_key(&row.key())?;
        let columns = self.store_row(row, &key, T::SCHEMA.version)?;
        Ok((key, columns))
    }

    /// A change that is made to a row that must be there.
    pub(crate) fn change(
        &self,
        key: T::Key,
        mut change: impl FnMut(&mut T) -> Result<()> + Send + 'static,
    ) -> Result<RowWrite> {
        let (table, object) = (self.clone(), self.object_key(&key)?);
        let edit = move |seen: &Seen, columns: Option<Bytes>| {
            let Some(columns) = columns else {
                return Err(absent(seen.key.clone()));
            };
            let (mut row, _) =
                table.decode_row(key.clone(), &seen.key, &Self::columns(&columns))?;
            change(&mut row)?;
            let (now, columns) = table.stored(&mut row, WriteEvent::Save)?;
            super::put::same_key(&seen.key, &now)?;
            Ok(Some(columns))
        };
        Ok(self.write(object, Box::new(edit)))
    }

    /// A row that must not be there yet.
    pub(crate) fn creation(&self, row: &mut T, event: WriteEvent) -> Result<RowWrite> {
        let (key, new) = self.stored(row, event)?;
        let edit = move |_: &Seen, columns: Option<Bytes>| {
            if columns.is_some() {
                let detail = "a row with this key exists";
                return Err(Error::new(ErrorKind::AlreadyExists, detail));
            }
            Ok(Some(new.clone()))
        };
        Ok(self.write(key, Box::new(edit)))
    }

    /// No row any more, whatever was there.
    pub(crate) fn removal(&self, key: &T::Key) -> Result<RowWrite> {
        Ok(self.write(self.object_key(key)?, Box::new(|_, _| Ok(None))))
    }
}

/// A transaction says nothing of how an object is stored.
fn without(options: &WriteOptions) -> Result<()> {
    if options.is_empty() {
        return Ok(());
    }
    let detail = "a transaction cannot set metadata or a content type";
    let help = "the row keeps what it has: set them by a write of its own";
    Err(Error::new(ErrorKind::Unsupported, detail).with_help(help))
}

fn check_version(seen: &Seen, version: Option<&Version>) -> Result<()> {
    match version {
        Some(version) if seen.row.is_none() || !seen.is_of(version) => {
            Err(swap::changed(seen.key.clone()))
        }
        _ => Ok(()),
    }
}

impl<T: Transactional> TransactionWrite for Insert<'_, T> {}
impl<T: Transactional> IntoWrite for Insert<'_, T> {
    fn into_write(mut self) -> Result<RowWrite> {
        without(&self.options)?;
        self.table.creation(&mut self.row, WriteEvent::Insert)
    }
}

impl<T: Transactional> TransactionWrite for InsertOrNothing<'_, T> {}
impl<T: Transactional> IntoWrite for InsertOrNothing<'_, T> {
    fn into_write(self) -> Result<RowWrite> {
        let Self(mut insert) = self;
        without(&insert.options)?;
        let (key, new) = insert.table.stored(&mut insert.row, WriteEvent::Insert)?;
        let edit =
            move |_: &Seen, columns: Option<Bytes>| Ok(columns.or_else(|| Some(new.clone())));
        Ok(insert.table.write(key, Box::new(edit)))
    }
}

impl<T: Transactional> TransactionWrite for Put<'_, T> {}
impl<T: Transactional> IntoWrite for Put<'_, T> {
    fn into_write(mut self) -> Result<RowWrite> {
        without(&self.options)?;
        let (key, new) = self.table.stored(&mut self.row, self.event)?;
        let edit = move |seen: &Seen, _| {
            check_version(seen, self.version.as_ref())?;
            Ok(Some(new.clone()))
        };
        // What is moved into it must not be borrowed.
        let table = self.table;
        Ok(table.write(key, Box::new(edit)))
    }
}

impl<T: Transactional> TransactionWrite for Save<'_, T> {}
impl<T: Transactional> IntoWrite for Save<'_, T> {
    fn into_write(mut self) -> Result<RowWrite> {
        let said = (&self.options.content_type, &self.options.metadata);
        if said != (&self.row.content_type, &self.row.metadata) {
            without(&self.options)?;
        }
        let (key, new) = self.table.stored(&mut self.row.value, WriteEvent::Save)?;
        super::put::same_key(&self.row.key, &key)?;
        let version = self.row.version;
        let edit = move |seen: &Seen, _| {
            check_version(seen, Some(&version))?;
            Ok(Some(new.clone()))
        };
        Ok(self.table.write(key, Box::new(edit)))
    }
}

impl<T, F, D> TransactionWrite for Update<'_, T, F>
where
    T: Transactional,
    F: FnMut(&mut T) -> D + Send + 'static,
    D: Decision,
{
}
impl<T, F, D> IntoWrite for Update<'_, T, F>
where
    T: Transactional,
    F: FnMut(&mut T) -> D + Send + 'static,
    D: Decision,
{
    fn into_write(self) -> Result<RowWrite> {
        without(&self.options)?;
        let mut change = self.change;
        self.table.change(self.key, move |row| decided(change(row)))
    }
}

impl<T: Transactional> TransactionWrite for Patch<'_, T> {}
impl<T: Transactional> IntoWrite for Patch<'_, T> {
    fn into_write(self) -> Result<RowWrite> {
        without(&self.options)?;
        let Patch {
            table,
            key,
            conditions,
            edits,
            ..
        } = self;
        table.change(key, move |row| {
            super::patch::apply(&conditions, &edits, row)
        })
    }
}

impl<T: Transactional> TransactionWrite for Delete<'_, T> {}
impl<T: Transactional> IntoWrite for Delete<'_, T> {
    fn into_write(self) -> Result<RowWrite> {
        let object = self.table.may_delete(&self.key)?;
        let (must_exist, version) = (self.must_exist, self.version);
        let edit = move |seen: &Seen, columns: Option<Bytes>| {
            check_version(seen, version.as_ref())?;
            match columns {
                None if must_exist => Err(absent(seen.key.clone())),
                _ => Ok(None),
            }
        };
        Ok(self.table.write(object, Box::new(edit)))
    }
}
