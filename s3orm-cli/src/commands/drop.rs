//! `drop`

use futures_util::TryStreamExt as _;

use crate::confirm;
use crate::connect::Context;
use crate::exit::{Code, Failure};
use crate::output::shown;
use crate::pages::pages;
use crate::values::nearest;

/// Delete a table: every object in its folder
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  s3orm drop people
  s3orm drop people --force        # in a script

It says how many objects there are, and asks for the table's name. What the library keeps of it under `_s3orm/` goes
as well: its description, entries of indexes, blobs. Nobody may be writing it meanwhile.
Cost: 1 LIST to count and 1 to delete, and 1 POST, for each 1,000 objects; 6 LIST for what is kept of it.")]
pub(crate) struct Args {
    /// The table
    table: String,

    /// Do not ask
    #[arg(long)]
    force: bool,
}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let (db, output) = (context.db().await?, context.output);
        let table = &self.table;
        let rows = count(&db, &format!("{table}/")).await?;
        let stored = db.schema(table).await?;
        if rows == 0 && stored.is_none() {
            let failure = Failure::new(Code::NotFound, format!("there is no table `{table}`"));
            let tables = db.tables().await?;
            return Err(match nearest(table, tables.iter().map(String::as_str)) {
                Some(near) => failure.help(format!("did you mean `{near}`?")),
                None => failure,
            });
        }
        if !self.force {
            let objects = if rows == 1 {
                "its object".to_owned()
            } else {
                format!("its {rows} objects")
            };
            let question = format!("Drop the table `{}` of {db} with {objects}", shown(table));
            confirm::name(output, &question, table).await?;
        }
        let deleted = db.drop_table(table).confirm(table).await?;
        output.done(
            &format!("dropped `{table}`: {deleted} objects"),
            &[
                ("table", table.as_str().into()),
                ("deleted", deleted.into()),
            ],
        )?;
        Ok(())
    }
}

async fn count(db: &s3orm::Db, folder: &str) -> Result<u64, Failure> {
    let pages = pages(db, folder);
    pages
        .try_fold(
            0,
            |count, page| async move { Ok(count + page.len() as u64) },
        )
        .await
}
