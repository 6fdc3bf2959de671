//! Rows without transactions, as the library writes them today: `s3orm/src/write.rs` and the
//! operations on it.
//!
//! Every object has the id of the write that made it in its user metadata, and the id of the version
//! that it replaced where the writer knew that. The tag is a hash of the content. What is lost is read
//! back and never sent again.
//!
//! One row, clients with their operations in order. A copy of a request may land before or after the
//! one whose answer the client has: a proxy that sends twice may hand on either answer.

mod cases;
mod client;
mod invariants;
mod state;
mod store;

use stateright::{Model, Property};

pub use cases::cases;
pub use invariants::{
    APPLIED, AT_MOST_ONCE, FOUND, FOUND_AFTER_412, FOUND_BEFORE, NO_EFFECT, NO_LOST_UPDATE,
    OLD_ROW, REFUSED, TOOK_EFFECT, UNKNOWN, UNKNOWN_EFFECT,
};
pub use state::{Condition, Object, Operation, Request, State, Step, Value, WriteId};

use state::Client;

/// A rule of the library that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// A request is sent again after a lost answer that the read-back does not settle.
    SendAgain,
    /// A 412 is taken for another's write without a look.
    NoReadBack,
    /// `save` has no condition.
    BlindSave,
    /// A lost write that is not found is taken as failed.
    NotFoundIsFailure,
    /// A lost deletion without condition is told as done when the object is gone.
    GoneIsDeleted,
    /// `update` knows its write by its own id alone, not by the id before.
    OwnIdAlone,
    /// The refusal of an `update`'s last attempt is believed without a look.
    LastRefusalBelieved,
}

/// A configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// What each client does, in this order.
    pub clients: Vec<Vec<Operation>>,
    /// The row at the beginning, if there is one.
    pub row: Option<Value>,
    /// How many answers may be lost.
    pub lost: u8,
    /// How many requests may be doubled.
    pub doubled: u8,
    /// How many requests may be answered by a 409.
    pub conflicts: u8,
    /// The rule that is broken, if one is.
    pub variant: Option<Variant>,
}

impl Config {
    fn is(&self, variant: Variant) -> bool {
        self.variant == Some(variant)
    }
}

/// The protocol in a configuration.
#[derive(Clone, Debug)]
pub struct Protocol(pub Config);

/// A step of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A client reads the row, or reads it back.
    Read(u8),
    /// A client's request is answered.
    Send(u8),
    /// A client's request goes into limbo, and its answer is lost.
    Lose(u8),
    /// A client's request is answered by a 409.
    Conflict(u8),
    /// Something on the way makes a copy of the request that a client is about to send.
    Double(u8),
    /// A request in limbo lands.
    Land(Request),
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let clients = self
            .0
            .clients
            .iter()
            .zip(0..)
            .map(|(operations, number)| Client {
                operation: 0,
                step: self.0.begin(number, 0),
                told: Vec::new(),
                effects: vec![0; operations.len()],
                replaced: [].into(),
            });
        vec![State {
            object: self.0.row.map(client::foreign),
            clients: clients.collect(),
            limbo: [].into(),
            lost: 0,
            doubled: 0,
            conflicts: 0,
            violation: None,
        }]
    }

    fn actions(&self, state: &State, out: &mut Vec<Action>) {
        if state.violation.is_some() {
            return;
        }
        for (client, number) in state.clients.iter().zip(0..) {
            match client.step {
                Step::Read { .. } | Step::AfterRefusal { .. } | Step::AfterLoss { .. } => {
                    out.push(Action::Read(number));
                }
                Step::Send { .. } => {
                    out.push(Action::Send(number));
                    if state.lost < self.0.lost {
                        out.push(Action::Lose(number));
                    }
                    if state.conflicts < self.0.conflicts {
                        out.push(Action::Conflict(number));
                    }
                    if state.doubled < self.0.doubled {
                        out.push(Action::Double(number));
                    }
                }
                Step::Done => {}
            }
        }
        out.extend(state.limbo.keys().copied().map(Action::Land));
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Read(client) => self.0.read(&mut state, client)?,
            Action::Send(client) => self.0.send(&mut state, client)?,
            Action::Lose(client) => self.0.lose(&mut state, client)?,
            Action::Conflict(client) => self.0.conflict(&mut state, client)?,
            Action::Double(client) => Config::double(&mut state, client)?,
            Action::Land(request) => {
                state.take(request);
                store::apply(&self.0, &mut state, request);
            }
        }
        invariants::check(self, &mut state);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        invariants::properties()
    }
}
