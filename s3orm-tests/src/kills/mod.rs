//! Processes that are killed at any moment, and what is there afterwards.
//!
//! A child works on a table over TCP, at a server that outlives it. Before each step it writes to a
//! pipe what it is about to do, and after it that it is done; then comes SIGKILL. The parent reads the
//! pipe to its end and compares: what was acknowledged is there, of the step that was open each row is
//! as before or as after, and there is nothing else. The next child goes on from there.
//!
//! What a child does is a [`Workload`]: a plan of steps, each with the rows that it changes and a
//! [`Rule`] of what may be seen of it, and the call of the library that does it.

mod rows;
mod transfers;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use futures_util::future::BoxFuture;
use s3orm::{Db, DbBuilder, S3Schema};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::Command;

pub use self::rows::Rows;
pub use self::transfers::{Balance, Transfers};
use crate::connect;
use crate::server::TestServer;
use crate::sim::Dice;

/// A row of a workload. Its text is its value many times over: a half of it is noticed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "killed", path = "<id>")]
pub struct Item {
    /// The row.
    pub id: u64,
    /// What it holds; no two writes write the same.
    pub value: u64,
    /// The same in many words.
    pub text: String,
}

impl Item {
    /// A whole one.
    pub fn new(id: u64, value: u64) -> Self {
        let text = format!("{value} ").repeat(20 + usize::try_from(value % 200).unwrap_or(0));
        Self { id, value, text }
    }
}

/// Rows by their numbers; what is not in it is not there.
pub type State = BTreeMap<u64, u64>;

/// What may be seen of a step that was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rule {
    /// Each row as before or as after.
    Each,
    /// All rows as before, or all as after.
    Together,
    /// Each row as before or as after, but never none: a row moves.
    Moves,
}

/// Something that a child does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Step {
    /// Which operation it is.
    pub name: String,
    /// The rows that it changes, with their values before and after.
    pub rows: BTreeMap<u64, (Option<u64>, Option<u64>)>,
    /// What may be seen of it.
    pub rule: Rule,
}

/// What children do.
pub trait Workload: Send + Sync {
    /// The next step, from what is there.
    fn plan(&self, dice: &Dice, now: &State) -> Step;

    /// Does it.
    fn act<'a>(&'a self, db: &'a Db, step: &'a Step) -> BoxFuture<'a, s3orm::Result<()>>;

    /// Does a step again that was cut off, where that finishes it: it is as after then.
    fn finish<'a>(&'a self, db: &'a Db, step: &'a Step) -> BoxFuture<'a, s3orm::Result<()>>;

    /// How its clients connect.
    fn connection(&self, builder: DbBuilder) -> DbBuilder {
        builder
    }

    /// All rows, each of them whole.
    fn read<'a>(&'a self, db: &'a Db) -> BoxFuture<'a, anyhow::Result<State>> {
        Box::pin(read(db))
    }

    /// After all: nothing is left but the rows.
    fn clean_up<'a>(&'a self, db: &'a Db) -> BoxFuture<'a, anyhow::Result<()>> {
        let _ = db;
        Box::pin(std::future::ready(Ok(())))
    }
}

/// The workload of a name.
///
/// # Errors
/// There is none.
pub fn workload(name: &str) -> anyhow::Result<Box<dyn Workload>> {
    match name {
        "rows" => Ok(Box::new(Rows)),
        "transfers" => Ok(Box::new(Transfers)),
        _ => bail!("there is no workload `{name}`"),
    }
}

/// What came of a campaign.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Processes that were killed.
    pub kills: u64,
    /// Steps that were acknowledged, by their names.
    pub done: BTreeMap<String, u64>,
    /// Steps that were cut off, by what was seen of them.
    pub open: BTreeMap<String, u64>,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "kills         {:>9}", self.kills)?;
        for (title, figures) in [("acknowledged", &self.done), ("cut off", &self.open)] {
            writeln!(f, "{title:<13} {:>9}", figures.values().sum::<u64>())?;
            for (name, count) in figures {
                writeln!(f, "  {name:<24} {count:>9}")?;
            }
        }
        write!(f, "violations            0")
    }
}

