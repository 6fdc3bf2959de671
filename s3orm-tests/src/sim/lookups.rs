//! Rows that are found by their values, in the world of transactions.
//!
//! A member's values are made from the number of its version, so that every write gives it another
//! city, mostly, and a name that another row may have. The names must differ at every instant: the
//! [`Book`](super::book::Book) asks that after each event. A query by a value promises to find each row
//! that has it from call to answer, and none that did not have it in between; and a write that is
//! refused because a name is taken, that it was.

use s3orm::store::ListObjects;
use s3orm::{ErrorKind, Result, S3Schema, Table};
use serde::{Deserialize, Serialize};

use super::check::RowHistory;
use super::history::{Action, COUNTER, History, Operation, Outcome, locked};
use super::workload::World;

/// Cities that there are.
const CITIES: u64 = 3;
/// Names that there are, for up to six rows.
const NAMES: u64 = 16;

/// A register in a table with transactions, indexes and a unique column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "members", path = "<id>", transactional)]
#[allow(missing_docs)] // The columns are those of a register.
pub struct Member {
    pub id: u64,
    pub stamp: u64,
    pub base: Option<u64>,
    pub count: u64,
    pub balance: u64,
    /// Many rows may be in one.
    #[s3(index)]
    pub city: u64,
    /// No two rows have the same.
    #[s3(unique)]
    pub name: u64,
}

/// The city of a version.
pub(super) fn city(stamp: u64) -> u64 {
    // Other than the names' order, so that the one says nothing of the other.
    stamp / 2 % CITIES
}

/// The name of a version.
pub(super) fn name(stamp: u64) -> u64 {
    stamp % NAMES
}

/// What is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// All rows of a city.
    City(u64),
    /// The row of a name.
    Name(u64),
}

impl By {
    fn has(self, stamp: u64) -> bool {
        match self {
            Self::City(wanted) => city(stamp) == wanted,
            Self::Name(wanted) => name(stamp) == wanted,
        }
    }
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Lookup {
    place: usize,
    by: By,
    /// Rows, with the numbers of their values.
    found: Vec<(u64, u64)>,
}

impl World {
    /// Looks up rows by one of their values.
    pub(super) async fn look_up(&self, client: u64) {
        let by = if self.dice.permille(500) {
            By::City(self.dice.below(CITIES))
        } else {
            By::Name(self.dice.below(NAMES))
        };
        self.look_up_by(client, by, true).await;
    }

    async fn look_up_by(&self, client: u64, by: By, faults: bool) {
        let place = locked(&self.history).begin(client, Action::LookUp, COUNTER);
        let (db, crashed) = self.connect(place, faults);
        let outcome = match found(&db.table(), by).await {
            Ok(rows) => {
                let found = rows.iter().map(|row| (row.id, row.stamp)).collect();
                let mut history = locked(&self.history);
                history.event(format_args!("op {place}: {by:?} is {found:?}"));
                history.lookups.push(Lookup { place, by, found });
                Outcome::Done
            }
            Err(error) => Outcome::Failed(error.kind(), None),
        };
        self.end(place, outcome, crashed());
    }

    /// After all: every row is found by its values, and nothing is left that no row agrees with.
    pub(super) async fn clean_indexes(&self) {
        let cities = (0..CITIES).map(By::City);
        for by in cities.chain((0..NAMES).map(By::Name)) {
            self.look_up_by(0, by, false).await;
        }
        let place = locked(&self.history).begin(0, Action::Repair, COUNTER);
        let members = self.connect(place, false).0.table::<Member>();
        let blame = |what: String| locked(&self.history).book.blame(what);
        let repaired = members.repair().await;
        let repaired = repaired.expect("nothing goes wrong any more");
        if !repaired.is_clean() {
            blame(format!("could not be repaired: {repaired:?}"));
        }
        let verified = members.verify().await;
        let verified = verified.expect("nothing goes wrong any more");
        let rows = locked(&self.history).book.rows().len();
        if verified.found > 0 || verified.entries != 2 * rows as u64 {
            blame(format!("{rows} rows have been verified as {verified:?}"));
        }
        for folder in ["_s3orm/ix/members/", "_s3orm/uq/members/"] {
            let request = ListObjects {
                prefix: folder.to_owned(),
                ..ListObjects::default()
            };
            let all = self.store.list(request).await;
            let all = all.expect("a store in memory lists").objects;
            if all.len() != rows {
                blame(format!("there are {rows} rows, and in {folder} is {all:?}"));
            }
        }
        locked(&self.history).end(place, Outcome::Done);
    }
}

async fn found(members: &Table<Member>, by: By) -> Result<Vec<Member>> {
    match by {
        By::City(city) => members.query().by(Member::INDEX.city).at(city).all().await,
        By::Name(name) => {
            let row = members.get_by(Member::UNIQUE.name, name).await?;
            Ok(row.into_iter().collect())
        }
    }
}

/// What must not have happened.
pub(super) fn violations(history: &History) -> Vec<String> {
    let wrong = history.lookups.iter().filter_map(|lookup| {
        let what = check(history, lookup).err()?;
        Some(format!("op {}: {lookup:?}: {what}", lookup.place))
    });
    let operations = history.operations.iter().enumerate();
    let refused = operations.filter(|(place, operation)| {
        let violation = Outcome::Failed(ErrorKind::UniqueViolation, None);
        operation.outcome == violation && !was_taken(history, *place, operation)
    });
    let refused = refused.map(|(place, operation)| {
        format!("op {place} {operation:?}: the name was free from call to answer")
    });
    wrong.chain(refused).collect()
}

fn check(history: &History, lookup: &Lookup) -> Result<(), String> {
    let operation = &history.operations[lookup.place];
    let rows = history.end.keys();
    for id in rows {
        let row = RowHistory::new(history, *id);
        let found = lookup.found.iter().filter(|(found, _)| found == id);
        let mut found = found.map(|(_, stamp)| *stamp);
        match (found.next(), found.next()) {
            (_, Some(_)) => return Err(format!("row {id} was found twice")),
            (Some(stamp), _) => {
                let was = row.was(operation, |now| now == Some(stamp));
                if !was || !lookup.by.has(stamp) {
                    return Err(format!("row {id} was not such at any moment"));
                }
            }
            (None, _) => {
                let had_not = |now: Option<u64>| now.is_none_or(|stamp| !lookup.by.has(stamp));
                if !row.was(operation, had_not) {
                    return Err(format!("row {id} was such all the time, and not found"));
                }
            }
        }
    }
    Ok(())
}

/// Whether a name that the operation wanted was another row's at some moment, or wanted twice by itself.
fn was_taken(history: &History, place: usize, operation: &Operation) -> bool {
    let drawn = history.drawn.get(&place).into_iter().flatten();
    let mut wanted: Vec<(u64, u64)> = drawn.map(|stamp| (operation.id, *stamp)).collect();
    if let Some(deed) = history.deeds.get(&place) {
        let writes = deed.attempts.iter().flat_map(|attempt| &attempt.writes);
        wanted = writes
            .filter_map(|(id, write)| Some((*id, write.stamp()?)))
            .collect();
    }
    let of_others = |(id, stamp): &(u64, u64)| {
        let mut others = history.end.keys().filter(|other| *other != id);
        let taken = |now: Option<u64>| now.is_some_and(|now| name(now) == name(*stamp));
        others.any(|other| RowHistory::new(history, *other).was(operation, taken))
            || wanted
                .iter()
                .any(|(other, also)| other != id && name(*also) == name(*stamp))
    };
    wanted.iter().any(of_others)
}
