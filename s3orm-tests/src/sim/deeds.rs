//! What transactions and snapshots have asked for, and whether that is what happened.

use std::collections::BTreeMap;

use s3orm::ErrorKind;

use super::check::RowHistory;
use super::history::{Action, History, Landing, Operation, Outcome};

/// An operation over several rows, with each run of its closure.
#[derive(Debug, Clone, Default)]
pub struct Deed {
    /// In their order.
    pub attempts: Vec<Attempt>,
}

/// One run of a closure.
#[derive(Debug, Clone, Default)]
pub struct Attempt {
    /// The rows that were read, with their values' numbers.
    pub reads: Vec<(u64, Option<u64>)>,
    /// What is to be done to which rows.
    pub writes: BTreeMap<u64, Write>,
    /// Rows that must be there.
    pub checks: Vec<u64>,
    /// The balances of all rows, where they were all read.
    pub sum: Option<u64>,
    /// Whether the closure itself said no.
    pub refused: bool,
}

/// What is to be done to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// This value, where no row is.
    Insert(u64),
    /// This value, whatever is there.
    Put(u64),
    /// This value, of a row that is there.
    Change(u64),
    /// No row any more.
    Delete,
    /// The same, of a row that is there.
    DeleteMustExist,
}

impl Write {
    pub(super) fn stamp(self) -> Option<u64> {
        match self {
            Self::Insert(stamp) | Self::Put(stamp) | Self::Change(stamp) => Some(stamp),
            Self::Delete | Self::DeleteMustExist => None,
        }
    }
}

/// Whether an operation is over several rows at one instant.
pub(super) fn is_deed(history: &History, place: usize) -> bool {
    history.deeds.contains_key(&place)
}

/// What an operation did, all of it at one step.
pub(super) fn landed(history: &History, place: usize) -> Vec<&Landing> {
    let own = history.landings.iter().filter(|one| one.operation == place);
    own.collect()
}

/// What must not have happened.
pub(super) fn violations(history: &History) -> Vec<String> {
    let mut found = Vec::new();
    for &place in history.deeds.keys() {
        let operation = &history.operations[place];
        if let Err(what) = check(history, place, operation) {
            found.push(format!("op {place} {operation:?}: {what}"));
        }
    }
    found.extend(tokens(history));
    found.extend(history.book.wrong().iter().cloned());
    found
}

fn check(history: &History, place: usize, operation: &Operation) -> Result<(), String> {
    let own = landed(history, place);
    let unknown = operation.outcome.is_unknown();
    let Some(first) = own.first() else {
        return untouched(history, place, operation);
    };
    if own.iter().any(|landing| landing.step != first.step) {
        return Err("it took effect twice".to_owned());
    }
    if matches!(operation.outcome, Outcome::Failed(..)) && !unknown {
        return Err("refused, and applied".to_owned());
    }
    if first.step > operation.ended && !unknown {
        return Err("applied after its end".to_owned());
    }
    let attempt = attempt_of(history, place, &own);
    let attempt = attempt.ok_or_else(|| format!("nobody asked for {own:?}"))?;
    requirements(history, attempt, first.step)
}

/// The attempt that asked for these changes.
pub(super) fn attempt_of<'a>(
    history: &'a History,
    place: usize,
    own: &[&Landing],
) -> Option<&'a Attempt> {
    let stamps: BTreeMap<u64, Option<u64>> = own
        .iter()
        .map(|one| (one.id, one.value.as_ref().map(|value| value.stamp)))
        .collect();
    let asked = |attempt: &&Attempt| {
        let writes = attempt.writes.iter();
        stamps.iter().all(|(id, stamp)| {
            let write = attempt.writes.get(id);
            write.is_some_and(|write| write.stamp() == *stamp)
        }) && (writes.clone()).all(|(id, write)| write.stamp().is_none() || stamps.contains_key(id))
    };
    let attempts = &history.deeds.get(&place)?.attempts;
    attempts.iter().rev().find(asked)
}

