//! Whether what the clients were told agrees with what the store applied.
//!
//! The store applies one write of a row after the other, and every value is written once, so the
//! order of the row's versions is known. A history is linearizable by that order if each write that
//! was acknowledged was applied between its call and its answer and did to the row what it says,
//! and if each answer that only tells of the row was true at some moment between the two. That is
//! what is checked here, row by row; besides, that nothing is applied that was refused, and nothing
//! twice. An operation whose request the network itself sent twice may be applied once for each
//! copy, and may be told of any of them: no client can prevent that.

use s3orm::ErrorKind;

use super::deeds;
use super::history::{Action, COUNTER, History, Landing, Operation, Outcome, Register};
use super::lookups;

/// What must not have happened.
pub fn violations(history: &History) -> Vec<String> {
    let mut found = Vec::new();
    let stamped = history.book.sum().is_some();
    for (place, operation) in history.operations.iter().enumerate() {
        if deeds::is_deed(history, place) {
            continue;
        }
        let row = RowHistory::new(history, operation.id);
        if let Err(what) = row.check(place, operation, stamped) {
            found.push(format!("op {place} {operation:?}: {what}"));
        }
    }
    found.extend(deeds::violations(history));
    found.extend(lookups::violations(history));
    if let Err(what) = counter(history) {
        found.push(what);
    }
    for (id, end) in &history.end {
        let row = RowHistory::new(history, *id);
        if row.before(u64::MAX) != end.as_ref() {
            found.push(format!("row {id} ends as {end:?}, which nobody wrote last"));
        }
    }
    found
}

/// All that was applied to one row.
pub(super) struct RowHistory<'a>(Vec<&'a Landing>);

impl<'a> RowHistory<'a> {
    pub(super) fn new(history: &'a History, id: u64) -> Self {
        let landings = history.landings.iter();
        Self(landings.filter(|landing| landing.id == id).collect())
    }

