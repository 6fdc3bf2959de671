//! CPU per operation of s3orm and of other S3 clients: puts, gets and deletes of 1 KB rows against
//! a server that answers with fixed bytes.
//!
//! One JSON line for each operation, concurrency and client:
//! `{"op":"put","concurrency":1,"client":"s3orm","cpu_us":…,"ratio":…}`, the ratio being to a bare
//! signed request (`bare`). The clients take turns in rounds, in one thread of one process, whose
//! CPU time is read; the least of the rounds counts, for noise only adds.
//!
//! Then whole tables: `scan` reads every row, 64 at a time, and `list` the keys alone. `cpu_us` is
//! that of a row, `rows_per_s` and `rows_ratio` are by the clock: more is better.
//!
//! Built with the feature `allocations`, it counts those instead: `allocations` and `bytes` of each
//! operation or row, and their ratios. Memory that grows counts as allocated anew.
//!
//! `overhead [--rounds N] [--operations N] [--rows N] [--only OPERATION]… [CLIENT…]`

mod bare;
mod clients;
mod measure;
#[cfg(feature = "others")]
mod others;
mod server;
mod tables;
mod whole;

use std::future::Future;
use std::io::{BufRead as _, Read as _};
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use tokio::runtime::Runtime;

use crate::bare::Bare;
use crate::clients::{Client, Orm, Store};
use crate::measure::{Used, measured};
#[cfg(feature = "others")]
use crate::others::{AwsSdk, ObjectStore, Rusoto};

const CONCURRENCIES: [usize; 2] = [1, 64];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Op {
    Put,
    Get,
    Delete,
}

impl Op {
    const ALL: [Self; 3] = [Self::Put, Self::Get, Self::Delete];

    fn name(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Get => "get",
            Self::Delete => "delete",
        }
    }
}

/// What the command line asks for.
struct Asked {
    rounds: usize,
    operations: usize,
    /// In the table that is scanned and listed.
    rows: usize,
    only: Vec<String>,
    clients: Vec<String>,
}

impl Asked {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut asked = Self {
            rounds: 15,
            operations: 512,
            rows: 20_000,
            only: Vec::new(),
            clients: Vec::new(),
        };
        while let Some(argument) = arguments.next() {
            let mut value = || {
                let value = arguments.next();
                value.with_context(|| format!("{argument} needs a value"))
            };
            let mut number = || -> Result<usize> { Ok(value()?.parse::<usize>()?.max(1)) };
            match argument.as_str() {
                "--rounds" => asked.rounds = number()?,
                "--operations" => asked.operations = number()?,
                "--rows" => asked.rows = number()?,
                "--only" => asked.only.push(value()?),
                _ if argument.starts_with('-') => bail!("no option `{argument}`"),
                _ => asked.clients.push(argument),
            }
        }
        Ok(asked)
    }

    fn wants_op(&self, op: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|known| known == op)
    }

    /// The bare request is always measured: the others are compared to it.
    fn wants(&self, client: &str) -> bool {
        client == "bare"
            || self.clients.is_empty()
            || self.clients.iter().any(|known| known == client)
    }
}

type Batch = Box<dyn Fn(Op, usize, usize) -> Pin<Box<dyn Future<Output = Result<()>>>>>;

/// A client, and the least that each operation and concurrency has used so far.
struct Contender {
    name: &'static str,
    batch: Batch,
    least: [[Used; CONCURRENCIES.len()]; Op::ALL.len()],
}

impl Contender {
    fn new(name: &'static str, client: impl Client) -> Self {
        let client = Arc::new(client);
        let batch = move |op, concurrency, operations| {
            Box::pin(batch(Arc::clone(&client), op, concurrency, operations)) as Pin<Box<_>>
        };
        let least = [[Used::MOST; CONCURRENCIES.len()]; Op::ALL.len()];
        Self {
            name,
            batch: Box::new(batch),
            least,
        }
    }
}

