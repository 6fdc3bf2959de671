//! The library in a simulated world: the short form. The long one is `--bin simulate`.
#![allow(clippy::print_stderr, reason = "a failing seed must be told of")]

use s3orm_tests::sim::{self, Figures, Mutant, Shape};

#[test]
fn two_thousand_seeds_without_a_violation() {
    let mut figures = Figures::default();
    for seed in 0..2000 {
        let run = sim::run(seed, Mutant::None, false);
        assert!(
            run.violations.is_empty(),
            "cargo run -p s3orm-tests --bin simulate -- --seed {seed}\n{:#?}",
            run.violations
        );
        figures += &run.figures;
    }
    eprintln!("{figures}");
    assert!(figures.requests > 100_000 && figures.faults.len() == 12);
    let unknown = figures.outcomes.get("OutcomeUnknown");
    assert!(unknown.is_some_and(|unknown| *unknown > 1000));
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

#[test]
fn a_thousand_histories_are_strictly_serializable() {
    let mut figures = Figures::default();
    let shapes = [(Shape::Histories, 990), (Shape::LongHistories, 10)];
    for (shape, seeds) in shapes {
        for seed in 0..seeds {
            let run = sim::run_history(seed, Mutant::None, shape, false);
            assert!(
                run.violations.is_empty(),
                "cargo run -p s3orm-tests --bin simulate -- --histories --seed {seed}\n{:#?}",
                run.violations
            );
            figures += &run.figures;
        }
    }
    eprintln!("{figures}");
    let count = |name| figures.outcomes.get(name).copied().unwrap_or_default();
    let unknown = count("OutcomeUnknown") + count("crashed");
    let all: u64 = figures.outcomes.values().sum();
    assert!(unknown * 20 >= all, "{unknown} of {all} are unknown");
}

/// By the history alone, which knows nothing of what the operations promise: a store that ignores
/// the condition of an insert or of a deletion is not among them, as what it does is in one order.
#[test]
fn what_is_broken_is_seen_in_the_histories() {
    let seen_by_it = [
        Mutant::IgnoresIfMatch,
        Mutant::ForgetsWrites,
        Mutant::AnswersStale,
        Mutant::SendsAgain,
        Mutant::UpdatesBlindly,
        Mutant::TakesUnknownForFailed,
        Mutant::TakesUnknownForDone,
    ];
    for mutant in seen_by_it {
        let anomalies = |seed| {
            let history = sim::history(seed, mutant, Shape::Histories, false);
            s3orm_tests::history::check(&sim::recorded::recorded(&history))
        };
        let seen = (0..50).map(anomalies).position(|found| !found.is_empty());
        eprintln!("{mutant:?} is seen in seed {seen:?}");
        assert!(seen.is_some(), "{mutant:?} is not seen");
    }
}

/// Transactions, snapshots and operations of single rows, while others collect what is left.
#[test]
fn transactions_are_all_or_nothing_and_of_one_order() {
    let figures = many_seeds(Shape::Transactions, "--transactions");
    assert!(figures.requests > 200_000 && figures.faults.len() == 12);
    let count = |name| figures.outcomes.get(name).copied().unwrap_or_default();
    let unknown = count("OutcomeUnknown") + count("crashed");
    let all: u64 = figures.outcomes.values().sum();
    assert!(unknown * 20 >= all, "{unknown} of {all} are unknown");
}

/// The same while rows are looked up by their values, and others repair the indexes.
#[test]
fn rows_are_found_by_their_values_and_no_name_is_used_twice() {
    let figures = many_seeds(Shape::Indexes, "--indexes");
    assert!(figures.requests > 200_000 && figures.faults.len() == 12);
    assert!(figures.operations["LookUp"] > 1000 && figures.operations["Repair"] > 100);
    assert!(figures.outcomes["UniqueViolation"] > 100);
}

/// Without a violation; their figures.
fn many_seeds(shape: Shape, option: &str) -> Figures {
    let mut figures = Figures::default();
    for seed in 0..250 {
        let run = sim::run_history(seed, Mutant::None, shape, false);
        assert!(
            run.violations.is_empty(),
            "cargo run -p s3orm-tests --bin simulate -- {option} --seed {seed}\n{:#?}",
            run.violations
        );
        figures += &run.figures;
    }
    eprintln!("{figures}");
    figures
}

#[test]
fn the_same_seed_is_the_same_run_of_transactions_and_indexes() {
    for shape in [Shape::Transactions, Shape::Indexes] {
        for seed in 0..5 {
            let [once, again] = [(); 2].map(|()| sim::run_history(seed, Mutant::None, shape, true));
            assert_eq!(once.trace, again.trace, "seed {seed}");
            assert_eq!(once.hash, again.hash, "seed {seed}");
        }
    }
}

#[test]
fn whatever_is_broken_is_seen_in_transactions() {
    each_is_seen(Shape::Transactions, &Mutant::BROKEN_FOR_TRANSACTIONS);
}

#[test]
fn whatever_is_broken_is_seen_in_indexes() {
    each_is_seen(Shape::Indexes, &Mutant::BROKEN_FOR_INDEXES);
}

fn each_is_seen(shape: Shape, broken: &[(Mutant, u64)]) {
    let mut unseen = Vec::new();
    for &(mutant, from) in broken {
        let violations = |seed| sim::run_history(seed, mutant, shape, false).violations;
        let mut seeds = (from..from + 50).map(|seed| (seed, violations(seed)));
        let seen = seeds.find(|(_, violations)| !violations.is_empty());
        let seen = seen.map(|(seed, violations)| (seed, violations[0].clone()));
        eprintln!("{mutant:?} is seen: {seen:#?}");
        if seen.is_none() {
            unseen.push(mutant);
        }
    }
    assert!(unseen.is_empty(), "{unseen:?} are not seen");
}
