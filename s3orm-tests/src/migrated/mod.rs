//! A table that is migrated, up or down, by processes that are killed, while others write it.
//!
//! The parent is the server, and keeps a `ledger` of each write that its store has applied to a
//! row, in order. Old programs and new ones count rows up, each in tasks of their own; a child runs the
//! migration over TCP, is killed, and another one goes on, until one comes to its end. Then:
//!
//! - Each write of a row has counted it up by one, from the value before it, or is the rewriting of a
//!   row of the other version that leaves its value as it is. So no update is lost, and none is rewritten that was
//!   not written in the other form since.
//! - Each row is of the version to come to, and has been counted up as often as was acknowledged, and at most
//!   as often as was acknowledged or unknown.

mod ledger;
mod writers;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use s3orm::{Db, Env, S3Schema};
use serde::{Deserialize, Serialize};
use tokio::process::Command;

pub use self::ledger::Ledger;
use self::ledger::Way;
use self::writers::{Counted, Writers};
use crate::connect;
use crate::server::TestServer;
use crate::sim::Dice;

/// A row as it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "counters", path = "<id:ordered>")]
pub struct CounterV1 {
    /// The row.
    pub id: u64,
    /// How often it was counted up.
    pub n: u64,
}

/// A row as it is to be, by a program that writes both versions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(
    table = "counters",
    path = "<id:ordered>",
    version = 2,
    previous = "CounterV1",
    reversible
)]
pub struct Counter {
    /// The row.
    pub id: u64,
    /// How often it was counted up.
    pub count: u64,
    /// The same in many words.
    pub text: String,
}

/// The same by a program that writes the new version alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(
    table = "counters",
    path = "<id:ordered>",
    version = 2,
    previous = "CounterV1"
)]
pub struct OneWay {
    /// The row.
    pub id: u64,
    /// How often it was counted up.
    pub count: u64,
    /// The same in many words.
    pub text: String,
}

fn words(count: u64) -> String {
    format!("{count} ").repeat(10)
}

impl From<CounterV1> for Counter {
    fn from(old: CounterV1) -> Self {
        Self {
            id: old.id,
            count: old.n,
            text: words(old.n),
        }
    }
}

impl From<CounterV1> for OneWay {
    fn from(old: CounterV1) -> Self {
        let Counter { id, count, text } = old.into();
        Self { id, count, text }
    }
}

impl From<&Counter> for CounterV1 {
    fn from(new: &Counter) -> Self {
        Self {
            id: new.id,
            n: new.count,
        }
    }
}

/// What a campaign is like.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Rows of the table.
    pub rows: u64,
    /// Children that are killed.
    pub kills: u64,
    /// Whether the table goes back to the old version.
    pub back: bool,
    /// Whether programs that know both versions are at work from the beginning: they go on with the one
    /// before for half a minute after the job has begun, so it waits for them.
    pub side_by_side: bool,
    /// The seed.
    pub seed: u64,
}

impl Plan {
    fn way(self) -> Way {
        if self.back { (2, 1) } else { (1, 2) }
    }
}

/// What came of a campaign.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Rows of the table.
    pub rows: u64,
    /// Children that were killed.
    pub kills: u64,
    /// Writes that brought a row to the version to come to and left its value as it was.
    pub rewritten: u64,
    /// Rows that were rewritten more than once, because a program had written them again as they were before.
    pub again: u64,
    /// What the writers did, by their kinds.
    pub writers: BTreeMap<&'static str, Counted>,
    /// How long it took.
    pub took: Duration,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "rows          {:>9}", self.rows)?;
        writeln!(f, "kills         {:>9}", self.kills)?;
        writeln!(f, "rewritten     {:>9}", self.rewritten)?;
        writeln!(f, "  once more   {:>9}", self.again)?;
        for (kind, counted) in &self.writers {
            writeln!(f, "{kind:<13} {:>9} counted up", counted.done)?;
            writeln!(f, "  refused     {:>9}", counted.refused)?;
            writeln!(f, "  unknown     {:>9}", counted.unknown)?;
        }
        writeln!(f, "took          {:>9.1} s", self.took.as_secs_f64())?;
        write!(f, "violations            0")
    }
}

