//! A range of keys in several segments, listed at the same time.
//!
//! Nobody knows beforehand where the keys are, so the segments are found on the way. The first
//! listing begins alone. Once it has shown a page, the rest of its range is split for a second one,
//! and so on, whenever fewer are at work than may be: a segment that has come to its end leaves its
//! place to the other half of one that has not. A half that turns out to be empty has cost one
//! request, and narrowed the range that is split next.
//!
//! Segments are disjoint and together the whole range, so each can be left and taken up again by
//! itself: from the last key of it that was looked at.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::stream::{self, Stream};

use super::bill::{Budget, Meter};
use super::list::{Listing, PAGE};
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::key::KeyRange;

/// Where values of types without digits are split.
const CHARS: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The keys that are greater than one and up to another: `None` is the range's own end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) after: Option<String>,
    pub(crate) until: Option<String>,
}

impl Span {
    fn holds(&self, key: &str) -> bool {
        self.after.as_deref().is_none_or(|after| key > after)
            && self.until.as_deref().is_none_or(|until| key <= until)
    }
}

/// The keys of a range, ascending in each segment, in no order among them.
pub(crate) struct Segments {
    db: Db,
    range: KeyRange,
    meter: Arc<Meter>,
    /// How many are listed at the same time.
    most: usize,
    /// The digits of a key column's type.
    digits: fn(usize) -> Option<&'static str>,
    stamped: bool,
    /// Those that have come to their end and were looked at are not kept.
    parts: Vec<Part>,
    /// Pages that were not asked for yet, of one listing each at most.
    pages: VecDeque<Vec<String>>,
}

struct Part {
    /// What of it was not looked at yet.
    rest: Span,
    listing: Listing,
    /// How many of its listed keys were not looked at yet.
    open: usize,
    failed: bool,
    /// Whether it is split near its beginning the next time.
    near: bool,
}

impl Part {
    fn is_active(&self) -> bool {
        !self.failed && !self.listing.is_done()
    }

    /// Whether every key of it was looked at.
    fn is_over(&self) -> bool {
        self.listing.is_done() && !self.failed && self.open == 0
    }
}

impl Segments {
    pub(crate) fn new(
        db: Db,
        range: KeyRange,
        meter: Arc<Meter>,
        most: usize,
        digits: fn(usize) -> Option<&'static str>,
        stamped: bool,
        spans: Vec<Span>,
    ) -> Self {
        let mut this = Self {
            db,
            range,
            meter,
            most,
            digits,
            stamped,
            parts: Vec::new(),
            pages: VecDeque::new(),
        };
        this.parts = spans.into_iter().map(|span| this.part(span)).collect();
        this
    }

