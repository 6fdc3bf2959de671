//! The tests, with one change switched on.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::compile::Program;

/// What the tests said of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// This test program failed.
    Noticed(String),
    /// This test program did not end.
    TimedOut(String),
    /// All tests passed.
    Missed,
}

/// Runs the programs one after another, until one fails.
///
/// # Errors
///
/// Where a program does not start.
pub fn run(programs: &[Program], number: Option<usize>, limit: Duration) -> Result<Outcome> {
    for program in programs {
        let mut command = Command::new(&program.path);
        command
            .current_dir(&program.directory)
            .env("CARGO_MANIFEST_DIR", &program.directory);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Some(number) = number {
            command.env("MUTANT", number.to_string());
        }
        let child = command
            .spawn()
            .with_context(|| program.path.display().to_string())?;
        match passes(child, limit)? {
            Some(true) => {}
            Some(false) => return Ok(Outcome::Noticed(program.name.clone())),
            None => return Ok(Outcome::TimedOut(program.name.clone())),
        }
    }
    Ok(Outcome::Missed)
}

fn passes(mut child: Child, limit: Duration) -> Result<Option<bool>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.success()));
        }
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(20));
    }
}
