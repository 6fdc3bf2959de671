//! Rows of a dynamic table by some of their columns.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt as _, TryStreamExt as _};

use super::{DynamicTable, Filter, Values};
use crate::batch::{Guarded, bulk};
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::error::Result;
use crate::row::Row;
use crate::store::ETag;

/// The rows that have some values: of [`DynamicTable::query`]. Nothing is requested before one of
/// its ends is called.
#[derive(Debug, Clone)]
#[must_use = "a query does nothing until one of its ends is called"]
pub struct Query {
    pub(super) table: DynamicTable,
    pub(super) values: Values,
    pub(super) filter: Option<Filter>,
    pub(super) scan: bool,
    pub(super) limit: Option<usize>,
    pub(super) after: Option<String>,
    pub(super) segments: usize,
    pub(super) concurrency: usize,
}

/// A row as a listing shows it: what is known without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its columns.
    pub values: Values,
    /// Its key, as it is on the bucket.
    pub key: String,
    /// Its bytes.
    pub size: u64,
    /// When it was written, by S3's clock.
    pub last_modified: SystemTime,
    /// Its version's entity tag.
    pub etag: ETag,
}

impl DynamicTable {
    /// The rows that have these values, whole values: `1` is not `10`.
    ///
    /// The values must be of the first columns, which is a prefix of the keys; others need
    /// [`scan`](Query::scan).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let db = s3orm::Db::connect("memory:").await?;
    /// let people = db.dynamic("people").columns(["date", "id"])?;
    /// # people.put([("date", "2024-01-01"), ("id", "7")], "Ann").await?;
    /// let mut rows = people.query([("date", "2024-01-01")]).list().await?;
    /// rows.sort_by_key(|row| std::cmp::Reverse(row.last_modified));
    /// println!("{} is the newest, with {} bytes", rows[0].values, rows[0].size);
    ///
    /// let error = people.query([("id", "7")]).count().await.unwrap_err();
    /// assert!(error.to_string().ends_with("give `date` too, or write `.scan()` to list the whole table"));
    /// # Ok(()) }
    /// ```
    pub fn query(&self, values: impl Into<Values>) -> Query {
        Query {
            table: self.clone(),
            values: values.into(),
            filter: None,
            scan: false,
            limit: None,
            after: None,
            segments: 1,
            concurrency: self.db.concurrency().unwrap_or(16),
        }
    }

    /// All rows.
    pub fn all(&self) -> Query {
        self.query(Values::default())
    }

    /// The columns of every row. See [`Query::keys`].
    ///
    /// # Errors
    /// Those of the connection.
    ///
    /// # Cost
    /// 1 LIST for each 1,000 rows.
    pub async fn keys(&self) -> Result<Vec<Values>> {
        self.all().keys().await
    }

    /// How many rows there are.
    ///
    /// # Errors
    /// Those of the connection.
    ///
    /// # Cost
    /// 1 LIST for each 1,000 rows.
    pub async fn count(&self) -> Result<u64> {
        self.all().count().await
    }

    /// The raw keys that begin with a text, whether they are rows of the columns or not. The text
    /// may end anywhere: `2024-01-0` finds nine days.
    ///
    /// # Errors
    /// Those of the connection.
    ///
    /// # Cost
    /// 1 LIST for each 1,000 keys.
    pub async fn query_by_key(&self, prefix: &str) -> Result<Vec<String>> {
        let folder = self.folder.len();
        let objects = self.db.objects(format!("{}{prefix}", self.folder));
        let keys = objects.map_ok(|object| object.key[folder..].to_owned());
        self.during("query_by_key", keys.try_collect().await)
    }
}

impl Query {
    /// Allows to list the whole table and to compare every key: where the values given are not
    /// those of the first columns.
    pub fn scan(mut self) -> Self {
        self.scan = true;
        self
    }

