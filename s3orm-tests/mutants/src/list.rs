//! The changes, as cargo-mutants lists them.

use std::ops::Range;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// One change of the code.
#[derive(Debug, Deserialize)]
pub struct Mutant {
    pub name: String,
    /// Relative to the workspace.
    pub file: String,
    pub genre: String,
    pub span: Place,
    pub replacement: String,
}

#[derive(Debug, Deserialize)]
pub struct Place {
    start: Point,
    end: Point,
}

/// Counted from 1, in characters.
#[derive(Debug, Deserialize)]
struct Point {
    line: usize,
    column: usize,
}

impl Place {
    pub fn bytes(&self, source: &str) -> Range<usize> {
        self.start.byte(source)..self.end.byte(source)
    }
}

impl Point {
    fn byte(&self, source: &str) -> usize {
        let line: usize = source
            .split_inclusive('\n')
            .take(self.line - 1)
            .map(str::len)
            .sum();
        let rest = source[line..].char_indices().nth(self.column - 1);
        line + rest.map_or(source.len() - line, |(offset, _)| offset)
    }
}

/// All changes that `arguments` select, in a fixed order.
///
/// # Errors
///
/// Where `cargo mutants` is not installed, or refuses the arguments.
pub fn list(workspace: &Path, arguments: &[String]) -> Result<Vec<Mutant>> {
    let output = Command::new("cargo")
        .current_dir(workspace)
        .args(["mutants", "--list", "--json"])
        .args(arguments)
        .output()
        .context("cargo does not start")?;
    ensure!(
        output.status.success(),
        "cargo mutants --list: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).context("the list of cargo mutants")
}
