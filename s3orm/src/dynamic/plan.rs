//! What a query of a dynamic table will do, before it does it.

use futures_util::stream::StreamExt as _;

use super::path::interned;
use super::{Filter, Query};
use crate::error::Result;
use crate::query::{Order, Plan, Prices, Rows};

/// Keys that are counted at most: one more is found by ten LIST requests.
const COUNTED: u64 = 9_999;

impl Query {
    /// What reading the rows will do. No request, so they are not counted.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let db = s3orm::Db::connect("memory:").await?;
    /// let people = db.dynamic("people").path("<city>/<id:u64:ordered>")?;
    /// let old = people.query([("city", "Oslo")]).filter("id < 100 and age > 60".parse()?);
    /// let plan = old.plan()?;
    /// assert_eq!(plan.prefix, "people/Oslo/");
    /// assert!(plan.stop.is_some());                        // the keys end at 100
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`InvalidKey`](crate::ErrorKind::InvalidKey).
    pub fn plan(&self) -> Result<Plan> {
        let (range, _) = self.table.during("plan", self.range())?;
        let by_key = |filter: &Filter| {
            let columns = filter.columns();
            columns
                .iter()
                .all(|column| self.table.layout.kind(column).is_some())
        };
        let filter = self.filter.as_ref();
        let rows = match self.limit {
            Some(limit) if filter.is_none_or(by_key) => Rows::AtMost(limit as u64),
            _ => Rows::Unknown,
        };
        Ok(Plan {
            table: interned(&self.table.name),
            index: None,
            whole_table: range.is_whole_table(),
            prefix: range.prefix,
            start_after: range.start_after,
            stop: range.stop,
            filter: filter.map(|filter| (filter.to_string(), by_key(filter))),
            columns: None,
            limit: self.limit,
            order: Order::Ascending,
            rows,
            prices: Prices::default(),
        })
    }

    /// What reading the rows will do, with those counted that it would read now: by their keys, up to
    /// 9,999.
    ///
    /// # Errors
    /// As [`plan`](Self::plan), and those of the connection.
    ///
    /// # Cost
    /// 1 LIST a thousand keys, at most 10.
    pub async fn explain(&self) -> Result<Plan> {
        let mut plan = self.plan()?;
        let by_rows = matches!(plan.filter, Some((_, false)));
        let limit = plan
            .limit
            .filter(|_| !by_rows)
            .map_or(u64::MAX, |limit| limit as u64);
        let mut keys = self
            .table
            .during("explain", self.clone().candidates(None))?;
        let mut counted = 0;
        while counted < limit.min(COUNTED + 1)
            && let Some(key) = keys.next().await
        {
            self.table.during("explain", key)?;
            counted += 1;
        }
        plan.rows = if counted > COUNTED {
            Rows::MoreThan(COUNTED)
        } else {
            Rows::Counted(counted)
        };
        Ok(plan)
    }
}