    /// Keeps the rows that meet a condition, and all conditions given before.
    ///
    /// What the key columns decide is decided by the keys, and narrows what is listed where the column
    /// after the query's values is listed in order; for the rest each row is read, and is JSON: then
    /// [`count`](Self::count) and the like read rows as well. Where that is every row of the table it
    /// takes a [`scan`](Self::scan).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let db = s3orm::Db::connect("memory:").await?;
    /// use serde_json::json;
    ///
    /// let people = db.dynamic("people").path("<city>/<id:u64>")?;
    /// for (id, age) in [("9", 17), ("10", 30)] {
    ///     people.put([("city", "Oslo"), ("id", id)], json!({"age": age})).await?;
    /// }
    /// let oslo = people.query([("city", "Oslo")]);
    /// assert_eq!(oslo.clone().filter("id >= 9".parse()?).count().await?, 2);      // as numbers
    /// assert_eq!(oslo.filter("age >= 18".parse()?).count().await?, 1);
    /// # Ok(()) }
    /// ```
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = Some(match self.filter.take() {
            Some(before) => before.and(filter),
            None => filter,
        });
        self
    }

    /// At most this many rows.
    pub fn limit(mut self, rows: usize) -> Self {
        self.limit = Some(rows);
        self
    }

    /// Only rows whose key, as it is on the bucket, is greater than this one: to go on where something
    /// ended. There need not be a row with it.
    pub fn after(mut self, key: impl Into<String>) -> Self {
        self.after = Some(key.into());
        self
    }

    /// Lists keys at so many places at the same time (1 unless set, 64 at most), which are found on the
    /// way: for tables of many thousand rows. The answer has no order then; [`list`](Self::list) goes
    /// through the keys in order all the same.
    pub fn segments(mut self, places: usize) -> Self {
        self.segments = places.clamp(1, 64);
        self
    }

    /// How many rows are read at once (16 unless set, and at least 1).
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.concurrency = requests.max(1);
        self
    }

    /// The rows as the listing shows them, in the order of their keys.
    ///
    /// # Errors
    /// [`InvalidKey`](ErrorKind::InvalidKey) if a column is unknown, or if it takes a
    /// [`scan`](Self::scan); and those of the connection.
    ///
    /// # Cost
    /// 1 LIST for each 1,000 rows that have the values of the first columns.
    pub async fn list(self) -> Result<Vec<Listed>> {
        self.listing().try_collect().await
    }

    /// As [`list`](Self::list), as a stream, which holds a page of keys.
    ///
    /// # Errors
    /// Items, as those of [`list`](Self::list), each the last.
    ///
    /// # Cost
    /// As [`list`](Self::list).
    pub fn listing(self) -> BoxStream<'static, Result<Listed>> {
        let table = self.table.clone();
        // Of a listing in order alone sizes and times are known.
        match self.segments(1).found(false) {
            Ok(found) => {
                let listed = found.try_filter_map(|found| std::future::ready(Ok(found.listed())));
                listed.map(move |row| table.during("query", row)).boxed()
            }
            Err(error) => futures_util::stream::iter([table.during("query", Err(error))]).boxed(),
        }
    }

    /// The columns of the rows, in the order of their keys.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    ///
    /// # Cost
    /// As [`list`](Self::list).
    pub async fn keys(self) -> Result<Vec<Values>> {
        let table = self.table.clone();
        let keys = match self.found(false) {
            Ok(found) => found.map_ok(|found| found.values).try_collect().await,
            Err(error) => Err(error),
        };
        table.during("query", keys)
    }

    /// How many rows there are. Memory does not grow with them.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    ///
    /// # Cost
    /// As [`list`](Self::list).
    pub async fn count(self) -> Result<u64> {
        let table = self.table.clone();
        let count = match self.found(false) {
            Ok(found) => {
                let count = found.try_fold(0, |count, _| async move { Ok(count + 1) });
                count.await
            }
            Err(error) => Err(error),
        };
        table.during("count", count)
    }

    /// The rows themselves, in the order of their keys.
    ///
    /// # Errors
    /// As [`list`](Self::list), and those of [`select`](DynamicTable::select).
    ///
    /// # Cost
    /// As [`list`](Self::list), and 1 GET a row.
    pub async fn rows(self) -> Result<Vec<Row<Bytes>>> {
        self.stream().try_collect().await
    }

    /// The rows themselves as a stream, in the order of their keys. It holds a page of keys and as
    /// many rows as are read at once. Rows that were deleted meanwhile are left out.
    ///
    /// # Errors
    /// Items, as those of [`rows`](Self::rows). A listing that fails is the last item.
    ///
    /// # Cost
    /// As [`rows`](Self::rows).
    pub fn stream(self) -> BoxStream<'static, Result<Row<Bytes>>> {
        let table = self.table.clone();
        match self.found(true) {
            Ok(found) => {
                let rows = found.try_filter_map(|found| std::future::ready(Ok(found.row)));
                rows.map(move |row| table.during("query", row)).boxed()
            }
            Err(error) => futures_util::stream::iter([table.during("query", Err(error))]).boxed(),
        }
    }

    /// Deletes the rows; awaiting returns how many there were. The table's name must be repeated,
    /// by [`confirm`](Guarded::confirm).
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) if it was not confirmed; as [`list`](Self::list); and the
    /// first that keeps a row from being deleted: to delete again goes on.
    ///
    /// # Cost
    /// As [`list`](Self::list), and 1 POST (`DeleteObjects`) for each 1,000 rows.
    pub fn delete(self) -> Guarded<'static, u64> {
        let (table, name) = (self.table.clone(), Arc::clone(&self.table.name));
        Guarded::new("delete", &name, async move {
            table.may_write()?;
            let keys = self.found(false)?.map_ok(|found| found.key);
            bulk::delete_all(&table.db, keys).await
        })
    }
}
