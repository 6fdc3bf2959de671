//! `migrate`

use std::collections::BTreeMap;

use clap::Subcommand;
use futures_util::TryStreamExt as _;
use s3orm::migrate::{MigrationState, MigrationStatus};
use s3orm::query::Rows;
use serde_json::Value;

use crate::connect::Context;
use crate::exit::{Code, Failure};
use crate::table::{TableArgs, Use};

/// Watch and pause the migration of a table, and see what one would take
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  s3orm migrate status people
  s3orm migrate pause people
  s3orm migrate plan people --rows 1000

What becomes of a row is code, so a program runs a migration: `table.migrate().await`, and `.dry_run()` before;
docs/migrations.md is the manual. A program that runs it again goes on where it was paused.")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// How far it is, of whichever process. Cost: 2 GETs
    Status {
        /// The table
        table: String,
    },
    /// Have the program that is at it stop at its next checkpoint. Cost: 2 GETs and 1 PUT
    Pause {
        /// The table
        table: String,
    },
    /// How many rows there are, what one pass over them costs, and of which versions some are
    Plan {
        #[command(flatten)]
        table: TableArgs,
        /// Rows that are read, to see of which versions they are
        #[arg(long, value_name = "NUMBER", default_value_t = 100)]
        rows: usize,
    },
    /// Says what runs one: a program
    #[command(visible_alias = "resume")]
    Run {
        /// The table
        table: String,
    },
}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let db = context.db().await?;
        match self.action {
            Action::Status { table } => print(context, &table, &db.migration_status(&table).await?),
            Action::Pause { table } => {
                if !db.pause_migration(&table).await? {
                    return Err(Failure::new(Code::NotFound, format!("no migration of `{table}` is under way")));
                }
                let text = format!("the migration of `{table}` stops at its next checkpoint; the program that runs it again goes on");
                Ok(context.output.done(&text, &[("table", table.as_str().into()), ("paused", true.into())])?)
            }
            Action::Plan { table, rows } => plan(context, &table, rows).await,
            Action::Run { table } => Err(Failure::new(Code::Refused, format!("a migration of `{table}` is run by a program: what becomes of a row is code"))
                .help("declare `version` and `previous` on its struct, and run `table.migrate()`: docs/migrations.md")
                .help(format!("look on by `s3orm migrate status {table}`"))),
        }
    }
}

fn print(context: &Context<'_>, table: &str, status: &MigrationStatus) -> Result<(), Failure> {
    let state = match status.state {
        MigrationState::NotBegun => "not begun",
        MigrationState::Running => "running",
        MigrationState::Paused => "paused",
        MigrationState::Complete => "none",
        _ => "unknown",
    };
    Ok(context.output.thing(&[
        ("table", table.into()),
        ("migration", state.into()),
        ("from", status.from.into()),
        ("to", status.to.into()),
        ("passes", status.passes.into()),
        ("rows", status.rows.into()),
        ("rewritten", status.rewritten.into()),
    ])?)
}

async fn plan(context: &Context<'_>, table: &TableArgs, rows: usize) -> Result<(), Failure> {
    let db = context.db().await?;
    let opened = table.open(&db, Use::Read).await?;
    let plan = opened.table.all().explain().await?;
    let mut versions: BTreeMap<String, u64> = BTreeMap::new();
    let mut read = opened.table.all().limit(rows).stream();
    while let Some(row) = read.try_next().await? {
        // A body that is no JSON says no version here.
        let body = row.json::<Value>().unwrap_or_default();
        let version = body.get("_v").map_or("1".to_owned(), Value::to_string);
        *versions.entry(version).or_default() += 1;
    }
    let (count, more) = match plan.rows {
        Rows::Counted(rows) => (rows, false),
        Rows::AtMost(rows) | Rows::MoreThan(rows) => (rows, true),
        Rows::Unknown => (0, true),
    };
    let seen: serde_json::Map<String, Value> = versions
        .into_iter()
        .map(|(version, rows)| (version, rows.into()))
        .collect();
    context.output.thing(&[
        ("rows", count.into()),
        ("more", more.into()),
        ("lists", plan.lists().into()),
        ("gets", plan.gets().into()),
        (
            "dollars_a_pass",
            plan.cost().map_or(Value::Null, Value::from),
        ),
        ("versions_of_some", Value::Object(seen)),
    ])?;
    context.output.note("a pass reads every row; each row that is rewritten takes 1 PUT more, $0.000005 in S3 Standard; two passes at least");
    Ok(())
}
