//! `import`

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;

use clap::ValueEnum;
use futures_util::StreamExt as _;
use s3orm::dynamic::{Body, Values};
use s3orm::{Env, ErrorKind};
use serde_json::Value;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::export::Format;
use crate::connect::Context;
use crate::exit::{Code, Failure};
use crate::row::{self, Members};
use crate::table::{Opened, TableArgs, Use};

/// Rows that are written before the next are begun: so many at most are written again where an import
/// goes on.
const WINDOW: usize = 512;

/// Write the rows of a file or of standard input, NDJSON or CSV
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  s3orm import people people.ndjson --path '<city>/<id:u64>'
  s3orm import people people.csv --text zip          # `0018` and `18` stay texts
  zcat people.ndjson.gz | s3orm import people - --on-conflict skip
  s3orm import people people.ndjson --dry-run        # reads and checks everything, writes nothing

Rows replace those with their keys unless --on-conflict says otherwise, so that an import can be run again.
Of CSV, `18`, `1.5`, `true` and JSON in brackets are what they look like, an empty field is none, and the rest is text;
columns that the table's description has as texts, and those named by --text, are texts.
Interrupted or failed, it says how many rows of the file are written: --skip with that number goes on.
Cost: 1 PUT a row.")]
pub(crate) struct Args {
    #[command(flatten)]
    table: TableArgs,

    /// The file; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The format; that of the file's name unless said
    #[arg(long, short = 'f', value_enum)]
    format: Option<Format>,

    /// What becomes of rows that are there already
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = OnConflict::Replace)]
    on_conflict: OnConflict,

    /// Pass over the first rows of the file: where an interrupted import goes on
    #[arg(
        long,
        value_name = "ROWS",
        default_value_t = 0,
        hide_default_value = true
    )]
    skip: u64,

    /// Columns of CSV that are texts, whatever they look like
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',')]
    text: Vec<String>,

    /// Columns of the key that are not kept in the body
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',')]
    key_only: Vec<String>,

    /// Tell of rows that are wrong, and go on; exit code 8 at the end
    #[arg(long)]
    keep_going: bool,

    /// Read and check everything, and write nothing
    #[arg(long)]
    dry_run: bool,

    /// Rows that are written at the same time
    #[arg(long, value_name = "NUMBER", default_value_t = 16)]
    concurrency: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OnConflict {
    /// The file's row is written over it
    Replace,
    /// The row that is there stays
    Skip,
    /// The import ends
    Error,
}

/// A row of the file, or why it is none.
struct Record {
    line: u64,
    row: Result<Members, Failure>,
}

/// A row that can be written.
struct Ready {
    line: u64,
    key: String,
    values: Values,
    body: Body,
}

