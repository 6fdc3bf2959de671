//! Whether indexes and rows agree, and what is done where they do not. Safe while writers run.

use std::fmt;
use std::future::IntoFuture;
use std::pin::pin;
use std::time::SystemTime;

use futures_util::stream::{Stream, StreamExt as _};

use super::claim;
use super::layout::{
    ClaimBody, Fact, Facts, entry_body, folder, object_key, read_entry, split_entry,
};
use super::object::{Found, look, put, remove};
use crate::error::{Error, ErrorKind, Result};
use crate::key::KeyTuple as _;
use crate::schema::S3Schema;
use crate::stamp::{Seen, seen};
use crate::table::{RequestFuture, Table, operation};
use crate::tx::{GRACE, age};

/// Objects that are looked at at once, unless said.
const CONCURRENCY: usize = 16;
/// Findings that a report names at most; all are counted.
const NAMED: usize = 1000;

/// What is wrong with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Problem {
    /// A row is not in an index. Queries miss it. The key is that of the missing entry.
    MissingEntry,
    /// A row has a value of a unique index that it has not claimed: another row could take it.
    MissingClaim,
    /// Two rows have one value of a unique index. The key is the row's that has not the claim. Not
    /// mended: change one of them.
    Duplicate,
    /// An entry whose row has not its value. Costs queries a read. Mended when it is an hour old.
    DeadEntry,
    /// A claim of which no row has the value. Costs who wants it some requests. Mended when it is an
    /// hour old.
    DeadClaim,
    /// The columns that an entry keeps are not its row's.
    StaleEntry,
    /// A row is under a transaction that is not finished. Not mended here: it is finished by who
    /// writes the row next.
    Intent,
    /// An object that cannot be read as what its place says, or a row whose values make no key of an
    /// index. Not mended.
    Broken,
    /// An object that is no row, entry or claim. Not mended: somebody else has put it there.
    Foreign,
}

/// A finding of [`Table::verify`] or [`Table::repair`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong.
    pub problem: Problem,
    /// The object's key.
    pub key: String,
    /// Whether it was mended.
    pub mended: bool,
}

/// What [`Table::verify`] and [`Table::repair`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// Rows that were looked at.
    pub rows: u64,
    /// Entries and claims that were looked at.
    pub entries: u64,
    /// Findings, in no order; the first thousand of them.
    pub findings: Vec<Finding>,
    /// How many findings there were.
    pub found: u64,
    /// How many of them were mended.
    pub mended: u64,
}

impl Verified {
    /// Whether rows and indexes agree.
    pub fn is_clean(&self) -> bool {
        self.found == self.mended
    }

    /// The keys with this problem, of the findings that are named.
    pub fn keys(&self, problem: Problem) -> Vec<&str> {
        let of = self.findings.iter().filter(|one| one.problem == problem);
        of.map(|one| &*one.key).collect()
    }

    fn note(&mut self, findings: Vec<Finding>) {
        for finding in findings {
            self.found += 1;
            self.mended += u64::from(finding.mended);
            if self.findings.len() < NAMED {
                self.findings.push(finding);
            }
        }
    }
}

/// An object in a table's folder.
pub(super) enum Scanned {
    Row(Box<Seen>, Facts),
    Broken(String, Error),
    Foreign(String),
}

/// A request of [`Table::verify`] or [`Table::repair`].
#[must_use = "requests do nothing until awaited"]
pub struct Verify<'a, T> {
    table: &'a Table<T>,
    repairs: bool,
    concurrency: usize,
}

