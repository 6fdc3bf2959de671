//! A client of the library: `write.rs`'s table of answers, and the operations on one row that stand
//! on it.

use super::state::{Answer, Condition, Operation, Request, State, Step, Told, Value, WriteId};
use super::store::apply;
use super::{Config, Variant};

/// How often a 409 is answered by the same request. The library's is 3; a bound that is reached sooner
/// has the same ends.
const CONFLICT_RETRIES: u8 = 1;
/// How often a lost write is read back. The library's is 3.
const READ_BACKS: u8 = 2;
/// How often `update` begins again when somebody was faster.
const ATTEMPTS: u8 = 2;

impl Operation {
    /// Whether its success means that it changed something.
    pub fn always_has_an_effect(self) -> bool {
        !matches!(self, Operation::Delete)
    }
}

impl Config {
    fn operation(&self, state: &State, client: u8) -> Operation {
        let operation = state.clients[usize::from(client)].operation;
        self.clients[usize::from(client)][usize::from(operation)]
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
            Operation::Save(_) | Operation::Update | Operation::DeleteVersion => Step::Read {
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

    /// A `GET` or `HEAD` of the row.
    pub fn read(&self, state: &mut State, client: u8) -> Option<()> {
        match state.clients[usize::from(client)].step {
            Step::Read { attempt, before } => self.read_to_write(state, client, attempt, before),
            Step::AfterRefusal { request } => {
                let ours = state.is_of(request.id) || state.replaced(request.id);
                let told = if ours { Told::Applied } else { Told::Refused };
                self.tell(state, client, told);
            }
            Step::AfterLoss { request, reads } => self.read_back(state, client, request, reads),
            Step::Send { .. } | Step::Done => return None,
        }
        Some(())
    }

    fn read_to_write(&self, state: &mut State, client: u8, attempt: u8, before: Option<WriteId>) {
        let operation = self.operation(state, client);
        let Some(found) = state.object else {
            return self.tell(state, client, Told::Refused);
        };
        // `update` after a refusal: something on the way sent the write twice, and the refusal was of
        // the second copy.
        let by_previous = self.is(Variant::UpdateLooksBack);
        let ours = |id| state.is_of(id) || (by_previous && state.replaced(id));
        if before.is_some_and(ours) {
            return self.tell(state, client, Told::Applied);
        }
        let value = match operation {
            Operation::Save(value) => Some(value),
            Operation::Update => Some(found.value + 10),
            _ => None,
        };
        let blind = self.is(Variant::BlindSave) && value.is_some();
        let of = &mut state.clients[usize::from(client)];
        let request = Request {
            id: WriteId {
                client,
                operation: of.operation,
                attempt,
            },
            condition: if blind {
                Condition::Nothing
            } else {
                Condition::IfMatch(found.value)
            },
            value,
            previous: value.and(found.id),
            base: Some(found.value),
        };
        of.step = Step::Send {
            request,
            conflicts: 0,
        };
    }

    /// After a lost answer. A deletion leaves no id: one without condition has reached its end when
    /// the object is gone, of another nobody can tell whose it was.
    fn read_back(&self, state: &mut State, client: u8, request: Request, reads: u8) {
        let found = match (request.value, request.condition) {
            (Some(_), _) => state.is_of(request.id) || state.replaced(request.id),
            (None, Condition::Nothing) => {
                state.object.is_none() && !self.is(Variant::LostDeleteUnknown)
            }
            (None, _) => false,
        };
        let of = &mut state.clients[usize::from(client)];
        if found {
            self.tell(state, client, Told::Applied);
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
        match apply(state, request) {
            Answer::Applied => self.tell(state, client, Told::Applied),
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
        state.clients[usize::from(client)].step = Step::AfterLoss { request, reads: 1 };
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
        if matches!(self.operation(state, client), Operation::Update) {
            let attempt = request.id.attempt + 1;
            if attempt < ATTEMPTS {
                let before = Some(request.id);
                state.clients[usize::from(client)].step = Step::Read { attempt, before };
            } else if self.is(Variant::UpdateLooksBack) {
                state.clients[usize::from(client)].step = Step::AfterRefusal { request };
            } else {
                self.tell(state, client, Told::Refused);
            }
        } else if was_412 && request.value.is_some() && !self.is(Variant::NoReadBack) {
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
