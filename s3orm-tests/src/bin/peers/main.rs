//! s3orm beside other libraries for the job, on one server, with the same rows, in one run: the
//! client's CPU and its time by the clock, as a table, a page and plots.
//!
//! ```text
//! cargo run --release -p s3orm-tests --bin peers
//! ```
//!
//! Installs s3aads and boto3 (with `python3`) and s3db.js (with `node` and `npm`) into `target/peers`
//! where they are not yet; says which it cannot find and goes on with the others. Every client is a
//! process of its own, and so is the server. They take turns in `--rounds N` (5), after one that is not
//! counted, over `--rows N` (1,000). `--page FILE` is what is written, with its plots in `plots/`
//! beside it (`docs/benchmarks.md` of this repository), `--no-page` none; `--folder DIR` is where the
//! peers are installed, `--only PEER` leaves the others out, `--alone` all of them.
//!
//! Fails if s3aads or s3db.js takes less than ten times the CPU of s3orm, by the middle of the
//! rounds, in any task but the listing of keys.
#![allow(clippy::print_stdout)]

mod figures;
mod find;
mod ours;
mod page;
mod plot;
mod program;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use s3orm_tests::process::{self, ServerProcess};

use crate::figures::{Client, Measure, Outcome};
use crate::ours::Person;
use crate::page::Page;
use crate::program::{Program, Setting};

const TASKS: [&str; 8] = [
    "insert",
    "get",
    "update",
    "delete",
    "rows of one partition",
    "distinct",
    "count",
    "list keys",
];
/// The date of the partition that is queried.
const DATE: &str = "2024-01-03";

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if_eq("serve").is_some() {
        runtime.block_on(process::serve());
        return Ok(());
    }
    if arguments.next_if_eq("client").is_some() {
        return runtime.block_on(ours::rounds());
    }
    let asked = Asked::read(arguments)?;
    let outcome = compare(&asked)?;
    let page = Page::new(&outcome, asked.rows, asked.rounds);
    println!("\n{}", page.tables());
    if let Some(file) = &asked.page {
        page.write(file)?;
        println!("written: {}", file.display());
    }
    check(&outcome)
}

struct Asked {
    rows: u64,
    rounds: usize,
    folder: PathBuf,
    only: Vec<String>,
    alone: bool,
    page: Option<PathBuf>,
}

impl Asked {
    fn read(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut asked = Self {
            rows: 1_000,
            rounds: 5,
            folder: repository.join("target/peers"),
            only: Vec::new(),
            alone: false,
            page: Some(repository.join("docs/benchmarks.md")),
        };
        while let Some(option) = arguments.next() {
            let mut value = || {
                let value = arguments.next();
                value.with_context(|| format!("`{option}` needs a value"))
            };
            match option.as_str() {
                "--rows" => asked.rows = value()?.parse()?,
                "--rounds" => asked.rounds = value()?.parse()?,
                "--folder" => asked.folder = value()?.into(),
                "--only" => asked.only.push(value()?),
                "--alone" => asked.alone = true,
                "--page" => asked.page = Some(value()?.into()),
                "--no-page" => asked.page = None,
                _ => bail!("no option `{option}`"),
            }
        }
        ensure!(asked.rows >= 100, "100 rows at least");
        ensure!(asked.rounds >= 1, "one round at least");
        Ok(asked)
    }

    fn wants(&self, peer: &str) -> bool {
        !self.alone && (self.only.is_empty() || self.only.iter().any(|name| name == peer))
    }
}

/// Every client's rounds, in turns.
fn compare(asked: &Asked) -> anyhow::Result<Outcome> {
    let mut rows = tempfile::NamedTempFile::new()?;
    for id in 0..asked.rows {
        serde_json::to_writer(&mut rows, &Person::new(id))?;
        rows.write_all(b"\n")?;
    }
    rows.flush()?;
    let server = ServerProcess::start(&["serve"])?;
    let setting = Setting {
        endpoint: server.endpoint(),
        rows: rows.path(),
        date: DATE,
    };

    let mut ours = Program::start(find::ours("s3orm")?, &setting)?;
    let mut again = Program::start(find::ours("s3orm-again")?, &setting)?;
    let mut programs = Vec::new();
    for peer in find::PEERS.iter().filter(|peer| asked.wants(peer.name)) {
        let started = peer
            .find(&asked.folder)
            .and_then(|command| Program::start(command, &setting));
        match started {
            Ok(program) => programs.push((program, Vec::new())),
            Err(error) => println!("left out: {}: {error:#}", peer.name),
        }
    }

    let (mut our_rounds, mut again_rounds) = (Vec::new(), Vec::new());
    for number in 0..=asked.rounds {
        our_rounds.push(ours.round(number)?);
        again_rounds.push(again.round(number)?);
        programs.retain_mut(|(program, rounds)| match program.round(number) {
            Ok(round) => {
                rounds.push(round);
                true
            }
            Err(error) => {
                println!("left out: {} broke off: {error:#}", program.name());
                false
            }
        });
        println!("round {number} of {} is done", asked.rounds);
    }
    let peers = programs.into_iter();
    Ok(Outcome {
        ours: Client::warm(ours.name(), our_rounds),
        again: Client::warm(again.name(), again_rounds),
        peers: peers
            .map(|(program, rounds)| Client::warm(program.name(), rounds))
            .collect(),
    })
}

fn check(outcome: &Outcome) -> anyhow::Result<()> {
    // boto3 is no library for the job, and whoever only lists keys does little beside it.
    let compared = outcome.peers.iter();
    for peer in compared.filter(|peer| !peer.name.starts_with("boto3")) {
        for task in TASKS.into_iter().filter(|task| *task != "list keys") {
            let Some(ratio) = outcome.ratio(peer, task, Measure::Cpu) else {
                continue;
            };
            let (name, ratio) = (&peer.name, ratio.middle);
            ensure!(ratio >= 10.0, "{task}: {name} takes {ratio:.1} times ours");
        }
    }
    Ok(())
}
