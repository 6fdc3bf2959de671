//! What happened, in the order in which it happened.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use s3orm::store::{Object, PutObject};
use s3orm::table::Patch;
use s3orm::tx::Tx;
use s3orm::{Env, ErrorKind, Result, S3Schema, Table, Transactional};
use serde::{Deserialize, Serialize};

use super::book::Book;
use super::deeds::Deed;
use super::lookups::{Lookup, Member, city, name};

/// A row of the simulation, of whichever table.
pub trait Cell: S3Schema<Key = (u64,)> + Clone {
    /// The row of these values.
    fn of(values: Register) -> Self;

    /// Its values.
    fn values(&self) -> Register;

    /// A patch that makes another value of the row, and counts it.
    fn patch(table: &Table<Self>, id: u64, stamp: u64) -> Patch<'_, Self>;
}

/// The row of the simulation: each value that is written is written once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "registers", path = "<id>")]
pub struct Register {
    /// The row.
    pub id: u64,
    /// The number of this value: no other has it.
    pub stamp: u64,
    /// The number of the value that it was made from, where it was made from one.
    pub base: Option<u64>,
    /// How many updates have made it.
    pub count: u64,
    /// What transactions move from row to row.
    pub balance: u64,
}

/// The same in a table with transactions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "accounts", path = "<id>", transactional)]
#[allow(missing_docs)] // The columns are those of a register.
pub struct Account {
    pub id: u64,
    pub stamp: u64,
    pub base: Option<u64>,
    pub count: u64,
    pub balance: u64,
}

/// A row of a table with transactions.
pub trait Posting: Cell + Transactional {
    /// A patch that takes an amount from its balance, if it has so much.
    fn pays(table: &Table<Self>, id: u64, stamp: u64, amount: u64) -> Patch<'_, Self>;

    /// A patch that adds an amount to its balance.
    fn gets(table: &Table<Self>, id: u64, stamp: u64, amount: u64) -> Patch<'_, Self>;

    /// The transaction needs the row to be there.
    fn check(tx: &Tx, table: &Table<Self>, id: u64) -> Result<()>;
}

/// Rows with the columns of a register, and with others that are functions of the version's number.
macro_rules! cells {
    ($($name:ident { $($derived:ident)* })*) => {$(
        impl Cell for $name {
            fn of(values: Register) -> Self {
                let Register { id, stamp, base, count, balance } = values;
                Self { id, stamp, base, count, balance, $($derived: $derived(stamp)),* }
            }

            fn values(&self) -> Register {
                let Self { id, stamp, base, count, balance, .. } = *self;
                Register { id, stamp, base, count, balance }
            }

            fn patch(table: &Table<Self>, id: u64, stamp: u64) -> Patch<'_, Self> {
                let patch = table.patch(id).set(Self::COL.stamp, stamp);
                $(let patch = patch.set(Self::COL.$derived, $derived(stamp));)*
                patch.increment(Self::COL.count, 1)
            }
        }
    )*};
}

cells! {
    Register {}
    Account {}
    Member { city name }
}

macro_rules! postings {
    ($($name:ident),*) => {$(
        impl Posting for $name {
            fn pays(table: &Table<Self>, id: u64, stamp: u64, amount: u64) -> Patch<'_, Self> {
                let balance = Self::COL.balance;
                let patch = Self::patch(table, id, stamp).decrement(balance, amount);
                patch.only_if(balance.ge(amount))
            }

            fn gets(table: &Table<Self>, id: u64, stamp: u64, amount: u64) -> Patch<'_, Self> {
                Self::patch(table, id, stamp).increment(Self::COL.balance, amount)
            }

            fn check(tx: &Tx, table: &Table<Self>, id: u64) -> Result<()> {
                tx.check(table, id, Self::COL.count.ge(0_u64))
            }
        }
    )*};
}

postings!(Account, Member);

impl Register {
    /// What an update makes of it.
    #[must_use]
    pub fn next(self, stamp: u64) -> Self {
        let (base, count) = (Some(self.stamp), self.count + 1);
        Self {
            stamp,
            base,
            count,
            ..self
        }
    }
}

/// The row that all clients only ever count up.
pub const COUNTER: u64 = 0;

