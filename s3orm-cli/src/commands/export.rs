//! `export`

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use futures_util::StreamExt as _;
use serde_json::Value;

use crate::connect::Context;
use crate::exit::{Code, Failure};
use crate::output::Output;
use crate::row::{self, Members};
use crate::select::Select;
use crate::table::{Opened, Use};

/// Rows that the header of a CSV file is made of, where nobody says it.
const SAMPLE: usize = 1000;

/// Write rows to a file or to standard output, as NDJSON or CSV
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  s3orm export people > people.ndjson
  s3orm export people --out people.ndjson            # Ctrl-C, then:
  s3orm export people --out people.ndjson --resume
  s3orm export people Oslo --filter 'age >= 18' --format csv --columns id,name

A line of NDJSON is the row's JSON as it is stored, with the columns of its key: `import` makes the same rows of it.
The order is that of the keys. Cost: 1 LIST for each 1,000 rows, and 1 GET a row.")]
pub(crate) struct Args {
    #[command(flatten)]
    select: Select,

    /// The file; standard output unless said
    #[arg(long, short = 'o', value_name = "FILE")]
    out: Option<PathBuf>,

    /// The format; that of the file's name unless said
    #[arg(long, short = 'f', value_enum)]
    format: Option<Format>,

    /// The columns of CSV; those of the first 1,000 rows unless said
    #[arg(long, short = 'c', value_name = "COLUMN,…", value_delimiter = ',')]
    columns: Vec<String>,

    /// Go on with a file that an interrupted export has left
    #[arg(long, requires = "out", conflicts_with_all = ["force", "limit"])]
    resume: bool,

    /// Over a file that is there
    #[arg(long, requires = "out")]
    force: bool,
}

/// What a file of rows is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A JSON object a line
    #[value(alias = "jsonl", alias = "json")]
    Ndjson,
    /// Comma-separated values, with a header
    Csv,
}

impl Format {
    /// That of a file, by its name.
    pub(crate) fn of(given: Option<Self>, file: Option<&Path>) -> Self {
        let is_csv = file
            .and_then(Path::extension)
            .is_some_and(|end| end.eq_ignore_ascii_case("csv"));
        given.unwrap_or(if is_csv { Self::Csv } else { Self::Ndjson })
    }
}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let db = context.db().await?;
        let opened = self.select.table.open(&db, Use::Read).await?;
        let format = Format::of(self.format, self.out.as_deref());
        let mut query = self.select.query(context.output, &opened)?;
        let (mut columns, mut has_header) = (self.columns.clone(), false);
        let out: Box<dyn Write + Send + '_> = match &self.out {
            None => Box::new(Stdout(context.output)),
            Some(file) if self.resume => {
                let mut left = Left::of(file, format)
                    .map_err(|failure| failure.at(&file.display().to_string()))?;
                has_header = !left.columns.is_empty();
                if has_header {
                    columns = std::mem::take(&mut left.columns);
                }
                if let Some(last) = left.last.take() {
                    let (values, _) = row::parts(&opened.table, last, &opened.shape)?;
                    query = query.after(opened.table.key(values)?);
                }
                Box::new(BufWriter::new(left.file))
            }
            Some(file) => Box::new(BufWriter::new(self.create(file)?)),
        };
        let mut writer = Writer::new(out, format, columns, has_header, &opened);
        let progress = context.progress("rows", None);
        context.stop.gracefully();
        let mut rows = query.stream();
        loop {
            let row = tokio::select! {
                biased;
                () = context.stop.wait() => break,
                row = rows.next() => row,
            };
            let Some(row) = row else { break };
            let row = match row {
                Ok(row) => row,
                Err(error) => {
                    writer.end()?;
                    return Err(self.advice(error.into()));
                }
            };
            writer.add(row::members(&opened.table, &row, &opened.shape)?)?;
            progress.add(1);
        }
        writer.end()?;
        let count = progress.count();
        drop(progress);
        if context.stop.requested() {
            return Err(self.advice(Failure::new(
                Code::Interrupted,
                format!("interrupted after {count} rows"),
            )));
        }
        let text = format!("exported {count} rows");
        match self.out {
            Some(_) => context.output.done(&text, &[("rows", count.into())])?,
            None => context.output.note(&text),
        }
        Ok(())
    }

    fn advice(&self, failure: Failure) -> Failure {
        match &self.out {
            Some(file) => failure.help(format!(
                "`{}` has the rows so far: the same with `--resume` goes on",
                file.display()
            )),
            None => failure.help("write to a file by `--out FILE`, and `--resume` goes on with it"),
        }
    }

    fn create(&self, file: &Path) -> Result<File, Failure> {
        let mut options = OpenOptions::new();
        options.write(true);
        if self.force {
            options.create(true).truncate(true);
        } else {
            options.create_new(true);
        }
        options.open(file).map_err(|error| {
            let place = format!("`{}`", file.display());
            if error.kind() == io::ErrorKind::AlreadyExists {
                let failure = Failure::new(Code::Conflict, format!("{place} is there already"));
                return failure
                    .help("add `--resume` to go on with it, or `--force` to write over it");
            }
            Failure::from(error).at(&place)
        })
    }
}

