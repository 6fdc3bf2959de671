//! Rows by the value of a unique index.

use std::future::IntoFuture;

use super::claim;
use super::handle::UniqueHandle;
use super::layout::folder;
use crate::error::{Error, ErrorKind, Result};
use crate::key::{KeyFrom, KeyTuple};
use crate::row::Row;
use crate::schema::S3Schema;
use crate::stamp::seen;
use crate::store::check_key;
use crate::table::{RequestFuture, Table, operation, store_error};

/// A request of [`Table::get_by`].
#[derive(Debug)]
#[must_use = "requests do nothing until awaited"]
pub struct GetBy<'a, T: S3Schema, V>(ReadBy<'a, T, V>);

/// A request of [`Table::read_by`].
#[derive(Debug)]
#[must_use = "requests do nothing until awaited"]
pub struct ReadBy<'a, T: S3Schema, V> {
    table: &'a Table<T>,
    index: UniqueHandle<T, V>,
    values: V,
}

impl<'a, T: S3Schema, V: KeyTuple> IntoFuture for GetBy<'a, T, V> {
    type Output = Result<Option<T>>;
    type IntoFuture = RequestFuture<'a, Option<T>>;

    fn into_future(self) -> Self::IntoFuture {
        operation::<T, _>("get_by", async move {
            let row = self.0.table.find_by(self.0.index, self.0.values).await?;
            Ok(row.map(Row::into_inner))
        })
    }
}

impl<'a, T: S3Schema, V: KeyTuple> IntoFuture for ReadBy<'a, T, V> {
    type Output = Result<Option<Row<T>>>;
    type IntoFuture = RequestFuture<'a, Option<Row<T>>>;

    fn into_future(self) -> Self::IntoFuture {
        operation::<T, _>("read_by", self.table.find_by(self.index, self.values))
    }
}

impl<T: S3Schema> Table<T> {
    /// Reads the row that has a value in a unique index; of several columns, a tuple. Awaiting returns
    /// `Option<T>`.
    ///
    /// # Errors
    /// [`Schema`](ErrorKind::Schema) while the index has not been [built](crate::index),
    /// [`InvalidKey`](ErrorKind::InvalidKey), and those of [`get`](Self::get).
    ///
    /// # Cost
    /// 2 GETs, 1 if nobody has ever had the value; 1 GET more in 30 seconds, by which the state of
    /// the table's indexes is known.
    ///
    /// ```
    /// # use s3orm::{Db, ErrorKind, S3Schema};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// #[derive(Debug, Clone, serde::Serialize, serde::Deserialize, S3Schema)]
    /// #[s3(table = "people", path = "<id>")]
    /// struct Person {
    ///     id: u64,
    ///     #[s3(unique)]
    ///     email: String,
    /// }
    ///
    /// let people = Db::connect("memory:").await?.table::<Person>();
    /// people.insert(Person { id: 1, email: "ann@a.org".into() }).await?;
    /// let taken = people.insert(Person { id: 2, email: "ann@a.org".into() }).await.unwrap_err();
    /// assert_eq!(taken.kind(), ErrorKind::UniqueViolation);
    ///
    /// let ann = people.get_by(Person::UNIQUE.email, "ann@a.org").await?;
    /// assert_eq!(ann.map(|person| person.id), Some(1));
    /// # Ok(()) }
    /// ```
    pub fn get_by<V, K>(&self, index: UniqueHandle<T, V>, values: K) -> GetBy<'_, T, V>
    where
        V: KeyFrom<K>,
    {
        let values = V::key_from(values);
        GetBy(ReadBy {
            table: self,
            index,
            values,
        })
    }

    /// Reads such a row with its version, for [`save`](Self::save); awaiting returns
    /// `Option<Row<T>>`.
    ///
    /// # Errors
    /// As [`get_by`](Self::get_by).
    ///
    /// # Cost
    /// As [`get_by`](Self::get_by).
    pub fn read_by<V, K>(&self, index: UniqueHandle<T, V>, values: K) -> ReadBy<'_, T, V>
    where
        V: KeyFrom<K>,
    {
        self.get_by(index, values).0
    }

    async fn find_by<V>(&self, index: UniqueHandle<T, V>, values: V) -> Result<Option<Row<T>>>
    where
        V: KeyTuple,
    {
        let (number, schema) = (index.number(), index.schema());
        let folder = folder(self.db(), T::SCHEMA.table, schema);
        let mut key = folder.clone();
        values
            .write(&schema.path, &mut key)
            .map_err(|error| Error::new(ErrorKind::InvalidKey, error.to_string()))?;
        check_key(&key).map_err(|error| store_error(error, None))?;
        self.may_read(number).await?;
        let Some(claim) = claim::read(self.db(), &key).await? else {
            return Ok(None);
        };
        let wanted = &key[folder.len()..key.len() - schema.path.extension.len()];
        for path in claim.body.pks {
            let Ok(row) = T::Key::parse(&T::SCHEMA.path, &path) else {
                continue;
            };
            let seen = seen::look(self.db(), &self.object_key(&row)?).await?;
            let row = self.row_with(row, &seen, number, |values| values == wanted)?;
            if row.is_some() {
                return Ok(row);
            }
        }
        Ok(None)
    }
}
