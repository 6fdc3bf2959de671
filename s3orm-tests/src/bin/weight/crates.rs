//! How many crates a set of features brings along, for this machine.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};

use crate::{Set, cargo, repository};

/// The crates that are compiled into a program or run by its compiler, s3orm itself left out.
pub(crate) fn normal(set: Set) -> anyhow::Result<usize> {
    Ok(tree(set, "normal")?.len())
}

/// And those that build scripts need.
pub(crate) fn with_scripts(set: Set) -> anyhow::Result<usize> {
    Ok(tree(set, "normal,build")?.len())
}

/// Names and versions.
fn tree(set: Set, edges: &str) -> anyhow::Result<BTreeSet<String>> {
    let output = cargo()
        .current_dir(repository())
        .args(["tree", "--locked", "--offline", "-p", "s3orm"])
        .args(["--edges", edges, "--prefix", "none", "--format", "{p}"])
        .args(["--no-default-features", "--features", set.features])
        .output()
        .context("cargo does not run")?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cargo tree: {error}");
    let lines = String::from_utf8(output.stdout)?;
    let mut crates: BTreeSet<String> = lines
        .lines()
        .map(|line| line.split(" (").next().unwrap_or(line).to_owned())
        .collect();
    crates.retain(|name| !name.starts_with("s3orm v"));
    Ok(crates)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::set;

    /// What an application takes on without asking for more. Raise a figure with a reason only.
    #[test]
    fn the_tree_stays_within_its_budget() {
        for (features, most) in [("", 42), ("dir", 45), ("s3", 96), ("default", 99)] {
            let crates = tree(set(features).unwrap(), "normal").unwrap();
            let count = crates.len();
            assert!(count <= most, "`{features}`: {count} crates: {crates:?}");
        }
    }

    #[test]
    fn features_bring_what_they_are_for() {
        let with = |features, name: &str| {
            let crates = tree(set(features).unwrap(), "normal").unwrap();
            crates.iter().any(|one| one.starts_with(name))
        };
        assert!(with("default", "hyper v") && !with("dir", "hyper v"));
        assert!(with("default,zstd", "zstd v") && !with("default", "zstd v"));
        assert!(!with("default,zstd", "s3orm v"));
    }
}