struct Stdout<'a>(&'a Output);

impl Write for Stdout<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.bytes(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.finish()
    }
}

/// What an interrupted export has left.
struct Left {
    /// Open behind its last whole row.
    file: File,
    /// That row, unless there is none.
    last: Option<Members>,
    /// The header of CSV.
    columns: Vec<String>,
}

impl Left {
    fn of(path: &Path, format: Format) -> Result<Self, Failure> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        let (end, last, columns) = match format {
            Format::Ndjson => last_line(&mut file)?,
            Format::Csv => last_record(&file)?,
        };
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        Ok(Self {
            file,
            last,
            columns,
        })
    }
}

type Last = (u64, Option<Members>, Vec<String>);

/// Where the last whole line ends, and its row.
fn last_line(file: &mut File) -> Result<Last, Failure> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut window: u64 = 1 << 20;
    loop {
        let start = length.saturating_sub(window);
        file.seek(SeekFrom::Start(start))?;
        let mut tail = Vec::new();
        file.read_to_end(&mut tail)?;
        let end = tail.iter().rposition(|byte| *byte == b'\n');
        let Some(end) = end else {
            if start == 0 {
                return Ok((0, None, Vec::new()));
            }
            window *= 4;
            continue;
        };
        let before = tail[..end].iter().rposition(|byte| *byte == b'\n');
        if before.is_none() && start > 0 {
            window *= 4;
            continue;
        }
        let line = &tail[before.map_or(0, |at| at + 1)..end];
        let last = Members::parse(line).map_err(|error| {
            Failure::data(format!("its last line is no row: {error}"))
                .help("it is no file of an export")
        })?;
        return Ok((start + end as u64 + 1, Some(last), Vec::new()));
    }
}

/// Where the last whole record ends, its row, and the header.
fn last_record(file: &File) -> Result<Last, Failure> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(BufReader::new(file));
    let columns: Vec<String> = reader
        .headers()
        .map_err(broken)?
        .iter()
        .map(str::to_owned)
        .collect();
    let mut end = reader.position().byte();
    if end >= file.metadata()?.len() && !ends_in_line_feed(file, end)? {
        return Ok((0, None, Vec::new()));
    }
    let (mut last, mut record) = (None, csv::StringRecord::new());
    let length = file.metadata()?.len();
    // What was cut off in the midst of a character is not whole, and ends it.
    while let Ok(true) = reader.read_record(&mut record) {
        let at = reader.position().byte();
        // The last byte of a whole record is its line feed, which the reader may not have taken yet.
        if record.len() == columns.len() && (at < length || ends_in_line_feed(file, length)?) {
            last = Some(crate::commands::import::of_record(
                &columns,
                &record,
                &|_| false,
            ));
            end = at;
        }
    }
    Ok((end, last, columns))
}

