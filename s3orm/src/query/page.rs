//! Pages, and the cursors between them.

use std::fmt;
use std::str::FromStr;

use md5::{Digest as _, Md5};

use super::answer::Answer;
use super::{Order, Query};
use crate::error::{Error, ErrorKind, Result};
use crate::key::{KeyRange, escape_from, unescape};
use crate::row::Row;
use crate::schema::S3Schema;
use crate::store::hex;
use crate::table::operation;

/// Rows of a page, unless there is a limit.
const PAGE_ROWS: usize = 100;
/// The form of the text of a [`Cursor`].
const VERSION: &str = "c1";

/// Where a page ended: pass it to [`Query::page`] for the next.
///
/// Its text ([`Display`](fmt::Display), [`FromStr`]) may be kept or handed to somebody else, and may
/// stand in a URL. It names a key, so it survives a restart and the row's deletion, and rows that
/// are written meanwhile are found where they stand. What is in it may change with the version;
/// whoever can read it learns the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Of the query: another's cursor is refused.
    query: String,
    /// The last key that was looked at.
    key: String,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = self.key.clone();
        escape_from(&mut key, 0);
        write!(f, "{VERSION}-{}-{key}", self.query)
    }
}

impl FromStr for Cursor {
    type Err = Error;

    /// # Errors
    /// [`InvalidKey`](ErrorKind::InvalidKey): the text is no cursor of this version.
    fn from_str(text: &str) -> Result<Self> {
        let parts = || {
            let (query, key) = text
                .strip_prefix(VERSION)?
                .strip_prefix('-')?
                .split_once('-')?;
            let key = unescape(key).ok()?.into_owned();
            Some(Self {
                query: query.to_owned(),
                key,
            })
        };
        parts().ok_or_else(|| {
            let detail = format!("`{}` is not a cursor", text.escape_debug());
            let help = "pass the text of `Page::next` as it was given, or begin at the first page";
            Error::new(ErrorKind::InvalidKey, detail).with_help(help)
        })
    }
}

/// A page of an answer.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where the next page begins; `None` after the last. Where rows are filtered or bounded by
    /// [`within`](Query::within), the last page may turn out to be empty.
    pub next: Option<Cursor>,
    /// Why the page has fewer rows than asked for although there may be more.
    pub stopped: Option<Stopped>,
}

/// Why a page is short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stopped {
    /// The budget is used up.
    Budget,
}

/// Pages.
impl<T: S3Schema, At> Query<'_, T, At> {
    /// A page of [`limit`](Self::limit) rows (100 unless said): the first, or the one after a
    /// cursor.
    ///
    /// Under a filter the page is filled up, however many rows that takes. A
    /// [budget](Self::max_requests) cuts it short, and [`Page::stopped`] says so.
    ///
    /// # Errors
    /// As [`all`](Self::all); [`InvalidKey`](ErrorKind::InvalidKey) for the cursor of another
    /// query; [`Budget`](ErrorKind::Budget) if not one row could be looked at.
    ///
    /// # Cost
    /// 1 LIST (a page of over 999 rows more) and 1 GET a row; under a filter that reads rows, as
    /// many as it takes, and up to [`concurrency`](Self::concurrency) GET more. In a descending
    /// order the whole range is listed for each page.
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema};
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<city>/<id>")]
    /// # struct Person { city: String, id: u64 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let people = Db::connect("memory:").await?.table::<Person>();
    /// # for id in 0..25 { people.put(Person { city: "Oslo".into(), id }).await?; }
    /// let query = people.query().at(Person::KEY.city, "Oslo").limit(10);
    /// let first = query.page(None).await?;
    /// let cursor = first.next.expect("25 people are three pages").to_string();
    /// let second = query.page(Some(&cursor.parse()?)).await?;
    /// assert_eq!((first.rows.len(), second.rows.len()), (10, 10));
    /// # Ok(()) }
    /// ```
    pub async fn page(&self, after: Option<&Cursor>) -> Result<Page<T>> {
        operation::<T, _>("page", async move {
            let query = self.through_index();
            query.check_page()?;
            query
                .page_of(after, |query, range| query.rows(range, 1), Row::into_inner)
                .await
        })
        .await
    }

    /// Refuses a page that reads every row of a table, unless that was said.
    pub(super) fn check_page(&self) -> Result<()> {
        self.check_scan(&self.range()?, Some(PAGE_ROWS))
    }

    /// A page of the answer that `open` begins to read: of the query with the page's limit, from
    /// the cursor on.
    pub(super) async fn page_of<A: Answer, R>(
        &self,
        after: Option<&Cursor>,
        open: impl FnOnce(&Self, KeyRange) -> A,
        taken: impl Fn(A::Item) -> R,
    ) -> Result<Page<R>> {
        let mut query = self.clone();
        let limit = *query.spec.limit.get_or_insert(PAGE_ROWS);
        query.spec.in_order = true;
        let fingerprint = query.fingerprint()?;
        let range = query.range_after(after, &fingerprint)?;
        let mut answer = open(&query, range);
        let (mut rows, mut stopped) = (Vec::new(), None);
        while rows.len() < limit
            && let Some(row) = answer.next_item().await
        {
            match row {
                Ok(row) => rows.push(taken(row)),
                Err(error) if error.kind() == ErrorKind::Budget && answer.examined().is_some() => {
                    stopped = Some(Stopped::Budget);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        let goes_on = stopped.is_some() || (rows.len() == limit && answer.has_more());
        let folder = query.folder();
        let last = answer.examined().filter(|_| goes_on);
        let next = last.map(|key| Cursor {
            query: fingerprint,
            key: key.strip_prefix(&*folder).unwrap_or(key).to_owned(),
        });
        Ok(Page {
            rows,
            next,
            stopped,
        })
    }

    /// The part of the table that is asked for, from a cursor on.
    fn range_after(&self, after: Option<&Cursor>, fingerprint: &str) -> Result<KeyRange> {
        let mut range = self.range()?;
        let Some(cursor) = after else {
            return Ok(range);
        };
        if cursor.query != fingerprint {
            let detail = "the cursor is of another query";
            let help = "page with the query that gave it, or begin at the first page";
            return Err(Error::new(ErrorKind::InvalidKey, detail).with_help(help));
        }
        let key = format!("{}{}", self.folder(), cursor.key);
        match self.spec.order {
            Order::Ascending => range.after(&key),
            Order::Descending => range.before(&key),
        }
        Ok(range)
    }

    /// What a cursor or a segment remembers of its query: the part of the table, the filter and
    /// the order.
    pub(super) fn fingerprint(&self) -> Result<String> {
        let plan = self.plan()?;
        let filter = plan.filter.map(|(text, _)| text);
        let of = (plan.prefix, plan.start_after, plan.stop, filter, plan.order);
        Ok(hex(&Md5::digest(format!("{of:?}"))[..8]))
    }
}
