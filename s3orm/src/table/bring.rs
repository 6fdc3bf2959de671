//! Rows of older versions: bringing them to the table's, and reading them by their keys alone.

use super::swap::{PlainRow, Step, swap};
use super::{Table, WriteOptions};
use crate::body::Content;
use crate::error::{Error, ErrorKind, Result};
use crate::key::KeyTuple as _;
use crate::schema::{S3Schema, TableSchema, version};

/// What became of an object that was to be brought to a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Brought {
    /// There is no row any more.
    Gone,
    /// It is of that version.
    Current,
    /// It was rewritten.
    Rewritten,
    /// The table is at another version by now, and nothing was written.
    Overtaken,
}

impl<T: S3Schema> Table<T> {
    /// Rewrites the row of an object in the form of a version, which the table must be at, unless it has
    /// it: on what was read, as every other write does. What the library keeps stays as it is, as do
    /// content type and metadata.
    ///
    /// # Errors
    /// Those of `update`.
    ///
    /// Cost: 1 GET, and 1 PUT if it is rewritten; of a table with indexes those of its entries. Where
    /// the path of the row's version is another, 1 DELETE more.
    pub(crate) async fn bring(&self, object: &str, of: &TableSchema, to: u32) -> Result<Brought> {
        self.may_write().await?;
        if self.version_to_write() != to {
            return Ok(Brought::Overtaken);
        }
        if of.path != T::SCHEMA.path {
            let moved = self.relocate(object).await?;
            return Ok(if moved {
                Brought::Rewritten
            } else {
                Brought::Gone
            });
        }
        let (table, key) = (self.as_stored(), self.key_of_object(object)?);
        let mut brought = Brought::Gone;
        let swapped = swap(&table, &key, None, |row, _| {
            let Some(row) = row? else {
                brought = Brought::Gone;
                return Ok(Step::Keep);
            };
            if row.schema_version == to {
                brought = Brought::Current;
                return Ok(Step::Keep);
            }
            // What is known of the table may be newer than the row.
            if self.version_to_write() != to {
                brought = Brought::Overtaken;
                return Ok(Step::Keep);
            }
            brought = Brought::Rewritten;
            let options = WriteOptions::default().over(&row);
            self.prepared(&row.value, &options).map(Step::Write)
        });
        swapped.await?;
        Ok(brought)
    }

    /// The row of an object, and the version as which it is stored.
    ///
    /// Cost: 1 GET.
    pub(crate) async fn of_any(&self, object: &str, of: &TableSchema) -> Result<Option<(T, u32)>> {
        if of.path != T::SCHEMA.path {
            let row = self.read_old(object).await?;
            return Ok(row.map(|row| (row.value, row.schema_version)));
        }
        let key = self.key_of_object(object)?;
        let row = self
            .as_stored()
            .fetch_object(key, object.to_owned())
            .await?;
        Ok(row.map(|row| (row.value, row.schema_version)))
    }

    /// Reads the row of an object whose key is of an older version's path; nothing where the object is
    /// of the newest, whose keys may look alike.
    pub(super) async fn read_old(&self, object: &str) -> Result<Option<PlainRow<T>>> {
        let mut is_new = false;
        let decode = |object: &str, content: &Content<'_>| {
            let path = object.strip_prefix(self.folder()).unwrap_or(object);
            let columns = self.open_columns(object, content)?;
            let row = version::decode_old::<T>(path, &Content::new(content.format, &columns));
            is_new = matches!(row, Ok(None));
            let row = row.map_err(|error| error.of_secrets(T::SCHEMA).into_error(object))?;
            row.ok_or_else(|| Error::new(ErrorKind::Internal, "the row is new"))
        };
        match self.read_object(object.to_owned(), decode).await {
            Err(_) if is_new => Ok(None),
            found => found,
        }
    }

    fn as_stored(&self) -> Self {
        Self {
            as_stored: true,
            ..self.clone()
        }
    }

    fn key_of_object(&self, object: &str) -> Result<T::Key> {
        let path = object.strip_prefix(self.folder()).unwrap_or(object);
        T::Key::parse(&T::SCHEMA.path, path)
            .map_err(|error| Error::new(ErrorKind::InvalidKey, error.to_string()).with_key(object))
    }
}
