//! `rekey`: move a row to the key that its changed columns make.
//!
//! S3 renames nothing, so a row moves in three requests: **read** the old object, **create** the new
//! one (`If-None-Match: *`), **delete** the old one (`If-Match`). In this order something may be
//! there twice, and nothing is ever lost. What holds at every point:
//!
//! 1. The old row is deleted only at the tag that the new one was made from. Somebody's newer value
//!    is never deleted.
//! 2. A row at the new key is written over only if it is proven to be a stale copy (below).
//! 3. A copy is never deleted. Nobody could tell that it has not become the row: another re-key may
//!    have taken it for its own and deleted the old row.
//!
//! A copy says in its user metadata what it is a copy of: [`FROM`](write::FROM) holds a digest of the
//! old key with the id of the old version's write, and one of its tag. The next write of the row
//! drops it. So a copy is recognised for as long as nobody has changed it, and a re-key that was cut
//! short is finished by running it again:
//!
//! | cut off | what is there | the next run |
//! |---|---|---|
//! | before the create arrives | the old row | moves it |
//! | after the create | both | finds the copy of the version that it reads, and deletes the old row |
//! | after the delete | the new row | `NotFound`: there is nothing left to move |
//!
//! An answer that is lost is such a cut. That of the create is found again by its id (`write.rs`).
//! Of the delete nobody can tell, since a deletion leaves no id behind: `OutcomeUnknown`, and the
//! next run is one of the table's.
//!
//! What others do meanwhile:
//!
//! - **The old row is changed** before the delete: it refuses (412), and the copy is stale. The next
//!   pass reads the newer version. If that names the copied version as its predecessor, the row was
//!   there all the time, so nobody can have finished a move with this copy: the copy is replaced, at
//!   its tag, by one of the newer version. Otherwise (changed twice in this moment, or by another
//!   program) it could be a new row after a finished move: nothing is written over,
//!   `AlreadyExists`. Where the closure refuses the newer version, or sends it elsewhere, the stale
//!   copy stays, and the error names it.
//! - **The old row is deleted or moved** before the delete: that finds nothing (404). It may as well
//!   have been this delete's first copy, or another run of the same re-key: `OutcomeUnknown`, the
//!   copy stays.
//! - **Another row is created** at the new key: `AlreadyExists`, the old row stays.
//! - **The same re-key runs twice**: one creates, the other finds the copy. They are one.
//!
//! A tag is of the bytes. So a change of user metadata alone, in this moment, is not noticed; and a
//! row that others move away and back, byte for byte, while a deletion is on its way, is deleted by
//! it. A column that differs with each write (`#[s3(updated_at)]`) leaves no room for either.

use std::fmt;
use std::future::IntoFuture;

use super::mark::Mark;
use super::swap::{Base, Found};
use super::update::{Decision, absent, decided};
use super::{RequestFuture, Table, WriteOptions, operation, write_error, write_options, written};
use crate::error::{Error, ErrorKind, Result};
use crate::key::KeyFrom;
use crate::row::{Row, Version};
use crate::schema::{S3Schema, WriteEvent};
use crate::stamp::Seen;
use crate::store::{DeleteObject, ETag, Precondition, PutObject, StoreErrorKind};
use crate::tx::{Coordinator, Parts, Verdict};
use crate::write::{self, Failure};

