//! From values to keys and back. Knows nothing of I/O.
//!
//! `key = prefix "/" table "/" path extension`, where the path is a template of literal text and
//! columns ([`PathTemplate`]), each column's value is written as text ([`KeyColumn`]), and the text
//! is escaped so that no value can leave its segment.
//!
//! The texts, which never change, before the escape:
//!
//! | type | `<id>` | `<id:ordered>` |
//! |---|---|---|
//! | integers up to 64 bits | `-7` | 20 digits; signed ones plus 2^63 |
//! | `i128`, `u128` | `-7` | 39 digits; `i128` plus 2^127 |
//! | `bool` | `false`, `true` | `0`, `1` |
//! | `char`, `String` | themselves | lower-case base32hex of the UTF-8, without padding |
//! | `Uuid` | `018f4e4a-7b1c-7def-8123-456789abcdef` | the same |
//! | `Ulid` | `01ARZ3NDEKTSV4RRFFQ69G5FAV` | the same |
//! | dates | `2024-02-29` | the same |
//! | dates with a time | `20240229T235908.000000007` | the same |
//! | points in time | `20240229T235908.000000007Z` (UTC) | the same |
//!
//! `<id:desc>` mirrors the digits of the ordered text: `0` becomes `9`, of a UUID `f`. Years are 0
//! to 9999, and a leap second has no text.

mod codec;
mod column;
mod digits;
mod newtype;
mod path;
mod range;
mod segment;
mod tuple;
mod types;

pub(crate) use codec::{Reader, write_column};
pub use column::{ColumnError, DescColumn, KeyColumn, OrderedColumn, SortedColumn, TextColumn};
pub use path::{Encoding, Form, KeyError, PathTemplate, Piece};
pub(crate) use range::{KeyRange, Limits, Place, PrefixText, column_text, column_value};
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
