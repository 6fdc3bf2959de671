//! What there is: objects on the store, requests on their way, clients, and the ghosts that the
//! invariants compare them with.

use std::collections::BTreeSet;

use super::invariants::Violation;
use super::reader::Reader;

/// How many rows there are.
pub const ROWS: usize = 2;

/// A row's columns. `None` of it is a row that is not there.
pub type Value = u8;
/// The number of a transaction.
pub type Tx = u8;
/// The number of a row.
pub type Key = u8;

/// What makes every version of a row unlike any other: `_m.v`.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stamp {
    /// Of the row that is there at the beginning.
    Initial,
    /// Of a transaction's intent; one put on an absent row differs from one put over an object.
    Intent(Tx, Key, Precedent),
    /// Of a single-row operation.
    Single(u8, Key),
    /// Of the row that takes an intent's place.
    Final(Tx, Key),
    /// Of the content alone, by [`Mutant::TagOfContent`](super::Mutant::TagOfContent).
    Content(Value),
}

/// What an intent was put over.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precedent {
    /// There was no object.
    Nothing,
    /// There was one.
    Object,
}

/// The object of a row.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub enum Row {
    /// There is none.
    Absent,
    /// A row.
    Plain { value: Value, stamp: Stamp },
    /// A deleted row, on tables in tombstone mode.
    Tombstone { stamp: Stamp },
    /// A row under a transaction: its columns, and what they will be.
    Intent {
        tx: Tx,
        before: Option<Value>,
        new: Option<Value>,
        stamp: Stamp,
    },
}

impl Row {
    /// The stamp, if there is an object.
    pub fn stamp(self) -> Option<Stamp> {
        match self {
            Row::Absent => None,
            Row::Plain { stamp, .. } | Row::Tombstone { stamp } | Row::Intent { stamp, .. } => {
                Some(stamp)
            }
        }
    }

    /// Whether it is under this transaction.
    pub fn is_under(self, of: Tx) -> bool {
        matches!(self, Row::Intent { tx, .. } if tx == of)
    }
}

/// The object of a transaction's record.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub enum Record {
    /// Not there yet, or collected.
    Missing,
    /// Undecided: anybody may abort it, its coordinator may commit it.
    Pending,
    /// Its transaction has taken effect.
    Committed,
    /// Its transaction will never take effect.
    Aborted,
}

/// What a request asks of the object that it writes.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// `If-None-Match: *`.
    IfAbsent,
    /// `If-Match` of the version with this stamp.
    IfMatch(Stamp),
    /// None: only broken clients send such.
    Nothing,
}

/// A request that writes.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub enum Request {
    /// Coordinator step 2: the record, pending, if it is absent.
    Create(Tx),
    /// Coordinator step 3: an intent over a row.
    Intent {
        tx: Tx,
        key: Key,
        condition: Condition,
        before: Option<Value>,
        new: Option<Value>,
        stamp: Stamp,
    },
    /// Coordinator step 4: the record, committed, if it is the pending one.
    Commit(Tx),
    /// Coordinator step 5: the final row in an intent's place.
    Final {
        tx: Tx,
        key: Key,
        intent: Stamp,
        to: Option<Value>,
    },
    /// The writer's rule: a single-row operation computed from `base`.
    Single {
        operation: u8,
        key: Key,
        condition: Condition,
        base: Option<Value>,
        to: Option<Value>,
        stamp: Stamp,
    },
}

/// Where a coordinator is.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub enum Coordinator {
    /// Before step 2.
    Start,
    /// The answer of step 2 is lost.
    CreateLost,
    /// In step 3, at this row.
    Lock(Key),
    /// The answer to this intent is lost.
    LockLost(Key, Request),
    /// Only of [`Mutant::ChecksUnlocked`](super::Mutant::ChecksUnlocked).
    Validate,
    /// Before step 4.
    Commit,
    /// The answer of step 4 is lost.
    CommitLost,
    /// In step A.
    Abort { commit_sent: bool },
    /// The caller has this.
    Done(Told),
}

/// What a coordinator tells its caller.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub enum Told {
    /// It took effect.
    Committed,
    /// It never will.
    Aborted,
    /// `OutcomeUnknown`.
    Unknown,
}

/// Where the single-row client is in its current operation.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub enum Single {
    /// Before its request.
    Ready,
    /// The answer to this request is lost.
    Lost(Request),
    /// All of its operations are over.
    Done,
}

/// The serial execution that the store must look like.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub struct Serial {
    /// The rows, changed at the linearization points.
    pub rows: [Option<Value>; ROWS],
    /// Of each transaction: whether it took effect.
    pub committed: Vec<bool>,
    /// Of each single-row operation: how often it took effect.
    pub effects: Vec<u8>,
    /// The rows at every instant of the read that is going on.
    pub during_read: BTreeSet<[Option<Value>; ROWS]>,
}

/// Everything.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub struct State {
    /// The rows' objects.
    pub rows: [Row; ROWS],
    /// The records' objects.
    pub records: Vec<Record>,
    /// The coordinators, one a transaction.
    pub coordinators: Vec<Coordinator>,
    /// The single-row client's current operation.
    pub operation: u8,
    /// Where it is in that.
    pub single: Single,
    /// The reader.
    pub reader: Reader,
    /// Requests, or copies of them, that may land yet.
    pub limbo: BTreeSet<Request>,
    /// How many answers were lost.
    pub lost: u8,
    /// How many requests were doubled.
    pub doubled: u8,
    /// The ghosts.
    pub serial: Serial,
    /// The first broken rule among I1 to I5; nothing follows it.
    pub violation: Option<Violation>,
    /// I6: a commit landed while an intent of its transaction was not in place.
    pub commit_unheld: bool,
    /// Whether a record was collected.
    pub collected: bool,
}

impl State {
    /// The record of a transaction.
    pub fn record(&self, tx: Tx) -> Record {
        self.records[usize::from(tx)]
    }

    /// The object of a row.
    pub fn row(&self, key: Key) -> Row {
        self.rows[usize::from(key)]
    }

    /// Whether some row is under this transaction.
    pub fn holds(&self, tx: Tx) -> bool {
        self.rows.iter().any(|row| row.is_under(tx))
    }
}
