//! The real library in a simulated world: every run is a function of its seed.
//!
//! Tokio runs on one thread with a paused clock, so that waiting takes no time and tasks take turns
//! in the same order each time. Time and randomness of the library come from a seeded `Env`, and
//! those of the world from another. Several clients work on a few rows, through [`network`], which
//! loses, delays, doubles and refuses requests, and crashes clients, by the weather of the seed.
//! What each of them was told goes into a [`mod@history`]; [`check`] compares it with the order in
//! which the store applied what it applied.
//!
//! A run that fails is run again by its seed: `cargo run -p s3orm-tests --bin simulate -- --seed N`
//! prints every event of it.

pub mod book;
pub mod check;
pub mod deeds;
pub mod history;
pub mod lookups;
pub mod network;
mod plan;
pub mod recorded;
mod transactions;
pub mod workload;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;

use s3orm::Env;

use self::history::History;

/// What is broken on purpose, to see that the checks see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// Nothing.
    None,
    /// A store that takes `If-Match` of a write for a wish.
    IgnoresIfMatch,
    /// A store that takes `If-None-Match` for a wish.
    IgnoresIfNoneMatch,
    /// A store that takes `If-Match` of a deletion for a wish.
    IgnoresIfMatchOfDelete,
    /// A store that acknowledges writes and forgets some.
    ForgetsWrites,
    /// A store that answers some reads with the version before.
    AnswersStale,
    /// A layer that sends a lost write again, although the first copy may land yet.
    SendsAgain,
    /// A client that updates by reading and writing, without a condition.
    UpdatesBlindly,
    /// A client that takes every unknown outcome for a failure.
    TakesUnknownForFailed,
    /// A client that takes every unknown outcome for a success.
    TakesUnknownForDone,
    /// A store that takes `If-Match` of a row's write for a wish, and that of others not.
    IgnoresIfMatchOfRows,
    /// The same of transactions' records.
    IgnoresIfMatchOfRecords,
    /// A store that loses records of committed transactions.
    LosesRecords,
    /// A store whose clock, as collectors ask for it, is two hours ahead.
    CollectsTooEarly,
    /// A reader who does not read a row again whose transaction's record is gone.
    SkipsSecondRead,
    /// A snapshot that takes all rows for unchanged at its second look.
    SkipsSecondLook,
    /// A snapshot that takes all records for unchanged at its second look.
    SkipsRecords,
    /// A store that acknowledges entries of indexes and forgets some.
    ForgetsEntries,
    /// A store that takes the conditions of claims' writes for wishes.
    IgnoresConditionsOfClaims,
    /// A store that takes the conditions of deletions of entries and claims for wishes.
    IgnoresIfMatchOfIndexes,
    /// A store whose clock, as who repairs indexes asks for it, is two hours ahead.
    RepairsTooEarly,
}

impl Mutant {
    /// All that are broken.
    pub const BROKEN: [Self; 9] = [
        Self::IgnoresIfMatch,
        Self::IgnoresIfNoneMatch,
        Self::IgnoresIfMatchOfDelete,
        Self::ForgetsWrites,
        Self::AnswersStale,
        Self::SendsAgain,
        Self::UpdatesBlindly,
        Self::TakesUnknownForFailed,
        Self::TakesUnknownForDone,
    ];

    /// All that are broken for transactions, with a seed from which on it is soon seen: two of them show
    /// only where somebody collects what another is looking at.
    pub const BROKEN_FOR_TRANSACTIONS: [(Self, u64); 15] = [
        (Self::IgnoresIfMatch, 0),
        (Self::IgnoresIfNoneMatch, 0),
        (Self::IgnoresIfMatchOfDelete, 135),
        (Self::ForgetsWrites, 0),
        (Self::AnswersStale, 0),
        (Self::UpdatesBlindly, 0),
        (Self::TakesUnknownForFailed, 0),
        (Self::TakesUnknownForDone, 0),
        (Self::IgnoresIfMatchOfRows, 0),
        (Self::IgnoresIfMatchOfRecords, 0),
        (Self::LosesRecords, 0),
        (Self::CollectsTooEarly, 0),
        (Self::SkipsSecondRead, 510),
        (Self::SkipsSecondLook, 0),
        (Self::SkipsRecords, 0),
    ];

    /// All that are broken for indexes, in the same way.
    pub const BROKEN_FOR_INDEXES: [(Self, u64); 5] = [
        (Self::AnswersStale, 0),
        (Self::ForgetsEntries, 0),
        (Self::IgnoresConditionsOfClaims, 110),
        (Self::IgnoresIfMatchOfIndexes, 0),
        (Self::RepairsTooEarly, 0),
    ];
}

/// What kind of world it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Some operations of single rows, in all weather.
    Rows,
    /// Operations that move rows besides, in rough weather and nothing sent twice: [`recorded`] makes
    /// a history of it.
    Histories,
    /// The same, and 200 to 2,000 operations.
    LongHistories,
    /// Transactions, snapshots and operations of single rows on a table with transactions, in bursts
    /// an hour apart, while others sweep and vacuum; in all weather. Their histories are checked, too.
    Transactions,
    /// The same on a table with an index and a unique column, by which rows are looked up.
    Indexes,
}

