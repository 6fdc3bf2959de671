//! What the derive fills in: the trait of a table's row type, and the table's description as data.

use std::fmt;
use std::marker::PhantomData;

use crate::body::BodyError;
use crate::env::Env;
use crate::key::{ColumnError, Encoding, Form, KeyError, KeyFrom, KeyTuple, PathTemplate};

/// A struct that is a row of a table: what `#[derive(S3Schema)]` implements.
///
/// Nothing but the derive is meant to implement it; its methods are what [`Table`](crate::Table)
/// calls. What a program uses of it is [`KEY`](Self::KEY), [`COL`](Self::COL) and
/// [`SCHEMA`](Self::SCHEMA).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an s3orm table",
    label = "this type has no table",
    note = "add `#[derive(s3orm::S3Schema)]` and `#[s3(table = \"...\", path = \"...\")]` to `{Self}`"
)]
pub trait S3Schema: Sized + Send + Sync + 'static {
    /// The key columns' values, a tuple in path order.
    type Key: KeyTuple;
    /// A struct with a [`KeyHandle`] for each key column.
    type KeyHandles: Copy;
    /// A struct with a [`ColumnHandle`] for each column.
    type ColumnHandles: Copy;

    /// The table's description.
    const SCHEMA: &'static TableSchema;
    /// Handles of the key columns: `Person::KEY.date`.
    const KEY: Self::KeyHandles;
    /// Handles of all columns: `Person::COL.age`.
    const COL: Self::ColumnHandles;

    /// This row's key columns.
    fn key(&self) -> Self::Key;

    /// The object's bytes.
    fn encode(&self) -> Result<Vec<u8>, BodyError>;

    /// The row of an object's key and bytes.
    fn decode(key: Self::Key, body: &[u8]) -> Result<Self, BodyError>;

    /// Fills in what the library keeps: generated ids and timestamps.
    fn prepare(&mut self, _write: &Prepare<'_>) {}
}

/// A table's description, as the derive understood it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableSchema {
    /// The table's name: the folder under the database's prefix.
    pub table: &'static str,
    /// How a key is built from the key columns.
    pub path: PathTemplate,
    /// What an object's bytes are.
    pub body: BodyFormat,
    /// Every column, in the order of the struct's fields.
    pub columns: &'static [ColumnSchema],
    /// The struct's documentation.
    pub doc: &'static str,
}

/// What an object's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyFormat {
    /// A JSON object of the struct's serde form (`application/json`).
    Json,
    /// The bytes of the one field marked `#[s3(body)]`, as they are.
    Raw,
}

impl BodyFormat {
    /// The content type of a row's object, where the write names no other.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Raw => "application/octet-stream",
        }
    }
}

/// A column's description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnSchema {
    /// Its name in the stored object, after serde's renames.
    pub name: &'static str,
    /// Its field's name in the struct.
    pub field: &'static str,
    /// Its Rust type, as written.
    pub rust_type: &'static str,
    /// Whether it is an `Option`.
    pub nullable: bool,
    /// What a row without the column gets: `Default::default()`, a function's path, or nothing.
    pub default: Option<&'static str>,
    /// Its place among the key columns.
    pub key: Option<usize>,
    /// Whether the object's bytes hold it; a key column may live in the key alone.
    pub stored: bool,
    /// What the library fills in.
    pub managed: Option<Managed>,
    /// The field's documentation.
    pub doc: &'static str,
}

/// What the library fills in by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Managed {
    /// An id, where the row has none: `#[s3(generate)]`.
    Generated,
    /// The time of the insert: `#[s3(created_at)]`.
    CreatedAt,
    /// The time of the last write: `#[s3(updated_at)]`.
    UpdatedAt,
}

/// The handle of key column number `I` of table `S`, written in the form `F` (a marker of
/// [`key`](crate::key)). Zero-sized but for its name.
pub struct KeyHandle<S, T, const I: usize, F = crate::key::Plain> {
    name: &'static str,
    form: Form,
    #[expect(clippy::type_complexity, reason = "three parameters without values")]
    marker: PhantomData<fn() -> (S, T, F)>,
}

impl<S, T, const I: usize, F> KeyHandle<S, T, I, F> {
    #[doc(hidden)]
    pub const fn __new(name: &'static str, form: Form) -> Self {
        Self {
            name,
            form,
            marker: PhantomData,
        }
    }

    /// The column's name, as in the path.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its place among the key columns, from 0.
    pub const fn position(&self) -> usize {
        I
    }

    /// How its values are written.
    pub const fn form(&self) -> Form {
        self.form
    }
}

