//! Which key column may come next: the path's order in the type system.

use std::ops::{Bound, Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};

use crate::key::{ColumnFrom, Desc, DescColumn, KeyColumn, Ordered, OrderedColumn, Plain};
use crate::key::{SortedColumn, TextColumn};
use crate::schema::{KeyHandle, S3Schema};

/// State of a query: the first `N` key columns are fixed.
#[derive(Debug, Clone, Copy)]
pub struct Fixed<const N: usize>;

/// State of a query: some columns are fixed and the next one is within bounds. No other may follow.
#[derive(Debug, Clone, Copy)]
pub struct Ranged;

/// The key column that a query in state `At` may name next.
#[diagnostic::on_unimplemented(
    message = "this key column cannot be used here",
    label = "not the next column of the path",
    note = "objects are listed by prefix: give key columns in path order, skip none, and put `within` or `starts_with` last",
    note = "the query is at `{At}`; the column is `{Self}`; what is not the next column can be filtered by `COL`"
)]
pub trait NextColumn<At>: Copy {
    /// The table.
    type Schema: S3Schema;
    /// The column's type.
    type Value: KeyColumn;
    /// The state once it is fixed.
    type Next;
}

macro_rules! next_column {
    ($($at:literal then $next:literal),+) => {$(
        #[diagnostic::do_not_recommend]
        impl<S: S3Schema, T: KeyColumn, F> NextColumn<Fixed<$at>> for KeyHandle<S, T, $at, F> {
            type Schema = S;
            type Value = T;
            type Next = Fixed<$next>;
        }
    )+};
}

next_column!(0 then 1, 1 then 2, 2 then 3, 3 then 4, 4 then 5, 5 then 6, 6 then 7, 7 then 8);

/// A key column whose keys are listed in the order of its values, or in the reverse.
#[diagnostic::on_unimplemented(
    message = "the values of this key column are not listed in order",
    label = "a range of keys is no range of its values",
    note = "write the column `:ordered` in the path, as in `<id:ordered>`, or `:desc`; dates, timestamps, UUIDs, ULIDs and `bool` are ordered as they are",
    note = "the column is `{Self}`; without an order it can be filtered by `COL`, which reads every row of the part that is listed"
)]
pub trait RangeColumn {
    /// Whether the keys are in the reverse order.
    const DESCENDING: bool;
}

#[diagnostic::do_not_recommend]
impl<S, T: OrderedColumn, const I: usize> RangeColumn for KeyHandle<S, T, I, Ordered> {
    const DESCENDING: bool = false;
}
#[diagnostic::do_not_recommend]
impl<S, T: DescColumn, const I: usize> RangeColumn for KeyHandle<S, T, I, Desc> {
    const DESCENDING: bool = true;
}
#[diagnostic::do_not_recommend]
impl<S, T: SortedColumn, const I: usize> RangeColumn for KeyHandle<S, T, I, Plain> {
    const DESCENDING: bool = false;
}

/// A key column whose text in the key begins as its value does.
#[diagnostic::on_unimplemented(
    message = "this key column cannot be searched by the beginning of its value",
    label = "`starts_with` needs a text column in its plain form",
    note = "write the column as `<name>` in the path, not `:ordered` or `:desc`, and make it a `String`",
    note = "the column is `{Self}`"
)]
pub trait PrefixColumn {}

#[diagnostic::do_not_recommend]
impl<S, T: TextColumn, const I: usize> PrefixColumn for KeyHandle<S, T, I, Plain> {}

/// What [`within`](crate::Query::within) takes: Rust's ranges of what may be passed for the column.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a range of values of a key column of type `{T}`",
    label = "expected a range of `{T}`",
    note = "as in `10..20`, `10..=20`, `10..`, `..20`, or a pair of `std::ops::Bound`"
)]
pub trait IntoBounds<T> {
    /// The lower and the upper bound.
    fn into_bounds(self) -> (Bound<T>, Bound<T>);
}

macro_rules! into_bounds {
    ($($range:ty, $self:ident => $lower:expr, $upper:expr;)+) => {$(
        #[diagnostic::do_not_recommend]
        impl<V, T: ColumnFrom<V>> IntoBounds<T> for $range {
            fn into_bounds($self) -> (Bound<T>, Bound<T>) {
                ($lower.map(T::column_from), $upper.map(T::column_from))
            }
        }
    )+};
}

into_bounds! {
    Range<V>, self => Bound::Included(self.start), Bound::Excluded(self.end);
    RangeFrom<V>, self => Bound::Included(self.start), Bound::Unbounded;
    RangeTo<V>, self => Bound::Unbounded, Bound::Excluded(self.end);
    RangeToInclusive<V>, self => Bound::Unbounded, Bound::Included(self.end);
    (Bound<V>, Bound<V>), self => self.0, self.1;
}

#[diagnostic::do_not_recommend]
impl<V, T: ColumnFrom<V>> IntoBounds<T> for RangeInclusive<V> {
    fn into_bounds(self) -> (Bound<T>, Bound<T>) {
        let (low, high) = self.into_inner();
        (
            Bound::Included(T::column_from(low)),
            Bound::Included(T::column_from(high)),
        )
    }
}

#[diagnostic::do_not_recommend]
impl<T> IntoBounds<T> for RangeFull {
    fn into_bounds(self) -> (Bound<T>, Bound<T>) {
        (Bound::Unbounded, Bound::Unbounded)
    }
}
