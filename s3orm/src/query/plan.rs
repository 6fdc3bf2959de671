//! What a query will do, before it does it.

use std::fmt;
use std::future::poll_fn;

use super::bill::{Budget, Prices};
use super::list::PAGE;
use super::{Order, Query};
use crate::error::Result;
use crate::schema::S3Schema;
use crate::table::operation;

/// Keys that [`Query::explain`] counts at most: one more is found by ten LIST requests.
const COUNTED: usize = 10 * PAGE - 1;

/// What a query will do: of [`Query::plan`] and [`Query::explain`].
///
/// `Display` is a few lines for a person; the fields are for programs.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Plan {
    /// The table.
    pub table: &'static str,
    /// The index whose entries are listed, where one is: each names a row to read.
    pub index: Option<&'static str>,
    /// What every listed key begins with.
    pub prefix: String,
    /// The listing begins after this key.
    pub start_after: Option<String>,
    /// The listing ends at the first key greater than this.
    pub stop: Option<String>,
    /// Whether every row of the table is in reach.
    pub whole_table: bool,
    /// The filter, and whether the keys decide it, so that rows that do not meet it are not read.
    pub filter: Option<(String, bool)>,
    /// The columns that are [chosen](Query::select), and whether the keys have all of them: then no
    /// row is read but to be filtered. `None` if whole rows are asked for.
    pub columns: Option<(Vec<&'static str>, bool)>,
    /// The limit.
    pub limit: Option<usize>,
    /// The order: a descending one lists every key before the first row.
    pub order: Order,
    /// How many rows there are to read, or to find if none is read.
    pub rows: Rows,
    /// The prices of [`cost`](Self::cost).
    pub prices: Prices,
}

/// How many rows a query reads or finds, by their keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Not counted, and no limit tells.
    Unknown,
    /// At most so many.
    AtMost(u64),
    /// So many when they were counted.
    Counted(u64),
    /// More than were counted.
    MoreThan(u64),
}

impl Plan {
    /// LIST requests for these rows, where they are known: the least it can be.
    pub fn lists(&self) -> Option<u64> {
        self.known().map(|rows| rows.div_ceil(PAGE as u64).max(1))
    }

    /// GET requests for these rows, where they are known.
    pub fn gets(&self) -> Option<u64> {
        if self.reads_rows() {
            self.known()
        } else {
            Some(0)
        }
    }

    /// Whether rows are read at all.
    pub fn reads_rows(&self) -> bool {
        self.index.is_some()
            || self.is_filtered_by_rows()
            || !matches!(self.columns, Some((_, true)))
    }

    /// The price of both in dollars.
    pub fn cost(&self) -> Option<f64> {
        Some(self.prices.cost(self.lists()?, self.gets()?))
    }

    fn known(&self) -> Option<u64> {
        match self.rows {
            Rows::Unknown => None,
            Rows::AtMost(rows) | Rows::Counted(rows) | Rows::MoreThan(rows) => Some(rows),
        }
    }

    fn is_filtered_by_rows(&self) -> bool {
        self.filter.as_ref().is_some_and(|(_, by_key)| !by_key)
    }
}