/// The handle of a column of table `S` with values of type `T`.
///
/// `N` is [`Nullable`] for an `Option<T>` field, whose `T` the handle then names, [`InKey`] for a key
/// column, and [`Required`] for any other.
pub struct ColumnHandle<S: S3Schema, T, N: Presence = Required> {
    name: &'static str,
    of_row: for<'r> fn(&'r S) -> N::Of<&'r T>,
    in_row: InRow<S, T, N>,
    of_key: Option<OfKey<S, T>>,
}

/// Finds a column's field in a row that is to be changed.
type InRow<S, T, N> = for<'r> fn(&'r mut S) -> &'r mut <N as Presence>::Of<T>;

/// Finds a column's value in a key.
type OfKey<S, T> = for<'k> fn(&'k <S as S3Schema>::Key) -> &'k T;

impl<S: S3Schema, T> ColumnHandle<S, T> {
    #[doc(hidden)]
    pub const fn __required(
        name: &'static str,
        of_row: fn(&S) -> &T,
        in_row: fn(&mut S) -> &mut T,
    ) -> Self {
        Self {
            name,
            of_row,
            in_row,
            of_key: None,
        }
    }
}

impl<S: S3Schema, T> ColumnHandle<S, T, InKey> {
    #[doc(hidden)]
    pub const fn __in_key(
        name: &'static str,
        of_row: fn(&S) -> &T,
        in_row: fn(&mut S) -> &mut T,
        of_key: fn(&S::Key) -> &T,
    ) -> Self {
        Self {
            name,
            of_row,
            in_row,
            of_key: Some(of_key),
        }
    }
}

impl<S: S3Schema, T> ColumnHandle<S, T, Nullable> {
    #[doc(hidden)]
    pub const fn __nullable(
        name: &'static str,
        of_row: fn(&S) -> Option<&T>,
        in_row: fn(&mut S) -> &mut Option<T>,
    ) -> Self {
        Self {
            name,
            of_row,
            in_row,
            of_key: None,
        }
    }
}

impl<S: S3Schema, T, N: Presence> ColumnHandle<S, T, N> {
    /// Whether it is a key column.
    pub const fn is_key(&self) -> bool {
        self.of_key.is_some()
    }

    /// The column's value in a row, as the field has it.
    pub(crate) fn field<'r>(&self, row: &'r S) -> N::Of<&'r T> {
        (self.of_row)(row)
    }

    /// The column's field in a row, to be changed.
    pub(crate) fn field_mut<'r>(&self, row: &'r mut S) -> &'r mut N::Of<T> {
        (self.in_row)(row)
    }

    /// The column's value in a row, or `None` where it is missing.
    pub fn of_row<'r>(&self, row: &'r S) -> Option<&'r T> {
        N::into_option(self.field(row))
    }

    /// The column's value in a key, or `None` where it is not part of it.
    pub fn of_key<'k>(&self, key: &'k S::Key) -> Option<&'k T> {
        self.of_key.map(|of_key| of_key(key))
    }

    /// The column's name in the stored object.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

/// Of a column: every row has a value. So has a `#[serde(default)]` field whose member is missing in
/// the stored object: its default.
#[derive(Debug, Clone, Copy)]
pub struct Required;

/// Of a column: an `Option`, so the value may be missing.
#[derive(Debug, Clone, Copy)]
pub struct Nullable;

/// Of a column: it is part of the key. Every row has a value, and with another one it would be
/// another row.
#[derive(Debug, Clone, Copy)]
pub struct InKey;

/// How a row has a column: [`Required`], [`Nullable`] or [`InKey`]. There is no fourth.
pub trait Presence: sealed::Sealed + Send + Sync + 'static {
    /// What a row has of a column with values `V`: `V`, or `Option<V>`.
    type Of<V>;

    /// A value that is there.
    fn present<V>(value: V) -> Self::Of<V>;

    /// The value, or `None` where it is missing.
    fn into_option<V>(value: Self::Of<V>) -> Option<V>;

    /// Another value in its place, missing where it is missing.
    fn map<V, W>(value: Self::Of<V>, change: impl FnOnce(V) -> W) -> Self::Of<W>;

    /// The value in its place, put there where it is missing.
    fn get_or_insert<V>(field: &mut Self::Of<V>, value: V) -> &mut V;
}

macro_rules! always_present {
    ($($presence:ident),+) => {$(
        impl Presence for $presence {
            type Of<V> = V;

            fn present<V>(value: V) -> V {
                value
            }

            fn into_option<V>(value: V) -> Option<V> {
                Some(value)
            }

            fn map<V, W>(value: V, change: impl FnOnce(V) -> W) -> W {
                change(value)
            }

            fn get_or_insert<V>(field: &mut V, _: V) -> &mut V {
                field
            }
        }
    )+};
}

