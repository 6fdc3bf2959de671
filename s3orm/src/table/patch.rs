//! `patch`: change single columns of a row, by name.

use std::fmt;
use std::future::IntoFuture;

use super::put::Replaced;
use super::update::{Change, compare_and_swap};
use super::{RequestFuture, Table, WriteOptions, awaits, operation, write_options};
use crate::error::{Error, ErrorKind, Result};
use crate::key::KeyFrom;
use crate::query::{Filter, ValueFrom};
use crate::row::Row;
use crate::schema::{ColumnHandle, NullableColumn, Patchable, S3Schema, Unencrypted};

impl<T: S3Schema> Table<T> {
    /// Changes single columns of a row, by the methods of [`Patch`]; awaiting returns the changed
    /// [`Row<T>`].
    ///
    /// It is an [`update`](Self::update) whose changes are named: each is typed by its column, and
    /// key columns are not among them. What `#[s3(updated_at)]` keeps is stamped. A patch that
    /// leaves every column as it is writes nothing, and returns the row as it was read.
    ///
    /// ```
    /// # use s3orm::{Db, ErrorKind, S3Schema};
    /// # #[derive(Debug, serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<id>")]
    /// # struct Person { id: u64, age: u32, city: Option<String>, tags: Vec<String> }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let people = Db::connect("memory:").await?.table::<Person>();
    /// # people.put(Person { id: 42, age: 30, city: None, tags: Vec::new() }).await?;
    /// let row = people
    ///     .patch(42)
    ///     .set(Person::COL.city, "Oslo")
    ///     .increment(Person::COL.age, 1)
    ///     .append(Person::COL.tags, ["moved"])
    ///     .only_if(Person::COL.age.ge(18))
    ///     .await?;
    /// assert_eq!((row.age, row.city.as_deref()), (31, Some("Oslo")));
    ///
    /// let patch = people.patch(42).unset(Person::COL.city).only_if(Person::COL.age.lt(18));
    /// assert_eq!(patch.await.unwrap_err().kind(), ErrorKind::Cancelled);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) if there is no row, [`Cancelled`](ErrorKind::Cancelled) if
    /// it does not meet a condition, [`InvalidRow`](ErrorKind::InvalidRow) if a number does not fit
    /// its column, [`Conflict`](ErrorKind::Conflict) if others were faster every time, and those of
    /// [`get`](Self::get) and [`save`](Self::save). After all of them but
    /// [`OutcomeUnknown`](ErrorKind::OutcomeUnknown) the row is as it was.
    ///
    /// # Cost
    /// 1 GET and 1 PUT; as much again for each time that somebody was faster. 1 GET if nothing
    /// changes.
    pub fn patch<K>(&self, key: K) -> Patch<'_, T>
    where
        T::Key: KeyFrom<K>,
    {
        Patch::new(self, T::Key::key_from(key))
    }
}

/// A request of [`Table::patch`]: changes of single columns, applied in the order given, all of
/// them or none.
#[must_use = "requests do nothing until awaited"]
pub struct Patch<'a, T: S3Schema> {
    pub(super) table: &'a Table<T>,
    pub(super) key: T::Key,
    pub(super) conditions: Vec<Filter<T>>,
    pub(super) edits: Vec<Edit<T>>,
    pub(super) options: WriteOptions,
}

/// A request of [`Patch::returning_old`].
#[derive(Debug)]
#[must_use = "requests do nothing until awaited"]
pub struct PatchReturning<'a, T: S3Schema>(Patch<'a, T>);

/// A change of one column. It may be applied several times, to one version of the row after the
/// other.
pub(super) struct Edit<T> {
    /// As its method is called.
    name: &'static str,
    column: &'static str,
    apply: Box<Apply<T>>,
}

type Apply<T> = dyn Fn(&mut T) -> Result<()> + Send + Sync;

write_options!(Patch);

impl<'a, T: S3Schema> Patch<'a, T> {
    fn new(table: &'a Table<T>, key: T::Key) -> Self {
        Self {
            table,
            key,
            conditions: Vec::new(),
            edits: Vec::new(),
            options: WriteOptions::default(),
        }
    }

    /// Gives the column a value.
    pub fn set<C, N, V>(self, column: ColumnHandle<T, C, N>, value: V) -> Self
    where
        C: ValueFrom<V> + Clone + Send + Sync + 'static,
        N: Patchable,
    {
        let value = C::value_from(value);
        self.edit("set", column, move |field| {
            *field = N::present(value.clone());
            Some(())
        })
    }

    /// Takes the column's value away. Only the column of an `Option` field can be without one.
    pub fn unset<C>(self, column: C) -> Self
    where
        C: NullableColumn<Schema = T>,
        C::Value: 'static,
    {
        self.edit("unset", column.nullable(), |field| {
            *field = None;
            Some(())
        })
    }

