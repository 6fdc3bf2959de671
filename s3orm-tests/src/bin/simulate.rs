//! The library in a simulated world, seed by seed: `s3orm_tests::sim` says how.
//!
//!     cargo run --release -p s3orm-tests --bin simulate -- --seeds 20000
//!     cargo run --release -p s3orm-tests --bin simulate -- --seed 42      # one, with all its events
//!
//! `--from N` begins with another seed. Prints figures; fails if there was a violation, and says
//! which seeds to run again.
#![allow(clippy::print_stdout)]

use anyhow::{Context as _, bail, ensure};
use s3orm_tests::sim::{self, Figures, Mutant};

fn main() -> anyhow::Result<()> {
    let usage = "usage: simulate [--seeds N] [--from N] [--seed N]";
    let (mut seeds, mut from, mut one) = (1000, 0, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let number: u64 = arguments.next().context(usage)?.parse().context(usage)?;
        match name.as_str() {
            "--seeds" => seeds = number,
            "--from" => from = number,
            "--seed" => one = Some(number),
            _ => bail!(usage),
        }
    }
    if let Some(seed) = one {
        let run = sim::run(seed, Mutant::None, true);
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
        let run = sim::run(seed, Mutant::None, false);
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
