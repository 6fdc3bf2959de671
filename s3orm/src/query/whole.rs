//! Answers about a whole table that its keys give.

use crate::error::Result;
use crate::key::KeyColumn;
use crate::schema::{KeyHandle, S3Schema};
use crate::table::Table;

impl<T: S3Schema> Table<T> {
    /// How many rows the table has: [`Query::count`](crate::Query::count).
    ///
    /// # Errors
    /// Those of the connection.
    ///
    /// # Cost
    /// 1 LIST a thousand rows.
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema};
    /// # #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<city>/<id>")]
    /// # struct Person { city: String, id: u64 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let people = Db::connect("memory:").await?.table::<Person>();
    /// for (city, id) in [("Oslo", 1), ("Oslo", 2), ("Rome", 3)] {
    ///     people.put(Person { city: city.into(), id }).await?;
    /// }
    /// assert_eq!(people.count().await?, 3);
    /// assert_eq!(people.distinct(Person::KEY.city).await?, ["Oslo", "Rome"]);
    /// # Ok(()) }
    /// ```
    pub async fn count(&self) -> Result<u64> {
        self.query().count().await
    }

    /// The values of a key column in the whole table, each once, in the order of the keys:
    /// [`Query::distinct`](crate::Query::distinct).
    ///
    /// # Errors
    /// Those of the connection.
    ///
    /// # Cost
    /// 1 LIST a thousand values of the first key column where a `/` follows it in the path;
    /// otherwise 1 LIST a thousand rows. The values are held in memory.
    pub async fn distinct<V: KeyColumn, const I: usize, F>(
        &self,
        column: KeyHandle<T, V, I, F>,
    ) -> Result<Vec<V>> {
        self.query().distinct(column).await
    }
}
