//! The path template: how a row's key is made of its key columns, and read back.

use std::{fmt, slice};

use super::column::{ColumnError, KeyColumn};
use super::segment;
use super::tuple::KeyTuple;

/// A table's path, parsed by the derive: literal text and columns in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathTemplate {
    /// In order. Two columns never stand side by side.
    pub pieces: &'static [Piece],
    /// What follows the path: `.json`, or nothing.
    pub extension: &'static str,
    /// Whether values are escaped.
    pub encoding: Encoding,
}

/// A piece of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// Text as it is; may hold `/`.
    Literal(&'static str),
    /// A column's value.
    Column {
        /// The field's name.
        name: &'static str,
        /// How its value is written.
        form: Form,
    },
}

/// How a column's value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `<id>`: as a person writes it.
    Plain,
    /// `<id:ordered>`: so that byte order is the value's order.
    Ordered,
    /// `<at:desc>`: so that byte order is the reverse.
    Desc,
}

/// Whether values are escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// By the rule of [`segment`](super::segment): any value, ASCII keys.
    Escaped,
    /// As they are; values that could not be read back are refused.
    Verbatim,
}

/// Why a key cannot be made of values, or values of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyError {
    /// The column concerned, or none where it is the key as a whole.
    pub column: Option<&'static str>,
    /// Why.
    pub error: ColumnError,
}

impl KeyError {
    fn of(column: &'static str, error: ColumnError) -> Self {
        Self {
            column: Some(column),
            error,
        }
    }

    fn of_key(error: ColumnError) -> Self {
        Self {
            column: None,
            error,
        }
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column {
            Some(column) => write!(f, "key column `{column}`: {}", self.error),
            None => self.error.fmt(f),
        }
    }
}

impl std::error::Error for KeyError {}

impl PathTemplate {
    /// The columns' names, in path order.
    pub fn columns(&self) -> impl Iterator<Item = &'static str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Column { name, .. } => Some(*name),
            Piece::Literal(_) => None,
        })
    }

    /// Writes a key's columns one after the other.
    #[inline]
    pub(super) fn writer<'a>(&'a self, out: &'a mut String) -> Writer<'a> {
        let start = out.len();
        Writer {
            path: self,
            pieces: self.pieces.iter(),
            start,
            values: [(0, 0); MAX_COLUMNS],
            count: 0,
            out,
        }
    }

    /// Reads a key's columns one after the other.
    pub(super) fn reader<'a>(&'a self, text: &'a str) -> Result<Reader<'a>, KeyError> {
        let rest = text.strip_suffix(self.extension);
        Ok(Reader {
            path: self,
            pieces: self.pieces,
            text,
            rest: rest.ok_or_else(|| self.not_a_key(text))?,
        })
    }

    #[cold]
    fn not_a_key(&self, text: &str) -> KeyError {
        KeyError::of_key(ColumnError::not(text, &format!("of the form `{self}`")))
    }

    #[cold]
    fn wrong_columns(&self) -> KeyError {
        let message = format!("the tuple has not the columns of `{self}`");
        KeyError::of_key(ColumnError::new(message))
    }
}

/// As in the struct's attribute, with the extension: `<date>/<id:ordered>.json`.
impl fmt::Display for PathTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in self.pieces {
            match *piece {
                Piece::Literal(text) => f.write_str(text)?,
                Piece::Column { name, form } => match form {
                    Form::Plain => write!(f, "<{name}>")?,
                    Form::Ordered => write!(f, "<{name}:ordered>")?,
                    Form::Desc => write!(f, "<{name}:desc>")?,
                },
            }
        }
        f.write_str(self.extension)
    }
}

/// The most key columns of a table.
const MAX_COLUMNS: usize = 8;

/// Appends a key: literals by itself, a value for each call of [`column`](Self::column).
pub(super) struct Writer<'a> {
    path: &'a PathTemplate,
    pieces: slice::Iter<'static, Piece>,
    out: &'a mut String,
    /// Where the path begins in `out`.
    start: usize,
    /// Where the values written so far stand in `out`.
    values: [(usize, usize); MAX_COLUMNS],
    count: usize,
}

impl Writer<'_> {
    #[inline]
    pub(super) fn column<T: KeyColumn>(&mut self, value: &T) -> Result<(), KeyError> {
        let (name, form) = self.next_column()?;
        let start = self.out.len();
        let written = write_value(value, form, self.out);
        written.map_err(|error| KeyError::of(name, error))?;
        match self.path.encoding {
            Encoding::Escaped => segment::escape_from(self.out, start),
            Encoding::Verbatim => {
                check_verbatim(&self.out[start..]).map_err(|error| KeyError::of(name, error))?;
                self.values[self.count] = (start, self.out.len());
                self.count += 1;
            }
        }
        Ok(())
    }

    #[inline]
    fn next_column(&mut self) -> Result<(&'static str, Form), KeyError> {
        for piece in self.pieces.by_ref() {
            match *piece {
                Piece::Literal(text) => self.out.push_str(text),
                Piece::Column { name, form } => return Ok((name, form)),
            }
        }
        Err(self.path.wrong_columns())
    }

    #[inline]
    pub(super) fn finish(mut self) -> Result<(), KeyError> {
        for piece in self.pieces.by_ref() {
            match *piece {
                Piece::Literal(text) => self.out.push_str(text),
                Piece::Column { .. } => return Err(self.path.wrong_columns()),
            }
        }
        self.out.push_str(self.path.extension);
        match self.path.encoding {
            Encoding::Escaped => Ok(()),
            Encoding::Verbatim => self.check_readable(),
        }
    }

    /// Values that are not escaped may hold what the path puts between them.
    fn check_readable(&self) -> Result<(), KeyError> {
        let key = &self.out[self.start..];
        if key.split('/').any(|segment| matches!(segment, "." | "..")) {
            let what = "a key that can be written without escapes: a segment is `.` or `..`";
            return Err(KeyError::of_key(ColumnError::not(key, what)));
        }
        let mut reader = self.path.reader(key)?;
        for &(start, end) in &self.values[..self.count] {
            let (name, _, read) = reader.next_column()?;
            let written = &self.out[start..end];
            if read != written {
                let what = "a value that can be written without escapes: it would be read back as";
                let what = format!("{what} `{}`", read.escape_debug());
                return Err(KeyError::of(name, ColumnError::not(written, &what)));
            }
        }
        Ok(())
    }
}

