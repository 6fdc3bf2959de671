//! Rows of a dynamic table by some of their columns.

use std::time::SystemTime;

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt as _, TryStreamExt as _};

use super::{DynamicTable, Values};
use crate::batch::{Guarded, bulk};
use crate::error::{Error, ErrorKind, Result};
use crate::row::Row;
use crate::store::{ETag, ListObjects, ListedObject};

/// The rows that have some values: of [`DynamicTable::query`]. Nothing is requested before one of
/// its ends is called.
#[derive(Debug, Clone)]
#[must_use = "a query does nothing until one of its ends is called"]
pub struct Query {
    pub(super) table: DynamicTable,
    pub(super) values: Values,
    pub(super) scan: bool,
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
            scan: false,
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
        let table = self.table.clone();
        let listed = match self.listing() {
            Ok(listing) => listing.try_collect().await,
            Err(error) => Err(error),
        };
        table.during("query", listed)
    }

    /// The columns of the rows, in the order of their keys.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    ///
    /// # Cost
    /// As [`list`](Self::list).
    pub async fn keys(self) -> Result<Vec<Values>> {
        let listed = self.list().await?;
        Ok(listed.into_iter().map(|row| row.values).collect())
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
        let count = match self.listing() {
            Ok(listing) => {
                let count = listing.try_fold(0, |count, _| async move { Ok(count + 1) });
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
        let (table, concurrency) = (self.table.clone(), self.concurrency);
        let listing = match self.listing() {
            Ok(listing) => listing,
            Err(error) => futures_util::stream::iter([Err(error)]).boxed(),
        };
        let reads = listing.map(move |row| {
            let table = table.clone();
            async move {
                let row = match row {
                    Ok(row) => table.fetch(Ok(row.key)).await,
                    Err(error) => Err(error),
                };
                table.during("query", row).transpose()
            }
        });
        let rows = reads.buffered(concurrency);
        rows.filter_map(std::future::ready).boxed()
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
        let table = self.table.clone();
        Guarded::new("delete", &table.name, async move {
            let keys = self.listing()?.map_ok(|row| row.key);
            bulk::delete_all(&table.db, keys).await
        })
    }

    /// The rows of the query in the order of their keys.
    pub(super) fn listing(self) -> Result<BoxStream<'static, Result<Listed>>> {
        let Self {
            table,
            values,
            scan,
            ..
        } = self;
        let (prefix, fixed) = table.layout.prefix(&values)?;
        if fixed < values.len() && !scan {
            let columns = &table.layout.columns;
            let later = columns.iter().rfind(|column| values.get(column).is_some());
            let later = later.map_or("", String::as_str);
            return Err(no_prefix(later, &columns[fixed]));
        }
        let prefix = format!("{}{prefix}", table.folder);
        let objects = if fixed == table.layout.columns.len() {
            // The first key that begins with a row's key is the row's own.
            let first = ListObjects {
                prefix,
                limit: Some(1),
                ..ListObjects::default()
            };
            let page = table.db.pages(first).take(1).boxed();
            page.map_ok(|page| futures_util::stream::iter(page.objects).map(Ok))
                .try_flatten()
                .boxed()
        } else {
            table.db.objects(prefix).boxed()
        };
        let rows = objects.try_filter_map(move |object| {
            let row = listed(&table, object).filter(|row| row.values.include(&values));
            std::future::ready(Ok(row))
        });
        Ok(rows.boxed())
    }
}

fn listed(table: &DynamicTable, object: ListedObject) -> Option<Listed> {
    Some(Listed {
        values: table.values(&object.key)?,
        key: object.key,
        size: object.size,
        last_modified: object.last_modified,
        etag: object.etag,
    })
}

/// The error of a column that fixes no prefix of the keys, for want of one before it.
pub(super) fn no_prefix(column: &str, missing: &str) -> Error {
    let detail = format!("`{column}` alone is no prefix of the keys");
    let help = format!("give `{missing}` too, or write `.scan()` to list the whole table");
    Error::new(ErrorKind::InvalidKey, detail).with_help(help)
}
