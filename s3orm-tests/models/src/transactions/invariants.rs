//! What must hold after every step. I1 to I7 are those of section 2.4.

use stateright::Property;

use super::state::{Coordinator, ROWS, Record, State, Told};
use super::{Protocol, reader::Reader};
use crate::transactions::config::Config;

/// I1: every row's logical value is that of the serial execution, and what was computed from a row is
/// applied on that row.
pub const REFINEMENT: &str = "I1 refinement";
/// I2: nothing takes effect twice.
pub const AT_MOST_ONCE: &str = "I2 at most once";
/// I3: what a caller is told is true.
pub const TRUTH: &str = "I3 truth of answers";
/// I4: a value that was read was the row's at an instant during the read.
pub const READ: &str = "I4 linearizable reads";
/// I5: a snapshot existed at an instant during its read.
pub const SNAPSHOT: &str = "I5 snapshots existed";
/// I6: at its commit, a transaction holds an intent on every row that takes part.
pub const HELD: &str = "I6 commits hold their rows";
/// I7: no row is under a committed transaction whose record is gone.
pub const CLEAN: &str = "I7 collected records are clean";

/// I8: some transaction commits.
pub const SOME_COMMIT: &str = "some commit";
/// I8: all of them do.
pub const ALL_COMMIT: &str = "all commit";
/// I8: a coordinator tells its caller of an abort.
pub const ABORT: &str = "abort";
/// I8: a record is collected.
pub const COLLECTED: &str = "record collected";
/// I8: a reader finds a committed transaction's intent, and takes its new value.
pub const ROLL_FORWARD: &str = "roll-forward by the reader";
/// I8: a late copy is there to land after its caller was told of success.
pub const LATE_COPY: &str = "late copy after success";

/// Which rule was broken.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub enum Violation {
    /// A row's logical value differs from the serial one.
    Refinement,
    /// A write was applied on another value than it was computed from.
    LostUpdate,
    /// A transaction took effect although a row is not as it demands.
    DemandUnmetAtCommit,
    /// A transaction took effect twice.
    CommittedTwice,
    /// A single-row operation took effect twice.
    TookEffectTwice,
    /// A caller was told of a commit that did not happen.
    FalseCommit,
    /// A caller was told of an abort, and the transaction committed.
    FalseAbort,
    /// A reader of one row returned what was not the row's value during its read.
    StaleRead,
    /// A snapshot returned rows that never were together.
    FalseSnapshot,
}

impl Violation {
    fn invariant(self) -> &'static str {
        match self {
            Self::Refinement | Self::LostUpdate | Self::DemandUnmetAtCommit => REFINEMENT,
            Self::CommittedTwice | Self::TookEffectTwice => AT_MOST_ONCE,
            Self::FalseCommit | Self::FalseAbort => TRUTH,
            Self::StaleRead => READ,
            Self::FalseSnapshot => SNAPSHOT,
        }
    }
}

/// I1 and I3 of a state; the others are noticed where they break.
pub fn check(state: &mut State) {
    for key in 0..ROWS {
        if state.violation.is_none() && Config::logical(state, key) != state.serial.rows[key] {
            state.violation = Some(Violation::Refinement);
        }
    }
    for (coordinator, &committed) in state.coordinators.iter().zip(&state.serial.committed) {
        if state.violation.is_some() {
            return;
        }
        state.violation = match coordinator {
            Coordinator::Done(Told::Committed) if !committed => Some(Violation::FalseCommit),
            Coordinator::Done(Told::Aborted) if committed => Some(Violation::FalseAbort),
            _ => None,
        };
    }
}

/// I7: whether some row is under a committed transaction whose record is gone.
fn is_unclean(state: &State) -> bool {
    let committed = state.serial.committed.iter().zip(&state.records).zip(0..);
    committed.into_iter().any(|((&committed, &record), tx)| {
        committed && record == Record::Missing && state.holds(tx)
    })
}

fn keeps(state: &State, invariant: &str) -> bool {
    state
        .violation
        .is_none_or(|violation| violation.invariant() != invariant)
}

/// The reader is about to take the new value of an intent.
fn rolls_forward(state: &State) -> bool {
    let row = match state.reader {
        Reader::Record { row } => row,
        Reader::Records { first, .. } => first,
        _ => return false,
    };
    state
        .records
        .iter()
        .zip(0..)
        .any(|(&record, tx)| record == Record::Committed && row.is_under(tx))
}

/// What the checker is asked.
pub fn properties() -> Vec<Property<Protocol>> {
    type P = Property<Protocol>;
    vec![
        P::always(REFINEMENT, |_, state| keeps(state, REFINEMENT)),
        P::always(AT_MOST_ONCE, |_, state| keeps(state, AT_MOST_ONCE)),
        P::always(TRUTH, |_, state| keeps(state, TRUTH)),
        P::always(READ, |_, state| keeps(state, READ)),
        P::always(SNAPSHOT, |_, state| keeps(state, SNAPSHOT)),
        P::always(HELD, |_, state| !state.commit_unheld),
        P::always(CLEAN, |_, state| !is_unclean(state)),
        P::sometimes(SOME_COMMIT, |_, state| {
            state.serial.committed.contains(&true)
        }),
        P::sometimes(ALL_COMMIT, |_, state| {
            !state.serial.committed.contains(&false)
        }),
        P::sometimes(ABORT, |_, state| {
            state
                .coordinators
                .contains(&Coordinator::Done(Told::Aborted))
        }),
        P::sometimes(COLLECTED, |_, state| state.collected),
        P::sometimes(ROLL_FORWARD, |_, state| rolls_forward(state)),
        P::sometimes(LATE_COPY, |_, state| {
            !state.limbo.is_empty()
                && state
                    .coordinators
                    .contains(&Coordinator::Done(Told::Committed))
        }),
    ]
}
