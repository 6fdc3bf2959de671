//! What the library promises, the holes that are known, and the mutants.

use super::{
    AT_MOST_ONCE, Config, FOUND_AFTER_412, FOUND_BEFORE, NO_EFFECT, NO_LOST_UPDATE, OLD_ROW,
    Operation, Protocol, Value, Variant,
};
use crate::case::Case;
use Operation::{Delete, DeleteVersion, Insert, Put, Replace, Save, Update};

/// These clients on this row.
fn on(row: Option<Value>, clients: &[&[Operation]]) -> Config {
    Config {
        clients: clients
            .iter()
            .map(|operations| operations.to_vec())
            .collect(),
        row,
        lost: 0,
        doubled: 0,
        conflicts: 0,
        variant: None,
    }
}

impl Config {
    /// The faults that it allows, in few words.
    fn told_faults(&self) -> String {
        let Config {
            lost,
            doubled,
            conflicts,
            ..
        } = *self;
        format!("{lost} lost, {doubled} doubled, {conflicts} answered by a 409")
    }

    /// With so many lost answers, doubled requests and 409s.
    fn faults(mut self, lost: u8, doubled: u8, conflicts: u8) -> Self {
        (self.lost, self.doubled, self.conflicts) = (lost, doubled, conflicts);
        self
    }

