//! A simulated run as a history of operations and versions.
//!
//! A row names its version by its stamp, which is written once; what it replaced is known from the
//! store, which applies one write after the other. A deletion leaves no object: its version is the
//! step at which it was applied. What a client read is what it was told. Transactions, whose rows
//! name their predecessors themselves, are written as [`Operation`]s of several rows.

use std::collections::BTreeMap;

use s3orm::ErrorKind;

use super::deeds;
use super::history::{self, Action, History, Landing, Outcome as Told};
use crate::history::{Operation, Outcome, Version, Write};

/// Versions of absences are beyond all stamps.
const DELETED: u128 = 1 << 64;

fn stamp(stamp: u64) -> Version {
    Version(u128::from(stamp))
}

/// Whether a run can be told as operations and versions: not if a request that the network itself sent
/// twice has written one value twice, which [`check`](super::check) knows to allow or not.
pub fn is_recordable(history: &History) -> bool {
    let values = history.landings.iter();
    let mut values = values.filter_map(|one| Some((one.id, one.value.as_ref()?.stamp)));
    let mut seen = std::collections::BTreeSet::new();
    values.all(|value| seen.insert(value))
}

/// The operations of a run.
pub fn recorded(history: &History) -> Vec<Operation> {
    let effects = effects(history);
    let operations = history.operations.iter().enumerate();
    let recorded = operations.flat_map(|(place, operation)| {
        let own = effects.get(&place).map_or(&[][..], Vec::as_slice);
        match operation.action {
            _ if deeds::is_deed(history, place) => several(history, place, operation, own),
            Action::Sweep | Action::Settle | Action::Vacuum | Action::LookUp | Action::Repair => {
                Vec::new()
            }
            Action::Rekey(_) => moved(operation, own),
            _ if operation.duplicates > 0 => doubled(history, operation, own),
            _ => vec![single(history, operation, own)],
        }
    });
    recorded.collect()
}

/// A landing that changed a row: what it wrote, and the stamp that this was made from.
#[derive(Clone, Copy)]
struct Effect {
    write: Write,
    base: Option<Version>,
}

/// What each operation has changed.
fn effects(history: &History) -> BTreeMap<usize, Vec<Effect>> {
    let mut rows: BTreeMap<u64, Write> = BTreeMap::new();
    let mut effects: BTreeMap<usize, Vec<Effect>> = BTreeMap::new();
    for landing in &history.landings {
        let now = rows.get(&landing.id);
        if landing.value.is_none() && now.is_none_or(|now| now.deletes) {
            continue;
        }
        let write = Write {
            row: landing.id,
            version: version(landing),
            over: now.map(|now| now.version),
            deletes: landing.value.is_none(),
        };
        rows.insert(landing.id, write);
        let base = landing.value.as_ref().and_then(|value| value.base);
        let base = base.map(stamp);
        let own = effects.entry(landing.operation).or_default();
        own.push(Effect { write, base });
    }
    effects
}

fn version(landing: &Landing) -> Version {
    let deleted = Version(DELETED + u128::from(landing.step));
    landing
        .value
        .as_ref()
        .map_or(deleted, |row| stamp(row.stamp))
}

fn begin(operation: &history::Operation, what: &str) -> Operation {
    let name = format!("client {} {:?}{what}", operation.client, operation.action);
    let outcome = match &operation.outcome {
        outcome if outcome.is_unknown() => Outcome::Unknown,
        Told::Failed(ErrorKind::NotFound, _) => Outcome::Ok,
        Told::Failed(..) | Told::LeftAlone => Outcome::Failed,
        _ => Outcome::Ok,
    };
    Operation::new(name, operation.begun, operation.ended).outcome(outcome)
}

/// An operation on one row.
fn single(history: &History, operation: &history::Operation, own: &[Effect]) -> Operation {
    let mut recorded = begin(operation, "");
    let row = operation.id;
    for effect in own {
        recorded.writes.push(effect.write);
        if let Some(base) = effect.base
            && matches!(operation.action, Action::Update | Action::Save)
        {
            recorded = recorded.read(row, Some(base));
        }
    }
    if let Some(version) = operation.outcome.written().map(stamp)
        && own.iter().all(|effect| effect.write.version != version)
    {
        // Acknowledged, and not applied: it should have been by its end.
        let mut earlier = history.landings.iter().filter(|one| one.id == row);
        let last = earlier.rfind(|one| one.step < operation.ended);
        recorded = recorded.write(row, version, last.map(self::version));
    }
    match &operation.outcome {
        Told::Read(seen) | Told::Replaced(_, seen) | Told::DeletedOld(seen) => {
            recorded.read(row, seen.map(stamp))
        }
        Told::Deleted if own.is_empty() => recorded.read(row, None),
        Told::Failed(ErrorKind::NotFound, _) => recorded.read(row, None),
        _ => recorded,
    }
}

/// An operation whose request was sent twice: what was not acknowledged is an operation of its own, as
/// it may have been applied at any time.
fn doubled(history: &History, operation: &history::Operation, own: &[Effect]) -> Vec<Operation> {
    let told = operation.outcome.written().map(stamp);
    let is_told = |effect: &&Effect| Some(effect.write.version) == told;
    let (own, copies): (Vec<Effect>, Vec<Effect>) =
        own.iter().copied().partition(|one| is_told(&one));
    let copies = copies.into_iter().map(|effect| {
        let mut recorded = begin(operation, ", or its copy").outcome(Outcome::Unknown);
        recorded.writes.push(effect.write);
        recorded
    });
    let mut all: Vec<Operation> = copies.collect();
    all.push(single(history, operation, &own));
    all
}

/// An operation on several rows, all of it at one instant.
fn several(
    history: &History,
    place: usize,
    operation: &history::Operation,
    own: &[Effect],
) -> Vec<Operation> {
    let mut recorded = begin(operation, "");
    recorded
        .writes
        .extend(own.iter().map(|effect| effect.write));
    let attempts = &history.deeds[&place].attempts;
    let attempt = if own.is_empty() {
        let last = attempts.last();
        match operation.outcome {
            Told::Done => last,
            // It has read, and said no to what it read.
            _ if deeds::told_no(&operation.outcome) => last.filter(|last| last.refused),
            _ => None,
        }
    } else {
        deeds::attempt_of(history, place, &deeds::landed(history, place))
    };
    let Some(attempt) = attempt else {
        return if own.is_empty() {
            Vec::new()
        } else {
            vec![recorded]
        };
    };
    if own.is_empty() {
        recorded.outcome = Outcome::Ok;
    }
    for (row, read) in &attempt.reads {
        recorded = recorded.read(*row, read.map(stamp));
    }
    vec![recorded]
}

/// A row that moves is at both keys for a while: that is two operations, and none on both rows.
fn moved(operation: &history::Operation, own: &[Effect]) -> Vec<Operation> {
    let parts = own.iter().map(|effect| {
        let part = if effect.write.deletes {
            ", the old row"
        } else {
            ", the new row"
        };
        let mut recorded = begin(operation, part);
        recorded.writes.push(effect.write);
        if recorded.outcome == Outcome::Failed {
            // A copy may stay behind: the error says so.
            recorded.outcome = Outcome::Unknown;
        }
        recorded
    });
    parts.collect()
}
