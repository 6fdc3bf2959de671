//! Rows, and keys, on their way out: lines of JSON at once, tables by the hundred.

use bytes::Bytes;
use s3orm::Row;
use s3orm::dynamic::Listed;
use serde_json::Value;

use crate::exit::Failure;
use crate::output::{Output, time};
use crate::row::{self, Members};
use crate::table::Opened;

fn none(output: &Output) {
    if !output.is_json() {
        output.note("no rows");
    }
}

/// Rows of one table: its widths are those of these rows.
const HELD: usize = 500;

/// Rows as they were read.
pub(crate) struct Rows<'a> {
    output: &'a Output,
    opened: &'a Opened,
    chosen: &'a [String],
    held: Vec<Members>,
    pub(crate) count: usize,
    /// The key of the last one.
    pub(crate) last: String,
}

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

/// Rows as a listing shows them.
pub(crate) struct Keys<'a> {
    output: &'a Output,
    opened: &'a Opened,
    columns: Vec<&'a str>,
    held: Vec<Vec<Value>>,
    pub(crate) count: usize,
    /// The last of them.
    pub(crate) last: String,
}

impl<'a> Keys<'a> {
    pub(crate) fn new(output: &'a Output, opened: &'a Opened) -> Self {
        let columns = opened.table.columns();
        Self {
            output,
            opened,
            columns: columns.chain(["size", "modified", "key"]).collect(),
            held: Vec::new(),
            count: 0,
            last: String::new(),
        }
    }

    pub(crate) fn add(&mut self, row: Listed) -> Result<(), Failure> {
        let table = &self.opened.table;
        let values = row.values.iter();
        let values = values.map(|(name, value)| table.json_of(name, value));
        let others = [
            row.size.into(),
            time(row.last_modified).into(),
            row.key.as_str().into(),
        ];
        self.held.push(values.chain(others).collect());
        self.count += 1;
        self.last = row.key;
        if self.held.len() == HELD {
            self.print()?;
        }
        Ok(())
    }

    pub(crate) fn end(&mut self) -> Result<(), Failure> {
        if self.count == 0 {
            none(self.output);
        } else if !self.held.is_empty() {
            self.print()?;
        }
        Ok(())
    }

    fn print(&mut self) -> Result<(), Failure> {
        self.output.list(&self.columns, &self.held)?;
        self.held.clear();
        Ok(())
    }
}
