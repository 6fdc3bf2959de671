//! The map, and what each operation does to it.

use std::collections::BTreeMap;

use s3orm::ErrorKind;

use super::ops::{Key, Question, Values};

/// The map, with a number for each version of a row.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) rows: BTreeMap<Key, (u64, Values)>,
    /// Whether every write is a version of its own.
    pub(crate) is_stamped: bool,
    /// Whether no two rows may have one name.
    pub(crate) is_unique: bool,
    pub(crate) versions: u64,
}

pub(crate) type Outcome<T> = Result<T, ErrorKind>;

impl Model {
    pub(crate) fn get(&self, key: &Key) -> Option<Values> {
        self.rows.get(key).map(|(_, values)| values.clone())
    }

    pub(crate) fn write(&mut self, values: Values) -> Outcome<Option<Values>> {
        let taken =
            |other: &(u64, Values)| other.1.name == values.name && other.1.key != values.key;
        if self.is_unique && self.rows.values().any(taken) {
            return Err(ErrorKind::UniqueViolation);
        }
        self.versions += 1;
        let old = self
            .rows
            .insert(values.key.clone(), (self.versions, values));
        Ok(old.map(|(_, values)| values))
    }

    pub(crate) fn insert(&mut self, values: Values) -> Outcome<()> {
        if self.rows.contains_key(&values.key) {
            return Err(ErrorKind::AlreadyExists);
        }
        self.write(values).map(drop)
    }

    pub(crate) fn change(
        &mut self,
        key: &Key,
        change: impl FnOnce(&mut Values),
    ) -> Outcome<Values> {
        let mut values = self.get(key).ok_or(ErrorKind::NotFound)?;
        change(&mut values);
        self.write(values.clone()).map(|_| values)
    }

    /// The version that was read is still there, or, in a table whose versions are those of the bytes, one
    /// with the same values.
    pub(crate) fn has(&self, version: u64, values: &Values) -> bool {
        self.rows
            .get(&values.key)
            .is_some_and(|(now, there)| *now == version || (!self.is_stamped && there == values))
    }

    pub(crate) fn rekey(&mut self, from: &Key, to: Key) -> Outcome<()> {
        let (_, values) = self.rows.get(from).cloned().ok_or(ErrorKind::NotFound)?;
        if *from == to {
            return Err(ErrorKind::InvalidKey);
        }
        if self.rows.contains_key(&to) {
            return Err(ErrorKind::AlreadyExists);
        }
        self.rows.remove(from);
        self.write(Values { key: to, ..values }).map(drop)
    }

    pub(crate) fn answer(&self, question: &Question) -> Vec<Values> {
        let wanted = |values: &&Values| {
            question.city.is_none_or(|city| values.key.0 == city)
                && question
                    .numbers
                    .is_none_or(|(low, high)| (low..high).contains(&values.key.1))
                && question.from.is_none_or(|from| values.age >= from)
                && question
                    .club
                    .is_none_or(|club| values.club.as_deref() == Some(club))
        };
        let mut found: Vec<_> = self
            .rows
            .values()
            .map(|(_, values)| values)
            .filter(wanted)
            .cloned()
            .collect();
        if question.descending {
            found.reverse();
        }
        found.truncate(question.limit.unwrap_or(usize::MAX));
        found
    }
}
