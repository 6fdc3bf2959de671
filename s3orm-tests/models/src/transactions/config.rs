//! What a run explores: who takes part, what may go wrong, and which rule is broken on purpose.

use super::state::{Key, ROWS, Record, Tx, Value};

/// What an operation does to a row.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    /// Writes it.
    Put(Value),
    /// Deletes it.
    Delete,
    /// Leaves it as it is: a condition check of a transaction.
    Check,
}

/// What an operation demands of a row.
#[derive(Clone, Copy, Debug)]
pub enum Demand {
    /// That it is there.
    Exists,
    /// That it is not.
    Absent,
    /// Nothing.
    Any,
}

impl Demand {
    /// Whether this row will do.
    pub fn is_met(self, value: Option<Value>) -> bool {
        match self {
            Demand::Exists => value.is_some(),
            Demand::Absent => value.is_none(),
            Demand::Any => true,
        }
    }
}

/// What a transaction does to each row, if it takes part.
pub type Transaction = [Option<(Change, Demand)>; ROWS];

/// Who reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// Nobody.
    Nothing,
    /// One reader of the second row, by the reader's rule.
    OneRow,
    /// One snapshot of both rows.
    Snapshot,
}

/// How rows are deleted: section 2.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// By a tombstone that is collected after the grace; inserts may be sent again.
    Tombstones,
    /// At once; inserts are never sent again.
    Lean,
}

/// A rule broken on purpose. Each must be caught; the numbers are those of the cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// X1: the commit point is a write-once decision, put if absent, not a pre-created record.
    WriteOnceDecision,
    /// X2, X3b: lean mode, yet inserts are sent again after a lost answer.
    InsertSentAgain,
    /// X4: a record is collected while rows are under its transaction.
    CollectUnclean,
    /// X5: a reader that finds no record does not read the row again.
    NoSecondRead,
    /// X6: the stamp is a hash of the content.
    TagOfContent,
    /// X7: a single-row put has no condition.
    BlindPut,
    /// X8, Y8: checked rows are validated once, not locked.
    ChecksUnlocked,
    /// X9: a single-row delete has no condition.
    BlindDelete,
    /// X10: intents are sent before the record is there.
    IntentsFirst,
    /// X11: an intent whose answer is lost is taken as placed.
    LostIntentTaken,
    /// X12: the collector does not wait until old requests are dead.
    NoGrace,
    /// X13: a snapshot reads the rows once.
    SnapshotReadsOnce,
    /// X14: a snapshot does not read again the records that were pending.
    PendingNotReread,
    /// X15, X16, X18: a snapshot, or a client that sends again, outlives a tombstone.
    NoDeadline,
}

/// A configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The transactions, one coordinator each.
    pub transactions: Vec<Transaction>,
    /// What the single-row client does, in this order.
    pub singles: Vec<(Key, Change, Demand)>,
    /// Who reads.
    pub reads: Reads,
    /// How many answers may be lost.
    pub lost: u8,
    /// How many requests may be doubled.
    pub doubled: u8,
    /// How rows are deleted.
    pub mode: Mode,
    /// The rule that is broken, if one is.
    pub mutant: Option<Mutant>,
}

impl Config {
    /// Whether this rule is broken.
    pub fn breaks(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// Whether a record in this state may still be committed or aborted.
    pub fn is_pending(&self, record: Record) -> bool {
        if self.breaks(Mutant::WriteOnceDecision) {
            record == Record::Missing
        } else {
            record == Record::Pending
        }
    }

    /// Whether a request that creates a row may be sent again.
    pub fn inserts_are_sent_again(&self) -> bool {
        self.mode == Mode::Tombstones || self.breaks(Mutant::InsertSentAgain)
    }

    /// Whether a transaction puts an intent on this row: on every row that it writes or checks.
    pub fn locks(&self, tx: Tx, key: usize) -> bool {
        match self.transactions[usize::from(tx)][key] {
            None => false,
            Some((Change::Check, _)) => !self.breaks(Mutant::ChecksUnlocked),
            Some(_) => true,
        }
    }
}
