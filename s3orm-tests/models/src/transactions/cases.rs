//! The configurations of section 2.4, and its mutants.

use super::config::{Change, Config, Demand, Mode, Mutant, Reads, Transaction};
use super::invariants::{
    ALL_COMMIT, AT_MOST_ONCE, LATE_COPY, READ, REFINEMENT, ROLL_FORWARD, SNAPSHOT,
};
use super::{Key, Protocol};
use crate::case::{Case, UNCOUNTED};
use Change::{Check, Delete, Put};
use Demand::{Absent, Any, Exists};

const PUT_INSERT: Transaction = [Some((Put(10), Exists)), Some((Put(11), Absent))];
const PUT_DELETE: Transaction = [Some((Put(20), Exists)), Some((Delete, Exists))];
const UPSERTS: Transaction = [Some((Put(20), Exists)), Some((Put(21), Any))];
/// With [`SKEW_2`], either reads what the other writes: they must not both commit.
const SKEW_1: Transaction = [Some((Check, Exists)), Some((Put(11), Absent))];
const SKEW_2: Transaction = [Some((Delete, Exists)), Some((Check, Absent))];
const ONLY_FIRST: Transaction = [Some((Put(20), Exists)), None];
const ONLY_SECOND: Transaction = [None, Some((Put(21), Any))];

type Single = (Key, Change, Demand);
const INSERT: Single = (1, Put(30), Absent);
const UPDATE: Single = (0, Put(31), Exists);
const DELETE: Single = (1, Delete, Exists);

/// These transactions, this single-row client and this reader, in tombstone mode.
fn among(transactions: &[Transaction], singles: &[Single], reads: Reads) -> Config {
    Config {
        transactions: transactions.to_vec(),
        singles: singles.to_vec(),
        reads,
        lost: 0,
        doubled: 0,
        mode: Mode::Tombstones,
        mutant: None,
    }
}

impl Config {
    /// The faults that it allows, in few words.
    fn told_faults(&self) -> String {
        format!("{} lost, {} doubled", self.lost, self.doubled)
    }

    /// With so many lost answers and doubled requests.
    fn faults(mut self, lost: u8, doubled: u8) -> Self {
        (self.lost, self.doubled) = (lost, doubled);
        self
    }

    /// In lean mode.
    fn lean(mut self) -> Self {
        self.mode = Mode::Lean;
        self
    }

    /// With this rule broken.
    fn with(mut self, mutant: Mutant) -> Self {
        self.mutant = Some(mutant);
        self
    }

