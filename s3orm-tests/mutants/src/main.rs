//! Counts the changes that no test notices, with one build for all of them.
//!
//! `cargo mutants` builds the tests anew for each change, which takes a minute or two here, and a night
//! for some hundred. This asks it for its list, puts all of the changes into one copy of the library,
//! each behind a condition, leaves out those that do not compile, builds once, and runs the tests once
//! for each change.

mod compile;
mod list;
mod rewrite;
mod run;

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use serde::{Deserialize, Serialize};

use compile::{Program, Tree};
use list::Mutant;
use run::{Outcome, run};

#[derive(Parser)]
#[command(about = "Counts the changes of s3orm that no test notices")]
struct Arguments {
    /// A test program of s3orm-tests that is to notice them; may be given more than once.
    #[arg(long = "test", required = true)]
    tests: Vec<String>,
    /// Changes that are tried at once.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// How often the tests must pass without a change before any is tried, as many at once as changes will be.
    #[arg(long, default_value_t = 4)]
    rehearsals: usize,
    /// Go on where a run before has stopped.
    #[arg(long)]
    resume: bool,
    /// Try those again that a run before has missed.
    #[arg(long, conflicts_with = "resume")]
    missed: bool,
    /// What `cargo mutants --list` is given, to choose the changes.
    #[arg(last = true)]
    choice: Vec<String>,
}

/// A line of the file of outcomes.
#[derive(Serialize, Deserialize)]
struct Line {
    name: String,
    outcome: Outcome,
    seconds: f64,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .context("a workspace")?;
    let mutants = list::list(workspace, &arguments.choice)?;
    let (mut programs, refused) =
        Tree::copy(workspace, "s3orm", &arguments.tests)?.build(&mutants)?;
    let slowest = rehearse(&mut programs, &arguments)?;
    let limit = slowest * 4 + Duration::from_secs(20);

    let path = workspace.join("target/mutants/outcomes.jsonl");
    let goes_on = arguments.resume || arguments.missed;
    let mut known = if goes_on {
        read(&path)?
    } else {
        BTreeMap::new()
    };
    known.retain(|_, outcome| !arguments.missed || *outcome != Outcome::Missed);
    let mut file = File::options()
        .create(true)
        .append(goes_on)
        .write(true)
        .truncate(!goes_on)
        .open(&path)?;
    let open = (0..mutants.len())
        .filter(|number| !refused.contains(number) && !known.contains_key(&mutants[*number].name));
    let outcomes = try_all(
        &mutants,
        open.collect(),
        &programs,
        limit,
        arguments.jobs,
        &mut file,
    )?;
    drop(file);
    report(&mutants, refused.len(), &read(&path)?, outcomes, &path);
    Ok(())
}

/// Orders the programs by how long they take, and returns the longest time.
fn rehearse(programs: &mut [Program], arguments: &Arguments) -> Result<Duration> {
    let mut times = BTreeMap::new();
    for program in &*programs {
        let rounds = arguments.rehearsals.div_ceil(arguments.jobs);
        for _ in 0..rounds {
            let start = Instant::now();
            let one = std::slice::from_ref(program);
            let run = || run(one, None, Duration::from_mins(30));
            let outcomes = thread::scope(|scope| {
                let all: Vec<_> = (0..arguments.jobs).map(|_| scope.spawn(run)).collect();
                all.into_iter()
                    .map(|one| one.join().expect("does not panic"))
                    .collect::<Result<Vec<_>>>()
            })?;
            ensure!(
                outcomes.iter().all(|outcome| *outcome == Outcome::Missed),
                "{} fails without a change",
                program.name
            );
            let time = times.entry(program.name.clone()).or_insert(Duration::ZERO);
            *time = start.elapsed().max(*time);
        }
    }
    programs.sort_by_key(|program| times[&program.name]);
    for program in &*programs {
        eprintln!(
            "{} takes {:.1} s",
            program.name,
            times[&program.name].as_secs_f64()
        );
    }
    times.into_values().max().context("there is a test")
}

fn try_all(
    mutants: &[Mutant],
    open: VecDeque<usize>,
    programs: &[Program],
    limit: Duration,
    jobs: usize,
    file: &mut File,
) -> Result<usize> {
    let count = open.len();
    let (open, file) = (Mutex::new(open), Mutex::new(file));
    thread::scope(|scope| {
        let worker = || -> Result<()> {
            loop {
                let next = open
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .pop_front();
                let Some(number) = next else { return Ok(()) };
                let start = Instant::now();
                let outcome = run(programs, Some(number), limit)?;
                let line = Line {
                    name: mutants[number].name.clone(),
                    outcome,
                    seconds: start.elapsed().as_secs_f64(),
                };
                let text = serde_json::to_string(&line)?;
                writeln!(
                    file.lock().unwrap_or_else(PoisonError::into_inner),
                    "{text}"
                )?;
            }
        };
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(worker)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().expect("does not panic"))
    })?;
    Ok(count)
}

fn read(path: &PathBuf) -> Result<BTreeMap<String, Outcome>> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    text.lines()
        .map(|line| Ok(serde_json::from_str::<Line>(line).map(|line| (line.name, line.outcome))?))
        .collect()
}

fn report(
    mutants: &[Mutant],
    refused: usize,
    known: &BTreeMap<String, Outcome>,
    tried: usize,
    path: &Path,
) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for outcome in mutants.iter().filter_map(|mutant| known.get(&mutant.name)) {
        let kind = match outcome {
            Outcome::Noticed(_) => "noticed",
            Outcome::TimedOut(_) => "noticed: the tests do not end",
            Outcome::Missed => "missed",
        };
        *counts.entry(kind).or_default() += 1;
    }
    println!(
        "{} changes, {tried} tried now, all outcomes in {}",
        mutants.len(),
        path.display()
    );
    println!("{refused:>6} do not compile");
    for (kind, count) in counts {
        println!("{count:>6} {kind}");
    }
    for mutant in mutants
        .iter()
        .filter(|mutant| known.get(&mutant.name) == Some(&Outcome::Missed))
    {
        println!("missed: {}", mutant.name);
    }
}
