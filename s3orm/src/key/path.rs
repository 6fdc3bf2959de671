//! The path template: how a row's key is made of its key columns, and read back.

use std::fmt;

use super::column::ColumnError;

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

/// Whether values are escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// ASCII letters, digits and `-_.` as they are, other bytes as `!hh`: takes any value.
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
}
