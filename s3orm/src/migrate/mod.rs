//! Versions of rows, and bringing a table from one to the next while it is used.
//!
//! A struct with `version = 2` and `previous = "..."` reads rows of both versions: each row says of
//! which it is, in its member `_v` (none is version 1), and is converted when it is read. So a new
//! program works at once; [`Table::migrate`](crate::Table::migrate) rewrites the old rows in their place,
//! so that the old struct can go.
//!
//! ```
//! use s3orm::{Db, S3Schema};
//! use serde::{Deserialize, Serialize};
//!
//! /// As it was.
//! #[derive(Serialize, Deserialize, S3Schema)]
//! #[s3(table = "people", path = "<id>")]
//! struct PersonV1 { id: u64, name: String }
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize, S3Schema)]
//! #[s3(table = "people", path = "<id>", version = 2, previous = "PersonV1")]
//! struct Person { id: u64, first: String, last: String }
//!
//! impl From<PersonV1> for Person {
//!     fn from(old: PersonV1) -> Self {
//!         let (first, last) = old.name.split_once(' ').unwrap_or((&old.name, ""));
//!         Self { id: old.id, first: first.into(), last: last.into() }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
//! let db = Db::connect("memory:").await?;
//! db.table().put(PersonV1 { id: 1, name: "Ann Lee".into() }).await?;
//!
//! let people = db.table::<Person>();
//! let ann = people.get(1).await?.expect("it was put");      // converted as it is read
//! assert_eq!((&*ann.first, &*ann.last), ("Ann", "Lee"));
//!
//! let migrated = people.migrate().alone().await?;           // and now rewritten
//! assert!(migrated.complete && migrated.rewritten == 1);
//! people.put(Person { id: 2, first: "Bob".into(), last: "Ray".into() }).await?;
//! # Ok(()) }
//! ```
//!
//! # Which version is written
//!
//! The table's schema object has one version, and that is what everybody writes. Whoever writes a table
//! of a version above 1 reads it again when it is older than 30 seconds.
//!
//! | the table is at | a program of version 1 | one of version 2 | one of version 2, `reversible` |
//! |---|---|---|---|
//! | 1 | reads and writes | reads, and is refused to write | reads, and writes version 1 |
//! | 2, since `migrate()` began | is told that rows are newer | reads both, writes version 2 | the same |
//! | 2, and all rows are | the same | the same, and `previous` may go | the same |
//!
//! So there are two ways to bring a new version in:
//!
//! - **Without a way back**: start the new program, and run `migrate()`; until that begins it may read
//!   only. Old programs get a clear error at each row that is newer than they, and write none of them over
//!   but by a blind `put`.
//! - **Side by side**: with `reversible`, and `impl From<&Person> for PersonV1`, new programs write the
//!   old version until `migrate()` begins. Replace old programs one after the other, then migrate.
//!   Transactions do not do so: they are refused until then.
//!
//! An old program whose table has no version and no index never reads the schema object. It is told by
//! the rows that it reads, and a blind `put` of it brings an old row back: end such programs before the
//! migration, or its verification finds their rows again and again and the migration does not complete.
//!
//! # The job
//!
//! 1. The schema object is raised to the new version, and says from which on rows may be.
//! 2. A pass over the table: each row of an older version is read, converted and written on condition
//!    that it is as it was read. Somebody's newer value is never written over; it is read again.
//! 3. Once nobody can write the old version any more (six and a half minutes after the raise, or
//!    [`alone`](Migrate::alone)), another pass, and again until one finds nothing.
//! 4. The schema object says that all rows are of the new version.
//!
//! A checkpoint is written every thousand rows or five seconds. A job that was killed is taken up from there
//! by the next `migrate()`, once the lease of the old one is over; rows that were rewritten since the
//! checkpoint are found to be. Each row is rewritten once for each time that somebody writes an old version of it.
//!
//! The upcast runs again for each read of an old row: it must give the same value each time. One that
//! changes the columns of an index gives the index new entries as rows are written; old ones, which cost
//! queries a read, go with [`repair`](crate::Table::repair), and queries by the index miss rows
//! that are not migrated yet: declare such an index under a new name.

mod begin;
mod checkpoint;
mod dry;
mod pass;
mod report;

use std::fmt;
use std::future::IntoFuture;
use std::time::Duration;

pub use dry::{DryRun, MigrationPlan, Sample};
pub use report::{Migrated, MigrationProgress, MigrationState, MigrationStatus};

use self::checkpoint::{Beat, Checkpoint};
use self::pass::Ended;
use crate::catalog::object::UNAWARE;
use crate::error::Result;
use crate::schema::S3Schema;
use crate::table::{RequestFuture, Table, operation};

/// Rows that are migrated at once, unless said.
const CONCURRENCY: usize = 16;
/// Listings that are under way at once.
const SEGMENTS: usize = 8;
/// How long a job is left alone that shows no sign of life, unless said.
const PATIENCE: Duration = Duration::from_secs(15);
/// Passes of one job: where each finds old rows, somebody goes on writing them.
const PASSES: u32 = 8;

impl<T: S3Schema> Table<T> {
    /// Brings all rows to the version of the program's struct, while the table is used; awaiting
    /// returns [`Migrated`]. See [`migrate`](crate::migrate).
    ///
    /// A run that ends anywhere is taken up by the next one. Of a table that is migrated already,
    /// it does nothing.
    ///
    /// # Errors
    /// [`Schema`](crate::ErrorKind::Schema) if the program does not fit the table,
    /// [`Conflict`](crate::ErrorKind::Conflict) if another job is at it, and those of the connection.
    /// What keeps single rows from being migrated is in the report.
    ///
    /// # Cost
    /// 2 LISTs a thousand rows; 2 GETs a row and 1 PUT for each that is rewritten; about 1 PUT a thousand rows
    /// for the checkpoint. [`dry_run`](Migrate::dry_run) tells it beforehand, in dollars.
    pub fn migrate(&self) -> Migrate<'_, T> {
        Migrate {
            table: self,
            concurrency: CONCURRENCY,
            rate: None,
            settle: UNAWARE,
            lease: PATIENCE,
            again: false,
            progress: None,
        }
    }
}

