//! Which rows a command is about: a table, key columns and filters.

use s3orm::dynamic::{Filter, Query};

use crate::exit::Failure;
use crate::output::Output;
use crate::table::{Opened, TableArgs};
use crate::values::{key_values, nearest};

/// Rows of a table by key columns and filters.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Select {
    #[command(flatten)]
    pub(crate) table: TableArgs,

    /// Values of the first key columns: `city=Oslo`, or bare values in the path's order
    #[arg(value_name = "COLUMN=VALUE")]
    pub(crate) values: Vec<String>,

    /// Only rows that meet this: `age >= 18 and city = 'New York'`; may be given several times
    #[arg(long, short = 'w', value_name = "FILTER", visible_alias = "where", value_parser = filter, long_help = "\
Only rows that meet this; may be given several times. Columns are compared by =, <> (or !=), <, <=, >, >=, `between 1 and 5`, \
`in (a, b)`, `starts with`, `contains`, `is null`, `is not null`, and joined by `and`, `or`, `not` and parentheses. \
Texts with spaces are quoted: 'New York'. `address.city` is a member of an object. What the key columns decide costs no read")]
    filter: Vec<Filter>,

    /// Look at every key of the table, where no value of the first key column narrows it
    #[arg(long)]
    scan: bool,

    /// At most so many rows
    #[arg(long, short = 'n', value_name = "NUMBER")]
    pub(crate) limit: Option<usize>,

    /// Rows that are read at the same time
    #[arg(long, value_name = "NUMBER", default_value_t = 16)]
    pub(crate) concurrency: usize,
}

fn filter(text: &str) -> Result<Filter, String> {
    text.parse()
        .map_err(|error: s3orm::Error| error.to_string())
}

impl Select {
    pub(crate) fn is_filtered(&self) -> bool {
        !self.filter.is_empty()
    }

    /// The same without a limit.
    pub(crate) fn unlimited(&self) -> Self {
        Self {
            limit: None,
            ..self.clone()
        }
    }

    /// The query for these rows.
    pub(crate) fn query(&self, output: &Output, opened: &Opened) -> Result<Query, Failure> {
        let mut query = opened.table.query(key_values(&opened.table, &self.values)?);
        for filter in &self.filter {
            hint(output, opened, filter);
            query = query.filter(filter.clone());
        }
        if self.scan {
            query = query.scan();
        }
        if let Some(limit) = self.limit {
            query = query.limit(limit);
        }
        Ok(query.concurrency(self.concurrency))
    }
}

/// Tells of columns in a filter that may be slips, where the table is described: rows may have others
/// than are described.
fn hint(output: &Output, opened: &Opened, filter: &Filter) {
    let columns = opened.stored.iter().flat_map(|stored| &stored.columns);
    let known: Vec<&str> = columns.map(|column| &*column.name).collect();
    if known.is_empty() {
        return;
    }
    for column in filter.columns() {
        let first = column.split('.').next().unwrap_or(column);
        let is_key = opened.table.column_type(column).is_some();
        if is_key || known.contains(&column) || known.contains(&first) {
            continue;
        }
        if let Some(near) = nearest(column, known.iter().copied()) {
            let table = opened.table.name();
            output.note(&format!(
                "`{table}` is described without a column `{column}`; did you mean `{near}`?"
            ));
        }
    }
}
