//! Queries: which rows of a table, and what of them.
//!
//! A table has one order and one way in: its keys. So a [`Query`] fixes the key columns from the
//! left ([`at`](Query::at)), may bound the next one ([`within`](Query::within),
//! [`starts_with`](Query::starts_with)), and filters the rest ([`filter`](Query::filter)) on what
//! was listed. One of its ends then makes the requests: [`all`](Query::all),
//! [`stream`](Query::stream), [`page`](Query::page), [`first`](Query::first), [`one`](Query::one),
//! [`count`](Query::count), [`exists`](Query::exists), [`keys`](Query::keys). [`select`](Query::select)
//! gives chosen columns instead of rows: of key columns alone without reading a row. A part of many
//! thousand rows is listed in several segments at the same time: [`segments`](Query::segments).
//!
//! ```
//! use s3orm::{Db, S3Schema};
//! use serde::{Deserialize, Serialize};
//!
//! /// `flights/<origin>/<seq>.json`, the numbers padded so that they are listed in order.
//! #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
//! #[s3(table = "flights", path = "<origin>/<seq:ordered>")]
//! struct Flight {
//!     origin: String,
//!     seq: u32,
//!     delay: i32,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
//! let flights = Db::connect("memory:").await?.table::<Flight>();
//! for seq in 0..50 {
//!     flights.put(Flight { origin: "SFO".into(), seq, delay: seq as i32 - 10 }).await?;
//! }
//!
//! let late = flights
//!     .query()
//!     .at(Flight::KEY.origin, "SFO")
//!     .within(Flight::KEY.seq, 10..40)
//!     .filter(Flight::COL.delay.ge(15))
//!     .limit(3);
//! println!("{}", late.plan()?);
//! let seqs: Vec<u32> = late.all().await?.iter().map(|flight| flight.seq).collect();
//! assert_eq!(seqs, [25, 26, 27]);
//! # Ok(()) }
//! ```

mod answer;
mod bill;
mod by;
mod choice;
mod column;
mod ends;
mod entries;
mod filter;
mod key_only;
mod list;
mod page;
mod plan;
mod prefix;
pub mod relation;
mod rows;
mod segmented;
mod segments;
mod select;
mod whole;
mod with;

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Bound;
use std::sync::Arc;

use bill::Budget;
pub(crate) use bill::Meter;
pub use bill::{Prices, Spent};
pub use by::{ByIndex, ByIndexRanged, KeyState, ListsIndex, NextValue, RangeValue};
pub use choice::Columns;
pub use column::{Fixed, IntoBounds, NextColumn, PrefixColumn, RangeColumn, Ranged};
pub use entries::{Entries, Entry};
pub use filter::{Filter, ValueFrom};
pub use key_only::RandomKey;
use list::{Candidates, Keys, Listing, PAGE};
pub use page::{Cursor, Page, Stopped};
pub use plan::{Plan, Rows};
pub use prefix::KeyPrefix;
pub use relation::{BeginsWith, BelongsTo, KeyOf, Shared};
use rows::Reading;
pub use rows::{KeyStream, RowStream};
pub use segmented::{Segment, SegmentStream, Segmented};
pub(crate) use segments::{Segments, Span, in_segments};
pub use select::{Select, ValueStream};
pub use with::GetWith;

use crate::error::{Error, ErrorKind, Result};
use crate::index::layout;
use crate::key::{ColumnFrom, KeyColumn, KeyError, KeyRange, Limits, PrefixText};
use crate::schema::S3Schema;
use crate::table::Table;

/// Reads under way at once, unless said.
const CONCURRENCY: usize = 16;

/// A question about a table's rows: of [`Table::query`](crate::Table::query).
///
/// `At` is how many key columns are fixed: [`Fixed<N>`](Fixed), or [`Ranged`] after
/// [`within`](Self::within) or [`starts_with`](Self::starts_with). A query is a value: cloned, it
/// can be asked again. See the [module](crate::query) for the whole.
#[must_use = "a query does nothing until one of its ends is awaited"]
pub struct Query<'a, T: S3Schema, At = Fixed<0>> {
    table: &'a Table<T>,
    filter: Option<Filter<T>>,
    spec: Spec,
    state: PhantomData<fn() -> At>,
}

/// What was asked, but for the filter.
#[derive(Debug, Clone)]
struct Spec {
    /// The number of the index that is listed instead of the table.
    index: Option<usize>,
    prefix: PrefixText,
    limits: Limits,
    limit: Option<usize>,
    order: Order,
    scan: bool,
    concurrency: usize,
    in_order: bool,
    budget: Budget,
}

/// The order of an answer: that of the keys, or its reverse.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// As the keys are listed.
    #[default]
    Ascending,
    /// From the last key to the first. S3 lists forward only: every key of the range is listed
    /// before the first row is read, and held (a million at most; with a limit and without a
    /// filter that reads rows, about as many as the limit). A column `:desc` in the path needs none
    /// of this: its ascending order is newest first.
    Descending,
}

