//! `distinct`

use serde_json::Value;

use crate::connect::Context;
use crate::exit::Failure;
use crate::select::Select;
use crate::table::Use;

/// The distinct values of key columns
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  s3orm distinct people --of city
  s3orm distinct people Oslo --of id
  s3orm distinct people --of id --scan

Of the first columns folders are listed, not rows. Cost: 1 LIST for each folder and each 1,000 values in it;
of the last column, and with --scan, 1 for each 1,000 rows.")]
pub(crate) struct Args {
    #[command(flatten)]
    select: Select,

    /// The key columns; the first unless said
    #[arg(long, short = 'c', value_name = "COLUMN,…", value_delimiter = ',')]
    of: Vec<String>,
}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let db = context.db().await?;
        let opened = self.select.table.open(&db, Use::Read).await?;
        let query = self.select.query(context.output, &opened)?;
        let mut columns = self.of.clone();
        if columns.is_empty() {
            // The one after those that are given.
            let given = self.select.values.len();
            columns.extend(opened.table.columns().nth(given).map(str::to_owned));
        }
        let found = query.distinct(columns.clone()).await?;
        let table = &opened.table;
        let rows: Vec<Vec<Value>> = found
            .iter()
            .map(|values| {
                values
                    .iter()
                    .map(|(name, value)| table.json_of(name, value))
                    .collect()
            })
            .collect();
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        context.output.list(&columns, &rows)?;
        Ok(())
    }
}
