//! `count`

use crate::connect::Context;
use crate::exit::Failure;
use crate::select::Select;
use crate::table::Use;

/// Count rows
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  s3orm count people
  s3orm count people Oslo
  s3orm count people Oslo --filter 'age >= 18'

Cost: 1 LIST for each 1,000 rows; a filter of other columns than those of the key reads each row.")]
pub(crate) struct Args {
    #[command(flatten)]
    select: Select,
}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let db = context.db().await?;
        let opened = self.select.table.open(&db, Use::Read).await?;
        let rows = self.select.query(context.output, &opened)?.count().await?;
        context
            .output
            .done(&rows.to_string(), &[("count", rows.into())])?;
        Ok(())
    }
}
