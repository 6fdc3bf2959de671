//! The keys of a range, page by page.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::bill::{Call, Meter};
use super::filter::Filter;
use super::segments::{Segments, shared_bytes};
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::index::layout::split_entry;
use crate::key::{KeyRange, KeyTuple as _, Place};
use crate::schema::S3Schema;
use crate::stamp::presence::rows_only;
use crate::store::{ListObjects, ListStart, Page};

/// Keys in a page: S3 gives no more.
pub(super) const PAGE: usize = 1000;
/// With fewer keys than this at hand, the next page is asked for.
const LOW: usize = PAGE / 2;
/// Keys held at most where all of them must be read before the first is returned.
const MAX_HELD: usize = 1_000_000;

pub(super) type Gate = Pin<Box<dyn Future<Output = Result<()>> + Send>>;
type Request = Pin<Box<dyn Future<Output = Result<Page>> + Send>>;

/// The keys of a range in ascending order. Knows nothing of rows.
pub(super) struct Listing {
    db: Db,
    range: KeyRange,
    meter: Arc<Meter>,
    /// Whether there are objects which are no rows, but where rows were.
    stamped: bool,
    state: State,
    /// What must be so before anything is listed.
    gate: Option<Gate>,
    shown: Option<Shown>,
}

/// What a page has shown of where the keys are.
struct Shown {
    last: String,
    /// How many bytes its keys share.
    shared: usize,
}

enum State {
    Next(ListStart, usize),
    Waiting(Request),
    Done,
}

impl Listing {
    /// `first` keys at most in the first page, where that is likely to be enough.
    pub(super) fn new(
        db: Db,
        range: KeyRange,
        meter: Arc<Meter>,
        first: usize,
        stamped: bool,
    ) -> Self {
        let start = match &range.start_after {
            Some(key) => ListStart::After(key.clone()),
            None => ListStart::First,
        };
        Self {
            db,
            range,
            meter,
            stamped,
            state: State::Next(start, first.clamp(1, PAGE)),
            gate: None,
            shown: None,
        }
    }

