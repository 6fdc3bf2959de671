//! `update`

use s3orm::ErrorKind;
use s3orm::dynamic::Body;

use crate::connect::Context;
use crate::exit::{Code, Failure};
use crate::row::{Form, Members};
use crate::table::{TableArgs, Use};
use crate::values::split;

/// How often it begins again when others are faster.
const ATTEMPTS: u32 = 20;

/// Change columns of a row, which stays as it is in others
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  s3orm update people Oslo 7 age=31 'tags:=[\"a\"]'
  s3orm update people Oslo 7 --unset nickname

The row is read, changed and written over the version that was read; again, if somebody was faster.
Exit code 3 if there is no such row. Cost: 1 GET and 1 PUT.")]
pub(crate) struct Args {
    #[command(flatten)]
    table: TableArgs,

    /// The key columns, and the new values of others
    #[arg(value_name = "COLUMN=VALUE")]
    values: Vec<String>,

    /// Columns to be left out
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',')]
    unset: Vec<String>,
}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let db = context.db().await?;
        let opened = self.table.open(&db, Use::Write).await?;
        let table = &opened.table;
        if opened.shape.form == Form::Raw {
            return Err(Failure::usage("the rows of this table have no columns")
                .help("write them whole by `s3orm put`"));
        }
        let (keys, changes) = split(table, &self.values)?;
        if changes.is_empty() && self.unset.is_empty() {
            return Err(Failure::usage("nothing is to be changed")
                .help("write `column=value`, or `--unset column`"));
        }
        if let Some(column) = self
            .unset
            .iter()
            .find(|column| table.column_type(column).is_some())
        {
            return Err(Failure::usage(format!(
                "`{column}` is a column of the key, and stays"
            )));
        }
        let key = table.key(&keys)?;
        for _ in 0..ATTEMPTS {
            let Some(row) = table.select(&keys).await? else {
                return Err(Failure::new(
                    Code::NotFound,
                    format!("there is no row `{key}`"),
                ));
            };
            let mut members = Members::parse(&row)
                .map_err(|error| Failure::data(format!("`{key}` is no JSON object: {error}")))?;
            for (name, json) in &changes {
                members.set(name, json.clone());
            }
            for name in &self.unset {
                members.remove(name);
            }
            let body = Body::with_type(members.to_json(), "application/json");
            match table.put(&keys, body).if_version(row.version()).await {
                Ok(row) => {
                    let version = row.version().etag();
                    return Ok(context.output.done(
                        &format!("changed `{key}`"),
                        &[("key", key.as_str().into()), ("version", version.into())],
                    )?);
                }
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(
            Failure::new(Code::Conflict, format!("others changed `{key}` each time"))
                .help("try again"),
        )
    }
}