    /// Gives the column a value where it is missing, and leaves one that is there. Only the column
    /// of an `Option` field can be without one.
    pub fn if_not_exists<C, V>(self, column: C, value: V) -> Self
    where
        C: NullableColumn<Schema = T>,
        C::Value: ValueFrom<V> + Clone + Send + Sync + 'static,
    {
        let value = C::Value::value_from(value);
        self.edit("if_not_exists", column.nullable(), move |field| {
            field.get_or_insert_with(|| value.clone());
            Some(())
        })
    }

    /// Adds to the column's number; counts from 0 where it is missing. What does not fit the
    /// column is [`InvalidRow`](ErrorKind::InvalidRow): numbers never wrap.
    pub fn increment<C, N, V>(self, column: ColumnHandle<T, C, N>, by: V) -> Self
    where
        C: Number + ValueFrom<V>,
        N: Patchable + Unencrypted,
    {
        self.count("increment", column, C::value_from(by), C::checked_add)
    }

    /// Takes from the column's number; counts from 0 where it is missing. What does not fit the
    /// column is [`InvalidRow`](ErrorKind::InvalidRow): numbers never wrap.
    pub fn decrement<C, N, V>(self, column: ColumnHandle<T, C, N>, by: V) -> Self
    where
        C: Number + ValueFrom<V>,
        N: Patchable + Unencrypted,
    {
        self.count("decrement", column, C::value_from(by), C::checked_sub)
    }

    /// Adds at the end of the column's list or text, which is empty where it is missing.
    pub fn append<C, N, V>(self, column: ColumnHandle<T, C, N>, more: V) -> Self
    where
        C: Appendable<V> + 'static,
        N: Patchable + Unencrypted,
    {
        let more = C::gather(more);
        self.edit("append", column, move |field| {
            let own = N::get_or_insert(field, C::default());
            own.join(more.clone());
            Some(())
        })
    }

    /// Adds at the beginning of the column's list or text, which is empty where it is missing.
    pub fn prepend<C, N, V>(self, column: ColumnHandle<T, C, N>, more: V) -> Self
    where
        C: Appendable<V> + 'static,
        N: Patchable + Unencrypted,
    {
        let more = C::gather(more);
        self.edit("prepend", column, move |field| {
            let own = N::get_or_insert(field, C::default());
            let rest = std::mem::replace(own, more.clone());
            own.join(rest);
            Some(())
        })
    }

    /// Only if the row, as it is before the patch, meets this condition:
    /// [`Cancelled`](ErrorKind::Cancelled) otherwise. Of several, all must be met.
    pub fn only_if(mut self, condition: Filter<T>) -> Self {
        self.conditions.push(condition);
        self
    }

    /// Returns the row as it was before the patch, too. No further request.
    pub fn returning_old(self) -> PatchReturning<'a, T> {
        PatchReturning(self)
    }

    fn count<C: Number, N: Patchable>(
        self,
        name: &'static str,
        column: ColumnHandle<T, C, N>,
        by: C,
        count: fn(C, C) -> Option<C>,
    ) -> Self {
        self.edit(name, column, move |field| {
            let own = N::get_or_insert(field, C::ZERO);
            *own = count(*own, by)?;
            Some(())
        })
    }

    /// Adds a change, which gives `None` if its result does not fit the column.
    fn edit<C: 'static, N: Patchable>(
        mut self,
        name: &'static str,
        column: ColumnHandle<T, C, N>,
        apply: impl Fn(&mut N::Of<C>) -> Option<()> + Send + Sync + 'static,
    ) -> Self {
        let apply = move |row: &mut T| {
            apply(column.field_mut(row)).ok_or_else(|| {
                let column = column.name();
                let ty = std::any::type_name::<C>();
                let detail = format!(
                    "`{name}` of column `{column}` leaves the range of `{ty}`; nothing was written"
                );
                Error::new(ErrorKind::InvalidRow, detail)
            })
        };
        self.edits.push(Edit {
            name,
            column: column.name(),
            apply: Box::new(apply),
        });
        self
    }

    async fn run(self) -> Result<Row<T>> {
        self.run_from(|_, _| Ok(())).await
    }

    /// Runs it, and shows each version of the row that it starts from, with its bytes.
    async fn run_from(
        self,
        mut before: impl FnMut(&Row<T>, &[u8]) -> Result<()> + Send,
    ) -> Result<Row<T>> {
        let (table, key) = (self.table, self.key.clone());
        compare_and_swap(table, key, &self.options, |row| {
            let old = table.encode_newest(row)?;
            before(row, &old)?;
            apply(&self.conditions, &self.edits, &mut row.value)?;
            // What the row is, is what is stored of it: so columns need no comparison.
            let same = self.options.is_empty() && table.encode_newest(row)? == old;
            Ok(if same { Change::Nothing } else { Change::Write })
        })
        .await
    }
}