/// What an attempt depends on was so when it counted.
fn requirements(history: &History, attempt: &Attempt, step: u64) -> Result<(), String> {
    let before = |id: u64| {
        let row = RowHistory::new(history, id).before(step);
        row.map(|row| row.stamp)
    };
    for (id, read) in &attempt.reads {
        let now = before(*id);
        if now != *read {
            return Err(format!("read row {id} as {read:?}, and it was {now:?}"));
        }
    }
    for id in &attempt.checks {
        before(*id).ok_or_else(|| format!("checked row {id}, which was not there"))?;
    }
    for (id, write) in &attempt.writes {
        let fits = match write {
            Write::Insert(_) => before(*id).is_none(),
            Write::Change(_) | Write::DeleteMustExist => before(*id).is_some(),
            Write::Put(_) | Write::Delete => true,
        };
        if !fits {
            return Err(format!("{write:?} over {:?}", before(*id)));
        }
    }
    Ok(())
}

/// An operation that has changed nothing.
fn untouched(history: &History, place: usize, operation: &Operation) -> Result<(), String> {
    let attempts = &history.deeds[&place].attempts;
    let Some(last) = attempts.last() else {
        return Ok(());
    };
    let unsure = Outcome::Failed(ErrorKind::OutcomeUnknown, None);
    if operation.action == Action::Snapshot && operation.outcome == unsure {
        return Err("a read has no unknown outcome".to_owned());
    }
    let refused = last.refused && told_no(&operation.outcome);
    match operation.outcome {
        Outcome::Done | Outcome::Moved(_) => {
            if last.writes.values().any(|write| write.stamp().is_some()) {
                return Err("acknowledged, and not applied".to_owned());
            }
        }
        Outcome::Failed(kind, _) => {
            possible(history, last, kind, operation)?;
            if !refused {
                return Ok(());
            }
        }
        _ => return Ok(()),
    }
    if last.sum.is_some_and(|sum| Some(sum) != history.book.sum()) {
        return Err(format!("the sum was {:?}", last.sum));
    }
    let within = |landing: &&Landing| (operation.begun..operation.ended).contains(&landing.step);
    let moments = history.landings.iter().filter(within);
    let mut moments = moments.map(|one| one.step + 1).chain([operation.begun]);
    let rows: Vec<_> = last.reads.iter().collect();
    let so = |step| {
        rows.iter().all(|(id, read)| {
            let row = RowHistory::new(history, *id).before(step);
            row.map(|row| row.stamp) == *read
        })
    };
    if moments.any(so) {
        return Ok(());
    }
    Err(format!("read what was at no instant: {:?}", last.reads))
}

pub(super) fn told_no(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failed(ErrorKind::Cancelled, _))
}

/// What it was refused for was so, at one row, at some moment.
fn possible(
    history: &History,
    attempt: &Attempt,
    kind: ErrorKind,
    operation: &Operation,
) -> Result<(), String> {
    let rows = |such: fn(&Write) -> bool| {
        let writes = attempt.writes.iter().filter(move |(_, write)| such(write));
        writes.map(|(id, _)| *id)
    };
    let was = |id: u64, there: bool| {
        let row = RowHistory::new(history, id);
        row.was(operation, |stamp| stamp.is_some() == there)
    };
    let so = match kind {
        ErrorKind::AlreadyExists => {
            let mut inserts = rows(|write| matches!(write, Write::Insert(_)));
            inserts.any(|id| was(id, true))
        }
        ErrorKind::NotFound => {
            let changes = rows(|write| matches!(write, Write::Change(_) | Write::DeleteMustExist));
            let mut rows = changes.chain(attempt.checks.iter().copied());
            rows.any(|id| was(id, false))
        }
        _ => true,
    };
    so.then_some(())
        .ok_or_else(|| "the refusal was true at no moment".to_owned())
}

/// What is asked for under one token is done once, and was if somebody was told so.
fn tokens(history: &History) -> Vec<String> {
    let mut tokens: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (place, operation) in history.operations.iter().enumerate() {
        if let Action::Once(token) = operation.action {
            tokens.entry(token).or_default().push(place);
        }
    }
    let mut found = Vec::new();
    for (token, places) in tokens {
        let done = places
            .iter()
            .filter_map(|place| Some(landed(history, *place).first()?.step));
        let done: Vec<u64> = done.collect();
        if done.len() > 1 {
            found.push(format!("token {token} was used at {done:?}"));
        }
        for place in places {
            let operation = &history.operations[place];
            let told = matches!(operation.outcome, Outcome::Done | Outcome::DoneBefore);
            if told && done.first().is_none_or(|step| *step > operation.ended) {
                found.push(format!(
                    "op {place}: token {token} was not done, and told to be"
                ));
            }
        }
    }
    found
}
