//! The library in a simulated world, seed by seed: `s3orm_tests::sim` says how.
//!
//!     cargo run --release -p s3orm-tests --bin simulate -- --seeds 20000
//!     cargo run --release -p s3orm-tests --bin simulate -- --seed 42      # one, with all its events
//!
//! `--from N` begins with another seed; `--histories` and `--long-histories` check whole histories
//! besides, where nothing is sent twice (`s3orm_tests::history`); `--transactions` is another world, of
//! transactions, with its histories; `--indexes` is the same with an index and a unique column;
//! `--broken NAME` breaks a world, by the names of `sim::Mutant`; `--twice` runs each seed again, which must
//! be the same run. Prints figures; fails if there was a violation, and says which seeds to run again.
#![allow(clippy::print_stdout)]

use anyhow::{Context as _, bail, ensure};
use s3orm_tests::sim::{self, Figures, Mutant, Run, Shape};

fn main() -> anyhow::Result<()> {
    let usage = "usage: simulate [--histories | --long-histories | --transactions | --indexes] [--twice] [--seeds N] [--from N] [--seed N] [--broken NAME]";
    let (mut seeds, mut from, mut one) = (1000, 0, None);
    let (mut mutant, mut twice) = (Mutant::None, false);
    let mut shape = Shape::Rows;
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let histories = match name.as_str() {
            "--histories" => Some(Shape::Histories),
            "--long-histories" => Some(Shape::LongHistories),
            "--transactions" => Some(Shape::Transactions),
            "--indexes" => Some(Shape::Indexes),
            _ => None,
        };
        if let Some(histories) = histories {
            shape = histories;
            continue;
        }
        if name == "--twice" {
            twice = true;
            continue;
        }
        if name == "--broken" {
            let name = arguments.next().context(usage)?;
            let more = Mutant::BROKEN_FOR_TRANSACTIONS.into_iter();
            let more = more.chain(Mutant::BROKEN_FOR_INDEXES);
            let mut all = Mutant::BROKEN
                .into_iter()
                .chain(more.map(|(mutant, _)| mutant));
            let found = all.find(|mutant| format!("{mutant:?}") == name);
            mutant = found.context("there is no such mutant")?;
            continue;
        }
        let number: u64 = arguments.next().context(usage)?.parse().context(usage)?;
        match name.as_str() {
            "--seeds" => seeds = number,
            "--from" => from = number,
            "--seed" => one = Some(number),
            _ => bail!(usage),
        }
    }
    if let Some(seed) = one {
        let run = run(seed, mutant, shape, true);
        for event in &run.trace {
            println!("{event}");
        }
        for violation in &run.violations {
            println!("violation: {violation}");
        }
        println!("hash {:016x}", run.hash);
        ensure!(run.violations.is_empty(), "seed {seed} has violations");
        return Ok(());
    }
    let (mut figures, mut failed) = (Figures::default(), 0);
    for seed in from..from + seeds {
        let run = || run(seed, mutant, shape, false);
        let (run, again) = (run(), twice.then(run));
        ensure!(
            again.is_none_or(|again| again.hash == run.hash),
            "seed {seed} is another run the second time"
        );
        figures += &run.figures;
        if let Some(first) = run.violations.first() {
            println!("seed {seed}: {first}");
            failed += 1;
        }
    }
    println!("{figures}");
    ensure!(
        failed == 0,
        "{failed} seeds have violations: see each by `--seed N`"
    );
    Ok(())
}

fn run(seed: u64, mutant: Mutant, shape: Shape, verbose: bool) -> Run {
    match shape {
        Shape::Rows => sim::run(seed, mutant, verbose),
        _ => sim::run_history(seed, mutant, shape, verbose),
    }
}
