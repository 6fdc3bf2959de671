//! A small crate that depends on s3orm alone, and what it costs to build.

use std::fmt::{self, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use s3orm_tests::process;

use crate::{Set, cargo, repository};

const MANIFEST: &str = r#"[package]
name = "small"
version = "0.1.0"
edition = "2024"
publish = false

[workspace]

[dependencies]
serde = { version = "1", features = ["derive"] }
tokio = { version = "1", features = ["macros", "rt"] }

[profile.release]
strip = true
"#;

/// Puts a row and gets it, where the first argument says.
const PROGRAM: &str = r#"use s3orm::{Db, S3Schema};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>")]
struct Person {
    id: u64,
    name: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> s3orm::Result<()> {
    let url = std::env::args().nth(1).unwrap_or("memory:".to_owned());
    let people = Db::connect(&url).await?.table::<Person>();
    people.put(Person { id: 1, name: "Ann".to_owned() }).await?;
    println!("{:?}", people.get(1).await?);
    Ok(())
}
"#;

/// The same without a database.
const BARE: &str = r#"use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Person {
    id: u64,
    name: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let name = std::env::args().nth(1).unwrap_or_default();
    println!("{:?}", Person { id: 1, name });
}
"#;

/// What a build took.
#[derive(Debug)]
pub(crate) struct Built {
    cpu: Duration,
    wall: Duration,
}

impl fmt::Display for Built {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [cpu, wall] = [self.cpu, self.wall].map(|time| time.as_secs_f64());
        write!(f, "{cpu:.0} | {wall:.0}")
    }
}

/// Builds everything once, without optimisation.
pub(crate) fn clean(set: Set) -> anyhow::Result<Built> {
    let small = Small::new(Some(set))?;
    #[expect(clippy::disallowed_methods, reason = "it is measured by the clock")]
    let (before, start) = (process::children_cpu()?, Instant::now());
    small.build(&[])?;
    Ok(Built {
        cpu: process::children_cpu()?.saturating_sub(before),
        wall: start.elapsed(),
    })
}

/// The size of the program, released and stripped, in KiB.
pub(crate) fn program(set: Option<Set>) -> anyhow::Result<u64> {
    let small = Small::new(set)?;
    small.build(&["--release"])?;
    let program = small.folder.join("target/release/small");
    Ok(program.metadata()?.len().div_ceil(1024))
}

/// The crate, which is removed in the end.
struct Small {
    folder: PathBuf,
}

impl Small {
    fn new(set: Option<Set>) -> anyhow::Result<Self> {
        let repository = repository().canonicalize()?;
        let small = Self {
            folder: repository.join("target/weight"),
        };
        small.remove();
        std::fs::create_dir_all(small.folder.join("src"))?;
        let mut manifest = MANIFEST.to_owned();
        if let Some(set) = set {
            let features: Vec<_> = set
                .features
                .split(',')
                .filter(|one| !one.is_empty())
                .collect();
            let path = repository.join("s3orm").display().to_string();
            write!(
                manifest,
                "\n[dependencies.s3orm]\npath = {path:?}\ndefault-features = false\nfeatures = {features:?}\n"
            )?;
        }
        let program = if set.is_some() { PROGRAM } else { BARE };
        std::fs::write(small.folder.join("Cargo.toml"), manifest)?;
        std::fs::write(small.folder.join("src/main.rs"), program)?;
        std::fs::copy(
            repository.join("Cargo.lock"),
            small.folder.join("Cargo.lock"),
        )?;
        Ok(small)
    }

    fn build(&self, options: &[&str]) -> anyhow::Result<()> {
        let output = cargo()
            .current_dir(&self.folder)
            .args(["build", "--offline"])
            .args(options)
            .env("CARGO_TARGET_DIR", self.folder.join("target"))
            .env_remove("RUSTFLAGS")
            .output()
            .context("cargo does not run")?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "cargo build: {error}");
        Ok(())
    }

    fn remove(&self) {
        // It need not be there.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        self.remove();
    }
}
