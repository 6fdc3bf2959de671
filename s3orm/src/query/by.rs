//! Queries by an index.

use std::marker::PhantomData;
use std::ops::Bound;

use super::{Fixed, IntoBounds, Query, Ranged};
use crate::error::{ErrorKind, Result};
use crate::index::{IndexHandle, IndexSchema, layout};
use crate::key::{ColumnFrom, DescColumn, KeyColumn, Limits, PrefixText, TextColumn};
use crate::row::Row;
use crate::schema::S3Schema;
use crate::stamp::seen;
use crate::table::Table;

/// State of a query: an index over columns of the types `V` is listed, whose first `N` columns are
/// fixed.
#[derive(Debug, Clone, Copy)]
pub struct ByIndex<V, const N: usize>(PhantomData<fn() -> V>);

/// State of a query: an index is listed, and its next column is within bounds. No other may follow.
#[derive(Debug, Clone, Copy)]
pub struct ByIndexRanged<V>(PhantomData<fn() -> V>);

/// States of a query by an index.
pub trait ListsIndex {
    /// The types of the index's columns, a tuple.
    type Values;
}

impl<V, const N: usize> ListsIndex for ByIndex<V, N> {
    type Values = V;
}
impl<V> ListsIndex for ByIndexRanged<V> {
    type Values = V;
}

/// State of a query that lists rows by their keys, and not the entries of an index.
#[diagnostic::on_unimplemented(
    message = "a query by an index cannot do this",
    label = "not of a query by an index",
    note = "an entry of an index does not prove that its row has the value: take the rows (`all`, `stream`, `page`, `first`), or the \
            entries as they are (`entries`)"
)]
pub trait KeyState {}

impl<const N: usize> KeyState for Fixed<N> {}
impl KeyState for Ranged {}

/// The column number `N` of an index over columns of these types.
#[diagnostic::on_unimplemented(
    message = "this index has no further column",
    label = "all columns of the index are fixed",
    note = "columns are given in the index's order; what else a row must be can be filtered by `COL`"
)]
pub trait NextValue<const N: usize> {
    /// Its type.
    type Value: KeyColumn;
    /// The state once it is fixed.
    type Then;
}

/// A column of an index whose values can be asked for in a range: their text has a fixed width.
#[diagnostic::on_unimplemented(
    message = "a column of type `{Self}` cannot be asked for in a range of an index",
    label = "`within` needs values whose text has a fixed width",
    note = "integers, `bool`, dates, timestamps, UUIDs and ULIDs have one; of a text ask for the beginning: `starts_with`"
)]
pub trait RangeValue: DescColumn {}

#[diagnostic::do_not_recommend]
impl<T: DescColumn> RangeValue for T {}

macro_rules! next_value {
    ($(($($column:ident),+): $value:ident $at:literal then $next:literal;)+) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($column: KeyColumn),+> NextValue<$at> for ($($column,)+) {
            type Value = $value;
            type Then = ByIndex<Self, $next>;
        }
    )+};
}

macro_rules! next_values {
    ($all:tt []) => {};
    ($all:tt [$value:ident $at:literal $next:literal $($rest:tt)*]) => {
        next_value!($all: $value $at then $next;);
        next_values!($all [$($rest)*]);
    };
}

next_values!((A) [A 0 1]);
next_values!((A, B) [A 0 1 B 1 2]);
next_values!((A, B, C) [A 0 1 B 1 2 C 2 3]);
next_values!((A, B, C, D) [A 0 1 B 1 2 C 2 3 D 3 4]);
next_values!((A, B, C, D, E) [A 0 1 B 1 2 C 2 3 D 3 4 E 4 5]);
next_values!((A, B, C, D, E, F) [A 0 1 B 1 2 C 2 3 D 3 4 E 4 5 F 5 6]);
next_values!((A, B, C, D, E, F, G) [A 0 1 B 1 2 C 2 3 D 3 4 E 4 5 F 5 6 G 6 7]);
next_values!((A, B, C, D, E, F, G, H) [A 0 1 B 1 2 C 2 3 D 3 4 E 4 5 F 5 6 G 6 7 H 7 8]);

impl<'a, T: S3Schema> Query<'a, T> {
    /// Lists the entries of an index instead of the rows: fix its columns with `at`, and then read
    /// the rows that have these values.
    ///
    /// The answer is in the order of the index: by its values, and rows of equal values by their
    /// keys. Each row is read and looked at, so that it has the value: an entry whose row was changed
    /// since costs a read, and no row is missed.
    ///
    /// # Errors
    /// Every end answers [`Schema`](crate::ErrorKind::Schema) while the index has not been
    /// [built](crate::index).
    ///
    /// # Cost
    /// 1 LIST a thousand entries and 1 GET a row; 1 GET more in 30 seconds, by which the state of the
    /// table's indexes is known.
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// #[derive(Clone, serde::Serialize, serde::Deserialize, S3Schema)]
    /// #[s3(table = "people", path = "<id>", index(name = "place", columns(city, age)))]
    /// struct Person { id: u64, city: String, age: u32 }
    ///
    /// let people = Db::connect("memory:").await?.table::<Person>();
    /// people.put(Person { id: 1, city: "Oslo".into(), age: 30 }).await?;
    /// people.put(Person { id: 2, city: "Rome".into(), age: 40 }).await?;
    ///
    /// let place = Person::INDEX.place;
    /// let found = people.query().by(place).at("Oslo").within(18..65).all().await?;
    /// assert_eq!(found.len(), 1);
    /// assert_eq!(people.query().by(place).starts_with("R").all().await?[0].id, 2);
    /// # Ok(()) }
    /// ```
    pub fn by<V>(mut self, index: IndexHandle<T, V>) -> Query<'a, T, ByIndex<V, 0>> {
        self.spec.index = Some(index.number());
        self.spec.prefix = PrefixText::new(&index.schema().path);
        self.becomes()
    }
}

