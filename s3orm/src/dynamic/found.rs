//! Which rows a query of a dynamic table finds: by keys first, then by reading.

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};

use super::filter::{Bounds, Subject};
use super::path::Column;
use super::query::Listed;
use super::{DynamicTable, Filter, Query, Values};
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Form, KeyRange, Limits, Place, PrefixText};
use crate::query::in_segments;
use crate::row::Row;
use crate::stamp::presence::rows_only;
use crate::store::{ListObjects, ListStart, ListedObject};

/// A key that may be a row of the answer.
pub(super) struct Candidate {
    values: Values,
    key: String,
    /// As it was listed, where that was in order.
    object: Option<ListedObject>,
    /// Whether the key has decided the filter already.
    decided: bool,
}

/// A row that a query found.
pub(super) struct Found {
    pub(super) values: Values,
    pub(super) key: String,
    object: Option<ListedObject>,
    /// Where it was read.
    pub(super) row: Option<Row<Bytes>>,
}

impl Found {
    /// As the listing shows it.
    pub(super) fn listed(self) -> Option<Listed> {
        let object = self.object?;
        Some(Listed {
            values: self.values,
            key: self.key,
            size: object.size,
            last_modified: object.last_modified,
            etag: object.etag,
        })
    }
}

/// What a key must be.
struct Sieve {
    table: DynamicTable,
    values: Values,
    filter: Option<Filter>,
}

impl Sieve {
    fn candidate(&self, key: String, object: Option<ListedObject>) -> Option<Candidate> {
        let values = self.table.values(&key)?;
        if !values.include(&self.values) {
            return None;
        }
        let test = |filter: &Filter| filter.test(Subject::Key(&self.table.layout, &values));
        let decided = self.filter.as_ref().map_or(Some(true), test);
        (decided != Some(false)).then_some(Candidate {
            values,
            key,
            object,
            decided: decided.is_some(),
        })
    }
}

impl Query {
    /// Whether nothing but the values narrows what is asked for.
    pub(super) fn is_everything(&self) -> bool {
        self.filter.is_none() && self.limit.is_none() && self.after.is_none() && !self.table.stamped
    }

    /// The part of the keys, with the number of columns that are fixed.
    pub(super) fn range(&self) -> Result<(KeyRange, usize)> {
        let table = &self.table;
        let limits = |prefix: &PrefixText, next: &Column| match &self.filter {
            Some(filter) => limits(prefix, next, &filter.bounds(&next.name)),
            None => Limits::None,
        };
        let (mut range, fixed) = table.layout.range(&table.folder, &self.values, limits)?;
        if let Some(after) = &self.after {
            range.after(after);
        }
        if self.scan {
            return Ok((range, fixed));
        }
        let columns = &table.layout.columns;
        if fixed < self.values.len() {
            let given = |column: &&Column| self.values.get(&column.name).is_some();
            let later = columns
                .iter()
                .rfind(given)
                .map_or("", |column| &column.name);
            return Err(no_prefix(later, &columns[fixed].name));
        }
        Ok((range, fixed))
    }

    /// Refuses to read every row of the table to leave some out, unless that was said.
    fn check_scan(&self, range: &KeyRange) -> Result<()> {
        let reads = |filter: &Filter| {
            let columns = filter.columns();
            let unknown = |column: &&str| self.table.layout.kind(column).is_none();
            columns.into_iter().any(|column| unknown(&column))
        };
        if self.scan || !range.is_whole_table() || !self.filter.as_ref().is_some_and(reads) {
            return Ok(());
        }
        let first = &self.table.layout.columns[0].name;
        let help =
            format!("give a value for `{first}`, or write `.scan()` to read the whole table");
        Err(Error::new(
            ErrorKind::Unsupported,
            "this filter reads every row of the table",
        )
        .with_help(help))
    }

    /// The rows that the keys do not refuse; `wanted` of them, where no filter leaves any out.
    pub(super) fn candidates(
        self,
        wanted: Option<usize>,
    ) -> Result<BoxStream<'static, Result<Candidate>>> {
        let (range, fixed) = self.range()?;
        let table = self.table.clone();
        let sieve = Sieve {
            values: table.layout.canonical(&self.values),
            filter: self.filter,
            table: self.table,
        };
        let is_one = fixed == table.layout.columns.len();
        if self.segments > 1 && !is_one {
            let pages = in_segments(table.db.clone(), range, self.segments, table.stamped);
            let keys = pages
                .map_ok(|keys| stream::iter(keys).map(Ok))
                .try_flatten();
            let rows =
                keys.try_filter_map(move |key| std::future::ready(Ok(sieve.candidate(key, None))));
            return Ok(rows.boxed());
        }
        // The first key that begins with a row's key is the row's own.
        let limit = if is_one {
            Some(1)
        } else {
            wanted.filter(|_| fixed == sieve.values.len())
        };
        let objects = in_order(&table, range, limit, is_one);
        let rows = objects.try_filter_map(move |object| {
            std::future::ready(Ok(sieve.candidate(object.key.clone(), Some(object))))
        });
        Ok(rows.boxed())
    }

    /// The rows of the query; read, where that is wanted or the filter needs it.
    pub(super) fn found(self, read: bool) -> Result<BoxStream<'static, Result<Found>>> {
        let (range, _) = self.range()?;
        self.check_scan(&range)?;
        let (table, filter) = (self.table.clone(), self.filter.clone().map(Arc::new));
        let (concurrency, limit) = (self.concurrency, self.limit);
        let most = limit.unwrap_or(usize::MAX);
        let (known, wanted) = match &filter {
            None => (most, limit),
            Some(_) => (usize::MAX, None),
        };
        let candidates = self.candidates(wanted)?.take(known);
        let found = candidates.map(move |candidate| {
            let (table, filter) = (table.clone(), filter.clone());
            async move { table.found(candidate?, filter.as_deref(), read).await }
        });
        let found = found.buffered(concurrency);
        let found = found.filter_map(|found| std::future::ready(found.transpose()));
        Ok(found.take(most).boxed())
    }
}

