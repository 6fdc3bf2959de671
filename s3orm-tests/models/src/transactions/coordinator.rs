//! The coordinator of a transaction: steps 2 to 4 and A of section 2.2. Step 1 is done together with
//! the step after it: what it reads is what the conditions of step 3 check. Step 5 is the sweeper's.

use super::config::{Change, Config, Mutant};
use super::state::{
    Condition, Coordinator, Key, Precedent, ROWS, Record, Request, Row, Stamp, State, Told, Tx,
};
use super::store::Answer;
use crate::network::Delivery;

impl Config {
    /// What comes after `from` rows have their intents: the next row of step 3, or step 4.
    fn lock_from(&self, tx: Tx, from: usize) -> Coordinator {
        match (from..ROWS).find(|&key| self.locks(tx, key)) {
            Some(key) => Coordinator::Lock(key as Key),
            None if self.breaks(Mutant::ChecksUnlocked) => Coordinator::Validate,
            None => Coordinator::Commit,
        }
    }

    /// The coordinator's next step.
    pub fn coordinate(&self, state: &mut State, tx: Tx, delivery: Delivery) -> Option<()> {
        let next = match state.coordinators[usize::from(tx)] {
            Coordinator::Start => self.create(state, tx, delivery)?,
            Coordinator::Lock(key) => self.lock(state, tx, key, delivery)?,
            Coordinator::Validate => self.validate(state, tx)?,
            Coordinator::Commit => self.commit(state, tx, delivery)?,
            Coordinator::Abort { commit_sent } => self.abort(state, tx, commit_sent),
            _ => return None,
        };
        state.coordinators[usize::from(tx)] = next;
        Some(())
    }

    /// Step 2: the record must be acknowledged before any intent is sent.
    fn create(&self, state: &mut State, tx: Tx, delivery: Delivery) -> Option<Coordinator> {
        if self.breaks(Mutant::WriteOnceDecision) || self.breaks(Mutant::IntentsFirst) {
            return (delivery == Delivery::Answered).then(|| self.lock_from(tx, 0));
        }
        match self.send(state, Request::Create(tx), delivery)? {
            Answer::Applied => Some(self.lock_from(tx, 0)),
            Answer::Refused => None,
            Answer::Lost => Some(Coordinator::CreateLost),
        }
    }

    /// Step 3 of one row, checked ones included: an intent on the version that was read. `None` while
    /// another pending transaction is in the way.
    fn lock(&self, state: &mut State, tx: Tx, key: Key, delivery: Delivery) -> Option<Coordinator> {
        let row = usize::from(key);
        let placed = self.lock_from(tx, row + 1);
        let without_request = |next| (delivery == Delivery::Answered).then_some(next);
        let (before, condition) = match self.resolve(state, key) {
            Err(of) if of == tx => return without_request(placed),
            Err(_) => return None,
            Ok(found) => found,
        };
        let (change, demand) = self.part(tx, row)?;
        if !demand.is_met(before) {
            return without_request(Coordinator::Abort { commit_sent: false });
        }
        if state.rows[row].is_under(tx) {
            // Ours, and decided by somebody else already: the coordinator does not know, goes on and
            // fails in step 4.
            return without_request(placed);
        }
        let new = match change {
            Change::Put(value) => Some(value),
            Change::Delete => None,
            Change::Check => before,
        };
        let precedent = match condition {
            Condition::IfAbsent => Precedent::Nothing,
            _ => Precedent::Object,
        };
        let stamp = Stamp::Intent(tx, key, precedent);
        let request = Request::Intent {
            tx,
            key,
            condition,
            before,
            new,
            stamp,
        };
        match self.send(state, request, delivery)? {
            Answer::Applied => Some(placed),
            Answer::Refused => None,
            Answer::Lost if self.breaks(Mutant::LostIntentTaken) => Some(placed),
            Answer::Lost => Some(Coordinator::LockLost(key, request)),
        }
    }

