//! `query`, and what other commands choose rows by.

use bytes::Bytes;
use clap::ValueEnum;
use futures_util::StreamExt as _;
use s3orm::Row;
use s3orm::dynamic::{Filter, Listed, Query};
use serde_json::Value;

use crate::connect::Context;
use crate::exit::Failure;
use crate::output::{Output, time};
use crate::row::{self, Members};
use crate::table::{Opened, TableArgs, Use};
use crate::values::{key_values, nearest};

/// Rows of a table by key columns and filters.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Select {
    #[command(flatten)]
    pub(crate) table: TableArgs,

    /// Values of the first key columns: `city=Oslo`, or bare values in the path's order
    #[arg(value_name = "COLUMN=VALUE")]
    pub(crate) values: Vec<String>,

    /// Only rows that meet this: `age >= 18 and city = 'New York'`; may be given several times
    #[arg(long, short = 'w', value_name = "FILTER", visible_alias = "where", value_parser = filter, long_help = "\
Only rows that meet this; may be given several times. Columns are compared by =, <> (or !=), <, <=, >, >=, `between 1 and 5`, \
`in (a, b)`, `starts with`, `contains`, `is null`, `is not null`, and joined by `and`, `or`, `not` and parentheses. \
Texts with spaces are quoted: 'New York'. `address.city` is a member of an object. What the key columns decide costs no read")]
    filter: Vec<Filter>,

    /// Look at every key of the table, where no value of the first key column narrows it
    #[arg(long)]
    scan: bool,

    /// At most so many rows
    #[arg(long, short = 'n', value_name = "NUMBER")]
    pub(crate) limit: Option<usize>,

    /// Rows that are read at the same time
    #[arg(long, value_name = "NUMBER", default_value_t = 16)]
    pub(crate) concurrency: usize,
}

fn filter(text: &str) -> Result<Filter, String> {
    text.parse()
        .map_err(|error: s3orm::Error| error.to_string())
}

impl Select {
    pub(crate) fn is_filtered(&self) -> bool {
        !self.filter.is_empty()
    }

    /// The query for these rows.
    pub(crate) fn query(&self, output: &Output, opened: &Opened) -> Result<Query, Failure> {
        let mut query = opened.table.query(key_values(&opened.table, &self.values)?);
        for filter in &self.filter {
            hint(output, opened, filter);
            query = query.filter(filter.clone());
        }
        if self.scan {
            query = query.scan();
        }
        if let Some(limit) = self.limit {
            query = query.limit(limit);
        }
        Ok(query.concurrency(self.concurrency))
    }
}

/// Tells of columns in a filter that may be slips, where the table is described: rows may have others
/// than are described.
fn hint(output: &Output, opened: &Opened, filter: &Filter) {
    let columns = opened.stored.iter().flat_map(|stored| &stored.columns);
    let known: Vec<&str> = columns.map(|column| &*column.name).collect();
    if known.is_empty() {
        return;
    }
    for column in filter.columns() {
        let first = column.split('.').next().unwrap_or(column);
        let is_key = opened.table.column_type(column).is_some();
        if is_key || known.contains(&column) || known.contains(&first) {
            continue;
        }
        if let Some(near) = nearest(column, known.iter().copied()) {
            let table = opened.table.name();
            output.note(&format!(
                "`{table}` is described without a column `{column}`; did you mean `{near}`?"
            ));
        }
    }
}

/// Find rows by key columns and filters
#[derive(Debug, clap::Args)]
#[command(
    visible_alias = "select",
    after_help = "\
Examples:
  s3orm query people Oslo
  s3orm query people city=Oslo --filter 'id >= 100 and age < 18' --columns id,name --limit 20
  s3orm query people --filter 'name starts with An' --scan
  s3orm query people --keys --sort modified --reverse --limit 10      # the newest
  s3orm query people --prefix 2024-01-0                               # raw keys

Values of the first key columns are a prefix of the keys: whole values, so that 1 is not 10.
Cost: 1 LIST for each 1,000 rows of it, and 1 GET a row; `s3orm explain` says it beforehand."
)]
pub(crate) struct Args {
    #[command(flatten)]
    select: Select,

    /// Only these columns, in this order
    #[arg(long, short = 'c', value_name = "COLUMN,…", value_delimiter = ',')]
    columns: Vec<String>,

    /// Only keys, sizes and times, from the listing alone: no row is read but to be filtered
    #[arg(long)]
    keys: bool,

    /// The order; `size` and `modified` hold all of them in memory
    #[arg(long, value_enum, default_value_t = Sort::Key, hide_default_value = true)]
    sort: Sort,

    /// The reverse order
    #[arg(long, short = 'r')]
    reverse: bool,

    /// Go on after this key, as the last line of a page says
    #[arg(long, value_name = "KEY")]
    after: Option<String>,

