//! The version in the schema object: changed before the rows are rewritten, and settled after.
//!
//! Each change of it has a name, which the checkpoint of its job repeats. So a job that begins another
//! change takes nothing over of what was noted before it, and a job whose change was overtaken is told.

use std::time::Duration;

use super::{checkpoint, way};
use crate::catalog::object::{self, Before};
use crate::catalog::table::{compare, does_not_fit, first_description};
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::stored::index_name;
use crate::schema::{IndexState, S3Schema, StoredSchema, TableSchema};
use crate::table::Table;
use crate::write;

/// A change of version that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    /// The version that is farthest from the one to come to.
    pub(super) from: u32,
    pub(super) to: u32,
    /// The name of the change.
    pub(super) change: Option<String>,
}

impl Job {
    /// That of a table, if there is one.
    pub(super) fn of(schema: &StoredSchema) -> Option<Self> {
        Some(Self {
            from: schema.newest.or(schema.oldest)?,
            to: schema.version,
            change: schema.change.clone(),
        })
    }

    /// The key of its checkpoint.
    pub(super) fn key(&self, db: &Db, table: &str) -> String {
        checkpoint::key(db, table, self.from, self.to)
    }
}

/// Where a job brings the rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Aim {
    pub(super) to: u32,
    /// Whether any row may be of any version.
    pub(super) again: bool,
}

/// Says in the schema object that this version is written from now on; what is to be done then, or
/// `None` if all rows are of that version.
///
/// Where another change is under way, its job is watched for as long as the lease.
///
/// # Errors
/// [`Schema`](ErrorKind::Schema): the program does not fit the table. [`Conflict`](ErrorKind::Conflict):
/// the job of another change is at it.
pub(super) async fn begin<T: S3Schema>(
    table: &Table<T>,
    aim: Aim,
    lease: Duration,
) -> Result<Option<Job>> {
    let (db, name) = (table.db(), T::SCHEMA.table);
    let own = write::new_id(db.env());
    let mut left: Option<Job> = None;
    let begun = loop {
        let mut other = None;
        let changed = object::change(db, name, true, |before| {
            let aimed = aimed(T::SCHEMA, &before, aim, &own)?;
            let job = before.schema.and_then(Job::of);
            other = job
                .filter(|job| Job::of(&aimed).as_ref() != Some(job) && left.as_ref() != Some(job));
            let is_new = before.schema.is_none_or(|stored| *stored != aimed);
            Ok((is_new && other.is_none()).then_some(aimed))
        });
        let changed = changed.await?;
        let Some(other) = other else { break changed };
        checkpoint::check_left(db, &other.key(db, name), other.change.as_deref(), lease).await?;
        left = Some(other);
    };
    if let Some(left) = left {
        checkpoint::close(db, &left.key(db, name)).await?;
    }
    Ok(begun.and_then(|schema| Job::of(&schema)))
}

/// The object as it is to be.
fn aimed(
    program: &'static TableSchema,
    before: &Before<'_>,
    aim: Aim,
    name: &str,
) -> Result<StoredSchema> {
    let first = || first_description(program, before.is_empty);
    let stored = before.schema.cloned().unwrap_or_else(first);
    let diff = compare(&stored, program);
    if !diff.is_compatible() {
        return Err(does_not_fit(&diff));
    }
    let to = aim.to;
    let of = program.versions().find(|schema| schema.version == to);
    let of = of.ok_or_else(|| Error::new(ErrorKind::Internal, "no struct of the version"))?;
    let (lowest, highest) = if aim.again {
        let oldest = program.versions().last().unwrap_or(program);
        (oldest.version, program.version)
    } else {
        (stored.oldest_rows(), stored.newest_rows())
    };
    if to < program.version {
        check_table(&stored, to)?;
        way::check_paths(program, lowest.min(to))?;
    }
    let mut aimed = stored.clone();
    if stored.version != to || !stored.is_described() {
        aimed.describe(&StoredSchema::from(of));
    }
    if to < stored.version {
        close_indexes(&mut aimed, of);
    }
    aimed.version = to;
    aimed.oldest = (lowest < to).then_some(lowest);
    aimed.newest = (highest > to).then_some(highest);
    let versions = |schema: &StoredSchema| (schema.version, schema.oldest, schema.newest);
    if versions(&aimed) != versions(&stored) || before.schema.is_none() {
        aimed.change = Job::of(&aimed).map(|_| name.to_owned());
    }
    Ok(aimed)
}

fn check_table(stored: &StoredSchema, to: u32) -> Result<()> {
    if stored.version >= to {
        return Ok(());
    }
    let detail = format!(
        "the table is at version {}, which is before version {to}: there is nothing to bring back",
        stored.version
    );
    let help = "`migrate()` without `down_to` brings rows to the version of the program";
    Err(Error::new(ErrorKind::Schema, detail).with_help(help))
}

/// Programs of the older version write rows without the indexes that it does not declare: these are
/// asked no more, until they have been built again.
fn close_indexes(aimed: &mut StoredSchema, of: &TableSchema) {
    for (name, index) in &mut aimed.indexes {
        if !of.indexes.iter().any(|own| index_name(own) == *name) {
            index.state = IndexState::WriteOnly;
            index.joined = true;
        }
    }
}

/// Says that all rows are of the version that the job has brought them to.
///
/// # Errors
/// [`Conflict`](ErrorKind::Conflict): another change was begun meanwhile.
pub(super) async fn contract<T: S3Schema>(table: &Table<T>, job: &Job) -> Result<()> {
    let contracted = object::change(table.db(), T::SCHEMA.table, false, |before| {
        let Some(stored) = before.schema.filter(|stored| stored.version == job.to) else {
            return Err(overtaken());
        };
        match Job::of(stored) {
            // The answer of the write was lost, or another job of this change was faster.
            None => Ok(None),
            Some(there) if there == *job => Ok(Some(StoredSchema {
                oldest: None,
                newest: None,
                change: None,
                ..stored.clone()
            })),
            Some(_) => Err(overtaken()),
        }
    });
    contracted.await.map(drop)
}

/// The table goes to another version by now.
pub(super) fn overtaken() -> Error {
    let detail = "another job has begun to bring the table to another version";
    Error::new(ErrorKind::Conflict, detail)
        .with_help("let it go on; or `pause` it, and run this again")
}
