//! The order of each row's versions, and what must not be in it.

use std::collections::BTreeMap;

use super::check::{Anomaly, Kind};
use super::{Operation, Outcome, Read, Row, Version};

/// A state that a row had: a version, or nothing yet.
pub(super) type State = (Row, Option<Version>);

/// Who wrote what, over what, as far as it took effect.
#[derive(Debug)]
pub(super) struct Order<'a> {
    pub(super) operations: &'a [Operation],
    /// Whether an operation took effect, as its place among them.
    pub(super) effective: Vec<bool>,
    writers: BTreeMap<(Row, Version), usize>,
    /// What replaced a state; more than one only where that is an anomaly.
    next: BTreeMap<State, Vec<(Version, usize)>>,
    absences: BTreeMap<Row, Absences>,
    /// The first beginning of a deletion of unknown outcome of a row's last known version: who sees
    /// the absence does not see whose it is.
    perhaps_deleted: BTreeMap<Row, u64>,
}

/// The times at which a row was absent, in their order.
#[derive(Debug, Default)]
struct Absences {
    states: Vec<Option<Version>>,
    /// The latest moment at which each, or one before it, may have ended.
    latest_end: Vec<u64>,
    /// The earliest moment at which each, or one after it, may have begun.
    earliest_begin: Vec<u64>,
}

impl<'a> Order<'a> {
    pub(super) fn new(operations: &'a [Operation], found: &mut Vec<Anomaly>) -> Self {
        let (writers, mut twice) = writers(operations);
        let mut order = Self {
            operations,
            effective: effective(operations, &writers),
            writers,
            next: BTreeMap::new(),
            absences: BTreeMap::new(),
            perhaps_deleted: BTreeMap::new(),
        };
        twice.retain(|&(one, other, ..)| order.effective[one] && order.effective[other]);
        for (one, other, row, version) in twice {
            let words = format!(
                "{version} of row {row} was written by {} and again by {}",
                order.name(one),
                order.name(other)
            );
            found.push(Anomaly::new(Kind::DuplicateEffect, words, [one, other]));
        }
        for place in order.effective_places() {
            order.follow(place);
            order.look_at_writes(place, found);
            order.look_at_reads(place, found);
        }
        order.forks(found);
        order.loops(found);
        order.find_absences();
        order.find_deletions();
        order
    }

    pub(super) fn effective_places(&self) -> impl Iterator<Item = usize> + use<> {
        let places: Vec<usize> = (0..self.effective.len())
            .filter(|&place| self.effective[place])
            .collect();
        places.into_iter()
    }

    /// An operation, for reports.
    pub(super) fn name(&self, place: usize) -> String {
        format!("op {place} ({})", self.operations[place].name)
    }

    pub(super) fn writer(&self, row: Row, version: Version) -> Option<usize> {
        self.writers.get(&(row, version)).copied()
    }

    /// What replaced a state, and who.
    pub(super) fn next(&self, state: State) -> &[(Version, usize)] {
        self.next.get(&state).map_or(&[], Vec::as_slice)
    }

    /// The first and the last of the absences that a read may have seen, where that is certain.
    pub(super) fn absences(&self, read: Read, by: &Operation) -> [Option<State>; 2] {
        let absences = self.absences.get(&read.row);
        let states = absences.map_or(&[None][..], |absences| &absences.states);
        let own = by.writes.iter().find(|write| write.row == read.row);
        if let Some(own) = own
            && states.contains(&own.over)
        {
            return [Some((read.row, own.over)); 2];
        }
        let ended = end_of(by);
        let (passed, begun) = absences.map_or((0, 1), |absences| {
            (
                (absences.latest_end).partition_point(|end| *end < by.invoked),
                (absences.earliest_begin).partition_point(|begin| *begin <= ended),
            )
        });
        let state = |place: usize| Some((read.row, states[place]));
        let perhaps = self.perhaps_deleted.get(&read.row);
        if perhaps.is_some_and(|deletion| *deletion <= ended) {
            // It comes after all that is known.
            let first = (passed < begun).then(|| state(passed)).flatten();
            return [first, None];
        }
        // If there was none during the read, it is one before or after it that makes a circle.
        let last = begun.clamp(1, states.len()) - 1;
        [state(passed.min(last)), state(last)]
    }

