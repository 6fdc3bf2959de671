//! Readers: the reader's rule for one row, and snapshots of several, of section 2.2. One `GET` a step.

use super::config::{Config, Mutant, Reads};
use super::invariants::Violation;
use super::state::{Record, Row, State, Value};

/// The row that the reader of one row reads.
const READ: usize = 1;

/// Where the reader is, with what it has read.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub enum Reader {
    /// Has not begun.
    Idle,
    /// One row: it is under a transaction, whose record comes next.
    Record { row: Row },
    /// One row: the record is missing; the row is read again.
    RowAgain { row: Row },
    /// Snapshot: the second row comes next.
    Second { first: Row },
    /// Snapshot: the first row's record comes next.
    Records { first: Row, second: Row },
    /// Snapshot: the second row's record comes next.
    SecondRecord {
        first: Row,
        second: Row,
        record: Record,
    },
    /// Snapshot: the first row is read again.
    FirstAgain {
        rows: [Row; 2],
        records: [Record; 2],
    },
    /// Snapshot: the second row is read again, and then the records that were pending.
    SecondAgain {
        rows: [Row; 2],
        records: [Record; 2],
    },
    /// It has answered, or would have to begin again.
    Done,
}

impl Config {
    /// The reader's next `GET`.
    pub fn read(&self, state: &mut State) -> Option<()> {
        match state.reader {
            Reader::Idle => {
                let rows = state.serial.rows;
                state.serial.during_read.insert(rows);
                match self.reads {
                    Reads::OneRow => got_row(state),
                    _ => {
                        state.reader = Reader::Second {
                            first: state.rows[0],
                        }
                    }
                }
            }
            Reader::Record { row } => self.got_record(state, row),
            Reader::RowAgain {
                row: Row::Intent { before, .. },
            } if state.reader_row_unchanged() => {
                answer_row(state, before);
            }
            Reader::RowAgain { .. } => got_row(state),
            Reader::Second { first } => {
                state.reader = Reader::Records {
                    first,
                    second: state.rows[1],
                };
            }
            Reader::Records { first, second } => {
                let record = record_of(state, first);
                state.reader = Reader::SecondRecord {
                    first,
                    second,
                    record,
                };
            }
            Reader::SecondRecord {
                first,
                second,
                record,
            } => {
                // Each distinct record is read once.
                let same = matches!((first, second),
                    (Row::Intent { tx: a, .. }, Row::Intent { tx: b, .. }) if a == b);
                let second_record = if same {
                    record
                } else {
                    record_of(state, second)
                };
                let (rows, records) = ([first, second], [record, second_record]);
                state.reader = Reader::FirstAgain { rows, records };
                if self.breaks(Mutant::SnapshotReadsOnce) {
                    answer_snapshot(state, rows, records);
                }
            }
            Reader::FirstAgain { rows, records } => {
                if state.rows[0] == rows[0] {
                    state.reader = Reader::SecondAgain { rows, records };
                } else {
                    finish(state);
                }
            }
            Reader::SecondAgain { rows, records } => {
                let decided = |at: usize| {
                    records[at] == Record::Pending && record_of(state, rows[at]) != Record::Pending
                };
                let blind = self.breaks(Mutant::PendingNotReread);
                if state.rows[1] == rows[1] && (blind || !(decided(0) || decided(1))) {
                    answer_snapshot(state, rows, records);
                } else {
                    finish(state);
                }
            }
            Reader::Done => return None,
        }
        Some(())
    }

    /// The reader's rule, from the record of the row's transaction.
    fn got_record(&self, state: &mut State, row: Row) {
        let Row::Intent {
            tx, before, new, ..
        } = row
        else {
            return;
        };
        let trusting = self.breaks(Mutant::NoSecondRead) || self.breaks(Mutant::WriteOnceDecision);
        match state.record(tx) {
            Record::Committed => answer_row(state, new),
            Record::Missing if !trusting => state.reader = Reader::RowAgain { row },
            Record::Pending | Record::Aborted | Record::Missing => answer_row(state, before),
        }
    }
}

impl State {
    fn reader_row_unchanged(&self) -> bool {
        matches!(self.reader, Reader::RowAgain { row } if row == self.rows[READ])
    }
}

/// The reader's rule, from the row itself.
fn got_row(state: &mut State) {
    match state.rows[READ] {
        Row::Absent | Row::Tombstone { .. } => answer_row(state, None),
        Row::Plain { value, .. } => answer_row(state, Some(value)),
        row @ Row::Intent { .. } => state.reader = Reader::Record { row },
    }
}

/// The record of a row's transaction; a row that is under none counts as decided.
fn record_of(state: &State, row: Row) -> Record {
    match row {
        Row::Intent { tx, .. } => state.record(tx),
        _ => Record::Committed,
    }
}

/// I4 is noticed here.
fn answer_row(state: &mut State, value: Option<Value>) {
    if !state
        .serial
        .during_read
        .iter()
        .any(|rows| rows[READ] == value)
    {
        state.violation = Some(Violation::StaleRead);
    }
    finish(state);
}

/// I5 is noticed here.
fn answer_snapshot(state: &mut State, rows: [Row; 2], records: [Record; 2]) {
    let value = |at: usize| match rows[at] {
        Row::Absent | Row::Tombstone { .. } => None,
        Row::Plain { value, .. } => Some(value),
        Row::Intent { new, .. } if records[at] == Record::Committed => new,
        Row::Intent { before, .. } => before,
    };
    if !state.serial.during_read.contains(&[value(0), value(1)]) {
        state.violation = Some(Violation::FalseSnapshot);
    }
    finish(state);
}

fn finish(state: &mut State) {
    state.reader = Reader::Done;
    state.serial.during_read.clear();
}
