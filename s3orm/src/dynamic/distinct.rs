//! Distinct values and random rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::found::no_prefix;
use super::{DynamicTable, Query, Values};
use crate::env::Env;
use crate::error::Result;
use crate::row::Row;
use crate::store::ListObjects;

impl DynamicTable {
    /// The distinct values of some columns, in order. See [`Query::distinct`].
    ///
    /// # Errors
    /// As [`Query::distinct`].
    ///
    /// # Cost
    /// As [`Query::distinct`].
    pub async fn distinct<C: Into<String>>(
        &self,
        columns: impl IntoIterator<Item = C>,
    ) -> Result<Vec<Values>> {
        self.all().distinct(columns).await
    }

    /// The columns of a random row, each as likely as any other; `None` if there is none.
    ///
    /// # Errors
    /// Those of the connection.
    ///
    /// # Cost
    /// 1 LIST for each 1,000 rows, and constant memory.
    pub async fn random_key(&self) -> Result<Option<Values>> {
        let row = self.all().chosen().await;
        Ok(self.during("random_key", row)?.map(|(values, _)| values))
    }

    /// A random row, each as likely as any other; `None` if there is none.
    ///
    /// # Errors
    /// As [`random_key`](Self::random_key) and [`select`](Self::select).
    ///
    /// # Cost
    /// As [`random_key`](Self::random_key), and 1 GET; again if the row was deleted meanwhile.
    pub async fn random(&self) -> Result<Option<Row<Bytes>>> {
        self.all().random().await
    }
}

impl Query {
    /// The distinct values of some columns among the rows, in order.
    ///
    /// Where these columns follow those of the query's values, folders are listed and not rows; a
    /// folder that holds nothing but objects of other kinds counts all the same. Other columns
    /// need a [`scan`](Query::scan).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let db = s3orm::Db::connect("memory:").await?;
    /// let people = db.dynamic("people").columns(["date", "id"])?;
    /// for (date, id) in [("2024-01-01", "7"), ("2024-01-02", "7"), ("2024-01-02", "8")] {
    ///     people.put([("date", date), ("id", id)], "…").await?;
    /// }
    /// assert_eq!(people.distinct(["date"]).await?.len(), 2);
    /// let ids = people.all().scan().distinct(["id"]).await?;
    /// assert_eq!(ids.iter().filter_map(|row| row.get("id")).collect::<Vec<_>>(), ["7", "8"]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`list`](Query::list).
    ///
    /// # Cost
    /// 1 LIST for each folder above the last of the columns, and for each 1,000 folders in it; with
    /// the last column of the key, or in a scan, 1 for each 1,000 rows. Memory grows with the
    /// distinct values.
    pub async fn distinct<C: Into<String>>(
        self,
        columns: impl IntoIterator<Item = C>,
    ) -> Result<Vec<Values>> {
        let table = self.table.clone();
        let columns: Vec<String> = columns.into_iter().map(Into::into).collect();
        table.during("distinct", self.distinct_of(&columns).await)
    }

    async fn distinct_of(self, columns: &[String]) -> Result<Vec<Values>> {
        let layout = &*Arc::clone(&self.table.layout);
        let mut depth = 0;
        for column in columns {
            depth = depth.max(layout.known(column)? + 1);
        }
        let (range, fixed) = self.range()?;
        let name = |place: usize| &layout.columns[place].name;
        let gap = (fixed..depth).find(|&place| !columns.contains(name(place)));
        if let Some(gap) = gap
            && !self.scan
        {
            return Err(no_prefix(name(depth - 1), name(gap)));
        }
        let by_folder =
            gap.is_none() && fixed < depth && fixed == self.values.len() && self.is_everything();
        let levels = layout.levels(fixed, depth).filter(|_| by_folder);
        let distinct: BTreeSet<Values> = if let Some(levels) = levels {
            let folders = self.folders(range.prefix, levels).await?;
            let values = folders
                .iter()
                .filter_map(|path| layout.of_folder(path, depth));
            values.map(|values| values.only(columns)).collect()
        } else {
            let rows = self.found(false)?;
            let values = rows.map_ok(|found| found.values.only(columns));
            values.try_collect().await?
        };
        let mut distinct: Vec<Values> = distinct.into_iter().collect();
        distinct.sort_by_cached_key(|values| layout.order(values));
        Ok(distinct)
    }

    /// The paths of the folders so many levels below a prefix.
    async fn folders(&self, prefix: String, levels: usize) -> Result<Vec<String>> {
        let (db, top) = (&self.table.db, &self.table.folder);
        let mut folders = vec![prefix];
        for _ in 0..levels {
            let listings = folders.into_iter().map(|prefix| {
                let request = ListObjects {
                    prefix,
                    delimiter: Some('/'),
                    ..ListObjects::default()
                };
                db.pages(request).map_ok(|page| page.prefixes).try_concat()
            });
            let level = stream::iter(listings).buffered(self.concurrency);
            folders = level.try_concat().await?;
        }
        let paths = folders.iter().map(|folder| &folder[top.len()..]);
        Ok(paths.map(str::to_owned).collect())
    }

    /// A random one of the rows, each as likely as any other; `None` if there is none.
    ///
    /// # Errors
    /// As [`list`](Query::list).
    ///
    /// # Cost
    /// As [`count`](Query::count), and 1 GET; again if the row was deleted meanwhile.
    pub async fn random(self) -> Result<Option<Row<Bytes>>> {
        let table = self.table.clone();
        let mut attempts = table.db.attempts();
        loop {
            let chosen = table.during("random", self.clone().chosen().await)?;
            let Some((_, key)) = chosen else {
                return Ok(None);
            };
            let row = table.during("random", table.fetch(Ok(key)).await)?;
            if row.is_some() || !attempts.next().await {
                return Ok(row);
            }
        }
    }

    /// One of the rows, each as likely as any other: its columns and its key.
    async fn chosen(self) -> Result<Option<(Values, String)>> {
        let env = self.table.db.env().clone();
        let mut rows = self.found(false)?;
        let (mut seen, mut chosen) = (0, None);
        while let Some(found) = rows.try_next().await? {
            seen += 1;
            if below(&env, seen) == 0 {
                chosen = Some((found.values, found.key));
            }
        }
        Ok(chosen)
    }
}

/// A random number below `limit`, each as likely as any other but for one part in 2^64.
fn below(env: &Env, limit: u64) -> u64 {
    let random = u64::from_le_bytes(env.random_bytes());
    let scaled = (u128::from(random) * u128::from(limit)) >> 64;
    u64::try_from(scaled).unwrap_or_default()
}