impl DynamicTable {
    /// The row of a candidate, if it meets the filter.
    async fn found(
        &self,
        candidate: Candidate,
        filter: Option<&Filter>,
        read: bool,
    ) -> Result<Option<Found>> {
        let Candidate {
            values,
            key,
            object,
            decided,
        } = candidate;
        let mut found = Found {
            values,
            key,
            object,
            row: None,
        };
        if decided && !read {
            return Ok(Some(found));
        }
        let Some(row) = self.fetch(Ok(found.key.clone())).await? else {
            return Ok(None);
        };
        if let Some(filter) = filter.filter(|_| !decided) {
            let body: serde_json::Value = row.json()?;
            let subject = Subject::Row(&self.layout, &found.values, &body);
            if filter.test(subject) != Some(true) {
                return Ok(None);
            }
        }
        found.row = Some(row);
        Ok(Some(found))
    }
}

/// The objects of a range that are rows, for all that listings tell; of the first page alone, if so
/// said.
fn in_order(
    table: &DynamicTable,
    range: KeyRange,
    limit: Option<usize>,
    first_page: bool,
) -> impl futures_util::Stream<Item = Result<ListedObject>> + Send + use<> {
    let request = ListObjects {
        prefix: range.prefix.clone(),
        start: match &range.start_after {
            Some(key) => ListStart::After(key.clone()),
            None => ListStart::First,
        },
        limit: limit.and_then(|rows| u16::try_from(rows.clamp(1, 1000)).ok()),
        ..ListObjects::default()
    };
    let pages = table.db.pages(request);
    let pages = pages.take(if first_page { 1 } else { usize::MAX });
    let (db, stamped) = (table.db.clone(), table.stamped);
    let pages = pages.and_then(move |page| {
        let db = db.clone();
        async move {
            if stamped {
                return rows_only(&db, page, || Ok(())).await;
            }
            Ok(page)
        }
    });
    let objects = pages
        .map_ok(|page| stream::iter(page.objects).map(Ok))
        .try_flatten()
        .map_ok(move |object| (range.place(&object.key), object));
    let inside = objects.try_take_while(|(place, _)| std::future::ready(Ok(*place != Place::Past)));
    inside.try_filter_map(|(place, object)| {
        std::future::ready(Ok((place == Place::Inside).then_some(object)))
    })
}

/// What of a column comparisons leave, where it is listed in the order of its values.
fn limits(prefix: &PrefixText, next: &Column, comparisons: &[(Bounds, &str)]) -> Limits {
    let form = prefix.next_form();
    if comparisons.is_empty() || form == Form::Plain && !next.kind.is_sorted() {
        return Limits::None;
    }
    let (mut lower, mut upper) = (Bound::Unbounded, Bound::Unbounded);
    for (bound, value) in comparisons {
        // What is no value of the column is left for the comparison itself to refuse.
        let Some(text) = next.kind.bound(prefix, value) else {
            continue;
        };
        let is_low = matches!(bound, Bounds::AtLeast | Bounds::MoreThan) != (form == Form::Desc);
        let end = if matches!(bound, Bounds::AtLeast | Bounds::AtMost) {
            Bound::Included(text)
        } else {
            Bound::Excluded(text)
        };
        let side = if is_low { &mut lower } else { &mut upper };
        if tightens(side, &end, is_low) {
            *side = end;
        }
    }
    Limits::Between {
        lower,
        upper,
        prefix_free: next.kind.is_prefix_free(),
    }
}

/// Whether an end leaves less than another one.
fn tightens(known: &Bound<String>, end: &Bound<String>, is_low: bool) -> bool {
    let text = |bound: &Bound<String>| match bound {
        Bound::Included(text) | Bound::Excluded(text) => Some(text.clone()),
        Bound::Unbounded => None,
    };
    match (text(known), text(end)) {
        (None, _) => true,
        (Some(known), Some(end)) if is_low => end > known,
        (Some(known), Some(end)) => end < known,
        (Some(_), None) => false,
    }
}

/// The error of a column that fixes no prefix of the keys, for want of one before it.
pub(super) fn no_prefix(column: &str, missing: &str) -> Error {
    let detail = format!("`{column}` alone is no prefix of the keys");
    let help = format!("give `{missing}` too, or write `.scan()` to list the whole table");
    Error::new(ErrorKind::InvalidKey, detail).with_help(help)
}
