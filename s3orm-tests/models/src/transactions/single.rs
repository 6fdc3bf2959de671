//! The single-row client: the writer's rule of section 2.2. It reads, resolves an intent first, and
//! writes on the version that it read.

use super::config::{Change, Config, Mutant};
use super::state::{Condition, Request, Single, Stamp, State};
use super::store::Answer;
use crate::network::Delivery;

impl Config {
    /// The client's next operation. `None` while a pending transaction is in the way.
    pub fn operate(&self, state: &mut State, delivery: Delivery) -> Option<()> {
        let operation = state.operation;
        let (key, change, demand) = self.singles[usize::from(operation)];
        let blind = match change {
            Change::Put(_) => self.breaks(Mutant::BlindPut),
            Change::Delete => self.breaks(Mutant::BlindDelete),
            Change::Check => false,
        };
        let (base, condition) = if blind {
            (None, Condition::Nothing)
        } else {
            self.resolve(state, key).ok()?
        };
        if !blind && !demand.is_met(base) {
            self.next_operation(state);
            return (delivery == Delivery::Answered).then_some(());
        }
        let to = match change {
            Change::Put(value) => Some(value),
            Change::Delete => None,
            Change::Check => return None,
        };
        let stamp = Stamp::Single(operation, key);
        let request = Request::Single {
            operation,
            key,
            condition,
            base,
            to,
            stamp,
        };
        match self.send(state, request, delivery)? {
            Answer::Applied => self.next_operation(state),
            Answer::Refused => return None,
            Answer::Lost => state.single = Single::Lost(request),
        }
        Some(())
    }

    /// After a lost answer: reads back, and sends the same bytes again if that is right.
    pub fn operate_again(&self, state: &mut State) -> Option<()> {
        let Single::Lost(request) = state.single else {
            return Some(());
        };
        let Request::Single {
            key,
            condition,
            stamp,
            ..
        } = request
        else {
            return Some(());
        };
        let applied = state.row(key).stamp() == Some(stamp) && !self.breaks(Mutant::TagOfContent);
        if !applied {
            if condition == Condition::IfAbsent && !self.inserts_are_sent_again() {
                return None;
            }
            self.apply(state, request);
        }
        self.next_operation(state);
        Some(())
    }

    /// Goes on to the next operation, whatever became of this one.
    pub fn next_operation(&self, state: &mut State) {
        state.operation += 1;
        let more = usize::from(state.operation) < self.singles.len();
        state.single = if more { Single::Ready } else { Single::Done };
    }
}
