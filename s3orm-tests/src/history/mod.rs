//! Recorded histories, and whether they could have happened one after the other.
//!
//! Each operation says which versions of which rows it read and wrote, and each version names the one
//! that it replaced. So the order of a row's versions is recorded, not guessed, and so is the order
//! that operations must have had: who wrote what another replaced (**ww**), who wrote what another
//! read (**wr**), who read what another replaced (**rw**), and who had ended before another began
//! (**rt**). A history is strictly serializable if these arrows make no circle; a circle is named by
//! the arrows that it needs, as Adya and Elle name it. [`check()`] finds them in time that grows with
//! the history as its sorting does.
//!
//! What is not exact: a read of an absent row does not tell which absence, if the row was deleted and
//! inserted again, nor whose, if a deletion's outcome is unknown. It counts as any that there was
//! during the read, so a circle may be missed by that, and none is made up. A tombstone, which has a
//! version, is told by that.

mod check;
mod cycle;
mod graph;
mod order;

use std::fmt;

pub use self::check::{Anomaly, Kind, check};

/// A row's number.
pub type Row = u64;

/// A version of a row: no other write of the row makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u128);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{:x}", self.0)
    }
}

/// What became of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It took effect, once, between its invocation and its response.
    Ok,
    /// It did not take effect and never will.
    Failed,
    /// It took effect at some time after its invocation, or never. It did if somebody saw one of its
    /// versions, and then it did as a whole.
    Unknown,
}

/// What an operation saw of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Read {
    /// The row.
    pub row: Row,
    /// Its version; `None` if it was absent and no tombstone was seen.
    pub version: Option<Version>,
}

/// What an operation made of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Write {
    /// The row.
    pub row: Row,
    /// The new version. A deletion makes one, too: recorders number those that leave no object.
    pub version: Version,
    /// The version that was replaced; `None` if the row had never had one.
    pub over: Option<Version>,
    /// Whether the row is absent from here on.
    pub deletes: bool,
}

/// An operation on any number of rows, which is to happen at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Operation {
    /// For reports: who did what.
    pub name: String,
    /// When it began. Times are of one clock, which all clients share.
    pub invoked: u64,
    /// When it ended; without meaning if the outcome is unknown.
    pub responded: u64,
    /// What became of it.
    pub outcome: Outcome,
    /// What it saw of what others wrote; where it tried several times, what the last attempt saw.
    pub reads: Vec<Read>,
    /// What it wrote, or may have written.
    pub writes: Vec<Write>,
}

impl Operation {
    /// One that is done, and has neither read nor written.
    pub fn new(name: impl Into<String>, invoked: u64, responded: u64) -> Self {
        Self {
            name: name.into(),
            invoked,
            responded,
            outcome: Outcome::Ok,
            reads: Vec::new(),
            writes: Vec::new(),
        }
    }

    /// With another outcome.
    #[must_use]
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// Which saw this version of a row, or its absence.
    #[must_use]
    pub fn read(mut self, row: Row, version: Option<Version>) -> Self {
        self.reads.push(Read { row, version });
        self
    }

    /// Which wrote this version of a row over that.
    #[must_use]
    pub fn write(mut self, row: Row, version: Version, over: Option<Version>) -> Self {
        self.writes.push(Write {
            row,
            version,
            over,
            deletes: false,
        });
        self
    }

    /// Which deleted a row; its absence has this version.
    #[must_use]
    pub fn delete(mut self, row: Row, version: Version, over: Option<Version>) -> Self {
        self.writes.push(Write {
            row,
            version,
            over,
            deletes: true,
        });
        self
    }
}
