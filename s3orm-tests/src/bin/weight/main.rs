//! What s3orm adds to who depends on it, by its features: crates, the time to build them, and the size
//! of a small program that puts a row and gets it.
//!
//! ```text
//! cargo run --release -p s3orm-tests --bin weight                           # counts crates, in seconds
//! cargo run --release -p s3orm-tests --bin weight -- --builds               # and builds each set, from nothing
//! cargo run --release -p s3orm-tests --bin weight -- --builds default,zstd  # one set alone, by its features
//! ```
//!
//! Builds are of a crate of their own with the versions of this repository's lock file, by `cargo build`
//! as it is without settings, in `target/weight`, which is removed each time. CPU is that of cargo, of the
//! compilers and of what they call. Programs are built with `--release` and stripped.
#![allow(clippy::print_stdout)]

mod build;
mod crates;

use std::path::{Path, PathBuf};

/// What is asked of s3orm.
#[derive(Debug, Clone, Copy)]
struct Set {
    /// Without the default ones, unless they are named.
    features: &'static str,
    /// Whether a program is built with it for its size.
    program: bool,
}

const fn program(features: &'static str) -> Set {
    Set {
        features,
        program: true,
    }
}

const fn more(features: &'static str) -> Set {
    Set {
        features,
        program: false,
    }
}

const SETS: [Set; 19] = [
    program(""),
    program("dir"),
    program("s3"),
    program("default"),
    more("default,cache"),
    more("default,chrono"),
    more("default,encrypt"),
    more("default,garde"),
    more("default,jiff"),
    more("default,msgpack"),
    more("default,progress"),
    more("default,rusoto"),
    more("default,sdk-config"),
    more("default,server"),
    more("default,testing"),
    more("default,toml"),
    more("default,ulid"),
    more("default,uuid"),
    more("default,zstd"),
];

fn main() -> anyhow::Result<()> {
    let (options, only): (Vec<_>, Vec<_>) = std::env::args()
        .skip(1)
        .partition(|argument| argument.starts_with("--"));
    let builds = match options.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--builds"] => true,
        _ => anyhow::bail!("no option but `--builds`"),
    };
    if let Some(unknown) = only.iter().find(|name| set(name).is_none()) {
        anyhow::bail!("no set of features `{unknown}`");
    }
    let sets = SETS
        .into_iter()
        .filter(|set| only.is_empty() || only.iter().any(|name| *name == set.features));

    println!(
        "| features | crates | with build scripts' | build, CPU s | build, wall s | program, KiB |"
    );
    println!("|---|---|---|---|---|---|");
    if builds && only.is_empty() {
        let kib = build::program(None)?;
        println!("| (no s3orm: tokio, serde) | | | | | {kib} |");
    }
    for set in sets {
        let (crates, with_scripts) = (crates::normal(set)?, crates::with_scripts(set)?);
        let (mut built, mut kib) = (" | ".to_owned(), String::new());
        if builds {
            built = build::clean(set)?.to_string();
        }
        if builds && set.program {
            kib = build::program(Some(set))?.to_string();
        }
        println!(
            "| {} | {crates} | {with_scripts} | {built} | {kib} |",
            set.title()
        );
    }
    Ok(())
}

fn set(features: &str) -> Option<Set> {
    SETS.into_iter().find(|set| set.features == features)
}

impl Set {
    fn title(self) -> String {
        match self.features {
            "" => "none: rows in memory".to_owned(),
            features => features
                .split(',')
                .map(|feature| format!("`{feature}`"))
                .collect::<Vec<_>>()
                .join(", "),
        }
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The cargo that runs this, or the one that is found.
fn cargo() -> std::process::Command {
    std::process::Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
