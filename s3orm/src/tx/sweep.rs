//! What transactions leave behind, and who collects it.
//!
//! A record goes only once it is decided, every row that it lists is clean, and it is so old that no
//! request of its transaction can still be alive: an hour, by S3's own clock, which is that of an
//! object just written. A token's record stays for a day, and an aborted one until the attempt after
//! it is gone, so that a token is not taken for a new one.

use std::future::IntoFuture;
use std::time::{Duration, SystemTime};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::finish::clean;
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::S3Schema;
use crate::stamp::body::is_marked;
use crate::stamp::record::{self, Decided, Record, State, TxId};
use crate::stamp::seen;
use crate::store::{DeleteObject, ETag, Metadata, Precondition, PutObject};
use crate::table::{RequestFuture, Table, operation, store_error, write_error};
use crate::write::{self, Failure};

/// How old something must be before it is removed: the five minutes for which a client goes on
/// sending, the quarter of an hour for which S3 takes a signed request, and a margin.
pub(crate) const GRACE: Duration = Duration::from_hours(1);
/// How long tokens are remembered.
const TOKENS: Duration = Duration::from_hours(24);
/// Records and rows that are looked at at the same time.
const CONCURRENCY: usize = 16;

/// What [`Db::sweep`] or [`Db::settle`] has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SweepReport {
    /// Transactions that stood still, and were aborted.
    pub aborted: u64,
    /// Rows that were still under a decided transaction, and are plain ones now.
    pub finished: u64,
    /// Records that were removed.
    pub collected: u64,
    /// Records that stay: they are too young, of a transaction that is under way, or among
    /// [`failed`](Self::failed); and those of which the answer to the removal was lost.
    pub left: u64,
    /// Records that could not be read, decided or finished, each with the reason; a thousand at most.
    pub failed: Vec<(String, String)>,
}

/// Failed records that a report names at most.
const NAMED: usize = 1000;

impl Db {
    /// Finishes what transactions have left behind, and removes records that are no longer needed;
    /// awaiting returns a [`SweepReport`].
    ///
    /// It may run anywhere, at any time, several times at once, and be cut off. Without it, nothing
    /// is wrong: records add up, and rows that a crash left under a decided transaction cost their
    /// readers a request more.
    ///
    /// # Errors
    /// Those of the connection, [`Unsupported`](ErrorKind::Unsupported) if the store does not delete
    /// conditionally. What was done is done, and sweeping again goes on. What is of one record alone, a
    /// lost answer or a record that cannot be read, is in the report.
    ///
    /// # Cost
    /// 1 PUT and 1 HEAD; 1 LIST a thousand records; for each record 1 GET, 1 GET a row, and 1 DELETE
    /// when it goes. What is to be done adds 1 PUT a record that stood still, and 1 PUT and 1 GET a
    /// row.
    pub async fn sweep(&self) -> Result<SweepReport> {
        self.go_over_records(true)
            .await
            .map_err(|error| error.during("sweep", ""))
    }

    /// Makes plain rows of those that are under a decided transaction: before others read the objects
    /// without this library, copy or replicate them.
    ///
    /// # Errors
    /// Those of the connection. What is of one record alone is in the report.
    ///
    /// # Cost
    /// As [`sweep`](Self::sweep), without the removals.
    pub async fn settle(&self) -> Result<SweepReport> {
        self.go_over_records(false)
            .await
            .map_err(|error| error.during("settle", ""))
    }

    async fn go_over_records(&self, collect: bool) -> Result<SweepReport> {
        let now = self.s3_now().await?;
        let records = self.objects(format!("{}{}", self.prefix(), record::FOLDER));
        let done = records.map_ok(|object| self.go_over(object.key, now, collect));
        let done = done.try_buffer_unordered(CONCURRENCY);
        done.try_fold(SweepReport::default(), |mut report, done| async move {
            report.add(done);
            Ok(report)
        })
        .await
    }

    /// One record. What keeps it from being tidied up is not in the way of the others.
    async fn go_over(&self, key: String, now: SystemTime, collect: bool) -> Result<SweepReport> {
        let mut report = SweepReport::default();
        match self.tidy(&key, now, collect, &mut report).await {
            Err(error)
                if error.kind().concerns_row()
                    || matches!(
                        error.kind(),
                        ErrorKind::OutcomeUnknown | ErrorKind::Conflict
                    ) =>
            {
                report.left += 1;
                report.failed.push((key, error.to_string()));
            }
            outcome => outcome?,
        }
        Ok(report)
    }

    async fn tidy(
        &self,
        key: &str,
        now: SystemTime,
        collect: bool,
        report: &mut SweepReport,
    ) -> Result<()> {
        let Some(id) = TxId::of_object(self, key) else {
            return Ok(());
        };
        let Some(record) = Record::read(self, &id).await? else {
            return Ok(());
        };
        let (record, aborted) = self.decided(record, now).await?;
        report.aborted += u64::from(aborted);
        let Some(record) = record else {
            report.left += 1;
            return Ok(());
        };
        let rows = stream::iter(record.body.keys.clone()).map(|path| {
            let (key, id) = (format!("{}{path}", self.prefix()), &id);
            async move { clean(self, &key, id).await }
        });
        let cleaned: Vec<bool> = rows.buffer_unordered(CONCURRENCY).try_collect().await?;
        report.finished += cleaned.iter().filter(|was| **was).count() as u64;
        let removed = collect
            && self.is_over(&record, now).await?
            && remove(self, key.to_owned(), record.etag).await?;
        report.collected += u64::from(removed);
        report.left += u64::from(!removed);
        Ok(())
    }