impl<T: S3Schema> Table<T> {
    /// Moves a row to another key: the closure changes its key columns, and whatever else is to
    /// change with them. Awaiting returns the [`Row<T>`] at its new key.
    ///
    /// The row is read, created at its new key and deleted at the old one, in this order and each on
    /// condition: nothing is lost, whatever is cut off and whoever writes meanwhile. For a moment,
    /// and after a crash, the row is at both keys; running the same re-key again finishes it. Needs a
    /// store that deletes conditionally.
    ///
    /// The closure may run several times, each time on the newest version of the old row. Where it
    /// finishes a re-key that was cut short, the row is as the first run wrote it.
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema};
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<city>/<id>")]
    /// # struct Person { city: String, id: u64, age: u32 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let people = Db::connect("memory:").await?.table::<Person>();
    /// # people.put(Person { city: "Oslo".into(), id: 42, age: 30 }).await?;
    /// let row = people.rekey(("Oslo", 42), |person| person.city = "Rome".into()).await?;
    /// assert_eq!(row.key(), "people/Rome/42.json");
    /// assert!(!people.exists(("Oslo", 42)).await?);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// - [`NotFound`](ErrorKind::NotFound) if there is no row at the old key.
    /// - [`AlreadyExists`](ErrorKind::AlreadyExists) if another row has the new key; the old row
    ///   stays.
    /// - [`InvalidKey`](ErrorKind::InvalidKey) if the closure changed no key column.
    /// - [`Cancelled`](ErrorKind::Cancelled) if the closure returned an `Err`.
    /// - [`Conflict`](ErrorKind::Conflict) if others changed the row every time.
    /// - [`OutcomeUnknown`](ErrorKind::OutcomeUnknown) if an answer was lost, or the old row was gone
    ///   before it was deleted: the message says what is where. Run it again.
    /// - [`Denied`](ErrorKind::Denied), [`Unsupported`](ErrorKind::Unsupported) if the old row may
    ///   not be deleted, or not on condition: it is at both keys then.
    ///
    /// And those of [`get`](Self::get) and [`insert`](Self::insert). Where somebody's change came
    /// between and the row could not be moved in the end, a copy of its earlier version may stay at
    /// the new key: the message names it.
    ///
    /// # Cost
    /// 1 GET, 1 PUT, 1 DELETE; of a stamped table that of a [transaction](crate::tx) of two rows,
    /// which is at one key or the other at every instant. To finish what was cut short, 1 GET more; each time that somebody
    /// changes the row meanwhile, up to 2 GETs, 2 PUTs and 1 DELETE more.
    pub fn rekey<K, F, D>(&self, key: K, change: F) -> Rekey<'_, T, F>
    where
        T::Key: KeyFrom<K>,
        F: FnMut(&mut T) -> D + Send,
        D: Decision,
    {
        Rekey::new(self, T::Key::key_from(key), change)
    }
}

/// A request of [`Table::rekey`].
#[must_use = "requests do nothing until awaited"]
pub struct Rekey<'a, T: S3Schema, F> {
    table: &'a Table<T>,
    key: T::Key,
    change: F,
    options: WriteOptions,
}

/// The row to move, as one pass has read and changed it.
struct Source<T> {
    /// Its old key.
    object: String,
    version: Version,
    /// What a copy of this version is marked with.
    mark: Mark,
    /// How the mark of a copy of the version before this one begins.
    previous: Option<String>,
    value: T,
    /// The write of the copy.
    request: PutObject,
}

impl<T> Source<T> {
    /// Of a row that was read, which replaced the write `previous`; its write at the new key is
    /// marked as a copy.
    fn of(row: Row<T>, previous: Option<String>, mut request: PutObject) -> Self {
        let mark = Mark::of(&row.key, &row.version);
        request.metadata.insert(write::FROM.to_owned(), mark.text());
        Self {
            previous: previous.map(|id| Mark::of_write(&row.key, &id)),
            object: row.key,
            version: row.version,
            mark,
            value: row.value,
            request,
        }
    }
}

impl<'a, T: S3Schema, F> Rekey<'a, T, F> {
    write_options!(in options);

    fn new(table: &'a Table<T>, key: T::Key, change: F) -> Self {
        Self {
            table,
            key,
            change,
            options: WriteOptions::default(),
        }
    }
}

