//! `get`

use bytes::Bytes;
use s3orm::Row;
use s3orm::dynamic::DynamicTable;
use serde_json::Value;

use crate::connect::Context;
use crate::exit::{Code, Failure};
use crate::row::{self, Form};
use crate::table::{TableArgs, Use, is_stamped};
use crate::values::whole_key;

/// Read a row
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  s3orm get people Oslo 7
  s3orm get people city=Oslo id=7 --meta
  s3orm get photos 2024 cat.jpg --raw --body > cat.jpg
  s3orm get people --key Oslo/7.json

Exit code 3 if there is no such row. Cost: 1 GET, and 1 for the table's description.")]
pub(crate) struct Args {
    #[command(flatten)]
    table: TableArgs,

    /// The key columns: `city=Oslo id=7`, or their values in the path's order
    #[arg(value_name = "COLUMN=VALUE")]
    values: Vec<String>,

    /// The object's key in the table's folder, in place of columns
    #[arg(long, value_name = "KEY", conflicts_with = "values")]
    key: Option<String>,

    /// Print the bytes of the object as they are
    #[arg(long, conflicts_with = "meta")]
    body: bool,

    /// Print what S3 knows of the object, without the row
    #[arg(long)]
    meta: bool,
}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let db = context.db().await?;
        let opened = self.table.open(&db, Use::Get).await?;
        let mut table = opened.table.clone();
        let mut row = self.read(&table).await?;
        let is_stamped = row.as_ref().is_some_and(|row| is_stamped(row));
        if opened.shape.form == Form::Json && !self.body && is_stamped {
            table = table.stamped(true);
            row = self.read(&table).await?;
        }
        let Some(row) = row else {
            let shown = self.key.clone().unwrap_or_else(|| self.values.join(" "));
            return Err(Failure::new(
                Code::NotFound,
                format!("`{}` has no row `{shown}`", table.name()),
            ));
        };
        if self.body {
            return Ok(context.output.bytes(&row)?);
        }
        if self.meta {
            let meta = meta(&row);
            let members: Vec<_> = meta
                .iter()
                .map(|(name, value)| (name.as_str(), value.clone()))
                .collect();
            return Ok(context.output.thing(&members)?);
        }
        let members = if self.key.is_some() && table.values(row.key()).is_none() {
            row::body(&row, &opened.shape)?
        } else {
            row::members(&table, &row, &opened.shape)?
        };
        if context.output.is_json() {
            return Ok(context.output.line(&members.to_json())?);
        }
        let values: Vec<_> = members
            .iter()
            .map(|(name, json)| (name, serde_json::from_str(json).unwrap_or(Value::Null)))
            .collect();
        Ok(context.output.thing(&values)?)
    }

    async fn read(&self, table: &DynamicTable) -> Result<Option<Row<Bytes>>, Failure> {
        if let Some(key) = &self.key {
            return Ok(table.select_by_key(key).await?);
        }
        Ok(table.select(whole_key(table, &self.values)?).await?)
    }
}

/// What S3 knows of a row's object.
fn meta(row: &Row<Bytes>) -> Vec<(String, Value)> {
    let mut meta = vec![
        ("key".to_owned(), row.key().into()),
        ("version".to_owned(), row.version().etag().into()),
        ("size".to_owned(), row.len().into()),
        (
            "modified".to_owned(),
            row.last_modified().map(crate::output::time).into(),
        ),
        ("content_type".to_owned(), row.content_type().into()),
    ];
    let metadata = row.metadata();
    meta.extend(
        metadata
            .iter()
            .map(|(name, value)| (format!("metadata.{name}"), value.as_str().into())),
    );
    meta
}
