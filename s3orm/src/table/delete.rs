//! `delete`.

use std::future::IntoFuture;

use super::swap::{Step, Swapped, changed, swap};
use super::{RequestFuture, Table, awaits, operation, write_error};
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::hooks;
use crate::key::KeyFrom;
use crate::row::{Row, Version};
use crate::schema::S3Schema;
use crate::store::{DeleteObject, Precondition, StoreErrorKind};
use crate::write::{self, Failure};

impl<T: S3Schema> Table<T> {
    /// Deletes a row; deleting one that is not there succeeds. Awaiting returns `()`.
    ///
    /// # Errors
    /// [`OutcomeUnknown`](ErrorKind::OutcomeUnknown) whenever the answer is lost: a deletion leaves
    /// nothing behind to know it by, and may land later, also on a row that is inserted after the
    /// old one is gone. [`InvalidKey`](ErrorKind::InvalidKey), and those of the connection.
    ///
    /// # Cost
    /// 1 DELETE. Of a stamped table 1 GET and 1 PUT: what was deleted leaves a tombstone, by which a
    /// lost answer is found again, until it is vacuumed.
    pub fn delete<K>(&self, key: K) -> Delete<'_, T>
    where
        T::Key: KeyFrom<K>,
    {
        Delete::new(self, T::Key::key_from(key))
    }
}

/// A request of [`Table::delete`].
#[derive(Debug)]
#[must_use = "requests do nothing until awaited"]
pub struct Delete<'a, T: S3Schema> {
    pub(super) table: &'a Table<T>,
    pub(super) key: T::Key,
    pub(super) must_exist: bool,
    pub(super) version: Option<Version>,
}

/// A request of [`Delete::returning_old`].
#[derive(Debug)]
#[must_use = "requests do nothing until awaited"]
pub struct DeleteReturning<'a, T: S3Schema>(Delete<'a, T>);

impl<'a, T: S3Schema> Delete<'a, T> {
    fn new(table: &'a Table<T>, key: T::Key) -> Self {
        Self {
            table,
            key,
            must_exist: false,
            version: None,
        }
    }

    /// Fails with [`NotFound`](ErrorKind::NotFound) if there is no row. Needs a store that deletes
    /// conditionally. Cost: 1 DELETE; on servers that take `If-Match: *` for a tag, which refuse it
    /// for every row, 1 HEAD and 1 DELETE more.
    pub fn must_exist(mut self) -> Self {
        self.must_exist = true;
        self
    }

    /// Only if the row has this version: [`Conflict`](ErrorKind::Conflict) otherwise. Needs a store
    /// that deletes conditionally.
    pub fn if_version(mut self, version: &Version) -> Self {
        self.version = Some(version.clone());
        self
    }

    /// Returns the row that was deleted, or `None` if there was none.
    ///
    /// Reads first and deletes what was read, and again when somebody was faster: the row returned
    /// is the one deleted. Needs a store that deletes conditionally. Cost: 1 GET and 1 DELETE, and
    /// as much again each time.
    pub fn returning_old(self) -> DeleteReturning<'a, T> {
        DeleteReturning(self)
    }

    pub(crate) fn of_key(table: &'a Table<T>, key: T::Key) -> Self {
        Self::new(table, key)
    }

    fn refused(&self) -> ErrorKind {
        match self.version {
            Some(_) => ErrorKind::Conflict,
            None => ErrorKind::NotFound,
        }
    }

    /// There is no row to delete: nothing to do, unless it was said that there is one.
    fn absent(&self, key: String) -> Result<()> {
        if self.must_exist || self.version.is_some() {
            return Err(Error::new(self.refused(), "there is no row with this key").with_key(key));
        }
        Ok(())
    }

    async fn run(self) -> Result<()> {
        let key = self.key.clone();
        self.table.may_delete(&key)?;
        self.remove().await?;
        T::__after_delete(&key);
        Ok(())
    }

    async fn remove(self) -> Result<()> {
        if T::SCHEMA.is_stamped() {
            return Box::pin(self.bury(false)).await.map(drop);
        }
        let (refused, db) = (self.refused(), self.table.db());
        let key = self.table.object_key(&self.key)?;
        let precondition = match (self.version, self.must_exist) {
            (Some(version), _) => Precondition::IfMatch(version.etag),
            (None, true) => Precondition::IfPresent,
            (None, false) => Precondition::None,
        };
        let any = precondition == Precondition::IfPresent;
        let request = DeleteObject {
            key: key.clone(),
            precondition,
        };
        match write::delete(db.store(), db.env(), request).await {
            Err(Failure::Refused(error))
                if any && error.kind() == StoreErrorKind::PreconditionFailed =>
            {
                Box::pin(delete_found(db, key)).await
            }
            outcome => outcome.map_err(|failure| write_error(failure, key, refused)),
        }
    }
}

