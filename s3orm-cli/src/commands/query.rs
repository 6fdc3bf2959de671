//! `query`

use std::cmp::Ordering;

use clap::ValueEnum;
use futures_util::{StreamExt as _, TryStreamExt as _};
use s3orm::Db;
use s3orm::dynamic::Listed;

use crate::connect::Context;
use crate::exit::{Code, Failure};
use crate::pages::pages;
use crate::rows::{Keys, Rows};
use crate::select::Select;
use crate::table::{Opened, Use};

/// Find rows by key columns and filters
#[derive(Debug, clap::Args)]
#[command(
    visible_alias = "select",
    after_help = "\
Examples:
  s3orm query people Oslo
  s3orm query people city=Oslo --filter 'id >= 100 and age < 18' --columns id,name --limit 20
  s3orm query people --filter 'name starts with An' --scan
  s3orm query people --keys --sort modified --reverse --limit 10      # the newest
  s3orm query people --prefix 2024-01-0                               # raw keys

Values of the first key columns are a prefix of the keys: whole values, so that 1 is not 10.
Cost: 1 LIST for each 1,000 rows of it, and 1 GET a row; `s3orm explain` says it beforehand."
)]
pub(crate) struct Args {
    #[command(flatten)]
    select: Select,

    /// Only these columns, in this order
    #[arg(
        long,
        short = 'c',
        value_name = "COLUMN,…",
        value_delimiter = ',',
        conflicts_with = "keys"
    )]
    columns: Vec<String>,

    /// Only keys, sizes and times, from the listing alone: no row is read but to be filtered
    #[arg(long)]
    keys: bool,

    /// The order. All but that of the keys holds as many rows in memory as --limit says, 200,000 at most without it
    #[arg(long, value_enum, default_value_t = Sort::Key, hide_default_value = true)]
    sort: Sort,

    /// The reverse order
    #[arg(long, short = 'r')]
    reverse: bool,

    /// Go on after this key, as the last line of a page says
    #[arg(long, value_name = "KEY", conflicts_with_all = ["sort", "reverse"])]
    after: Option<String>,

    /// Raw keys that begin so in the table's folder, rows or not
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["values", "filter", "scan", "keys", "columns", "sort", "reverse", "after"])]
    prefix: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Sort {
    /// As S3 lists them
    Key,
    /// By bytes
    Size,
    /// By the time of the last write
    Modified,
}

/// Rows that are held to be sorted, where no `--limit` says how many.
const SORTED: usize = 200_000;

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let db = context.db().await?;
        let opened = self.select.table.open(&db, Use::Read).await?;
        if let Some(prefix) = &self.prefix {
            return self.raw(context, &db, prefix).await;
        }
        if self.sort != Sort::Key || self.reverse {
            return self.sorted(context, &opened).await;
        }
        let mut query = self.select.query(context.output, &opened)?;
        if let Some(after) = &self.after {
            query = query.after(after);
        }
        let (count, last) = if self.keys {
            let mut printed = Keys::new(context.output, &opened);
            let mut rows = query.listing();
            while let Some(row) = rows.try_next().await? {
                printed.add(row)?;
            }
            printed.end()?;
            (printed.count, printed.last)
        } else {
            let mut printed = Rows::new(context.output, &opened, &self.columns);
            let mut rows = query.stream();
            while let Some(row) = rows.try_next().await? {
                printed.add(&row)?;
            }
            printed.end()?;
            (printed.count, printed.last)
        };
        if count > 0 && self.select.limit == Some(count) {
            let note = format!("{count} rows; the next: --after '{last}'");
            context.output.note(&note);
        }
        Ok(())
    }

    /// Keys as they are, rows or not.
    async fn raw(&self, context: &Context<'_>, db: &Db, prefix: &str) -> Result<(), Failure> {
        let folder = format!("{}/", self.select.table.table);
        let named = db.prefix().len() + folder.len();
        let mut left = self.select.limit.unwrap_or(usize::MAX);
        let under = format!("{folder}{prefix}");
        let mut pages = std::pin::pin!(pages(db, &under));
        while left > 0 {
            let Some(page) = pages.try_next().await? else {
                break;
            };
            let keys = page.iter().take(left);
            let keys: Vec<_> = keys
                .map(|object| vec![object.key[named..].into()])
                .collect();
            left -= keys.len();
            if !keys.is_empty() {
                context.output.list(&["key"], &keys)?;
            }
        }
        Ok(())
    }

    /// In another order.
    async fn sorted(&self, context: &Context<'_>, opened: &Opened) -> Result<(), Failure> {
        let unlimited = self.select.unlimited();
        let mut first = First::new(self.sort, self.reverse, self.select.limit, SORTED);
        let mut listed = unlimited.query(context.output, opened)?.listing();
        while let Some(row) = listed.try_next().await? {
            first.add(row)?;
        }
        let rows = first.end();
        if self.keys {
            let mut printed = Keys::new(context.output, opened);
            for row in rows {
                printed.add(row)?;
            }
            return printed.end();
        }
        let mut printed = Rows::new(context.output, opened, &self.columns);
        let keys = futures_util::stream::iter(rows);
        let table = &opened.table;
        let mut read = keys
            .map(|row| table.select(row.values))
            .buffered(self.select.concurrency.max(1));
        while let Some(row) = read.next().await {
            if let Some(row) = row? {
                printed.add(&row)?;
            }
        }
        printed.end()
    }
}

