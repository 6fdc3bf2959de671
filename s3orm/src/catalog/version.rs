//! Which version of a table's rows is written, and by whom.

use super::object;
use super::table::needs_object;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{S3Schema, StoredSchema};
use crate::table::Table;

impl<T: S3Schema> Table<T> {
    /// Asks whether the table may be written by this program, and makes its indexes known. Of a plain
    /// table, nothing.
    ///
    /// # Errors
    /// [`Schema`](ErrorKind::Schema).
    ///
    /// Cost: nothing, and 1 GET when what is known is older than 30 seconds; 1 LIST and 1 PUT more
    /// before the first write of all.
    pub(crate) async fn may_write(&self) -> Result<()> {
        if !needs_object::<T>() {
            return Ok(());
        }
        let known = object::known(self.db(), T::SCHEMA.table);
        // A refusal is not told by what may have changed meanwhile.
        let known = known.filter(|schema| Self::check_version(schema).is_ok());
        let schema = match known {
            Some(schema) => schema,
            None => self.schema_with_all().await?,
        };
        Self::check_version(&schema)?;
        self.check_indexes(&schema).await
    }

    /// As [`may_write`](Self::may_write), for a transaction: it makes its rows before it asks, in the
    /// form of the program's own version.
    ///
    /// # Errors
    /// [`Schema`](ErrorKind::Schema).
    pub(crate) async fn may_transact(&self) -> Result<()> {
        self.may_write().await?;
        let (own, at) = (T::SCHEMA.version, self.version_to_write());
        if at == own {
            return Ok(());
        }
        let detail = format!(
            "the table is at version {at}, and transactions of this program write version {own}"
        );
        Err(Error::new(ErrorKind::Schema, detail)
            .with_help("migrate the table first: `table.migrate()`"))
    }

    /// The version as which rows are written: the table's, as far as that is known, or the program's.
    pub(crate) fn version_to_write(&self) -> u32 {
        let own = T::SCHEMA.version;
        if own == 1 {
            return own;
        }
        let known = object::last_known(self.db(), T::SCHEMA.table);
        known.map_or(own, |schema| schema.version.min(own))
    }

    /// Whether the program can write the version that the table is at.
    pub(crate) fn check_version(schema: &StoredSchema) -> Result<()> {
        let (at, own) = (schema.version, T::SCHEMA.version);
        if T::SCHEMA.writes(at) {
            return Ok(());
        }
        let (detail, help) = if at > own {
            (
                format!("the table is at version {at}, and this program writes version {own}"),
                "a newer program has migrated it: start that one in place of this",
            )
        } else {
            (
                format!("the table is at version {at} yet, which this program does not write"),
                "bring it to the program's version with `table.migrate()`, or let the program write the older one meanwhile: `reversible`",
            )
        };
        Err(Error::new(ErrorKind::Schema, detail).with_help(help))
    }
}
