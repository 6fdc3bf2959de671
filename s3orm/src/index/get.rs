//! Rows by the value of a unique index.

use super::claim;
use super::handle::UniqueHandle;
use super::layout::{folder, values_of};
use crate::error::{Error, ErrorKind, Result};
use crate::key::{KeyFrom, KeyTuple as _};
use crate::row::Row;
use crate::schema::S3Schema;
use crate::store::check_key;
use crate::table::{Table, operation, store_error};

impl<T: S3Schema> Table<T> {
    /// Reads the row that has a value in a unique index, or `None`. Of several columns, a tuple.
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
    /// #[derive(Clone, serde::Serialize, serde::Deserialize, S3Schema)]
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
    pub async fn get_by<V, K>(&self, index: UniqueHandle<T, V>, values: K) -> Result<Option<T>>
    where
        V: KeyFrom<K>,
    {
        let values = V::key_from(values);
        let row = operation::<T, _>("get_by", self.find_by(index, values)).await?;
        Ok(row.map(Row::into_inner))
    }

    /// Reads such a row with its version, for [`save`](Self::save).
    ///
    /// # Errors
    /// As [`get_by`](Self::get_by).
    ///
    /// # Cost
    /// As [`get_by`](Self::get_by).
    pub async fn read_by<V, K>(
        &self,
        index: UniqueHandle<T, V>,
        values: K,
    ) -> Result<Option<Row<T>>>
    where
        V: KeyFrom<K>,
    {
        let values = V::key_from(values);
        operation::<T, _>("read_by", self.find_by(index, values)).await
    }

    async fn find_by<V>(&self, index: UniqueHandle<T, V>, values: V) -> Result<Option<Row<T>>>
    where
        V: crate::key::KeyTuple,
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
            let Some(row) = self.fetch(row).await? else {
                continue;
            };
            if values_of(&row.value, number)?.as_deref() == Some(wanted) {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }
}
