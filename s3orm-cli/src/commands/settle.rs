//! `settle`

use crate::connect::Context;
use crate::exit::Failure;

/// Make plain rows of those that are under a decided transaction
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  s3orm settle

Before others read the objects without this library, copy or replicate them.
Cost: 1 LIST for each 1,000 records of transactions, 1 GET for each, and 1 for each of its rows.")]
pub(crate) struct Args {}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let settled = context.db().await?.settle().await?;
        let text = format!(
            "{} rows finished, {} transactions aborted that stood still",
            settled.finished, settled.aborted
        );
        context.output.done(
            &text,
            &[
                ("rows_finished", settled.finished.into()),
                ("transactions_aborted", settled.aborted.into()),
                ("records_left", settled.left.into()),
            ],
        )?;
        Ok(())
    }
}
