//! The path template: how a row's key is made of its key columns, and read back.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::column::{ColumnError, KeyColumn};

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
    /// `<id:ordered>`: so that byte order is the value's order. After a `String`, whose text has no
    /// fixed width, that takes a literal that begins below `0`: `/`, `,`, `-` and `.` do, `=` and
    /// `~` do not.
    Ordered,
    /// `<at:desc>`: so that byte order is the reverse.
    Desc,
}

impl Form {
    /// Appends a value's text.
    #[inline]
    pub(super) fn write<T: KeyColumn>(
        self,
        value: &T,
        out: &mut String,
    ) -> Result<(), ColumnError> {
        match self {
            Self::Plain => value.write(out),
            Self::Ordered => value.write_ordered(out),
            Self::Desc => {
                let mut text = String::new();
                value.write_ordered(&mut text)?;
                out.extend(text.chars().map(|char| mirror(char, T::DIGITS)));
                Ok(())
            }
        }
    }

    /// The value of a text.
    pub(super) fn parse<T: KeyColumn>(self, text: &str) -> Result<T, ColumnError> {
        match self {
            Self::Plain => T::parse(text),
            Self::Ordered => T::parse_ordered(text),
            Self::Desc => {
                let text: String = text.chars().map(|char| mirror(char, T::DIGITS)).collect();
                T::parse_ordered(&text)
            }
        }
    }
}

/// The digit as far from the last as this one is from the first; what is no digit stays.
fn mirror(char: char, digits: &str) -> char {
    let place = digits.chars().position(|digit| digit == char);
    let mirrored = place.and_then(|place| digits.chars().rev().nth(place));
    mirrored.unwrap_or(char)
}

/// Whether values are escaped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// ASCII letters, digits and `-_.` as they are, other bytes as `!hh`: takes any value.
    #[default]
    Escaped,
    /// As they are; values that could not be read back are refused.
    Verbatim,
}

impl Encoding {
    /// Its name in `#[s3(encoding = "...")]`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Escaped => "escaped",
            Self::Verbatim => "verbatim",
        }
    }
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
    pub(super) fn of(column: &'static str, error: ColumnError) -> Self {
        Self {
            column: Some(column),
            error,
        }
    }

    pub(super) fn of_key(error: ColumnError) -> Self {
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

    #[cold]
    pub(super) fn not_a_key(&self, text: &str) -> KeyError {
        KeyError::of_key(ColumnError::not(text, &format!("of the form `{self}`")))
    }

    #[cold]
    pub(super) fn wrong_columns(&self) -> KeyError {
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

#[cfg(test)]
mod tests {
    use super::*;

    const fn column(name: &'static str, form: Form) -> Piece {
        Piece::Column { name, form }
    }

    const PATH: PathTemplate = PathTemplate {
        pieces: &[
            Piece::Literal("date="),
            column("date", Form::Desc),
            Piece::Literal("/"),
            column("id", Form::Ordered),
            Piece::Literal("/"),
            column("name", Form::Plain),
        ],
        extension: ".json",
        encoding: Encoding::Escaped,
    };

    #[test]
    fn a_template_reads_as_it_was_written() {
        assert_eq!(
            PATH.to_string(),
            "date=<date:desc>/<id:ordered>/<name>.json"
        );
        assert_eq!(PATH.columns().collect::<Vec<_>>(), ["date", "id", "name"]);
    }

    fn descends_to<T: KeyColumn + PartialEq + fmt::Debug>(value: &T, text: &str) {
        let mut out = String::new();
        Form::Desc.write(value, &mut out).unwrap();
        assert_eq!(out, text);
        assert_eq!(Form::Desc.parse(text).as_ref(), Ok(value));
    }

    #[test]
    fn descending_texts_mirror_the_digits_alone() {
        descends_to(&7_u8, "99999999999999999992");
        descends_to(&-1_i64, "90776627963145224192");
        descends_to(&true, "8");
        assert!(Form::Desc.parse::<u8>("00000000000000000007").is_err());
        #[cfg(feature = "chrono")]
        {
            let date = chrono::NaiveDate::from_ymd_opt(2024, 2, 29).unwrap();
            let moment = date.and_hms_nano_opt(1, 2, 3, 4).unwrap().and_utc();
            descends_to(&date, "7975-97-70");
            descends_to(&moment, "79759770T989796.999999995Z");
        }
        #[cfg(feature = "uuid")]
        descends_to(
            &uuid::Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef),
            "fedcba98-7654-3210-fedc-ba9876543210",
        );
        #[cfg(feature = "ulid")]
        descends_to(&ulid::Ulid::from_parts(0, 1), "ZZZZZZZZZZZZZZZZZZZZZZZZZY");
    }
}
