//! Queries that list their keys in several segments at the same time.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::stream::Stream;

use super::KeyState;
use super::bill::{Meter, Spent};
use super::list::{Candidates, Keys};
use super::rows::{KeyStream, RowStream};
use super::segments::{Segments, Span};
use super::{Order, Query};
use crate::error::{Error, ErrorKind, Result};
use crate::key::{KeyRange, KeyTuple as _, escape_from, unescape};
use crate::row::Row;
use crate::schema::S3Schema;
use crate::table::operation;

/// The form of the text of a [`Segment`].
const VERSION: &str = "s1";
/// Listings that are under way at the same time, at most.
const MAX_SEGMENTS: usize = 64;
/// What is between the two ends in that text: no escape writes it.
const BETWEEN: char = '~';

/// A part of the keys of a query: from one key to another.
///
/// Its text ([`Display`](fmt::Display), [`FromStr`]) may be kept, to go on after a restart, or handed
/// to another process, to share a query; it may stand in a URL. What is in it may change with the
/// version; whoever can read it learns two keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Of the query: another's segment is refused.
    query: String,
    /// Within the table's folder.
    span: Span,
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |end: &Option<String>| {
            let mut text = end.clone().unwrap_or_default();
            if end.is_some() {
                escape_from(&mut text, 0);
            }
            text
        };
        let (after, until) = (text(&self.span.after), text(&self.span.until));
        write!(f, "{VERSION}-{}-{after}{BETWEEN}{until}", self.query)
    }
}

impl FromStr for Segment {
    type Err = Error;

    /// # Errors
    /// [`InvalidKey`](ErrorKind::InvalidKey): the text is no segment of this version.
    fn from_str(text: &str) -> Result<Self> {
        let end = |text: &str| match text {
            "" => Some(None),
            text => Some(Some(unescape(text).ok()?.into_owned())),
        };
        let parts = || {
            let rest = text.strip_prefix(VERSION)?.strip_prefix('-')?;
            let (query, span) = rest.split_once('-')?;
            let (after, until) = span.split_once(BETWEEN)?;
            let span = Span {
                after: end(after)?,
                until: end(until)?,
            };
            Some(Self {
                query: query.to_owned(),
                span,
            })
        };
        parts().ok_or_else(|| {
            let detail = format!("`{}` is not a segment", text.escape_debug());
            let help = "pass the text of a `Segment` as it was given, or begin anew";
            Error::new(ErrorKind::InvalidKey, detail).with_help(help)
        })
    }
}

/// A query whose keys are listed in several segments at the same time: of
/// [`Query::segments`](Query::segments).
///
/// S3 gives a thousand keys an answer, so a listing of a million is a thousand answers one after the
/// other, unless it is split. Nothing needs to be known of the keys: the first page shows where they
/// begin to differ, and whenever a segment comes to its end, another one is split, between the
/// digits of its column's type.
///
/// The answer has no order. Each segment fails by itself: its error is an item of the stream, and
/// the others go on. What is left of all of them is [`SegmentStream::remaining`] at any time, and
/// [`resume`](Self::resume) goes on with it, in another process if need be.
///
/// ```
/// # use s3orm::{Db, S3Schema};
/// # #[derive(Clone, serde::Serialize, serde::Deserialize, S3Schema)]
/// # #[s3(table = "people", path = "<city>/<id>")]
/// # struct Person { city: String, id: u64 }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
/// # let people = Db::connect("memory:").await?.table::<Person>();
/// # people.put_many((0..3000).map(|id| Person { city: "Oslo".into(), id })).await.into_result()?;
/// let everybody = people.query().scan().segments(8);
/// assert_eq!(everybody.clone().count().await?, 3000);
///
/// let mut rows = everybody.clone().stream()?;
/// for _ in 0..1000 {
///     rows.next().await.expect("there are 3000")?;
/// }
/// let rest: Vec<String> = rows.remaining().iter().map(ToString::to_string).collect();
///
/// // Later, elsewhere:
/// let rest = rest.iter().map(|text| text.parse()).collect::<s3orm::Result<Vec<_>>>()?;
/// assert_eq!(everybody.resume(rest).count().await?, 2000);
/// # Ok(()) }
/// ```
#[must_use = "a query does nothing until one of its ends is awaited"]
pub struct Segmented<'a, T: S3Schema, At> {
    query: Query<'a, T, At>,
    most: usize,
    rest: Option<Vec<Segment>>,
}

impl<'a, T: S3Schema, At: KeyState> Query<'a, T, At> {
    /// Lists the keys in up to so many segments at the same time (1 to 64), for a part of the table
    /// of many thousand rows. See [`Segmented`].
    ///
    /// The order of the answer is lost, and [`order`](Self::order) must not ask for one. Reads are
    /// still bounded by [`concurrency`](Self::concurrency).
    pub fn segments(self, most: usize) -> Segmented<'a, T, At> {
        Segmented {
            query: self,
            most: most.clamp(1, MAX_SEGMENTS),
            rest: None,
        }
    }
}

