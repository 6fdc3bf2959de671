//! What there is: one object, requests on their way, clients, and the ghosts of the invariants.

use std::collections::BTreeMap;

/// A row's content. Its tag is a hash of it, so a row that is changed back has the tag that it had.
pub type Value = u8;

/// `s3orm-id`: 128 random bits, new for every request that is built. `put` that returns the old row
/// builds one for all of its attempts.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub struct WriteId {
    pub client: u8,
    pub operation: u8,
    pub attempt: u8,
}

/// A row's object.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    pub value: Value,
    /// `s3orm-id`; none of the row that is there at the beginning.
    pub id: Option<WriteId>,
    /// `s3orm-prev`: the id of the version that was replaced, where the writer knew it.
    pub previous: Option<WriteId>,
}

/// What a request asks of the object.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// Nothing.
    Nothing,
    /// `If-None-Match: *`.
    IfAbsent,
    /// `If-Match` of the tag of this content.
    IfMatch(Value),
}

/// A `PUT`, or a `DELETE` if there is no value.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    pub id: WriteId,
    pub condition: Condition,
    pub value: Option<Value>,
    pub previous: Option<WriteId>,
    /// What was read before it, whatever it asks of the object.
    pub base: Option<Value>,
    /// The attempt of its operation that sends it.
    pub attempt: u8,
}

/// What S3 answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 200, 204.
    Applied,
    /// 412.
    PreconditionFailed,
    /// 404, to `If-Match`.
    NotFound,
}

/// An operation of the library on the row.
#[derive(Clone, Copy, Debug)]
pub enum Operation {
    /// `insert`.
    Insert(Value),
    /// `put`.
    Put(Value),
    /// `put` that returns the old row.
    Replace(Value),
    /// `get`, then `save` with this content.
    Save(Value),
    /// `update` with a closure that adds ten.
    Update,
    /// `delete`.
    Delete,
    /// `get`, then `delete` with `if_version`.
    DeleteVersion,
}

/// What the caller is told.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub enum Told {
    /// Success.
    Applied,
    /// `AlreadyExists`, `Conflict` or `NotFound`: a definite failure.
    Refused,
    /// `OutcomeUnknown`.
    Unknown,
}

/// Where a client is in its current operation.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Reads what it writes on. In a further attempt it knows the id of the one before.
    Read {
        attempt: u8,
        before: Option<Request>,
    },
    /// Before its request, which was answered by a 409 so often.
    Send { request: Request, conflicts: u8 },
    /// After a 412: reads back.
    AfterRefusal { request: Request },
    /// After a lost answer: reads back, for the so-manieth time.
    AfterLoss { request: Request, reads: u8 },
    /// All of its operations are over.
    Done,
}

/// A client.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub struct Client {
    /// Its current operation.
    pub operation: u8,
    /// Where it is in that.
    pub step: Step,
    /// What its caller was told of those before.
    pub told: Vec<Told>,
    /// Ghost, of each operation: how often it took effect.
    pub effects: Vec<u8>,
    /// Ghost, of each operation that returns the old row: what its first effect replaced.
    pub replaced: BTreeMap<u8, Option<Value>>,
}

/// Everything.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub struct State {
    /// The row.
    pub object: Option<Object>,
    /// The clients.
    pub clients: Vec<Client>,
    /// Requests, or copies of them, that may land yet, and how many of each.
    pub limbo: BTreeMap<Request, u8>,
    /// How many answers were lost.
    pub lost: u8,
    /// How many requests were doubled.
    pub doubled: u8,
    /// How many requests were answered by a 409.
    pub conflicts: u8,
    /// The first broken invariant; nothing follows it.
    pub violation: Option<&'static str>,
}

impl State {
    /// A request goes into limbo.
    pub fn keep(&mut self, request: Request) {
        *self.limbo.entry(request).or_insert(0) += 1;
    }

    /// A request leaves limbo.
    pub fn take(&mut self, request: Request) {
        let copies = self.limbo.remove(&request).unwrap_or_default();
        if copies > 1 {
            self.limbo.insert(request, copies - 1);
        }
    }

    /// Whether the object is this write's.
    pub fn is_of(&self, id: WriteId) -> bool {
        self.object.is_some_and(|object| object.id == Some(id))
    }

    /// Whether the object replaced this write's.
    pub fn replaced(&self, id: WriteId) -> bool {
        self.object
            .is_some_and(|object| object.previous == Some(id))
    }
}
