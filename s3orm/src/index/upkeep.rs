//! What one write of one row does to the indexes of its table, around the write itself.
//!
//! For a row that goes from the value `a` to `b`, in this order (rule IX: a row has a value, so its
//! entry exists):
//!
//! 0. The row was read. The entry of `a` is read, for its tag.
//! 1. The entry of `b` is put, on what is there and with a new stamp; the claim on `b` is taken.
//! 2. The row is written on what was read: that is when it counts.
//! 3. The entry of `a` is deleted at the tag of 0, and so is the claim on `a`.
//!
//! A client that ends anywhere leaves entries and claims that no row agrees with: dead ones, which
//! cost who finds them a read and mislead nobody. A row that was not written in the end has what was
//! put for it taken back, where it was not there before.

use futures_util::future::join_all;

use super::claim;
use super::handle::IndexSchema;
use super::layout::{Fact, Facts, object_key};
use super::object::{Made, add_entry, look, put, remove};
use crate::env::Instant;
use crate::error::Result;
use crate::schema::S3Schema;
use crate::stamp::{DEADLINE, seen};
use crate::store::ETag;
use crate::table::Table;

/// The state of one row's write.
pub(crate) struct Upkeep<T> {
    table: Table<T>,
    /// The path of the row.
    path: String,
    began: Option<Instant>,
    /// What was put, by the index.
    made: Vec<(usize, Made)>,
    /// What is removed once the row is written.
    removals: Vec<(String, ETag)>,
    /// The entries whose columns are written anew once the row is.
    refreshed: Vec<Refresh>,
    /// Values of unique indexes that other rows of the same transaction give up, with their paths.
    given_up: Vec<(usize, String, String)>,
}

/// An entry that stays, and whose columns change.
struct Refresh {
    number: usize,
    key: String,
    etag: Option<ETag>,
    fact: Fact,
}

/// What is done before the row is written.
enum Prepared {
    Made(usize, Made),
    Removal(Option<(String, ETag)>),
    Refresh(Refresh),
}

impl<T: S3Schema> Upkeep<T> {
    /// Of the row at an object's key.
    pub(crate) fn new(table: &Table<T>, object: &str) -> Self {
        let path = object.strip_prefix(table.folder()).unwrap_or(object);
        Self {
            table: table.clone(),
            path: path.to_owned(),
            began: None,
            made: Vec::new(),
            removals: Vec::new(),
            refreshed: Vec::new(),
            given_up: Vec::new(),
        }
    }

    /// Says that the row at another path gives this value up in the same transaction: then its claim
    /// names both, and either way the one that has the value is named.
    pub(crate) fn takes_from(&mut self, number: usize, values: String, path: String) {
        self.given_up.push((number, values, path));
    }

    /// The rows that a claim on a value is to name.
    fn claimants(&self, number: usize, values: &str) -> Vec<String> {
        let given = self.given_up.iter();
        let given = given.filter(|(of, value, _)| *of == number && value == values);
        let given = given.map(|(_, _, path)| path.clone());
        given.chain([self.path.clone()]).collect()
    }

