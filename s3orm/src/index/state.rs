//! What is known of a table's indexes: which there are, and which may be asked.
//!
//! The table's schema object ([`catalog`](crate::catalog)) lists its indexes with their states. It is
//! made by the first write of a table that has an index, if not before: of an empty table its indexes
//! can be read at once, of another they must be built. Whoever writes reads it again when what is known
//! is older than [`LEASE`](object::LEASE), and refuses to write a table that has an index which the
//! program does not declare: its rows would be missing there.
//!
//! | state | writers keep it | it is asked |
//! |---|---|---|
//! | `write_only` | yes | no: rows may be missing |
//! | `readable` | yes | yes |

use std::sync::Arc;

use super::handle::IndexSchema;
use crate::catalog::object::{self, Before};
use crate::catalog::table::first_description;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::stored::index_name;
use crate::schema::{IndexState, S3Schema, StoredIndex, StoredSchema};
use crate::table::Table;

/// Whether the program means the same index.
///
/// # Errors
/// [`Schema`](ErrorKind::Schema).
fn check(declared: &StoredIndex, index: &IndexSchema) -> Result<()> {
    let own = StoredIndex::new(index, declared.state, false);
    if declared.is_same(&own) {
        return Ok(());
    }
    let (kind, name) = (index.kind(), index.name);
    let detail = format!(
        "the {kind} `{name}` is over ({}) on the bucket, and over ({}) in this program, or its projection differs",
        declared.columns.join(", "),
        own.columns.join(", ")
    );
    let help = "give the index another name, or `drop_index` the one on the bucket";
    Err(Error::new(ErrorKind::Schema, detail).with_help(help))
}

impl<T: S3Schema> Table<T> {
    /// Makes the program's indexes known, where what is known of the table lacks any.
    ///
    /// # Errors
    /// [`Schema`](ErrorKind::Schema): there is one that it does not declare.
    pub(crate) async fn check_indexes(&self, schema: &StoredSchema) -> Result<()> {
        if !Self::check_all(schema)? {
            self.schema_with_all().await?;
        }
        Ok(())
    }

    /// Whether all indexes are in it that the program declares.
    ///
    /// # Errors
    /// [`Schema`](ErrorKind::Schema): there is one that it does not declare.
    fn check_all(schema: &StoredSchema) -> Result<bool> {
        let own = T::SCHEMA.indexes;
        for there in schema.indexes.keys() {
            if !own.iter().any(|index| index_name(index) == *there) {
                let detail = format!(
                    "the table has the index `{there}`, which this program does not declare"
                );
                let help =
                    "its rows would be missing there: declare it, or remove it by `drop_index`";
                return Err(Error::new(ErrorKind::Schema, detail).with_help(help));
            }
        }
        let mut all = true;
        for index in own {
            match schema.indexes.get(&index_name(index)) {
                Some(declared) => check(declared, index)?,
                None => all = false,
            }
        }
        Ok(all)
    }

    /// The schema object with all indexes of the program in it.
    pub(crate) async fn schema_with_all(&self) -> Result<Arc<StoredSchema>> {
        let schema = self.change_schema(|before| {
            let Some(schema) = before.schema else {
                return Ok(Some(first_description(T::SCHEMA, before.is_empty)));
            };
            Self::check_version(schema)?;
            if Self::check_all(schema)? {
                return Ok(None);
            }
            let mut changed = schema.clone();
            for index in T::SCHEMA.indexes {
                let added = || StoredIndex::new(index, IndexState::WriteOnly, true);
                changed
                    .indexes
                    .entry(index_name(index))
                    .or_insert_with(added);
            }
            Ok(Some(changed))
        });
        schema
            .await?
            .ok_or_else(|| Error::new(ErrorKind::Internal, "no schema was written"))
    }

    async fn change_schema(
        &self,
        change: impl FnMut(Before<'_>) -> Result<Option<StoredSchema>> + Send,
    ) -> Result<Option<Arc<StoredSchema>>> {
        object::change(self.db(), T::SCHEMA.table, true, change).await
    }

    /// Asks whether an index may be asked.
    ///
    /// # Errors
    /// [`Schema`](ErrorKind::Schema): it has not been built.
    ///
    /// Cost: nothing, and 1 GET when what is known is older than 30 seconds or says no; of a table
    /// that was never written with an index also 1 LIST.
    pub(crate) async fn may_read(&self, number: usize) -> Result<()> {
        let index = &T::SCHEMA.indexes[number];
        let (db, table) = (self.db(), T::SCHEMA.table);
        let readable = |schema: &StoredSchema| -> Result<bool> {
            let Some(declared) = schema.indexes.get(&index_name(index)) else {
                return Ok(false);
            };
            check(declared, index)?;
            Ok(declared.state == IndexState::Readable)
        };
        if let Some(schema) = object::known(db, table)
            && readable(&schema)?
        {
            return Ok(());
        }
        let ok = match object::read(db, table).await? {
            Some((schema, _)) => readable(&schema)?,
            None => object::is_empty(db, table).await?,
        };
        if ok {
            return Ok(());
        }
        let (kind, name) = (index.kind(), index.name);
        let detail = format!("the {kind} `{name}` has not been built: rows may be missing in it");
        let handle = if index.unique { "UNIQUE" } else { "INDEX" };
        let help = format!("build it once: `table.index({handle}.{name}).build()`");
        Err(Error::new(ErrorKind::Schema, detail)
            .with_help(help)
            .with_key(object::key(db, table)))
    }

    /// Whether an index is readable, and whether others may have written without it; makes it known.
    pub(super) async fn begin_build(&self, number: usize) -> Result<(IndexState, bool)> {
        let index = &T::SCHEMA.indexes[number];
        let schema = self.schema_with_all().await?;
        let declared = schema.indexes.get(&index_name(index));
        let declared = declared.ok_or_else(|| Error::new(ErrorKind::Internal, "no such index"))?;
        Ok((declared.state, declared.joined))
    }

    /// The index may be asked from now on.
    pub(super) async fn end_build(&self, number: usize) -> Result<()> {
        let index = &T::SCHEMA.indexes[number];
        let changed = self.change_schema(|before| {
            let mut schema = described::<T>(&before);
            let declared = StoredIndex::new(index, IndexState::Readable, false);
            schema.indexes.insert(index_name(index), declared);
            Ok(Some(schema))
        });
        changed.await.map(drop)
    }

    /// Forgets an index; whether there was one.
    pub(super) async fn forget(&self, unique: bool, called: &str) -> Result<bool> {
        let kind = if unique { "unique" } else { "index" };
        let there = format!("{kind}.{called}");
        let mut found = false;
        self.change_schema(|before| {
            let mut schema = described::<T>(&before);
            let removed = schema.indexes.remove(&there).is_some();
            found |= removed;
            Ok(removed.then_some(schema))
        })
        .await?;
        Ok(found)
    }
}

/// What the object says, or would say.
fn described<T: S3Schema>(before: &Before<'_>) -> StoredSchema {
    let first = || first_description(T::SCHEMA, before.is_empty);
    before.schema.cloned().unwrap_or_else(first)
}
