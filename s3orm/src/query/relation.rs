//! Rows that belong to a row of another table, and lie beside each other because of it.
//!
//! A child's key begins with its parent's key columns. So all children of a parent are one prefix
//! of the child's table, which one query lists, and a child's parent is known without a request.
//! Two tables stay two tables: nothing is written twice, and **no foreign key is enforced**. A
//! parent can be deleted and leave orphans; [`Table::get_with`] says how they are found.
//!
//! ```
//! use s3orm::{Db, S3Schema};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Clone, Serialize, Deserialize, S3Schema)]
//! #[s3(table = "customers", path = "<id>")]
//! struct Customer {
//!     id: u64,
//!     name: String,
//! }
//!
//! #[derive(Clone, Serialize, Deserialize, S3Schema)]
//! #[s3(table = "orders", path = "<customer>/<id:ordered>", belongs_to = "Customer")]
//! struct Order {
//!     customer: u64,
//!     id: u32,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
//! let db = Db::connect("memory:").await?;
//! let (customers, orders) = (db.table::<Customer>(), db.table::<Order>());
//! let ann = customers.put(Customer { id: 42, name: "Ann".into() }).await?;
//! for id in 1..=3 {
//!     orders.put(Order { customer: 42, id }).await?;
//! }
//!
//! // All orders of a customer, and some of them.
//! assert_eq!(orders.query().of(&ann).count().await?, 3);
//! let late = orders.query().of(&ann).within(Order::KEY.id, 2..).all().await?;
//! // The customer of an order.
//! assert_eq!(customers.of(&late[0]).await?.map(|customer| customer.name), Some("Ann".into()));
//! // Both at once.
//! let found = customers.get_with::<Order>(42).await?;
//! assert!(found.is_some_and(|(_, orders)| orders.len() == 3));
//!
//! // A customer goes, the orders first: what fails in between leaves no orphan.
//! let keys = orders.query().of(&ann).keys()?.collect().await?;
//! orders.delete_many(keys).await.into_result()?;
//! customers.delete(42).await?;
//! # assert_eq!(orders.query().count().await?, 0);
//! # Ok(()) }
//! ```

use super::{Fixed, KeyPrefix, Query};
use crate::key::{KeyColumn, KeyFrom, KeyTuple};
use crate::row::AsRow;
use crate::schema::{AnyKey, S3Schema};
use crate::table::{Get, Table};

/// A table whose rows belong to rows of table `P`: what `#[s3(belongs_to = "…")]` implements.
///
/// The derive writes the impl, and the compiler checks it: the key begins with the key columns of
/// `P`, in their order and with their types. See the [module](crate::query::relation).
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not belong to the other table",
    label = "no `belongs_to` of `{Self}` says so",
    note = "name the parent in the `#[s3(...)]` of `{Self}`, as in `belongs_to = \"Customer\"`; its path must begin with the parent's key columns"
)]
pub trait BelongsTo<P: S3Schema>: S3Schema<Key: BeginsWith<P::Key>> {
    /// The key of the row that this one belongs to. No request.
    ///
    /// ```
    /// use s3orm::query::BelongsTo;
    /// # use s3orm::{Db, S3Schema};
    /// # #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "customers", path = "<id>")]
    /// # struct Customer { id: u64 }
    /// # #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "orders", path = "<customer>/<id>", belongs_to = "Customer")]
    /// # struct Order { customer: u64, id: u32 }
    ///
    /// assert_eq!(Order { customer: 42, id: 1 }.parent_key(), (42,));
    /// ```
    fn parent_key(&self) -> P::Key {
        self.key().__beginning()
    }
}

/// A key whose first columns are of the types of the key `P`: tuples say this of all that are not
/// longer than they are.
#[diagnostic::on_unimplemented(
    message = "a key `{Self}` does not begin with the parent's key `{P}`",
    label = "the path does not begin with the parent's key columns",
    note = "name the parent's key columns first in `path`, in the parent's order and with the same types, as in `<customer>/<id>`; their names may differ"
)]
pub trait BeginsWith<P: KeyTuple>: KeyTuple {
    /// The state of a query that has fixed those columns.
    type At;

    #[doc(hidden)]
    fn __beginning(&self) -> P;

    #[doc(hidden)]
    fn __prefix<T: S3Schema<Key = Self>>(parent: &P) -> KeyPrefix<T, Self::At>;
}

/// The state of a query of `T` that has fixed the key of a `P`.
pub type Shared<T, P> = <<T as S3Schema>::Key as BeginsWith<<P as S3Schema>::Key>>::At;

/// What may be passed for a key of table `T`: what [`KeyFrom`] says, for methods that are also told
/// a type.
pub trait KeyOf<T: S3Schema> {
    /// Converts.
    fn into_key(self) -> T::Key;
}

impl<T: S3Schema, K> KeyOf<T> for K
where
    T::Key: KeyFrom<K>,
{
    fn into_key(self) -> T::Key {
        T::Key::key_from(self)
    }
}

impl<T: S3Schema> KeyPrefix<T> {
    /// Of the rows that belong to a row of another table: a value for [`Query::under`].
    ///
    /// ```
    /// # use s3orm::{KeyPrefix, S3Schema};
    /// # #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "customers", path = "<id>")]
    /// # struct Customer { id: u64 }
    /// # #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "orders", path = "<customer>/<id>", belongs_to = "Customer")]
    /// # struct Order { customer: u64, id: u32 }
    /// let orders = KeyPrefix::<Order>::of(&Customer { id: 42 });
    /// assert_eq!(orders.to_string(), "42/");
    /// ```
    #[must_use]
    pub fn of<R: AsRow>(parent: &R) -> KeyPrefix<T, Shared<T, R::Schema>>
    where
        T: BelongsTo<R::Schema>,
    {
        T::Key::__prefix(&parent.as_row().key())
    }

