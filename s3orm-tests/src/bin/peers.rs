//! The client's CPU for six tasks, beside other libraries for them, on one server in one run.
//!
//! ```text
//! bash s3orm-tests/peers/setup.sh /tmp/peers
//! cargo run --release -p s3orm-tests --bin peers -- \
//!     --python /tmp/peers/python/bin/python --node-modules /tmp/peers/node_modules
//! ```
//!
//! Prints a table. A peer that is not given is skipped; `--rows N` (1,000) are written. The
//! programs that run them are in `s3orm-tests/peers`. Fails if s3aads or s3db.js takes less than
//! ten times the CPU of s3orm in any task but the listing of keys.
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use s3orm::{S3Schema, Table};
use s3orm_tests::connect;
use s3orm_tests::process::{self, ServerProcess, cpu};
use s3orm_tests::server::{ACCESS_KEY, BUCKET, SECRET_KEY};
use serde::{Deserialize, Serialize};

const TASKS: [&str; 6] = [
    "insert",
    "get",
    "query of one partition",
    "distinct",
    "count",
    "list keys",
];
/// The date of the partition that is queried.
const DATE: &str = "2024-01-03";
/// The rows are written and read in so many parts, as the peers do it; the least counts, for noise
/// only adds.
const ROUNDS: usize = 4;
/// The other tasks are done so often, as the peers do it.
const CALLS: usize = 10;

/// A row of 0.9 KB.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<date>/<id>")]
struct Person {
    id: u64,
    date: String,
    name: String,
    email: String,
    age: u32,
    score: f64,
    active: bool,
    tags: Vec<String>,
    notes: String,
}

impl Person {
    fn new(id: u64) -> Self {
        Self {
            id,
            date: format!("2024-01-{:02}", 1 + id % 10),
            name: format!("person {id}"),
            email: format!("p{id}@example.com"),
            age: u32::try_from(id % 90).unwrap_or_default(),
            #[expect(clippy::cast_precision_loss, reason = "it is below 1,000")]
            score: (id * 7919 % 100_000) as f64 / 100.0,
            active: id.is_multiple_of(3),
            tags: vec![format!("t{}", id % 7), format!("u{}", id % 11)],
            notes: vec!["Some words of a note that is as long as notes are."; 14].join(" "),
        }
    }
}

/// Milliseconds of CPU a task.
type Figures = BTreeMap<String, f64>;

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if_eq("serve").is_some() {
        runtime.block_on(process::serve());
        return Ok(());
    }
    let asked = Asked::read(arguments)?;
    let rows: Vec<Person> = (0..asked.rows).map(Person::new).collect();
    let mut file = tempfile::NamedTempFile::new()?;
    for row in &rows {
        serde_json::to_writer(&mut file, row)?;
        file.write_all(b"\n")?;
    }
    file.flush()?;

    let server = ServerProcess::start(&["serve"])?;
    let ours = runtime.block_on(s3orm(server.endpoint(), &rows))?;
    let mut peers = Vec::new();
    for (peer, program) in asked.programs() {
        match program {
            Some(program) => peers.push(run(program, server.endpoint(), file.path())?),
            None => println!("skipped {peer}: see the options of this program"),
        }
    }
    report(&ours, &peers);
    check(&ours, &peers)
}

struct Asked {
    rows: u64,
    python: Option<PathBuf>,
    node: PathBuf,
    node_modules: Option<PathBuf>,
}

impl Asked {
    fn read(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut asked = Self {
            rows: 1_000,
            python: None,
            node: "node".into(),
            node_modules: None,
        };
        while let Some(option) = arguments.next() {
            let value = arguments.next();
            let value = value.with_context(|| format!("`{option}` needs a value"))?;
            match option.as_str() {
                "--rows" => asked.rows = value.parse()?,
                "--python" => asked.python = Some(value.into()),
                "--node" => asked.node = value.into(),
                "--node-modules" => asked.node_modules = Some(value.into()),
                _ => bail!("no option `{option}`"),
            }
        }
        ensure!(asked.rows >= 100, "100 rows at least");
        Ok(asked)
    }

