//! `delete`

use crate::confirm;
use crate::connect::Context;
use crate::exit::Failure;
use crate::select::Select;
use crate::table::Use;
use crate::values::whole_key;

/// Delete a row, or with --all the rows that are found
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  s3orm delete people Oslo 7
  s3orm delete people city=Oslo --all               # asks, and says how many
  s3orm delete people --filter 'age > 120' --scan --all --force

Deleting a row that is not there succeeds. Blobs that it named are collected by its program's `sweep_blobs`.
Cost: 1 DELETE; with --all that of the query, and 1 POST for each 1,000 rows.")]
pub(crate) struct Args {
    #[command(flatten)]
    select: Select,

    /// Delete every row that has these values and meets the filter
    #[arg(long)]
    all: bool,

    /// Do not ask
    #[arg(long, requires = "all")]
    force: bool,

    /// The object's key in the table's folder, in place of columns
    #[arg(long, value_name = "KEY", conflicts_with_all = ["values", "all"])]
    key: Option<String>,
}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let (db, output) = (context.db().await?, context.output);
        let opened = self.select.table.open(&db, Use::Write).await?;
        let table = &opened.table;
        if let Some(key) = &self.key {
            table.delete_by_key(key).await?;
            return Ok(output.done(&format!("deleted `{key}`"), &[("key", key.as_str().into())])?);
        }
        if !self.all {
            if self.select.is_filtered() {
                let failure = Failure::usage("a filter may find several rows");
                return Err(failure.help("add `--all` to delete every row that it finds"));
            }
            let values = whole_key(table, &self.select.values);
            let values = values.map_err(|failure| {
                failure.help("or add `--all` to delete every row that has these values")
            })?;
            let key = table.key(&values)?;
            table.delete(values).await?;
            return Ok(output.done(&format!("deleted `{key}`"), &[("key", key.as_str().into())])?);
        }
        let query = self.select.query(context.output, &opened)?;
        if !self.force {
            let rows = query.clone().count().await?;
            if rows == 0 {
                output.note("there is no such row");
                return Ok(output.done("deleted 0 rows", &[("deleted", 0.into())])?);
            }
            confirm::name(
                output,
                &format!("Delete {rows} rows of `{}` of {db}", table.name()),
                table.name(),
            )
            .await?;
        }
        let deleted = query.delete().confirm(table.name()).await?;
        Ok(output.done(
            &format!("deleted {deleted} rows"),
            &[("deleted", deleted.into())],
        )?)
    }
}