/// The child's side: works until it is killed.
///
/// # Errors
/// An operation fails, or the parent is gone.
pub async fn work(endpoint: &str, name: &str, seed: u64) -> anyhow::Result<()> {
    use std::io::Write as _;
    let (workload, dice) = (workload(name)?, Dice::new(seed));
    let db = workload
        .connection(connect::builder(endpoint))
        .connect()
        .await?;
    let mut out = std::io::stdout().lock();
    let mut now = workload.read(&db).await?;
    writeln!(out, "ready")?;
    loop {
        let step = workload.plan(&dice, &now);
        // One write each: a line is there, or is not.
        out.write_all(format!("{}\n", serde_json::to_string(&step)?).as_bytes())?;
        out.flush()?;
        workload.act(&db, &step).await?;
        out.write_all(b"done\n")?;
        out.flush()?;
        apply(&mut now, &step);
    }
}

/// Kills so many children of `program`, which [`work`]s if it is told to, and compares after each.
///
/// # Errors
/// Something is not there that was acknowledged, or is there by halves.
pub async fn campaign(
    program: &Path,
    name: &str,
    kills: u64,
    seed: u64,
) -> anyhow::Result<Figures> {
    let (workload, dice) = (workload(name)?, Dice::new(seed));
    let server = TestServer::memory().await;
    let (mut figures, mut now) = (Figures::default(), State::new());
    for kill in 0..kills {
        let own = seed.wrapping_mul(1_000_003).wrapping_add(kill);
        let said = child(program, &server.endpoint(), name, own, &dice).await?;
        let context = || format!("after kill {kill} of `--seed {seed}`, which said:\n{said}");
        let open = replay(&said, &mut now, &mut figures).with_context(context)?;
        let db = connect::db(&server.endpoint()).await;
        let found = workload.read(&db).await.with_context(context)?;
        let outcome = compare(&now, &found, open.as_ref()).with_context(context)?;
        now = found;
        if let Some(step) = open {
            let name = format!("{}, {outcome}", step.name);
            *figures.open.entry(name).or_default() += 1;
            if outcome == "in part" && step.rule == Rule::Moves {
                workload.finish(&db, &step).await.with_context(context)?;
                apply(&mut now, &step);
                ensure!(
                    workload.read(&db).await? == now,
                    "not finished {}",
                    context()
                );
            }
        }
        figures.kills += 1;
        server.reset();
    }
    let db = workload.connection(connect::builder(&server.endpoint()));
    let db = db.connect().await?;
    workload.clean_up(&db).await?;
    ensure!(workload.read(&db).await? == now, "cleaned up, and another");
    Ok(figures)
}

/// Starts a child and kills it a moment after it began; what it said.
async fn child(
    program: &Path,
    endpoint: &str,
    name: &str,
    seed: u64,
    dice: &Dice,
) -> anyhow::Result<String> {
    let mut child = Command::new(program)
        .args(["work", endpoint, name, &seed.to_string()])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut output = BufReader::new(child.stdout.take().context("it has an output")?);
    let mut ready = String::new();
    output.read_line(&mut ready).await?;
    ensure!(ready == "ready\n", "the child does not begin");
    let env = s3orm::Env::system();
    env.sleep(Duration::from_micros(dice.below(30_000))).await;
    if let Some(status) = child.try_wait()? {
        bail!("the child ended by itself: {status}");
    }
    // SIGKILL, and the process is gone when this returns.
    child.kill().await?;
    let mut said = String::new();
    output.read_to_string(&mut said).await?;
    // What it had sent may be under way yet, on a connection that the server has not read to its end.
    env.sleep(Duration::from_millis(15)).await;
    Ok(said)
}

/// Applies what was acknowledged; the step that was not.
fn replay(said: &str, now: &mut State, figures: &mut Figures) -> anyhow::Result<Option<Step>> {
    let mut open = None;
    for line in said.split_inclusive('\n') {
        let Some(line) = line.strip_suffix('\n') else {
            break;
        };
        if line == "done" {
            let step: Step = open.take().context("done, and not begun")?;
            apply(now, &step);
            *figures.done.entry(step.name).or_default() += 1;
        } else {
            let step: Step = serde_json::from_str(line)?;
            for (id, (before, _)) in &step.rows {
                ensure!(
                    now.get(id) == before.as_ref(),
                    "the child saw another row {id}"
                );
            }
            open = Some(step);
        }
    }
    Ok(open)
}