/// What a client does to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // They are the operations of a table.
pub enum Action {
    Insert,
    InsertOrNothing,
    InsertOrReplace,
    Put,
    PutReturningOld,
    Save,
    Update,
    Delete,
    DeleteMustExist,
    DeleteReturningOld,
    Get,
    /// Batches of one row.
    InsertMany,
    PutMany,
    DeleteMany,
    GetMany,
    Patch,
    /// To this row.
    Rekey(u64),
    /// The first write of a row, before anything can go wrong.
    Begin,
    /// Several rows at one instant: the history's deeds say what it did.
    Transaction,
    /// The same under a token of this number, and again if nobody knows what became of it.
    Once(u64),
    /// Several rows of one instant are read.
    Snapshot,
    Sweep,
    Settle,
    Vacuum,
    /// The rows with a value are looked up.
    LookUp,
    /// Indexes are repaired.
    Repair,
}

/// What became of an operation.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It has not ended.
    Open,
    /// This value is written.
    Wrote(u64),
    /// This value is written in the place of that.
    Replaced(u64, Option<u64>),
    /// This value is written at the row's new key, or was found there.
    Moved(u64),
    /// The row is deleted.
    Deleted,
    /// The row, which had this value, is deleted; or there was none.
    DeletedOld(Option<u64>),
    /// The row has this value.
    Read(Option<u64>),
    /// Nothing was written, because there is a row.
    LeftAlone,
    /// What it was to do is done.
    Done,
    /// It was done before, under the same token.
    DoneBefore,
    /// An error; and the value that the write was based on.
    Failed(ErrorKind, Option<u64>),
    /// The client has crashed.
    Crashed,
}

impl Outcome {
    /// The value that is written for sure.
    pub fn written(&self) -> Option<u64> {
        match self {
            Self::Wrote(stamp) | Self::Replaced(stamp, _) => Some(*stamp),
            _ => None,
        }
    }

    /// Whether it may have taken effect, or may do so yet.
    pub fn is_unknown(&self) -> bool {
        matches!(
            self,
            Self::Open | Self::Crashed | Self::Failed(ErrorKind::OutcomeUnknown, _)
        )
    }

    /// For figures.
    pub fn name(&self) -> String {
        match self {
            Self::Open => "open".to_owned(),
            Self::Failed(kind, _) => format!("{kind:?}"),
            Self::Crashed => "crashed".to_owned(),
            _ => "ok".to_owned(),
        }
    }
}

/// An operation of a client.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Who.
    pub client: u64,
    /// What.
    pub action: Action,
    /// The row.
    pub id: u64,
    /// The step at which it began.
    pub begun: u64,
    /// The step at which it ended; `u64::MAX` until then.
    pub ended: u64,
    /// What the client was told.
    pub outcome: Outcome,
    /// Copies of its writes that the network made.
    pub duplicates: u64,
    /// How many of its writes were refused by a 409 that no other write caused.
    pub conflicts: u64,
}

/// A write or a deletion that the store applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Landing {
    /// When.
    pub step: u64,
    /// The operation, as its place among them.
    pub operation: usize,
    /// The row.
    pub id: u64,
    /// The new value, or its absence.
    pub value: Option<Register>,
}

/// What happened.
#[derive(Debug)]
pub struct History {
    /// In the order in which they began.
    pub operations: Vec<Operation>,
    /// In the order in which they were applied; those of a transaction at one step.
    pub landings: Vec<Landing>,
    /// What transactions and snapshots did, by the operations' places.
    pub deeds: BTreeMap<usize, Deed>,
    /// What is on the bucket of the table with transactions.
    pub book: Book,
    /// The values of rows that operations drew, by the operations' places.
    pub drawn: BTreeMap<usize, Vec<u64>>,
    /// What was found by values.
    pub lookups: Vec<Lookup>,
    /// What a client that is beyond all faults reads at the end.
    pub end: BTreeMap<u64, Option<Register>>,
    /// The version before of each object, for a store that answers with it.
    pub stale: BTreeMap<String, Object>,
    /// Requests, those that were never sent included.
    pub requests: u64,
    /// Faults by name.
    pub faults: BTreeMap<String, u64>,
    /// Of all events and their times.
    pub hash: u64,
    /// All events, if they are asked for.
    pub trace: Vec<String>,
    verbose: bool,
    steps: u64,
    stamps: u64,
    env: Env,
    start: SystemTime,
    elapsed: Duration,
}

