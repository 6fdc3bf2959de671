//! `schema`

use std::path::PathBuf;

use clap::Subcommand;
use s3orm::{Db, StoredColumn, StoredSchema};
use serde_json::Value;

use super::describe::undescribed;
use super::generate::sample;
use crate::connect::Context;
use crate::exit::{Code, Failure};
use crate::infer;
use crate::table::{LayoutArgs, TableArgs, Use};

/// Compare a table's description with another, or with its rows
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  s3orm schema diff people                                # with what its rows show
  s3orm schema diff people --with people.schema.json      # of `s3orm describe people --json`
  s3orm schema diff people --with-url s3://staging/app

Exit code 10 if something differs that matters. A program compares its structs by `table.check()`.")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// How the table's description differs from another, or from its rows
    #[command(after_help = "\
Examples:
  s3orm schema diff people --with-url s3://staging/app

Exit code 10 if something differs that matters. Cost: 1 GET; with rows 1 LIST and 1 GET a row.")]
    Diff {
        /// The table
        table: String,

        /// A description in a file, of `describe --json`
        #[arg(long, value_name = "FILE", conflicts_with = "with_url")]
        with: Option<PathBuf>,

        /// The description of the same table in another database
        #[arg(long, value_name = "URL")]
        with_url: Option<String>,

        /// Rows that are read, where it is compared with rows
        #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
        rows: usize,
    },
}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let Action::Diff {
            table,
            with,
            with_url,
            rows,
        } = self.action;
        let db = context.db().await?;
        let stored = db
            .schema(&table)
            .await?
            .ok_or_else(|| undescribed(&table))?;
        let other = match (with, with_url) {
            (Some(file), _) => {
                let place = format!("`{}`", file.display());
                let text = tokio::fs::read(&file)
                    .await
                    .map_err(|error| Failure::from(error).at(&place))?;
                serde_json::from_slice(&text)
                    .map_err(|error| Failure::data(format!("{place} is no description: {error}")))?
            }
            (None, Some(url)) => {
                let other = context.other_db(&url).await?;
                other
                    .schema(&table)
                    .await?
                    .ok_or_else(|| undescribed(&table).at(&other.to_string()))?
            }
            (None, None) => of_rows(&db, &table, &stored, rows).await?,
        };
        let diff = stored.diff(&other);
        let lines = diff.iter().map(|difference| {
            vec![
                difference.is_compatible().into(),
                Value::from(difference.to_string()),
            ]
        });
        let lines: Vec<_> = lines.collect();
        if lines.is_empty() {
            context
                .output
                .done("no difference", &[("differences", 0.into())])?;
            return Ok(());
        }
        context.output.list(&["compatible", "difference"], &lines)?;
        if diff.is_compatible() {
            return Ok(());
        }
        Err(Failure::new(
            Code::Findings,
            "the descriptions do not fit together",
        ))
    }
}

/// The description with the columns that rows show, where they do not fit it.
async fn of_rows(
    db: &Db,
    table: &str,
    stored: &StoredSchema,
    rows: usize,
) -> Result<StoredSchema, Failure> {
    let args = TableArgs {
        table: table.to_owned(),
        layout: LayoutArgs::default(),
    };
    let opened = args.open(db, Use::Read).await?;
    let samples = sample(&opened, rows).await?;
    let mut shown = stored.clone();
    if samples.is_empty() {
        return Ok(shown);
    }
    for column in infer::columns(&opened.table, &samples)
        .into_iter()
        .filter(|column| !column.in_key)
    {
        let mut known = shown.columns.iter_mut();
        if let Some(known) = known.find(|known| known.name == column.name) {
            if !infer::fits(&column.rust_type, &known.rust_type) {
                known.rust_type = column.rust_type;
            }
            known.nullable |= column.nullable && known.default.is_none();
        } else {
            let added = StoredColumn::new(column.name, column.rust_type);
            let added = if column.nullable {
                added.nullable()
            } else {
                added
            };
            shown.columns.push(added);
        }
    }
    Ok(shown)
}