/// What was done so far.
#[derive(Default)]
struct Done {
    /// Rows of the file, those that were passed over with them.
    read: u64,
    written: u64,
    kept: u64,
    wrong: u64,
}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let db = context.db().await?;
        let mut opened = self.table.open(&db, Use::Write).await?;
        opened.shape.key_only.extend(self.key_only.iter().cloned());
        let mut records = self.records(&opened)?;
        let progress = context.progress("rows", None);
        context.stop.gracefully();
        let mut done = Done::default();
        let mut window: Vec<Ready> = Vec::new();
        let mut keys = BTreeSet::new();
        loop {
            let record = tokio::select! {
                biased;
                () = context.stop.wait() => None,
                record = records.recv() => record,
            };
            let is_over = record.is_none();
            let ready = match record {
                Some(_) if done.read + (window.len() as u64) < self.skip => {
                    done.read += 1;
                    continue;
                }
                Some(record) => Some(Self::ready(&opened, record)),
                None => None,
            };
            // Of two rows with one key the later counts: it waits for the first.
            let is_twice = matches!(&ready, Some(Ok(ready)) if keys.contains(&ready.key));
            if is_over || is_twice || window.len() >= WINDOW || matches!(ready, Some(Err(_))) {
                let rows = std::mem::take(&mut window);
                keys.clear();
                self.write(context, &opened, rows, &mut done).await?;
                progress.set(done.read);
            }
            match ready {
                Some(Ok(ready)) => {
                    keys.insert(ready.key.clone());
                    window.push(ready);
                }
                Some(Err(failure)) => {
                    self.wrong(context, failure, &mut done)?;
                    done.read += 1;
                }
                None => break,
            }
        }
        drop(progress);
        if context.stop.requested() {
            let failure = Failure::new(
                Code::Interrupted,
                format!("interrupted after {} rows", done.read),
            );
            return Err(failure.help(format!("the same with `--skip {}` goes on", done.read)));
        }
        self.tell(context, &done)
    }

    fn tell(&self, context: &Context<'_>, done: &Done) -> Result<(), Failure> {
        let verb = if self.dry_run { "would write" } else { "wrote" };
        let kept = if done.kept == 0 {
            String::new()
        } else {
            format!(", {} were there and stay", done.kept)
        };
        let text = format!("{verb} {} rows{kept}", done.written);
        context.output.done(
            &text,
            &[
                ("written", done.written.into()),
                ("kept", done.kept.into()),
                ("wrong", done.wrong.into()),
            ],
        )?;
        if done.wrong > 0 {
            return Err(Failure::data(format!(
                "{} rows are wrong, and were passed over",
                done.wrong
            )));
        }
        Ok(())
    }

    /// The rows of the file, read by a thread that may wait.
    fn records(&self, opened: &Opened) -> Result<Receiver<Record>, Failure> {
        let format = Format::of(self.format, Some(&self.file));
        let input: Box<dyn Read + Send> =
            if self.file.as_os_str() == "-" {
                Box::new(io::stdin())
            } else {
                let file = File::open(&self.file);
                Box::new(file.map_err(|error| {
                    Failure::from(error).at(&format!("`{}`", self.file.display()))
                })?)
            };
        let mut texts: BTreeSet<String> = self.text.iter().cloned().collect();
        let stored = opened.stored.iter().flat_map(|stored| &stored.columns);
        texts.extend(
            stored
                .filter(|column| column.rust_type == "String")
                .map(|column| column.name.clone()),
        );
        let (send, records) = channel(WINDOW);
        Env::system().spawn_blocking(move || match format {
            Format::Ndjson => read_lines(BufReader::new(input), &send),
            Format::Csv => read_csv(input, &texts, &send),
        });
        Ok(records)
    }

    fn ready(opened: &Opened, record: Record) -> Result<Ready, Failure> {
        let line = record.line;
        let ready = || {
            let (values, body) = row::parts(&opened.table, record.row?, &opened.shape)?;
            let key = opened.table.key(&values).map_err(Failure::from)?;
            Ok(Ready {
                line,
                key,
                values,
                body,
            })
        };
        ready().map_err(|failure: Failure| failure.at(&format!("line {line}")).in_data())
    }

    /// Writes rows of different keys.
    async fn write(
        &self,
        context: &Context<'_>,
        opened: &Opened,
        rows: Vec<Ready>,
        done: &mut Done,
    ) -> Result<(), Failure> {
        let count = rows.len() as u64;
        if self.dry_run {
            done.written += count;
            done.read += count;
            return Ok(());
        }
        let writes = rows.into_iter().map(|row| async move {
            let table = &opened.table;
            let written = match self.on_conflict {
                OnConflict::Replace => table.put(row.values, row.body).await,
                OnConflict::Skip | OnConflict::Error => table.insert(row.values, row.body).await,
            };
            (row.line, written)
        });
        let mut writes = futures_util::stream::iter(writes).buffered(self.concurrency.max(1));
        let mut first_failure = None;
        while let Some((line, written)) = writes.next().await {
            match written {
                // Rows after one that failed may be written: they are written again.
                Ok(_) if first_failure.is_some() => {}
                Ok(_) => {
                    done.written += 1;
                    done.read += 1;
                }
                Err(error)
                    if error.kind() == ErrorKind::AlreadyExists
                        && self.on_conflict == OnConflict::Skip =>
                {
                    if first_failure.is_none() {
                        done.kept += 1;
                        done.read += 1;
                    }
                }
                Err(error) if first_failure.is_none() => {
                    first_failure = Some(Failure::from(error).at(&format!("line {line}")));
                    // What is under way is not waited for but by who asks for the next.
                    if context.stop.requested() {
                        break;
                    }
                }
                Err(_) => {}
            }
        }
        match first_failure {
            Some(failure) => Err(failure.help(format!(
                "the {} rows before it are written: the same with `--skip {}` goes on",
                done.read, done.read
            ))),
            None => Ok(()),
        }
    }

    /// A row that is none.
    fn wrong(
        &self,
        context: &Context<'_>,
        failure: Failure,
        done: &mut Done,
    ) -> Result<(), Failure> {
        if !self.keep_going {
            let failure = if self.dry_run {
                failure
            } else {
                failure.help(format!("the {} rows before it are written: mend it, and the same with `--skip {}` goes on", done.read, done.read))
            };
            return Err(failure.help("or add `--keep-going` to pass over rows that are wrong"));
        }
        done.wrong += 1;
        context.output.tell(&failure.line());
        Ok(())
    }
}