/// The end of a range: `…` for whatever goes on after its text.
fn shown(end: &str) -> String {
    end.replace(char::MAX, "…")
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reach = if self.whole_table {
            ", the whole table"
        } else {
            ""
        };
        if let Some(index) = self.index {
            writeln!(f, "by index `{index}`")?;
        }
        write!(f, "list `{}`{reach}", self.prefix)?;
        if let Some(start) = &self.start_after {
            write!(f, ", after `{}`", shown(start).escape_debug())?;
        }
        if let Some(stop) = &self.stop {
            write!(f, ", up to `{}`", shown(stop).escape_debug())?;
        }
        if self.order == Order::Descending {
            f.write_str("\n  every key of it before the first row: the order is descending")?;
        }
        if let Some((filter, true)) = &self.filter {
            write!(f, "\nfilter keys: {filter}")?;
        }
        f.write_str(match &self.filter {
            Some((_, false)) => "\nread rows",
            _ if self.reads_rows() => "\nread the rows",
            _ => "\nread no rows",
        })?;
        if let Some((filter, false)) = &self.filter {
            write!(f, "\nfilter rows: {filter}")?;
        }
        if let Some((columns, _)) = &self.columns {
            let of = if self.reads_rows() {
                ""
            } else {
                " of the keys"
            };
            write!(f, "\nkeep `{}`{of}", columns.join("`, `"))?;
        }
        if let Some(limit) = self.limit {
            write!(f, "\nup to {limit} of them")?;
        }
        let (Some(lists), Some(gets), Some(cost)) = (self.lists(), self.gets(), self.cost()) else {
            let gets = if self.reads_rows() {
                ", 1 GET a row"
            } else {
                ""
            };
            return write!(f, "\nrequests: 1 LIST a thousand keys{gets}; not counted");
        };
        let bound = match self.rows {
            Rows::MoreThan(_) => "more than ",
            Rows::AtMost(_) => "about ",
            _ => "",
        };
        let since = self.prices.since;
        write!(
            f,
            "\nrequests: {bound}{lists} LIST and {gets} GET, ${cost:.6} at the prices of {since}"
        )
    }
}

/// Plans.
impl<T: S3Schema, At> Query<'_, T, At> {
    /// What the query will do. No request, so rows are not counted: their number is known only
    /// where a limit bounds it.
    ///
    /// # Errors
    /// [`InvalidKey`](crate::ErrorKind::InvalidKey).
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema};
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<city>/<id>")]
    /// # struct Person { city: String, id: u64 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let people = Db::connect("memory:").await?.table::<Person>();
    /// let plan = people.query().at(Person::KEY.city, "Oslo").limit(50).plan()?;
    /// assert_eq!(plan.prefix, "people/Oslo/");
    /// assert_eq!((plan.lists(), plan.gets()), (Some(1), Some(50)));
    /// # Ok(()) }
    /// ```
    pub fn plan(&self) -> Result<Plan> {
        let this = self.through_index();
        let range = this
            .range()
            .map_err(|error| error.during("plan", T::SCHEMA.table))?;
        let rows = match self.spec.limit {
            Some(limit) if !self.filters_rows() => Rows::AtMost(limit as u64),
            _ => Rows::Unknown,
        };
        Ok(Plan {
            table: T::SCHEMA.table,
            index: this.index().map(|index| index.name),
            whole_table: range.is_whole_table(),
            prefix: range.prefix,
            start_after: range.start_after,
            stop: range.stop,
            filter: self
                .filter
                .as_ref()
                .map(|filter| (filter.to_string(), filter.is_key_only())),
            columns: None,
            limit: self.spec.limit,
            order: self.spec.order,
            rows,
            prices: self.spec.budget.prices,
        })
    }

    /// What the query will do, with the rows counted that it would read now: by their keys, up to
    /// 9,999.
    ///
    /// A filter that reads rows may end before all are read, where a limit is reached.
    ///
    /// # Errors
    /// As [`plan`](Self::plan), and those of the connection. Budgets are not looked at.
    ///
    /// # Cost
    /// 1 LIST a thousand keys, at most 10. No row is read.
    pub async fn explain(&self) -> Result<Plan> {
        operation::<T, _>("explain", async move {
            let mut plan = self.plan()?;
            let limit = self.spec.limit.filter(|_| !plan.is_filtered_by_rows());
            let wanted = limit.unwrap_or(usize::MAX).min(COUNTED + 1);
            let counted = self.count_keys(wanted).await?;
            plan.rows = if counted > COUNTED as u64 {
                Rows::MoreThan(COUNTED as u64)
            } else {
                Rows::Counted(counted)
            };
            Ok(plan)
        })
        .await
    }

    /// How many keys may be rows of the answer, up to a number.
    async fn count_keys(&self, wanted: usize) -> Result<u64> {
        let mut query = self.through_index();
        query.spec.order = Order::Ascending;
        query.spec.budget = Budget::default();
        let mut keys = query.candidates(query.range()?, Some(wanted));
        let mut counted = 0;
        while let Some(key) = poll_fn(|cx| keys.poll_next(cx)).await {
            key?;
            counted += 1;
        }
        Ok(counted)
    }
}