/// What was seen of the step that was open; an error if anything is not as it must be.
pub(crate) fn compare(
    now: &State,
    found: &State,
    open: Option<&Step>,
) -> anyhow::Result<&'static str> {
    let no_rows = BTreeMap::new();
    let rows = open.map_or(&no_rows, |step| &step.rows);
    for id in now.keys().chain(found.keys()) {
        let same = now.get(id) == found.get(id);
        ensure!(
            same || rows.contains_key(id),
            "row {id} is {:?}, and {:?} was acknowledged",
            found.get(id),
            now.get(id)
        );
    }
    let (mut before, mut after) = (0, 0);
    for (id, (old, new)) in rows {
        let row = found.get(id).copied();
        ensure!(
            row == *old || row == *new,
            "row {id} is {row:?}, neither {old:?} nor {new:?}"
        );
        before += usize::from(row == *old);
        after += usize::from(row == *new);
    }
    let seen = match rows.len() {
        all if before == all => "not applied",
        all if after == all => "applied",
        _ => "in part",
    };
    match open.map(|step| step.rule) {
        Some(Rule::Together) => ensure!(seen != "in part", "a half of {open:?} is there"),
        Some(Rule::Moves) => {
            let left = rows.keys().any(|id| found.contains_key(id));
            ensure!(left, "the row of {open:?} is lost");
        }
        _ => {}
    }
    Ok(seen)
}

fn apply(now: &mut State, step: &Step) {
    for (&id, &(_, after)) in &step.rows {
        match after {
            Some(value) => now.insert(id, value),
            None => now.remove(&id),
        };
    }
}

/// All rows, each of them whole.
pub(crate) async fn read(db: &Db) -> anyhow::Result<State> {
    let mut state = State::new();
    for row in db.table::<Item>().query().scan().all().await? {
        ensure!(row == Item::new(row.id, row.value), "half a row: {row:?}");
        state.insert(row.id, row.value);
    }
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(rule: Rule) -> Step {
        Step {
            name: "both".to_owned(),
            rows: [(1, (Some(10), None)), (2, (None, Some(20)))].into(),
            rule,
        }
    }

    /// What is said of these rows after a step that was cut off, from rows 1 and 3.
    fn seen(rule: Rule, found: impl Into<State>) -> Option<&'static str> {
        let now = [(1, 10), (3, 30)].into();
        compare(&now, &found.into(), Some(&step(rule))).ok()
    }

    #[test]
    fn what_is_lost_or_there_by_halves_is_noticed() {
        for rule in [Rule::Each, Rule::Together, Rule::Moves] {
            assert_eq!(seen(rule, [(1, 10), (3, 30)]), Some("not applied"));
            assert_eq!(seen(rule, [(2, 20), (3, 30)]), Some("applied"));
            assert_eq!(seen(rule, [(2, 20)]), None, "an acknowledged row is lost");
            assert_eq!(seen(rule, [(2, 20), (3, 31)]), None, "or is another");
            assert_eq!(
                seen(rule, [(1, 11), (3, 30)]),
                None,
                "a row that nobody wrote"
            );
            assert_eq!(seen(rule, [(1, 10), (3, 30), (4, 1)]), None, "and one more");
        }
        let both = [(1, 10), (2, 20), (3, 30)];
        assert_eq!(seen(Rule::Each, both), Some("in part"));
        assert_eq!(seen(Rule::Moves, both), Some("in part"));
        assert_eq!(seen(Rule::Together, both), None);
        assert_eq!(seen(Rule::Each, [(3, 30)]), Some("in part"));
        assert_eq!(
            seen(Rule::Moves, [(3, 30)]),
            None,
            "a row is lost on its way"
        );
    }

    #[test]
    fn the_last_line_may_be_cut_off() {
        let line = serde_json::to_string(&step(Rule::Each)).expect("a line");
        let figures = &mut Figures::default();
        let mut read = |said: String| {
            let mut now = State::from([(1, 10)]);
            let open = replay(&said, &mut now, figures).expect("lines");
            (now, open.is_some())
        };
        assert_eq!(read(line[..20].to_owned()), ([(1, 10)].into(), false));
        assert_eq!(read(format!("{line}\n")), ([(1, 10)].into(), true));
        assert_eq!(read(format!("{line}\ndon")), ([(1, 10)].into(), true));
        assert_eq!(read(format!("{line}\ndone\n")), ([(2, 20)].into(), false));
    }
}
