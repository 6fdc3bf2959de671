//! `delete_all` and `update_all`: every row of a table, or of a folder of it.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;

use super::guard::confirmed;
use super::keys::Listed;
use super::report::{Failed, Outcome};
use super::{Batch, Items};
use crate::error::{Error, ErrorKind, Result};
use crate::row::Row;
use crate::schema::S3Schema;
use crate::table::{Decision, RequestFuture, Table, Update, operation};

/// What a pass over a table did.
#[derive(Debug)]
#[must_use = "rows that failed are in the report alone"]
pub struct Swept<K> {
    /// Rows that were deleted or changed.
    pub done: u64,
    /// Rows that the closure refused, or that somebody deleted meanwhile.
    pub skipped: u64,
    /// Objects in the table's folder that are no rows of it, and were left alone.
    pub foreign: u64,
    /// Rows that failed, in no order. It alone grows with the table, in the worst case.
    pub failed: Vec<Failed<K>>,
}

impl<K> Swept<K> {
    /// How many rows were deleted or changed, if none failed.
    ///
    /// # Errors
    /// The first failed row's.
    pub fn into_result(self) -> Result<u64> {
        match self.failed.into_iter().next() {
            Some(failed) => Err(failed.error),
            None => Ok(self.done),
        }
    }
}

/// The rows of a pass, and how it goes about them.
struct Scope<'a> {
    /// Empty, or with a `/` at its end.
    under: String,
    concurrency: Option<usize>,
    progress: Option<Box<dyn FnMut(u64) + Send + 'a>>,
}

impl<'a> Scope<'a> {
    fn new() -> Self {
        Self {
            under: String::new(),
            concurrency: None,
            progress: None,
        }
    }

    /// Runs a batch whose input is the table's keys.
    async fn sweep<O: Send + 'a, K: Send + 'a>(
        self,
        mut batch: Batch<'a, O, K>,
        is_done: fn(&O) -> bool,
        listed: Arc<Listed>,
    ) -> Result<Swept<K>> {
        if let Some(requests) = self.concurrency {
            batch = batch.concurrency(requests);
        }
        if let Some(mut call) = self.progress {
            batch = batch.on_progress(move |done, _| call(done));
        }
        let (mut done, mut skipped, mut failed) = (0, 0, Vec::new());
        let each = |outcome: Outcome<O, K>| match outcome {
            Ok(outcome) if is_done(&outcome) => done += 1,
            Ok(_) => skipped += 1,
            Err(row) => failed.push(row),
        };
        batch.drain(each).await;
        if let Some(error) = listed.error() {
            let help = format!("{done} rows were done before the listing failed; run it again");
            return Err(error.with_help(help));
        }
        Ok(Swept {
            done,
            skipped,
            foreign: listed.foreign(),
            failed,
        })
    }
}

/// The options of a pass over a table.
macro_rules! scope_options {
    () => {
        /// Only the rows under a folder of the table: the first columns as they stand in a key,
        /// with a `/` at the end, so that no value is matched by its half: `Oslo/`.
        pub fn under(mut self, folder: impl Into<String>) -> Self {
            self.scope.under = folder.into();
            self
        }

        /// How many requests are under way at once.
        pub fn concurrency(mut self, requests: usize) -> Self {
            self.scope.concurrency = Some(requests);
            self
        }

        /// Calls back with the number of rows that are done, whatever became of them.
        pub fn on_progress(mut self, call: impl FnMut(u64) + Send + 'a) -> Self {
            self.scope.progress = Some(Box::new(call));
            self
        }

        /// Shows a progress bar on standard error, if that is a terminal: how many rows are done and
        /// how many a second. In place of [`on_progress`](Self::on_progress). With the cargo feature
        /// `progress`.
        #[cfg(feature = "progress")]
        pub fn progress_bar(self, what: &str) -> Self {
            self.progress_on(super::progress::bar(what))
        }

        /// Shows what is done on a bar of one's own, as [`progress_bar`](Self::progress_bar) does.
        #[cfg(feature = "progress")]
        pub fn progress_on(self, bar: indicatif::ProgressBar) -> Self {
            let mut show = super::progress::show(bar);
            self.on_progress(move |done| show(done, None))
        }
    };
}

/// A request of [`Table::delete_all`].
#[must_use = "requests do nothing until awaited"]
pub struct DeleteAll<'a, T> {
    table: &'a Table<T>,
    scope: Scope<'a>,
    confirmed: Option<String>,
}

/// A request of [`Table::update_all`].
#[must_use = "requests do nothing until awaited"]
pub struct UpdateAll<'a, T, F> {
    table: &'a Table<T>,
    scope: Scope<'a>,
    change: F,
}

