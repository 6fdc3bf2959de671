//! A client: its steps in order, and what it makes of answers.

use super::state::{
    Condition, Content, Goal, Key, OTHER, ROWS, Request, Stamp, State, Step, WANTED,
};
use super::{Config, Mutant, unique};

/// The step of a stamp that a client writes its own row with.
pub const ROW_STEP: u8 = 4;

/// What a client does next.
#[derive(Clone, Debug)]
pub enum Next {
    /// Reads, and goes on to this step.
    Local(Step),
    /// Sends, and goes on to this step once that is applied.
    Send(Request, Step),
}

/// Who sends, in which attempt.
#[derive(Clone, Copy, Debug)]
pub struct Sender {
    client: u8,
    attempt: u8,
}

impl Sender {
    /// A request, with a stamp of its own.
    pub fn send(
        self,
        step: u8,
        key: Key,
        condition: Condition,
        content: Content,
        then: Step,
    ) -> Next {
        let Self { client, attempt } = self;
        let stamp = Stamp {
            client,
            attempt,
            step,
        };
        Next::Send(
            Request {
                key,
                condition,
                content,
                stamp,
            },
            then,
        )
    }
}

impl Config {
    /// What a client does next; `None` if it waits, or has come to its end.
    pub fn next(&self, state: &State, number: u8) -> Option<Next> {
        let client = &state.clients[usize::from(number)];
        let sender = Sender {
            client: number,
            attempt: client.attempt,
        };
        let goal = self.goals[usize::from(number)];
        Some(match (client.step.clone(), goal) {
            (Step::Start, Goal::Take(key)) => Next::Local(unique::begin_take(state, key)),
            (Step::Claim { row }, Goal::Take(key)) => self.claim(state, sender, key, row),
            (Step::Fence { row, other, claim }, _) => self.fence(state, sender, row, other, claim),
            (Step::Steal { row, claim }, Goal::Take(key)) => {
                let ours = Condition::IfMatch(claim);
                sender.send(
                    3,
                    super::state::CLAIM,
                    ours,
                    Content::Put(key),
                    Step::Row { row },
                )
            }
            (Step::Row { row }, Goal::Take(key)) => self.take(state, sender, key, row),
            (Step::Start, Goal::Change(key) | Goal::Delete(key)) => {
                Next::Local(unique::begin_leave(state, key))
            }
            (Step::Leave { row, claim }, Goal::Change(key)) => sender.send(
                ROW_STEP,
                key,
                row,
                Content::Put(OTHER),
                Step::Release { claim },
            ),
            (Step::Leave { row, claim }, Goal::Delete(key)) => sender.send(
                ROW_STEP,
                key,
                row,
                Content::Tombstone,
                Step::Release { claim },
            ),
            (Step::Release { claim }, _) => self.release(sender, claim),
            (Step::Start, Goal::Set(value)) => Next::Local(self.begin_set(state, value)),
            (Step::Add { row, old }, Goal::Set(value)) => self.add(state, sender, value, row, old),
            (Step::Write { row, old }, Goal::Set(value)) => {
                let then = old.map_or(Step::Done, |(value, entry)| Step::Remove { value, entry });
                sender.send(ROW_STEP, ROWS[0], row, Content::Put(value), then)
            }
            (Step::Remove { value, entry }, _) => self.remove(sender, value, entry),
            (Step::Start, Goal::Sweep(value)) => {
                Next::Local(self.begin_sweep(state, number, value)?)
            }
            _ => return None,
        })
    }

    /// The condition of removing a claim or an entry that had this stamp.
    pub fn on_removal(&self, stamp: Stamp) -> Condition {
        if self.breaks(Mutant::BlindRemoval) {
            Condition::Nothing
        } else {
            Condition::IfMatch(stamp)
        }
    }
}

/// How often a client begins again.
const RESTARTS: u8 = 2;

/// A client has its answer, or found it out.
pub fn answered(state: &mut State, number: u8, applied: bool, then: Step, key: Key) {
    let client = &mut state.clients[usize::from(number)];
    if applied {
        state.written |= then == Step::Done && ROWS.contains(&key);
        client.step = then;
    } else if matches!(client.step, Step::Release { .. } | Step::Remove { .. }) {
        // Somebody claimed it again, or added it again: just as well.
        client.step = Step::Done;
    } else {
        restart(state, number);
    }
}

/// A client begins again, or gives up.
pub fn restart(state: &mut State, number: u8) {
    state.conflict = true;
    let client = &mut state.clients[usize::from(number)];
    if client.attempt < RESTARTS {
        client.attempt += 1;
        client.step = Step::Start;
    } else {
        client.step = Step::Done;
    }
}

/// After a lost answer: reads back; sends the same bytes again, or begins again.
pub fn resolve(state: &mut State, number: u8, send_again: bool) -> Option<()> {
    let (request, then) = state.clients[usize::from(number)].lost.take()?;
    if state.object(request.key).stamp() == Some(request.stamp) {
        if !send_again {
            return None;
        }
        answered(state, number, true, then, request.key);
    } else if send_again {
        let applied = state.apply(&request);
        answered(state, number, applied, then, request.key);
    } else {
        restart(state, number);
    }
    Some(())
}

/// Whether what stands in a row's place is a client's, who wrote it for its goal.
pub fn has_written(state: &State, key: Key) -> bool {
    let stamp = state.object(key).stamp();
    stamp.is_some_and(|stamp| stamp.step == ROW_STEP)
}

/// Whether a row has the wanted value.
pub fn has_wanted(state: &State, key: Key) -> bool {
    state.value(key) == Some(WANTED)
}