impl<T: S3Schema> Table<T> {
    /// Looks whether the table's rows and its indexes agree; awaiting returns [`Verified`]. Changes
    /// nothing. Rows may be written meanwhile: what looks wrong is looked at once more.
    ///
    /// # Errors
    /// Those of the listings and of the connection.
    ///
    /// # Cost
    /// 1 LIST a thousand rows, entries and claims; 1 GET a row and 1 for each of its entries and
    /// claims; 2 GETs an entry or a claim.
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema};
    /// # #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<id>", index(columns(city)))]
    /// # struct Person { id: u64, city: String }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let people = Db::connect("memory:").await?.table::<Person>();
    /// people.insert(Person { id: 1, city: "Oslo".into() }).await?;
    /// let found = people.verify().await?;
    /// assert!(found.is_clean());
    /// assert_eq!((found.rows, found.entries), (1, 1));
    /// # Ok(()) }
    /// ```
    pub fn verify(&self) -> Verify<'_, T> {
        Verify {
            table: self,
            repairs: false,
            concurrency: CONCURRENCY,
        }
    }

    /// Looks as [`verify`](Self::verify) does, and mends what can be: puts entries and claims that are
    /// missing, and removes those that no row agrees with once they are an hour old by S3's clock.
    /// May be cut off anywhere, be run again, and be run by several at once; rows may be written
    /// meanwhile.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    ///
    /// # Cost
    /// That of [`verify`](Self::verify), 1 PUT and 1 HEAD by which S3 tells the time, and 1 PUT or
    /// 1 DELETE for each object that is mended.
    pub fn repair(&self) -> Verify<'_, T> {
        Verify {
            repairs: true,
            ..self.verify()
        }
    }

    /// All rows with what they have in the indexes.
    pub(super) fn scan_rows(&self) -> impl Stream<Item = Result<Scanned>> + Send + '_ {
        let objects = self.db().objects(self.folder().to_owned());
        let read = objects.map(move |object| async move {
            let key = object?.key;
            if T::Key::parse(&T::SCHEMA.path, &key[self.folder().len()..]).is_err() {
                return Ok(Scanned::Foreign(key));
            }
            let seen = seen::look(self.db(), &key).await;
            let facts = seen.and_then(|seen| Ok((self.facts_seen(&seen)?, seen)));
            match facts {
                Ok((facts, seen)) => Ok(Scanned::Row(Box::new(seen), facts)),
                Err(error) if error.kind().concerns_row() => Ok(Scanned::Broken(key, error)),
                Err(error) => Err(error),
            }
        });
        read.buffer_unordered(CONCURRENCY)
    }
}

