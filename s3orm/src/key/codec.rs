//! One pass over a template: appending a key's values, or reading them.

use std::slice;

use super::column::{ColumnError, KeyColumn};
use super::path::{Encoding, Form, KeyError, PathTemplate, Piece};
use super::segment;
use super::tuple::KeyTuple;

/// The most key columns of a table.
const MAX_COLUMNS: usize = 8;

/// Appends a key: literals by itself, a value for each call of [`column`](Self::column).
pub(super) struct Writer<'a> {
    path: &'a PathTemplate,
    pieces: slice::Iter<'static, Piece>,
    out: &'a mut String,
    /// Where the path begins in `out`.
    start: usize,
    /// Where the values stand in `out`, if they are not escaped.
    values: [(usize, usize); MAX_COLUMNS],
    count: usize,
}

impl<'a> Writer<'a> {
    #[inline]
    pub(super) fn new(path: &'a PathTemplate, out: &'a mut String) -> Self {
        let start = out.len();
        // Most keys fit, and are then written without growing a fresh string again and again.
        out.reserve(64);
        Self {
            path,
            pieces: path.pieces.iter(),
            start,
            values: [(0, 0); MAX_COLUMNS],
            count: 0,
            out,
        }
    }

    #[inline]
    pub(super) fn column<T: KeyColumn>(&mut self, value: &T) -> Result<(), KeyError> {
        let (name, form) = self.next_column()?;
        let start = self.out.len();
        let encoding = self.path.encoding;
        write_column(value, form, encoding, self.out).map_err(|error| KeyError::of(name, error))?;
        if encoding == Encoding::Verbatim {
            self.values[self.count] = (start, self.out.len());
            self.count += 1;
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
        let mut reader = Reader::new(self.path, key)?;
        for &(start, end) in &self.values[..self.count] {
            reader.expect(&self.out[start..end])?;
        }
        Ok(())
    }
}

/// Appends a value as it stands in a key.
#[inline]
pub(crate) fn write_column<T: KeyColumn>(
    value: &T,
    form: Form,
    encoding: Encoding,
    out: &mut String,
) -> Result<(), ColumnError> {
    let start = out.len();
    form.write(value, out)?;
    match encoding {
        Encoding::Escaped => segment::escape_from(out, start),
        Encoding::Verbatim => check_verbatim(&out[start..])?,
    }
    Ok(())
}

/// Reads a key: literals by itself, a value for each call of [`column`](Self::column).
pub(crate) struct Reader<'a> {
    path: &'a PathTemplate,
    /// What is not read yet, of the template and of the text.
    pieces: &'static [Piece],
    rest: &'a str,
    text: &'a str,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(path: &'a PathTemplate, text: &'a str) -> Result<Self, KeyError> {
        let rest = text.strip_suffix(path.extension);
        let rest = rest.ok_or_else(|| path.not_a_key(text))?;
        Ok(Self {
            text,
            ..Self::within(path, path.pieces, rest)
        })
    }

    /// Reads the text of some pieces of a path, without the extension.
    pub(crate) fn within(path: &'a PathTemplate, pieces: &'static [Piece], text: &'a str) -> Self {
        Self {
            path,
            pieces,
            rest: text,
            text,
        }
    }

    pub(super) fn column<T: KeyColumn>(&mut self) -> Result<T, KeyError> {
        let (name, form, text) = self.next_column()?;
        read_column(text, form, self.path.encoding).map_err(|error| KeyError::of(name, error))
    }

    /// Checks that the next column reads as this text, which no escape protects.
    pub(super) fn expect(&mut self, written: &str) -> Result<(), KeyError> {
        let (name, _, read) = self.next_column()?;
        if read == written {
            return Ok(());
        }
        let what = "a value that can be written without escapes: it would be read back as";
        let what = format!("{what} `{}`", read.escape_debug());
        Err(KeyError::of(name, ColumnError::not(written, &what)))
    }

    /// The next column with its text.
    pub(crate) fn next_column(&mut self) -> Result<(&'static str, Form, &'a str), KeyError> {
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

    /// How many bytes are not read yet.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    /// How far the value reaches that stands before the unread pieces. What it must not hold is
    /// left for its decoder to refuse.
    fn value_len(&self) -> Option<usize> {
        let Some(Piece::Literal(after)) = self.pieces.first() else {
            return Some(self.rest.len());
        };
        let segment = match after.split_once('/') {
            Some((end, _)) => self.rest[..self.rest.find('/')?].strip_suffix(end)?,
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

/// The value of a text as it stands in a key.
pub(super) fn read_column<T: KeyColumn>(
    text: &str,
    form: Form,
    encoding: Encoding,
) -> Result<T, ColumnError> {
    match encoding {
        Encoding::Escaped => segment::unescape(text).and_then(|text| form.parse(&text)),
        Encoding::Verbatim => form.parse(text),
    }
}

fn check_verbatim(value: &str) -> Result<(), ColumnError> {
    if value.is_empty() || value.contains('/') {
        let what = "a value that can be written without escapes: it is empty or holds a `/`";
        return Err(ColumnError::not(value, what));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn plain(name: &'static str) -> Piece {
        Piece::Column {
            name,
            form: Form::Plain,
        }
    }

    const fn path(pieces: &'static [Piece], encoding: Encoding) -> PathTemplate {
        PathTemplate {
            pieces,
            extension: ".json",
            encoding,
        }
    }

    const FOLDERS: &[Piece] = &[
        Piece::Literal("by=me/a"),
        plain("a"),
        Piece::Literal("-x/y/b"),
        plain("b"),
        Piece::Literal(".d"),
    ];
    const LIST: &[Piece] = &[plain("a"), Piece::Literal("--"), plain("b")];
    const COMMAS: &[Piece] = &[
        plain("a"),
        Piece::Literal(",-"),
        plain("b"),
        Piece::Literal("/z"),
    ];

    const SLASH: &[Piece] = &[plain("a"), Piece::Literal("/"), plain("b")];
    const ID: &[Piece] = &[plain("id")];

    type Pair = (String, String);

    fn pair(a: &str, b: &str) -> Pair {
        (a.to_owned(), b.to_owned())
    }

    fn key<K: KeyTuple>(values: &K, path: &PathTemplate) -> Result<String, KeyError> {
        let mut out = "people/".to_owned();
        values.write(path, &mut out)?;
        Ok(out.split_off("people/".len()))
    }

    #[test]
    fn escaped_values_stay_between_the_literals() {
        let folders = path(FOLDERS, Encoding::Escaped);
        let texts = [
            (pair("1", "2"), "by=me/a1-x/y/b2.d.json"),
            (pair("", "."), "by=me/a!_-x/y/b!2e.d.json"),
            (
                pair("-x/y/b", ".d.json"),
                "by=me/a-x!2fy!2fb-x/y/b!2ed.json.d.json",
            ),
        ];
        for (values, text) in texts {
            assert_eq!(key(&values, &folders).as_deref(), Ok(text));
            assert_eq!(Pair::parse(&folders, text), Ok(values));
        }
        let commas = path(COMMAS, Encoding::Escaped);
        let text = "a!2c-,-b/z.json";
        assert_eq!(key(&pair("a,-", "b"), &commas).as_deref(), Ok(text));
        assert_eq!(Pair::parse(&commas, text), Ok(pair("a,-", "b")));
    }

    #[test]
    fn texts_of_another_form_are_refused() {
        let folders = path(FOLDERS, Encoding::Escaped);
        for text in [
            "",
            ".json",
            "by=me/a1-x/y/b2.d",
            "by=me/a1-x/y/b2.json",
            "by=me/a1/y/b2.d.json",
            "by=me/a-x/y/b2.d.json",
            "by=me/a1-x/y/b.d.json",
            "by=me/a1-x/y/b2/3.d.json",
            "by=me/a1-x/y/b2.d.json.json",
            "by=you/a1-x/y/b2.d.json",
            "by=me/a1-x/y/b!2.d.json",
        ] {
            assert!(Pair::parse(&folders, text).is_err(), "{text}");
        }
        let commas = path(COMMAS, Encoding::Escaped);
        for text in [
            "a,-b,-c/z.json",
            "a,b/z.json",
            "a/b,-c/z.json",
            "a,-b/c/z.json",
        ] {
            assert!(Pair::parse(&commas, text).is_err(), "{text}");
        }
    }

    #[test]
    fn verbatim_values_are_written_only_if_they_read_back() {
        let list = path(LIST, Encoding::Verbatim);
        assert_eq!(
            key(&pair("ä b", "c--d"), &list).as_deref(),
            Ok("ä b--c--d.json")
        );
        assert_eq!(
            Pair::parse(&list, "ä b--c--d.json"),
            Ok(pair("ä b", "c--d"))
        );
        for (a, b) in [
            ("", "x"),
            ("x", ""),
            ("x/y", "z"),
            ("x--y", "z"),
            ("x-", "y"),
            ("x", "/"),
        ] {
            assert!(key(&pair(a, b), &list).is_err(), "{a} {b}");
        }
        let error = key(&pair("x-", "y"), &list).unwrap_err();
        assert_eq!(
            error.to_string(),
            "key column `a`: `x-` is not a value that can be written without escapes: \
             it would be read back as `x`"
        );
        let bare = PathTemplate {
            extension: "",
            ..path(SLASH, Encoding::Verbatim)
        };
        for (a, b) in [("..", "x"), ("x", "."), ("x", "..")] {
            assert!(key(&pair(a, b), &bare).is_err());
            assert!(Pair::parse(&bare, &format!("{a}/{b}")).is_err());
        }
        assert_eq!(key(&pair("...", "x y"), &bare).as_deref(), Ok(".../x y"));
    }

    /// The last literal belongs to the end, wherever else it stands.
    #[test]
    fn a_value_may_hold_the_literal_that_follows_it() {
        const LAST: &[Piece] = &[plain("a"), Piece::Literal("-z")];
        let last = path(LAST, Encoding::Verbatim);
        let values = ("x-zy".to_owned(),);
        assert_eq!(key(&values, &last).as_deref(), Ok("x-zy-z.json"));
        assert_eq!(<(String,)>::parse(&last, "x-zy-z.json"), Ok(values));
    }

    #[test]
    fn a_reader_knows_how_much_it_has_not_read() {
        let list = path(LIST, Encoding::Verbatim);
        let mut reader = Reader::new(&list, "ab--cde.json").unwrap();
        let mut left = Vec::new();
        while reader.next_column().is_ok() {
            left.push(reader.left());
        }
        assert_eq!(left, ["--cde".len(), 0]);
    }

    /// A user's type whose `parse` takes what `write` never gives.
    #[derive(Debug, Clone, PartialEq)]
    struct Lax(u32);

    impl KeyColumn for Lax {
        fn write(&self, out: &mut String) -> Result<(), ColumnError> {
            self.0.write(out)
        }

        fn parse(text: &str) -> Result<Self, ColumnError> {
            let number = text.parse().map_err(|_| ColumnError::new("no number"));
            number.map(Self)
        }
    }

    #[test]
    fn a_second_spelling_of_a_value_is_no_key() {
        let path = path(ID, Encoding::Escaped);
        assert_eq!(<(Lax,)>::parse(&path, "7.json"), Ok((Lax(7),)));
        let error = <(Lax,)>::parse(&path, "007.json").unwrap_err();
        let message = "`007.json` is not the key of its values: that is `7.json`";
        assert_eq!(error.to_string(), message);
    }
}
