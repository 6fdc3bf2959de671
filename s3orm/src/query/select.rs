//! Chosen columns of an answer instead of whole rows.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::stream::Stream;

use super::answer::{Answer, collect};
use super::bill::Spent;
use super::choice::Columns;
use super::page::{Cursor, Page};
use super::plan::Plan;
use super::rows::{KeyStream, RowStream};
use super::{Fixed, Query};
use crate::error::{Error, ErrorKind, Result};
use crate::key::KeyRange;
use crate::schema::S3Schema;
use crate::table::operation;

/// A query that gives chosen columns: of [`Query::select`].
#[must_use = "a query does nothing until one of its ends is awaited"]
pub struct Select<'a, T: S3Schema, C, At = Fixed<0>> {
    query: Query<'a, T, At>,
    columns: C,
}

impl<'a, T: S3Schema, At> Query<'a, T, At> {
    /// Chooses columns: the answer is their values instead of rows. One column gives its values, a
    /// tuple of up to eight gives tuples; what an `Option` field has is an `Option`.
    ///
    /// Key columns alone, under no filter or one that the keys decide, are taken from the keys: **no
    /// row is read**, so that [`scan`](Self::scan) is not needed either. Otherwise rows are read as
    /// they are without a choice, and only the values are kept.
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema};
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<city>/<id>")]
    /// # struct Person { city: String, id: u64, email: Option<String> }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let people = Db::connect("memory:").await?.table::<Person>();
    /// # people.put(Person { city: "Oslo".into(), id: 1, email: None }).await?;
    /// # people.put(Person { city: "Oslo".into(), id: 2, email: Some("a@b.c".into()) }).await?;
    /// let oslo = people.query().at(Person::KEY.city, "Oslo");
    ///
    /// // A LIST, and no GET.
    /// let ids: Vec<u64> = oslo.clone().select(Person::COL.id).all().await?;
    /// assert_eq!(ids, [1, 2]);
    ///
    /// // Reads the rows.
    /// let emails: Vec<(u64, Option<String>)> =
    ///     oslo.select((Person::COL.id, Person::COL.email)).all().await?;
    /// assert_eq!(emails, [(1, None), (2, Some("a@b.c".to_owned()))]);
    /// # Ok(()) }
    /// ```
    pub fn select<C: Columns<T>>(self, columns: C) -> Select<'a, T, C, At> {
        Select {
            query: self,
            columns,
        }
    }
}

/// The ends, as those of [`Query`], with the same errors.
impl<T: S3Schema, C: Columns<T>, At> Select<'_, T, C, At> {
    /// The values, read as the stream is.
    ///
    /// # Errors
    /// As [`Query::stream`].
    ///
    /// # Cost
    /// As far as it is read: 1 LIST a thousand keys, at most a page ahead; of key columns alone no
    /// more, of others 1 GET a row, at most [`concurrency`](Query::concurrency) ahead.
    pub fn stream(self) -> Result<ValueStream<T, C>> {
        self.checked_values()
            .map_err(|error| error.during("query", T::SCHEMA.table))
    }

    /// All values in memory: of 10,000 rows at most, unless [`limit`](Query::limit) says otherwise.
    ///
    /// # Errors
    /// As [`Query::all`].
    ///
    /// # Cost
    /// As [`stream`](Self::stream), whole.
    pub async fn all(self) -> Result<Vec<C::Values>> {
        let limit = self.query.spec.limit;
        operation::<T, _>("query", async move {
            collect(self.checked_values()?, limit).await
        })
        .await
    }

    /// The values of the first row, or `None`.
    ///
    /// # Errors
    /// As [`Query::first`].
    ///
    /// # Cost
    /// 1 LIST, and 1 GET if there is a row and other than key columns are chosen; with a filter that
    /// reads rows, as [`stream`](Self::stream) up to the row.
    pub async fn first(mut self) -> Result<Option<C::Values>> {
        self.query.spec.limit = Some(1);
        Ok(self.all().await?.pop())
    }

    /// A page, as of [`Query::page`]. A cursor is of the query, whichever columns are chosen.
    ///
    /// # Errors
    /// As [`Query::page`].
    ///
    /// # Cost
    /// As [`Query::page`]; of key columns alone without the GETs.
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema};
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<city>/<id>")]
    /// # struct Person { city: String, id: u64 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let people = Db::connect("memory:").await?.table::<Person>();
    /// # for id in 1..=5 { people.put(Person { city: "Oslo".into(), id }).await?; }
    /// let ids = people.query().at(Person::KEY.city, "Oslo").limit(3).select(Person::COL.id);
    /// let first = ids.page(None).await?;
    /// let second = ids.page(first.next.as_ref()).await?;
    /// assert_eq!((first.rows, second.rows), (vec![1, 2, 3], vec![4, 5]));
    /// # Ok(()) }
    /// ```
    pub async fn page(&self, after: Option<&Cursor>) -> Result<Page<C::Values>> {
        operation::<T, _>("page", async move {
            let reads_rows = self.reads_rows();
            let query = if reads_rows {
                self.query.through_index()
            } else {
                self.query.clone()
            };
            if reads_rows {
                query.check_page()?;
            }
            let columns = self.columns;
            let open = |query: &Query<'_, T, At>, range| {
                ValueStream::new(query, range, reads_rows, columns, 1)
            };
            query.page_of(after, open, |values| values).await
        })
        .await
    }

    /// What the query will do: as [`Query::plan`].
    ///
    /// # Errors
    /// As [`Query::plan`].
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema};
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<city>/<id>")]
    /// # struct Person { city: String, id: u64 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let people = Db::connect("memory:").await?.table::<Person>();
    /// let plan = people.query().select(Person::COL.city).plan()?;
    /// assert_eq!(plan.gets(), Some(0));
    /// assert!(plan.to_string().contains("read no rows"));
    /// # Ok(()) }
    /// ```
    pub fn plan(&self) -> Result<Plan> {
        self.query.plan().map(|plan| self.planned(plan))
    }

    /// What the query will do, with the rows counted that it would find now: as
    /// [`Query::explain`].
    ///
    /// # Errors
    /// As [`Query::explain`].
    ///
    /// # Cost
    /// As [`Query::explain`].
    pub async fn explain(&self) -> Result<Plan> {
        self.query.explain().await.map(|plan| self.planned(plan))
    }

    fn planned(&self, plan: Plan) -> Plan {
        let columns = Some((self.columns.names(), self.columns.are_in_key()));
        Plan { columns, ..plan }
    }

    fn reads_rows(&self) -> bool {
        !self.columns.are_in_key() || self.query.reads_to_filter()
    }

    fn checked_values(&self) -> Result<ValueStream<T, C>> {
        let reads_rows = self.reads_rows();
        let query = if reads_rows {
            self.query.through_index()
        } else {
            self.query.clone()
        };
        let range = query.range()?;
        if reads_rows {
            query.check_scan(&range, query.spec.limit)?;
        }
        let values = ValueStream::new(&query, range, reads_rows, self.columns, 0);
        Ok(values)
    }
}