/// A history that several clients write.
pub type Shared = Arc<Mutex<History>>;

/// The history, for a moment.
pub fn locked(history: &Shared) -> MutexGuard<'_, History> {
    history.lock().unwrap_or_else(PoisonError::into_inner)
}

impl History {
    /// An empty one.
    pub fn new(env: Env, verbose: bool) -> Self {
        Self {
            operations: Vec::new(),
            landings: Vec::new(),
            deeds: BTreeMap::new(),
            book: Book::default(),
            drawn: BTreeMap::new(),
            lookups: Vec::new(),
            end: BTreeMap::new(),
            stale: BTreeMap::new(),
            requests: 0,
            faults: BTreeMap::new(),
            hash: 0xcbf2_9ce4_8422_2325,
            trace: Vec::new(),
            verbose,
            steps: 0,
            stamps: 0,
            start: env.now(),
            elapsed: Duration::ZERO,
            env,
        }
    }

    /// How long it had taken at the last event, on the simulated clock.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// A number for a new value.
    pub fn stamp(&mut self) -> u64 {
        self.stamps += 1;
        self.stamps
    }

    /// Writes down an event; its step.
    pub fn event(&mut self, event: fmt::Arguments<'_>) -> u64 {
        self.steps += 1;
        let elapsed = self.env.now().duration_since(self.start);
        self.elapsed = elapsed.unwrap_or_default();
        let line = format!(
            "{:>6} {:>9.3} {event}",
            self.steps,
            self.elapsed().as_secs_f64()
        );
        for byte in line.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if self.verbose {
            self.trace.push(line);
        }
        self.steps
    }

    /// An operation begins; its place.
    pub fn begin(&mut self, client: u64, action: Action, id: u64) -> usize {
        let place = self.operations.len();
        let begun = self.event(format_args!("op {place}: client {client} {action:?} {id}"));
        self.operations.push(Operation {
            client,
            action,
            id,
            begun,
            ended: u64::MAX,
            outcome: Outcome::Open,
            duplicates: 0,
            conflicts: 0,
        });
        place
    }

    /// An operation ends.
    pub fn end(&mut self, place: usize, outcome: Outcome) {
        let ended = self.event(format_args!("op {place}: {outcome:?}"));
        self.operations[place].ended = ended;
        self.operations[place].outcome = outcome;
    }

    /// The store has applied a write.
    ///
    /// # Panics
    /// If the library does not write such objects.
    pub fn put(&mut self, operation: usize, request: &PutObject) {
        let (now, key) = (self.env.now(), request.key.as_str());
        let what = if key.starts_with("registers/") {
            let row = serde_json::from_slice::<Register>(&request.body);
            let row = row.expect("the library writes registers");
            vec![(row.id, Some(row))]
        } else {
            let effects = self.book.put(key, &request.body, now);
            if effects.is_empty() {
                self.tell(operation);
            }
            effects
        };
        self.land(operation, what);
    }

    /// The store has applied a deletion of a row.
    pub fn delete(&mut self, operation: usize, key: &str) {
        if key.starts_with("registers/") {
            let id = self.operations[operation].id;
            return self.land(operation, vec![(id, None)]);
        }
        self.book.delete(key, self.env.now());
        self.tell(operation);
    }

    fn tell(&mut self, operation: usize) {
        let told = self.book.told().to_owned();
        self.event(format_args!("op {operation}: {told}"));
    }

    /// Rows have new values, or none, from one instant on.
    fn land(&mut self, operation: usize, rows: Vec<(u64, Option<Register>)>) {
        if rows.is_empty() {
            return;
        }
        let values: Vec<_> = rows.iter().map(|(_, value)| value).collect();
        let step = self.event(format_args!("op {operation}: applied {values:?}"));
        let landings = rows.into_iter().map(|(id, value)| Landing {
            step,
            operation,
            id,
            value,
        });
        self.landings.extend(landings);
    }
}
