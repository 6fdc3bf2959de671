//! Building an index over rows that were there before it, while writers run.

use std::fmt;
use std::future::IntoFuture;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::stream::StreamExt as _;

use super::claim;
use super::handle::{AnyIndex, IndexSchema};
use super::layout::{Fact, object_key};
use super::object::{look, put};
use super::verify::Scanned;
use crate::catalog::object::UNAWARE;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{IndexState, S3Schema};
use crate::stamp::Seen;
use crate::store::{DeleteObject, Precondition};
use crate::table::{RequestFuture, Table, operation, store_error};

/// Rows that are looked at at once, unless said.
const CONCURRENCY: usize = 16;

/// One index of a table: of [`Table::index`].
#[derive(Debug)]
pub struct Index<'a, T> {
    table: &'a Table<T>,
    number: usize,
}

impl<T: S3Schema> Table<T> {
    /// An index, plain or unique, to be built: `people.index(Person::INDEX.city).build()`. No
    /// request.
    pub fn index<I: AnyIndex<Schema = T>>(&self, index: I) -> Index<'_, T> {
        Index {
            table: self,
            number: index.__number(),
        }
    }

    /// Removes an index that no program declares any more, with its entries or claims: of
    /// `#[s3(unique)]` where `unique`. Whether there was one.
    ///
    /// Only once no program writes with it: what is written meanwhile may stay behind.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) if this program declares it, and those of the connection.
    ///
    /// # Cost
    /// 1 GET and 1 PUT; 1 LIST a thousand entries and 1 DELETE an entry.
    pub async fn drop_index(&self, unique: bool, name: &str) -> Result<bool> {
        operation::<T, _>("drop_index", async move {
            let is_it = |index: &&IndexSchema| index.unique == unique && index.name == name;
            if T::SCHEMA.indexes.iter().any(|index| is_it(&index)) {
                let detail = format!("this program declares the index `{name}`");
                let help =
                    "take it out of the struct first, in every program that writes the table";
                return Err(Error::new(ErrorKind::Config, detail).with_help(help));
            }
            let found = self.forget(unique, name).await?;
            let folder = super::layout::folder_of(self.db(), T::SCHEMA.table, unique, name);
            let mut objects = pin!(self.db().objects(folder));
            while let Some(object) = objects.next().await {
                let object = object?;
                let request = DeleteObject {
                    key: object.key.clone(),
                    precondition: Precondition::IfMatch(object.etag),
                };
                match self.db().store().delete(request).await {
                    Err(error) if !crate::write::is_race(&error) => {
                        return Err(store_error(error, Some(object.key)));
                    }
                    _ => {}
                }
            }
            Ok(found)
        })
        .await
    }
}

impl<'a, T: S3Schema> Index<'a, T> {
    /// Puts the rows that are there into the index, looks whether all of them are in it, and lets it
    /// be asked; awaiting returns [`Built`].
    ///
    /// Rows may be written meanwhile, by programs that declare the index: start the new version of
    /// **every** program that writes the table first. Programs that keep other indexes of the table
    /// notice within 30 seconds and refuse to write it; those that declare no index at all notice
    /// nothing, and their rows would be missing.
    ///
    /// A build may be cut off anywhere and be run again: it goes over the rows once more, and finds
    /// what is there. Building an index that can be read already looks at nothing.
    ///
    /// A unique index is not readable while two rows have one value: [`Built::duplicates`] names
    /// them. Change one of each and build again; no further one can come.
    ///
    /// # Errors
    /// Those of the listing; [`Schema`](ErrorKind::Schema) if the table has an index that this
    /// program does not declare. Single rows' are in the report.
    ///
    /// # Cost
    /// 2 LISTs a thousand rows; 2 GETs a row, and 2 GETs of its entry; 1 PUT for each that is
    /// missing. Where the table's other indexes were there before this one, it waits for six and a half
    /// minutes first: until every client that could not know of it has looked again.
    ///
    /// ```
    /// # use s3orm::{Db, ErrorKind, S3Schema};
    /// # #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<id>")]
    /// # struct Before { id: u64, city: String }
    /// #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
    /// #[s3(table = "people", path = "<id>", index(columns(city)))]
    /// struct Person { id: u64, city: String }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let db = Db::connect("memory:").await?;
    /// # db.table().insert(Before { id: 1, city: "Oslo".into() }).await?;
    /// let people = db.table::<Person>();
    /// let oslo = people.query().by(Person::INDEX.city).at("Oslo");
    /// assert_eq!(oslo.clone().count().await.unwrap_err().kind(), ErrorKind::Schema);
    ///
    /// let built = people.index(Person::INDEX.city).build().await?;
    /// assert!(built.readable);
    /// assert_eq!(oslo.count().await?, 1);
    /// # Ok(()) }
    /// ```
    pub fn build(self) -> Build<'a, T> {
        Build {
            table: self.table,
            number: self.number,
            concurrency: CONCURRENCY,
            alone: false,
            progress: None,
        }
    }
}

