//! What there is: objects on the store, requests on their way, and clients.

use std::collections::BTreeSet;

/// A row's value in a unique index is `OTHER` or `WANTED`; a claim's content is the row's number.
pub type Value = u8;
/// An object's number.
pub type Key = u8;

/// A value that is not claimed.
pub const OTHER: Value = 0;
/// The value that at most one row may have.
pub const WANTED: Value = 1;

/// The rows.
pub const ROWS: [Key; 2] = [0, 1];
/// The claim on [`WANTED`].
pub const CLAIM: Key = 2;
/// How many objects there are: rows, claim, and an entry for either value of the first row.
pub const OBJECTS: usize = 5;

/// The entry of a value in the plain index on the first row.
pub fn entry(value: Value) -> Key {
    3 + value
}

/// What makes every version of an object unlike any other: who wrote it, in which attempt, in which
/// step.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    pub client: u8,
    pub attempt: u8,
    pub step: u8,
}

/// An object: a row, a claim or an entry.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub enum Object {
    /// There is none.
    Absent,
    /// A deleted one.
    Tombstone(Stamp),
    /// One.
    Has { value: Value, stamp: Stamp },
}

impl Object {
    /// The stamp, if there is an object.
    pub fn stamp(self) -> Option<Stamp> {
        match self {
            Object::Absent => None,
            Object::Tombstone(stamp) | Object::Has { stamp, .. } => Some(stamp),
        }
    }

    /// The value, if it has one.
    pub fn value(self) -> Option<Value> {
        match self {
            Object::Has { value, .. } => Some(value),
            Object::Absent | Object::Tombstone(_) => None,
        }
    }

    /// The condition of a write on this version.
    pub fn unchanged(self) -> Condition {
        self.stamp().map_or(Condition::IfAbsent, Condition::IfMatch)
    }
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

/// What a request leaves.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub enum Content {
    /// An object with this value.
    Put(Value),
    /// A tombstone.
    Tombstone,
    /// Nothing.
    Delete,
}

/// A request that writes.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    pub key: Key,
    pub condition: Condition,
    pub content: Content,
    pub stamp: Stamp,
}

/// What a client wants.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub enum Goal {
    /// Unique index: give this row the wanted value.
    Take(Key),
    /// Unique index: give this row another value, if it has the wanted one.
    Change(Key),
    /// Unique index: delete this row, if it has the wanted value.
    Delete(Key),
    /// Plain index: give the first row this value.
    Set(Value),
    /// Plain index: remove this value's entry if the row does not have it.
    Sweep(Value),
}

/// Where a client is, with what it has read.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub enum Step {
    /// At the beginning: reads.
    Start,
    /// Unique index, step 2: before its request on the claim.
    Claim { row: Condition },
    /// Unique index, step 2: the claim is another row's.
    Fence {
        row: Condition,
        other: Key,
        claim: Stamp,
    },
    /// Unique index, step 2: the other row is fenced.
    Steal { row: Condition, claim: Stamp },
    /// Unique index, step 3: before its request on the row.
    Row { row: Condition },
    /// Unique index, release: before its request on the row.
    Leave {
        row: Condition,
        claim: Option<Stamp>,
    },
    /// Unique index, release: before its request on the claim.
    Release { claim: Option<Stamp> },
    /// Plain index, step 1: before its request on the new entry.
    Add {
        row: Condition,
        old: Option<(Value, Stamp)>,
    },
    /// Plain index, step 2: before its request on the row.
    Write {
        row: Condition,
        old: Option<(Value, Stamp)>,
    },
    /// Plain index, step 3: before its request on the old entry.
    Remove { value: Value, entry: Stamp },
    /// It is over.
    Done,
}

/// A client.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub struct Client {
    /// Where it is.
    pub step: Step,
    /// How often it began again.
    pub attempt: u8,
    /// The request whose answer is lost, and where its success would lead.
    pub lost: Option<(Request, Step)>,
}

/// Everything.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub struct State {
    /// The objects.
    pub objects: [Object; OBJECTS],
    /// The clients.
    pub clients: Vec<Client>,
    /// Requests, or copies of them, that may land yet.
    pub limbo: BTreeSet<Request>,
    /// How many answers were lost.
    pub lost: u8,
    /// How many requests were doubled.
    pub doubled: u8,
    /// The first broken invariant; nothing follows it.
    pub violation: Option<&'static str>,
    /// Whether a client ended by writing its row.
    pub written: bool,
    /// Whether a client had to begin again.
    pub conflict: bool,
}

impl State {
    /// An object.
    pub fn object(&self, key: Key) -> Object {
        self.objects[usize::from(key)]
    }

    /// The value of an object, if it has one.
    pub fn value(&self, key: Key) -> Option<Value> {
        self.object(key).value()
    }

    /// Applies a request if its condition holds.
    pub fn apply(&mut self, request: &Request) -> bool {
        let object = &mut self.objects[usize::from(request.key)];
        let holds = match request.condition {
            Condition::Nothing => true,
            Condition::IfAbsent => *object == Object::Absent,
            Condition::IfMatch(stamp) => object.stamp() == Some(stamp),
        };
        if holds {
            let stamp = request.stamp;
            *object = match request.content {
                Content::Put(value) => Object::Has { value, stamp },
                Content::Tombstone => Object::Tombstone(stamp),
                Content::Delete => Object::Absent,
            };
        }
        holds
    }
}