    fn safe(self, name: &'static str, states: usize, never: &'static [&'static str]) -> Case {
        Case::safe(name, self.told_faults(), Protocol(self), states, never)
    }

    fn broken(self, name: &'static str, invariant: &'static str, steps: usize) -> Case {
        Case::broken(name, self.told_faults(), Protocol(self), invariant, steps)
    }
}

/// Every case.
pub fn cases() -> Vec<Case> {
    [pairs(), readers(), larger(), lean(), mutants(), deadlines()]
        .into_iter()
        .flatten()
        .collect()
}

const NO_READER: &[&str] = &[ROLL_FORWARD];
const NO_READER_NO_FAULTS: &[&str] = &[ROLL_FORWARD, LATE_COPY];
const SKEWED: &[&str] = &[ALL_COMMIT, ROLL_FORWARD];
const SKEWED_NO_FAULTS: &[&str] = &[ALL_COMMIT, ROLL_FORWARD, LATE_COPY];
const NO_FAULTS: &[&str] = &[LATE_COPY];

/// Two transactions, or one and a client of single-row operations, under more and more faults.
fn pairs() -> Vec<Case> {
    let p1 = || among(&[PUT_INSERT, PUT_DELETE], &[], Reads::Nothing);
    let p2 = || among(&[PUT_INSERT, UPSERTS], &[], Reads::Nothing);
    let p3 = || among(&[SKEW_1, SKEW_2], &[], Reads::Nothing);
    let p4 = || among(&[PUT_INSERT], &[DELETE, INSERT, UPDATE], Reads::Nothing);
    vec![
        p1().safe("P1a put+insert, put+delete", 707, NO_READER_NO_FAULTS),
        p1().faults(1, 1)
            .safe("P1b put+insert, put+delete", 57_559, NO_READER),
        p1().faults(2, 0)
            .safe("P1c put+insert, put+delete", 72_264, NO_READER),
        p1().faults(2, 1)
            .safe("P1d put+insert, put+delete", 316_048, NO_READER),
        p2().safe("P2a put+insert, two upserts", 1_211, NO_READER_NO_FAULTS),
        p2().faults(1, 1)
            .safe("P2b put+insert, two upserts", 144_661, NO_READER),
        p2().faults(2, 0)
            .safe("P2c put+insert, two upserts", 201_171, NO_READER),
        p2().faults(2, 1)
            .safe("P2d put+insert, two upserts", 998_265, NO_READER),
        p3().safe("P3a write skew, checks locked", 1_311, SKEWED_NO_FAULTS),
        p3().faults(1, 1)
            .safe("P3b write skew, checks locked", 145_411, SKEWED),
        p3().faults(2, 0)
            .safe("P3c write skew, checks locked", 201_388, SKEWED),
        p3().faults(2, 1)
            .safe("P3d write skew, checks locked", 979_724, SKEWED),
        p4().safe(
            "P4a put+insert; single delete, insert, update",
            145,
            NO_READER_NO_FAULTS,
        ),
        p4().faults(1, 1).safe(
            "P4b put+insert; single delete, insert, update",
            9_271,
            NO_READER,
        ),
        p4().faults(2, 0).safe(
            "P4c put+insert; single delete, insert, update",
            13_725,
            NO_READER,
        ),
        p4().faults(2, 1).safe(
            "P4d put+insert; single delete, insert, update",
            52_294,
            NO_READER,
        ),
    ]
}

/// A transaction, a single-row operation and a reader.
fn readers() -> Vec<Case> {
    let p5 = || among(&[PUT_INSERT], &[DELETE], Reads::OneRow);
    let p6 = || among(&[PUT_INSERT], &[UPDATE], Reads::Snapshot);
    vec![
        p5().safe("P5a put+insert; single delete; reader", 282, NO_FAULTS),
        p5().faults(1, 1)
            .safe("P5b put+insert; single delete; reader", 10_946, &[]),
        p5().faults(2, 0)
            .safe("P5c put+insert; single delete; reader", 12_842, &[]),
        p5().faults(2, 1)
            .safe("P5d put+insert; single delete; reader", 40_822, &[]),
        p6().safe("P6a put+insert; single update; snapshot", 3_215, NO_FAULTS),
        p6().faults(1, 1)
            .safe("P6b put+insert; single update; snapshot", 206_680, &[]),
        p6().faults(2, 0)
            .safe("P6c put+insert; single update; snapshot", 289_496, &[]),
        p6().faults(2, 1)
            .safe("P6d put+insert; single update; snapshot", 1_029_848, &[]),
    ]
}

/// Two or three transactions with others.
fn larger() -> Vec<Case> {
    let two = [PUT_INSERT, PUT_DELETE];
    let three = [PUT_INSERT, PUT_DELETE, UPSERTS];
    let single = [DELETE, INSERT];
    let nobody = Reads::Nothing;
    vec![
        among(&two, &[], Reads::Snapshot).faults(1, 0).safe(
            "P7 put+insert, put+delete; snapshot",
            589_636,
            &[],
        ),
        among(&two, &[], Reads::OneRow).faults(1, 0).safe(
            "P8 put+insert, put+delete; reader",
            41_573,
            &[],
        ),
        among(&three, &[], nobody).safe("P9 three transactions", 19_626, NO_READER_NO_FAULTS),
        among(&two, &single, nobody).faults(1, 0).safe(
            "P10 put+insert, put+delete; single delete, insert",
            54_950,
            NO_READER,
        ),
        among(&[ONLY_FIRST, ONLY_SECOND], &[], Reads::Snapshot)
            .faults(1, 0)
            .safe("P11 one row each; snapshot", 174_824, &[]),
        among(&three, &[], nobody)
            .faults(1, 0)
            .safe("Q1 three transactions", 589_945, NO_READER),
        among(&two, &single, Reads::OneRow).faults(1, 1).safe(
            "Q2 put+insert, put+delete; single delete, insert; reader",
            1_706_612,
            &[],
        ),
        among(&two, &[], nobody).faults(3, 1).safe(
            "Q3 put+insert, put+delete",
            1_082_217,
            NO_READER,
        ),
        among(&two, &single, Reads::Snapshot).faults(1, 1).safe(
            "Q4 put+insert, put+delete; single delete, insert; snapshot",
            UNCOUNTED,
            &[],
        ),
        among(&three, &[], Reads::Snapshot).faults(0, 1).safe(
            "Q5 three transactions; snapshot",
            28_495_811,
            &[],
        ),
        among(&[SKEW_1, SKEW_2], &[], nobody)
            .faults(1, 0)
            .with(Mutant::ChecksUnlocked)
            .safe(
                "Y8 write skew, checks validated after locking",
                7_608,
                SKEWED,
            ),
    ]
}

/// Lean mode: no tombstones, inserts never sent again, and nothing on the way that doubles requests.
fn lean() -> Vec<Case> {
    let singles = [DELETE, INSERT, DELETE];
    vec![
        among(&[PUT_INSERT, PUT_DELETE], &[], Reads::Nothing)
            .lean()
            .faults(2, 0)
            .safe("L1 lean: put+insert, put+delete", 55_594, NO_READER),
        among(&[PUT_INSERT], &singles, Reads::Nothing)
            .lean()
            .faults(2, 0)
            .safe(
                "L2 lean: put+insert; single delete, insert, delete",
                9_631,
                NO_READER,
            ),
    ]
}

/// One broken rule each.
fn mutants() -> Vec<Case> {
    let one = |singles: &[Single], reads| among(&[PUT_INSERT], singles, reads);
    let nobody = Reads::Nothing;
    vec![
        one(&[UPDATE], nobody)
            .lean()
            .with(Mutant::WriteOnceDecision)
            .broken("X1 the decision is an object put once", REFINEMENT, 7),
        one(&[DELETE], nobody)
            .lean()
            .faults(1, 0)
            .with(Mutant::InsertSentAgain)
            .broken("X2 lean, inserts sent again", REFINEMENT, 7),
        one(&[DELETE], nobody).lean().faults(0, 1).broken(
            "X3 lean, something doubles requests",
            REFINEMENT,
            6,
        ),
        among(&[], &[INSERT, DELETE], nobody)
            .lean()
            .faults(1, 0)
            .with(Mutant::InsertSentAgain)
            .broken("X3b lean, a single-row insert sent again", AT_MOST_ONCE, 4),
        one(&[], nobody)
            .faults(1, 1)
            .with(Mutant::CollectUnclean)
            .broken(
                "X4 a record is collected before its rows are clean",
                REFINEMENT,
                5,
            ),
        one(&[], Reads::OneRow).with(Mutant::NoSecondRead).broken(
            "X5 the reader does not read again after a missing record",
            READ,
            9,
        ),
        among(
            &[],
            &[UPDATE, (0, Put(1), Exists), (0, Put(32), Exists)],
            nobody,
        )
        .faults(1, 1)
        .with(Mutant::TagOfContent)
        .broken("X6 no unique stamp", AT_MOST_ONCE, 3),
        one(&[(0, Put(31), Any)], nobody)
            .with(Mutant::BlindPut)
            .broken("X7 single-row put without condition", REFINEMENT, 5),
        among(&[SKEW_1], &[(0, Delete, Exists)], nobody)
            .with(Mutant::ChecksUnlocked)
            .broken("X8 checked rows are not locked", REFINEMENT, 5),
        one(&[(0, Delete, Any)], nobody)
            .with(Mutant::BlindDelete)
            .broken("X9 single-row delete without condition", REFINEMENT, 5),
        one(&[UPDATE], nobody).with(Mutant::IntentsFirst).broken(
            "X10 intents before the record",
            REFINEMENT,
            6,
        ),
        one(&[], nobody)
            .faults(1, 0)
            .with(Mutant::LostIntentTaken)
            .broken(
                "X11 an intent without answer is taken as placed",
                REFINEMENT,
                4,
            ),
        one(&[DELETE], nobody)
            .faults(1, 1)
            .with(Mutant::NoGrace)
            .broken("X12 collection without grace", REFINEMENT, 7),
        one(&[], Reads::Snapshot)
            .with(Mutant::SnapshotReadsOnce)
            .broken("X13 a snapshot without a second collect", SNAPSHOT, 8),
        among(&[ONLY_FIRST, ONLY_SECOND], &[], Reads::Snapshot)
            .with(Mutant::PendingNotReread)
            .broken(
                "X14 a snapshot does not read pending records again",
                SNAPSHOT,
                12,
            ),
    ]
}

/// Who outlives a tombstone, and what lean mode does not promise.
fn deadlines() -> Vec<Case> {
    let two = [PUT_INSERT, PUT_DELETE];
    let single = [DELETE, INSERT];
    vec![
        among(&two, &[], Reads::Snapshot)
            .with(Mutant::NoDeadline)
            .broken("X15 a snapshot outlives a tombstone", SNAPSHOT, 16),
        among(&two, &single, Reads::Nothing)
            .faults(1, 0)
            .with(Mutant::NoDeadline)
            .broken(
                "X16 an insert is sent again after the grace",
                AT_MOST_ONCE,
                10,
            ),
        among(&two, &[], Reads::Snapshot).lean().broken(
            "X17 lean, a snapshot of an absent row",
            SNAPSHOT,
            15,
        ),
        among(&two, &single, Reads::Nothing)
            .faults(1, 1)
            .with(Mutant::NoDeadline)
            .broken(
                "X18 an intent is sent again after the grace",
                AT_MOST_ONCE,
                10,
            ),
    ]
}