    /// Notes what an operation's writes replaced.
    fn follow(&mut self, place: usize) {
        for write in &self.operations[place].writes {
            let next = self.next.entry((write.row, write.over)).or_default();
            if !next.contains(&(write.version, place)) {
                next.push((write.version, place));
            }
        }
    }

    /// Writes of one row in one operation are one after the other, or it took effect twice.
    fn look_at_writes(&self, place: usize, found: &mut Vec<Anomaly>) {
        let operation = &self.operations[place];
        for write in &operation.writes {
            let others = operation.writes.iter().filter(|other| {
                other.row == write.row && (other.version, other.over) != (write.version, write.over)
            });
            let replaced = |by: &&super::Write| by.over == Some(write.version);
            let last = !others.clone().any(|other| replaced(&other));
            let first = !others
                .clone()
                .any(|other| write.over == Some(other.version));
            let read_itself = operation.reads.contains(&Read {
                row: write.row,
                version: Some(write.version),
            });
            if read_itself || others.count() > 0 && last && first {
                let words = format!(
                    "{} wrote {} of row {}, and then took it for another's",
                    self.name(place),
                    write.version,
                    write.row
                );
                found.push(Anomaly::new(Kind::DuplicateEffect, words, [place]));
                return;
            }
        }
        for write in &operation.writes {
            let Some(over) = write.over else { continue };
            self.look_at(place, "wrote over", write.row, over, found);
        }
    }

    fn look_at_reads(&self, place: usize, found: &mut Vec<Anomaly>) {
        for read in &self.operations[place].reads {
            let Some(version) = read.version else {
                continue;
            };
            self.look_at(place, "read", read.row, version, found);
            let writer = self.writer(read.row, version);
            let Some(writer) = writer.filter(|writer| *writer != place) else {
                continue;
            };
            let own = &self.operations[writer].writes;
            if own
                .iter()
                .any(|write| write.row == read.row && write.over == Some(version))
            {
                let words = format!(
                    "{} read {version} of row {}, which {} itself replaced",
                    self.name(place),
                    read.row,
                    self.name(writer)
                );
                found.push(Anomaly::new(Kind::G1b, words, [place, writer]));
            }
        }
    }

    /// A version that an operation saw was written, and not by one that failed.
    fn look_at(&self, place: usize, did: &str, row: Row, version: Version, to: &mut Vec<Anomaly>) {
        let name = self.name(place);
        match self.writer(row, version) {
            None => {
                let words = format!("{name} {did} {version} of row {row}, which nobody wrote");
                to.push(Anomaly::new(Kind::NeverWritten, words, [place]));
            }
            Some(writer) if self.operations[writer].outcome == Outcome::Failed => {
                let words = format!(
                    "{name} {did} {version} of row {row}, by {}, which failed",
                    self.name(writer)
                );
                to.push(Anomaly::new(Kind::G1a, words, [place, writer]));
            }
            Some(_) => {}
        }
    }

    /// A version is replaced once.
    fn forks(&self, found: &mut Vec<Anomaly>) {
        for (&(row, over), next) in &self.next {
            let [(one, by), (other, another), ..] = next[..] else {
                continue;
            };
            if by == another {
                continue;
            }
            let read = Read { row, version: over };
            let has_read = |place: usize| self.operations[place].reads.contains(&read);
            let lost = has_read(by) && has_read(another);
            let state = over.map_or("the absence".to_owned(), |over| over.to_string());
            let words = format!(
                "{state} of row {row} was replaced by {one} of {} and by {other} of {}",
                self.name(by),
                self.name(another)
            );
            let kind = if lost {
                Kind::LostUpdate
            } else {
                Kind::IncompatibleOrder
            };
            found.push(Anomaly::new(kind, words, [by, another]));
        }
    }

    /// Versions come one after the other, and not round and round.
    fn loops(&self, found: &mut Vec<Anomaly>) {
        let over: BTreeMap<(Row, Version), State> = self
            .next
            .iter()
            .flat_map(|(state, next)| {
                next.iter()
                    .map(|(version, _)| ((state.0, *version), *state))
            })
            .collect();
        let mut seen: BTreeMap<(Row, Version), usize> = BTreeMap::new();
        for (walk, start) in over.keys().enumerate() {
            let mut at = *start;
            loop {
                if let Some(earlier) = seen.insert(at, walk) {
                    if earlier == walk
                        && let Some(writer) = self.writer(at.0, at.1)
                    {
                        let words = format!("{} of row {} is its own predecessor", at.1, at.0);
                        found.push(Anomaly::new(Kind::IncompatibleOrder, words, [writer]));
                    }
                    break;
                }
                match over.get(&at) {
                    Some((row, Some(version))) => at = (*row, *version),
                    _ => break,
                }
            }
        }
    }