impl<T: S3Schema, F, D> Rekey<'_, T, F>
where
    F: FnMut(&mut T) -> D + Send,
    D: Decision,
{
    async fn run(mut self) -> Result<Row<T>> {
        if T::SCHEMA.is_stamped() {
            return self.run_stamped().await;
        }
        let mut stale = None;
        self.passes(&mut stale).await.map_err(|error| match stale {
            None => error,
            Some(copy) => error.with_help(format!(
                "the row was changed meanwhile, and a copy of its earlier version is at `{copy}`: look at both, and delete the one that is out of date"
            )),
        })
    }

    /// Of a stamped table it is a transaction of two rows.
    async fn run_stamped(&mut self) -> Result<Row<T>> {
        let table = self.table;
        if !self.options.is_empty() {
            let detail = "a re-key of a stamped table cannot set metadata or a content type";
            return Err(Error::new(ErrorKind::Unsupported, detail));
        }
        let mut coordinator = Coordinator::new(table.db(), false, None);
        let mut attempts = table.db().attempts();
        loop {
            let Found { row, base } = table.find(self.key.clone()).await?;
            let (Some(mut row), Base::Stamped(seen)) = (row?, base) else {
                return Err(absent(table.object_key(&self.key)?));
            };
            decided((self.change)(&mut row.value)).map_err(|error| error.with_key(&row.key))?;
            let created = table.creation(&mut row.value, WriteEvent::Save)?;
            if created.key == row.key {
                return Err(not_moved(row.key));
            }
            let mut parts = Parts::default();
            parts.add(table.removal(&self.key)?).read = Some(*seen);
            let target = created.key.clone();
            let new = parts.add(created);
            new.content_type.clone_from(&row.content_type);
            new.metadata.clone_from(&row.metadata);
            if let Verdict::Committed(rows) = coordinator.attempt(parts).await? {
                let now = rows.iter().find(|seen| seen.key == target);
                let version = now.and_then(Seen::version);
                let moved = Error::new(ErrorKind::Internal, "the row was moved and is not there");
                return Ok(Row {
                    version: version.ok_or(moved)?,
                    key: target,
                    last_modified: None,
                    ..row
                });
            }
            if !attempts.next().await {
                return Err(contended(row.key));
            }
        }
    }

    /// Pass after pass. `stale` is the key of a copy that was left behind by the one before.
    async fn passes(&mut self, stale: &mut Option<String>) -> Result<Row<T>> {
        self.table.may_write().await?;
        let mut attempts = self.table.db().attempts();
        loop {
            let source = self.read().await?;
            let old = source.object.clone();
            if let Some(row) = pass(self.table, source, stale).await? {
                return Ok(row);
            }
            if !attempts.next().await {
                return Err(contended(old));
            }
        }
    }

    /// Reads the row and changes it.
    async fn read(&mut self) -> Result<Source<T>> {
        let table = self.table;
        let object = table.object_key(&self.key)?;
        let found = table.read_plain(self.key.clone(), object.clone()).await?;
        let Some(found) = found else {
            return Err(absent(object));
        };
        let previous = found.previous();
        let mut row = found.into_row();
        decided((self.change)(&mut row.value)).map_err(|error| error.with_key(&row.key))?;
        let options = self.options.over(&row);
        let request = table.request(&mut row.value, WriteEvent::Save, &options)?;
        if request.key == row.key {
            return Err(not_moved(row.key));
        }
        Ok(Source::of(row, previous, request))
    }
}

/// Copies the row and deletes it at its old key. `None` where it must be read again.
async fn pass<T: S3Schema>(
    table: &Table<T>,
    source: Source<T>,
    stale: &mut Option<String>,
) -> Result<Option<Row<T>>> {
    let target = source.request.key.clone();
    if stale.as_ref().is_some_and(|stale| *stale != target) {
        let detail = "the row was changed meanwhile, and has another new key by now";
        return Err(Error::new(ErrorKind::Conflict, detail).with_key(target));
    }
    let (old, etag) = (source.object.clone(), source.version.etag.clone());
    let Some(row) = copy(table, source).await? else {
        return Ok(None);
    };
    *stale = None;
    if delete_old(table, old, etag, &target).await? {
        return Ok(Some(row));
    }
    *stale = Some(target);
    Ok(None)
}

impl<T: S3Schema> Table<T> {
    /// Moves the row of an object whose key is of an older version's path to the key that it has now;
    /// `false` if there is none of an older version.
    ///
    /// # Errors
    /// Those of [`rekey`](Self::rekey).
    ///
    /// Cost: 1 GET; 1 PUT and 1 DELETE if it is moved.
    pub(super) async fn relocate(&self, object: &str) -> Result<bool> {
        let (mut stale, mut attempts) = (None, self.db().attempts());
        loop {
            let Some(source) = self.source_of_old(object).await? else {
                return Ok(false);
            };
            if pass(self, source, &mut stale).await?.is_some() {
                return Ok(true);
            }
            if !attempts.next().await {
                return Err(contended(object.to_owned()));
            }
        }
    }

    async fn source_of_old(&self, object: &str) -> Result<Option<Source<T>>> {
        let Some(found) = self.read_old(object).await? else {
            return Ok(None);
        };
        let previous = found.previous();
        let row = found.into_row();
        let options = WriteOptions::default().over(&row);
        let request = self.prepared(&row.value, &options)?;
        let moves = request.key != row.key;
        Ok(moves.then(|| Source::of(row, previous, request)))
    }
}

