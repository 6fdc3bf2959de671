//! Indexes as a program names them, and their descriptions.

use std::fmt;
use std::marker::PhantomData;

use crate::key::{Form, KeyColumn, PathTemplate};
use crate::schema::S3Schema;

/// An index's description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexSchema {
    /// Its name.
    pub name: &'static str,
    /// Its columns by their names in the stored object, in order.
    pub columns: &'static [&'static str],
    /// Whether no two rows may have the same values.
    pub unique: bool,
    /// What its entries hold.
    pub projection: Projection,
    /// How the key of an entry is built: the values, then the path of the row. Of a unique index
    /// the values alone.
    pub path: PathTemplate,
}

/// What an entry holds besides the values and the key of its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Projection {
    /// Nothing.
    Keys,
    /// All columns of the row.
    All,
    /// These columns, by their names in the stored object.
    Columns(&'static [&'static str]),
}

impl IndexSchema {
    /// What messages call it.
    pub(crate) fn kind(&self) -> &'static str {
        if self.unique { "unique index" } else { "index" }
    }
}

/// The handle of a plain index of table `S` over columns of the types `V`, a tuple:
/// `Person::INDEX.city`.
pub struct IndexHandle<S, V> {
    number: usize,
    marker: PhantomData<fn() -> (S, V)>,
}

/// The handle of a unique index of table `S` over columns of the types `V`, a tuple:
/// `Person::UNIQUE.email`.
pub struct UniqueHandle<S, V> {
    number: usize,
    marker: PhantomData<fn() -> (S, V)>,
}

macro_rules! handle {
    ($($handle:ident),+) => {$(
        impl<S, V> $handle<S, V> {
            #[doc(hidden)]
            pub const fn __new(number: usize) -> Self {
                Self {
                    number,
                    marker: PhantomData,
                }
            }

            pub(crate) const fn number(self) -> usize {
                self.number
            }
        }

        impl<S: S3Schema, V> $handle<S, V> {
            /// Its description.
            pub fn schema(self) -> &'static IndexSchema {
                &S::SCHEMA.indexes[self.number]
            }
        }

        impl<S, V> Clone for $handle<S, V> {
            fn clone(&self) -> Self {
                *self
            }
        }
        impl<S, V> Copy for $handle<S, V> {}

        impl<S: S3Schema, V> fmt::Debug for $handle<S, V> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($handle))
                    .field(&self.schema().name)
                    .finish()
            }
        }
    )+};
}

handle!(IndexHandle, UniqueHandle);

/// An index, plain or unique: what [`Table::index`](crate::Table::index) takes.
pub trait AnyIndex: sealed::Sealed + Copy {
    /// The table.
    type Schema: S3Schema;

    #[doc(hidden)]
    fn __number(self) -> usize;
}

impl<S: S3Schema, V> AnyIndex for IndexHandle<S, V> {
    type Schema = S;

    fn __number(self) -> usize {
        self.number
    }
}

impl<S: S3Schema, V> AnyIndex for UniqueHandle<S, V> {
    type Schema = S;

    fn __number(self) -> usize {
        self.number
    }
}

mod sealed {
    pub trait Sealed {}
    impl<S, V> Sealed for super::IndexHandle<S, V> {}
    impl<S, V> Sealed for super::UniqueHandle<S, V> {}
}

/// A column that can be in an index: any that can be in a key.
#[diagnostic::on_unimplemented(
    message = "a column of type `{Self}` cannot be in an index",
    label = "has no text form for keys",
    note = "columns of an index are those that a key may have, or an `Option` of one: integers, `bool`, `char`, `String`, and with \
            their cargo features `Uuid`, `Ulid`, dates and timestamps, or a type of yours that implements `s3orm::key::KeyColumn`",
    note = "floats and collections have none"
)]
pub trait IndexColumn: KeyColumn {}

#[diagnostic::do_not_recommend]
impl<T: KeyColumn> IndexColumn for T {}

/// Who asks for the columns of an index, one after the other.
#[doc(hidden)]
pub trait IndexVisitor<S> {
    fn column<T: IndexColumn>(&mut self, of_row: fn(&S) -> Option<&T>);
}

/// How the values of a column stand in an index: ordered, where the type has an ordered text of a
/// fixed width.
#[doc(hidden)]
pub const fn index_form<T: IndexColumn>() -> Form {
    if T::PREFIX_FREE {
        Form::Ordered
    } else {
        Form::Plain
    }
}
