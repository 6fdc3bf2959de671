//! What a migration says of itself.

use std::time::Duration;

use super::begin::Job;
use super::checkpoint::{self, Body, State};
use crate::catalog::object;
use crate::db::Db;
use crate::error::{Error, Result};

/// What a [migration](crate::Table::migrate) did.
#[derive(Debug, Default)]
#[non_exhaustive]
#[must_use = "rows that failed are in the report alone"]
pub struct Migrated {
    /// The oldest version that rows may have had; on the way down the newest.
    pub from: u32,
    /// The version that they were brought to: that of the program, unless said.
    pub to: u32,
    /// Whether all rows are of that version now. If not: it was [paused](Self::paused), or rows
    /// [failed](Self::failed), or somebody goes on writing others.
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
    /// The oldest version that rows may have; on the way down the newest.
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
    /// The table is at an older version than the program, or not described; of a way down, at a newer
    /// one than it leads to.
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
            "somebody goes on writing rows of another version"
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

/// How far it is. Of a table where nothing is under way, whether that is ahead goes by its version.
pub(super) async fn status(
    db: &Db,
    table: &str,
    is_ahead: impl Fn(u32) -> bool + Send,
) -> Result<MigrationStatus> {
    let stored = object::read(db, table).await?;
    let version = stored.as_ref().map_or(1, |(schema, _)| schema.version);
    let job = stored.and_then(|(schema, _)| Job::of(&schema));
    let mut status = MigrationStatus {
        state: MigrationState::Complete,
        from: job.as_ref().map_or(version, |job| job.from),
        to: version,
        passes: 0,
        rows: 0,
        rewritten: 0,
    };
    let Some(job) = job else {
        if is_ahead(version) {
            status.state = MigrationState::NotBegun;
        }
        return Ok(status);
    };
    status.state = MigrationState::Running;
    let found = checkpoint::read(db, &job.key(db, table)).await?;
    if let Some((body, _)) = found.filter(|(body, _)| body.change == job.change) {
        if body.state == State::Paused {
            status.state = MigrationState::Paused;
        }
        (status.passes, status.rows, status.rewritten) = (body.passes, body.rows, body.rewritten);
    }
    Ok(status)
}

/// Has the job stop that is at it; whether there is a migration.
pub(super) async fn pause(db: &Db, table: &str) -> Result<bool> {
    let stored = object::read(db, table).await?;
    match stored.and_then(|(schema, _)| Job::of(&schema)) {
        Some(job) => checkpoint::pause(db, &job.key(db, table)).await,
        None => Ok(false),
    }
}

/// Migrations of tables without a Rust type: watched and paused, not run.
impl Db {
    /// How far the migration of a table is, of whichever process. Without the program's struct it is
    /// [`Complete`](MigrationState::Complete) where none is under way.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let db = s3orm::Db::connect("memory:").await?;
    /// use s3orm::migrate::MigrationState;
    ///
    /// let status = db.migration_status("people").await?;
    /// assert_eq!((status.state, status.to), (MigrationState::Complete, 1));
    /// assert!(!db.pause_migration("people").await?);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Those of the connection.
    ///
    /// # Cost
    /// 2 GETs; 1 where none is under way.
    pub async fn migration_status(&self, table: &str) -> Result<MigrationStatus> {
        let status = status(self, table, |_| false).await;
        status.map_err(|error| error.during("status", table.to_owned()))
    }

    /// As [`Migrate::pause`](super::Migrate::pause), of a table by its name.
    ///
    /// # Errors
    /// Those of the connection.
    ///
    /// # Cost
    /// 2 GETs and 1 PUT.
    pub async fn pause_migration(&self, table: &str) -> Result<bool> {
        let paused = pause(self, table).await;
        paused.map_err(|error| error.during("pause", table.to_owned()))
    }
}
