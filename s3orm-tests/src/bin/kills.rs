//! Kills processes at work, and looks at what they leave: `s3orm_tests::kills` says how.
//!
//!     cargo run --release -p s3orm-tests --bin kills -- --kills 1000
//!
//! `--workload NAME` and `--seed N` choose others. Prints figures; fails at the first thing that is
//! not as it was acknowledged.
#![allow(clippy::print_stdout)]

use anyhow::{Context as _, bail};
use s3orm_tests::kills;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let usage = "usage: kills [--kills N] [--seed N] [--workload NAME]";
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [work, endpoint, workload, seed] = &arguments[..]
        && work == "work"
    {
        return kills::work(endpoint, workload, seed.parse()?).await;
    }
    let (mut count, mut seed, mut workload) = (200, 1, "rows");
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { bail!(usage) };
        match name.as_str() {
            "--kills" => count = value.parse().context(usage)?,
            "--seed" => seed = value.parse().context(usage)?,
            "--workload" => workload = value,
            _ => bail!(usage),
        }
    }
    let figures = kills::campaign(&std::env::current_exe()?, workload, count, seed).await?;
    println!("{figures}");
    Ok(())
}
