//! A client in a process of its own, which runs a round for each number that it reads.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use s3orm_tests::server::{ACCESS_KEY, BUCKET, SECRET_KEY};
use serde::Deserialize;

use crate::TASKS;
use crate::figures::{Cost, Round};

/// What every client is given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting<'a> {
    pub(crate) endpoint: &'a str,
    /// A file of the rows, one as JSON in each line.
    pub(crate) rows: &'a Path,
    pub(crate) date: &'a str,
}

/// Says its name first, then for each number on its input a line for each task, and that the round is
/// done.
#[derive(Debug)]
pub(crate) struct Program {
    name: String,
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    Name {
        peer: String,
    },
    Cost {
        op: String,
        cpu_ms: f64,
        wall_ms: f64,
    },
    /// The library cannot do it here.
    Failure {
        op: String,
        fails: bool,
    },
    Done {
        round: usize,
    },
}

impl Program {
    pub(crate) fn start(mut command: Command, setting: &Setting<'_>) -> anyhow::Result<Self> {
        command
            .env("AWS_ENDPOINT_URL", setting.endpoint)
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("BUCKET", BUCKET)
            .env("DATE", setting.date)
            .env("ROWS", setting.rows)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("{command:?}"))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let output = output.context("it has an output")?;
        let mut program = Self {
            name: String::new(),
            child,
            input: input.context("it has an input")?,
            output: BufReader::new(output).lines(),
        };
        match program.line()? {
            Line::Name { peer } => program.name = peer,
            other => bail!("it says {other:?} instead of its name"),
        }
        Ok(program)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    fn line(&mut self) -> anyhow::Result<Line> {
        let line = self.output.next().context("its output has ended")??;
        serde_json::from_str(&line).with_context(|| format!("its line {line:?}"))
    }

    /// Has a round run, with every task.
    pub(crate) fn round(&mut self, number: usize) -> anyhow::Result<Round> {
        writeln!(self.input, "{number}")?;
        let (mut costs, mut failed) = (Round::new(), Vec::new());
        loop {
            match self.line()? {
                Line::Cost {
                    op,
                    cpu_ms: cpu,
                    wall_ms: wall,
                } => {
                    // Ratios are of what took some time.
                    ensure!(cpu > 0.0 && wall > 0.0, "`{op}` took no time");
                    costs.insert(op, Cost { cpu, wall });
                }
                Line::Failure { op, fails: true } => failed.push(op),
                Line::Done { round } if round == number => break,
                other => bail!("it says {other:?} in round {number}"),
            }
        }
        for task in TASKS {
            let told = costs.contains_key(task) || failed.iter().any(|op| op == task);
            ensure!(told, "it did no `{task}`");
        }
        Ok(costs)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