impl<T: S3Schema> Table<T> {
    /// Deletes all rows; awaiting returns [`Swept`]. The table's name must be repeated:
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema};
    /// # #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<city>/<id>")]
    /// # struct Person { city: String, id: u64 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let people = Db::connect("memory:").await?.table::<Person>();
    /// # people.put(Person { city: "Oslo".into(), id: 1 }).await?;
    /// people.delete_all().await.unwrap_err();
    /// let deleted = people.delete_all().under("Oslo/").confirm("people").await?.into_result()?;
    /// assert_eq!(deleted, 1);
    /// # Ok(()) }
    /// ```
    ///
    /// Rows that are written meanwhile may survive. Objects in the table's folder that are no rows
    /// of it are left alone, and counted.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) if the name was not repeated,
    /// [`InvalidKey`](ErrorKind::InvalidKey) if the folder has no `/` at its end, and those of the
    /// listing. What keeps single rows from being deleted is in the report.
    ///
    /// # Cost
    /// 1 LIST and 1 POST (`DeleteObjects`) for each 1,000 rows. Of a stamped table 1 LIST for each
    /// 1,000 rows, and that of [`delete`](Self::delete) a row.
    pub fn delete_all(&self) -> DeleteAll<'_, T> {
        DeleteAll {
            table: self,
            scope: Scope::new(),
            confirmed: None,
        }
    }

    /// Changes every row, each by its own compare-and-swap as [`update`](Self::update) does;
    /// awaiting returns [`Swept`].
    ///
    /// The closure may run several times for a row, and for several rows at once. Where it returns
    /// an `Err`, the row stays as it is. Rows that are written meanwhile may be passed over.
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema};
    /// # #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<id>")]
    /// # struct Person { id: u64, age: u32 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let people = Db::connect("memory:").await?.table::<Person>();
    /// # people.put_many((0..10).map(|id| Person { id, age: 30 })).await.into_result()?;
    /// let swept = people
    ///     .update_all(|person| {
    ///         if person.id < 3 {
    ///             return Err("young enough");
    ///         }
    ///         person.age += 1;
    ///         Ok(())
    ///     })
    ///     .await?;
    /// assert_eq!((swept.done, swept.skipped), (7, 3));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Those of the listing. What keeps single rows from being changed is in the report: the
    /// errors of [`update`](Self::update).
    ///
    /// # Cost
    /// 1 LIST for each 1,000 rows; 1 GET and 1 PUT a row, and as much again for each time that
    /// somebody was faster.
    pub fn update_all<F, D>(&self, change: F) -> UpdateAll<'_, T, F>
    where
        F: Fn(&mut T) -> D + Send + Sync,
        D: Decision,
    {
        UpdateAll {
            table: self,
            scope: Scope::new(),
            change,
        }
    }

    /// The keys that a pass goes over.
    fn scope(&self, under: &str) -> Result<(Items<'static, T::Key>, Arc<Listed>)> {
        if under.is_empty() || under.ends_with('/') {
            return Ok(self.keys_under(under));
        }
        let detail = format!("`{}` is no folder of the table", under.escape_debug());
        let help = "write a `/` at its end: half a value would match other values, too";
        Err(Error::new(ErrorKind::InvalidKey, detail).with_help(help))
    }
}

impl<'a, T: S3Schema> DeleteAll<'a, T> {
    scope_options!();

    /// Confirms the deletion by the table's name.
    pub fn confirm(mut self, table: impl Into<String>) -> Self {
        self.confirmed = Some(table.into());
        self
    }

    async fn run(self) -> Result<Swept<T::Key>> {
        let (table, name) = (self.table, T::SCHEMA.table);
        confirmed("delete_all", name, self.confirmed.as_deref())?;
        let (keys, listed) = table.scope(&self.scope.under)?;
        let batch = table.deletions("delete_all", keys);
        self.scope.sweep(batch, |&()| true, listed).await
    }
}

impl<'a, T: S3Schema, F, D> UpdateAll<'a, T, F>
where
    F: Fn(&mut T) -> D + Send + Sync + 'a,
    D: Decision + 'a,
{
    scope_options!();

    async fn run(self) -> Result<Swept<T::Key>> {
        let (table, change) = (self.table, Arc::new(self.change));
        let (keys, listed) = table.scope(&self.scope.under)?;
        let subject = (table.db().clone(), "update_all", T::SCHEMA.table);
        let batch = Batch::each(subject, keys, move |key: T::Key, _| {
            let change = Arc::clone(&change);
            async move {
                let updated = Update::new(table, key.clone(), |row: &mut T| change(row)).await;
                changed(updated).map_err(|error| Failed { input: key, error })
            }
        });
        self.scope.sweep(batch, |&changed| changed, listed).await
    }
}

/// Whether the row was changed.
fn changed<T>(updated: Result<Row<T>>) -> Result<bool> {
    match updated {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::NotFound) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

impl<'a, T: S3Schema> IntoFuture for DeleteAll<'a, T> {
    type Output = Result<Swept<T::Key>>;
    type IntoFuture = RequestFuture<'a, Swept<T::Key>>;

    fn into_future(self) -> Self::IntoFuture {
        operation::<T, _>("delete_all", self.run())
    }
}

impl<'a, T: S3Schema, F, D> IntoFuture for UpdateAll<'a, T, F>
where
    F: Fn(&mut T) -> D + Send + Sync + 'a,
    D: Decision + 'a,
{
    type Output = Result<Swept<T::Key>>;
    type IntoFuture = RequestFuture<'a, Swept<T::Key>>;

    fn into_future(self) -> Self::IntoFuture {
        operation::<T, _>("update_all", self.run())
    }
}

impl<T> fmt::Debug for DeleteAll<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("DeleteAll");
        debug.field("table", &self.table);
        debug.field("under", &self.scope.under).finish()
    }
}

impl<T, F> fmt::Debug for UpdateAll<'_, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("UpdateAll");
        debug.field("table", &self.table);
        debug.field("under", &self.scope.under).finish()
    }
}
