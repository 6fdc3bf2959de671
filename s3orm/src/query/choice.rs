//! Columns that are chosen from rows.

use crate::schema::{ColumnHandle, Presence, S3Schema};

/// Columns of table `S` to choose from its rows: the handle of one of them, or a tuple of up to
/// eight.
///
/// A handle gives the value as the field has it, a tuple gives a tuple:
/// `Person::COL.id` a `u64`, `(Person::COL.id, Person::COL.city)` a `(u64, Option<String>)`. Values
/// must be `Clone`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no choice of columns of table `{S}`",
    label = "expected handles of columns of `{S}`",
    note = "name one column, as in `COL.id`, or up to eight in a tuple, as in `(COL.id, COL.city)`; key columns are in `COL`, too"
)]
pub trait Columns<S: S3Schema>: Copy + Send + Sync + 'static {
    /// Their values.
    type Values: Send + 'static;

    /// Their names in the stored object, in the order of the choice.
    fn names(&self) -> Vec<&'static str>;

    /// Whether all of them are key columns, so that no row needs to be read for them.
    fn are_in_key(&self) -> bool;

    /// Their values in a row.
    fn of_row(&self, row: &S) -> Self::Values;

    /// Their values in a key, or `None` unless it has [all of them](Self::are_in_key).
    fn of_key(&self, key: &S::Key) -> Option<Self::Values>;
}

impl<S: S3Schema, T: Clone + Send + 'static, N: Presence> Columns<S> for ColumnHandle<S, T, N>
where
    N::Of<T>: Send + 'static,
{
    type Values = N::Of<T>;

    fn names(&self) -> Vec<&'static str> {
        vec![self.name()]
    }

    fn are_in_key(&self) -> bool {
        self.is_key()
    }

    fn of_row(&self, row: &S) -> N::Of<T> {
        N::map(self.field(row), T::clone)
    }

    fn of_key(&self, key: &S::Key) -> Option<N::Of<T>> {
        ColumnHandle::of_key(self, key).map(|value| N::present(value.clone()))
    }
}

macro_rules! choice {
    ($($column:ident $at:tt),+) => {
        impl<S: S3Schema, $($column: Columns<S>),+> Columns<S> for ($($column,)+) {
            type Values = ($($column::Values,)+);

            fn names(&self) -> Vec<&'static str> {
                [$(self.$at.names()),+].concat()
            }

            fn are_in_key(&self) -> bool {
                $(self.$at.are_in_key())&&+
            }

            fn of_row(&self, row: &S) -> Self::Values {
                ($(self.$at.of_row(row),)+)
            }

            fn of_key(&self, key: &S::Key) -> Option<Self::Values> {
                Some(($(self.$at.of_key(key)?,)+))
            }
        }
    };
}

choice!(A 0);
choice!(A 0, B 1);
choice!(A 0, B 1, C 2);
choice!(A 0, B 1, C 2, D 3);
choice!(A 0, B 1, C 2, D 3, E 4);
choice!(A 0, B 1, C 2, D 3, E 4, F 5);
choice!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
choice!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