/// Which entries of an index.
impl<'a, T: S3Schema, V, const N: usize> Query<'a, T, ByIndex<V, N>>
where
    V: NextValue<N>,
{
    /// Fixes the next column of the index. A value is matched whole: `1` never finds `10`.
    pub fn at<W>(mut self, value: W) -> Query<'a, T, V::Then>
    where
        V::Value: ColumnFrom<W>,
    {
        self.spec.prefix.fix(&V::Value::column_from(value));
        self.becomes()
    }

    /// Bounds the next column of the index: `10..20`, `10..=20`, `10..`, `..20`. A range whose end is
    /// before its beginning has no rows.
    ///
    /// Of types whose text has a fixed width: integers, `bool`, dates, timestamps, UUIDs, ULIDs.
    pub fn within<R>(mut self, range: R) -> Query<'a, T, ByIndexRanged<V>>
    where
        V::Value: RangeValue,
        R: IntoBounds<V::Value>,
    {
        // What of a type of one's own is not said to be ordered is not written so in an index.
        const {
            assert!(
                <V::Value as KeyColumn>::PREFIX_FREE,
                "a type whose values are asked for in a range must have `KeyColumn::PREFIX_FREE`"
            );
        }
        let (low, high): (Bound<V::Value>, Bound<V::Value>) = range.into_bounds();
        match (self.spec.bound(low), self.spec.bound(high)) {
            (Ok(lower), Ok(upper)) => {
                self.spec.limits = Limits::Between {
                    lower,
                    upper,
                    prefix_free: true,
                };
            }
            (Err(error), _) | (_, Err(error)) => self.spec.prefix.note(error),
        }
        self.becomes()
    }

    /// Entries whose next column, a text, begins with `start`.
    pub fn starts_with(mut self, start: impl Into<String>) -> Query<'a, T, ByIndexRanged<V>>
    where
        V::Value: TextColumn,
    {
        self.spec.limits = Limits::StartsWith(start.into());
        self.becomes()
    }
}

impl<T: S3Schema, At> Query<'_, T, At> {
    /// The index that is listed.
    pub(super) fn index(&self) -> Option<&'static IndexSchema> {
        self.spec.index.map(|number| &T::SCHEMA.indexes[number])
    }

    /// The same question, by an index where that spares the reading of every row: the filter asks
    /// for one value in each of its columns. The order of the answer is that of the keys in both.
    pub(super) fn through_index(&self) -> Self {
        let mut query = self.clone();
        let Some(filter) = &self.filter else {
            return query;
        };
        let whole = || self.range().is_ok_and(|range| range.is_whole_table());
        if self.spec.scan || self.spec.index.is_some() || filter.is_key_only() || !whole() {
            return query;
        }
        let choices = T::SCHEMA.indexes.iter().enumerate();
        let choices = choices.filter(|(_, index)| !index.unique);
        let fitting = choices.filter_map(|(number, index)| {
            let mut prefix = PrefixText::new(&index.path);
            for (at, column) in index.columns.iter().enumerate() {
                let mut equals = filter.equals().iter();
                let equal = equals.find(|equal| equal.column == *column)?;
                if !layout::fix::<T>(number, at, &*equal.value, &mut prefix) {
                    return None;
                }
            }
            Some((number, prefix, index.columns.len()))
        });
        if let Some((number, prefix, _)) = fitting.max_by_key(|(_, _, columns)| *columns) {
            query.spec.index = Some(number);
            query.spec.prefix = prefix;
        }
        query
    }
}

impl<T: S3Schema> Table<T> {
    /// Reads the row that an entry names; `None` if it has not the entry's values.
    pub(super) async fn fetch_entry(
        &self,
        key: T::Key,
        number: usize,
        entry: &str,
    ) -> Result<Option<Row<T>>> {
        let index = &T::SCHEMA.indexes[number];
        let object = self.object_key(&key)?;
        let seen = seen::look(self.db(), &object).await?;
        let path = object.strip_prefix(self.folder()).unwrap_or_default();
        let is_of_entry = |values: &str| {
            let own = layout::object_key(self.db(), T::SCHEMA.table, index, values, path);
            own.is_ok_and(|own| own == entry)
        };
        match self.row_with(key, &seen, number, is_of_entry) {
            // What cannot be in the index is not.
            Err(error) if error.kind() == ErrorKind::InvalidKey => Ok(None),
            row => row,
        }
    }
}