fn read_lines(mut input: impl BufRead, send: &Sender<Record>) {
    let (mut line, mut text) = (0, Vec::new());
    loop {
        text.clear();
        line += 1;
        let row = match input.read_until(b'\n', &mut text) {
            Ok(0) => return,
            Ok(_) => {
                let own = text
                    .strip_prefix(b"\xef\xbb\xbf")
                    .filter(|_| line == 1)
                    .unwrap_or(&text);
                if own.trim_ascii().is_empty() {
                    continue;
                }
                Members::parse(own)
                    .map_err(|error| Failure::data(format!("it is no JSON object: {error}")))
            }
            Err(error) => Err(error.into()),
        };
        let is_end = row
            .as_ref()
            .is_err_and(|failure| failure.code() != Code::Data);
        if send.blocking_send(Record { line, row }).is_err() || is_end {
            return;
        }
    }
}

fn read_csv(input: impl Read, texts: &BTreeSet<String>, send: &Sender<Record>) {
    let mut reader = csv::Reader::from_reader(input);
    let columns: Vec<String> = match reader.headers() {
        Ok(header) => header
            .iter()
            .map(|name| name.trim_start_matches('\u{feff}').to_owned())
            .collect(),
        Err(error) => {
            let row = Err(Failure::data(error.to_string()));
            // Who does not wait for it needs it no more.
            let _ = send.blocking_send(Record { line: 1, row });
            return;
        }
    };
    for record in reader.records() {
        let (line, row) = match record {
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                (
                    line,
                    Ok(of_record(&columns, &record, &|name| texts.contains(name))),
                )
            }
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                (line, Err(Failure::data(error.to_string())))
            }
        };
        if send.blocking_send(Record { line, row }).is_err() {
            return;
        }
    }
}

/// The row of a record of CSV.
pub(crate) fn of_record(
    columns: &[String],
    record: &csv::StringRecord,
    is_text: &dyn Fn(&str) -> bool,
) -> Members {
    let fields = columns
        .iter()
        .zip(record)
        .filter(|(_, field)| !field.is_empty());
    let members = fields.map(|(name, field)| {
        let json = match serde_json::from_str::<Value>(field) {
            Ok(Value::String(_)) | Err(_) => None,
            Ok(_) if is_text(name) => None,
            Ok(_) => Some(field.to_owned()),
        };
        (
            name.clone(),
            json.unwrap_or_else(|| Value::from(field).to_string()),
        )
    });
    members.collect()
}
