//! Tuples of key columns, and what a caller may pass for one.

use super::path::{KeyError, PathTemplate};

/// The values of a table's key columns, in path order: a tuple of one to eight.
pub trait KeyTuple: Clone + Send + Sync + 'static {
    /// Appends the path and the extension.
    ///
    /// # Errors
    /// A value cannot be written.
    fn write(&self, path: &PathTemplate, out: &mut String) -> Result<(), KeyError>;

    /// The values of a path with its extension: what follows `<prefix>/<table>/` in a key.
    ///
    /// # Errors
    /// The text is not what [`write`](Self::write) produces.
    fn parse(path: &PathTemplate, text: &str) -> Result<Self, KeyError>;
}

/// What may be passed where a key is asked for: one value for one column, else a tuple; `&str` for
/// a `String`.
#[diagnostic::on_unimplemented(
    message = "`{V}` is not a key of this table",
    label = "expected `{Self}`",
    note = "a key is its columns in path order: one value, or a tuple of two or more"
)]
pub trait KeyFrom<V>: KeyTuple {
    /// Converts.
    fn key_from(value: V) -> Self;
}
