//! Transactions: intents on rows and a pre-created record, section 2 of the design.
//!
//! Two rows, up to three transactions, a client of single-row operations, a reader. Helpers abort,
//! finalise and collect at any time. The time rules are modelled by what they are for: no request
//! that was signed before the grace is alive when something is collected.
//!
//! Not modelled: more than two rows, listings, who waits for whom (every step is conditional, so
//! safety does not depend on it).

mod cases;
mod config;
mod coordinator;
mod invariants;
mod reader;
mod single;
mod state;
mod store;
mod sweeper;

use stateright::{Model, Property};

pub use cases::cases;
pub use config::{Change, Config, Demand, Mode, Mutant, Reads, Transaction};
pub use invariants::{
    ABORT, ALL_COMMIT, AT_MOST_ONCE, CLEAN, COLLECTED, HELD, LATE_COPY, READ, REFINEMENT,
    ROLL_FORWARD, SNAPSHOT, SOME_COMMIT, TRUTH,
};
pub use state::{Key, State, Tx};

use crate::network::Delivery;
use reader::Reader;
use state::{Coordinator, Record, Request, Row, Serial, Single, Stamp};

/// The protocol in a configuration.
#[derive(Clone, Debug)]
pub struct Protocol(pub Config);

/// A step of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A coordinator's next request, and what the network does with it.
    Coordinate(Tx, Delivery),
    /// A coordinator reads back and sends again.
    SendAgain(Tx),
    /// A coordinator gives up.
    GiveUp(Tx),
    /// The single-row client's next request.
    Single(Delivery),
    /// It reads back and sends again.
    SingleAgain,
    /// It gives up.
    SingleGivesUp,
    /// A request in limbo lands.
    Land(Request),
    /// Somebody aborts a pending transaction.
    Abort(Tx),
    /// Somebody puts the final row in an intent's place; the request may be lost.
    Finalise { tx: Tx, key: Key, lost: bool },
    /// The sweeper deletes a record.
    CollectRecord(Tx),
    /// The sweeper deletes a tombstone.
    CollectTombstone(Key),
    /// The reader's next request.
    Read,
}

impl Protocol {
    /// What the network may do with the next request.
    fn deliveries(&self, state: &State) -> impl Iterator<Item = Delivery> {
        let lost = (state.lost < self.0.lost).then_some(Delivery::Lost);
        let doubled = (state.doubled < self.0.doubled).then_some(Delivery::Doubled);
        [Some(Delivery::Answered), lost, doubled]
            .into_iter()
            .flatten()
    }

    fn coordinator_actions(&self, state: &State, tx: Tx, out: &mut Vec<Action>) {
        match state.coordinators[usize::from(tx)] {
            Coordinator::Start | Coordinator::Lock(_) | Coordinator::Commit => {
                out.extend(
                    self.deliveries(state)
                        .map(|how| Action::Coordinate(tx, how)),
                );
            }
            Coordinator::CreateLost | Coordinator::LockLost(..) | Coordinator::CommitLost => {
                out.extend([Action::SendAgain(tx), Action::GiveUp(tx)]);
            }
            Coordinator::Validate | Coordinator::Abort { .. } => {
                out.push(Action::Coordinate(tx, Delivery::Answered));
            }
            Coordinator::Done(_) => {}
        }
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let config = &self.0;
        let transactions = config.transactions.len();
        let stamp = config.stamp(Stamp::Initial, 1);
        vec![State {
            rows: [Row::Plain { value: 1, stamp }, Row::Absent],
            records: vec![Record::Missing; transactions],
            coordinators: vec![Coordinator::Start; transactions],
            operation: 0,
            single: if config.singles.is_empty() {
                Single::Done
            } else {
                Single::Ready
            },
            reader: if config.reads == Reads::Nothing {
                Reader::Done
            } else {
                Reader::Idle
            },
            limbo: [].into(),
            lost: 0,
            doubled: 0,
            serial: Serial {
                rows: [Some(1), None],
                committed: vec![false; transactions],
                effects: vec![0; config.singles.len()],
                during_read: [].into(),
            },
            violation: None,
            commit_unheld: false,
            collected: false,
        }]
    }

    fn actions(&self, state: &State, out: &mut Vec<Action>) {
        if state.violation.is_some() {
            return;
        }
        for tx in 0..state.coordinators.len() as Tx {
            self.coordinator_actions(state, tx, out);
            self.0.help_with(state, tx, out);
        }
        match state.single {
            Single::Ready => out.extend(self.deliveries(state).map(Action::Single)),
            Single::Lost(_) => out.extend([Action::SingleAgain, Action::SingleGivesUp]),
            Single::Done => {}
        }
        out.extend(state.limbo.iter().copied().map(Action::Land));
        let keys = 0..state.rows.len() as Key;
        let collectable = keys.filter(|&key| self.0.may_collect_tombstone(state, key));
        out.extend(collectable.map(Action::CollectTombstone));
        if state.reader != Reader::Done {
            out.push(Action::Read);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let config = &self.0;
        let mut state = last.clone();
        match action {
            Action::Coordinate(tx, delivery) => config.coordinate(&mut state, tx, delivery)?,
            Action::SendAgain(tx) => config.send_again(&mut state, tx)?,
            Action::GiveUp(tx) => Config::give_up(&mut state, tx)?,
            Action::Single(delivery) => config.operate(&mut state, delivery)?,
            Action::SingleAgain => config.operate_again(&mut state)?,
            Action::SingleGivesUp => config.next_operation(&mut state),
            Action::Land(request) => {
                state.limbo.remove(&request);
                config.apply(&mut state, request);
            }
            Action::Abort(tx) => state.records[usize::from(tx)] = Record::Aborted,
            Action::Finalise { tx, key, lost } => config.finalise(&mut state, tx, key, lost)?,
            Action::CollectRecord(tx) => {
                state.records[usize::from(tx)] = Record::Missing;
                state.collected = true;
            }
            Action::CollectTombstone(key) => state.rows[usize::from(key)] = Row::Absent,
            Action::Read => config.read(&mut state)?,
        }
        invariants::check(&mut state);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        invariants::properties()
    }
}
