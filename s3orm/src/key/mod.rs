//! From values to keys and back. Knows nothing of I/O.
//!
//! `key = prefix "/" table "/" path extension`, where the path is a template of literal text and
//! columns ([`PathTemplate`]), each column's value is written as text ([`KeyColumn`]), and the text
//! is escaped so that no value can leave its segment.

mod codec;
mod column;
mod digits;
mod newtype;
mod path;
mod range;
mod segment;
mod tuple;
mod types;

pub use column::{ColumnError, DescColumn, KeyColumn, OrderedColumn, SortedColumn, TextColumn};
pub use path::{Encoding, Form, KeyError, PathTemplate, Piece};
pub(crate) use range::{KeyPrefix, KeyRange, Limits, Place};
pub(crate) use segment::{escape_from, unescape};
pub use tuple::{ColumnFrom, KeyFrom, KeyTuple};

/// Marker of a column written in its plain form: `<id>`.
#[derive(Debug, Clone, Copy)]
pub struct Plain;
/// Marker of a column whose byte order is the value's order: `<id:ordered>`.
#[derive(Debug, Clone, Copy)]
pub struct Ordered;
/// Marker of a column in reverse order: `<at:desc>`.
#[derive(Debug, Clone, Copy)]
pub struct Desc;
