//! A client of the library: `write.rs`'s table of answers, and the operations on one row that stand
//! on it.

use super::invariants::OLD_ROW;
use super::state::{Answer, Condition, Operation, Request, State, Step, Told, Value, WriteId};
use super::store::apply;
use super::{Config, Variant};

/// How often a 409 is answered by the same request. The library's is 3; a bound that is reached sooner
/// has the same ends.
const CONFLICT_RETRIES: u8 = 1;
/// How often a lost write is read back. The library's is 3.
const READ_BACKS: u8 = 2;
/// How often `update`, and `put` that returns the old row, read and write. The library's is a setting.
const ATTEMPTS: u8 = 2;

impl Operation {
    /// Whether its success means that it changed something.
    pub fn always_has_an_effect(self) -> bool {
        !matches!(self, Operation::Delete)
    }
}

impl Config {
    /// The operation that a write is of.
    pub fn operation(&self, id: WriteId) -> Operation {
        self.clients[usize::from(id.client)][usize::from(id.operation)]
    }

    /// The first step of a client's operation.
    pub fn begin(&self, client: u8, operation: u8) -> Step {
        let operations = &self.clients[usize::from(client)];
        let Some(&what) = operations.get(usize::from(operation)) else {
            return Step::Done;
        };
        let id = WriteId {
            client,
            operation,
            attempt: 0,
        };
        let send = |condition, value| {
            let request = Request {
                id,
                condition,
                value,
                previous: None,
                base: None,
                attempt: 0,
            };
            Step::Send {
                request,
                conflicts: 0,
            }
        };
        match what {
            Operation::Insert(value) => send(Condition::IfAbsent, Some(value)),
            Operation::Put(value) => send(Condition::Nothing, Some(value)),
            Operation::Delete => send(Condition::Nothing, None),
            Operation::Replace(_)
            | Operation::Save(_)
            | Operation::Update
            | Operation::DeleteVersion => Step::Read {
                attempt: 0,
                before: None,
            },
        }
    }

    /// The caller is told; the next operation begins.
    fn tell(&self, state: &mut State, client: u8, told: Told) {
        let of = &mut state.clients[usize::from(client)];
        of.told.push(told);
        of.operation += 1;
        of.step = self.begin(client, of.operation);
    }

    /// The caller is told of success; of a `put` that returns the old row also what was read before.
    fn succeed(&self, state: &mut State, client: u8, request: Request) {
        let replaced = &state.clients[usize::from(client)].replaced;
        if let Some(replaced) = replaced.get(&request.id.operation)
            && *replaced != request.base
        {
            state.violation = state.violation.or(Some(OLD_ROW));
        }
        self.tell(state, client, Told::Applied);
    }

    /// A `GET` or `HEAD` of the row.
    pub fn read(&self, state: &mut State, client: u8) -> Option<()> {
        match state.clients[usize::from(client)].step {
            Step::Read { attempt, before } => self.read_to_write(state, client, attempt, before),
            Step::AfterRefusal { request } => {
                if self.proves(state, request.id) {
                    self.succeed(state, client, request);
                } else {
                    self.tell(state, client, Told::Refused);
                }
            }
            Step::AfterLoss { request, reads } => self.read_back(state, client, request, reads),
            Step::Send { .. } | Step::Done => return None,
        }
        Some(())
    }

    fn read_to_write(&self, state: &mut State, client: u8, attempt: u8, before: Option<Request>) {
        let id = WriteId {
            client,
            operation: state.clients[usize::from(client)].operation,
            attempt,
        };
        let operation = self.operation(id);
        let found = state.object;
        let value = match (operation, found) {
            (Operation::Replace(value), _) => Some(value),
            (_, None) => return self.tell(state, client, Told::Refused),
            (Operation::Save(value), _) => Some(value),
            (Operation::Update, Some(row)) => Some(row.value + 10),
            _ => None,
        };
        // After a refusal: something on the way sent the write twice, and the refusal was of the second
        // copy.
        if let Some(before) = before
            && !self.is(Variant::NoReadBack)
            && self.proves(state, before.id)
        {
            return self.succeed(state, client, before);
        }
        let blind = self.is(Variant::BlindSave) && value.is_some();
        let request = Request {
            id,
            condition: match found {
                _ if blind => Condition::Nothing,
                Some(row) => Condition::IfMatch(row.value),
                None => Condition::IfAbsent,
            },
            value,
            previous: value.and(found).and_then(|row| row.id),
            base: found.map(|row| row.value),
            attempt,
        };
        state.clients[usize::from(client)].step = Step::Send {
            request,
            conflicts: 0,
        };
    }