    fn with(mut self, variant: Variant) -> Self {
        self.variant = Some(variant);
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
    [promised(), doubled(), holes(), mutants()]
        .into_iter()
        .flatten()
        .collect()
}

/// Nothing sends twice, so a 412 is never of a second copy.
const NO_COPY: &[&str] = &[FOUND_AFTER_412];
/// Nobody writes over what was written, either.
const NO_COPY_NO_SUCCESSOR: &[&str] = &[FOUND_AFTER_412, FOUND_BEFORE];

/// Without anything on the way that sends twice, everything holds.
fn promised() -> Vec<Case> {
    vec![
        on(None, &[&[Insert(1)], &[Insert(2)], &[Insert(3)]])
            .faults(2, 0, 2)
            .safe("S1 three inserts", 3_142, NO_COPY_NO_SUCCESSOR),
        on(
            None,
            &[&[Insert(1), DeleteVersion], &[Insert(2)], &[Insert(3)]],
        )
        .faults(2, 0, 0)
        .safe(
            "S2 insert, delete of the version; two inserts",
            2_232,
            NO_COPY_NO_SUCCESSOR,
        ),
        on(Some(0), &[&[Save(1)], &[Save(2)], &[Save(3)]])
            .faults(2, 0, 2)
            .safe("S3 three saves", 14_747, NO_COPY),
        on(Some(0), &[&[Update], &[Update], &[Save(5)]])
            .faults(2, 0, 1)
            .safe("S4 two updates; save", 16_079, NO_COPY),
        on(Some(0), &[&[Put(1), Save(2)], &[Save(3)], &[Put(4)]])
            .faults(2, 0, 0)
            .safe("S5 put, save; save; put", 8_580, NO_COPY),
        on(Some(0), &[&[Save(1), Save(0)], &[Save(5)], &[Update]])
            .faults(2, 0, 0)
            .safe("S6 saved and saved back; save; update", 31_206, NO_COPY),
        on(
            Some(0),
            &[&[DeleteVersion, Insert(0)], &[Update], &[Save(2)]],
        )
        .faults(2, 0, 1)
        .safe(
            "S7 delete of the version, insert of the same; update; save",
            22_812,
            NO_COPY,
        ),
        on(None, &[&[Delete, Insert(1)], &[Insert(2), Delete]])
            .faults(2, 0, 0)
            .safe(
                "S8 delete, insert; insert, delete",
                676,
                NO_COPY_NO_SUCCESSOR,
            ),
        on(Some(0), &[&[Replace(1)], &[Replace(2)], &[Save(3)]])
            .faults(2, 0, 1)
            .safe("S9 two puts that return the old row; save", 16_079, NO_COPY),
        on(None, &[&[Replace(1)], &[Insert(2), Delete], &[Save(3)]])
            .faults(2, 0, 1)
            .safe(
                "S10 put that returns the old row; insert, delete; save",
                11_721,
                NO_COPY,
            ),
    ]
}

/// Something on the way sends twice, contents do not come back, and nobody is replaced twice.
fn doubled() -> Vec<Case> {
    vec![
        on(None, &[&[Insert(1)], &[Insert(2)]])
            .faults(1, 2, 1)
            .safe("D1 two inserts", 1_356, &[FOUND_BEFORE]),
        on(Some(0), &[&[Save(1)], &[Save(2)]])
            .faults(1, 2, 1)
            .safe("D2 two saves", 2_879, &[]),
        on(Some(0), &[&[Update], &[Save(2)]])
            .faults(1, 1, 0)
            .safe("D3 update; save", 540, &[]),
        on(Some(0), &[&[Replace(1)], &[Save(2)]])
            .faults(1, 1, 0)
            .safe("D4 put that returns the old row; save", 540, &[]),
    ]
}

/// What does not hold when something on the way sends twice.
fn holes() -> Vec<Case> {
    vec![
        on(Some(0), &[&[Save(1)], &[Save(2), Save(3)]])
            .faults(0, 1, 0)
            .broken(
                "H3 a save, doubled, is replaced twice before it reads back",
                NO_EFFECT,
                9,
            ),
        on(Some(0), &[&[Save(1)], &[Put(2)]])
            .faults(0, 1, 0)
            .broken("H4 a save, doubled, is replaced by a put", NO_EFFECT, 6),
        on(Some(0), &[&[Save(1)], &[Delete]])
            .faults(0, 1, 0)
            .broken("H5 a save, doubled, is deleted", NO_EFFECT, 5),
        on(None, &[&[Insert(1)], &[Delete]]).faults(0, 1, 0).broken(
            "H6 an insert, doubled, is deleted before it reads back",
            NO_EFFECT,
            5,
        ),
        on(None, &[&[Insert(1)], &[DeleteVersion]])
            .faults(0, 1, 0)
            .broken(
                "H7 an insert, doubled, comes back after its deletion",
                AT_MOST_ONCE,
                5,
            ),
        on(Some(0), &[&[DeleteVersion]]).faults(0, 1, 0).broken(
            "H8 a deletion of a version, doubled",
            NO_EFFECT,
            4,
        ),
        on(Some(0), &[&[Put(1)], &[Put(2)]]).faults(0, 1, 0).broken(
            "H9 a put, doubled, lands over a later one",
            AT_MOST_ONCE,
            3,
        ),
        on(Some(0), &[&[Save(1), Save(0)]]).faults(0, 1, 0).broken(
            "H10 a save, doubled, lands on what was saved back",
            AT_MOST_ONCE,
            6,
        ),
        on(Some(0), &[&[Save(1)]]).faults(0, 1, 2).broken(
            "H11 a save, doubled, and its own copies are answered by 409s",
            NO_EFFECT,
            5,
        ),
        on(Some(0), &[&[Update], &[Delete]]).faults(0, 1, 0).broken(
            "H12 an update, doubled, is deleted before it reads again",
            NO_EFFECT,
            6,
        ),
        on(Some(0), &[&[Update], &[Save(2), Save(3)]])
            .faults(0, 1, 0)
            .broken(
                "H14 an update, doubled, is replaced twice before it reads again",
                AT_MOST_ONCE,
                10,
            ),
        on(Some(0), &[&[Replace(1)], &[DeleteVersion]])
            .faults(0, 1, 0)
            .broken(
                "H15 a put that returns the old row, doubled, is deleted",
                AT_MOST_ONCE,
                8,
            ),
        on(Some(0), &[&[Replace(1)]]).faults(0, 1, 2).broken(
            "H16 a put that returns the old row, doubled, is answered by 409s and lands in its second attempt",
            NO_EFFECT,
            8,
        ),
    ]
}

/// One broken rule each.
fn mutants() -> Vec<Case> {
    vec![
        on(None, &[&[Insert(1), Delete]])
            .faults(1, 0, 0)
            .with(Variant::SendAgain)
            .broken(
                "RX1 an insert is sent again after a lost answer",
                AT_MOST_ONCE,
                6,
            ),
        on(Some(0), &[&[Save(1), Save(0)]])
            .faults(1, 0, 0)
            .with(Variant::SendAgain)
            .broken(
                "RX2 a save is sent again after a lost answer",
                AT_MOST_ONCE,
                8,
            ),
        on(None, &[&[Insert(1)]])
            .faults(0, 1, 0)
            .with(Variant::NoReadBack)
            .broken("RX3 a 412 is taken for another's write", NO_EFFECT, 3),
        on(Some(0), &[&[Save(1)], &[Save(2)]])
            .with(Variant::BlindSave)
            .broken("RX4 a save without condition", NO_LOST_UPDATE, 4),
        on(None, &[&[Insert(1)]])
            .faults(1, 0, 0)
            .with(Variant::NotFoundIsFailure)
            .broken(
                "RX5 a lost insert that is not found is taken as failed",
                NO_EFFECT,
                4,
            ),
        on(None, &[&[Delete, Insert(1)]])
            .faults(1, 0, 0)
            .with(Variant::GoneIsDeleted)
            .broken(
                "RX6 a lost deletion that finds nothing is told as done",
                AT_MOST_ONCE,
                4,
            ),
        on(Some(0), &[&[Update], &[Save(2)]])
            .faults(0, 1, 0)
            .with(Variant::OwnIdAlone)
            .broken("RX7 an update looks for its own id alone", AT_MOST_ONCE, 8),
        on(Some(0), &[&[Update], &[Save(2)]])
            .faults(0, 1, 0)
            .with(Variant::LastRefusalBelieved)
            .broken(
                "RX8 an update's last refusal is believed without a look",
                NO_EFFECT,
                8,
            ),
        on(Some(0), &[&[Replace(1)]])
            .faults(0, 1, 0)
            .with(Variant::NoReadBack)
            .broken(
                "RX9 a put that returns the old row does not look for its earlier attempt",
                AT_MOST_ONCE,
                6,
            ),
    ]
}
