//! `copy`

use s3orm::dynamic::{DynamicTable, Values};

use crate::connect::Context;
use crate::exit::{Code, Failure};
use crate::row::Form;
use crate::table::{TableArgs, Use};
use crate::values::{key_values, whole_key};

/// Copy a row to another key, or into another table
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  s3orm copy people Oslo 7 --to city=Rome
  s3orm copy people Oslo 7 --into people-2024

The bytes do not leave S3: the columns in the row's JSON stay as they are. What is there is written over.
A row with blobs stays in its table: another one's sweep would not see them. Cost: 1 HEAD and 1 COPY; with --into 1 GET.")]
pub(crate) struct Args {
    #[command(flatten)]
    table: TableArgs,

    /// The key columns of the row
    #[arg(value_name = "COLUMN=VALUE")]
    values: Vec<String>,

    /// Key columns of the copy that are others: `city=Rome`; may be given several times
    #[arg(long, value_name = "COLUMN=VALUE", required_unless_present = "into")]
    to: Vec<String>,

    /// The table of the copy, with the same path
    #[arg(long, value_name = "TABLE")]
    into: Option<String>,
}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let db = context.db().await?;
        let opened = self.table.open(&db, Use::Write).await?;
        let table = &opened.table;
        let from = whole_key(table, &self.values)?;
        let others = key_values(table, &self.to)?;
        let to = from.iter().map(|(name, value)| {
            (
                name.to_owned(),
                others.get(name).unwrap_or(value).to_owned(),
            )
        });
        let to: Values = to.collect();
        let target = match &self.into {
            None => table.clone(),
            Some(name) => opened.beside(&db, name).await?,
        };
        let key = target.key(&to)?;
        if self.into.is_some() && opened.shape.form == Form::Json {
            check_blobs(table, &from).await?;
        }
        table.copy(from, to).into_table(&target).await?;
        Ok(context.output.done(
            &format!("copied to `{key}`"),
            &[("key", key.as_str().into())],
        )?)
    }
}

/// A blob belongs to the table that it was made for, whose sweep looks for it nowhere else.
async fn check_blobs(table: &DynamicTable, from: &Values) -> Result<(), Failure> {
    const FOLDER: &[u8] = b"_s3orm/blob/";
    let row = table.select(from).await?;
    let Some(row) = row.filter(|row| row.windows(FOLDER.len()).any(|part| part == FOLDER)) else {
        return Ok(());
    };
    let failure = Failure::new(
        Code::Refused,
        format!("`{}` names blobs of its table", row.key()),
    );
    Err(failure.help("copy row and blobs by a program: `table.copy_blob(&blob)`"))
}
