//! `delete`.

use std::future::IntoFuture;

use super::{RequestFuture, Table, awaits, operation, write_error};
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
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
    /// 1 DELETE.
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
    table: &'a Table<T>,
    key: T::Key,
    precondition: Precondition,
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
            precondition: Precondition::None,
        }
    }

    /// Fails with [`NotFound`](ErrorKind::NotFound) if there is no row. Needs a store that deletes
    /// conditionally. Cost: 1 DELETE; on servers that take `If-Match: *` for a tag, which refuse it
    /// for every row, 1 HEAD and 1 DELETE more.
    pub fn must_exist(mut self) -> Self {
        if self.precondition == Precondition::None {
            self.precondition = Precondition::IfPresent;
        }
        self
    }

    /// Only if the row has this version: [`Conflict`](ErrorKind::Conflict) otherwise. Needs a store
    /// that deletes conditionally.
    pub fn if_version(mut self, version: &Version) -> Self {
        self.precondition = Precondition::IfMatch(version.etag.clone());
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

    fn refused(&self) -> ErrorKind {
        match self.precondition {
            Precondition::IfMatch(_) => ErrorKind::Conflict,
            _ => ErrorKind::NotFound,
        }
    }

    async fn run(self) -> Result<()> {
        let (refused, db) = (self.refused(), self.table.db());
        let key = self.table.object_key(&self.key)?;
        let any = self.precondition == Precondition::IfPresent;
        let request = DeleteObject {
            key: key.clone(),
            precondition: self.precondition,
        };
        match write::delete(db.store(), db.env(), request).await {
            Err(Failure::Refused(error))
                if any && error.kind() == StoreErrorKind::PreconditionFailed =>
            {
                delete_found(db, key).await
            }
            outcome => outcome.map_err(|failure| write_error(failure, key, refused)),
        }
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
        let (refused, db) = (self.0.refused(), self.0.table.db());
        let mut attempts = db.attempts();
        loop {
            let Some((meta, key, row)) = self.0.table.fetch(self.0.key.clone()).await? else {
                return match self.0.precondition {
                    Precondition::None => Ok(None),
                    _ => Err(Error::new(refused, "there is no row with this key")
                        .with_key(self.0.table.object_key(&self.0.key)?)),
                };
            };
            let row = Row::read(row, key, meta);
            if let Precondition::IfMatch(etag) = &self.0.precondition
                && *etag != row.version.etag
            {
                let detail = "the row is not at this version any more; nothing was deleted";
                return Err(Error::new(ErrorKind::Conflict, detail).with_key(row.key));
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