    /// The record once it is decided, which is done here if it has stood still; and whether it was.
    async fn decided(&self, record: Record, now: SystemTime) -> Result<(Option<Record>, bool)> {
        if record.state() != State::Pending {
            return Ok((Some(record), false));
        }
        // S3 gives whole seconds.
        let patience = self.transaction_lease() + Duration::from_secs(2);
        if age(record.last_modified, now) < patience {
            return Ok((None, false));
        }
        match record.decide(self, State::Aborted).await? {
            Decided::As(record) => {
                let aborted = record.state() == State::Aborted;
                Ok((Some(record), aborted))
            }
            Decided::Missing => Ok((None, false)),
            Decided::Unknown(error) => Err(error),
        }
    }

    /// Whether nobody can need a decided record any more.
    async fn is_over(&self, record: &Record, now: SystemTime) -> Result<bool> {
        let age = age(record.last_modified, now);
        let Some(token) = &record.body.token else {
            return Ok(age >= GRACE);
        };
        if age < TOKENS + GRACE {
            return Ok(false);
        }
        match TxId::parse(&token.next) {
            Some(next) if record.state() == State::Aborted => {
                Ok(Record::read(self, &next).await?.is_none())
            }
            _ => Ok(true),
        }
    }

    /// What time it is for S3: that of an object just written.
    ///
    /// Cost: 1 PUT, 1 HEAD.
    pub(crate) async fn s3_now(&self) -> Result<SystemTime> {
        let key = format!("{}_s3orm/clock", self.prefix());
        let mut metadata = Metadata::new();
        metadata.insert(write::ID.to_owned(), write::new_id(self.env()));
        let request = PutObject {
            key: key.clone(),
            metadata,
            content_type: Some("application/octet-stream".into()),
            ..PutObject::default()
        };
        if let Err(failure) = write::put(self.store(), self.env(), &request).await {
            return Err(write_error(failure, key, ErrorKind::Conflict));
        }
        let meta = self.store().head(&key).await;
        let meta = meta.map_err(|error| store_error(error, Some(key.clone())))?;
        meta.last_modified.ok_or_else(|| {
            Error::new(
                ErrorKind::Internal,
                "S3 does not say when an object was written",
            )
            .with_key(key)
        })
    }
}

/// How long ago it was. What was just written is new.
pub(crate) fn age(written: Option<SystemTime>, now: SystemTime) -> Duration {
    let age = written.and_then(|written| now.duration_since(written).ok());
    age.unwrap_or_default()
}

/// Removes an object if it is still the one that was looked at; whether it was, for certain. If the
/// answer is lost, the next run sees what became of it.
async fn remove(db: &Db, key: String, etag: ETag) -> Result<bool> {
    let request = DeleteObject {
        key: key.clone(),
        precondition: Precondition::IfMatch(etag),
    };
    match write::delete(db.store(), db.env(), request).await {
        Ok(()) => Ok(true),
        Err(Failure::Refused(error)) if write::is_race(&error) => Ok(false),
        Err(Failure::Unknown(error)) => {
            tracing::debug!(key, %error, "nobody knows whether an object was removed");
            Ok(false)
        }
        Err(failure) => Err(write_error(failure, key, ErrorKind::Conflict)),
    }
}

impl SweepReport {
    fn add(&mut self, other: Self) {
        let Self {
            aborted,
            finished,
            collected,
            left,
            failed,
        } = other;
        self.aborted += aborted;
        self.finished += finished;
        self.collected += collected;
        self.left += left;
        self.failed.extend(failed);
        self.failed.truncate(NAMED);
    }
}

impl<T: S3Schema> Table<T> {
    /// Removes what deleted rows have left in a stamped table an hour ago or earlier; awaiting
    /// returns how many. Of other tables deleted rows leave nothing.
    ///
    /// It may run while others read and write, several times at once, and be cut off. What cannot be
    /// read is no such remains and stays; a removal whose answer is lost is not counted.
    ///
    /// # Errors
    /// Those of the connection, [`Unsupported`](ErrorKind::Unsupported) if the store does not delete
    /// conditionally.
    ///
    /// # Cost
    /// 1 PUT and 1 HEAD; 1 LIST a thousand rows; 1 GET and 1 DELETE for each.
    pub fn vacuum(&self) -> Vacuum<'_, T> {
        Vacuum(self)
    }

    async fn run_vacuum(&self) -> Result<u64> {
        if !T::SCHEMA.is_stamped() {
            return Ok(0);
        }
        let db = self.db();
        let now = db.s3_now().await?;
        let objects = db.objects(self.folder().to_owned());
        let old = objects.try_filter(|object| {
            let is_old = age(Some(object.last_modified), now) >= GRACE;
            std::future::ready(is_marked(object.size) && is_old)
        });
        let removed = old.map_ok(|object| async move {
            let seen = match seen::look(db, &object.key).await {
                Err(error) if error.kind().concerns_row() => return Ok(false),
                seen => seen?,
            };
            let Some(found) = seen.object else {
                return Ok(false);
            };
            if seen.row.is_some() || found.under.is_some() || found.meta.etag != object.etag {
                return Ok(false);
            }
            remove(db, object.key, object.etag).await
        });
        let removed = removed.try_buffer_unordered(CONCURRENCY);
        removed
            .try_fold(
                0,
                |count, removed| async move { Ok(count + u64::from(removed)) },
            )
            .await
    }
}

/// A request of [`Table::vacuum`].
#[derive(Debug)]
#[must_use = "requests do nothing until awaited"]
pub struct Vacuum<'a, T>(&'a Table<T>);

impl<'a, T: S3Schema> IntoFuture for Vacuum<'a, T> {
    type Output = Result<u64>;
    type IntoFuture = RequestFuture<'a, u64>;

    fn into_future(self) -> Self::IntoFuture {
        operation::<T, _>("vacuum", self.0.run_vacuum())
    }
}
