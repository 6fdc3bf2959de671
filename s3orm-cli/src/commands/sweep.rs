//! `sweep`

use std::time::Duration;

use crate::connect::Context;
use crate::exit::Failure;
use crate::values::duration;

/// Remove what transactions and interrupted uploads have left behind
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  s3orm sweep
  s3orm sweep --uploads --older-than 6h

It may run at any time, several times at once, and be cut off. Without it nothing is wrong, but records of
transactions add up, and S3 bills the parts of uploads that were interrupted. What deleted rows leave in tables with
transactions or indexes, and blobs that no row names, take a program with the table's type: `table.vacuum()`,
`db.sweep_blobs()`.
Cost: 1 LIST for each 1,000 records and uploads, 1 GET for each record, and 1 for each of its rows.")]
pub(crate) struct Args {
    /// Only uploads
    #[arg(long, conflicts_with = "transactions")]
    uploads: bool,

    /// Only transactions
    #[arg(long)]
    transactions: bool,

    /// Uploads that were begun longer ago; longer than any upload takes
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "1d")]
    older_than: Duration,

    /// Uploads to keys that begin so
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    under: String,
}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let (db, output) = (context.db().await?, context.output);
        if !self.uploads {
            let swept = db.sweep().await?;
            let text = format!(
                "transactions: {} aborted, {} rows finished, {} records removed, {} left",
                swept.aborted, swept.finished, swept.collected, swept.left
            );
            output.done(
                &text,
                &[
                    ("transactions_aborted", swept.aborted.into()),
                    ("rows_finished", swept.finished.into()),
                    ("records_removed", swept.collected.into()),
                    ("records_left", swept.left.into()),
                ],
            )?;
            for (key, why) in &swept.failed {
                output.tell(&format!("`{key}` is left: {why}"));
            }
        }
        if !self.transactions {
            let swept = db
                .sweep_uploads()
                .under(&self.under)
                .older_than(self.older_than)
                .await?;
            let text = format!("uploads: {} ended, {} under way", swept.ended, swept.kept);
            output.done(
                &text,
                &[
                    ("uploads_ended", swept.ended.into()),
                    ("uploads_kept", swept.kept.into()),
                ],
            )?;
        }
        Ok(())
    }
}
