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
//! # Going back
//!
//! Where each version between is `reversible`, the newest program brings the table back to an older one,
//! with [`down_to`](Migrate::down_to). From the beginning of that on, programs that know both write the
//! older version, as they did before the migration, and old ones may start again:
//!
//! ```
//! # use s3orm::{Db, S3Schema};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Serialize, Deserialize, S3Schema)]
//! # #[s3(table = "people", path = "<id>")]
//! # struct PersonV1 { id: u64, name: String }
//! #[derive(Debug, PartialEq, Serialize, Deserialize, S3Schema)]
//! #[s3(table = "people", path = "<id>", version = 2, previous = "PersonV1", reversible)]
//! struct Person { id: u64, first: String, last: String }
//!
//! impl From<&Person> for PersonV1 {
//!     fn from(new: &Person) -> Self {
//!         Self { id: new.id, name: format!("{} {}", new.first, new.last) }
//!     }
//! }
//! # impl From<PersonV1> for Person {
//! #     fn from(old: PersonV1) -> Self {
//! #         let (first, last) = old.name.split_once(' ').unwrap_or((&old.name, ""));
//! #         Self { id: old.id, first: first.into(), last: last.into() }
//! #     }
//! # }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
//! # let db = Db::connect("memory:").await?;
//! let people = db.table::<Person>();
//! people.put(Person { id: 1, first: "Ann".into(), last: "Lee".into() }).await?;
//!
//! let back = people.migrate().down_to(1).alone().await?;
//! assert_eq!((back.from, back.to, back.into_result()?), (2, 1, 1));
//! let ann = db.table::<PersonV1>().get(1).await?.expect("an old program reads it");
//! assert_eq!(ann.name, "Ann Lee");
//! # Ok(()) }
//! ```
//!
//! | the table goes back to 1 | a program of version 1 | one of version 2 | one of version 2, `reversible` |
//! |---|---|---|---|
//! | since `down_to(1)` began | is told which rows are newer, writes the others | reads both, and is refused to write within 30 seconds | reads both, writes version 1 |
//! | once all rows are | reads and writes | reads, and is refused to write | reads, and writes version 1 |
//!
//! What the older version has no column for is lost, row by row. The [dry run](Migrate::dry_run) shows what
//! becomes of some rows.
//!
//! # The job
//!
//! It is the same in both directions. On the way up:
//!
//! 1. The schema object is raised to the new version, and says from which on rows may be.
//! 2. A pass over the table: each row of an older version is read, converted and written on condition
//!    that it is as it was read. Somebody's newer value is never written over; it is read again.
//! 3. Once nobody can write the old version any more (six and a half minutes after the raise, or
//!    [`alone`](Migrate::alone)), another pass, and again until one finds nothing.
//! 4. The schema object says that all rows are of the new version.
//!
//! On the way down the object is lowered, and says up to which version rows may be; rows of any other version
//! than that are rewritten. Each raise and each lowering has a name of its own in the object, which the
//! checkpoint repeats: so a migration that was cut off may be turned round, and begins anew in the other direction.
//! While its job is alive that ends with [`Conflict`](crate::ErrorKind::Conflict); a job whose change was
//! overtaken in its sleep is told so by its checkpoint, or by the schema object after 30 seconds at most,
//! and the pause before the last pass is there for what it did in these.
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
mod way;

use std::fmt;
use std::future::IntoFuture;
use std::time::Duration;

pub use dry::{DryRun, MigrationPlan, Sample};
pub use report::{Migrated, MigrationProgress, MigrationState, MigrationStatus};

use self::begin::{Aim, Job};
use self::checkpoint::{Beat, Checkpoint};
use self::pass::Ended;
use crate::catalog::object::UNAWARE;
use crate::error::Result;
use crate::schema::S3Schema;
pub use crate::schema::version::Reversible;
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
            down_to: None,
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
    down_to: Option<u32>,
    concurrency: usize,
    rate: Option<f64>,
    settle: Duration,
    lease: Duration,
    again: bool,
    progress: Option<Report<'a>>,
}