/// The first rows in some order, of more that go by.
struct First {
    by: Sort,
    reverse: bool,
    limit: Option<usize>,
    /// How many are held where there is no limit.
    most: usize,
    rows: Vec<Listed>,
}

impl First {
    fn new(by: Sort, reverse: bool, limit: Option<usize>, most: usize) -> Self {
        Self {
            by,
            reverse,
            limit,
            most,
            rows: Vec::new(),
        }
    }

    fn add(&mut self, row: Listed) -> Result<(), Failure> {
        self.rows.push(row);
        match self.limit {
            // Sorted now and then, and not at each row.
            Some(limit) if self.rows.len() >= limit.saturating_mul(2).max(1000) => self.cut(limit),
            None if self.rows.len() > self.most => {
                let failure = format!("there are more than {} rows to be sorted", self.most);
                return Err(Failure::new(Code::Refused, failure)
                    .help("add `--limit`, or values of the first key columns"));
            }
            _ => {}
        }
        Ok(())
    }

    fn cut(&mut self, limit: usize) {
        let (by, reverse) = (self.by, self.reverse);
        self.rows.sort_by(|a, b| {
            let order = by.compare(a, b);
            if reverse { order.reverse() } else { order }
        });
        self.rows.truncate(limit);
    }

    fn end(mut self) -> Vec<Listed> {
        self.cut(self.limit.unwrap_or(usize::MAX));
        self.rows
    }
}

impl Sort {
    fn compare(self, a: &Listed, b: &Listed) -> Ordering {
        let by_key = || a.key.cmp(&b.key);
        match self {
            Self::Key => by_key(),
            Self::Size => a.size.cmp(&b.size).then_with(by_key),
            Self::Modified => a.last_modified.cmp(&b.last_modified).then_with(by_key),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use s3orm::store::ETag;

    use super::*;

    fn listed(at: u64) -> Listed {
        Listed {
            values: [("id", at.to_string())].into(),
            key: format!("people/{at:06}.json"),
            size: at * 7919 % 5000,
            last_modified: SystemTime::UNIX_EPOCH + Duration::from_secs(at * 31 % 77),
            etag: ETag::new("a"),
        }
    }

    #[test]
    fn the_first_are_those_that_a_sort_of_all_would_give() {
        for by in [Sort::Key, Sort::Size, Sort::Modified] {
            for (reverse, limit) in [
                (false, 3),
                (true, 3),
                (true, 0),
                (false, 4999),
                (true, 9999),
            ] {
                let mut first = First::new(by, reverse, Some(limit), 1);
                let mut all: Vec<Listed> = (0..5000).map(listed).collect();
                for row in all.clone() {
                    first.add(row).unwrap();
                    assert!(first.rows.len() < limit.saturating_mul(2).max(1000));
                }
                all.sort_by(|a, b| by.compare(a, b));
                if reverse {
                    all.reverse();
                }
                all.truncate(limit);
                assert_eq!(first.end(), all, "{by:?} {reverse} {limit}");
            }
        }
    }

    #[test]
    fn without_a_limit_what_is_held_has_one() {
        let mut first = First::new(Sort::Size, false, None, 10);
        for at in 0..10 {
            first.add(listed(at)).unwrap();
        }
        let failure = first.add(listed(10)).unwrap_err();
        assert_eq!(failure.code(), Code::Refused);
    }
}