    /// Whether the object proves that the write was applied: it is the write's, or replaced it.
    fn proves(&self, state: &State, id: WriteId) -> bool {
        let own_id_alone =
            self.is(Variant::OwnIdAlone) && matches!(self.operation(id), Operation::Update);
        state.is_of(id) || (!own_id_alone && state.replaced(id))
    }

    /// After a lost answer.
    fn read_back(&self, state: &mut State, client: u8, request: Request, reads: u8) {
        let found = if request.value.is_some() {
            self.proves(state, request.id)
        } else {
            state.object.is_none()
        };
        let of = &mut state.clients[usize::from(client)];
        if found {
            self.succeed(state, client, request);
        } else if reads < READ_BACKS {
            of.step = Step::AfterLoss {
                request,
                reads: reads + 1,
            };
        } else if self.is(Variant::SendAgain) {
            of.step = Step::Send {
                request,
                conflicts: 0,
            };
        } else if self.is(Variant::NotFoundIsFailure) {
            self.tell(state, client, Told::Refused);
        } else {
            self.tell(state, client, Told::Unknown);
        }
    }

    /// Its request, and the answer to it.
    pub fn send(&self, state: &mut State, client: u8) -> Option<()> {
        let request = sending(state, client)?;
        match apply(self, state, request) {
            Answer::Applied => self.succeed(state, client, request),
            Answer::PreconditionFailed => self.refused(state, client, request, true),
            Answer::NotFound => self.refused(state, client, request, false),
        }
        Some(())
    }

    /// Its request; the answer to it is lost, and it may land at any time.
    pub fn lose(&self, state: &mut State, client: u8) -> Option<()> {
        let request = sending(state, client)?;
        state.lost += 1;
        state.keep(request);
        // A deletion leaves no id behind to know it by.
        let gone_is_deleted =
            self.is(Variant::GoneIsDeleted) && request.condition == Condition::Nothing;
        if request.value.is_some() || gone_is_deleted {
            state.clients[usize::from(client)].step = Step::AfterLoss { request, reads: 1 };
        } else {
            self.tell(state, client, Told::Unknown);
        }
        Some(())
    }

    /// Its request, answered by a 409: not applied.
    pub fn conflict(&self, state: &mut State, client: u8) -> Option<()> {
        let Step::Send { request, conflicts } = state.clients[usize::from(client)].step else {
            return None;
        };
        state.conflicts += 1;
        if conflicts < CONFLICT_RETRIES {
            let conflicts = conflicts + 1;
            state.clients[usize::from(client)].step = Step::Send { request, conflicts };
        } else {
            self.refused(state, client, request, false);
        }
        Some(())
    }

    /// Something on the way makes a copy of its request.
    pub fn double(state: &mut State, client: u8) -> Option<()> {
        let request = sending(state, client)?;
        state.doubled += 1;
        state.keep(request);
        Some(())
    }

    /// After a 412, or another answer that says that the request was not applied.
    fn refused(&self, state: &mut State, client: u8, request: Request, was_412: bool) {
        let looks = match self.operation(request.id) {
            Operation::Update | Operation::Replace(_) if request.attempt + 1 < ATTEMPTS => {
                // It looks for this write when it reads the row for the next attempt.
                state.clients[usize::from(client)].step = Step::Read {
                    attempt: request.attempt + 1,
                    before: Some(request),
                };
                return;
            }
            // The look after the last refusal.
            Operation::Update | Operation::Replace(_) => !self.is(Variant::LastRefusalBelieved),
            _ => was_412 && request.value.is_some() && !self.is(Variant::NoReadBack),
        };
        if looks {
            state.clients[usize::from(client)].step = Step::AfterRefusal { request };
        } else {
            self.tell(state, client, Told::Refused);
        }
    }
}

/// The request that the client is about to send.
fn sending(state: &State, client: u8) -> Option<Request> {
    match state.clients[usize::from(client)].step {
        Step::Send { request, .. } => Some(request),
        _ => None,
    }
}

/// The row at the beginning has no id of the library's.
pub fn foreign(value: Value) -> super::state::Object {
    super::state::Object {
        value,
        id: None,
        previous: None,
    }
}
