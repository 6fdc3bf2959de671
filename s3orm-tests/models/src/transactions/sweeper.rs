//! Whoever helps: writers that abort a pending transaction, step 5 and step A's end by anybody, and
//! the collection of records and tombstones after the grace.

use super::Action;
use super::config::{Config, Mutant, Reads};
use super::reader::Reader;
use super::state::{Condition, Coordinator, Key, Record, Request, Row, Single, Stamp, State, Tx};

impl Config {
    /// What helpers and the sweeper may do about one transaction.
    pub fn help_with(&self, state: &State, tx: Tx, out: &mut Vec<Action>) {
        let record = state.record(tx);
        let pending = self.is_pending(record);
        // A decision that does not exist yet is only sought by who finds an intent.
        if pending && (!self.breaks(Mutant::WriteOnceDecision) || state.holds(tx)) {
            out.push(Action::Abort(tx));
        }
        for (row, key) in state.rows.iter().zip(0..) {
            if row.is_under(tx) && !pending {
                out.push(Action::Finalise {
                    tx,
                    key,
                    lost: false,
                });
                if state.lost < self.lost {
                    out.push(Action::Finalise {
                        tx,
                        key,
                        lost: true,
                    });
                }
            }
        }
        if self.may_collect_record(state, tx, record) {
            out.push(Action::CollectRecord(tx));
        }
    }

    /// A decided record may go after the grace, a committed one only when all of its rows are clean.
    fn may_collect_record(&self, state: &State, tx: Tx, record: Record) -> bool {
        let clean = match record {
            Record::Missing | Record::Pending => return false,
            Record::Aborted => true,
            Record::Committed => !state.holds(tx) || self.breaks(Mutant::CollectUnclean),
        };
        let grace = self.breaks(Mutant::NoGrace) || !state.limbo.contains(&Request::Create(tx));
        clean && grace
    }

    /// A tombstone may go after the grace: when everything that was signed before it was written is
    /// dead, and by their deadlines no client still sends such a request again and no snapshot is
    /// still being read.
    pub fn may_collect_tombstone(&self, state: &State, key: Key) -> bool {
        let Row::Tombstone { stamp } = state.row(key) else {
            return false;
        };
        let older = |request: &Request| is_older(*request, key, stamp);
        let grace = self.breaks(Mutant::NoGrace) || !state.limbo.iter().any(older);
        grace && (self.breaks(Mutant::NoDeadline) || !self.somebody_outlives(state, older))
    }

    fn somebody_outlives(&self, state: &State, older: impl Fn(&Request) -> bool) -> bool {
        let single = matches!(&state.single, Single::Lost(request) if older(request));
        let coordinator = state.coordinators.iter().any(
            |coordinator| matches!(coordinator, Coordinator::LockLost(_, request) if older(request)),
        );
        let reading = !matches!(state.reader, Reader::Idle | Reader::Done);
        single || coordinator || (self.reads == Reads::Snapshot && reading)
    }

    /// Step 5, or the end of step A: the final row in place of an intent of a decided transaction.
    pub fn finalise(&self, state: &mut State, tx: Tx, key: Key, lost: bool) -> Option<()> {
        let Row::Intent {
            before, new, stamp, ..
        } = state.row(key)
        else {
            return None;
        };
        let committed = state.record(tx) == Record::Committed;
        let to = if committed { new } else { before };
        let request = Request::Final {
            tx,
            key,
            intent: stamp,
            to,
        };
        if lost {
            state.lost += 1;
            // A second one in limbo would be the same.
            state.limbo.insert(request).then_some(())
        } else {
            self.apply(state, request);
            Some(())
        }
    }
}

/// Whether a request on this row was signed before the tombstone with this stamp was read.
fn is_older(request: Request, row: Key, tombstone: Stamp) -> bool {
    match request {
        Request::Intent { key, condition, .. } | Request::Single { key, condition, .. } => {
            key == row && condition != Condition::IfMatch(tombstone)
        }
        Request::Final { key, intent, .. } => key == row && intent != tombstone,
        Request::Create(_) | Request::Commit(_) => false,
    }
}
