//! A part of a table's keys: the first columns fixed, the next one within bounds.
//!
//! Nothing here is generic over the row: values have become text already. A listing can only be
//! asked for a prefix and a place to start, so a range is listed as the smallest superset of that
//! kind ([`KeyRange::prefix`], [`start_after`](KeyRange::start_after), [`stop`](KeyRange::stop)), and
//! each key is then compared exactly ([`KeyRange::place`]).

use std::iter;
use std::ops::{Bound, Range, RangeBounds};

use super::codec::{Reader, read_column, write_column};
use super::column::{ColumnError, KeyColumn};
use super::path::{Encoding, Form, KeyError, PathTemplate, Piece};
use super::segment;

/// Sorts after every text that a key holds in its place.
const LAST: char = char::MAX;

/// The beginning of a key: literals and the values of the first columns, with the literal that
/// closes the last of them, so that no value is ever matched by half.
#[derive(Debug, Clone)]
pub(crate) struct PrefixText {
    path: &'static PathTemplate,
    text: String,
    /// What of the path follows: a column first, or nothing.
    rest: &'static [Piece],
    /// The first value that has no key text. What was fixed after it is left out.
    invalid: Option<KeyError>,
}

impl PrefixText {
    /// With no column fixed.
    pub(crate) fn new(path: &'static PathTemplate) -> Self {
        let mut prefix = Self {
            path,
            text: String::new(),
            rest: path.pieces,
            invalid: None,
        };
        prefix.push_literal();
        prefix
    }

    fn push_literal(&mut self) {
        if let [Piece::Literal(text), rest @ ..] = self.rest {
            self.text.push_str(text);
            self.rest = rest;
        }
    }

    /// Fixes the next column. A value that cannot be written is told by [`valid`](Self::valid).
    pub(crate) fn fix<T: KeyColumn>(&mut self, value: &T) {
        if self.invalid.is_none() {
            self.invalid = self.push(value).err();
        }
    }

    /// Takes the error of a value that was given for the next column.
    pub(crate) fn note(&mut self, error: KeyError) {
        self.invalid.get_or_insert(error);
    }

    /// The text.
    ///
    /// # Errors
    /// The first value that could not be written.
    pub(crate) fn valid(&self) -> Result<&str, &KeyError> {
        match &self.invalid {
            None => Ok(&self.text),
            Some(error) => Err(error),
        }
    }

    fn push<T: KeyColumn>(&mut self, value: &T) -> Result<(), KeyError> {
        let text = self.column_text(value)?;
        let (start, unread) = (self.text.len(), self.rest);
        self.text.push_str(&text);
        self.rest = &unread[1..];
        self.push_literal();
        if self.path.encoding == Encoding::Verbatim {
            Reader::within(self.path, unread, &self.text[start..]).expect(&text)?;
        }
        if self.is_whole_key() {
            self.text.push_str(self.path.extension);
        }
        Ok(())
    }

    /// The next column's text for a value.
    ///
    /// # Errors
    /// The value cannot be written.
    fn column_text<T: KeyColumn>(&self, value: &T) -> Result<String, KeyError> {
        let Some(&Piece::Column { name, form }) = self.rest.first() else {
            return Err(self.path.wrong_columns());
        };
        let mut text = String::new();
        write_column(value, form, self.path.encoding, &mut text)
            .map_err(|error| KeyError::of(name, error))?;
        Ok(text)
    }

    /// The next column's text for a bound of a range.
    ///
    /// # Errors
    /// The value cannot be written, or its text would sort elsewhere once it is escaped.
    pub(crate) fn bound_text<T: KeyColumn>(&self, value: &T) -> Result<String, KeyError> {
        let text = self.column_text(value)?;
        let escaped = self.path.encoding == Encoding::Escaped && text.contains('!');
        // The empty text is escaped too, and sorts first as it should.
        if escaped && text != segment::EMPTY {
            let what = "a text that sorts as its value: it holds more than `A-Z a-z 0-9 - _ .`";
            return Err(KeyError::of_key(ColumnError::not(&text, what)));
        }
        Ok(text)
    }

    /// How the next column's values are written.
    pub(crate) fn next_form(&self) -> Form {
        match self.rest.first() {
            Some(Piece::Column { form, .. }) => *form,
            _ => Form::Plain,
        }
    }

    /// Whether every column is fixed.
    fn is_whole_key(&self) -> bool {
        self.rest.is_empty()
    }
}

/// What is asked of the column after the fixed ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Limits {
    /// Nothing.
    None,
    /// Its text lies between these, in byte order.
    Between {
        lower: Bound<String>,
        upper: Bound<String>,
        /// [`KeyColumn::PREFIX_FREE`].
        prefix_free: bool,
    },
    /// Its value begins with this text.
    StartsWith(String),
}

