//! `repair`

use crate::connect::Context;
use crate::exit::{Code, Failure};
use crate::schema;

/// Says what mends a table's indexes: a program
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  s3orm repair people

Entries and claims of an index are made of the row's columns by its struct, so a program mends them:
`table.repair().await`, which is safe while others write. Rows that `s3orm verify` finds wrong are mended by writing
or deleting them. Cost: 1 GET.")]
pub(crate) struct Args {
    /// The table
    table: String,
}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let db = context.db().await?;
        let stored = db.schema(&self.table).await?;
        let table = &self.table;
        if !stored.as_ref().is_some_and(schema::is_stamped) {
            context.output.note(&format!(
                "`{table}` has no index that is described; `s3orm verify {table}` reads its rows"
            ));
            return Ok(context.output.done(
                "there is nothing to mend",
                &[("table", table.as_str().into()), ("indexes", 0.into())],
            )?);
        }
        Err(Failure::new(
            Code::Refused,
            format!("the indexes of `{table}` are mended by a program that has its struct"),
        )
        .help("run `table.repair()` in it; it is safe while others write")
        .help(format!("`s3orm generate {table}` prints the struct")))
    }
}