/// Creates the row at its new key, or finds it there. `None` where it must be read again.
async fn copy<T: S3Schema>(table: &Table<T>, source: Source<T>) -> Result<Option<Row<T>>> {
    let db = table.db();
    let mut request = source.request;
    request.precondition = Precondition::IfAbsent;
    match write::put_or_reread(db.store(), db.env(), &request).await {
        Ok(etag) => return Ok(Some(written(source.value, request, etag))),
        Err(Failure::Refused(error)) if error.kind() == StoreErrorKind::PreconditionFailed => {}
        Err(failure) => return Err(uncopied(failure, request.key)),
    }
    let found = table.read_plain(source.value.key(), request.key.clone());
    let Some(found) = found.await? else {
        return Ok(None);
    };
    let mark = Mark::read(&found.meta.metadata);
    let row = found.into_row();
    if mark.as_ref() == Some(&source.mark) {
        // A run that was cut short made it, or one that is under way; or something sent ours twice.
        return Ok(Some(row));
    }
    let known = mark.as_ref().zip(source.previous);
    let is_stale = known.is_some_and(|(mark, previous)| mark.write == previous);
    if !is_stale {
        return Err(occupied(mark.is_some(), &source.object, row.key));
    }
    request.precondition = Precondition::IfMatch(row.version.etag);
    match write::put_or_reread(db.store(), db.env(), &request).await {
        Ok(etag) => Ok(Some(written(source.value, request, etag))),
        Err(Failure::Refused(error)) if write::is_race(&error) => Ok(None),
        Err(failure) => Err(uncopied(failure, request.key)),
    }
}

/// Deletes the row at its old key; `false` if it has been changed.
async fn delete_old<T: S3Schema>(
    table: &Table<T>,
    old: String,
    etag: ETag,
    new: &str,
) -> Result<bool> {
    let db = table.db();
    let request = DeleteObject {
        key: old.clone(),
        precondition: Precondition::IfMatch(etag),
    };
    let failure = match write::delete(db.store(), db.env(), request).await {
        Ok(()) => return Ok(true),
        Err(failure) => failure,
    };
    let (detail, help) = match &failure {
        Failure::Refused(error) if error.kind() == StoreErrorKind::NotFound => (
            format!(
                "the row is at its new key `{new}`; it was gone from the old one, by this request or by another's"
            ),
            "if somebody else has moved or deleted it, the copy is yours to delete",
        ),
        Failure::Refused(error) if write::is_race(error) => return Ok(false),
        Failure::Refused(_) => {
            let help = format!(
                "the row is at `{new}`, too: run it again to finish, or delete one of both"
            );
            return Err(write_error(failure, old, ErrorKind::Conflict).with_help(help));
        }
        Failure::Unknown(_) => (
            format!(
                "the row is at its new key `{new}`; the answer of its deletion from the old one was lost"
            ),
            "run it again: it finishes what is left, or finds no row at the old key",
        ),
    };
    let (Failure::Refused(error) | Failure::Unknown(error)) = failure;
    Err(Error::new(ErrorKind::OutcomeUnknown, detail)
        .with_help(help)
        .with_source(error)
        .with_key(old))
}

fn contended(key: String) -> Error {
    let detail = "others changed the row every time; it is where it was";
    Error::new(ErrorKind::Conflict, detail).with_key(key)
}

fn not_moved(key: String) -> Error {
    let detail = "the closure changed no key column: the row would stay where it is";
    Error::new(ErrorKind::InvalidKey, detail)
        .with_help("`update` changes the other columns")
        .with_key(key)
}

/// The copy was not made, or nobody knows.
fn uncopied(failure: Failure, key: String) -> Error {
    match failure {
        Failure::Unknown(_) => write_error(failure, key, ErrorKind::Conflict).with_help(
            "the row is at its old key, and may be at this one, too: run it again to finish",
        ),
        Failure::Refused(_) => write_error(failure, key, ErrorKind::Conflict),
    }
}

/// A row is at the new key that this re-key may not write over.
fn occupied(is_copy: bool, old: &str, key: String) -> Error {
    let error = Error::new(ErrorKind::AlreadyExists, "a row with this key exists").with_key(key);
    if is_copy {
        return error.with_help(format!(
            "it was moved there; if by a re-key of `{old}` that was cut short, delete the one that is out of date"
        ));
    }
    error
}

impl<'a, T: S3Schema, F, D> IntoFuture for Rekey<'a, T, F>
where
    F: FnMut(&mut T) -> D + Send + 'a,
    D: Decision + 'a,
{
    type Output = Result<Row<T>>;
    type IntoFuture = RequestFuture<'a, Row<T>>;

    fn into_future(self) -> Self::IntoFuture {
        operation::<T, _>("rekey", self.run())
    }
}

impl<T: S3Schema, F> fmt::Debug for Rekey<'_, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rekey")
            .field("table", &self.table)
            .finish_non_exhaustive()
    }
}