/// Applies the changes to a row that meets the conditions.
pub(super) fn apply<T: S3Schema>(
    conditions: &[Filter<T>],
    edits: &[Edit<T>],
    row: &mut T,
) -> Result<()> {
    if let Some(unmet) = conditions.iter().find(|filter| !filter.matches(row)) {
        return Err(unmet_by_row(unmet));
    }
    edits.iter().try_for_each(|edit| (edit.apply)(row))
}

/// A row does not meet a condition of a write.
pub(crate) fn unmet_by_row<T: S3Schema>(unmet: &Filter<T>) -> Error {
    let detail = format!("the row does not meet `{unmet}`; nothing was written");
    Error::new(ErrorKind::Cancelled, detail)
}

impl<T: S3Schema> PatchReturning<'_, T> {
    async fn run(self) -> Result<Replaced<T>> {
        let mut old = None;
        let table = self.0.table;
        let new = self.0.run_from(|row, bytes| {
            let content = Table::<T>::columns(bytes);
            let (value, version) = table.decode_opened(row.value.key(), &row.key, &content)?;
            let (value, _) = table.seen_by_hook(value, version, &row.key)?;
            old = Some(row.with_value(value));
            Ok(())
        });
        let new = new.await?;
        Ok(Replaced { old, new })
    }
}

awaits!(Patch, "patch", Row<T>);
awaits!(PatchReturning, "patch", Replaced<T>);

impl<T: S3Schema> fmt::Debug for Patch<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let edits = self.edits.iter().map(|edit| (edit.name, edit.column));
        f.debug_struct("Patch")
            .field("table", &self.table)
            .field("conditions", &self.conditions)
            .field("edits", &edits.collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// A column type that can be counted up and down: Rust's numbers, and types of one's own.
#[diagnostic::on_unimplemented(
    message = "a column of type `{Self}` cannot be counted up or down",
    label = "the column holds no number",
    note = "`increment` and `decrement` work on Rust's integers and floats; a type of yours can implement `s3orm::table::Number`"
)]
pub trait Number: Copy + Send + Sync + 'static {
    /// What a missing value counts from.
    const ZERO: Self;

    /// The sum, if it can be told.
    fn checked_add(self, more: Self) -> Option<Self>;

    /// The difference, if it can be told.
    fn checked_sub(self, less: Self) -> Option<Self>;
}

macro_rules! integers {
    ($($int:ty)+) => {$(
        #[diagnostic::do_not_recommend]
        impl Number for $int {
            const ZERO: Self = 0;

            fn checked_add(self, more: Self) -> Option<Self> {
                <$int>::checked_add(self, more)
            }

            fn checked_sub(self, less: Self) -> Option<Self> {
                <$int>::checked_sub(self, less)
            }
        }
    )+};
}

integers!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);

/// What is infinite or no number has no JSON, either.
macro_rules! floats {
    ($($float:ty)+) => {$(
        #[diagnostic::do_not_recommend]
        impl Number for $float {
            const ZERO: Self = 0.0;

            fn checked_add(self, more: Self) -> Option<Self> {
                Some(self + more).filter(|sum| sum.is_finite())
            }

            fn checked_sub(self, less: Self) -> Option<Self> {
                Some(self - less).filter(|difference| difference.is_finite())
            }
        }
    )+};
}

floats!(f32 f64);

/// A column type to which `V` can be appended: to a `Vec`, anything that gives its elements; to a
/// `String`, a text.
#[diagnostic::on_unimplemented(
    message = "`{V}` cannot be appended to a column of type `{Self}`",
    label = "not what the column is made of",
    note = "a `Vec` takes what gives several elements, as in `[\"one\"]`; a `String` takes a text"
)]
pub trait Appendable<V>: Default + Clone + Send + Sync {
    /// A list or text of its own.
    fn gather(more: V) -> Self;

    /// Adds it at the end.
    fn join(&mut self, more: Self);
}

#[diagnostic::do_not_recommend]
impl<E, V> Appendable<V> for Vec<E>
where
    E: ValueFrom<V::Item> + Clone + Send + Sync,
    V: IntoIterator,
{
    fn gather(more: V) -> Self {
        more.into_iter().map(E::value_from).collect()
    }

    fn join(&mut self, more: Self) {
        self.extend(more);
    }
}

#[diagnostic::do_not_recommend]
impl<V: Into<String>> Appendable<V> for String {
    fn gather(more: V) -> Self {
        more.into()
    }

    fn join(&mut self, more: Self) {
        self.push_str(&more);
    }
}