    fn find_absences(&mut self) {
        let mut deleted: BTreeMap<Row, Vec<Version>> = BTreeMap::new();
        for place in self.effective_places() {
            for write in self.operations[place]
                .writes
                .iter()
                .filter(|write| write.deletes)
            {
                deleted.entry(write.row).or_default().push(write.version);
            }
        }
        for (row, deleted) in deleted {
            self.absences.insert(row, self.absences_of(row, &deleted));
        }
    }

    fn find_deletions(&mut self) {
        for (place, operation) in self.operations.iter().enumerate() {
            if self.effective[place] || operation.outcome != Outcome::Unknown {
                continue;
            }
            for write in &operation.writes {
                if write.deletes && self.next((write.row, write.over)).is_empty() {
                    let begun = self.perhaps_deleted.entry(write.row).or_insert(u64::MAX);
                    *begun = operation.invoked.min(*begun);
                }
            }
        }
    }

    /// Along the row's versions from the first one on; it ends where they fork or go round.
    fn absences_of(&self, row: Row, deleted: &[Version]) -> Absences {
        let deleted: std::collections::BTreeSet<Version> = deleted.iter().copied().collect();
        let mut absences = Absences::default();
        let (mut begins, mut ends) = (Vec::new(), Vec::new());
        let (mut at, mut left) = (None, self.writers.len() + 1);
        loop {
            let next = self.next((row, at)).first().copied();
            if at.is_none_or(|at| deleted.contains(&at)) {
                let writer = at.and_then(|at| self.writer(row, at));
                absences.states.push(at);
                begins.push(writer.map_or(0, |writer| self.operations[writer].invoked));
                ends.push(next.map_or(u64::MAX, |(_, by)| end_of(&self.operations[by])));
            }
            left -= 1;
            match next {
                Some((version, _)) if left > 0 => at = Some(version),
                _ => break,
            }
        }
        let mut latest = 0;
        for end in &ends {
            latest = latest.max(*end);
            absences.latest_end.push(latest);
        }
        let mut earliest = u64::MAX;
        for begin in begins.iter_mut().rev() {
            earliest = earliest.min(*begin);
            *begin = earliest;
        }
        absences.earliest_begin = begins;
        absences
    }
}

/// When an operation must have taken effect.
fn end_of(operation: &Operation) -> u64 {
    match operation.outcome {
        Outcome::Unknown => u64::MAX,
        _ => operation.responded,
    }
}

/// Who wrote each version; and versions that were written twice, by whom.
type Twice = Vec<(usize, usize, Row, Version)>;

fn writers(operations: &[Operation]) -> (BTreeMap<(Row, Version), usize>, Twice) {
    let (mut writers, mut twice) = (BTreeMap::new(), Vec::new());
    for (place, operation) in operations.iter().enumerate() {
        for write in &operation.writes {
            if let Some(other) = writers.insert((write.row, write.version), place) {
                twice.push((other, place, write.row, write.version));
            }
        }
    }
    (writers, twice)
}

/// Those that succeeded, and those of which somebody saw something.
fn effective(operations: &[Operation], writers: &BTreeMap<(Row, Version), usize>) -> Vec<bool> {
    let mut effective = vec![false; operations.len()];
    let all = 0..operations.len();
    let mut work: Vec<usize> = all
        .filter(|&place| operations[place].outcome == Outcome::Ok)
        .collect();
    while let Some(place) = work.pop() {
        if std::mem::replace(&mut effective[place], true) {
            continue;
        }
        let operation = &operations[place];
        let read = operation.reads.iter().map(|read| (read.row, read.version));
        let over = operation.writes.iter().map(|write| (write.row, write.over));
        for (row, version) in read.chain(over) {
            let writer = version.and_then(|version| writers.get(&(row, version)));
            work.extend(
                writer
                    .copied()
                    .filter(|&seen| operations[seen].outcome == Outcome::Unknown),
            );
        }
    }
    effective
}
