//! The trait of values that can be key columns.

use std::borrow::Cow;
use std::fmt;

/// A value that can be a column of a key.
///
/// The text that [`write`](Self::write) appends is escaped by the library afterwards, so it may be
/// any text; [`parse`](Self::parse) gets it back unescaped and accepts **only** what `write`
/// produces, so that two texts never mean one value.
///
/// A newtype of another key column needs no code: [`key_newtype!`](crate::key_newtype).
///
/// ```
/// use s3orm::key::{ColumnError, KeyColumn};
///
/// #[derive(Debug, Clone, PartialEq)]
/// enum Side {
///     Left,
///     Right,
/// }
///
/// impl KeyColumn for Side {
///     fn write(&self, out: &mut String) -> Result<(), ColumnError> {
///         out.push_str(match self {
///             Side::Left => "left",
///             Side::Right => "right",
///         });
///         Ok(())
///     }
///
///     fn parse(text: &str) -> Result<Self, ColumnError> {
///         match text {
///             "left" => Ok(Side::Left),
///             "right" => Ok(Side::Right),
///             _ => Err(ColumnError::new(format!("`{text}` is not `left` or `right`"))),
///         }
///     }
/// }
///
/// assert_eq!(Side::parse("left"), Ok(Side::Left));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key column",
    label = "has no text form for keys",
    note = "key columns may be integers, `bool`, `char`, `String`, and with their cargo features `Uuid`, `Ulid`, chrono's and jiff's \
            dates and timestamps, or a type of yours that implements `s3orm::key::KeyColumn`",
    note = "`Option`, floats and collections stay in the object's body: leave them out of `path`"
)]
pub trait KeyColumn: Clone + fmt::Debug + Send + Sync + 'static {
    /// The digits of [`write_ordered`](Self::write_ordered)'s text in ascending order, where that
    /// text has a fixed width: what `<at:desc>` mirrors. No digit twice.
    const DIGITS: &'static str = "0123456789";

    /// Whether no [`write_ordered`](Self::write_ordered) text begins with another, as those of a
    /// fixed width do not. The listing of a range of values is narrower then, and
    /// [indexes](crate::index) hold the ordered text: once there is one, this cannot change.
    const PREFIX_FREE: bool = false;

    /// Appends the value's text.
    ///
    /// # Errors
    /// The value has no text that [`parse`](Self::parse) could read back.
    fn write(&self, out: &mut String) -> Result<(), ColumnError>;

    /// The value of a text.
    ///
    /// # Errors
    /// The text is not what [`write`](Self::write) produces.
    fn parse(text: &str) -> Result<Self, ColumnError>;

    /// Appends the text whose byte order is the value's order; the plain text unless overridden.
    /// Promised by [`OrderedColumn`].
    ///
    /// # Errors
    /// As [`write`](Self::write).
    fn write_ordered(&self, out: &mut String) -> Result<(), ColumnError> {
        self.write(out)
    }

    /// The value of an ordered text.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    fn parse_ordered(text: &str) -> Result<Self, ColumnError> {
        Self::parse(text)
    }
}

/// Values that `<id:ordered>` takes: the ordered text's byte order is the value's order.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no ordered text form",
    label = "`:ordered` cannot write this type",
    note = "implement `s3orm::key::OrderedColumn` for it, or leave `:ordered` out of the path"
)]
pub trait OrderedColumn: KeyColumn + Ord {}

/// Values whose plain text sorts as they do: dates, timestamps, UUIDs, ULIDs, `bool`.
pub trait SortedColumn: OrderedColumn {}

/// Values whose plain text is the value itself, so that a query may ask for its beginning:
/// `String`, and newtypes of it that say so.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no beginning to search for",
    label = "`starts_with` needs text",
    note = "use `within` for a range of values, or `at` for one"
)]
pub trait TextColumn: KeyColumn {}

/// Values that `<at:desc>` takes: the ordered text has a fixed width and its digits are
/// [`DIGITS`](KeyColumn::DIGITS).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be written in descending order",
    label = "`:desc` needs a text form of fixed width",
    note = "integers, `bool`, dates, timestamps, UUIDs and ULIDs have one"
)]
pub trait DescColumn: OrderedColumn {}

/// Why a value cannot be written, or a text cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnError(Cow<'static, str>);

impl ColumnError {
    /// Lower case, no full stop, the value in backticks: ``` `x` is not a whole number ```.
    pub fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self(message.into())
    }

    /// ``` `x` is not a whole number ```, in one line whatever the text holds.
    pub(crate) fn not(text: &str, what: &str) -> Self {
        Self(format!("`{}` is not {what}", text.escape_debug()).into())
    }
}

impl fmt::Display for ColumnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ColumnError {}