always_present!(Required, InKey);

impl Presence for Nullable {
    type Of<V> = Option<V>;

    fn present<V>(value: V) -> Option<V> {
        Some(value)
    }

    fn into_option<V>(value: Option<V>) -> Option<V> {
        value
    }

    fn map<V, W>(value: Option<V>, change: impl FnOnce(V) -> W) -> Option<W> {
        value.map(change)
    }

    fn get_or_insert<V>(field: &mut Option<V>, value: V) -> &mut V {
        field.get_or_insert(value)
    }
}

/// Of columns that a [`patch`](crate::Table::patch) may change: all but those of the key.
#[diagnostic::on_unimplemented(
    message = "a key column cannot be patched",
    label = "this column is part of the key",
    note = "a row with another key is another row: `rekey` moves it there"
)]
pub trait Patchable: Presence {}

impl Patchable for Required {}
impl Patchable for Nullable {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Required {}
    impl Sealed for super::Nullable {}
    impl Sealed for super::InKey {}
}

/// A column whose value may be missing: the handle of an `Option` field.
#[diagnostic::on_unimplemented(
    message = "this column is never null",
    label = "the column of a field that is no `Option`",
    note = "the column is `{Self}`: every row has a value, with `#[serde(default)]` the default where it is not stored",
    note = "a field written `Option<...>` makes a column that may be null; one of an alias of `Option` does not"
)]
pub trait NullableColumn {
    /// The table.
    type Schema: S3Schema;
    /// The type of its values.
    type Value;

    /// Itself, under its own name.
    fn nullable(self) -> ColumnHandle<Self::Schema, Self::Value, Nullable>;
}

#[diagnostic::do_not_recommend]
impl<S: S3Schema, T> NullableColumn for ColumnHandle<S, T, Nullable> {
    type Schema = S;
    type Value = T;

    fn nullable(self) -> Self {
        self
    }
}

impl<S, T, const I: usize, F> Clone for KeyHandle<S, T, I, F> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<S, T, const I: usize, F> Copy for KeyHandle<S, T, I, F> {}
impl<S: S3Schema, T, N: Presence> Clone for ColumnHandle<S, T, N> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<S: S3Schema, T, N: Presence> Copy for ColumnHandle<S, T, N> {}

impl<S, T, const I: usize, F> fmt::Debug for KeyHandle<S, T, I, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KEY.{}", self.name)
    }
}
impl<S: S3Schema, T, N: Presence> fmt::Debug for ColumnHandle<S, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "COL.{}", self.name)
    }
}

/// The write that a row is prepared for.
#[derive(Debug)]
pub struct Prepare<'a> {
    env: &'a Env,
    event: WriteEvent,
    /// Read once, so that all timestamps of a write agree.
    now: std::cell::OnceCell<std::time::SystemTime>,
}

/// Which write it is, as far as managed columns are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteEvent {
    /// The row is new.
    Insert,
    /// The row may be new or may replace another.
    Put,
    /// The row was read and is written back.
    Save,
}

impl<'a> Prepare<'a> {
    pub(crate) fn new(env: &'a Env, event: WriteEvent) -> Self {
        Self {
            env,
            event,
            now: std::cell::OnceCell::new(),
        }
    }

    fn now(&self) -> std::time::SystemTime {
        *self.now.get_or_init(|| self.env.now())
    }

    #[doc(hidden)]
    pub fn __generate<K, T: Generate<K>>(&self, field: &mut T) {
        if self.event != WriteEvent::Save && field.is_unset() {
            *field = T::generate(self.env);
        }
    }

    #[doc(hidden)]
    pub fn __created_at<T: Timestamp>(&self, field: &mut T) {
        let now = match self.event {
            WriteEvent::Insert => true,
            WriteEvent::Put | WriteEvent::Save => field.is_unset(),
        };
        if now {
            *field = T::from_system(self.now());
        }
    }

    #[doc(hidden)]
    pub fn __updated_at<T: Timestamp>(&self, field: &mut T) {
        *field = T::from_system(self.now());
    }
}

/// A type that `#[s3(generate)]` can fill in, by the scheme `K` of [`id`](crate::id).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be generated this way",
    label = "no generated id of this type",
    note = "`generate` works on `Uuid` (`\"uuid_v7\"`, the default, and `\"uuid_v4\"`), on `Ulid`, and on `String` with one of \
            `\"uuid_v4\"`, `\"uuid_v7\"`, `\"ulid\"` named; the cargo features `uuid` and `ulid` bring them",
    note = "a type of yours can implement `s3orm::Generate`"
)]
pub trait Generate<K> {
    /// Whether the row carries no id yet: a nil id, an empty string.
    fn is_unset(&self) -> bool;
    /// A new id.
    fn generate(env: &Env) -> Self;
}

