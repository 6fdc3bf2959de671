//! Handles of columns: what a program names them by, and what the types know of them.

use std::fmt;
use std::marker::PhantomData;

use super::S3Schema;
use crate::key::Form;

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
    #[doc(hidden)]
    pub const fn __encrypted(self) -> ColumnHandle<S, T, Encrypted<N>> {
        ColumnHandle {
            name: self.name,
            of_row: self.of_row,
            in_row: self.in_row,
            of_key: self.of_key,
        }
    }

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

/// Of a column: `#[s3(encrypt)]`. A row that was read has it as `N` says; S3 has it in no form.
#[derive(Debug, Clone, Copy)]
pub struct Encrypted<N>(PhantomData<N>);

/// How a row has a column: [`Required`], [`Nullable`] or [`InKey`], or one of the first two
/// [`Encrypted`]. There is no other.
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

impl<N: Presence> Presence for Encrypted<N> {
    type Of<V> = N::Of<V>;

    fn present<V>(value: V) -> Self::Of<V> {
        N::present(value)
    }

    fn into_option<V>(value: Self::Of<V>) -> Option<V> {
        N::into_option(value)
    }

    fn map<V, W>(value: Self::Of<V>, change: impl FnOnce(V) -> W) -> Self::Of<W> {
        N::map(value, change)
    }

    fn get_or_insert<V>(field: &mut Self::Of<V>, value: V) -> &mut V {
        N::get_or_insert(field, value)
    }
}

/// Of columns that can be compared and calculated with: all but those that are encrypted, whose values
/// a filter or a patch would show in its messages.
#[diagnostic::on_unimplemented(
    message = "an encrypted column cannot be filtered by or calculated with",
    label = "this column is `#[s3(encrypt)]`",
    note = "read the rows and look at the field; `update` changes it in any way, `set` and `unset` replace it"
)]
pub trait Unencrypted: Presence {}

impl Unencrypted for Required {}
impl Unencrypted for Nullable {}
impl Unencrypted for InKey {}

/// Of columns that a [`patch`](crate::Table::patch) may change: all but those of the key.
#[diagnostic::on_unimplemented(
    message = "a key column cannot be patched",
    label = "this column is part of the key",
    note = "a row with another key is another row: `rekey` moves it there"
)]
pub trait Patchable: Presence {}

impl Patchable for Required {}
impl Patchable for Nullable {}
impl<N: Patchable> Patchable for Encrypted<N> {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Required {}
    impl Sealed for super::Nullable {}
    impl Sealed for super::InKey {}
    impl<N: super::Presence> Sealed for super::Encrypted<N> {}
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

#[diagnostic::do_not_recommend]
impl<S: S3Schema, T> NullableColumn for ColumnHandle<S, T, Encrypted<Nullable>> {
    type Schema = S;
    type Value = T;

    fn nullable(self) -> ColumnHandle<S, T, Nullable> {
        ColumnHandle {
            name: self.name,
            of_row: self.of_row,
            in_row: self.in_row,
            of_key: None,
        }
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