impl<'a, T: S3Schema> Query<'a, T> {
    pub(crate) fn new(table: &'a Table<T>) -> Self {
        let db = table.db();
        Self {
            table,
            filter: None,
            spec: Spec {
                index: None,
                prefix: PrefixText::new(&T::SCHEMA.path),
                limits: Limits::None,
                limit: None,
                order: Order::Ascending,
                scan: false,
                concurrency: db.concurrency().unwrap_or(CONCURRENCY),
                in_order: true,
                budget: Budget {
                    requests: db.setting(|settings| settings.max_requests),
                    dollars: db.setting(|settings| settings.max_cost),
                    ..Budget::default()
                },
            },
            state: PhantomData,
        }
    }
}

impl<'a, T: S3Schema, At> Query<'a, T, At> {
    fn becomes<Then>(self) -> Query<'a, T, Then> {
        Query {
            table: self.table,
            filter: self.filter,
            spec: self.spec,
            state: PhantomData,
        }
    }

    /// Keeps the rows that meet a condition, and all conditions given before.
    ///
    /// What the key columns decide is decided before the row is read; for the rest the row is read
    /// and then left out. Without a key column fixed or bounded this needs [`scan`](Self::scan).
    pub fn filter(mut self, filter: Filter<T>) -> Self {
        self.filter = Some(match self.filter.take() {
            Some(before) => before.and(filter),
            None => filter,
        });
        self
    }

    /// At most this many rows.
    pub fn limit(mut self, rows: usize) -> Self {
        self.spec.limit = Some(rows);
        self
    }

    /// The order of the answer; ascending by key unless said.
    pub fn order(mut self, order: Order) -> Self {
        self.spec.order = order;
        self
    }

    /// Allows to read every row of the table, which a query does that neither fixes nor bounds a
    /// key column. Without it such a query is refused.
    pub fn scan(mut self) -> Self {
        self.spec.scan = true;
        self
    }

    /// How many rows are read at the same time, at least 1. Unless said here, the [`Settings`](crate::Settings) say
    /// (16).
    pub fn concurrency(mut self, reads: usize) -> Self {
        self.spec.concurrency = reads.max(1);
        self
    }

    /// Rows as they come, instead of in the order of their keys: a slow read holds up no other.
    pub fn unordered(mut self) -> Self {
        self.spec.in_order = false;
        self
    }

    /// At most this many requests: then an error of kind [`Budget`](ErrorKind::Budget), or a
    /// [`page`](Self::page) that says so. Requests that are sent again after a failure count once.
    pub fn max_requests(mut self, requests: u64) -> Self {
        self.spec.budget.requests = Some(requests);
        self
    }

    /// At most this much money for requests, in US dollars: as [`max_requests`](Self::max_requests).
    pub fn max_cost(mut self, dollars: f64) -> Self {
        self.spec.budget.dollars = Some(dollars);
        self
    }

    /// What requests cost, for the plan and for [`max_cost`](Self::max_cost); S3 Standard's prices
    /// unless said.
    pub fn prices(mut self, prices: Prices) -> Self {
        self.spec.budget.prices = prices;
        self
    }
}

/// Which keys.
impl<'a, T: S3Schema, At: KeyState> Query<'a, T, At> {
    /// Fixes the next key column. A value is matched whole: `1` never finds `10`.
    ///
    /// A column out of the path's order does not compile. A value that has no key text is an error
    /// of the query's end: [`InvalidKey`](ErrorKind::InvalidKey).
    pub fn at<C, V>(mut self, column: C, value: V) -> Query<'a, T, C::Next>
    where
        C: NextColumn<At, Schema = T>,
        C::Value: ColumnFrom<V>,
    {
        let _ = column;
        self.spec.prefix.fix(&C::Value::column_from(value));
        self.becomes()
    }

    /// Bounds the next key column: `10..20`, `10..=20`, `10..`, `..20`. A range whose end is before its
    /// beginning has no rows.
    ///
    /// Only columns whose keys are listed in the order of their values: `:ordered` and `:desc` ones,
    /// dates, timestamps, UUIDs, ULIDs and `bool`. Others do not compile.
    pub fn within<C, R>(mut self, column: C, range: R) -> Query<'a, T, Ranged>
    where
        C: NextColumn<At, Schema = T> + RangeColumn,
        R: IntoBounds<C::Value>,
    {
        let _ = column;
        let (low, high) = range.into_bounds();
        match (self.spec.bound(low), self.spec.bound(high)) {
            (Ok(low), Ok(high)) => {
                let (lower, upper) = if C::DESCENDING {
                    (high, low)
                } else {
                    (low, high)
                };
                self.spec.limits = Limits::Between {
                    lower,
                    upper,
                    prefix_free: C::Value::PREFIX_FREE,
                };
            }
            (Err(error), _) | (_, Err(error)) => self.spec.prefix.note(error),
        }
        self.becomes()
    }