/// A request of [`Index::build`].
#[must_use = "requests do nothing until awaited"]
pub struct Build<'a, T> {
    table: &'a Table<T>,
    number: usize,
    concurrency: usize,
    alone: bool,
    progress: Option<Box<dyn Fn(u64) + Send + Sync + 'a>>,
}

/// What a build did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Built {
    /// Whether the index may be asked now.
    pub readable: bool,
    /// Rows that were looked at, by the first of its two passes.
    pub rows: u64,
    /// Entries or claims that were put.
    pub added: u64,
    /// Rows that could not be put into the index, each with the reason: a row that cannot be read, or
    /// a value that is too long. A thousand at most. The index is not readable then.
    pub failed: Vec<(String, String)>,
    /// Of a unique index: the keys of rows whose value another row has, a thousand at most.
    pub duplicates: Vec<String>,
    /// Rows that the second pass did not find in the index. Should be none; build again.
    pub missing: u64,
}

/// What a list of a report holds at most.
const LISTED: usize = 1000;

impl<'a, T: S3Schema> Build<'a, T> {
    /// How many rows are looked at at once (16 unless said, at least 1).
    pub fn concurrency(mut self, rows: usize) -> Self {
        self.concurrency = rows.max(1);
        self
    }

    /// Says that no other client writes the table meanwhile, so that it need not be waited for those
    /// that may not know of the index yet.
    pub fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// Calls back with the number of rows that are done, of both passes.
    pub fn on_progress(mut self, call: impl Fn(u64) + Send + Sync + 'a) -> Self {
        self.progress = Some(Box::new(call));
        self
    }

    async fn run(self) -> Result<Built> {
        let (state, joined) = self.table.begin_build(self.number).await?;
        if state == IndexState::Readable {
            return Ok(Built {
                readable: true,
                ..Built::default()
            });
        }
        if joined && !self.alone {
            self.table.db().env().sleep(UNAWARE).await;
        }
        let done = AtomicU64::new(0);
        let mut built = Built::default();
        self.pass(true, &mut built, &done).await?;
        if built.failed.is_empty() && built.duplicates.is_empty() {
            self.pass(false, &mut built, &done).await?;
        }
        let sound = built.failed.is_empty() && built.duplicates.is_empty() && built.missing == 0;
        if sound {
            self.table.end_build(self.number).await?;
            built.readable = true;
        }
        Ok(built)
    }

