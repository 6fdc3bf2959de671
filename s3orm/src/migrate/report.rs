//! What a migration says of itself.

use std::time::Duration;

use super::checkpoint::{self, Body, State};
use crate::catalog::object;
use crate::error::{Error, Result};
use crate::schema::S3Schema;
use crate::table::Table;

/// What a [migration](crate::Table::migrate) did.
#[derive(Debug, Default)]
#[non_exhaustive]
#[must_use = "rows that failed are in the report alone"]
pub struct Migrated {
    /// The oldest version that rows may have had.
    pub from: u32,
    /// The version of the program.
    pub to: u32,
    /// Whether all rows are of that version now. If not: it was [paused](Self::paused), or rows
    /// [failed](Self::failed), or somebody goes on writing old ones.
    pub complete: bool,
    /// Whether somebody has had it stop.
    pub paused: bool,
    /// Passes over the table, also of jobs that this one has taken over.
    pub passes: u32,
    /// Rows that the last pass looked at.
    pub rows: u64,
    /// Rows that were rewritten, as far as the checkpoints of earlier jobs tell.
    pub rewritten: u64,
    /// Rows that this job could not migrate in its last pass, each with the reason; a thousand at
    /// most.
    pub failed: Vec<(String, Error)>,
}

/// How far a [migration](crate::Table::migrate) is.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MigrationProgress {
    /// The pass over the table, from 1: the last one finds nothing to rewrite.
    pub pass: u32,
    /// Rows that it has looked at.
    pub rows: u64,
    /// How many rows there are, once a pass has counted them.
    pub total: Option<u64>,
    /// Rows that were rewritten in all passes.
    pub rewritten: u64,
    /// Rows that could not be, in this one.
    pub failed: u64,
    /// Rows a second, of this job in this pass.
    pub rate: f64,
    /// How long the rest of the pass takes at this rate, where the total is known.
    pub left: Option<Duration>,
}

/// Where a [migration](crate::Table::migrate) stands, of whichever process.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationStatus {
    /// What is going on.
    pub state: MigrationState,
    /// The oldest version that rows may have.
    pub from: u32,
    /// The version that is written.
    pub to: u32,
    /// Passes over the table that are complete.
    pub passes: u32,
    /// Rows that the pass under way has looked at, at its last checkpoint.
    pub rows: u64,
    /// Rows that were rewritten, by then.
    pub rewritten: u64,
}

/// What is going on in a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MigrationState {
    /// The table is at an older version than the program, or not described.
    NotBegun,
    /// A job is at it, or was cut short.
    Running,
    /// It was paused, or has ended before all rows were migrated.
    Paused,
    /// All rows are of the table's version.
    Complete,
}

impl Migrated {
    /// How many rows were rewritten, if all rows are of the new version now.
    ///
    /// # Errors
    /// The first failed row's; [`Schema`](crate::ErrorKind::Schema) if it is not complete for another
    /// reason.
    pub fn into_result(self) -> Result<u64> {
        if self.complete {
            return Ok(self.rewritten);
        }
        if let Some((_, error)) = self.failed.into_iter().next() {
            return Err(error);
        }
        let detail = if self.paused {
            "the migration was paused"
        } else {
            "somebody goes on writing rows of an older version"
        };
        Err(Error::new(crate::ErrorKind::Schema, detail)
            .with_help("run it again to go on from where it is"))
    }

    pub(super) fn note(&mut self, body: &Body) {
        self.passes = body.passes;
        self.rewritten = body.rewritten;
        self.rows = body.rows;
    }
}

/// The versions between which a migration is under way.
pub(super) async fn under_way<T: S3Schema>(table: &Table<T>) -> Result<Option<(u32, u32)>> {
    let stored = object::read(table.db(), T::SCHEMA.table).await?;
    Ok(stored.and_then(|(schema, _)| Some((schema.oldest?, schema.version))))
}

pub(super) async fn status<T: S3Schema>(table: &Table<T>) -> Result<MigrationStatus> {
    let stored = object::read(table.db(), T::SCHEMA.table).await?;
    let (version, oldest) = stored.map_or((1, None), |(schema, _)| (schema.version, schema.oldest));
    let mut status = MigrationStatus {
        state: MigrationState::Complete,
        from: oldest.unwrap_or(version),
        to: version,
        passes: 0,
        rows: 0,
        rewritten: 0,
    };
    let Some(from) = oldest else {
        if version < T::SCHEMA.version {
            status.state = MigrationState::NotBegun;
        }
        return Ok(status);
    };
    let key = checkpoint::key(table.db(), T::SCHEMA.table, from, version);
    status.state = MigrationState::Running;
    if let Some((body, _)) = checkpoint::read(table.db(), &key).await? {
        if body.state == State::Paused {
            status.state = MigrationState::Paused;
        }
        (status.passes, status.rows, status.rewritten) = (body.passes, body.rows, body.rewritten);
    }
    Ok(status)
}
