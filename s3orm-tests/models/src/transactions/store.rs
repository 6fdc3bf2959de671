//! The store: conditional writes, each applied at one instant, and what the serial execution does at
//! that instant.

use crate::network::Delivery;

use super::config::{Change, Config, Demand, Mode, Mutant, Reads};
use super::invariants::Violation;
use super::reader::Reader;
use super::state::{Condition, Key, ROWS, Record, Request, Row, Stamp, State, Tx, Value};

/// What the sender of a request learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 200.
    Applied,
    /// 412, 404 or 409.
    Refused,
    /// None: the request is in limbo.
    Lost,
}

impl Config {
    /// Sends a request. `None` if the network may not do that: a copy is only made of what is applied,
    /// because of the rest it would change nothing.
    pub fn send(&self, state: &mut State, request: Request, delivery: Delivery) -> Option<Answer> {
        match delivery {
            Delivery::Answered if self.apply(state, request) => Some(Answer::Applied),
            Delivery::Answered => Some(Answer::Refused),
            Delivery::Lost => {
                state.lost += 1;
                state.limbo.insert(request);
                Some(Answer::Lost)
            }
            Delivery::Doubled => {
                if !self.apply(state, request) {
                    return None;
                }
                state.doubled += 1;
                state.limbo.insert(request);
                Some(Answer::Applied)
            }
        }
    }

    /// Applies a request if its condition holds.
    pub fn apply(&self, state: &mut State, request: Request) -> bool {
        match request {
            Request::Create(tx) => {
                let absent = state.record(tx) == Record::Missing;
                if absent {
                    state.records[usize::from(tx)] = Record::Pending;
                }
                absent
            }
            Request::Intent {
                tx,
                key,
                condition,
                before,
                new,
                stamp,
            } => {
                let holds = holds(state.row(key), condition);
                if holds {
                    state.rows[usize::from(key)] = Row::Intent {
                        tx,
                        before,
                        new,
                        stamp,
                    };
                }
                holds
            }
            Request::Commit(tx) => self.apply_commit(state, tx),
            Request::Final {
                tx,
                key,
                intent,
                to,
            } => {
                let holds = holds(state.row(key), Condition::IfMatch(intent));
                if holds {
                    self.write(state, key, to, Stamp::Final(tx, key));
                }
                holds
            }
            Request::Single {
                operation,
                key,
                condition,
                base,
                to,
                stamp,
            } => {
                let holds = holds(state.row(key), condition);
                if holds {
                    self.single_takes_effect(state, operation, key, base, to);
                    self.write(state, key, to, stamp);
                }
                holds
            }
        }
    }

    /// The one instant at which a transaction takes effect on all of its rows.
    fn apply_commit(&self, state: &mut State, tx: Tx) -> bool {
        if !self.is_pending(state.record(tx)) {
            return false;
        }
        let index = usize::from(tx);
        state.records[index] = Record::Committed;
        if state.serial.committed[index] {
            state.violation = Some(Violation::CommittedTwice);
        }
        state.serial.committed[index] = true;
        for key in 0..ROWS {
            if self.locks(tx, key) && !state.rows[key].is_under(tx) {
                state.commit_unheld = true;
            }
            let Some((change, demand)) = self.transactions[index][key] else {
                continue;
            };
            if !demand.is_met(state.serial.rows[key]) {
                state.violation = Some(Violation::DemandUnmetAtCommit);
            }
            match change {
                Change::Put(value) => state.serial.rows[key] = Some(value),
                Change::Delete => state.serial.rows[key] = None,
                Change::Check => {}
            }
        }
        self.note_instant(state);
        true
    }

    /// The instant at which a single-row operation takes effect.
    fn single_takes_effect(
        &self,
        state: &mut State,
        operation: u8,
        key: Key,
        base: Option<Value>,
        to: Option<Value>,
    ) {
        let blind = self.breaks(Mutant::BlindPut) || self.breaks(Mutant::BlindDelete);
        let serial = &mut state.serial;
        if !blind && serial.rows[usize::from(key)] != base {
            state.violation = Some(Violation::LostUpdate);
        }
        serial.rows[usize::from(key)] = to;
        serial.effects[usize::from(operation)] += 1;
        if serial.effects[usize::from(operation)] > 1 {
            state.violation = Some(Violation::TookEffectTwice);
        }
        self.note_instant(state);
    }

    /// Puts a row that is under no transaction, or what stands for a deleted one.
    fn write(&self, state: &mut State, key: Key, value: Option<Value>, stamp: Stamp) {
        state.rows[usize::from(key)] = match value {
            Some(value) => Row::Plain {
                value,
                stamp: self.stamp(stamp, value),
            },
            None if self.mode == Mode::Tombstones => Row::Tombstone { stamp },
            None => Row::Absent,
        };
    }

    /// The stamp of a row's version.
    pub fn stamp(&self, stamp: Stamp, value: Value) -> Stamp {
        if self.breaks(Mutant::TagOfContent) {
            Stamp::Content(value)
        } else {
            stamp
        }
    }

    /// Keeps the serial rows of this instant for the read that is going on.
    fn note_instant(&self, state: &mut State) {
        let reading = !matches!(state.reader, Reader::Idle | Reader::Done);
        if self.reads != Reads::Nothing && reading {
            let rows = state.serial.rows;
            state.serial.during_read.insert(rows);
        }
    }

    /// What a writer learns by reading a row and, if it is under a transaction, its record: the
    /// logical value and the condition to write on. `Err` if that transaction is pending.
    pub fn resolve(&self, state: &State, key: Key) -> Result<(Option<Value>, Condition), Tx> {
        match state.row(key) {
            Row::Absent => Ok((None, Condition::IfAbsent)),
            Row::Tombstone { stamp } => Ok((None, Condition::IfMatch(stamp))),
            Row::Plain { value, stamp } => Ok((Some(value), Condition::IfMatch(stamp))),
            Row::Intent { tx, .. } if self.is_pending(state.record(tx)) => Err(tx),
            Row::Intent {
                tx,
                before,
                new,
                stamp,
            } => {
                let committed = state.record(tx) == Record::Committed;
                Ok((
                    if committed { new } else { before },
                    Condition::IfMatch(stamp),
                ))
            }
        }
    }

    /// The logical value of a row: section 2.2.
    pub fn logical(state: &State, key: usize) -> Option<Value> {
        match state.rows[key] {
            Row::Absent | Row::Tombstone { .. } => None,
            Row::Plain { value, .. } => Some(value),
            Row::Intent { tx, new, .. } if state.record(tx) == Record::Committed => new,
            Row::Intent { before, .. } => before,
        }
    }

    /// What a transaction demands of a row and does to it.
    pub fn part(&self, tx: Tx, key: usize) -> Option<(Change, Demand)> {
        self.transactions[usize::from(tx)][key]
    }
}

/// Whether a condition holds of a row's object.
fn holds(row: Row, condition: Condition) -> bool {
    match condition {
        Condition::Nothing => true,
        Condition::IfAbsent => row == Row::Absent,
        Condition::IfMatch(stamp) => row.stamp() == Some(stamp),
    }
}
