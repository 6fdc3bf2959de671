//! `random`

use crate::connect::Context;
use crate::exit::{Code, Failure};
use crate::rows::Rows;
use crate::select::Select;
use crate::table::Use;

/// A random row, each as likely as any other
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  s3orm random people
  s3orm random people Oslo

Exit code 3 if there is none. Cost: 1 LIST for each 1,000 rows, and 1 GET.")]
pub(crate) struct Args {
    #[command(flatten)]
    select: Select,
}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let db = context.db().await?;
        let opened = self.select.table.open(&db, Use::Read).await?;
        let Some(row) = self.select.query(context.output, &opened)?.random().await? else {
            return Err(Failure::new(Code::NotFound, "there is no such row"));
        };
        let mut rows = Rows::new(context.output, &opened, &[]);
        rows.add(&row)?;
        rows.end()
    }
}
