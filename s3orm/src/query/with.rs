//! A row together with those that belong to it.

use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::pin::pin;

use futures_util::future::{Either, select};

use super::relation::{BeginsWith as _, BelongsTo, KeyOf};
use crate::error::Result;
use crate::schema::S3Schema;
use crate::table::{RequestFuture, Table, operation};

/// A request of [`Table::get_with`].
#[must_use = "requests do nothing until awaited"]
pub struct GetWith<'a, T: S3Schema, C> {
    table: &'a Table<T>,
    key: T::Key,
    limit: Option<usize>,
    child: PhantomData<fn() -> C>,
}

impl<T: S3Schema> Table<T> {
    /// Reads a row and the rows of another table that [belong to](crate::query::relation) it;
    /// awaiting returns `Option<(T, Vec<C>)>`: `None` where there is no such row, whatever would
    /// belong to it. The children come in the order of their keys.
    ///
    /// The two are read at the same time and not as of one moment: who adds a child meanwhile may
    /// have it in the answer or not.
    ///
    /// Nothing keeps a program from making orphans: rows of `C` whose `T` is gone. They are those
    /// whose [`parent_key`](BelongsTo::parent_key) is not among `query().keys()` of `T`. Where that
    /// key is one column, `query().distinct(…)` of it lists the parents of all rows of `C`, which
    /// costs no row.
    ///
    /// # Errors
    /// Those of [`get`](Self::get), and of [`Query::all`](crate::Query::all) for the children:
    /// [`LimitExceeded`](crate::ErrorKind::LimitExceeded) if there are more than 10,000 and no
    /// [`limit`](GetWith::limit) was set.
    ///
    /// # Cost
    /// 1 GET and, at the same time, 1 LIST for each 1,000 children, and 1 GET a child. Where there
    /// is no such row, reading stops when that is known: 1 GET and 1 LIST, and the reads of orphans
    /// that had begun.
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
    /// # let db = Db::connect("memory:").await?;
    /// # let customers = db.table::<Customer>();
    /// # customers.put(Customer { id: 42 }).await?;
    /// # db.table::<Order>().put(Order { customer: 42, id: 1 }).await?;
    /// if let Some((customer, orders)) = customers.get_with::<Order>(42).limit(100).await? {
    ///     assert_eq!((customer.id, orders.len()), (42, 1));
    /// }
    /// # Ok(()) }
    /// ```
    pub fn get_with<C: BelongsTo<T>>(&self, key: impl KeyOf<T>) -> GetWith<'_, T, C> {
        GetWith {
            table: self,
            key: key.into_key(),
            limit: None,
            child: PhantomData,
        }
    }
}

impl<T: S3Schema, C: BelongsTo<T>> GetWith<'_, T, C> {
    /// At most this many children, the first by key.
    pub fn limit(mut self, children: usize) -> Self {
        self.limit = Some(children);
        self
    }

    async fn run(self) -> Result<Option<(T, Vec<C>)>> {
        let children = Table::<C>::new(self.table.db().clone());
        let mut query = children.query().under(&C::Key::__prefix(&self.key));
        if let Some(limit) = self.limit {
            query = query.limit(limit);
        }
        // The row alone decides whether there is an answer, whichever is known first.
        match select(pin!(self.table.fetch(self.key)), pin!(query.all())).await {
            Either::Left((parent, children)) => match parent? {
                Some(parent) => Ok(Some((parent.into_inner(), children.await?))),
                None => Ok(None),
            },
            Either::Right((children, parent)) => match parent.await? {
                Some(parent) => Ok(Some((parent.into_inner(), children?))),
                None => Ok(None),
            },
        }
    }
}

impl<'a, T: S3Schema, C: BelongsTo<T>> IntoFuture for GetWith<'a, T, C> {
    type Output = Result<Option<(T, Vec<C>)>>;
    type IntoFuture = RequestFuture<'a, Option<(T, Vec<C>)>>;

    fn into_future(self) -> Self::IntoFuture {
        operation::<T, _>("get_with", self.run())
    }
}

impl<T: S3Schema, C> fmt::Debug for GetWith<'_, T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetWith")
            .field("table", &self.table)
            .field("key", &self.key)
            .field("limit", &self.limit)
            .finish()
    }
}