type Report<'a> = Box<dyn Fn(&MigrationProgress) + Send + Sync + 'a>;

/// A request of [`Table::migrate`].
#[must_use = "requests do nothing until awaited"]
pub struct Migrate<'a, T> {
    table: &'a Table<T>,
    concurrency: usize,
    rate: Option<f64>,
    settle: Duration,
    lease: Duration,
    again: bool,
    progress: Option<Report<'a>>,
}

impl<'a, T: S3Schema> Migrate<'a, T> {
    /// How many rows are migrated at once (16 unless said, at least 1).
    pub fn concurrency(mut self, rows: usize) -> Self {
        self.concurrency = rows.max(1);
        self
    }

    /// Looks at this many rows a second at most, so that others have room.
    pub fn rows_per_second(mut self, rows: u32) -> Self {
        self.rate = Some(f64::from(rows.max(1)));
        self
    }

    /// Says that no client writes the table meanwhile that may not know of the new version, so that
    /// nobody need be waited for.
    pub fn alone(self) -> Self {
        self.settle(Duration::ZERO)
    }

    /// How long to wait between the raise of the version and the last pass: six and a half minutes unless
    /// said. Clients look again every 30 seconds, and finish what they had begun within five minutes.
    pub fn settle(mut self, wait: Duration) -> Self {
        self.settle = wait;
        self
    }

    /// How long another job is left alone that shows no sign of life (15 seconds unless said); this one
    /// shows one three times as often.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Goes over all rows although the table was migrated before: where a program has written old
    /// ones since.
    pub fn again(mut self) -> Self {
        self.again = true;
        self
    }

    /// Calls back with what is done, several times a second at most where rows are many.
    pub fn on_progress(mut self, call: impl Fn(&MigrationProgress) + Send + Sync + 'a) -> Self {
        self.progress = Some(Box::new(call));
        self
    }

    /// Looks at the rows without writing anything: how many there are of each version, samples of
    /// what would become of them, and what it would cost.
    pub fn dry_run(self) -> DryRun<'a, T> {
        DryRun::new(self.table, self.concurrency)
    }

    /// How far the migration is, of whichever process.
    ///
    /// # Errors
    /// Those of the connection.
    ///
    /// # Cost
    /// 2 GETs.
    pub async fn status(self) -> Result<MigrationStatus> {
        let (db, schema) = (self.table.db(), T::SCHEMA);
        operation::<T, _>("status", report::status(db, schema.table, schema.version)).await
    }

    /// Has the job that is at it stop at its next checkpoint, in whichever process; the next `migrate`
    /// goes on. Whether there is a migration to pause.
    ///
    /// # Errors
    /// Those of the connection.
    ///
    /// # Cost
    /// 2 GETs and 1 PUT.
    pub async fn pause(self) -> Result<bool> {
        let pause = report::pause(self.table.db(), T::SCHEMA.table);
        operation::<T, _>("pause", pause).await
    }

    async fn run(self) -> Result<Migrated> {
        let (db, name) = (self.table.db(), T::SCHEMA.table);
        let mut report = Migrated {
            to: T::SCHEMA.version,
            ..Migrated::default()
        };
        let Some(from) = begin::raise(self.table, self.again).await? else {
            report.from = report.to;
            report.complete = true;
            return Ok(report);
        };
        report.from = from;
        let key = checkpoint::key(db, name, from, report.to);
        let mut checkpoint = Checkpoint::take(db, key, self.lease).await?;
        for _ in 0..PASSES {
            let ended = self.pass(&mut checkpoint, &mut report).await?;
            report.note(&checkpoint.body);
            match ended {
                Ended::Paused => {
                    report.paused = true;
                    return Ok(report);
                }
                Ended::Clean => {
                    begin::contract(self.table).await?;
                    checkpoint.body.state = checkpoint::State::Done;
                    checkpoint.beat().await?;
                    report.complete = true;
                    return Ok(report);
                }
                // Another pass would fail at the same rows.
                Ended::Stuck if !report.failed.is_empty() => break,
                // What failed was seen by a job before this one.
                Ended::Found | Ended::Stuck => {}
            }
        }
        // Nobody is at it any more: the next job need not wait.
        checkpoint.body.state = checkpoint::State::Paused;
        checkpoint.beat().await?;
        Ok(report)
    }

    /// Waits until nobody can write an older version any more; `false` if it was paused.
    async fn wait(&self, checkpoint: &mut Checkpoint) -> Result<bool> {
        while checkpoint.seen() < self.settle {
            let rest = self.settle.saturating_sub(checkpoint.seen());
            let env = self.table.db().env();
            env.sleep(rest.min(self.lease / 3)).await;
            if let Beat::Paused = checkpoint.beat().await? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl<'a, T: S3Schema> IntoFuture for Migrate<'a, T> {
    type Output = Result<Migrated>;
    type IntoFuture = RequestFuture<'a, Migrated>;

    fn into_future(self) -> Self::IntoFuture {
        operation::<T, _>("migrate", self.run())
    }
}

impl<T> fmt::Debug for Migrate<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Migrate")
            .field("table", &self.table)
            .field("rate", &self.rate)
            .finish_non_exhaustive()
    }
}