/// Runs `operations` of one kind, in as many tasks as are to be at work at a time.
async fn batch<C: Client>(
    client: Arc<C>,
    op: Op,
    concurrency: usize,
    operations: usize,
) -> Result<()> {
    let each = operations.div_ceil(concurrency);
    let tasks: Vec<_> = (0..concurrency)
        .map(|_| {
            let client = Arc::clone(&client);
            tokio::spawn(async move {
                for _ in 0..each {
                    match op {
                        Op::Put => client.put().await?,
                        Op::Get => client.get().await?,
                        Op::Delete => client.delete().await?,
                    }
                }
                anyhow::Ok(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}

async fn contenders(endpoint: &str, asked: &Asked) -> Result<Vec<Contender>> {
    let mut all = vec![Contender::new("bare", Bare::connect(endpoint)?)];
    if asked.wants("s3orm") {
        all.push(Contender::new("s3orm", Orm::connect(endpoint).await?));
    }
    if asked.wants("s3orm-store") {
        all.push(Contender::new("s3orm-store", Store::connect(endpoint)?));
    }
    #[cfg(feature = "others")]
    add_others(&mut all, endpoint, asked)?;
    Ok(all)
}

#[cfg(feature = "others")]
fn add_others(all: &mut Vec<Contender>, endpoint: &str, asked: &Asked) -> Result<()> {
    if asked.wants("rusoto_s3") {
        all.push(Contender::new("rusoto_s3", Rusoto::connect(endpoint)?));
    }
    if asked.wants("object_store") {
        all.push(Contender::new(
            "object_store",
            ObjectStore::connect(endpoint)?,
        ));
    }
    if asked.wants("aws-sdk-s3") {
        all.push(Contender::new("aws-sdk-s3", AwsSdk::connect(endpoint)?));
    }
    Ok(())
}

fn compare(runtime: &Runtime, endpoint: &str, asked: &Asked) -> Result<()> {
    let mut contenders = runtime.block_on(contenders(endpoint, asked))?;
    // The first round makes the connections and is not counted.
    for round in 0..=asked.rounds {
        for (op_index, op) in Op::ALL.into_iter().enumerate() {
            if !asked.wants_op(op.name()) {
                continue;
            }
            for (index, concurrency) in CONCURRENCIES.into_iter().enumerate() {
                for contender in &mut contenders {
                    let operations = asked.operations.next_multiple_of(concurrency);
                    let work = (contender.batch)(op, concurrency, operations);
                    let (used, ()) = measured(runtime, work)
                        .with_context(|| format!("{} of {}", op.name(), contender.name))?;
                    if round > 0 {
                        contender.least[op_index][index].lower_to(used.each(operations));
                    }
                }
            }
        }
    }
    report(&contenders, asked);
    Ok(())
}

fn report(contenders: &[Contender], asked: &Asked) {
    for (op_index, op) in Op::ALL.into_iter().enumerate() {
        if !asked.wants_op(op.name()) {
            continue;
        }
        for (index, concurrency) in CONCURRENCIES.into_iter().enumerate() {
            let bare = contenders[0].least[op_index][index];
            for contender in contenders {
                let least = contender.least[op_index][index];
                println!(
                    "{{\"op\":\"{}\",\"concurrency\":{concurrency},\"client\":\"{}\",{}}}",
                    op.name(),
                    contender.name,
                    least.beside(&bare),
                );
            }
        }
    }
}

/// The server's process. It ends with this one, however this one ends: its input is closed then.
struct Server(Child);

impl Server {
    fn start(rows: usize) -> Result<(Self, String)> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--serve", &rows.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().context("the server's output")?;
        let server = Self(child);
        let mut address = String::new();
        std::io::BufReader::new(stdout).read_line(&mut address)?;
        Ok((server, format!("http://{}", address.trim())))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if_eq("--serve").is_some() {
        let rows = arguments.next().context("the number of rows")?.parse()?;
        std::thread::spawn(|| {
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            std::process::exit(0);
        });
        return runtime.block_on(server::serve(rows));
    }
    let asked = Asked::read(arguments)?;
    let (_server, endpoint) = Server::start(asked.rows)?;
    compare(&runtime, &endpoint, &asked)?;
    whole::compare(&runtime, &endpoint, &asked)
}