fn ends_in_line_feed(mut file: &File, length: u64) -> Result<bool, Failure> {
    if length == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::Start(length - 1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

fn broken(error: csv::Error) -> Failure {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error.into(),
        other => Failure::data(format!("{other:?}")),
    }
}

/// Rows on their way into a file.
struct Writer<'a> {
    out: Sink<'a>,
    columns: Vec<String>,
    /// Whether somebody has chosen the columns: others are left out.
    chosen: bool,
    /// Rows whose columns make the header.
    held: Vec<Members>,
    has_header: bool,
    opened: &'a Opened,
}

enum Sink<'a> {
    Lines(Box<dyn Write + Send + 'a>),
    Csv(Box<csv::Writer<Box<dyn Write + Send + 'a>>>),
}

impl<'a> Writer<'a> {
    fn new(
        out: Box<dyn Write + Send + 'a>,
        format: Format,
        columns: Vec<String>,
        has_header: bool,
        opened: &'a Opened,
    ) -> Self {
        Self {
            out: match format {
                Format::Ndjson => Sink::Lines(out),
                Format::Csv => Sink::Csv(Box::new(csv::Writer::from_writer(out))),
            },
            chosen: !columns.is_empty() && !has_header,
            columns,
            held: Vec::new(),
            has_header,
            opened,
        }
    }

    fn add(&mut self, row: Members) -> Result<(), Failure> {
        if let Sink::Lines(out) = &mut self.out {
            let mut line = row.to_json();
            line.push('\n');
            return Ok(out.write_all(line.as_bytes())?);
        }
        if self.columns.is_empty() {
            self.held.push(row);
            if self.held.len() == SAMPLE {
                self.decide()?;
            }
            return Ok(());
        }
        self.record(&row)
    }

    /// The header is what the held rows have.
    fn decide(&mut self) -> Result<(), Failure> {
        let keys = self.opened.table.columns().map(str::to_owned);
        let stored = self.opened.stored.iter().flat_map(|stored| &stored.columns);
        let stored = stored.map(|column| column.name.clone());
        let held = self
            .held
            .iter()
            .flat_map(Members::iter)
            .map(|(name, _)| name.to_owned());
        let mut columns: Vec<String> = Vec::new();
        for name in keys.chain(stored).chain(held) {
            if !columns.contains(&name) {
                columns.push(name);
            }
        }
        self.columns = columns;
        for row in std::mem::take(&mut self.held) {
            self.record(&row)?;
        }
        Ok(())
    }

    fn record(&mut self, row: &Members) -> Result<(), Failure> {
        let is_known = |name: &&str| self.columns.iter().any(|column| column == name);
        let extra = row
            .iter()
            .map(|(name, _)| name)
            .find(|name| !is_known(name));
        if let Some(extra) = extra.filter(|_| !self.chosen) {
            let failure = Failure::data(format!(
                "a row has the column `{extra}`, which the header has not"
            ));
            return Err(failure.help("name the columns by `--columns`, or export NDJSON"));
        }
        let Sink::Csv(out) = &mut self.out else {
            return Ok(());
        };
        if !self.has_header {
            out.write_record(&self.columns).map_err(broken)?;
            self.has_header = true;
        }
        let fields = self.columns.iter().map(|column| match row.value(column) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text,
            Some(_) => row.get(column).unwrap_or_default().to_owned(),
        });
        out.write_record(fields).map_err(broken)
    }

    fn end(&mut self) -> Result<(), Failure> {
        if matches!(self.out, Sink::Csv(_)) && self.columns.is_empty() {
            self.decide()?;
        }
        match &mut self.out {
            Sink::Lines(out) => out.flush()?,
            Sink::Csv(out) => out.flush()?,
        }
        Ok(())
    }
}