    /// Rows whose next key column, a text in its plain form, begins with `start`.
    pub fn starts_with<C>(mut self, column: C, start: impl Into<String>) -> Query<'a, T, Ranged>
    where
        C: NextColumn<At, Schema = T> + PrefixColumn,
    {
        let _ = column;
        self.spec.limits = Limits::StartsWith(start.into());
        self.becomes()
    }
}

impl Spec {
    fn bound<V: KeyColumn>(&self, bound: Bound<V>) -> Result<Bound<String>, KeyError> {
        Ok(match bound {
            Bound::Unbounded => Bound::Unbounded,
            Bound::Included(value) => Bound::Included(self.prefix.bound_text(&value)?),
            Bound::Excluded(value) => Bound::Excluded(self.prefix.bound_text(&value)?),
        })
    }
}

/// From what was asked to what is listed and read.
impl<T: S3Schema, At> Query<'_, T, At> {
    /// The part of the table that is asked for.
    fn range(&self) -> Result<KeyRange> {
        match self.spec.prefix.valid() {
            Ok(_) => Ok(KeyRange::new(
                &self.folder(),
                &self.spec.prefix,
                self.spec.limits.clone(),
            )),
            Err(error) => Err(Error::new(ErrorKind::InvalidKey, error.to_string())),
        }
    }

    /// What every listed key begins with: the folder of the table or of the index.
    fn folder(&self) -> Cow<'_, str> {
        match self.index() {
            None => Cow::Borrowed(self.table.folder()),
            Some(index) => Cow::Owned(layout::folder(self.table.db(), T::SCHEMA.table, index)),
        }
    }

    /// Whether rows are read only to be left out: of an index every row is looked at.
    fn reads_to_filter(&self) -> bool {
        self.spec.index.is_some() || self.filters_rows()
    }

    /// Whether the filter needs more than the key.
    fn filters_rows(&self) -> bool {
        self.filter
            .as_ref()
            .is_some_and(|filter| !filter.is_key_only())
    }

    /// Refuses to read every row of a table unless that was said.
    fn check_scan(&self, range: &KeyRange, limit: Option<usize>) -> Result<()> {
        let bounded = limit.is_some() && self.filter.is_none();
        if self.spec.scan || bounded || !range.is_whole_table() {
            return Ok(());
        }
        let detail = "this query reads every row of the table";
        let help = match self.index() {
            None => {
                let first = T::SCHEMA.path.columns().next().unwrap_or_default();
                format!("fix a key column with `.at(KEY.{first}, …)`, or say `.scan()`")
            }
            Some(_) => "fix a value of the index with `.at(…)`, or say `.scan()`".to_owned(),
        };
        Err(Error::new(ErrorKind::Unsupported, detail).with_help(help))
    }

    fn candidates(&self, range: KeyRange, wanted: Option<usize>) -> Candidates<T> {
        let first = match (wanted, &self.filter, self.spec.order) {
            (Some(wanted), None, Order::Ascending) => wanted,
            _ => PAGE,
        };
        let meter = Arc::new(Meter::new(self.spec.budget));
        let db = self.table.db().clone();
        let stamped = T::SCHEMA.is_stamped() && self.spec.index.is_none();
        let mut listing = Listing::new(db, range.clone(), Arc::clone(&meter), first, stamped);
        if let Some(number) = self.spec.index {
            let table = self.table.clone();
            listing = listing.gated(Box::pin(async move { table.may_read(number).await }));
        }
        let descending = self.spec.order == Order::Descending;
        let (listing, filter) = (Keys::Listing(listing), self.filter.clone());
        let candidates = Candidates::new(listing, range, meter, filter, wanted, descending);
        candidates.of_index(self.spec.index)
    }

    /// The rows of a part of the table. The keys of `ahead` more rows than the limit are listed, to
    /// know whether there are any.
    fn rows(&self, range: KeyRange, ahead: usize) -> RowStream<T> {
        let wanted = self.keys_wanted().map(|limit| limit.saturating_add(ahead));
        let candidates = self.candidates(range, wanted);
        RowStream::new(self.table.clone(), candidates, self.reading())
    }

    /// How many keys are as many rows as the limit says.
    fn keys_wanted(&self) -> Option<usize> {
        self.spec.limit.filter(|_| !self.filters_rows())
    }

    fn reading(&self) -> Reading<T> {
        Reading {
            filter: self.filter.clone(),
            limit: self.spec.limit,
            concurrency: self.spec.concurrency,
            in_order: self.spec.in_order,
        }
    }
}

impl<T: S3Schema, At> Clone for Query<'_, T, At> {
    fn clone(&self) -> Self {
        Self {
            table: self.table,
            filter: self.filter.clone(),
            spec: self.spec.clone(),
            state: PhantomData,
        }
    }
}

impl<T: S3Schema, At> fmt::Debug for Query<'_, T, At> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query")
            .field("table", &self.table)
            .field("filter", &self.filter)
            .field("spec", &self.spec)
            .finish()
    }
}
