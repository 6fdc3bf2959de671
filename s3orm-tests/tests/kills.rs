//! Processes that are killed while they write over TCP: the short form. The long one is `--bin kills`.
#![allow(clippy::print_stderr, reason = "figures")]

use std::path::Path;

use s3orm_tests::{kills, migrated};

#[tokio::test]
async fn what_a_killed_process_was_told_is_there_and_nothing_by_halves() {
    let program = Path::new(env!("CARGO_BIN_EXE_kills"));
    let figures = kills::campaign(program, "rows", 25, 7).await;
    let figures = figures.expect("nothing lost and nothing half");
    eprintln!("{figures}");
    assert_eq!(figures.kills, 25);
    assert!(figures.done.values().sum::<u64>() > 25, "children do work");
    assert!(!figures.open.is_empty(), "kills are in the middle of it");
}

#[tokio::test]
async fn transactions_of_killed_processes_are_there_as_a_whole_or_not() {
    let program = Path::new(env!("CARGO_BIN_EXE_kills"));
    let figures = kills::campaign(program, "transfers", 25, 7).await;
    let figures = figures.expect("nothing lost and nothing half");
    eprintln!("{figures}");
    assert_eq!(figures.kills, 25);
    assert!(figures.done.len() > 1, "children do work");
    assert!(!figures.open.is_empty(), "kills are in the middle of it");
}

/// 3,000 rows, eight writers and five kills; the long form has 20,000 and twenty.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_is_taken_up_where_its_process_was_killed() {
    let program = Path::new(env!("CARGO_BIN_EXE_kills"));
    let plan = migrated::Plan {
        rows: 3000,
        kills: 5,
        back: false,
        side_by_side: false,
        seed: 7,
    };
    let figures = migrated::campaign(program, plan).await;
    let figures = figures.expect("no update lost, and no row left or rewritten in vain");
    eprintln!("{figures}");
    assert_eq!(figures.kills, 5);
    assert!(
        figures.rewritten > 1000,
        "most rows are rewritten by the job"
    );
    assert!(figures.writers["old"].done > 0, "old programs write");
    assert!(
        figures.writers["old"].refused > 0,
        "and are told of newer rows"
    );
    assert!(figures.writers["new"].done > 0);
}

/// The same the other way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_way_back_is_taken_up_where_its_process_was_killed() {
    let program = Path::new(env!("CARGO_BIN_EXE_kills"));
    let plan = migrated::Plan {
        rows: 3000,
        kills: 5,
        back: true,
        side_by_side: false,
        seed: 11,
    };
    let figures = migrated::campaign(program, plan).await;
    let figures = figures.expect("no update lost, and no row left or rewritten in vain");
    eprintln!("{figures}");
    assert_eq!(figures.kills, 5);
    assert!(
        figures.rewritten > 1000,
        "most rows are rewritten by the job"
    );
    assert!(figures.writers["old"].done > 0, "old programs write");
    assert!(figures.writers["old"].refused > 0, "but no newer rows");
    assert!(figures.writers["both"].done > 0);
    assert_eq!(
        figures.writers["new"].done, 0,
        "it cannot write the older version"
    );
}
