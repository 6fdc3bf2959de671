//! What a store honours, measured: because "S3-compatible" says little about conditional writes,
//! and those are what rows are safe by.
//!
//! [`Db::doctor`] asks the store that a database is on, by requests whose answers S3 defines, alone
//! and in races, and answers with a [`Report`]: the store's [`Level`], and a [`Finding`] for each
//! thing asked.
//!
//! | level | what the store honours | what it carries |
//! |---|---|---|
//! | [`L0`](Level::L0) | no condition | reading; `put` and `delete` of a single writer |
//! | [`L1`](Level::L1) | create if absent | and `insert`: tables that only grow |
//! | [`L2`](Level::L2) | and replace by version | and `save`, `update`: rows that change |
//! | [`L3`](Level::L3) | and delete by version | everything |
//!
//! A store that answers a success to what it must refuse, or the same success to two of a race, is
//! worse than one that refuses: nobody notices what is lost. Such a finding is a
//! [`Danger`](Severity::Danger), and [`Report::refuses`] names it.
//!
//! What passes has passed in as many rounds as the report says. A race that a server loses once in
//! thousands of rounds may need more [`rounds`](Doctor::rounds) to be found.
//!
//! ```
//! use s3orm::doctor::Level;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
//! let db = s3orm::Db::connect("memory:").await?;
//! let report = db.doctor().rounds(2).contenders(4).increments(10).await?;
//! println!("{report}");
//! assert_eq!(report.level, Level::L3);
//! assert!(report.refuses.is_empty());
//!
//! // It is recorded in the bucket, so that a program can insist on it when it starts.
//! db.require(Level::L2).await?;
//! # Ok(()) }
//! ```
//!
//! What is found, by [`Finding::id`]:
//!
//! | id | what is asked |
//! |---|---|
//! | `read-after-write`, `list-after-write` | every read and listing shows the write before it, over every connection |
//! | `etag`, `metadata` | another body has another tag; user metadata comes back |
//! | `create-if-absent`, `create-race` | `If-None-Match: *` is refused where an object is; one of a race wins |
//! | `replace-if-match`, `replace-absent`, `replace-race` | `If-Match` is refused for another tag, and for nothing; one of a race wins |
//! | `lost-updates` | a counter that many increment ends at their number |
//! | `delete-if-match`, `delete-absent`, `delete-if-present`, `delete-race` | the same of deletions |
//! | `bulk-delete-if-match`, `copy-conditions`, `upload-conditions` | the same of `DeleteObjects`, copies and multipart uploads |
//! | `read-if-changed` | `If-None-Match` of a read is answered 304, and only then |
//! | `list-order`, `list-start-after`, `list-delimiter`, `list-pages` | listings are in byte order, over pages too |
//! | `keys-encoded`, `keys-long` | keys as s3orm writes them come back, up to 1,024 bytes, in segments of any length |
//! | `keys-raw`, `keys-unicode` | so do keys with any character, and none is taken for another |
//! | `clock` | the server's clock and this machine's agree |
//! | `checksums` | a body that is not what its headers say is refused |
//! | `versioning`, `lifecycle` | old versions expire, rows do not, uploads that were left do |
//! | `leftovers` | everything that was written is deleted |

mod conditions;
mod keys;
mod lab;
mod listings;
mod objects;
mod others;
mod races;
mod record;
mod report;
mod run;
mod service;
mod topics;
mod verdict;

use std::future::IntoFuture;

use futures_util::future::BoxFuture;
use tracing::Instrument as _;

pub use self::report::{Finding, Level, Report, Severity};
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};

/// A request of [`Db::doctor`].
#[derive(Debug, Clone)]
#[must_use = "requests do nothing until awaited"]
pub struct Doctor<'a> {
    db: &'a Db,
    others: Vec<Db>,
    rounds: usize,
    contenders: usize,
    increments: usize,
    record: bool,
}

