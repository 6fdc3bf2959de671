//! Unique indexes: the fenced claim of section 3.

use super::client::{Next, ROW_STEP, Sender};
use super::state::{CLAIM, Condition, Content, Key, Object, Stamp, Step, WANTED};
use super::{Config, Mutant, State};

/// Step 1, of [`Goal::Take`](super::Goal::Take): the row's version is read before the claim.
pub fn begin_take(state: &State, key: Key) -> Step {
    if state.value(key) == Some(WANTED) {
        Step::Done
    } else {
        Step::Claim {
            row: state.object(key).unchanged(),
        }
    }
}

/// Release: the claim's version is read before the row changes.
pub fn begin_leave(state: &State, key: Key) -> Step {
    if state.value(key) != Some(WANTED) {
        return Step::Done;
    }
    let claim = state.object(CLAIM);
    let ours = claim.value() == Some(key);
    Step::Leave {
        row: state.object(key).unchanged(),
        claim: if ours { claim.stamp() } else { None },
    }
}

impl Config {
    /// Step 2: an absent claim is put, an own one gets a new stamp, another row's is looked into.
    pub fn claim(&self, state: &State, sender: Sender, key: Key, row: Condition) -> Next {
        let claim = state.object(CLAIM);
        match claim {
            Object::Has {
                value: other,
                stamp,
            } if other != key => Next::Local(Step::Fence {
                row,
                other,
                claim: stamp,
            }),
            Object::Has { .. } if self.breaks(Mutant::ClaimReused) => {
                Next::Local(Step::Row { row })
            }
            _ => sender.send(
                1,
                CLAIM,
                claim.unchanged(),
                Content::Put(key),
                Step::Row { row },
            ),
        }
    }

    /// Step 2, of another row's claim: if that row has the value, ours is a violation for certain.
    /// Otherwise it is rewritten as it is, which kills any write in flight of the old claimer.
    pub fn fence(
        &self,
        state: &State,
        sender: Sender,
        row: Condition,
        other: Key,
        claim: Stamp,
    ) -> Next {
        let steal = Step::Steal { row, claim };
        let object = state.object(other);
        match object.value() {
            Some(WANTED) => Next::Local(Step::Done),
            _ if self.breaks(Mutant::NoFence) => Next::Local(steal),
            Some(value) => sender.send(2, other, object.unchanged(), Content::Put(value), steal),
            None => sender.send(2, other, object.unchanged(), Content::Tombstone, steal),
        }
    }

    /// Step 3: the row, on the version of step 1.
    pub fn take(&self, state: &State, sender: Sender, key: Key, row: Condition) -> Next {
        let late = self.breaks(Mutant::RowReadLate);
        let row = if late {
            state.object(key).unchanged()
        } else {
            row
        };
        sender.send(ROW_STEP, key, row, Content::Put(WANTED), Step::Done)
    }

    /// Release: the claim, if it is still the version that was read.
    pub fn release(&self, sender: Sender, claim: Option<Stamp>) -> Next {
        let Some(stamp) = claim else {
            return Next::Local(Step::Done);
        };
        let condition = self.on_removal(stamp);
        sender.send(5, CLAIM, condition, Content::Tombstone, Step::Done)
    }
}