/// The child's side: migrates until it is killed, or has come to its end.
///
/// # Errors
/// An operation fails, or the migration does not complete.
pub async fn work(endpoint: &str, settle: Duration, back: bool) -> anyhow::Result<()> {
    let (db, lease) = (connect::db(endpoint).await, Duration::from_millis(300));
    let migrated = if back {
        let table = db.table::<Counter>();
        let job = table.migrate().down_to(1).settle(settle).lease(lease);
        job.concurrency(8).await?
    } else {
        let table = db.table::<OneWay>();
        let job = table.migrate().settle(settle).lease(lease);
        job.concurrency(8).await?
    };
    ensure!(migrated.complete, "not complete: {migrated:?}");
    Ok(())
}

/// Runs a campaign with children of `program`, which [`work`]s if it is told to.
///
/// # Errors
/// Something is not as it must be.
pub async fn campaign(program: &Path, plan: Plan) -> anyhow::Result<Figures> {
    let (env, dice) = (Env::system(), Dice::new(plan.seed));
    let began = env.instant();
    let ledger = Arc::new(Ledger::new());
    let server = TestServer::over(Arc::clone(&ledger) as Arc<dyn s3orm::store::Store>).await;
    let db = connect::db(&server.endpoint()).await;
    let rows = (0..plan.rows).map(|id| CounterV1 { id, n: 0 });
    if plan.back {
        let rows = rows.map(Counter::from);
        db.table().put_many(rows).await.into_result()?;
    } else {
        db.table().put_many(rows).await.into_result()?;
    }

    let writers = Writers::start(&server.endpoint(), plan);
    // Some of them have written before it begins.
    env.sleep(Duration::from_millis(300)).await;
    let settle = Duration::from_secs(if plan.side_by_side { 40 } else { 0 });
    for kill in 0..plan.kills {
        let mut child = child(program, &server.endpoint(), settle, plan)?;
        env.sleep(Duration::from_millis(400 + dice.below(800)))
            .await;
        if let Some(status) = child.try_wait()? {
            bail!("child {kill} ended by itself: {status}; use more rows");
        }
        // SIGKILL, and the process is gone when this returns.
        child.kill().await?;
    }
    let last = child(program, &server.endpoint(), settle, plan);
    let status = last?.wait().await?;
    ensure!(status.success(), "the last child failed: {status}");
    let counted = writers.stop().await?;

    let sums = ledger.check(plan.way())?;
    ensure!(sums.rows == plan.rows, "the ledger has {} rows", sums.rows);
    let mut figures = Figures {
        rows: plan.rows,
        kills: plan.kills,
        rewritten: sums.rewritten,
        again: sums.again,
        ..Figures::default()
    };
    compare(&db, plan, &counted).await?;
    figures.writers = counted
        .into_iter()
        .map(|(kind, all)| (kind, all.sum()))
        .collect();
    figures.took = env.instant().duration_since(began);
    Ok(figures)
}

fn child(
    program: &Path,
    endpoint: &str,
    settle: Duration,
    plan: Plan,
) -> anyhow::Result<tokio::process::Child> {
    let way = if plan.back { "down" } else { "up" };
    let child = Command::new(program)
        .args(["migrate", endpoint, &settle.as_secs().to_string(), way])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    child.context("the child does not start")
}

/// Every row is of the version to come to, and as often counted up as was said.
async fn compare(
    db: &Db,
    plan: Plan,
    counted: &BTreeMap<&'static str, writers::Tally>,
) -> anyhow::Result<()> {
    let dry = db.table::<OneWay>().migrate().dry_run().await?;
    ensure!(
        dry.versions == [(plan.way().1, plan.rows)].into(),
        "versions: {:?}",
        dry.versions
    );
    let mut rows = db.table::<OneWay>().query().scan().stream()?;
    while let Some(row) = rows.next().await {
        let row = row?;
        ensure!(row.text == words(row.count), "half a row: {row:?}");
        let of_row = |known: fn(&writers::Tally) -> &BTreeMap<u64, u64>| -> u64 {
            let all = counted.values();
            all.filter_map(|tally| known(tally).get(&row.id)).sum()
        };
        let (done, unknown) = (of_row(|tally| &tally.done), of_row(|tally| &tally.unknown));
        ensure!(
            (done..=done + unknown).contains(&row.count),
            "row {} is {}: {done} were acknowledged, {unknown} unknown",
            row.id,
            row.count
        );
    }
    Ok(())
}