impl<T: S3Schema, At> Segmented<'_, T, At> {
    /// Only what was left of the same query: of [`SegmentStream::remaining`], or of
    /// [`split`](Self::split). There may be more segments than are listed at the same time.
    pub fn resume(mut self, rest: impl IntoIterator<Item = Segment>) -> Self {
        self.rest = Some(rest.into_iter().collect());
        self
    }

    /// The rows, in no order.
    ///
    /// # Errors
    /// [`InvalidKey`](ErrorKind::InvalidKey), also for a segment of another query;
    /// [`Unsupported`](ErrorKind::Unsupported) for a descending order, and if it needs
    /// [`scan`](Query::scan). The stream's own errors are its items.
    ///
    /// # Cost
    /// As [`Query::stream`], and about 2 LIST more for each segment that was begun.
    pub fn stream(self) -> Result<SegmentStream<RowStream<T>>> {
        let begin = || {
            let range = self.query.range()?;
            self.query.check_scan(&range, self.query.spec.limit)?;
            let candidates = self.candidates(range, self.query.keys_wanted())?;
            let (table, reading) = (self.query.table.clone(), self.query.reading());
            self.streaming(RowStream::new(table, candidates, reading))
        };
        begin().map_err(|error: Error| error.during("query", T::SCHEMA.table))
    }

    /// The keys, in no order and without reading the rows.
    ///
    /// # Errors
    /// As [`stream`](Self::stream); [`Unsupported`](ErrorKind::Unsupported) with a filter that the
    /// key does not decide.
    ///
    /// # Cost
    /// As [`Query::keys`], and about 2 LIST more for each segment that was begun.
    pub fn keys(self) -> Result<SegmentStream<KeyStream<T>>> {
        let begin = || {
            self.query.check_keys_only()?;
            let candidates = self.candidates(self.query.range()?, self.query.spec.limit)?;
            self.streaming(KeyStream(candidates))
        };
        begin().map_err(|error: Error| error.during("query", T::SCHEMA.table))
    }

    /// How many rows there are.
    ///
    /// # Errors
    /// As [`Query::count`]: the first segment's that fails.
    ///
    /// # Cost
    /// As [`keys`](Self::keys); as [`stream`](Self::stream) with a filter that the key does not
    /// decide.
    pub async fn count(self) -> Result<u64> {
        operation::<T, _>("count", async move {
            let mut count = 0;
            if self.query.reads_to_filter() {
                let mut rows = self.stream()?;
                while let Some(row) = rows.next().await {
                    row?;
                    count += 1;
                }
            } else {
                let mut keys = self.keys()?;
                while let Some(key) = keys.next().await {
                    key?;
                    count += 1;
                }
            }
            Ok(count)
        })
        .await
    }

    /// The segments themselves, to share the query among several processes: each
    /// [resumes](Self::resume) some of them. Together they are the whole, and there may be fewer of
    /// them than were asked for, where there are not that many keys.
    ///
    /// # Errors
    /// Those of [`keys`](Self::keys).
    ///
    /// # Cost
    /// 1 LIST a segment, and as many again to find them.
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema};
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<id:ordered>")]
    /// # struct Person { id: u64 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let people = Db::connect("memory:").await?.table::<Person>();
    /// # people.put_many((0..9000).map(|id| Person { id })).await.into_result()?;
    /// let everybody = people.query().scan().segments(3);
    /// let mut count = 0;
    /// for segment in everybody.clone().split().await? {
    ///     count += everybody.clone().resume([segment]).count().await?; // each elsewhere
    /// }
    /// assert_eq!(count, 9000);
    /// # Ok(()) }
    /// ```
    pub async fn split(self) -> Result<Vec<Segment>> {
        operation::<T, _>("split", async move {
            let mut segments = self.begin(self.query.range()?, &self.meter())?;
            poll_fn(|cx| segments.poll_spread(cx)).await?;
            let name = self.name()?;
            if self.rest.is_some() {
                return Ok(name.segments(segments.rest()));
            }
            let mut spans = segments.whole();
            close_gaps(&mut spans);
            Ok(name.segments(spans))
        })
        .await
    }

    fn meter(&self) -> Arc<Meter> {
        Arc::new(Meter::new(self.query.spec.budget))
    }

    fn candidates(&self, range: KeyRange, wanted: Option<usize>) -> Result<Candidates<T>> {
        let meter = self.meter();
        let segments = Keys::Segments(self.begin(range.clone(), &meter)?);
        let filter = self.query.filter.clone();
        Ok(Candidates::new(
            segments, range, meter, filter, wanted, false,
        ))
    }

    fn begin(&self, range: KeyRange, meter: &Arc<Meter>) -> Result<Segments> {
        if self.query.spec.order == Order::Descending {
            let detail = "segments have no order, and the query asks for a descending one";
            let help = "leave out `order`, or `segments`";
            return Err(Error::new(ErrorKind::Unsupported, detail).with_help(help));
        }
        let (db, meter) = (self.query.table.db().clone(), Arc::clone(meter));
        let spans = self.spans()?;
        Ok(Segments::new(
            db,
            range,
            meter,
            self.most,
            T::Key::digits,
            T::SCHEMA.is_stamped(),
            spans,
        ))
    }

    /// What there is to list, by whole keys.
    fn spans(&self) -> Result<Vec<Span>> {
        let Some(rest) = &self.rest else {
            return Ok(vec![Span::default()]);
        };
        let (query, folder) = (self.query.fingerprint()?, self.query.table.folder());
        let whole = |end: &Option<String>| end.as_ref().map(|end| format!("{folder}{end}"));
        let spans = rest.iter().map(|segment| {
            if segment.query != query {
                let detail = format!("the segment `{segment}` is of another query");
                let help = "resume with the query that gave it, or begin anew";
                return Err(Error::new(ErrorKind::InvalidKey, detail).with_help(help));
            }
            Ok(Span {
                after: whole(&segment.span.after),
                until: whole(&segment.span.until),
            })
        });
        spans.collect()
    }

    fn streaming<S>(&self, stream: S) -> Result<SegmentStream<S>> {
        let name = self.name()?;
        Ok(SegmentStream { stream, name })
    }

    /// What segments of this query are named by.
    fn name(&self) -> Result<Name> {
        Ok(Name {
            query: self.query.fingerprint()?,
            folder: self.query.table.folder().len(),
        })
    }
}