/// What the store honours.
impl Db {
    /// Measures what this database's store honours, and records it in the bucket.
    ///
    /// It writes under `<prefix>/_s3orm/doctor/<random>/` alone, and deletes what it wrote, also
    /// where it fails. If it is dropped before its end, those objects stay: nothing reads them.
    ///
    /// # Errors
    /// Those of the connection, [`Denied`](ErrorKind::Denied) if nothing can be written there. What
    /// the store does wrong is no error, but in the report.
    ///
    /// # Cost
    /// 9,000 to 13,000 requests, most of them PUTs: 64 rounds of 32 contenders for each kind of
    /// condition, and 1,000 increments, which meet more or less often; [`Report::requests`] has
    /// their number. Five cents on AWS. [`quick`](Doctor::quick) makes about 900.
    pub fn doctor(&self) -> Doctor<'_> {
        Doctor {
            db: self,
            others: Vec::new(),
            rounds: 64,
            contenders: 32,
            increments: 1000,
            record: true,
        }
    }

    /// What [`doctor`](Self::doctor) recorded in this bucket, under this prefix; `None` if it
    /// recorded nothing, or of another endpoint than this connection's.
    ///
    /// # Errors
    /// Those of the connection; [`Decode`](ErrorKind::Decode) if it is no record that this version
    /// can read.
    ///
    /// # Cost
    /// 1 GET.
    pub async fn capabilities(&self) -> Result<Option<Report>> {
        let found = record::read(self).await;
        found.map_err(|error| error.during("capabilities", ""))
    }

    /// Refuses unless [`doctor`](Self::doctor) has found this level at least: for programs to call
    /// when they start.
    ///
    /// # Errors
    /// [`Unsupported`](ErrorKind::Unsupported), with the finding that keeps the store from it, or
    /// because nothing is recorded; those of [`capabilities`](Self::capabilities).
    ///
    /// # Cost
    /// 1 GET.
    pub async fn require(&self, level: Level) -> Result<()> {
        let required = match self.capabilities().await {
            Ok(Some(report)) => report.require(level),
            Ok(None) => Err(Error::new(
                ErrorKind::Unsupported,
                format!("level {level} is required, and what this store honours is not measured"),
            )
            .with_help("run `Db::doctor` once")),
            Err(error) => return Err(error),
        };
        required.map_err(|error| error.during("require", ""))
    }
}

impl Db {
    /// Refuses what needs a level that the store is known not to have. What was never measured is
    /// taken at its word; the stores of this library need no measuring.
    ///
    /// Cost: 1 GET, once a connection.
    pub(crate) async fn carry(&self, level: Level) -> Result<()> {
        let service = self.store().service();
        if service.starts_with("memory:") || service.starts_with("file:") {
            return Ok(());
        }
        let recorded = self
            .recorded()
            .get_or_try_init(|| record::read(self))
            .await?;
        match recorded {
            Some(report) => report.require(level),
            None => Ok(()),
        }
    }
}

impl Doctor<'_> {
    /// Rounds of each race; 64 unless set, 1 at least.
    pub fn rounds(mut self, rounds: usize) -> Self {
        self.rounds = rounds.max(1);
        self
    }

    /// Requests at once in each round; 32 unless set, 2 at least.
    pub fn contenders(mut self, contenders: usize) -> Self {
        self.contenders = contenders.max(2);
        self
    }

    /// To what the counter is incremented; 1,000 unless set, 1 at least.
    pub fn increments(mut self, increments: usize) -> Self {
        self.increments = increments.max(1);
        self
    }

    /// A further connection to the same bucket: through another endpoint of the service, another
    /// proxy, another client. Requests are spread over all of them. Contenders of one connection
    /// have TCP connections of their own anyway.
    pub fn also(mut self, db: &Db) -> Self {
        self.others.push(db.clone());
        self
    }

    /// A first look: 4 rounds of 8 contenders, 50 increments, and no record. It finds what is
    /// ignored or refused, and races that are lost often.
    pub fn quick(mut self) -> Self {
        (self.rounds, self.contenders, self.increments) = (4, 8, 50);
        self.record = false;
        self
    }

    /// Whether the report is recorded in the bucket, as `<prefix>/_s3orm/capabilities.json`, over
    /// what was recorded before; it is unless set, or [`quick`](Self::quick). Cost: 1 GET and 1 PUT.
    pub fn record(mut self, record: bool) -> Self {
        self.record = record;
        self
    }

    async fn run(self) -> Result<Report> {
        self.db.check().await?;
        let report = run::report(&self).await?;
        if self.record {
            record::write(self.db, &report).await?;
        }
        Ok(report)
    }
}

impl<'a> IntoFuture for Doctor<'a> {
    type Output = Result<Report>;
    type IntoFuture = BoxFuture<'a, Result<Report>>;

    fn into_future(self) -> Self::IntoFuture {
        let span = tracing::debug_span!("s3orm", operation = "doctor");
        let run = async move { self.run().await.map_err(|error| error.during("doctor", "")) };
        Box::pin(run.instrument(span))
    }
}
