//! The version in the schema object: raised before the rows are rewritten, and settled after.

use crate::catalog::object;
use crate::catalog::table::{compare, does_not_fit, first_description};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{S3Schema, StoredSchema};
use crate::table::Table;

/// Raises the table to the program's version; the oldest version that rows may have, or `None` if all
/// of them are of the program's.
///
/// # Errors
/// [`Schema`](crate::ErrorKind::Schema): the program does not fit the table.
pub(super) async fn raise<T: S3Schema>(table: &Table<T>, again: bool) -> Result<Option<u32>> {
    let (program, to) = (T::SCHEMA, T::SCHEMA.version);
    let moves = super::pass::paths(program).len() > 1;
    if moves && program.is_stamped() {
        let detail = "rows of a table with transactions or indexes do not move to another path";
        let help = "read the old table, and write another one";
        return Err(Error::new(ErrorKind::Unsupported, detail).with_help(help));
    }
    let raised = object::change(table.db(), program.table, true, |before| {
        let first = || first_description(program, before.is_empty);
        let stored = before.schema.cloned().unwrap_or_else(first);
        let diff = compare(&stored, program);
        if !diff.is_compatible() {
            return Err(does_not_fit(&diff));
        }
        let oldest = if again {
            program
                .versions()
                .last()
                .map_or(to, |oldest| oldest.version)
        } else {
            stored.oldest_rows()
        };
        let mut raised = stored.clone();
        if stored.version < to || !stored.is_described() {
            raised.describe(&StoredSchema::from(program));
        }
        raised.version = to;
        raised.oldest = (oldest < to).then_some(oldest);
        let is_new = before.schema.is_none_or(|stored| *stored != raised);
        Ok(is_new.then_some(raised))
    });
    Ok(raised.await?.and_then(|schema| schema.oldest))
}

/// Says that all rows are of the program's version.
pub(super) async fn contract<T: S3Schema>(table: &Table<T>) -> Result<()> {
    let contracted = object::change(table.db(), T::SCHEMA.table, false, |before| {
        let stored = before
            .schema
            .filter(|stored| stored.version == T::SCHEMA.version && stored.oldest.is_some());
        Ok(stored.map(|stored| StoredSchema {
            oldest: None,
            ..stored.clone()
        }))
    });
    contracted.await.map(drop)
}
