//! The rows of an answer, as a stream.

use std::collections::VecDeque;
use std::fmt;
use std::future::{poll_fn, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::stream::{FuturesOrdered, FuturesUnordered, Stream, StreamExt as _};

use super::bill::{Call, Spent};
use super::filter::Filter;
use super::list::{Candidate, Candidates};
use crate::error::{Error, Result};
use crate::row::Row;
use crate::schema::S3Schema;
use crate::table::Table;

/// What a read gave: the object's key, and the row unless it is gone or filtered out. Without a key,
/// the error of a listing.
type Fetched<T> = (Option<String>, Result<Option<Row<T>>>);

/// A read that is under way.
type Fetch<T> = Pin<Box<dyn Future<Output = Fetched<T>> + Send>>;

/// The reads under way.
enum UnderWay<T> {
    InOrder(FuturesOrdered<Fetch<T>>),
    /// With the keys in their order, and whether they were read.
    AsTheyCome(FuturesUnordered<Fetch<T>>, VecDeque<(String, bool)>),
}

/// The rows of a query, one after the other: of [`Query::stream`](crate::Query::stream).
///
/// A [`Stream`] of [`Result`]s, and its own [`next`](Self::next) needs no other crate. It holds at
/// most two pages of keys and as many rows as requests are under way, whatever the table's size.
/// Nothing is requested unless it is polled, and dropping it stops what is under way.
///
/// A row that cannot be read is an error with its key, and the rows after it follow. An error of
/// the listing or of the budget is the last item.
#[must_use = "a stream does nothing unless it is read"]
pub struct RowStream<T: S3Schema> {
    table: Table<T>,
    candidates: Candidates<T>,
    filter: Option<Filter<T>>,
    under_way: UnderWay<T>,
    concurrency: usize,
    /// Rows that may still be returned.
    left: Option<usize>,
    /// Candidates that may still be read: as many where the key decides the filter.
    to_read: Option<usize>,
    /// What ends the stream once the reads under way are returned.
    ending: Option<Ending>,
    /// The last key that was read and returned, filtered out or found gone.
    examined: Option<String>,
}

enum Ending {
    Exhausted,
    Failed(Error),
}

/// How rows are read.
pub(super) struct Reading<T: S3Schema> {
    pub(super) filter: Option<Filter<T>>,
    pub(super) limit: Option<usize>,
    pub(super) concurrency: usize,
    pub(super) in_order: bool,
}

impl<T: S3Schema> RowStream<T> {
    pub(super) fn new(table: Table<T>, candidates: Candidates<T>, reading: Reading<T>) -> Self {
        let by_key = reading.filter.as_ref().is_none_or(Filter::is_key_only);
        Self {
            table,
            candidates,
            filter: reading.filter,
            under_way: if reading.in_order {
                UnderWay::InOrder(FuturesOrdered::new())
            } else {
                UnderWay::AsTheyCome(FuturesUnordered::new(), VecDeque::new())
            },
            concurrency: reading.concurrency,
            left: reading.limit,
            to_read: reading.limit.filter(|_| by_key),
            ending: None,
            examined: None,
        }
    }

    /// The next row; `None` at the end.
    ///
    /// # Errors
    /// Those of the listing and [`Budget`](crate::ErrorKind::Budget), which end the stream; those
    /// of [`get`](Table::get) with the row's key, after which it goes on.
    pub async fn next(&mut self) -> Option<Result<T>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// What was requested so far.
    pub fn spent(&self) -> Spent {
        self.candidates.meter().spent()
    }

    /// The next row with its version; `None` at the end.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn next_row(&mut self) -> Option<Result<Row<T>>> {
        poll_fn(|cx| self.poll_row(cx)).await
    }

    pub(super) fn examined(&self) -> Option<&str> {
        self.examined.as_deref()
    }

    pub(super) fn candidates(&self) -> &Candidates<T> {
        &self.candidates
    }

    /// Whether, as far as is known, another key follows those that were returned.
    pub(super) fn has_more(&self) -> bool {
        self.under_way.len() > 0 || self.candidates.has_more()
    }

    fn poll_row(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Row<T>>>> {
        loop {
            if self.left == Some(0) {
                return Poll::Ready(None);
            }
            self.start_reads(cx);
            let (key, result) = match self.under_way.poll_next(cx) {
                Poll::Ready(Some(read)) => read,
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => match self.ending.take() {
                    None if self.to_read != Some(0) => return Poll::Pending,
                    Some(Ending::Failed(error)) => {
                        self.ending = Some(Ending::Exhausted);
                        return Poll::Ready(Some(Err(self.named(error))));
                    }
                    ending => {
                        self.ending = ending;
                        return Poll::Ready(None);
                    }
                },
            };
            if let Some(key) = key {
                self.note(key);
            }
            match result {
                Ok(None) => self.replace_vanished(),
                Ok(Some(row)) => {
                    self.left = self.left.map(|left| left - 1);
                    return Poll::Ready(Some(Ok(row)));
                }
                Err(error) => return Poll::Ready(Some(Err(self.named(error)))),
            }
        }
    }

    /// Notes that a key was read: it is examined once those before it are.
    fn note(&mut self, key: String) {
        let mut examined = |key: String| {
            self.candidates.examined(&key);
            self.examined = Some(key);
        };
        match &mut self.under_way {
            UnderWay::InOrder(_) => examined(key),
            UnderWay::AsTheyCome(_, keys) => {
                if let Some((_, is_read)) = keys.iter_mut().find(|(other, _)| *other == key) {
                    *is_read = true;
                }
                while let Some((key, _)) = keys.pop_front_if(|(_, is_read)| *is_read) {
                    examined(key);
                }
            }
        }
    }

    /// A row that was deleted since it was listed does not count against the limit.
    fn replace_vanished(&mut self) {
        if let Some(to_read) = &mut self.to_read {
            *to_read += 1;
            self.candidates.want_another();
        }
    }

    #[expect(clippy::unused_self, reason = "reads better at every call")]
    fn named(&self, error: Error) -> Error {
        error.during("query", T::SCHEMA.table)
    }

    fn start_reads(&mut self, cx: &mut Context<'_>) {
        while self.ending.is_none()
            && self.to_read != Some(0)
            && self.under_way.len() < self.concurrency
        {
            match self.candidates.poll_next(cx) {
                Poll::Pending => return,
                Poll::Ready(None) => self.ending = Some(Ending::Exhausted),
                // A segment has failed, and others go on.
                Poll::Ready(Some(Err(error))) if self.candidates.has_more() => {
                    self.under_way.push(Box::pin(ready((None, Err(error)))));
                }
                Poll::Ready(Some(Err(error))) => self.ending = Some(Ending::Failed(error)),
                Poll::Ready(Some(Ok(candidate))) => self.start_read(candidate),
            }
        }
    }

    fn start_read(&mut self, candidate: Candidate<T>) {
        if let Err(error) = self.candidates.meter().charge(Call::Get) {
            self.ending = Some(Ending::Failed(error));
            return;
        }
        self.to_read = self.to_read.map(|to_read| to_read - 1);
        if let UnderWay::AsTheyCome(_, keys) = &mut self.under_way {
            keys.push_back((candidate.object.clone(), false));
        }
        self.under_way.push(self.fetch(candidate));
    }

    fn fetch(&self, candidate: Candidate<T>) -> Fetch<T> {
        let table = self.table.clone();
        let filter = self.filter.clone().filter(|_| !candidate.decided);
        let index = self.candidates.index();
        Box::pin(async move {
            let Candidate { key, object, .. } = candidate;
            let found = match index {
                None => table.fetch_object(key, object.clone()).await,
                Some(number) => table.fetch_entry(key, number, &object).await,
            };
            let row = found.map(|found| {
                let row = found?;
                let is_met = filter.is_none_or(|filter| filter.matches(&row));
                is_met.then_some(row)
            });
            (Some(object), row)
        })
    }
}

impl<T> UnderWay<T> {
    fn len(&self) -> usize {
        match self {
            Self::InOrder(reads) => reads.len(),
            Self::AsTheyCome(reads, _) => reads.len(),
        }
    }

    fn push(&mut self, read: Fetch<T>) {
        match self {
            Self::InOrder(reads) => reads.push_back(read),
            Self::AsTheyCome(reads, _) => reads.push(read),
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Fetched<T>>> {
        match self {
            Self::InOrder(reads) => reads.poll_next_unpin(cx),
            Self::AsTheyCome(reads, _) => reads.poll_next_unpin(cx),
        }
    }
}

// No field is pinned in place.
impl<T: S3Schema> Unpin for RowStream<T> {}

impl<T: S3Schema> Stream for RowStream<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        self.poll_row(cx).map(|row| Some(row?.map(Row::into_inner)))
    }
}

impl<T: S3Schema> fmt::Debug for RowStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowStream")
            .field("table", &self.table)
            .field("spent", &self.spent())
            .finish_non_exhaustive()
    }
}

