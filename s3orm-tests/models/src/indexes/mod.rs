//! Indexes that clients keep: section 3 of the design. Two rows and the claim on a value of a unique
//! index; or one row and its entries in a plain index.

mod cases;
mod client;
mod plain;
mod state;
mod unique;

use stateright::{Model, Property};

pub use cases::cases;
pub use client::Next;
pub use state::{Goal, Key, Object, Request, State, Value};

use crate::network::Delivery;
use state::{CLAIM, Client, OBJECTS, ROWS, Step, entry};

/// At most one row has the wanted value, and the claim names it.
pub const UNIQUE: &str = "U unique value";
/// Invariant IX: what a row has is in the index.
pub const INDEXED: &str = "IX no row missed";
/// A client writes a row.
pub const WRITTEN: &str = "a row is written";
/// A client has to begin again.
pub const CONFLICT: &str = "a conflict";

/// A rule broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// UX1: another row's claim is taken without rewriting that row.
    NoFence,
    /// UX2: an own claim is used as it is.
    ClaimReused,
    /// UX3: the row's version is read after the claim.
    RowReadLate,
    /// UX4, IX1: claims and entries are removed without condition.
    BlindRemoval,
    /// IX2: an entry that is there is used as it is.
    EntryReused,
    /// IX3: the row is written before its entry.
    RowFirst,
    /// IX4: the sweeper does not wait until the entry's writer is over.
    SweepNoGrace,
    /// IX5: an entry is put without condition.
    BlindAdd,
}

/// Which index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A unique one.
    Unique,
    /// A plain one.
    Plain,
}

/// A configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which index.
    pub kind: Kind,
    /// The clients' goals.
    pub goals: Vec<Goal>,
    /// The objects at the beginning.
    pub objects: [Object; OBJECTS],
    /// How many answers may be lost.
    pub lost: u8,
    /// How many requests may be doubled.
    pub doubled: u8,
    /// The rule that is broken, if one is.
    pub mutant: Option<Mutant>,
}

impl Config {
    fn breaks(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// The invariant that a state breaks.
    fn violation(&self, state: &State) -> Option<&'static str> {
        let broken = match self.kind {
            Kind::Unique => {
                let has = |&key: &Key| client::has_wanted(state, key);
                let unclaimed = |key: &Key| has(key) && state.value(CLAIM) != Some(*key);
                ROWS.iter().all(has) || ROWS.iter().any(unclaimed)
            }
            Kind::Plain => state
                .value(ROWS[0])
                .is_some_and(|value| state.value(entry(value)).is_none()),
        };
        let name = match self.kind {
            Kind::Unique => UNIQUE,
            Kind::Plain => INDEXED,
        };
        broken.then_some(name)
    }
}

/// The protocols in a configuration.
#[derive(Clone, Debug)]
pub struct Protocol(pub Config);

/// A step of somebody.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A client reads, or sends its next request.
    Step(u8, Delivery),
    /// A client whose answer is lost reads back, and sends again or begins again.
    Resolve { client: u8, send_again: bool },
    /// A request in limbo lands.
    Land(Request),
}

impl Protocol {
    fn step(&self, state: &mut State, number: u8, delivery: Delivery) -> Option<()> {
        let (request, then) = match self.0.next(state, number)? {
            Next::Local(step) => {
                state.clients[usize::from(number)].step = step;
                return (delivery == Delivery::Answered).then_some(());
            }
            Next::Send(request, then) => (request, then),
        };
        if delivery == Delivery::Lost {
            state.lost += 1;
            state.limbo.insert(request);
            state.clients[usize::from(number)].lost = Some((request, then));
            return Some(());
        }
        let applied = state.apply(&request);
        if delivery == Delivery::Doubled {
            if !applied {
                return None;
            }
            state.doubled += 1;
            state.limbo.insert(request);
        }
        client::answered(state, number, applied, then, request.key);
        Some(())
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let client = Client {
            step: Step::Start,
            attempt: 0,
            lost: None,
        };
        vec![State {
            objects: self.0.objects,
            clients: vec![client; self.0.goals.len()],
            limbo: [].into(),
            lost: 0,
            doubled: 0,
            violation: None,
            written: false,
            conflict: false,
        }]
    }

    fn actions(&self, state: &State, out: &mut Vec<Action>) {
        if state.violation.is_some() {
            return;
        }
        for (of, client) in state.clients.iter().zip(0..) {
            if of.lost.is_some() {
                out.extend([true, false].map(|send_again| Action::Resolve { client, send_again }));
                continue;
            }
            let Some(next) = self.0.next(state, client) else {
                continue;
            };
            out.push(Action::Step(client, Delivery::Answered));
            let sends = matches!(next, Next::Send(..));
            if sends && state.lost < self.0.lost {
                out.push(Action::Step(client, Delivery::Lost));
            }
            if sends && state.doubled < self.0.doubled {
                out.push(Action::Step(client, Delivery::Doubled));
            }
        }
        out.extend(state.limbo.iter().copied().map(Action::Land));
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Step(client, delivery) => self.step(&mut state, client, delivery)?,
            Action::Resolve { client, send_again } => {
                client::resolve(&mut state, client, send_again)?;
            }
            Action::Land(request) => {
                state.limbo.remove(&request);
                state.apply(&request);
            }
        }
        state.violation = self.0.violation(&state);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        type P = Property<Protocol>;
        vec![
            P::always(UNIQUE, |_, state| state.violation != Some(UNIQUE)),
            P::always(INDEXED, |_, state| state.violation != Some(INDEXED)),
            P::sometimes(WRITTEN, |_, state| {
                state.written || ROWS.iter().any(|&row| client::has_written(state, row))
            }),
            P::sometimes(CONFLICT, |_, state| state.conflict),
        ]
    }
}