    /// Goes over all rows: the first time to add what is missing, the second to see that nothing is.
    async fn pass(&self, adds: bool, built: &mut Built, done: &AtomicU64) -> Result<()> {
        let rows = self.table.scan_rows();
        let looked = rows.map(|row| async move {
            let row = row?;
            Ok::<_, Error>(match row {
                Scanned::Row(seen, facts) => {
                    let outcome = match facts.get(self.number) {
                        None => Ok(false),
                        Some(fact) if adds => self.add(&seen, fact).await,
                        Some(fact) => self.is_missing(&seen, fact).await,
                    };
                    Some((seen.key, outcome))
                }
                Scanned::Broken(key, error) => Some((key, Err(error))),
                Scanned::Foreign(_) => None,
            })
        });
        let mut looked = pin!(looked.buffer_unordered(self.concurrency));
        while let Some(row) = looked.next().await {
            let Some((key, outcome)) = row? else {
                continue;
            };
            if adds {
                built.rows += 1;
            }
            if let Some(call) = &self.progress {
                call(done.fetch_add(1, Ordering::Relaxed) + 1);
            }
            match outcome {
                Ok(true) if adds => built.added += 1,
                Ok(true) => built.missing += 1,
                Ok(false) => {}
                Err(error) if error.kind() == ErrorKind::UniqueViolation => {
                    if built.duplicates.len() < LISTED {
                        built.duplicates.push(key);
                    }
                }
                Err(error) if error.kind().concerns_row() => {
                    if built.failed.len() < LISTED {
                        built.failed.push((key, error.to_string()));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Puts what is missing of a row; whether anything was.
    async fn add(&self, seen: &Seen, fact: &Fact) -> Result<bool> {
        self.table.add_missing(self.number, seen, fact).await
    }

    /// Whether the row as it is now is not in the index.
    async fn is_missing(&self, seen: &Seen, fact: &Fact) -> Result<bool> {
        if self.table.is_held(self.number, &seen.key, fact).await? {
            return Ok(false);
        }
        // It may have been changed since it was read, and its entry removed.
        let again = crate::stamp::seen::look(self.table.db(), &seen.key).await?;
        let facts = self.table.facts_seen(&again)?;
        match facts.get(self.number) {
            Some(now) => Ok(!self.table.is_held(self.number, &seen.key, now).await?),
            None => Ok(false),
        }
    }
}

impl<T: S3Schema> Table<T> {
    /// Puts the entry or the claim of a row, as it was seen, unless it is there; whether it was not.
    ///
    /// # Errors
    /// [`UniqueViolation`](ErrorKind::UniqueViolation): another row has the value.
    pub(super) async fn add_missing(
        &self,
        number: usize,
        seen: &Seen,
        fact: &Fact,
    ) -> Result<bool> {
        if self.is_held(number, &seen.key, fact).await? {
            return Ok(false);
        }
        let index = &T::SCHEMA.indexes[number];
        let path = seen.key.strip_prefix(self.folder()).unwrap_or_default();
        if index.unique {
            claim::take(self, number, &fact.values, &[path.to_owned()]).await?;
            return Ok(true);
        }
        let key = object_key(self.db(), T::SCHEMA.table, index, &fact.values, path)?;
        let version = seen.value_version.clone().unwrap_or_default();
        let body = |stamp: &str| super::layout::entry_body(stamp, &version, &fact.columns);
        match put(self.db(), &key, None, body).await? {
            Ok(_) => Ok(true),
            // Whoever puts an entry does so for the row.
            Err(crate::write::Failure::Refused(error)) if crate::write::is_race(&error) => {
                Ok(false)
            }
            Err(failure) => Err(crate::table::write_error(failure, key, ErrorKind::Conflict)),
        }
    }

    /// Whether the entry of a row is there, or the claim that names it.
    pub(super) async fn is_held(&self, number: usize, object: &str, fact: &Fact) -> Result<bool> {
        let index = &T::SCHEMA.indexes[number];
        let path = object.strip_prefix(self.folder()).unwrap_or_default();
        let key = object_key(self.db(), T::SCHEMA.table, index, &fact.values, path)?;
        if index.unique {
            let claim = claim::read(self.db(), &key).await?;
            return Ok(claim.is_some_and(|claim| claim.body.pks.iter().any(|pk| pk == path)));
        }
        Ok(look(self.db(), &key).await?.is_some())
    }
}

impl<'a, T: S3Schema> IntoFuture for Build<'a, T> {
    type Output = Result<Built>;
    type IntoFuture = RequestFuture<'a, Built>;

    fn into_future(self) -> Self::IntoFuture {
        operation::<T, _>("build", self.run())
    }
}

impl<T> fmt::Debug for Build<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Build")
            .field("table", &self.table)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}