    /// Raw keys that begin so in the table's folder, rows or not
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["values", "filter", "keys", "columns"])]
    prefix: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Sort {
    /// As S3 lists them
    Key,
    /// By bytes
    Size,
    /// By the time of the last write
    Modified,
}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let db = context.db().await?;
        let opened = self.select.table.open(&db, Use::Read).await?;
        if let Some(prefix) = &self.prefix {
            let keys = opened.table.query_by_key(prefix).await?;
            let keys = keys
                .into_iter()
                .take(self.select.limit.unwrap_or(usize::MAX));
            let rows: Vec<_> = keys.map(|key| vec![Value::from(key)]).collect();
            return Ok(context.output.list(&["key"], &rows)?);
        }
        if self.sort != Sort::Key || self.reverse {
            return self.sorted(context, &opened).await;
        }
        let mut query = self.select.query(context.output, &opened)?;
        if let Some(after) = &self.after {
            query = query.after(after);
        }
        if self.keys {
            return listed(context.output, &query.list().await?);
        }
        let mut printed = Rows::new(context.output, &opened, &self.columns);
        let mut rows = query.stream();
        while let Some(row) = rows.next().await {
            printed.add(&row?)?;
        }
        printed.end()?;
        if let Some(limit) = self
            .select
            .limit
            .filter(|limit| printed.count == *limit && *limit > 0)
        {
            context.output.note(&format!(
                "{limit} rows; the next: --after '{}'",
                printed.last
            ));
        }
        Ok(())
    }

    /// In another order: the listing is held.
    async fn sorted(&self, context: &Context<'_>, opened: &Opened) -> Result<(), Failure> {
        let unlimited = Select {
            limit: None,
            ..self.select.clone()
        };
        let mut rows = unlimited.query(context.output, opened)?.list().await?;
        match self.sort {
            Sort::Key => {}
            Sort::Size => rows.sort_by_key(|row| row.size),
            Sort::Modified => rows.sort_by_key(|row| row.last_modified),
        }
        if self.reverse {
            rows.reverse();
        }
        rows.truncate(self.select.limit.unwrap_or(usize::MAX));
        if self.keys {
            return listed(context.output, &rows);
        }
        let mut printed = Rows::new(context.output, opened, &self.columns);
        let keys = futures_util::stream::iter(rows);
        let table = &opened.table;
        let mut read = keys
            .map(|row| table.select(row.values))
            .buffered(self.select.concurrency.max(1));
        while let Some(row) = read.next().await {
            if let Some(row) = row? {
                printed.add(&row)?;
            }
        }
        printed.end()
    }
}

fn listed(output: &Output, rows: &[Listed]) -> Result<(), Failure> {
    let Some(first) = rows.first() else {
        none(output);
        return Ok(());
    };
    let names: Vec<&str> = first.values.iter().map(|(name, _)| name).collect();
    let columns: Vec<&str> = names
        .iter()
        .copied()
        .chain(["size", "modified", "key"])
        .collect();
    let cells = rows.iter().map(|row| {
        let values = row.values.iter().map(|(_, value)| Value::from(value));
        let others = [
            row.size.into(),
            time(row.last_modified).into(),
            row.key.as_str().into(),
        ];
        values.chain(others).collect()
    });
    output.list(&columns, &cells.collect::<Vec<_>>())?;
    Ok(())
}

fn none(output: &Output) {
    if !output.is_json() {
        output.note("no rows");
    }
}

/// Rows on their way out: lines of JSON at once, tables by the hundred.
pub(crate) struct Rows<'a> {
    output: &'a Output,
    opened: &'a Opened,
    chosen: &'a [String],
    held: Vec<Members>,
    count: usize,
    /// The key of the last one.
    last: String,
}

/// Rows of one table: its widths are those of these rows.
const HELD: usize = 500;

impl<'a> Rows<'a> {
    pub(crate) fn new(output: &'a Output, opened: &'a Opened, chosen: &'a [String]) -> Self {
        Self {
            output,
            opened,
            chosen,
            held: Vec::new(),
            count: 0,
            last: String::new(),
        }
    }

    pub(crate) fn add(&mut self, row: &Row<Bytes>) -> Result<(), Failure> {
        let mut members = row::members(&self.opened.table, row, &self.opened.shape)?;
        self.count += 1;
        row.key().clone_into(&mut self.last);
        if !self.chosen.is_empty() {
            members = members.only(self.chosen);
        }
        if self.output.is_json() {
            return Ok(self.output.line(&members.to_json())?);
        }
        self.held.push(members);
        if self.held.len() == HELD {
            self.print()?;
        }
        Ok(())
    }

    pub(crate) fn end(&mut self) -> Result<(), Failure> {
        if self.count == 0 {
            none(self.output);
            return Ok(());
        }
        self.print()
    }

    fn print(&mut self) -> Result<(), Failure> {
        if self.held.is_empty() {
            return Ok(());
        }
        let mut columns: Vec<String> = self.chosen.to_vec();
        if columns.is_empty() {
            columns.extend(self.opened.table.columns().map(str::to_owned));
            for (name, _) in self.held.iter().flat_map(Members::iter) {
                if !columns.iter().any(|known| known == name) {
                    columns.push(name.to_owned());
                }
            }
        }
        let cells = |row: &Members| {
            let cells = columns
                .iter()
                .map(|name| row.value(name).unwrap_or(Value::Null));
            cells.collect::<Vec<_>>()
        };
        let rows: Vec<_> = self.held.iter().map(cells).collect();
        self.output.table(&columns, &rows)?;
        self.held.clear();
        Ok(())
    }
}
