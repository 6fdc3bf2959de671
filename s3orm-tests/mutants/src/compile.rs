//! One build of all changes that compile.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::list::Mutant;
use crate::rewrite::{SWITCH, numbers_at, rewrite};

/// A copy of the workspace that has the changes in it.
pub struct Tree {
    original: PathBuf,
    root: PathBuf,
    /// The crate that is changed.
    package: String,
    tests: Vec<String>,
}

/// A test program, and where it runs.
#[derive(Clone, Debug)]
pub struct Program {
    pub name: String,
    pub path: PathBuf,
    pub directory: PathBuf,
}

impl Tree {
    /// Copies what git knows of the workspace.
    ///
    /// # Errors
    ///
    /// Where git or the file system fails.
    pub fn copy(original: &Path, package: &str, tests: &[String]) -> Result<Self> {
        let root = original.join("target/mutants/tree");
        if root.exists() {
            fs::remove_dir_all(&root)?;
        }
        let listed = Command::new("git")
            .current_dir(original)
            .args(["ls-files", "-z"])
            .output()?;
        ensure!(
            listed.status.success(),
            "git ls-files: {}",
            String::from_utf8_lossy(&listed.stderr)
        );
        for name in String::from_utf8(listed.stdout)?.split_terminator('\0') {
            let (from, to) = (original.join(name), root.join(name));
            fs::create_dir_all(to.parent().context("a file is in a folder")?)?;
            fs::copy(&from, &to).with_context(|| from.display().to_string())?;
        }
        let (original, package) = (original.to_owned(), package.to_owned());
        Ok(Self {
            original,
            root,
            package,
            tests: tests.to_vec(),
        })
    }

    /// Builds with as many changes as compile; returns the programs and the numbers of those that do
    /// not compile.
    ///
    /// # Errors
    ///
    /// Where the build fails at a place that belongs to no change.
    pub fn build(&self, mutants: &[Mutant]) -> Result<(Vec<Program>, BTreeSet<usize>)> {
        let mut refused = BTreeSet::new();
        loop {
            let texts = self.write(mutants, &mut refused)?;
            let more = blamed(&self.cargo(&["check", "-p", &self.package])?, &texts);
            if more.is_empty() {
                let programs = self.programs()?;
                return Ok((programs, refused));
            }
            eprintln!(
                "{} of {} do not compile so far",
                refused.len() + more.len(),
                mutants.len()
            );
            refused.extend(more);
        }
    }

    fn write(
        &self,
        mutants: &[Mutant],
        refused: &mut BTreeSet<usize>,
    ) -> Result<BTreeMap<String, String>> {
        let mut files: BTreeMap<&str, Vec<(usize, &Mutant)>> = BTreeMap::new();
        for (number, mutant) in mutants.iter().enumerate() {
            let file = files.entry(&mutant.file).or_default();
            if !refused.contains(&number) {
                file.push((number, mutant));
            }
        }
        let mut texts = BTreeMap::new();
        for (file, mutants) in files {
            let (text, more) = rewrite(&fs::read_to_string(self.original.join(file))?, &mutants)?;
            refused.extend(more);
            fs::write(self.root.join(file), &text)?;
            texts.insert(file.to_owned(), text);
        }
        let library = format!("{}/src/lib.rs", self.package);
        let text = match texts.get(&library) {
            Some(text) => text.clone(),
            None => fs::read_to_string(self.original.join(&library))?,
        };
        fs::write(self.root.join(&library), text + SWITCH)?;
        Ok(texts)
    }

    fn programs(&self) -> Result<Vec<Program>> {
        let mut arguments = vec!["test", "--no-run", "-p", "s3orm-tests"];
        for test in &self.tests {
            arguments.extend(["--test", test]);
        }
        let mut messages = self.cargo(&["test", "--no-run", "-p", &self.package, "--lib"])?;
        messages.extend(self.cargo(&arguments)?);
        if let Some(message) = errors(&messages).next() {
            bail!("the tests do not build: {}", message["rendered"]);
        }
        let programs = messages.iter().filter_map(|message| {
            let path = message["executable"]
                .as_str()
                .filter(|_| message["profile"]["test"] == true)?;
            Some(Program {
                name: message["target"]["name"].as_str()?.to_owned(),
                path: path.into(),
                directory: Path::new(message["manifest_path"].as_str()?)
                    .parent()?
                    .to_owned(),
            })
        });
        let programs: Vec<_> = programs.collect();
        ensure!(!programs.is_empty(), "there are no test programs");
        Ok(programs)
    }

    fn cargo(&self, arguments: &[&str]) -> Result<Vec<Value>> {
        let output = Command::new("cargo")
            .current_dir(&self.root)
            .args(arguments)
            .args(["--message-format", "json"])
            // Code that a change made unreachable or unused is to be run all the same.
            .env("RUSTFLAGS", "--cap-lints=warn")
            .env(
                "CARGO_TARGET_DIR",
                self.original.join("target/mutants/build"),
            )
            .env("CARGO_PROFILE_DEV_OPT_LEVEL", "1")
            .env("CARGO_INCREMENTAL", "1")
            .stderr(Stdio::inherit())
            .output()
            .context("cargo does not start")?;
        let lines = output
            .stdout
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        lines
            .map(|line| serde_json::from_slice(line).context("a message of cargo"))
            .collect()
    }
}

fn errors(messages: &[Value]) -> impl Iterator<Item = &Value> {
    let messages = messages.iter().map(|message| &message["message"]);
    messages.filter(|message| {
        message["level"] == "error" && !message["spans"].as_array().is_none_or(Vec::is_empty)
    })
}

/// The changes that the errors are of: where an error is, or what it is told to come from.
fn blamed(messages: &[Value], texts: &BTreeMap<String, String>) -> BTreeSet<usize> {
    let mut all = BTreeSet::new();
    for message in errors(messages) {
        let spans = |primary: bool| {
            let spans = message["spans"].as_array().into_iter().flatten();
            spans
                .filter(move |span| span["is_primary"] == primary)
                .flat_map(|span| at(span, texts))
        };
        let mut numbers: BTreeSet<usize> = spans(true).collect();
        if numbers.is_empty() {
            numbers.extend(spans(false));
        }
        if numbers.is_empty() {
            eprintln!(
                "{}",
                message["rendered"]
                    .as_str()
                    .unwrap_or("an error without a text")
            );
        }
        all.extend(numbers);
    }
    all
}

fn at(span: &Value, texts: &BTreeMap<String, String>) -> Vec<usize> {
    let offset = |name: &str| {
        span[name]
            .as_u64()
            .and_then(|offset| usize::try_from(offset).ok())
    };
    if span["expansion"].is_object() {
        return at(&span["expansion"]["span"], texts);
    }
    let text = span["file_name"].as_str().and_then(|file| texts.get(file));
    match (text, offset("byte_start"), offset("byte_end")) {
        (Some(text), Some(start), Some(end)) => numbers_at(text, start..end),
        _ => Vec::new(),
    }
}