    fn part(&self, rest: Span) -> Part {
        let mut range = self.range.clone();
        if let Some(after) = &rest.after {
            range.after(after);
        }
        if let Some(until) = &rest.until {
            range.up_to(until);
        }
        let listing = Listing::new(
            self.db.clone(),
            range,
            Arc::clone(&self.meter),
            PAGE,
            self.stamped,
        );
        Part {
            rest,
            listing,
            open: 0,
            failed: false,
            near: false,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.pages.is_empty() && !self.parts.iter().any(Part::is_active)
    }

    /// The next keys of any segment; may be none. An error ends the segment that it is of, and one
    /// of the budget ends all.
    pub(crate) fn poll_page(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Vec<String>>>> {
        loop {
            let mut has_moved = false;
            if self.pages.len() < self.most {
                self.split();
                let active = self.parts.iter_mut().filter(|part| part.is_active());
                for part in active.take(self.most) {
                    match part.listing.poll_page(cx) {
                        Poll::Pending => {}
                        Poll::Ready(None) => has_moved = true,
                        Poll::Ready(Some(Ok(keys))) => {
                            has_moved = true;
                            part.open += keys.len();
                            self.pages.extend((!keys.is_empty()).then_some(keys));
                        }
                        Poll::Ready(Some(Err(error))) => {
                            part.failed = true;
                            return Poll::Ready(Some(Err(self.fail(error))));
                        }
                    }
                }
            }
            match self.pages.pop_front() {
                Some(keys) => return Poll::Ready(Some(Ok(keys))),
                None if self.is_done() => return Poll::Ready(None),
                None if has_moved => {}
                None => return Poll::Pending,
            }
        }
    }

    fn fail(&mut self, error: Error) -> Error {
        if error.kind() == ErrorKind::Budget {
            self.pages.clear();
            for part in &mut self.parts {
                part.failed |= part.is_active();
            }
        }
        error
    }

    /// Notes that a listed key is not going to be looked at.
    pub(super) fn passed_over(&mut self, key: &str) {
        if let Some(part) = self.of(key) {
            part.open -= 1;
        }
    }

    /// Notes that a key was looked at, as were those before it in its segment.
    pub(crate) fn examined(&mut self, key: &str) {
        if let Some(part) = self.of(key) {
            part.open -= 1;
            part.rest.after = Some(key.to_owned());
        }
    }

    fn of(&mut self, key: &str) -> Option<&mut Part> {
        let mut parts = self.parts.iter_mut();
        parts.find(|part| part.rest.holds(key))
    }

    /// What was not looked at yet.
    pub(crate) fn rest(&self) -> Vec<Span> {
        let rest = self.parts.iter().filter(|part| !part.is_over());
        rest.map(|part| part.rest.clone()).collect()
    }

    /// All of them as they were split, though keys were listed already. What has been listed whole is
    /// of a neighbour that has not.
    pub(super) fn whole(&self) -> Vec<Span> {
        let mut parts: Vec<&Part> = self.parts.iter().collect();
        parts.sort_by(|a, b| a.rest.after.cmp(&b.rest.after));
        let mut spans: Vec<Span> = Vec::new();
        let mut goes_on = false;
        for part in parts {
            match spans.last_mut() {
                Some(span) if !(goes_on && part.is_active()) => {
                    span.until.clone_from(&part.rest.until);
                }
                _ => spans.push(part.rest.clone()),
            }
            goes_on |= part.is_active();
        }
        spans
    }

    /// Splits into as many segments as may be listed at the same time, each with one page shown and
    /// no more, or into fewer where they cannot be split any further.
    pub(super) fn poll_spread(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        loop {
            self.split();
            let (mut waits, mut has_moved) = (false, false);
            let active = self.parts.iter_mut().filter(|part| part.is_active());
            for part in active.filter(|part| part.listing.shown().is_none()) {
                match part.listing.poll_page(cx) {
                    Poll::Pending => waits = true,
                    Poll::Ready(page) => {
                        part.open += page.transpose()?.map_or(0, |keys| keys.len());
                        has_moved = true;
                    }
                }
            }
            match (has_moved, waits) {
                (true, _) => {}
                (false, true) => return Poll::Pending,
                (false, false) => return Poll::Ready(Ok(())),
            }
        }
    }

    /// Begins new segments while fewer are listed than may be.
    fn split(&mut self) {
        self.parts.retain(|part| !part.is_over());
        let active = |this: &Self| this.parts.iter().filter(|part| part.is_active()).count();
        for _ in active(self)..self.most {
            let Some(half) = self.other_half() else { break };
            self.parts.push(half);
        }
    }

    /// The other half of the widest segment that can be split.
    fn other_half(&mut self) -> Option<Part> {
        let (range, digits) = (&self.range, self.digits);
        let active = self.parts.iter_mut().filter(|part| part.is_active());
        let halves = active.filter_map(|part| {
            let (width, at) = split_point(range, digits, part)?;
            Some((width, at, part))
        });
        let (_, at, part) = halves.min_by_key(|(width, ..)| *width)?;
        part.near = !part.near;
        part.listing.up_to(&at);
        let until = part.rest.until.replace(at.clone());
        let after = Some(at);
        Some(self.part(Span { after, until }))
    }
}

/// The keys of a range, a page at a time, in no order: listed at so many places at the same time.
pub(crate) fn in_segments(
    db: Db,
    range: KeyRange,
    most: usize,
    stamped: bool,
) -> impl Stream<Item = Result<Vec<String>>> + Send {
    let meter = Arc::new(Meter::new(Budget::default()));
    let spans = vec![Span::default()];
    let mut segments = Segments::new(db, range, meter, most, |_| None, stamped, spans);
    stream::poll_fn(move |cx| segments.poll_page(cx))
}

/// Where the rest of a segment can be split, and a measure of how wide it is: the less, the wider.
///
/// The end of a page and the end of the segment share some bytes. The first byte after them is where
/// the rest is widest, and its middle is tried. But values may fill a small part of it: numbers of
/// 20 digits begin with zeros. So in turn a byte half-way to those is tried that differ within
/// a page, where the next pages are sure to come by.
fn split_point(
    range: &KeyRange,
    digits: fn(usize) -> Option<&'static str>,
    part: &Part,
) -> Option<(usize, String)> {
    let (last, differs_at) = part.listing.shown()?;
    let until = part.rest.until.as_ref().or(range.stop.as_ref());
    let shared = until.map_or(0, |until| shared_bytes(last, until));
    let mut places = Vec::new();
    for (number, column) in range.columns_of(last).into_iter().enumerate() {
        let chars = digits(number).unwrap_or(CHARS);
        for at in column.start.max(shared)..column.end.min(differs_at + 1) {
            let here = last.get(at..).and_then(|rest| rest.chars().next());
            let end = until
                .filter(|_| at == shared)
                .and_then(|until| until[at..].chars().next());
            let chars = between(chars, here, end);
            if !chars.is_empty() {
                places.push((at, chars));
            }
        }
    }
    let &(width, _) = places.first()?;
    let (at, char) = if part.near {
        let (at, chars) = places[places.len() / 2];
        (at, &chars[..1])
    } else {
        let (at, chars) = places[0];
        let middle = chars.len() / 2;
        (at, &chars[middle..=middle])
    };
    Some((width, format!("{}{char}", &last[..at])))
}

/// Those of some ascending ASCII characters that are greater than one and less than another.
fn between(chars: &str, least: Option<char>, end: Option<char>) -> &str {
    let Some(least) = least else { return "" };
    let first = chars.find(|char| char > least).unwrap_or(chars.len());
    let chars = &chars[first..];
    let beyond = chars.find(|char| end.is_some_and(|end| char >= end));
    &chars[..beyond.unwrap_or(chars.len())]
}

/// How many bytes two texts share at their beginning.
pub(super) fn shared_bytes(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_split_between_characters() {
        let digits = "0123456789";
        assert_eq!(between(digits, Some('3'), None), "456789");
        assert_eq!(between(digits, Some('3'), Some('7')), "456");
        assert_eq!(between(digits, Some('3'), Some('4')), "");
        assert_eq!(between(digits, Some('-'), Some('a')), digits);
        assert_eq!(between(digits, Some('é'), None), "");
        assert_eq!(between(digits, None, None), "");
    }
}