/// Reads a key: literals by itself, a value for each call of [`column`](Self::column).
pub(super) struct Reader<'a> {
    path: &'a PathTemplate,
    /// What is not read yet, of the template and of the text.
    pieces: &'static [Piece],
    rest: &'a str,
    text: &'a str,
}

impl<'a> Reader<'a> {
    pub(super) fn column<T: KeyColumn>(&mut self) -> Result<T, KeyError> {
        let (name, form, text) = self.next_column()?;
        let value = match self.path.encoding {
            Encoding::Escaped => segment::unescape(text).and_then(|text| parse_value(&text, form)),
            Encoding::Verbatim => parse_value(text, form),
        };
        value.map_err(|error| KeyError::of(name, error))
    }

    /// The next column with its text.
    fn next_column(&mut self) -> Result<(&'static str, Form, &'a str), KeyError> {
        while let Some((piece, after)) = self.pieces.split_first() {
            self.pieces = after;
            match *piece {
                Piece::Literal(text) => self.skip(text)?,
                Piece::Column { name, form } => {
                    let len = self
                        .value_len()
                        .ok_or_else(|| self.path.not_a_key(self.text))?;
                    let (value, rest) = self.rest.split_at(len);
                    self.rest = rest;
                    return Ok((name, form, value));
                }
            }
        }
        Err(self.path.wrong_columns())
    }

    /// How far the value reaches that stands before the unread pieces. What it must not hold is
    /// left for its decoder to refuse.
    fn value_len(&self) -> Option<usize> {
        let Some(Piece::Literal(after)) = self.pieces.first() else {
            return Some(self.rest.len());
        };
        let segment = match after.split_once('/') {
            Some((end, _)) => &self.rest[..self.rest.find('/')?].strip_suffix(end)?,
            None if self.pieces.len() == 1 => self.rest.strip_suffix(after)?,
            None => return self.rest.find(after),
        };
        Some(segment.len())
    }

    fn skip(&mut self, literal: &str) -> Result<(), KeyError> {
        let rest = self.rest.strip_prefix(literal);
        self.rest = rest.ok_or_else(|| self.path.not_a_key(self.text))?;
        Ok(())
    }

    /// Checks what follows the last value, and that the values have no other key: a
    /// [`KeyColumn::parse`] that accepts too much must not give one row two keys.
    pub(super) fn finish<K: KeyTuple>(mut self, values: &K) -> Result<(), KeyError> {
        for piece in self.pieces {
            match *piece {
                Piece::Literal(text) => self.skip(text)?,
                Piece::Column { .. } => return Err(self.path.wrong_columns()),
            }
        }
        if !self.rest.is_empty() {
            return Err(self.path.not_a_key(self.text));
        }
        let mut key = String::with_capacity(self.text.len());
        values.write(self.path, &mut key)?;
        if key != self.text {
            let what = format!("the key of its values: that is `{}`", key.escape_debug());
            return Err(KeyError::of_key(ColumnError::not(self.text, &what)));
        }
        Ok(())
    }
}

#[inline]
fn write_value<T: KeyColumn>(value: &T, form: Form, out: &mut String) -> Result<(), ColumnError> {
    match form {
        Form::Plain => value.write(out),
        Form::Ordered => value.write_ordered(out),
        Form::Desc => {
            let mut text = String::new();
            value.write_ordered(&mut text)?;
            out.extend(text.chars().map(|char| mirror(char, T::DIGITS)));
            Ok(())
        }
    }
}

fn parse_value<T: KeyColumn>(text: &str, form: Form) -> Result<T, ColumnError> {
    match form {
        Form::Plain => T::parse(text),
        Form::Ordered => T::parse_ordered(text),
        Form::Desc => {
            let text: String = text.chars().map(|char| mirror(char, T::DIGITS)).collect();
            T::parse_ordered(&text)
        }
    }
}

/// The digit as far from the last as this one is from the first; what is no digit stays.
#[inline]
fn mirror(char: char, digits: &str) -> char {
    let place = digits.chars().position(|digit| digit == char);
    let mirrored = place.and_then(|place| digits.chars().rev().nth(place));
    mirrored.unwrap_or(char)
}

fn check_verbatim(value: &str) -> Result<(), ColumnError> {
    if value.is_empty() || value.contains('/') {
        let what = "a value that can be written without escapes: it is empty or holds a `/`";
        return Err(ColumnError::not(value, what));
    }
    Ok(())
}