    /// What [`Mutant::ChecksUnlocked`] does in place of locking the checked rows.
    fn validate(&self, state: &State, tx: Tx) -> Option<Coordinator> {
        for key in 0..ROWS {
            if let Some((Change::Check, demand)) = self.part(tx, key) {
                let (value, _) = self.resolve(state, key as Key).ok()?;
                if !demand.is_met(value) {
                    return Some(Coordinator::Abort { commit_sent: false });
                }
            }
        }
        Some(Coordinator::Commit)
    }

    /// Step 4: the commit point.
    fn commit(&self, state: &mut State, tx: Tx, delivery: Delivery) -> Option<Coordinator> {
        if self.breaks(Mutant::IntentsFirst) && state.record(tx) == Record::Missing {
            if delivery != Delivery::Answered {
                return None;
            }
            self.apply(state, Request::Create(tx));
            return Some(Coordinator::Commit);
        }
        Some(match self.send(state, Request::Commit(tx), delivery)? {
            Answer::Applied => Coordinator::Done(Told::Committed),
            Answer::Refused => Coordinator::Done(Told::Aborted),
            Answer::Lost => Coordinator::CommitLost,
        })
    }

    /// Step A, and the end of step 4: the record tells what became of it; a missing one leaves that
    /// unknown if a commit was ever sent.
    fn abort(&self, state: &mut State, tx: Tx, commit_sent: bool) -> Coordinator {
        let undecided = match state.record(tx) {
            Record::Pending => true,
            Record::Missing => self.breaks(Mutant::WriteOnceDecision) && state.holds(tx),
            Record::Committed | Record::Aborted => false,
        };
        if undecided {
            state.records[usize::from(tx)] = Record::Aborted;
        }
        Coordinator::Done(match state.record(tx) {
            Record::Committed => Told::Committed,
            Record::Missing if commit_sent => Told::Unknown,
            Record::Pending | Record::Aborted | Record::Missing => Told::Aborted,
        })
    }

    /// After a lost answer: reads back, and sends the same bytes again if that is right.
    pub fn send_again(&self, state: &mut State, tx: Tx) -> Option<()> {
        let next = match state.coordinators[usize::from(tx)] {
            Coordinator::CreateLost => {
                self.apply(state, Request::Create(tx));
                self.lock_from(tx, 0)
            }
            Coordinator::LockLost(key, request) => self.lock_again(state, tx, key, request)?,
            Coordinator::CommitLost => self.commit_again(state, tx),
            _ => return None,
        };
        state.coordinators[usize::from(tx)] = next;
        Some(())
    }

    fn lock_again(
        &self,
        state: &mut State,
        tx: Tx,
        key: Key,
        request: Request,
    ) -> Option<Coordinator> {
        let Request::Intent {
            condition, stamp, ..
        } = request
        else {
            return None;
        };
        let placed = self.lock_from(tx, usize::from(key) + 1);
        if matches!(state.row(key), Row::Intent { stamp: found, .. } if found == stamp) {
            return Some(placed);
        }
        if condition == Condition::IfAbsent && !self.inserts_are_sent_again() {
            return None;
        }
        Some(if self.apply(state, request) {
            placed
        } else {
            Coordinator::Abort { commit_sent: false }
        })
    }

    fn commit_again(&self, state: &mut State, tx: Tx) -> Coordinator {
        let told = match state.record(tx) {
            Record::Committed => Told::Committed,
            Record::Aborted => Told::Aborted,
            Record::Missing if !self.breaks(Mutant::WriteOnceDecision) => Told::Unknown,
            Record::Pending | Record::Missing => {
                self.apply(state, Request::Commit(tx));
                Told::Committed
            }
        };
        Coordinator::Done(told)
    }

    /// After a lost answer: does not send again, and goes to step A.
    pub fn give_up(state: &mut State, tx: Tx) -> Option<()> {
        let coordinator = &mut state.coordinators[usize::from(tx)];
        let commit_sent = match coordinator {
            Coordinator::CreateLost | Coordinator::LockLost(..) => false,
            Coordinator::CommitLost => true,
            _ => return None,
        };
        *coordinator = Coordinator::Abort { commit_sent };
        Some(())
    }
}