    /// Only if this holds.
    pub(super) fn gated(self, gate: Gate) -> Self {
        Self {
            gate: Some(gate),
            ..self
        }
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// The last key of the last page, and how many bytes the keys of that page share.
    pub(super) fn shown(&self) -> Option<(&str, usize)> {
        let shown = self.shown.as_ref()?;
        Some((&shown.last, shown.shared))
    }

    /// Ends at this key, unless it ends before.
    pub(super) fn up_to(&mut self, key: &str) {
        self.range.up_to(key);
    }

    fn request(&mut self, start: ListStart, keys: usize) -> Result<Request> {
        self.meter.charge(Call::List)?;
        let db = self.db.clone();
        let request = ListObjects {
            prefix: self.range.prefix.clone(),
            start,
            limit: u16::try_from(keys).ok(),
            ..ListObjects::default()
        };
        let (meter, stamped) = (Arc::clone(&self.meter), self.stamped);
        let gate = self.gate.take();
        Ok(Box::pin(async move {
            if let Some(gate) = gate {
                gate.await?;
            }
            let page = db.page(request).await?;
            if stamped {
                return rows_only(&db, page, || meter.charge(Call::Get)).await;
            }
            Ok(page)
        }))
    }

    /// The names that end at the next `/` after the range's prefix: one a folder.
    pub(super) async fn folders(&mut self) -> Result<Vec<String>> {
        let mut folders = Vec::new();
        while let State::Next(start, _) = &mut self.state {
            self.meter.charge(Call::List)?;
            let request = ListObjects {
                prefix: self.range.prefix.clone(),
                delimiter: Some('/'),
                start: std::mem::take(start),
                limit: None,
            };
            let page = self.db.page(request).await?;
            let stop = self.range.stop.as_ref();
            let past = page
                .prefixes
                .last()
                .is_some_and(|last| stop.is_some_and(|stop| last > stop));
            self.state = match page.next {
                Some(token) if !past => State::Next(ListStart::Token(token), PAGE),
                _ => State::Done,
            };
            folders.extend(page.prefixes);
        }
        Ok(folders)
    }

    /// The next keys inside the range; may be none. After an error, the end.
    pub(super) fn poll_page(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Vec<String>>>> {
        loop {
            match &mut self.state {
                State::Done => return Poll::Ready(None),
                State::Next(start, keys) => {
                    let (start, keys) = (std::mem::take(start), *keys);
                    match self.request(start, keys) {
                        Ok(request) => self.state = State::Waiting(request),
                        Err(error) => return Poll::Ready(Some(Err(self.end(error)))),
                    }
                }
                State::Waiting(request) => {
                    return Poll::Ready(Some(match ready!(request.as_mut().poll(cx)) {
                        Ok(page) => Ok(self.take(page)),
                        Err(error) => Err(self.end(error)),
                    }));
                }
            }
        }
    }

    fn end(&mut self, error: Error) -> Error {
        self.state = State::Done;
        error
    }

    fn take(&mut self, page: Page) -> Vec<String> {
        self.meter.listed(page.objects.len());
        self.state = match page.next {
            Some(token) => State::Next(ListStart::Token(token), PAGE),
            None => State::Done,
        };
        if let [first, .., last] = &*page.objects {
            let shared = shared_bytes(&first.key, &last.key);
            let last = last.key.clone();
            self.shown = Some(Shown { last, shared });
        }
        let mut keys = Vec::with_capacity(page.objects.len());
        for object in page.objects {
            match self.range.place(&object.key) {
                Place::Inside => keys.push(object.key),
                Place::Outside => {}
                Place::Past => {
                    self.state = State::Done;
                    break;
                }
            }
        }
        keys
    }
}

/// A key that may be a row of the answer.
pub(super) struct Candidate<T: S3Schema> {
    pub(super) key: T::Key,
    /// The key of the object that was listed: the row's, or that of its entry.
    pub(super) object: String,
    /// Whether the key has decided the filter already.
    pub(super) decided: bool,
}

/// Where the keys come from.
pub(super) enum Keys {
    /// In order.
    Listing(Listing),
    /// From several places at the same time.
    Segments(Segments),
}

impl Keys {
    fn is_done(&self) -> bool {
        match self {
            Self::Listing(listing) => listing.is_done(),
            Self::Segments(segments) => segments.is_done(),
        }
    }

    fn poll_page(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Vec<String>>>> {
        match self {
            Self::Listing(listing) => listing.poll_page(cx),
            Self::Segments(segments) => segments.poll_page(cx),
        }
    }
}

/// The keys of a range that are rows' and that the filter does not refuse by their key.
pub(super) struct Candidates<T: S3Schema> {
    listing: Keys,
    range: KeyRange,
    /// The number of the index whose entries are listed instead of rows.
    index: Option<usize>,
    meter: Arc<Meter>,
    filter: Option<Filter<T>>,
    ready: VecDeque<Candidate<T>>,
    /// How many are still wanted.
    wanted: Option<usize>,
    /// From the last to the first: all are listed beforehand.
    descending: bool,
    failed: Option<Error>,
}

impl<T: S3Schema> Candidates<T> {
    pub(super) fn new(
        listing: Keys,
        range: KeyRange,
        meter: Arc<Meter>,
        filter: Option<Filter<T>>,
        wanted: Option<usize>,
        descending: bool,
    ) -> Self {
        Self {
            listing,
            range,
            index: None,
            meter,
            filter,
            ready: VecDeque::new(),
            wanted,
            descending,
            failed: None,
        }
    }

    /// The keys are those of an index's entries.
    pub(super) fn of_index(self, index: Option<usize>) -> Self {
        Self { index, ..self }
    }

    /// The number of the index whose entries are listed.
    pub(super) fn index(&self) -> Option<usize> {
        self.index
    }

    /// The path of the row in the key of an object.
    fn row_path<'k>(&self, object: &'k str) -> &'k str {
        let path = self.range.path_of(object);
        match self.index {
            None => path,
            Some(number) => {
                split_entry(&T::SCHEMA.indexes[number], path).map_or("", |(_, row)| row)
            }
        }
    }

    /// The next one; its listing runs ahead by at most a page.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Candidate<T>>>> {
        if self.wanted == Some(0) {
            return Poll::Ready(None);
        }
        while self.needs_page() {
            match self.listing.poll_page(cx) {
                Poll::Ready(Some(Ok(keys))) => self.extend(keys),
                Poll::Ready(Some(Err(error))) => self.failed = Some(error),
                Poll::Ready(None) => {}
                Poll::Pending if self.ready.is_empty() || self.descending => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        if self.descending && self.failed.is_some() {
            self.ready.clear();
        }
        let next = if self.descending {
            self.ready.pop_back()
        } else {
            self.ready.pop_front()
        };
        if next.is_some()
            && let Some(wanted) = &mut self.wanted
        {
            *wanted -= 1;
        }
        Poll::Ready(next.map(Ok).or_else(|| self.failed.take().map(Err)))
    }

    fn needs_page(&self) -> bool {
        if self.listing.is_done() || self.failed.is_some() {
            return false;
        }
        self.descending || self.ready.len() < self.wanted.map_or(LOW, |wanted| wanted.min(LOW))
    }

    fn extend(&mut self, keys: Vec<String>) {
        for object in keys {
            match self.candidate(object) {
                Ok(candidate) => self.ready.push_back(candidate),
                Err(object) => {
                    if let Keys::Segments(segments) = &mut self.listing {
                        segments.passed_over(&object);
                    }
                }
            }
        }
        if self.descending {
            self.forget_first();
        }
    }

    /// Unless it is no row's, or the filter refuses it: then the object's key again.
    fn candidate(&self, object: String) -> Result<Candidate<T>, String> {
        let Ok(key) = T::Key::parse(&T::SCHEMA.path, self.row_path(&object)) else {
            self.meter.found_foreign();
            return Err(object);
        };
        let decided = match &self.filter {
            None => Some(true),
            Some(filter) => filter.matches_key(&key),
        };
        if decided == Some(false) {
            return Err(object);
        }
        Ok(Candidate {
            key,
            object,
            decided: decided.is_some(),
        })
    }

    /// Of a descending order only the last keys are needed, and some more for rows that are gone
    /// when they are read.
    fn forget_first(&mut self) {
        if let Some(wanted) = self.wanted {
            let needed = wanted.saturating_add(PAGE);
            self.ready.drain(..self.ready.len().saturating_sub(needed));
        }
        if self.ready.len() > MAX_HELD {
            let detail =
                format!("a descending order holds every key, and there are over {MAX_HELD}");
            let help = "write the column `:desc` in the path, set a limit, or narrow the range";
            self.failed = Some(Error::new(ErrorKind::LimitExceeded, detail).with_help(help));
        }
    }

    /// One of those taken was no row after all.
    pub(super) fn want_another(&mut self) {
        self.wanted = self.wanted.map(|wanted| wanted + 1);
    }

    /// Whether there is, as far as is known, another one beyond those taken.
    pub(super) fn has_more(&self) -> bool {
        !self.ready.is_empty() || !self.listing.is_done()
    }

    pub(super) fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }

    /// Notes that a candidate was looked at, as were those that came before it.
    pub(super) fn examined(&mut self, object: &str) {
        if let Keys::Segments(segments) = &mut self.listing {
            segments.examined(object);
        }
    }

    /// The segments, where there are any.
    pub(super) fn segments(&self) -> Option<&Segments> {
        match &self.listing {
            Keys::Listing(_) => None,
            Keys::Segments(segments) => Some(segments),
        }
    }
}