    /// The same by the other row's key.
    #[must_use]
    pub fn of_key<P: S3Schema>(parent: impl KeyOf<P>) -> KeyPrefix<T, Shared<T, P>>
    where
        T: BelongsTo<P>,
    {
        T::Key::__prefix(&parent.into_key())
    }
}

impl<'a, T: S3Schema> Query<'a, T> {
    /// The rows that belong to a row of another table. The query goes on with the key column after
    /// the shared ones.
    ///
    /// Takes the row as it is or in a [`Row`](crate::Row). Whether it is there is not asked.
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema};
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "customers", path = "<id>")]
    /// # struct Customer { id: u64 }
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "orders", path = "<customer>/<id>", belongs_to = "Customer")]
    /// # struct Order { customer: u64, id: u32 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let orders = Db::connect("memory:").await?.table::<Order>();
    /// # orders.put(Order { customer: 42, id: 1 }).await?;
    /// let ann = Customer { id: 42 };
    /// assert_eq!(orders.query().of(&ann).all().await?.len(), 1);
    /// assert!(orders.query().of(&ann).at(Order::KEY.id, 1).exists().await?);
    /// # Ok(()) }
    /// ```
    pub fn of<R: AsRow>(self, parent: &R) -> Query<'a, T, Shared<T, R::Schema>>
    where
        T: BelongsTo<R::Schema>,
    {
        self.under(&KeyPrefix::of(parent))
    }

    /// The same by the other row's key: `orders.query().of_key::<Customer>(42)`.
    pub fn of_key<P: S3Schema>(self, parent: impl KeyOf<P>) -> Query<'a, T, Shared<T, P>>
    where
        T: BelongsTo<P>,
    {
        self.under(&KeyPrefix::of_key(parent))
    }
}

impl<T: S3Schema> Table<T> {
    /// Reads the row that a row of another table belongs to; awaiting returns `Option<T>`.
    ///
    /// To read it with its version, or to change it, take its key:
    /// `customers.update(order.parent_key(), …)` by [`BelongsTo::parent_key`].
    ///
    /// # Errors
    /// As [`get`](Self::get).
    ///
    /// # Cost
    /// 1 GET.
    pub fn of<R: AsRow>(&self, child: &R) -> Get<'_, T>
    where
        R::Schema: BelongsTo<T>,
    {
        Get::new(self, child.as_row().parent_key())
    }
}

/// `(all columns) [those of the beginning] next column, its place, its number, …`
macro_rules! begins_with {
    (@one ($($column:ident)+) [$($first:ident $at:tt)+] $count:literal) => {
        #[diagnostic::do_not_recommend]
        impl<$($column: KeyColumn),+> BeginsWith<($($first,)+)> for ($($column,)+) {
            type At = Fixed<$count>;

            fn __beginning(&self) -> ($($first,)+) {
                ($(self.$at.clone(),)+)
            }

            fn __prefix<T: S3Schema<Key = Self>>(parent: &($($first,)+)) -> KeyPrefix<T, Self::At> {
                KeyPrefix::fixing(|text| {$(text.fix(&parent.$at);)+})
            }
        }
    };
    (@any ($($column:ident)+)) => {
        #[diagnostic::do_not_recommend]
        impl<$($column: KeyColumn),+> BeginsWith<AnyKey> for ($($column,)+) {
            type At = Fixed<0>;

            fn __beginning(&self) -> AnyKey {
                AnyKey
            }

            fn __prefix<T: S3Schema<Key = Self>>(_: &AnyKey) -> KeyPrefix<T, Self::At> {
                KeyPrefix::new()
            }
        }
    };
    ($all:tt [$($before:tt)*]) => { begins_with!(@any $all); };
    ($all:tt [$($before:tt)*] $next:ident $at:tt $count:literal $($rest:tt)*) => {
        begins_with!(@one $all [$($before)* $next $at] $count);
        begins_with!($all [$($before)* $next $at] $($rest)*);
    };
}

begins_with!((A) [] A 0 1);
begins_with!((A B) [] A 0 1 B 1 2);
begins_with!((A B C) [] A 0 1 B 1 2 C 2 3);
begins_with!((A B C D) [] A 0 1 B 1 2 C 2 3 D 3 4);
begins_with!((A B C D E) [] A 0 1 B 1 2 C 2 3 D 3 4 E 4 5);
begins_with!((A B C D E F) [] A 0 1 B 1 2 C 2 3 D 3 4 E 4 5 F 5 6);
begins_with!((A B C D E F G) [] A 0 1 B 1 2 C 2 3 D 3 4 E 4 5 F 5 6 G 6 7);
begins_with!((A B C D E F G H) [] A 0 1 B 1 2 C 2 3 D 3 4 E 4 5 F 5 6 G 6 7 H 7 8);

/// A declaration that does not compile has said so itself.
#[diagnostic::do_not_recommend]
impl<P: KeyTuple> BeginsWith<P> for AnyKey {
    type At = Fixed<0>;

    fn __beginning(&self) -> P {
        unreachable!("the table's declaration does not compile")
    }

    fn __prefix<T: S3Schema<Key = Self>>(_: &P) -> KeyPrefix<T, Self::At> {
        KeyPrefix::new()
    }
}