impl<T: S3Schema, C: Clone, At> Clone for Select<'_, T, C, At> {
    fn clone(&self) -> Self {
        Self {
            query: self.query.clone(),
            columns: self.columns.clone(),
        }
    }
}

impl<T: S3Schema, C: Columns<T>, At> fmt::Debug for Select<'_, T, C, At> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Select")
            .field("query", &self.query)
            .field("columns", &self.columns.names())
            .finish()
    }
}

/// The values of chosen columns, one row after the other: of [`Select::stream`].
///
/// As [`RowStream`], of which it keeps the values alone: rows are held only while they are read. Of
/// key columns alone, as [`KeyStream`].
#[must_use = "a stream does nothing unless it is read"]
pub struct ValueStream<T: S3Schema, C> {
    source: Source<T>,
    columns: C,
}

/// Where the values are.
enum Source<T: S3Schema> {
    Keys {
        keys: Box<KeyStream<T>>,
        /// The last object whose key was taken.
        examined: Option<String>,
    },
    Rows(Box<RowStream<T>>),
}

impl<T: S3Schema, C: Columns<T>> ValueStream<T, C> {
    /// The values of a part of the table; of `ahead` more rows than the limit the keys are listed.
    fn new<At>(
        query: &Query<'_, T, At>,
        range: KeyRange,
        reads_rows: bool,
        columns: C,
        ahead: usize,
    ) -> Self {
        let source = if reads_rows {
            Source::Rows(Box::new(query.rows(range, ahead)))
        } else {
            let wanted = query.spec.limit.map(|limit| limit.saturating_add(ahead));
            Source::Keys {
                keys: Box::new(KeyStream(query.candidates(range, wanted))),
                examined: None,
            }
        };
        Self { source, columns }
    }

    /// The values of the next row; `None` at the end.
    ///
    /// # Errors
    /// As [`RowStream::next`].
    pub async fn next(&mut self) -> Option<Result<C::Values>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// What was requested so far.
    pub fn spent(&self) -> Spent {
        match &self.source {
            Source::Keys { keys, .. } => keys.spent(),
            Source::Rows(rows) => rows.spent(),
        }
    }
}

// No field is pinned in place.
impl<T: S3Schema, C> Unpin for ValueStream<T, C> {}

impl<T: S3Schema, C: Columns<T>> Stream for ValueStream<T, C> {
    type Item = Result<C::Values>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let columns = self.columns;
        match &mut self.source {
            Source::Rows(rows) => Pin::new(&mut **rows)
                .poll_next(cx)
                .map(|row| Some(row?.map(|row| columns.of_row(&row)))),
            Source::Keys { keys, examined } => keys.poll_candidate(cx).map(|candidate| {
                Some(candidate?.and_then(|candidate| {
                    *examined = Some(candidate.object);
                    let values = columns.of_key(&candidate.key);
                    values.ok_or_else(|| {
                        let detail = "a column that says it is in the key is not";
                        Error::new(ErrorKind::Internal, detail).during("query", T::SCHEMA.table)
                    })
                }))
            }),
        }
    }
}

impl<T: S3Schema, C: Columns<T>> Answer for ValueStream<T, C> {
    type Item = C::Values;

    async fn next_item(&mut self) -> Option<Result<C::Values>> {
        self.next().await
    }

    fn examined(&self) -> Option<&str> {
        match &self.source {
            Source::Keys { examined, .. } => examined.as_deref(),
            Source::Rows(rows) => rows.examined(),
        }
    }

    fn has_more(&self) -> bool {
        match &self.source {
            Source::Keys { keys, .. } => keys.0.has_more(),
            Source::Rows(rows) => rows.has_more(),
        }
    }
}

impl<T: S3Schema, C: Columns<T>> fmt::Debug for ValueStream<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValueStream")
            .field("columns", &self.columns.names())
            .field("spent", &self.spent())
            .finish_non_exhaustive()
    }
}
