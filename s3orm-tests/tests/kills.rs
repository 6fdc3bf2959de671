//! Processes that are killed while they write over TCP: the short form. The long one is `--bin kills`.
#![allow(clippy::print_stderr, reason = "figures")]

use std::path::Path;

use s3orm_tests::{kills, migrated};

#[tokio::test]
async fn what_a_killed_process_was_told_is_there_and_nothing_by_halves() {
    let program = Path::new(env!("CARGO_BIN_EXE_kills"));
    let figures = kills::campaign(program, "rows", 100, 7).await;
    let figures = figures.expect("nothing lost and nothing half");
    eprintln!("{figures}");
    assert_eq!(figures.kills, 100);
    assert!(figures.done.values().sum::<u64>() > 100, "children do work");
    assert!(!figures.open.is_empty(), "kills are in the middle of it");
}

#[tokio::test]
async fn transactions_of_killed_processes_are_there_as_a_whole_or_not() {
    let program = Path::new(env!("CARGO_BIN_EXE_kills"));
    let figures = kills::campaign(program, "transfers", 100, 7).await;
    let figures = figures.expect("nothing lost and nothing half");
    eprintln!("{figures}");
    assert_eq!(figures.kills, 100);
    assert!(figures.done.len() > 1, "children do work");
    assert!(!figures.open.is_empty(), "kills are in the middle of it");
}

/// Kills 5 times what migrates 3,000 rows while eight writers go on; the long form has 20,000 and twenty.
async fn migrated(back: bool, seed: u64) -> migrated::Figures {
    let program = Path::new(env!("CARGO_BIN_EXE_kills"));
    let plan = migrated::Plan {
        rows: 3000,
        kills: 5,
        back,
        side_by_side: false,
        seed,
    };
    let figures = migrated::campaign(program, plan).await;
    let figures = figures.expect("no update lost, and no row left or rewritten in vain");
    eprintln!("{figures}");
    assert_eq!(figures.kills, 5);
    assert!(figures.rewritten > 1000, "most rows by the job");
    let old = &figures.writers["old"];
    assert!(old.done > 0, "old programs write");
    assert!(old.refused > 0, "but no newer rows");
    figures
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_is_taken_up_where_its_process_was_killed() {
    let figures = migrated(false, 7).await;
    assert!(figures.writers["new"].done > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_way_back_is_taken_up_where_its_process_was_killed() {
    let writers = migrated(true, 11).await.writers;
    assert!(writers["both"].done > 0);
    let done = writers["new"].done;
    assert_eq!(done, 0, "it cannot write the older version");
}