    /// The programs of the peers, where they are installed.
    fn programs(&self) -> [(&'static str, Option<Command>); 3] {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
        let python = |script: &str| {
            let mut command = Command::new(self.python.as_ref()?);
            command.arg(scripts.join(script));
            Some(command)
        };
        let node = self.node_modules.as_ref().map(|modules| {
            let mut command = Command::new(&self.node);
            command.arg(scripts.join("s3db.mjs"));
            command.env("NODE_MODULES", modules);
            command
        });
        [
            ("s3aads", python("s3aads_peer.py")),
            ("s3db.js", node),
            ("boto3", python("boto3_peer.py")),
        ]
    }
}

/// Runs a peer, which prints its name and then a line for each task.
fn run(mut program: Command, endpoint: &str, rows: &Path) -> anyhow::Result<(String, Figures)> {
    #[derive(Deserialize)]
    struct Line {
        #[serde(default)]
        peer: String,
        #[serde(default)]
        op: String,
        #[serde(default)]
        cpu_ms: f64,
    }
    let output = program
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("BUCKET", BUCKET)
        .env("DATE", DATE)
        .env("ROWS", rows)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stderr(std::process::Stdio::inherit())
        .output()
        .with_context(|| format!("{program:?}"))?;
    ensure!(output.status.success(), "{program:?}: {}", output.status);
    let (mut name, mut figures) = (String::new(), Figures::new());
    for line in std::str::from_utf8(&output.stdout)?.lines() {
        let line: Line = serde_json::from_str(line).with_context(|| line.to_owned())?;
        if line.peer.is_empty() {
            figures.insert(line.op, line.cpu_ms);
        } else {
            name = line.peer;
        }
    }
    for task in TASKS {
        ensure!(figures.contains_key(task), "{name} did no `{task}`");
    }
    Ok((name, figures))
}

/// This project, as the peers are run: one call after the other.
async fn s3orm(endpoint: &str, rows: &[Person]) -> anyhow::Result<Figures> {
    let people: Table<Person> = connect::db(endpoint).await.table();
    let mut figures = Figures::new();
    let mut note = |task: &str, least: f64| figures.insert(task.to_owned(), least);

    let mut least = f64::INFINITY;
    for part in 0..ROUNDS {
        let own: Vec<_> = rows.iter().skip(part).step_by(ROUNDS).cloned().collect();
        let (before, count) = (cpu(), own.len());
        for row in own {
            people.insert(row).await?;
        }
        least = least.min(since(before, count));
    }
    note("insert", least);

    let mut least = f64::INFINITY;
    for part in 0..ROUNDS {
        let own = rows.iter().skip(part).step_by(ROUNDS);
        let (before, count) = (cpu(), own.len());
        for row in own {
            let found = people.get((&row.date, row.id)).await?;
            ensure!(found.as_ref() == Some(row), "another row");
        }
        least = least.min(since(before, count));
    }
    note("get", least);

    let of_date = rows.iter().filter(|row| row.date == DATE).count();
    let all = || people.query();
    macro_rules! whole {
        ($task:literal, $count:expr, $expected:expr, $rows:expr) => {
            let mut least = f64::INFINITY;
            for _ in 0..CALLS {
                let before = cpu();
                let found: usize = $count;
                least = least.min(since(before, $rows));
                ensure!(found == $expected, "{}: {found}", $task);
            }
            note($task, least);
        };
    }
    whole!(
        "query of one partition",
        all().at(Person::KEY.date, DATE).all().await?.len(),
        of_date,
        of_date
    );
    whole!(
        "distinct",
        all().distinct(Person::KEY.date).await?.len(),
        10,
        1
    );
    whole!(
        "count",
        usize::try_from(all().count().await?)?,
        rows.len(),
        1
    );
    whole!(
        "list keys",
        all().keys()?.collect().await?.len(),
        rows.len(),
        1
    );
    Ok(figures)
}

/// Milliseconds of CPU since a moment, for each of so many.
fn since(before: std::time::Duration, count: usize) -> f64 {
    let used = cpu().saturating_sub(before).as_secs_f64() * 1e3;
    #[expect(clippy::cast_precision_loss, reason = "it is a small number")]
    let count = count as f64;
    used / count
}

fn report(ours: &Figures, peers: &[(String, Figures)]) {
    print!("| client CPU, ms each | s3orm |");
    for (name, _) in peers {
        print!(" {name} | ratio |");
    }
    println!("\n|---|---|{}", "---|---|".repeat(peers.len()));
    for task in TASKS {
        print!("| {task} | {:.3} |", ours[task]);
        for (_, figures) in peers {
            print!(
                " {:.2} | {:.0} |",
                figures[task],
                figures[task] / ours[task]
            );
        }
        println!();
    }
}

fn check(ours: &Figures, peers: &[(String, Figures)]) -> anyhow::Result<()> {
    for (name, figures) in peers {
        for task in &TASKS[..5] {
            let ratio = figures[*task] / ours[*task];
            let compared = !name.starts_with("boto3");
            ensure!(
                !compared || ratio >= 10.0,
                "{task}: {name} takes {ratio:.1} times ours"
            );
        }
    }
    Ok(())
}