impl Shape {
    /// Whether it is a world of transactions.
    fn has_transactions(self) -> bool {
        matches!(self, Self::Transactions | Self::Indexes)
    }
}

/// Chance, from a seed.
#[derive(Debug, Clone)]
pub struct Dice(Env);

impl Dice {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(Env::seeded(seed))
    }

    /// A number below `limit`, or 0.
    pub fn below(&self, limit: u64) -> u64 {
        u64::from_le_bytes(self.0.random_bytes()) % limit.max(1)
    }

    /// Whether something happens that happens so often in 1,000 times.
    pub fn permille(&self, times: u64) -> bool {
        self.below(1000) < times
    }
}

/// One run.
#[derive(Debug)]
pub struct Run {
    /// What happened, in figures.
    pub figures: Figures,
    /// What must not have happened.
    pub violations: Vec<String>,
    /// A hash of all events and their times.
    pub hash: u64,
    /// All events, if they were asked for.
    pub trace: Vec<String>,
}

/// What happened, in figures.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Runs.
    pub seeds: u64,
    /// Those whose histories were checked.
    pub histories: u64,
    /// Seconds of the simulated clock.
    pub virtual_seconds: u64,
    /// Requests, those that were never sent included.
    pub requests: u64,
    /// Writes and deletions that the store applied.
    pub applied: u64,
    /// Faults by name.
    pub faults: BTreeMap<String, u64>,
    /// Operations by name.
    pub operations: BTreeMap<String, u64>,
    /// What the operations ended in.
    pub outcomes: BTreeMap<String, u64>,
    /// What must not have happened.
    pub violations: u64,
}

impl AddAssign<&Self> for Figures {
    fn add_assign(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.histories += other.histories;
        self.virtual_seconds += other.virtual_seconds;
        self.requests += other.requests;
        self.applied += other.applied;
        self.violations += other.violations;
        for (sum, part) in [
            (&mut self.faults, &other.faults),
            (&mut self.operations, &other.operations),
            (&mut self.outcomes, &other.outcomes),
        ] {
            for (name, count) in part {
                *sum.entry(name.clone()).or_default() += count;
            }
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours = self.virtual_seconds / 3600;
        writeln!(f, "seeds       {:>12}", self.seeds)?;
        writeln!(f, "histories   {:>12}", self.histories)?;
        writeln!(f, "simulated   {hours:>12} hours")?;
        writeln!(f, "requests    {:>12}", self.requests)?;
        writeln!(f, "applied     {:>12}", self.applied)?;
        for (title, figures) in [
            ("faults", &self.faults),
            ("operations", &self.operations),
            ("outcomes", &self.outcomes),
        ] {
            writeln!(f, "{title:<11} {:>12}", figures.values().sum::<u64>())?;
            for (name, count) in figures {
                writeln!(f, "  {name:<22} {count:>12}")?;
            }
        }
        write!(f, "violations  {:>12}", self.violations)
    }
}

/// Runs one seed; with every event in words if `verbose`.
///
/// # Panics
/// If Tokio cannot make a runtime.
pub fn run(seed: u64, mutant: Mutant, verbose: bool) -> Run {
    let history = history(seed, mutant, Shape::Rows, verbose);
    let violations = check::violations(&history);
    report(history, violations)
}

/// Runs one seed of a shape with histories, and checks its history: the anomalies are among the
/// violations.
///
/// # Panics
/// If Tokio cannot make a runtime.
pub fn run_history(seed: u64, mutant: Mutant, shape: Shape, verbose: bool) -> Run {
    let history = history(seed, mutant, shape, verbose);
    let mut violations = check::violations(&history);
    let told = recorded::is_recordable(&history);
    if told {
        let found = crate::history::check(&recorded::recorded(&history));
        violations.extend(found.iter().map(ToString::to_string));
    }
    let mut run = report(history, violations);
    run.figures.histories = u64::from(told);
    run
}

/// What happens in one seed.
///
/// # Panics
/// If Tokio cannot make a runtime.
pub fn history(seed: u64, mutant: Mutant, shape: Shape, verbose: bool) -> History {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let run = workload::run(seed, mutant, shape, verbose);
    runtime.expect("a runtime").block_on(run)
}

fn report(history: History, violations: Vec<String>) -> Run {
    let mut figures = Figures {
        seeds: 1,
        virtual_seconds: history.elapsed().as_secs(),
        requests: history.requests,
        applied: history.landings.len() as u64,
        faults: history.faults.clone(),
        violations: violations.len() as u64,
        ..Figures::default()
    };
    for operation in &history.operations {
        let (action, outcome) = (format!("{:?}", operation.action), &operation.outcome);
        let name = action.split('(').next().unwrap_or_default().to_owned();
        *figures.operations.entry(name).or_default() += 1;
        *figures.outcomes.entry(outcome.name()).or_default() += 1;
    }
    Run {
        figures,
        violations,
        hash: history.hash,
        trace: history.trace,
    }
}