impl<'a, T: S3Schema> Migrate<'a, T> {
    /// Brings all rows back to an older version, [while the table is used](crate::migrate#going-back): the
    /// way that `reversible` and `impl From<&Person> for PersonV1` tell. Everything else is as on the way
    /// up: what may be said of the job, what it costs, and that a run which ends anywhere is taken up by the next one.
    /// `migrate()` without this brings the rows up again.
    ///
    /// What the older version has no column for is lost.
    ///
    /// # Errors
    /// Of awaiting, before anything is written: [`Schema`](crate::ErrorKind::Schema) if the version is not one
    /// before the program's, if a struct between is not `reversible`, or the table is at a version before it;
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if rows of the versions are at different keys, or if the
    /// older one has neither transactions nor indexes, and this one has.
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Serialize, Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<id>")]
    /// # struct PersonV1 { id: u64 }
    /// # #[derive(Serialize, Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<id>", version = 2, previous = "PersonV1", reversible)]
    /// # struct Person { id: u64, age: Option<u8> }
    /// # impl From<PersonV1> for Person {
    /// #     fn from(old: PersonV1) -> Self { Self { id: old.id, age: None } }
    /// # }
    /// # impl From<&Person> for PersonV1 {
    /// #     fn from(new: &Person) -> Self { Self { id: new.id } }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let people = Db::connect("memory:").await?.table::<Person>();
    /// # people.put(Person { id: 1, age: Some(30) }).await?;
    /// let plan = people.migrate().down_to(1).dry_run().await?;
    /// assert_eq!((plan.to_rewrite, plan.failed.len()), (1, 0));
    /// assert_eq!(plan.samples[0].before, r#"{"_v":2,"id":1,"age":30}"#);
    /// assert_eq!(plan.samples[0].after, r#"{"id":1}"#);
    ///
    /// let back = people.migrate().down_to(1).alone().await?;
    /// assert!(back.complete);
    /// # Ok(()) }
    /// ```
    pub fn down_to(mut self, version: u32) -> Self
    where
        T: Reversible,
    {
        self.down_to = Some(version);
        self
    }

    /// The version that rows are brought to.
    fn to(&self) -> u32 {
        self.down_to.unwrap_or(T::SCHEMA.version)
    }

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

    /// Says that no client writes the table meanwhile that may not know of the change of its version, so that
    /// nobody need be waited for.
    pub fn alone(self) -> Self {
        self.settle(Duration::ZERO)
    }

    /// How long to wait between the change of the version and the last pass: six and a half minutes unless
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
        DryRun::new(self.table, self.down_to, self.concurrency)
    }

    /// How far the migration is, of whichever process.
    ///
    /// # Errors
    /// Those of the connection.
    ///
    /// # Cost
    /// 2 GETs.
    pub async fn status(self) -> Result<MigrationStatus> {
        let (db, is_down, to) = (self.table.db(), self.down_to.is_some(), self.to());
        let is_ahead = move |at: u32| if is_down { at > to } else { at < to };
        operation::<T, _>("status", report::status(db, T::SCHEMA.table, is_ahead)).await
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
        let (to, again) = (self.to(), self.again);
        let mut report = Migrated {
            to,
            ..Migrated::default()
        };
        if let Some(to) = self.down_to {
            way::check_back(T::SCHEMA, to)?;
        }
        let begun = begin::begin(self.table, Aim { to, again }, self.lease).await?;
        let Some(job) = begun else {
            report.from = report.to;
            report.complete = true;
            return Ok(report);
        };
        report.from = job.from;
        let (key, change) = (job.key(db, name), job.change.as_deref());
        let mut checkpoint = Checkpoint::take(db, key, change, self.lease).await?;
        self.passes(&job, &mut checkpoint, &mut report).await?;
        Ok(report)
    }

    /// Pass after pass, until one finds nothing.
    async fn passes(
        &self,
        job: &Job,
        checkpoint: &mut Checkpoint,
        report: &mut Migrated,
    ) -> Result<()> {
        for _ in 0..PASSES {
            let ended = self.pass(checkpoint, report).await?;
            report.note(&checkpoint.body);
            match ended {
                Ended::Paused => {
                    report.paused = true;
                    return Ok(());
                }
                Ended::Clean => {
                    begin::contract(self.table, job).await?;
                    checkpoint.body.state = checkpoint::State::Done;
                    checkpoint.beat().await?;
                    report.complete = true;
                    return Ok(());
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
        Ok(())
    }

    /// Waits until nobody can write another version any more; `false` if it was paused.
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
            .field("down_to", &self.down_to)
            .field("rate", &self.rate)
            .finish_non_exhaustive()
    }
}
