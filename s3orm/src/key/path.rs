//! The path template: how a row's key is made of its key columns, and read back.

use std::fmt;

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

    /// Appends column number `index` (from 0) with the literal text before it.
    pub(crate) fn write_column<T: KeyColumn>(
        &self,
        _index: usize,
        _value: &T,
        _out: &mut String,
    ) -> Result<(), KeyError> {
        unimplemented!("key codec")
    }
}