impl<T: S3Schema> Verify<'_, T> {
    /// How many objects are looked at at once (16 unless said, at least 1).
    pub fn concurrency(mut self, objects: usize) -> Self {
        self.concurrency = objects.max(1);
        self
    }

    async fn run(self) -> Result<Verified> {
        let now = if self.repairs {
            Some(self.table.db().s3_now().await?)
        } else {
            None
        };
        let mut verified = Verified::default();
        let rows = self
            .table
            .scan_rows()
            .map(|row| async { self.row(row?).await });
        let mut rows = pin!(rows.buffer_unordered(self.concurrency));
        while let Some(row) = rows.next().await {
            let (is_row, findings) = row?;
            verified.rows += u64::from(is_row);
            verified.note(findings);
        }
        for number in 0..T::SCHEMA.indexes.len() {
            let index = &T::SCHEMA.indexes[number];
            let folder = folder(self.table.db(), T::SCHEMA.table, index);
            let objects = self.table.db().objects(folder.clone());
            let entries = objects.map(|object| {
                let (this, folder) = (&self, &folder);
                async move {
                    let key = object?.key;
                    let rest = key[folder.len()..].to_owned();
                    if index.unique {
                        this.claim(number, key, &rest, now).await
                    } else {
                        this.entry(number, key, &rest, now).await
                    }
                }
            });
            let mut entries = pin!(entries.buffer_unordered(self.concurrency));
            while let Some(findings) = entries.next().await {
                verified.entries += 1;
                verified.note(findings?);
            }
        }
        Ok(verified)
    }

    /// A row: whether it is in each index.
    async fn row(&self, row: Scanned) -> Result<(bool, Vec<Finding>)> {
        let (seen, facts) = match row {
            Scanned::Row(seen, facts) => (seen, facts),
            Scanned::Broken(key, _) => return Ok((true, vec![found(Problem::Broken, key)])),
            Scanned::Foreign(key) => return Ok((false, vec![found(Problem::Foreign, key)])),
        };
        let mut findings = Vec::new();
        if seen.pending().is_some() {
            findings.push(found(Problem::Intent, seen.key.clone()));
        }
        let mut is_broken = false;
        for number in 0..T::SCHEMA.indexes.len() {
            match self.unheld(number, &seen, &facts).await {
                Ok(finding) => findings.extend(finding),
                // Its values make no key, or it was written over by what is no row.
                Err(error) if error.kind().concerns_row() => is_broken = true,
                Err(error) => return Err(error),
            }
        }
        findings.extend(is_broken.then(|| found(Problem::Broken, seen.key.clone())));
        Ok((seen.row.is_some(), findings))
    }

    /// What is wrong about a row in one index: it is not there.
    async fn unheld(&self, number: usize, seen: &Seen, facts: &Facts) -> Result<Option<Finding>> {
        let Some(fact) = facts.get(number) else {
            return Ok(None);
        };
        if self.table.is_held(number, &seen.key, fact).await? {
            return Ok(None);
        }
        // It may have been changed since it was read.
        let seen = seen::look(self.table.db(), &seen.key).await?;
        let facts = self.table.facts_seen(&seen)?;
        match facts.get(number) {
            Some(fact) if !self.table.is_held(number, &seen.key, fact).await? => {
                self.missing(number, &seen, fact).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    async fn missing(&self, number: usize, seen: &Seen, fact: &Fact) -> Result<Finding> {
        let index = &T::SCHEMA.indexes[number];
        let path = seen
            .key
            .strip_prefix(self.table.folder())
            .unwrap_or_default();
        let key = object_key(self.table.db(), T::SCHEMA.table, index, &fact.values, path)?;
        let problem = if index.unique {
            Problem::MissingClaim
        } else {
            Problem::MissingEntry
        };
        if index.unique && self.is_duplicate(number, &key, fact, path).await? {
            return Ok(found(Problem::Duplicate, seen.key.clone()));
        }
        if !self.repairs {
            return Ok(found(problem, key));
        }
        let mended = match self.table.add_missing(number, seen, fact).await {
            Ok(_) => true,
            Err(error) if error.kind() == ErrorKind::UniqueViolation => {
                return Ok(found(Problem::Duplicate, seen.key.clone()));
            }
            Err(error) => return Err(error),
        };
        Ok(Finding {
            problem,
            key,
            mended,
        })
    }

    /// Whether another row that the claim names has the value.
    async fn is_duplicate(&self, number: usize, key: &str, fact: &Fact, own: &str) -> Result<bool> {
        let Some(claim) = claim::read(self.table.db(), key).await? else {
            return Ok(false);
        };
        for path in claim.body.pks.iter().filter(|path| *path != own) {
            if self.has(number, &fact.values, path).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the row at a path has a value now.
    async fn has(&self, number: usize, values: &str, path: &str) -> Result<bool> {
        let object = format!("{}{path}", self.table.folder());
        let seen = seen::look(self.table.db(), &object).await?;
        claim::has(self.table, number, values, path, &seen)
    }

    /// An entry: whether its row has its value. The entry is read first, so that who puts it anew for
    /// a row that is read afterwards keeps it from being removed.
    async fn entry(
        &self,
        number: usize,
        key: String,
        rest: &str,
        now: Option<SystemTime>,
    ) -> Result<Vec<Finding>> {
        let index = &T::SCHEMA.indexes[number];
        let path = split_entry(index, rest);
        let path = path.filter(|(_, path)| T::Key::parse(&T::SCHEMA.path, path).is_ok());
        let Some((values, path)) = path else {
            return Ok(vec![found(Problem::Foreign, key)]);
        };
        let Some(entry) = look(self.table.db(), &key).await? else {
            return Ok(Vec::new());
        };
        let object = format!("{}{path}", self.table.folder());
        let seen = seen::look(self.table.db(), &object).await;
        let facts = seen.and_then(|seen| Ok((self.table.facts_seen(&seen)?, seen)));
        let (facts, seen) = match facts {
            // The row is a finding already.
            Err(error) if error.kind().concerns_row() => return Ok(Vec::new()),
            facts => facts?,
        };
        if let Some(fact) = facts.get(number).filter(|fact| fact.values == values) {
            return self.kept(key, &entry, &seen, fact).await;
        }
        let mended = self.sweep(&key, &entry, now).await;
        let problem = Problem::DeadEntry;
        Ok(vec![Finding {
            problem,
            key,
            mended,
        }])
    }

    /// An entry of a row that has its value: whether the columns that it keeps are the row's.
    async fn kept(
        &self,
        key: String,
        entry: &Found,
        seen: &Seen,
        fact: &Fact,
    ) -> Result<Vec<Finding>> {
        let Ok((_, columns)) = read_entry(&entry.body) else {
            return Ok(vec![found(Problem::Broken, key)]);
        };
        if columns == fact.columns {
            return Ok(Vec::new());
        }
        let mut mended = false;
        if self.repairs {
            let version = seen.value_version.clone().unwrap_or_default();
            let body = |stamp: &str| entry_body(stamp, &version, &fact.columns);
            let sent = put(self.table.db(), &key, Some(&entry.etag), body).await?;
            mended = sent.is_ok();
        }
        let problem = Problem::StaleEntry;
        Ok(vec![Finding {
            problem,
            key,
            mended,
        }])
    }

    /// A claim: whether one of its rows has its value.
    async fn claim(
        &self,
        number: usize,
        key: String,
        rest: &str,
        now: Option<SystemTime>,
    ) -> Result<Vec<Finding>> {
        let Some(values) = rest.strip_suffix(".json") else {
            return Ok(vec![found(Problem::Foreign, key)]);
        };
        let Some(entry) = look(self.table.db(), &key).await? else {
            return Ok(Vec::new());
        };
        let Ok(claim) = ClaimBody::read(&entry.body) else {
            return Ok(vec![found(Problem::Broken, key)]);
        };
        for path in &claim.pks {
            match self.has(number, values, path).await {
                Ok(false) => {}
                Ok(true) => return Ok(Vec::new()),
                Err(error) if error.kind().concerns_row() => return Ok(Vec::new()),
                Err(error) => return Err(error),
            }
        }
        let mended = self.sweep(&key, &entry, now).await;
        let problem = Problem::DeadClaim;
        Ok(vec![Finding {
            problem,
            key,
            mended,
        }])
    }

    /// Removes what is dead, if it is old enough.
    async fn sweep(&self, key: &str, found: &Found, now: Option<SystemTime>) -> bool {
        if now.is_none_or(|now| age(found.last_modified, now) < GRACE) {
            return false;
        }
        remove(self.table.db(), key.to_owned(), found.etag.clone()).await
    }
}

fn found(problem: Problem, key: String) -> Finding {
    Finding {
        problem,
        key,
        mended: false,
    }
}

impl<'a, T: S3Schema> IntoFuture for Verify<'a, T> {
    type Output = Result<Verified>;
    type IntoFuture = RequestFuture<'a, Verified>;

    fn into_future(self) -> Self::IntoFuture {
        let name = if self.repairs { "repair" } else { "verify" };
        operation::<T, _>(name, self.run())
    }
}

impl<T> fmt::Debug for Verify<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verify")
            .field("table", &self.table)
            .field("repairs", &self.repairs)
            .finish_non_exhaustive()
    }
}
