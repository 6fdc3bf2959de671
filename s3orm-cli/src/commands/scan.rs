//! `scan`

use futures_util::StreamExt as _;

use crate::connect::Context;
use crate::exit::Failure;
use crate::rows::Rows;
use crate::select::Select;
use crate::table::Use;

/// Read every row, from several places of the table at once
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  s3orm scan people --segments 16 --filter 'age >= 18'
  s3orm scan people --segments 16 --count

Keys are listed at so many places at the same time; the places are found on the way. The rows have no order.
Cost: 1 LIST for each 1,000 rows and a few for each place, and 1 GET a row.")]
pub(crate) struct Args {
    #[command(flatten)]
    select: Select,

    /// Places that are listed at the same time, 64 at most
    #[arg(long, value_name = "NUMBER", default_value_t = 8)]
    segments: usize,

    /// Only how many there are
    #[arg(long)]
    count: bool,
}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let db = context.db().await?;
        let opened = self.select.table.open(&db, Use::Read).await?;
        let query = self
            .select
            .query(context.output, &opened)?
            .scan()
            .segments(self.segments);
        if self.count {
            let rows = query.count().await?;
            return Ok(context
                .output
                .done(&rows.to_string(), &[("count", rows.into())])?);
        }
        let mut printed = Rows::new(context.output, &opened, &[]);
        let mut rows = query.stream();
        while let Some(row) = rows.next().await {
            printed.add(&row?)?;
        }
        printed.end()
    }
}