/// Where a listed key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Inside,
    /// Not inside, but a later key may be.
    Outside,
    /// Not inside, and no later key is.
    Past,
}

/// A part of a table's keys.
#[derive(Debug, Clone)]
pub(crate) struct KeyRange {
    path: &'static PathTemplate,
    rest: &'static [Piece],
    /// Of the table's folder in every key.
    folder: usize,
    /// The folder and the fixed columns.
    fixed: String,
    limits: Limits,
    /// What every key inside begins with.
    pub(crate) prefix: String,
    /// Every key inside is greater.
    pub(crate) start_after: Option<String>,
    /// No key inside is greater than this.
    pub(crate) stop: Option<String>,
    /// No key inside is this or greater.
    before: Option<String>,
}

impl KeyRange {
    pub(crate) fn new(folder: &str, prefix: &PrefixText, limits: Limits) -> Self {
        let fixed = format!("{folder}{}", prefix.text);
        let mut range = Self {
            path: prefix.path,
            rest: prefix.rest,
            folder: folder.len(),
            prefix: fixed.clone(),
            fixed,
            limits: Limits::None,
            start_after: None,
            stop: None,
            before: None,
        };
        match &limits {
            Limits::None => {}
            Limits::Between {
                lower,
                upper,
                prefix_free,
            } => {
                range.start_after = range.start_of(lower.as_ref(), *prefix_free);
                range.stop = range.stop_of(upper.as_ref(), *prefix_free);
            }
            Limits::StartsWith(text) => range.narrow_to(text),
        }
        range.limits = limits;
        range
    }

