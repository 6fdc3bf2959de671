//! Buckets, and the tables in them.

use std::future;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::batch::{Guarded, bulk};
use crate::db::{Db, Options};
use crate::dynamic::check_table;
use crate::error::{Error, Result};
use crate::store::ListObjects;
use crate::table::store_error;

/// Buckets and tables.
impl Db {
    /// The same connection and prefix with another bucket, which need not be there yet:
    /// [`ensure_bucket`](Self::ensure_bucket) creates it, in the connection's region. No request.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let db = s3orm::Db::connect("memory:").await?;
    /// let archive = db.bucket("archive-2024")?;
    /// archive.ensure_bucket().await?;
    /// assert!(db.buckets().await?.contains(&"archive-2024".to_owned()));
    /// archive.delete_bucket().confirm("archive-2024").await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) if it is no bucket's name.
    pub fn bucket(&self, name: &str) -> Result<Self> {
        let layers = self.layers().with_bucket(name).map_err(|error| {
            let detail = error.to_string();
            Error::config(
                detail,
                "name 3 to 63 lower-case letters, digits, `.` and `-`",
            )
            .with_cause(error.into_cause())
            .during("bucket", "")
        })?;
        let scheme = if self.to_string().starts_with("s3://") {
            "s3://"
        } else {
            ""
        };
        let options = Options {
            name: format!("{scheme}{name}/{}", self.prefix()),
            ..self.options().clone()
        };
        Ok(Self::open(layers, options))
    }

    /// The names of the buckets that these credentials own, in order.
    ///
    /// # Errors
    /// Those of the connection; [`Denied`](crate::ErrorKind::Denied) without
    /// `s3:ListAllMyBuckets`.
    ///
    /// # Cost
    /// 1 request; on AWS 1 for each 10,000 buckets.
    pub async fn buckets(&self) -> Result<Vec<String>> {
        let buckets = self.store().list_buckets().await;
        buckets.map_err(|error| store_error(error, None).during("buckets", ""))
    }

    /// The names of the tables, in order: the folders under the prefix, whoever filled them.
    ///
    /// # Errors
    /// Those of the connection.
    ///
    /// # Cost
    /// 1 LIST for each 1,000 tables.
    pub async fn tables(&self) -> Result<Vec<String>> {
        let request = ListObjects {
            prefix: self.prefix().to_owned(),
            delimiter: Some('/'),
            ..ListObjects::default()
        };
        let folders = self
            .pages(request)
            .map_ok(|page| page.prefixes)
            .try_concat();
        let folders: Vec<String> = folders.await.map_err(|error| error.during("tables", ""))?;
        let names = folders
            .iter()
            .map(|folder| &folder[self.prefix().len()..folder.len() - 1]);
        let tables = names.filter(|name| check_table(name).is_ok());
        Ok(tables.map(str::to_owned).collect())
    }

    /// Deletes a table: every object in its folder, rows or not, and then what is kept for it: entries and claims of
    /// indexes, blobs, its description. Awaiting returns how many were in its folder. Its name must
    /// be repeated, by [`confirm`](Guarded::confirm).
    ///
    /// Nobody should write it meanwhile: a row that comes late stays, and is in no index.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) if it was not confirmed,
    /// [`Schema`](crate::ErrorKind::Schema) if it is no table's name, and the first that keeps an
    /// object from being deleted: to drop it again goes on.
    ///
    /// # Cost
    /// 1 LIST and 1 POST (`DeleteObjects`) for each 1,000 objects, and 6 LIST for what is kept for it.
    pub fn drop_table(&self, name: &str) -> Guarded<'_, u64> {
        let table = name.to_owned();
        Guarded::new("drop_table", name, async move {
            check_table(&table)?;
            let objects = self.objects(format!("{}{table}/", self.prefix()));
            let deleted = bulk::delete_all(self, objects.map_ok(|object| object.key)).await?;
            self.forget(&table).await?;
            Ok(deleted)
        })
    }

    /// Deletes what is kept for a table whose rows are gone, its description last: whoever is cut
    /// off drops it again.
    async fn forget(&self, table: &str) -> Result<()> {
        let migrations = format!("{}_s3orm/migrations/{table}-", self.prefix());
        let folders = ["ix", "uq", "blob", "blob-marks"]
            .map(|kind| format!("{}_s3orm/{kind}/{table}/", self.prefix()));
        let description = format!("{}_s3orm/schema/{table}.json", self.prefix());
        let all = folders.into_iter().chain([migrations.clone(), description]);
        let objects = stream::iter(all).flat_map(|prefix| self.objects(prefix));
        // `<from>-<to>.json`; the name of another table may go on with a dash.
        let is_of_other = |key: &str| {
            let rest = key.strip_prefix(&*migrations);
            rest.is_some_and(|versions| versions.matches('-').count() != 1)
        };
        let keys = objects.map_ok(|object| object.key);
        let keys = keys.try_filter(|key| future::ready(!is_of_other(key)));
        let deleted = bulk::delete_all(self, keys).await;
        self.leases().forget(table);
        deleted.map(drop)
    }

    /// Deletes this database's bucket, which must be empty. Its name must be repeated, by
    /// [`confirm`](Guarded::confirm).
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) if it was not confirmed,
    /// [`Conflict`](crate::ErrorKind::Conflict) if it is not empty, and those of the connection.
    ///
    /// # Cost
    /// 1 request.
    pub fn delete_bucket(&self) -> Guarded<'_, ()> {
        let name = self.store().bucket();
        Guarded::new("delete_bucket", name, async move {
            let deleted = self.store().delete_bucket().await;
            deleted.map_err(|error| store_error(error, Some(name.to_owned())))
        })
    }
}