impl<T: S3Schema> Table<T> {
    /// Asks the row's hook whether the row may be deleted; its object's key.
    pub(crate) fn may_delete(&self, key: &T::Key) -> Result<String> {
        let object = self.object_key(key)?;
        hooks::refused("before_delete", T::__before_delete(key))
            .map_err(|error| error.with_key(&object))?;
        Ok(object)
    }
}

impl<T: S3Schema> Delete<'_, T> {
    /// Deletes a row of a stamped table: a tombstone takes its place. Unless it is asked for, the row
    /// need not be readable.
    async fn bury(self, asked: bool) -> Result<Option<Row<T>>> {
        let (table, mut old) = (self.table, None);
        let object = table.object_key(&self.key)?;
        let swapped = swap(table, &self.key, None, |row, base| {
            if let Ok(None) = row {
                return self.absent(object.clone()).map(|()| Step::Keep);
            }
            if self
                .version
                .as_ref()
                .is_some_and(|version| !base.is_of(version))
            {
                return Err(changed(object.clone()));
            }
            if asked {
                old = row?;
            }
            Ok(Step::Write(table.tombstone(object.clone())?))
        });
        Ok(match swapped.await? {
            Swapped::Written(..) => old,
            Swapped::Kept => None,
        })
    }
}

/// Deletes an object by the tag that it has, whatever that is.
async fn delete_found(db: &Db, key: String) -> Result<()> {
    let mut attempts = db.attempts();
    loop {
        let found = db.store().head(&key).await;
        let meta = found.map_err(|error| {
            write_error(Failure::Refused(error), key.clone(), ErrorKind::NotFound)
        })?;
        let request = DeleteObject {
            key: key.clone(),
            precondition: Precondition::IfMatch(meta.etag),
        };
        match write::delete(db.store(), db.env(), request).await {
            Err(Failure::Refused(error)) if write::is_race(&error) && attempts.next().await => {}
            outcome => {
                return outcome.map_err(|failure| write_error(failure, key, ErrorKind::Conflict));
            }
        }
    }
}

impl<T: S3Schema> DeleteReturning<'_, T> {
    async fn run(self) -> Result<Option<Row<T>>> {
        let key = self.0.key.clone();
        self.0.table.may_delete(&key)?;
        let old = self.remove().await?;
        T::__after_delete(&key);
        Ok(old)
    }

    async fn remove(self) -> Result<Option<Row<T>>> {
        let Self(delete) = self;
        if T::SCHEMA.is_stamped() {
            return Box::pin(delete.bury(true)).await;
        }
        let db = delete.table.db();
        let mut attempts = db.attempts();
        loop {
            let Some(row) = delete.table.fetch(delete.key.clone()).await? else {
                let key = delete.table.object_key(&delete.key)?;
                return delete.absent(key).map(|()| None);
            };
            if let Some(version) = &delete.version
                && version.etag != row.version.etag
            {
                return Err(changed(row.key));
            }
            let request = DeleteObject {
                key: row.key.clone(),
                precondition: Precondition::IfMatch(row.version.etag.clone()),
            };
            match write::delete(db.store(), db.env(), request).await {
                Ok(()) => return Ok(Some(row)),
                Err(Failure::Refused(error)) if write::is_race(&error) && attempts.next().await => {
                }
                Err(failure) => return Err(write_error(failure, row.key, ErrorKind::Conflict)),
            }
        }
    }
}

awaits!(Delete, "delete", ());
awaits!(DeleteReturning, "delete", Option<Row<T>>);