    /// The literal that closes the column after the fixed ones, or the extension.
    fn closing(&self) -> &'static str {
        match self.rest.get(1) {
            Some(Piece::Literal(text)) => text,
            _ => self.path.extension,
        }
    }

    fn start_of(&self, lower: Bound<&String>, prefix_free: bool) -> Option<String> {
        match lower {
            Bound::Unbounded => None,
            Bound::Excluded(text) if prefix_free => {
                Some(format!("{}{text}{}{LAST}", self.fixed, self.closing()))
            }
            Bound::Excluded(text) => Some(format!("{}{text}", self.fixed)),
            Bound::Included(text) => {
                let mut start = format!("{}{text}", self.fixed);
                // The key may be this text itself, and a listing starts after what it is given.
                if self.closing().is_empty() {
                    start.pop();
                }
                Some(start)
            }
        }
    }

    /// A text that begins the bound sorts before it, but its key may sort after: what closes the
    /// column may sort after what the bound goes on with.
    fn stop_of(&self, upper: Bound<&String>, prefix_free: bool) -> Option<String> {
        let (Bound::Included(text) | Bound::Excluded(text)) = upper else {
            return None;
        };
        let shorter = text
            .char_indices()
            .filter(|_| !prefix_free)
            .map(|(end, _)| format!("{}{}", &text[..end], self.closing()));
        let last = shorter.fold(text.clone(), String::max);
        Some(format!("{}{last}{LAST}", self.fixed))
    }

    /// A `.` that ends the searched text is escaped where the value ends with it, and is not where
    /// the value goes on; so the two are searched as the ends of a range.
    fn narrow_to(&mut self, text: &str) {
        let mut whole = text.to_owned();
        if self.path.encoding == Encoding::Verbatim || text.is_empty() {
            self.prefix.push_str(text);
            return;
        }
        segment::escape_from(&mut whole, 0);
        let front = whole.strip_suffix("!2e").filter(|_| text.len() > 1);
        match front.filter(|_| text.ends_with('.')) {
            None => self.prefix.push_str(&whole),
            Some(front) => {
                self.start_after = Some(format!("{}{front}!2", self.fixed));
                self.stop = Some(format!("{}{front}.{LAST}", self.fixed));
                self.prefix.push_str(front);
            }
        }
    }

    /// Only keys greater than this one.
    pub(crate) fn after(&mut self, key: &str) {
        if self.start_after.as_deref().is_none_or(|start| start < key) {
            self.start_after = Some(key.to_owned());
        }
    }

    /// Only keys less than this one.
    pub(crate) fn before(&mut self, key: &str) {
        if self.before.as_deref().is_none_or(|before| key < before) {
            self.before = Some(key.to_owned());
        }
    }

    /// Only keys up to this one.
    pub(crate) fn up_to(&mut self, key: &str) {
        if self.stop.as_deref().is_none_or(|stop| key < stop) {
            self.stop = Some(key.to_owned());
        }
    }

    /// Where the values of the columns stand in a row's key, in path order.
    pub(crate) fn columns_of(&self, key: &str) -> Vec<Range<usize>> {
        let Ok(mut reader) = Reader::new(self.path, self.path_of(key)) else {
            return Vec::new();
        };
        let end = key.len() - self.path.extension.len();
        let columns = iter::from_fn(|| {
            reader.next_column().ok().map(|(_, _, text)| {
                let end = end - reader.left();
                end - text.len()..end
            })
        });
        columns.collect()
    }

    /// Whether every key of the table is inside.
    pub(crate) fn is_whole_table(&self) -> bool {
        let unlimited = match &self.limits {
            Limits::None => true,
            Limits::Between { lower, upper, .. } => {
                (lower, upper) == (&Bound::Unbounded, &Bound::Unbounded)
            }
            Limits::StartsWith(text) => text.is_empty(),
        };
        unlimited && self.rest.len() + 1 >= self.path.pieces.len() && !self.rest.is_empty()
    }

    /// Whether at most one key is inside.
    pub(crate) fn is_one_key(&self) -> bool {
        self.rest.is_empty()
    }

    /// Where a key stands that the listing gave: it begins with the prefix, and is no row's unless
    /// it also parses.
    pub(crate) fn place(&self, key: &str) -> Place {
        let past = |end: &Option<String>, stop: fn(&str, &str) -> bool| {
            end.as_deref().is_some_and(|end| stop(key, end))
        };
        if past(&self.stop, |key, end| key > end) || past(&self.before, |key, end| key >= end) {
            return Place::Past;
        }
        if self
            .start_after
            .as_deref()
            .is_some_and(|start| key <= start)
        {
            return Place::Outside;
        }
        if self.is_inside(key) {
            Place::Inside
        } else {
            Place::Outside
        }
    }

    pub(crate) fn is_inside(&self, key: &str) -> bool {
        if self.is_one_key() {
            return key == self.fixed;
        }
        match &self.limits {
            Limits::None => key.starts_with(&self.fixed),
            _ => self.next_column(key).is_some_and(|text| self.admits(text)),
        }
    }

    /// Whether the text of the column after the fixed ones lies within the limits.
    fn admits(&self, text: &str) -> bool {
        match &self.limits {
            Limits::None => true,
            Limits::Between { lower, upper, .. } => {
                let bounds = (
                    lower.as_ref().map(String::as_str),
                    upper.as_ref().map(String::as_str),
                );
                RangeBounds::<str>::contains(&bounds, text)
            }
            Limits::StartsWith(start) => match self.path.encoding {
                Encoding::Escaped => {
                    segment::unescape(text).is_ok_and(|text| text.starts_with(start.as_str()))
                }
                Encoding::Verbatim => text.starts_with(start.as_str()),
            },
        }
    }

    /// The text of the column after the fixed ones.
    fn next_column<'k>(&self, key: &'k str) -> Option<&'k str> {
        let rest = key.strip_prefix(&self.fixed)?;
        let rest = rest.strip_suffix(self.path.extension)?;
        let column = Reader::within(self.path, self.rest, rest).next_column();
        column.ok().map(|(_, _, text)| text)
    }

    /// Whether a listing up to the next `/` shows each value of the column after the fixed ones
    /// once.
    pub(crate) fn has_folders(&self) -> bool {
        matches!(self.rest, [_, Piece::Literal(text), ..] if text.contains('/'))
    }

    /// The text of the column after the fixed ones in the name of a folder, where it is inside.
    pub(crate) fn folder_column<'k>(&self, folder: &'k str) -> Option<&'k str> {
        let rest = folder.strip_prefix(&self.fixed)?;
        let column = Reader::within(self.path, self.rest, rest).next_column();
        let (_, _, text) = column.ok()?;
        self.admits(text).then_some(text)
    }

    /// The number of fixed columns.
    pub(crate) fn fixed_columns(&self) -> usize {
        let rest = self.rest.iter();
        let left = rest
            .filter(|piece| matches!(piece, Piece::Column { .. }))
            .count();
        self.path.columns().count() - left
    }

    /// What of an object's key is the path and the extension.
    pub(crate) fn path_of<'k>(&self, key: &'k str) -> &'k str {
        key.get(self.folder..).unwrap_or_default()
    }
}

/// The text of column number `at` in a path with its extension.
pub(crate) fn column_text<'k>(path: &'k PathTemplate, text: &'k str, at: usize) -> Option<&'k str> {
    let mut reader = Reader::new(path, text).ok()?;
    for _ in 0..at {
        reader.next_column().ok()?;
    }
    reader.next_column().ok().map(|(_, _, text)| text)
}

/// The value of a column's text.
///
/// # Errors
/// The text is none of this type.
pub(crate) fn column_value<T: KeyColumn>(
    path: &PathTemplate,
    text: &str,
    form: Form,
) -> Result<T, ColumnError> {
    read_column(text, form, path.encoding)
}
