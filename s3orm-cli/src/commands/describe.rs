//! `describe`

use s3orm::StoredSchema;
use serde_json::Value;

use crate::connect::Context;
use crate::exit::{Code, Failure};

/// What the bucket says of a table: its path, columns and indexes
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  s3orm describe people
  s3orm describe people --json > people.schema.json       # for `s3orm schema diff`

Exit code 3 if nobody has described it: `s3orm create` does, and programs with indexes. Cost: 1 GET.")]
pub(crate) struct Args {
    /// The table
    table: String,
}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let db = context.db().await?;
        let stored = db.schema(&self.table).await?;
        let stored = stored.ok_or_else(|| undescribed(&self.table))?;
        if context.output.is_json() {
            let json = serde_json::to_string(&stored);
            let json = json.map_err(|error| Failure::new(Code::Internal, error.to_string()))?;
            return Ok(context.output.line(&json)?);
        }
        print(context, &self.table, &stored)
    }
}

pub(crate) fn undescribed(table: &str) -> Failure {
    let failure = Failure::new(
        Code::NotFound,
        format!("`{table}` is not described on the bucket"),
    );
    failure.help(format!(
        "describe it by `s3orm create {table} '<path>'`, or by a program: `table.create()`"
    ))
}

fn print(context: &Context<'_>, table: &str, stored: &StoredSchema) -> Result<(), Failure> {
    let output = context.output;
    let path = if stored.is_described() {
        format!("{}{}", stored.path, stored.extension)
    } else {
        "not described".to_owned()
    };
    let mut head: Vec<(&str, Value)> = vec![
        ("table", table.into()),
        ("path", path.into()),
        ("body", stored.body.as_str().into()),
        ("version", stored.version.into()),
    ];
    if let Some(oldest) = stored.oldest {
        head.push(("oldest rows", oldest.into()));
    }
    if let Some(newest) = stored.newest {
        head.push(("newest rows", newest.into()));
    }
    if stored.transactional {
        head.push(("transactions", "yes".into()));
    }
    if stored.encrypted {
        head.push(("encrypted", "yes".into()));
    }
    if !stored.comment.is_empty() {
        head.push(("comment", stored.comment.as_str().into()));
    }
    output.thing(&head)?;
    if !stored.columns.is_empty() {
        output.line("")?;
        let rows = stored.columns.iter().map(|column| {
            let optional = if column.nullable { "?" } else { "" };
            let sealed = if column.encrypted { ", encrypted" } else { "" };
            let shown = format!("{}{optional}{sealed}", column.rust_type);
            let place = match (column.key, column.key_only) {
                (Some(place), true) => format!("{}, not in the body", place + 1),
                (Some(place), false) => (place + 1).to_string(),
                (None, _) => String::new(),
            };
            let filled = column
                .managed
                .clone()
                .or_else(|| column.default.clone())
                .unwrap_or_default();
            [
                column.name.clone(),
                shown,
                place,
                filled,
                column.comment.clone(),
            ]
            .map(Value::from)
            .to_vec()
        });
        output.list(
            &["column", "type", "key", "default", "comment"],
            &rows.collect::<Vec<_>>(),
        )?;
    }
    if !stored.indexes.is_empty() {
        output.line("")?;
        let rows = stored.indexes.iter().map(|(name, index)| {
            let state = serde_json::to_value(index.state).unwrap_or_default();
            vec![
                name.as_str().into(),
                index.columns.join(", ").into(),
                index.projection.join(", ").into(),
                state,
            ]
        });
        output.list(
            &["index", "columns", "keeps", "state"],
            &rows.collect::<Vec<_>>(),
        )?;
    }
    Ok(())
}