/// A type that `#[s3(created_at)]` and `#[s3(updated_at)]` can fill in.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a timestamp that s3orm keeps",
    label = "not a timestamp",
    note = "use `chrono::DateTime<Utc>` (feature `chrono`), `jiff::Timestamp` (feature `jiff`), or an `Option` of one"
)]
pub trait Timestamp {
    /// Whether the row carries no time yet: `None`, or the Unix epoch.
    fn is_unset(&self) -> bool;
    /// From the system's clock.
    fn from_system(now: std::time::SystemTime) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Timestamp> Timestamp for Option<T> {
    fn is_unset(&self) -> bool {
        self.as_ref().is_none_or(Timestamp::is_unset)
    }

    fn from_system(now: std::time::SystemTime) -> Self {
        Some(T::from_system(now))
    }
}

/// The type checks of generated code that no other trait bound makes.
#[doc(hidden)]
pub mod check {
    use crate::key::{DescColumn, OrderedColumn};

    /// `<column:ordered>`
    pub const fn ordered<T: OrderedColumn>() {}

    /// `<column:desc>`
    pub const fn desc<T: DescColumn>() {}
}

/// The key of a struct whose declaration does not compile: whatever is passed for it, no further
/// error comes of it.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct AnyKey;

impl AnyKey {
    /// The description of such a struct.
    pub const SCHEMA: TableSchema = TableSchema {
        table: "",
        path: PathTemplate {
            pieces: &[],
            extension: "",
            encoding: Encoding::Escaped,
        },
        body: BodyFormat::Json,
        columns: &[],
        doc: "",
    };

    fn error() -> KeyError {
        KeyError {
            column: None,
            error: ColumnError::new("the table's declaration does not compile"),
        }
    }
}

impl KeyTuple for AnyKey {
    fn write(&self, _: &PathTemplate, _: &mut String) -> Result<(), KeyError> {
        Err(Self::error())
    }

    fn parse(_: &PathTemplate, _: &str) -> Result<Self, KeyError> {
        Err(Self::error())
    }

    fn digits(_: usize) -> Option<&'static str> {
        None
    }
}

impl<V> KeyFrom<V> for AnyKey {
    fn key_from(_: V) -> Self {
        Self
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    /// Milliseconds of the Unix epoch.
    #[derive(Debug, Clone, Copy, PartialEq)]
    struct Millis(u128);

    impl Timestamp for Millis {
        fn is_unset(&self) -> bool {
            self.0 == 0
        }

        fn from_system(now: SystemTime) -> Self {
            let age = now.duration_since(SystemTime::UNIX_EPOCH);
            Self(age.as_ref().map_or(0, Duration::as_millis))
        }
    }

    struct Counted;

    impl Generate<Counted> for u8 {
        fn is_unset(&self) -> bool {
            *self == 0
        }

        fn generate(_: &Env) -> Self {
            7
        }
    }

    #[test]
    fn each_write_fills_in_what_it_should() {
        let env = Env::seeded(1);
        let is_now = |time: Millis| time.0 >= 1_700_000_000_000;
        // The write; then the id of a new row, whether `created_at` keeps a time that is there.
        let cases = [
            (WriteEvent::Insert, 7, false),
            (WriteEvent::Put, 7, true),
            (WriteEvent::Save, 0, true),
        ];
        for (event, generated, keeps_created_at) in cases {
            let write = Prepare::new(&env, event);
            let (mut new, mut old) = (0, 3);
            write.__generate::<Counted, u8>(&mut new);
            write.__generate::<Counted, u8>(&mut old);
            assert_eq!((new, old), (generated, 3), "{event:?}");

            let (mut unset, mut set) = (None, Millis(5));
            write.__created_at::<Option<Millis>>(&mut unset);
            write.__created_at(&mut set);
            assert!(unset.is_some_and(is_now), "{event:?}");
            assert_eq!(set == Millis(5), keeps_created_at, "{event:?}");

            write.__updated_at(&mut set);
            assert!(is_now(set), "{event:?}");
        }
    }

    #[test]
    fn the_key_of_a_wrong_declaration_takes_anything_and_is_nothing() {
        let key = AnyKey::key_from(("whatever", 1));
        assert!(key.write(&AnyKey::SCHEMA.path, &mut String::new()).is_err());
        assert!(AnyKey::parse(&AnyKey::SCHEMA.path, "").is_err());
    }
}