/// The keys of a query, one after the other: of [`Query::keys`](crate::Query::keys).
///
/// As [`RowStream`], but no row is read.
#[must_use = "a stream does nothing unless it is read"]
pub struct KeyStream<T: S3Schema>(pub(super) Candidates<T>);

impl<T: S3Schema> KeyStream<T> {
    /// The next key; `None` at the end.
    ///
    /// # Errors
    /// Those of the listing and [`Budget`](crate::ErrorKind::Budget), which end the stream.
    pub async fn next(&mut self) -> Option<Result<T::Key>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// All of them that are left.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn collect(mut self) -> Result<Vec<T::Key>> {
        let mut keys = Vec::new();
        while let Some(key) = self.next().await {
            keys.push(key?);
        }
        Ok(keys)
    }

    /// What was requested so far.
    pub fn spent(&self) -> Spent {
        self.0.meter().spent()
    }

    pub(super) fn poll_candidate(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Candidate<T>>>> {
        let next = self.0.poll_next(cx);
        if let Poll::Ready(Some(Ok(candidate))) = &next {
            self.0.examined(&candidate.object);
        }
        next.map(|next| next.map(|next| next.map_err(|e| e.during("query", T::SCHEMA.table))))
    }
}

impl<T: S3Schema> Unpin for KeyStream<T> {}

impl<T: S3Schema> Stream for KeyStream<T> {
    type Item = Result<T::Key>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_candidate(cx)
            .map(|next| next.map(|next| next.map(|candidate| candidate.key)))
    }
}

impl<T: S3Schema> fmt::Debug for KeyStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyStream")
            .field("spent", &self.spent())
            .finish_non_exhaustive()
    }
}
