//! The ends of a query: what makes its requests.

use std::future::poll_fn;

use super::Query;
use super::answer::collect;
use super::rows::{KeyStream, RowStream};
use crate::error::{Error, ErrorKind, Result};
use crate::row::Row;
use crate::schema::S3Schema;
use crate::table::operation;

/// The ends. Each lists `ceil(k / 1000)` pages for `k` keys of the range (and one more where a bound
/// of [`within`](Query::within) falls on the end of a page), and reads rows where it says so.
///
/// Errors of every end: [`InvalidKey`](ErrorKind::InvalidKey) for a value without a key text,
/// [`Budget`](ErrorKind::Budget), and those of the connection; of those that read rows also
/// [`Unsupported`](ErrorKind::Unsupported) for a query that needs [`scan`](Query::scan), and
/// [`Decode`](ErrorKind::Decode) and [`LimitExceeded`](ErrorKind::LimitExceeded) of a row, with its
/// key. A row that is deleted while it is looked for is not there.
impl<T: S3Schema, At> Query<'_, T, At> {
    /// The rows, read as the stream is.
    ///
    /// # Errors
    /// [`InvalidKey`](ErrorKind::InvalidKey), [`Unsupported`](ErrorKind::Unsupported) if it needs
    /// [`scan`](Self::scan). The stream's own errors are its items.
    ///
    /// # Cost
    /// As far as it is read: 1 LIST a thousand keys, at most a page ahead, and 1 GET a row, at most
    /// [`concurrency`](Self::concurrency) ahead.
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema};
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<city>/<id>")]
    /// # struct Person { city: String, id: u64 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let people = Db::connect("memory:").await?.table::<Person>();
    /// # people.put(Person { city: "Oslo".into(), id: 1 }).await?;
    /// let mut rows = people.query().at(Person::KEY.city, "Oslo").stream()?;
    /// while let Some(row) = rows.next().await {
    ///     println!("{}", row?.id);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn stream(self) -> Result<RowStream<T>> {
        self.checked_rows(self.spec.limit)
            .map_err(|error| error.during("query", T::SCHEMA.table))
    }

    /// All rows in memory: 10,000 at most, unless [`limit`](Self::limit) says otherwise.
    ///
    /// # Errors
    /// [`LimitExceeded`](ErrorKind::LimitExceeded) if there are more than 10,000 and no limit was
    /// set: [`stream`](Self::stream) them. The first row's that cannot be read.
    ///
    /// # Cost
    /// As [`stream`](Self::stream), whole.
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema};
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<city>/<id>")]
    /// # struct Person { city: String, id: u64 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let people = Db::connect("memory:").await?.table::<Person>();
    /// # people.put(Person { city: "Oslo".into(), id: 1 }).await?;
    /// let rows = people.query().at(Person::KEY.city, "Oslo").all().await?;
    /// assert_eq!(rows.len(), 1);
    /// # Ok(()) }
    /// ```
    pub async fn all(self) -> Result<Vec<T>> {
        let rows = self.all_rows().await?;
        Ok(rows.into_iter().map(Row::into_inner).collect())
    }

    /// All rows in memory with their versions, as [`all`](Self::all): for
    /// [`save`](crate::Table::save).
    ///
    /// # Errors
    /// As [`all`](Self::all).
    ///
    /// # Cost
    /// As [`all`](Self::all).
    pub async fn all_rows(self) -> Result<Vec<Row<T>>> {
        operation::<T, _>("query", async move {
            collect(self.checked_rows(self.spec.limit)?, self.spec.limit).await
        })
        .await
    }

    /// The first row, or `None`.
    ///
    /// # Errors
    /// Those of every end.
    ///
    /// # Cost
    /// 1 LIST and 1 GET, 1 LIST if there is none; with a filter that reads rows, as
    /// [`stream`](Self::stream) up to the row.
    pub async fn first(mut self) -> Result<Option<T>> {
        self.spec.limit = Some(1);
        Ok(self.all().await?.pop())
    }

    /// The only row.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) if there is none, [`Conflict`](ErrorKind::Conflict) if
    /// there are several.
    ///
    /// # Cost
    /// As [`limit(2)`](Self::limit).
    pub async fn one(mut self) -> Result<T> {
        self.spec.limit = Some(2);
        let mut rows = self.all().await?;
        let error = match (rows.pop(), rows.is_empty()) {
            (Some(row), true) => return Ok(row),
            (None, _) => Error::new(ErrorKind::NotFound, "no row meets the query"),
            (Some(_), false) => {
                Error::new(ErrorKind::Conflict, "more than one row meets the query")
                    .with_help("take the `first`, or narrow the query")
            }
        };
        Err(error.during("query", T::SCHEMA.table))
    }

    /// How many rows there are, up to the [`limit`](Self::limit).
    ///
    /// # Errors
    /// Those of every end.
    ///
    /// # Cost
    /// 1 LIST a thousand keys; rows are read only for a filter that the key does not decide.
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema};
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<city>/<id>")]
    /// # struct Person { city: String, id: u64 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let people = Db::connect("memory:").await?.table::<Person>();
    /// # people.put(Person { city: "Oslo".into(), id: 1 }).await?;
    /// assert_eq!(people.query().at(Person::KEY.city, "Oslo").count().await?, 1);
    /// # Ok(()) }
    /// ```
    pub async fn count(self) -> Result<u64> {
        operation::<T, _>("count", async move {
            let mut count = 0;
            if self.reads_to_filter() {
                let mut rows = self.checked_rows(None)?;
                while let Some(row) = rows.next_row().await {
                    row?;
                    count += 1;
                }
            } else {
                let mut keys = self.checked_keys()?;
                while let Some(key) = poll_fn(|cx| keys.poll_candidate(cx)).await {
                    key?;
                    count += 1;
                }
            }
            Ok(count)
        })
        .await
    }

    /// Whether there is a row.
    ///
    /// # Errors
    /// Those of every end.
    ///
    /// # Cost
    /// 1 LIST of one key; with a filter, as [`count`](Self::count) up to the first row.
    pub async fn exists(mut self) -> Result<bool> {
        self.spec.limit = Some(1);
        Ok(self.count().await? > 0)
    }

    /// The keys, without reading the rows: a stream, or all with [`collect`](KeyStream::collect).
    ///
    /// # Errors
    /// [`InvalidKey`](ErrorKind::InvalidKey); [`Unsupported`](ErrorKind::Unsupported) with a filter
    /// that the key does not decide.
    ///
    /// # Cost
    /// 1 LIST a thousand keys, at most a page ahead.
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema};
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<city>/<id>")]
    /// # struct Person { city: String, id: u64 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let people = Db::connect("memory:").await?.table::<Person>();
    /// # people.put(Person { city: "Oslo".into(), id: 1 }).await?;
    /// let keys = people.query().at(Person::KEY.city, "Oslo").keys()?.collect().await?;
    /// assert_eq!(keys, [("Oslo".to_owned(), 1)]);
    /// # Ok(()) }
    /// ```
    pub fn keys(self) -> Result<KeyStream<T>> {
        self.checked_keys()
            .map_err(|error| error.during("query", T::SCHEMA.table))
    }

    pub(super) fn checked_rows(&self, limit: Option<usize>) -> Result<RowStream<T>> {
        let query = self.through_index();
        let range = query.range()?;
        query.check_scan(&range, limit)?;
        Ok(query.rows(range, 0))
    }

    pub(super) fn checked_keys(&self) -> Result<KeyStream<T>> {
        let range = self.range()?;
        self.check_keys_only()?;
        Ok(KeyStream(self.candidates(range, self.spec.limit)))
    }

    pub(super) fn check_keys_only(&self) -> Result<()> {
        if self.spec.index.is_some() {
            let detail = "an entry of an index does not prove that its row has the value";
            let help = "take the rows with `stream`, or the entries as they are with `entries`";
            return Err(Error::new(ErrorKind::Unsupported, detail).with_help(help));
        }
        if self.reads_to_filter() {
            let detail = "the filter needs more than the key, and keys are listed without the rows";
            let help = "filter by key columns, or take the rows with `stream`";
            return Err(Error::new(ErrorKind::Unsupported, detail).with_help(help));
        }
        Ok(())
    }
}
