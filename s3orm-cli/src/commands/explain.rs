//! `explain`

use s3orm::query::Rows;
use serde_json::Value;

use crate::connect::Context;
use crate::exit::Failure;
use crate::select::Select;
use crate::table::Use;

/// What a query would do, and what it would cost
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  s3orm explain people Oslo --filter 'age >= 18'

Rows are counted up to 9,999, and none is read. Cost: 1 LIST for each 1,000 keys, 10 at most.")]
pub(crate) struct Args {
    #[command(flatten)]
    select: Select,

    /// Do not count: no request
    #[arg(long)]
    no_count: bool,
}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let db = context.db().await?;
        let opened = self.select.table.open(&db, Use::Read).await?;
        let query = self.select.query(context.output, &opened)?;
        let plan = if self.no_count {
            query.plan()?
        } else {
            query.explain().await?
        };
        if !context.output.is_json() {
            return Ok(context.output.line(&plan.to_string())?);
        }
        let (rows, exact) = match plan.rows {
            Rows::Counted(rows) => (Some(rows), true),
            Rows::AtMost(rows) | Rows::MoreThan(rows) => (Some(rows), false),
            Rows::Unknown => (None, false),
        };
        context.output.thing(&[
            ("prefix", plan.prefix.as_str().into()),
            ("whole_table", plan.whole_table.into()),
            (
                "filter",
                plan.filter.as_ref().map(|(text, _)| text.as_str()).into(),
            ),
            ("rows", rows.into()),
            ("rows_exact", exact.into()),
            ("lists", plan.lists().into()),
            ("gets", plan.gets().into()),
            ("dollars", plan.cost().map_or(Value::Null, Value::from)),
        ])?;
        Ok(())
    }
}
