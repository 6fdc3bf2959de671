//! The library in a simulated world: the short form. The long one is `--bin simulate`.
#![allow(clippy::print_stderr, reason = "a failing seed must be told of")]

use s3orm_tests::sim::{self, Figures, Mutant};

#[test]
fn two_hundred_seeds_without_a_violation() {
    let mut figures = Figures::default();
    for seed in 0..200 {
        let run = sim::run(seed, Mutant::None, false);
        assert!(
            run.violations.is_empty(),
            "cargo run -p s3orm-tests --bin simulate -- --seed {seed}\n{:#?}",
            run.violations
        );
        figures += &run.figures;
    }
    eprintln!("{figures}");
    assert!(figures.requests > 10_000 && figures.faults.len() == 12);
    let unknown = figures.outcomes.get("OutcomeUnknown");
    assert!(unknown.is_some_and(|unknown| *unknown > 100));
}

#[test]
fn the_same_seed_is_the_same_run() {
    let mut hashes = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let [once, again] = [(); 2].map(|()| sim::run(seed, Mutant::None, true));
        assert_eq!(once.trace, again.trace, "seed {seed}");
        assert_eq!(once.hash, again.hash, "seed {seed}");
        hashes.insert(once.hash);
    }
    assert_eq!(hashes.len(), 50, "other seeds are other runs");
}

#[test]
fn whatever_is_broken_is_seen() {
    for mutant in Mutant::BROKEN {
        let mut seeds = (0..50).map(|seed| (seed, sim::run(seed, mutant, false).violations));
        let seen = seeds.find(|(_, violations)| !violations.is_empty());
        eprintln!("{mutant:?} is seen: {seen:#?}");
        assert!(seen.is_some(), "{mutant:?} is not seen");
    }
}
