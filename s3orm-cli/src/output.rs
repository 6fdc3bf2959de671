//! What the program prints: tables for people, JSON for programs; notes and progress beside them.

use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use anstyle::{AnsiColor, Style};
use clap::ColorChoice;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::Value;

use crate::connect::Global;

/// Where everything is printed. Results go to standard output, everything else to standard error.
pub(crate) struct Output {
    out: Mutex<BufWriter<Stdout>>,
    json: bool,
    terminal: bool,
    colours: bool,
    quiet: bool,
    progress: bool,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        let (terminal, watched) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            out: Mutex::new(BufWriter::new(io::stdout())),
            json: global.json || !terminal && !global.as_table,
            terminal,
            colours: match global.color {
                ColorChoice::Always => true,
                ColorChoice::Never => false,
                ColorChoice::Auto => watched && !plain,
            },
            quiet: global.quiet,
            progress: watched && !global.quiet && !global.verbose,
        }
    }

    /// Whether results are for a program.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    pub(crate) fn shows_progress(&self) -> bool {
        self.progress
    }

    fn lock(&self) -> MutexGuard<'_, BufWriter<Stdout>> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of a result, as they are.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> io::Result<()> {
        self.lock().write_all(bytes)
    }

    /// A line of a result.
    pub(crate) fn line(&self, text: &str) -> io::Result<()> {
        let mut out = self.lock();
        out.write_all(text.as_bytes())?;
        out.write_all(b"\n")?;
        if self.terminal { out.flush() } else { Ok(()) }
    }

    /// One thing with its properties: an object for programs, two columns for people.
    pub(crate) fn thing(&self, members: &[(&str, Value)]) -> io::Result<()> {
        if self.json {
            return self.line(&object(members));
        }
        let widths = members
            .iter()
            .map(|(name, _)| console::measure_text_width(name));
        let width = widths.max().unwrap_or_default();
        for (name, value) in members {
            let pad = " ".repeat(width - console::measure_text_width(name));
            self.line(&format!("{name}{pad}  {}", cell(value)))?;
        }
        Ok(())
    }

    /// Rows with these columns, as a table for people.
    pub(crate) fn table(&self, columns: &[String], rows: &[Vec<Value>]) -> io::Result<()> {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        table.set_header(columns.iter().map(|column| shown(column).to_uppercase()));
        for row in rows {
            table.add_row(row.iter().map(cell));
        }
        let is_number = |at: usize| {
            let mut cells = rows.iter().filter_map(|row| row.get(at)).peekable();
            cells.peek().is_some()
                && cells.all(|cell| matches!(cell, Value::Number(_) | Value::Null))
        };
        for (at, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, 2));
            if is_number(at) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        if self.terminal {
            let (_, width) = console::Term::stdout().size();
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(width.max(20));
        }
        for line in table.lines() {
            self.line(line.trim_end())?;
        }
        Ok(())
    }

    /// A list of things that have these columns: a table for people, an object each for programs.
    pub(crate) fn list(&self, columns: &[&str], rows: &[Vec<Value>]) -> io::Result<()> {
        if !self.json {
            let columns: Vec<String> = columns.iter().map(|&column| column.to_owned()).collect();
            return self.table(&columns, rows);
        }
        for row in rows {
            let members: Vec<_> = columns.iter().copied().zip(row.iter().cloned()).collect();
            self.line(&object(&members))?;
        }
        Ok(())
    }

    /// A remark for people, beside the results.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.tell(text);
        }
    }

    /// What was done: a sentence for people, an object for programs.
    pub(crate) fn done(&self, text: &str, members: &[(&str, Value)]) -> io::Result<()> {
        if self.json {
            return self.line(&object(members));
        }
        if self.quiet { Ok(()) } else { self.line(text) }
    }

    /// A line on standard error.
    pub(crate) fn tell(&self, text: &str) {
        // If nobody can be told, nobody can be told of that either.
        let _ = self.lock().flush();
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Writes what is held back.
    pub(crate) fn finish(&self) -> io::Result<()> {
        self.lock().flush()
    }

    fn styled(&self, style: Style, text: &str) -> String {
        if self.colours {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }

    pub(crate) fn red(&self, text: &str) -> String {
        self.styled(
            Style::new().bold().fg_color(Some(AnsiColor::Red.into())),
            text,
        )
    }

    pub(crate) fn green(&self, text: &str) -> String {
        self.styled(Style::new().fg_color(Some(AnsiColor::Green.into())), text)
    }

    pub(crate) fn dim(&self, text: &str) -> String {
        self.styled(Style::new().dimmed(), text)
    }
}

/// A JSON object in one line, its members in this order.
pub(crate) fn object(members: &[(&str, Value)]) -> String {
    let members: Vec<String> = members
        .iter()
        .map(|(name, value)| format!("{}:{value}", Value::from(*name)))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// A text without what a terminal would take for a command.
pub(crate) fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_control() {
            out.extend(char.escape_default());
        } else {
            out.push(char);
        }
    }
    out
}

/// A value in a cell.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => shown(text),
        other => shown(&other.to_string()),
    }
}

/// A time as a person and a program read it: `2026-11-03T12:00:00Z`.
pub(crate) fn time(time: SystemTime) -> String {
    let time: chrono::DateTime<chrono::Utc> = time.into();
    time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}

/// Bytes as a person reads them: `1.5 MiB`.
pub(crate) fn bytes(count: u64) -> String {
    indicatif::BinaryBytes(count).to_string()
}
