//! Breaks HTTP requests, and looks at what clients make of it: `s3orm_tests::proxy::campaign`.
//!
//!     cargo run --release -p s3orm-tests --bin http_faults -- --faults 10000
//!
//!     cargo run --release -p s3orm-tests --bin http_faults -- --bank 100      # steps of 64 clients
//!
//! `--seed N` breaks others. Prints figures; fails where a client was told what is not so.
#![allow(clippy::print_stdout)]

use anyhow::{Context as _, bail};
use s3orm_tests::proxy::{bank, campaign};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let usage = "usage: http_faults [--faults N | --bank STEPS] [--seed N]";
    let (mut faults, mut seed, mut steps) = (10_000, 1, None);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { bail!(usage) };
        match name.as_str() {
            "--faults" => faults = value.parse().context(usage)?,
            "--bank" => steps = Some(value.parse().context(usage)?),
            "--seed" => seed = value.parse().context(usage)?,
            _ => bail!(usage),
        }
    }
    if let Some(steps) = steps {
        println!("{}", bank::run(64, steps, seed).await?);
        return Ok(());
    }
    println!("{}", campaign::run(faults, seed).await?);
    Ok(())
}
