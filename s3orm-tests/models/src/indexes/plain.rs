//! Plain indexes: an entry is added before its row has the value, and removed after, section 3.

use super::client::{Next, Sender};
use super::state::{Condition, Content, Object, ROWS, Stamp, Step, Value, entry};
use super::{Config, Mutant, State};

const ROW: u8 = ROWS[0];

impl Config {
    /// Step 0: the row and the entry of its value.
    pub fn begin_set(&self, state: &State, value: Value) -> Step {
        let found = state.value(ROW);
        if found == Some(value) {
            return Step::Done;
        }
        let row = state.object(ROW).unchanged();
        let old = found.and_then(|old| Some((old, state.object(entry(old)).stamp()?)));
        if self.breaks(Mutant::RowFirst) {
            Step::Write { row, old }
        } else {
            Step::Add { row, old }
        }
    }

    /// Step 1: the new entry, always with a new stamp and on the version that was read.
    pub fn add(
        &self,
        state: &State,
        sender: Sender,
        value: Value,
        row: Condition,
        old: Option<(Value, Stamp)>,
    ) -> Next {
        let write = Step::Write { row, old };
        let found = state.object(entry(value));
        if self.breaks(Mutant::EntryReused) && found.value().is_some() {
            return Next::Local(write);
        }
        let blind = self.breaks(Mutant::BlindAdd);
        let condition = if blind {
            Condition::Nothing
        } else {
            found.unchanged()
        };
        sender.send(1, entry(value), condition, Content::Put(value), write)
    }

    /// Step 3: the old entry, if it is still the version that was read.
    pub fn remove(&self, sender: Sender, value: Value, stamp: Stamp) -> Next {
        let condition = self.on_removal(stamp);
        sender.send(5, entry(value), condition, Content::Delete, Step::Done)
    }

    /// The sweeper looks at an entry and its row. `None` while the entry is younger than the grace.
    pub fn begin_sweep(&self, state: &State, me: u8, value: Value) -> Option<Step> {
        let Object::Has { stamp, .. } = state.object(entry(value)) else {
            return Some(Step::Done);
        };
        if state.value(ROW) == Some(value) {
            return Some(Step::Done);
        }
        let young = is_young(state, me, stamp) && !self.breaks(Mutant::SweepNoGrace);
        (!young).then_some(Step::Remove {
            value,
            entry: stamp,
        })
    }
}

/// Whether the writer of this entry may still write its row.
fn is_young(state: &State, me: u8, entry: Stamp) -> bool {
    let at_work = state.clients.iter().zip(0..).any(|(client, number)| {
        let writes = matches!(client.step, Step::Write { .. })
            && (entry.client, entry.attempt) == (number, client.attempt);
        number != me && (writes || client.lost.is_some())
    });
    let on_its_way = |of: &super::state::Request| of.key == ROW && of.stamp.client == entry.client;
    at_work || state.limbo.iter().any(on_its_way)
}