    /// The row just before a step.
    pub(super) fn before(&self, step: u64) -> Option<&'a Register> {
        let earlier = self.0.partition_point(|landing| landing.step < step);
        self.0[..earlier].last()?.value.as_ref()
    }

    /// Whether the row was such at some moment of an operation.
    pub(super) fn was(&self, during: &Operation, such: impl Fn(Option<u64>) -> bool) -> bool {
        let stamp = |value: Option<&Register>| value.map(|value| value.stamp);
        let within = |landing: &&&Landing| (during.begun..during.ended).contains(&landing.step);
        such(stamp(self.before(during.begun)))
            || (self.0.iter().filter(within)).any(|landing| such(stamp(landing.value.as_ref())))
    }

    fn check(&self, place: usize, operation: &Operation, stamped: bool) -> Result<(), String> {
        if matches!(operation.action, Action::Rekey(_) | Action::LookUp) {
            // It is on two rows, one after the other: `recorded` makes two operations of it. What is
            // looked up is on many, and `lookups` asks of them.
            return Ok(());
        }
        let own = self.0.iter().filter(|landing| landing.operation == place);
        let own: Vec<&Landing> = own.copied().collect();
        for landing in &own {
            self.effect(operation, landing)?;
        }
        self.times(operation, &own, stamped)?;
        self.answer(operation, &own)
    }

    /// A write does to the row what it says.
    fn effect(&self, operation: &Operation, landing: &Landing) -> Result<(), String> {
        let before = self.before(landing.step);
        let fits = match (operation.action, &landing.value) {
            (Action::Get | Action::GetMany, _) => false,
            (Action::Insert | Action::InsertOrNothing | Action::InsertMany | Action::Begin, _) => {
                before.is_none()
            }
            (Action::Update | Action::Save, Some(value)) => before.is_some_and(|before| {
                value.base == Some(before.stamp) && value.count == before.count + 1
            }),
            (Action::Patch, Some(value)) => {
                before.is_some_and(|before| value.count == before.count + 1)
            }
            (Action::DeleteMustExist | Action::DeleteReturningOld, None) => before.is_some(),
            _ => true,
        };
        let what = || format!("applied {:?} over {before:?}", landing.value);
        fits.then_some(()).ok_or_else(what)
    }

    /// How often, and when, it may be applied.
    fn times(&self, operation: &Operation, own: &[&Landing], stamped: bool) -> Result<(), String> {
        let outcome = &operation.outcome;
        let copies = operation.duplicates + 1;
        if own.len() as u64 > copies {
            return Err(format!("applied {} times, sent {copies} times", own.len()));
        }
        let refused = matches!(outcome, Outcome::Failed(..) | Outcome::LeftAlone);
        if refused && !outcome.is_unknown() && operation.duplicates == 0 && !own.is_empty() {
            return Err("refused, and applied".to_owned());
        }
        for pair in own.windows(2) {
            self.not_again(pair[0], pair[1], stamped)?;
        }
        let late = own.iter().any(|landing| {
            // To delete what is not there changes nothing.
            landing.step > operation.ended && self.changes(landing)
        });
        if late && !outcome.is_unknown() {
            return Err("applied after its end".to_owned());
        }
        Ok(())
    }

    fn changes(&self, landing: &Landing) -> bool {
        landing.value.is_some() || self.before(landing.step).is_some()
    }

    /// One operation writes two values only if the trace of the first was gone: an object names the
    /// write that made it and the one before. A stamped row that was replaced once, and looked at by a
    /// transaction since, does not.
    fn not_again(&self, first: &Landing, second: &Landing, stamped: bool) -> Result<(), String> {
        let (Some(one), Some(other)) = (&first.value, &second.value) else {
            return Ok(());
        };
        let between = |landing: &&&Landing| (first.step + 1..second.step).contains(&landing.step);
        let between: Vec<_> = self.0.iter().filter(between).collect();
        let traceable = match between[..] {
            [] => true,
            [next] if !stamped => next.value.as_ref().is_some_and(|next| next.base.is_some()),
            _ => false,
        };
        if (stamped || one.stamp != other.stamp) && traceable {
            return Err("applied again, although the row told of the first time".to_owned());
        }
        Ok(())
    }

    /// What the client was told is true.
    fn answer(&self, operation: &Operation, own: &[&Landing]) -> Result<(), String> {
        let outcome = &operation.outcome;
        if let Some(stamp) = outcome.written() {
            let is = |value: &Register| value.stamp == stamp;
            let landing = own.iter().find(|one| one.value.as_ref().is_some_and(is));
            let landing = landing.ok_or("acknowledged, and not applied")?;
            if let Outcome::Replaced(_, old) = outcome {
                let before = self.before(landing.step).map(|before| before.stamp);
                if before != *old && operation.duplicates == 0 {
                    return Err(format!("told to replace {old:?}, replaced {before:?}"));
                }
            }
        }
        let absent = |operation| self.was(operation, |stamp| stamp.is_none());
        let held = match outcome {
            Outcome::Read(read) => self.was(operation, |stamp| stamp == *read),
            Outcome::Deleted => !own.is_empty() || absent(operation),
            Outcome::DeletedOld(None) | Outcome::Failed(ErrorKind::NotFound, _) => {
                absent(operation)
            }
            Outcome::DeletedOld(Some(old)) => own.iter().any(|landing| {
                self.before(landing.step)
                    .is_some_and(|row| row.stamp == *old)
            }),
            Outcome::LeftAlone | Outcome::Failed(ErrorKind::AlreadyExists, _) => {
                self.was(operation, |stamp| stamp.is_some())
            }
            Outcome::Failed(ErrorKind::Conflict, base) => {
                let changed = |base: &u64| self.was(operation, |stamp| stamp != Some(*base));
                operation.conflicts > 3 || base.as_ref().is_some_and(changed)
            }
            _ => true,
        };
        let what = || "the answer was true at no moment".to_owned();
        held.then_some(()).ok_or_else(what)
    }
}

/// The counter is between what was acknowledged and what may have happened.
fn counter(history: &History) -> Result<(), String> {
    let updates = history.operations.iter();
    let updates = updates.filter(|one| one.id == COUNTER && one.action == Action::Update);
    let (mut sure, mut most) = (0, 0);
    for update in updates {
        let done = u64::from(update.outcome.written().is_some());
        let perhaps = done.max(u64::from(update.outcome.is_unknown()));
        sure += done;
        most += perhaps + update.duplicates;
    }
    let end = history.end.get(&COUNTER).and_then(Option::as_ref);
    match end {
        Some(row) if (sure..=most).contains(&row.count) => Ok(()),
        end => Err(format!(
            "the counter is {end:?}, and {sure} to {most} were counted"
        )),
    }
}