impl<T: S3Schema, At> Clone for Segmented<'_, T, At> {
    fn clone(&self) -> Self {
        Self {
            query: self.query.clone(),
            most: self.most,
            rest: self.rest.clone(),
        }
    }
}

impl<T: S3Schema, At> fmt::Debug for Segmented<'_, T, At> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segmented")
            .field("query", &self.query)
            .field("most", &self.most)
            .field("rest", &self.rest)
            .finish()
    }
}

/// Makes segments the whole range again: what had no keys is of the one before.
fn close_gaps(spans: &mut Vec<Span>) {
    let ends: Vec<_> = spans
        .iter()
        .skip(1)
        .map(|span| span.after.clone())
        .collect();
    for (span, end) in spans.iter_mut().zip(ends.into_iter().chain([None])) {
        span.until = end;
    }
    match spans.first_mut() {
        Some(first) => first.after = None,
        None => spans.push(Span::default()),
    }
}

/// The rows or the keys of a query in segments: of [`Segmented::stream`] and [`Segmented::keys`].
///
/// As the stream `S`, but that an error of a listing ends the segment it is of and not the stream.
#[must_use = "a stream does nothing unless it is read"]
#[derive(Debug)]
pub struct SegmentStream<S> {
    stream: S,
    name: Name,
}

/// What the segments of a query have in common.
#[derive(Debug)]
struct Name {
    query: String,
    /// The length of the table's folder in a key.
    folder: usize,
}

impl Name {
    fn segments(&self, spans: Vec<Span>) -> Vec<Segment> {
        let within = |end: Option<String>| {
            end.map(|end| end.get(self.folder..).unwrap_or_default().to_owned())
        };
        let named = spans.into_iter().map(|span| Segment {
            query: self.query.clone(),
            span: Span {
                after: within(span.after),
                until: within(span.until),
            },
        });
        named.collect()
    }
}

impl<T: S3Schema> SegmentStream<RowStream<T>> {
    /// The next row; `None` at the end.
    ///
    /// # Errors
    /// As [`RowStream::next`]; the error of a listing ends its segment alone, and one of the
    /// [`Budget`](ErrorKind::Budget) all.
    pub async fn next(&mut self) -> Option<Result<T>> {
        self.stream.next().await
    }

    /// The next row with its version; `None` at the end.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn next_row(&mut self) -> Option<Result<Row<T>>> {
        self.stream.next_row().await
    }

    /// What was requested so far.
    pub fn spent(&self) -> Spent {
        self.stream.spent()
    }

    /// What was not returned yet, segments that failed with it: nothing once all was. Rows that
    /// could not be read were returned, as errors. An [`unordered`](Query::unordered) stream may
    /// return some rows again, at most as many as are read at the same time.
    pub fn remaining(&self) -> Vec<Segment> {
        self.name.segments(remaining(self.stream.candidates()))
    }
}

impl<T: S3Schema> SegmentStream<KeyStream<T>> {
    /// The next key; `None` at the end.
    ///
    /// # Errors
    /// Those of the listing, which end its segment, and [`Budget`](ErrorKind::Budget), which ends
    /// all.
    pub async fn next(&mut self) -> Option<Result<T::Key>> {
        self.stream.next().await
    }

    /// What was requested so far.
    pub fn spent(&self) -> Spent {
        self.stream.spent()
    }

    /// What was not returned yet, segments that failed with it: nothing once all was.
    pub fn remaining(&self) -> Vec<Segment> {
        self.name.segments(remaining(&self.stream.0))
    }
}

fn remaining<T: S3Schema>(candidates: &Candidates<T>) -> Vec<Span> {
    candidates
        .segments()
        .map(Segments::rest)
        .unwrap_or_default()
}

impl<S: Stream + Unpin> Stream for SegmentStream<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.stream).poll_next(cx)
    }
}
