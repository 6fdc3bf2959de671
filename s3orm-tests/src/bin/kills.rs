//! Kills processes at work, and looks at what they leave: `s3orm_tests::kills` says how.
//!
//!     cargo run --release -p s3orm-tests --bin kills -- --kills 1000
//!
//! `--workload NAME` and `--seed N` choose others. Prints figures; fails at the first thing that is
//! not as it was acknowledged.
//!
//!     cargo run --release -p s3orm-tests --bin kills -- --workload migration --kills 20 --rows 20000
//!
//! kills migrations of a table that others write: `s3orm_tests::migrated` says how. `--workload migration-back`
//! kills those that bring it back to the version before.
#![allow(clippy::print_stdout)]

use std::time::Duration;

use anyhow::{Context as _, bail};
use s3orm_tests::{kills, migrated};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let usage = "usage: kills [--kills N] [--seed N] [--workload NAME] [--rows N]";
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [work, endpoint, workload, seed] = &arguments[..]
        && work == "work"
    {
        return kills::work(endpoint, workload, seed.parse()?).await;
    }
    if let [migrate, endpoint, settle, way] = &arguments[..]
        && migrate == "migrate"
    {
        let settle = Duration::from_secs(settle.parse()?);
        return migrated::work(endpoint, settle, way == "down").await;
    }
    let (mut count, mut seed, mut workload, mut rows) = (200, 1, "rows", 20_000);
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { bail!(usage) };
        match name.as_str() {
            "--kills" => count = value.parse().context(usage)?,
            "--seed" => seed = value.parse().context(usage)?,
            "--workload" => workload = value,
            "--rows" => rows = value.parse().context(usage)?,
            _ => bail!(usage),
        }
    }
    if let "migration" | "migration-back" = workload {
        let plan = migrated::Plan {
            rows,
            kills: count,
            back: workload == "migration-back",
            side_by_side: true,
            seed,
        };
        let figures = migrated::campaign(&std::env::current_exe()?, plan).await?;
        println!("{figures}");
        return Ok(());
    }
    let figures = kills::campaign(&std::env::current_exe()?, workload, count, seed).await?;
    println!("{figures}");
    Ok(())
}
