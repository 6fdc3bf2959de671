//! The configurations of section 3, and its mutants.

use super::state::{CLAIM, OBJECTS, OTHER, ROWS, Stamp, WANTED, entry};
use super::{Config, Goal, INDEXED, Key, Kind, Mutant, Object, Protocol, UNIQUE, Value};
use crate::case::Case;
use Goal::{Change, Delete, Set, Sweep, Take};

const P: Key = ROWS[0];
const Q: Key = ROWS[1];

/// No object but these.
fn objects(there: &[(Key, Value)]) -> [Object; OBJECTS] {
    let mut objects = [Object::Absent; OBJECTS];
    for &(key, value) in there {
        let stamp = Stamp {
            client: u8::MAX,
            attempt: 0,
            step: key,
        };
        objects[usize::from(key)] = Object::Has { value, stamp };
    }
    objects
}

fn with_objects(kind: Kind, goals: &[Goal], there: &[(Key, Value)]) -> Config {
    Config {
        kind,
        goals: goals.to_vec(),
        objects: objects(there),
        lost: 1,
        doubled: 1,
        mutant: None,
    }
}

/// A unique index of no rows.
fn empty(goals: &[Goal]) -> Config {
    with_objects(Kind::Unique, goals, &[])
}

/// A unique index where the first row has the wanted value.
fn taken(goals: &[Goal]) -> Config {
    with_objects(Kind::Unique, goals, &[(P, WANTED), (CLAIM, P)])
}

/// A plain index of one row.
fn plain(goals: &[Goal]) -> Config {
    with_objects(Kind::Plain, goals, &[(P, OTHER), (entry(OTHER), OTHER)])
}

impl Config {
    /// The faults that it allows, in few words.
    fn told_faults(&self) -> String {
        format!("{} lost, {} doubled", self.lost, self.doubled)
    }

    fn faults(mut self, lost: u8, doubled: u8) -> Self {
        (self.lost, self.doubled) = (lost, doubled);
        self
    }

    fn with(mut self, mutant: Mutant) -> Self {
        self.mutant = Some(mutant);
        self
    }

    fn safe(self, name: &'static str, states: usize) -> Case {
        Case::safe(name, self.told_faults(), Protocol(self), states, &[])
    }

    fn broken(self, name: &'static str, steps: usize) -> Case {
        let invariant = match self.kind {
            Kind::Unique => UNIQUE,
            Kind::Plain => INDEXED,
        };
        Case::broken(name, self.told_faults(), Protocol(self), invariant, steps)
    }
}

/// Every case.
pub fn cases() -> Vec<Case> {
    [unique(), plain_ones()].into_iter().flatten().collect()
}

fn unique() -> Vec<Case> {
    let both = [Take(P), Take(Q)];
    let again = [Change(P), Take(P)];
    vec![
        empty(&both).safe("U1 two inserts", 62_652),
        taken(&[Change(P), Take(Q)]).safe("U2 change; insert", 1_575),
        taken(&[Delete(P), Take(Q), Take(P)]).safe("U3 delete; insert; insert again", 418_933),
        empty(&both).faults(2, 1).safe("U4 two inserts", 697_443),
        taken(&[Change(P), Take(Q), Take(P)])
            .faults(1, 0)
            .safe("U5 change; insert; change back", 43_488),
        empty(&both)
            .with(Mutant::NoFence)
            .broken("UX1 a stale claim is taken without fencing its row", 7),
        taken(&again)
            .faults(0, 0)
            .with(Mutant::ClaimReused)
            .broken("UX2 an own claim is used without a new stamp", 6),
        empty(&both)
            .with(Mutant::RowReadLate)
            .broken("UX3 the row is read after the claim", 7),
        taken(&again)
            .faults(0, 0)
            .with(Mutant::BlindRemoval)
            .broken("UX4 a claim is removed without condition", 6),
    ]
}

fn plain_ones() -> Vec<Case> {
    let there_and_back = [Set(WANTED), Set(OTHER)];
    let swept = [Set(WANTED), Set(OTHER), Sweep(WANTED)];
    let quiet = |goals: &[Goal]| plain(goals).faults(0, 0);
    vec![
        plain(&there_and_back).safe("I1 there and back", 1_726),
        plain(&there_and_back)
            .faults(2, 1)
            .safe("I2 there and back", 20_932),
        plain(&[Set(WANTED), Set(OTHER), Set(WANTED)]).safe("I3 three writers", 102_211),
        plain(&swept)
            .faults(1, 0)
            .safe("I4 two writers; sweeper", 903),
        quiet(&there_and_back)
            .with(Mutant::BlindRemoval)
            .broken("IX1 an entry is removed without condition", 7),
        quiet(&there_and_back)
            .with(Mutant::EntryReused)
            .broken("IX2 an entry is used without a new stamp", 7),
        quiet(&[Set(WANTED)])
            .with(Mutant::RowFirst)
            .broken("IX3 the row before its entry", 2),
        quiet(&[Set(WANTED), Sweep(WANTED)])
            .with(Mutant::SweepNoGrace)
            .broken("IX4 a sweeper without grace", 5),
        plain(&there_and_back)
            .with(Mutant::BlindAdd)
            .broken("IX5 an entry is put without condition", 13),
    ]
}