    /// The path of the row.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn table(&self) -> &Table<T> {
        &self.table
    }

    fn key(&self, number: usize, values: &str) -> Result<String> {
        let index = &T::SCHEMA.indexes[number];
        object_key(self.table.db(), T::SCHEMA.table, index, values, &self.path)
    }

    /// Steps 0 and 1, for a row that was read with the one and is to be written with the other.
    /// `version` is that of the write.
    ///
    /// # Errors
    /// [`UniqueViolation`](crate::ErrorKind::UniqueViolation), [`InvalidKey`](crate::ErrorKind::InvalidKey)
    /// before any request, and those of the connection. The row must not be written then.
    ///
    /// Cost: for each index whose value changes 1 PUT and 1 GET, of a unique one 2 GETs; nothing
    /// for one whose value stays.
    pub(crate) async fn before(&mut self, old: &Facts, new: &Facts, version: &str) -> Result<()> {
        self.began = Some(self.table.db().env().instant());
        let changes = self.changes(old, new)?;
        // Claims first: where one is refused, no entry is put in vain.
        let (unique, plain): (Vec<_>, Vec<_>) = changes.into_iter().partition(Change::takes_claim);
        let unique = join_all(
            unique
                .into_iter()
                .map(|change| self.prepare(change, version)),
        );
        let unique = unique.await;
        self.note(unique)?;
        let plain = join_all(
            plain
                .into_iter()
                .map(|change| self.prepare(change, version)),
        );
        let plain = plain.await;
        self.note(plain)
    }

    fn note(&mut self, prepared: Vec<Result<Prepared>>) -> Result<()> {
        let mut failed = None;
        for one in prepared {
            match one {
                Ok(Prepared::Made(number, made)) => self.made.push((number, made)),
                Ok(Prepared::Removal(removal)) => self.removals.extend(removal),
                Ok(Prepared::Refresh(refresh)) => self.refreshed.push(refresh),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// What changes, with keys that are known to be short enough.
    fn changes(&self, old: &Facts, new: &Facts) -> Result<Vec<Change>> {
        let mut changes = Vec::new();
        let may_miss = old.are_of_old;
        for (number, index) in T::SCHEMA.indexes.iter().enumerate() {
            let (old, new) = (old.get(number), new.get(number));
            let same = |old: &Fact, new: &Fact| old.values == new.values;
            match (old, new) {
                // An older version of the program may have had something else there.
                (Some(old), Some(new)) if same(old, new) && may_miss => {
                    let key = self.key(number, &new.values)?;
                    changes.push(Change::Add(number, index, key, new.clone()));
                    continue;
                }
                (Some(old), Some(new)) if same(old, new) => {
                    if old.columns != new.columns {
                        let key = self.key(number, &new.values)?;
                        changes.push(Change::Refresh(number, key, new.clone()));
                    }
                    continue;
                }
                _ => {}
            }
            if let Some(new) = new {
                let key = self.key(number, &new.values)?;
                changes.push(Change::Add(number, index, key, new.clone()));
            }
            if let Some(old) = old {
                let key = self.key(number, &old.values)?;
                changes.push(Change::Remove(index, key));
            }
        }
        Ok(changes)
    }

    async fn prepare(&self, change: Change, version: &str) -> Result<Prepared> {
        let db = self.table.db();
        match change {
            Change::Add(number, index, key, fact) => {
                let made = if index.unique {
                    let rows = self.claimants(number, &fact.values);
                    claim::take(&self.table, number, &fact.values, &rows).await
                } else {
                    add_entry(db, &key, version, &fact.columns).await
                };
                made.map(|made| Prepared::Made(number, made))
            }
            Change::Remove(index, key) if index.unique => {
                let claim = claim::read(db, &key).await?;
                let own = claim.filter(|claim| claim.body.pks == [&*self.path]);
                Ok(Prepared::Removal(own.map(|claim| (key, claim.etag))))
            }
            Change::Remove(_, key) => {
                let found = look(db, &key).await?;
                Ok(Prepared::Removal(found.map(|found| (key, found.etag))))
            }
            Change::Refresh(number, key, fact) => {
                let etag = look(db, &key).await?.map(|found| found.etag);
                Ok(Prepared::Refresh(Refresh {
                    number,
                    key,
                    etag,
                    fact,
                }))
            }
        }
    }

    /// Whether the row may no longer be written: who repairs the index may take what was put for dead.
    pub(crate) fn is_late(&self) -> bool {
        let now = self.table.db().env().instant();
        self.began
            .is_some_and(|began| now.duration_since(began) >= DEADLINE)
    }

    /// The row was certainly not written. What was put for it is taken back, where it was not there
    /// before and the row, as it is now, has it not.
    ///
    /// Cost: 1 DELETE for each PUT.
    pub(crate) async fn undo(&mut self, now: &Facts) {
        self.began = None;
        self.removals.clear();
        self.refreshed.clear();
        let mut made = std::mem::take(&mut self.made);
        made.retain(|(number, made)| {
            let kept = now
                .values(*number)
                .and_then(|values| self.key(*number, values).ok());
            made.fresh && kept.as_ref() != Some(&made.key)
        });
        let db = self.table.db();
        join_all(
            made.into_iter()
                .map(|(_, made)| remove(db, made.key, made.etag)),
        )
        .await;
    }

    /// Step 3: the row is written.
    ///
    /// Cost: 1 DELETE for each value that is gone.
    pub(crate) async fn after(&mut self, version: &str) {
        let (removals, refreshed) = (
            std::mem::take(&mut self.removals),
            std::mem::take(&mut self.refreshed),
        );
        self.made.clear();
        let db = self.table.db();
        let removals = removals
            .into_iter()
            .map(|(key, etag)| remove(db, key, etag));
        let refreshed = refreshed
            .into_iter()
            .map(|refresh| self.refresh(refresh, version));
        futures_util::future::join(join_all(removals), join_all(refreshed)).await;
    }

    /// Writes the columns of an entry anew. It is after the row, so that an entry which is there
    /// never tells of what was not written; who comes in between writes them once more.
    async fn refresh(&self, mut refresh: Refresh, version: &str) {
        let db = self.table.db();
        let mut version = version.to_owned();
        for _ in 0..3 {
            let body =
                |stamp: &str| super::layout::entry_body(stamp, &version, &refresh.fact.columns);
            let sent = put(db, &refresh.key, refresh.etag.as_ref(), body).await;
            if matches!(sent, Ok(Ok(_))) {
                return;
            }
            match self.look_again(&mut refresh).await {
                Ok(Some(now)) => version = now,
                Ok(None) => return,
                Err(error) => {
                    let key = &refresh.key;
                    tracing::debug!(key, %error, "an entry's columns stay behind");
                    return;
                }
            }
        }
    }

    /// Reads an entry and then its row, as it is now; the row's version, unless it has left the
    /// entry.
    async fn look_again(&self, refresh: &mut Refresh) -> Result<Option<String>> {
        let db = self.table.db();
        let Some(found) = look(db, &refresh.key).await? else {
            return Ok(None);
        };
        refresh.etag = Some(found.etag);
        let object = format!("{}{}", self.table.folder(), self.path);
        let seen = seen::look(db, &object).await?;
        let facts = self.table.facts_seen(&seen)?;
        let fact = facts.get(refresh.number);
        let Some(fact) = fact.filter(|fact| fact.values == refresh.fact.values) else {
            return Ok(None);
        };
        refresh.fact = fact.clone();
        Ok(Some(seen.value_version.unwrap_or_default()))
    }
}

/// What changes in one index.
enum Change {
    Add(usize, &'static IndexSchema, String, Fact),
    Remove(&'static IndexSchema, String),
    Refresh(usize, String, Fact),
}

impl Change {
    fn takes_claim(&self) -> bool {
        matches!(self, Self::Add(_, index, ..) if index.unique)
    }
}
