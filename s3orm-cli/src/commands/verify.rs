//! `verify`

use futures_util::{StreamExt as _, TryStreamExt as _};
use s3orm::store::ListedObject;
use serde_json::Value;

use crate::connect::Context;
use crate::exit::{Code, Failure};
use crate::pages::pages;
use crate::row::{self, Form};
use crate::table::{Opened, TableArgs, Use};

/// Check that every object of a table is a row, and agrees with its key
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  s3orm verify people
  s3orm verify people --keys           # by the listing alone: no row is read

It finds objects that are no rows, rows that are no JSON, and columns that are not those of the key.
Exit code 10 if there are any. Whether indexes and rows agree, and mending them, takes a program with the table's
struct: `table.verify()`, `table.repair()`. Cost: 1 LIST for each 1,000 rows, and 1 GET a row.")]
pub(crate) struct Args {
    #[command(flatten)]
    table: TableArgs,

    /// Only keys: no row is read
    #[arg(long)]
    keys: bool,

    /// Rows that are read at the same time
    #[arg(long, value_name = "NUMBER", default_value_t = 16)]
    concurrency: usize,
}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let db = context.db().await?;
        let opened = self.table.open(&db, Use::Read).await?;
        let progress = context.progress("objects", None);
        let under = format!("{}/", self.table.table);
        let objects = pages(&db, &under)
            .map_ok(|page| futures_util::stream::iter(page).map(Ok))
            .try_flatten();
        let checks = objects.map(|object: Result<ListedObject, Failure>| {
            let (this, opened) = (&self, &opened);
            async move {
                let object = object?;
                let problem = this.problem(opened, &object).await?;
                Ok::<_, Failure>((object.key, problem))
            }
        });
        let mut checked = std::pin::pin!(checks.buffered(self.concurrency.max(1)));
        let (mut objects, mut found) = (0_u64, Vec::new());
        while let Some(check) = checked.next().await {
            let (key, problem) = check?;
            objects += 1;
            progress.add(1);
            if let Some(problem) = problem {
                found.push(vec![Value::from(key), problem.into()]);
            }
        }
        drop(progress);
        if found.is_empty() {
            context.output.done(
                &format!("{objects} objects, all of them rows"),
                &[("objects", objects.into()), ("problems", 0.into())],
            )?;
            return Ok(());
        }
        context.output.list(&["key", "problem"], &found)?;
        Err(Failure::new(
            Code::Findings,
            format!(
                "{} of {objects} objects are not as they should be",
                found.len()
            ),
        ))
    }

    /// What is wrong with an object.
    async fn problem(
        &self,
        opened: &Opened,
        object: &ListedObject,
    ) -> Result<Option<String>, Failure> {
        let table = &opened.table;
        let Some(values) = table.values(&object.key) else {
            return Ok(Some(format!(
                "its key is not of the form `{}`",
                table.path()
            )));
        };
        if self.keys || opened.shape.form == Form::Raw {
            return Ok(None);
        }
        // Deleted meanwhile, or where a row was: nothing is wrong.
        let Some(row) = table.select(&values).await? else {
            return Ok(None);
        };
        let body = match row::body(&row, &opened.shape) {
            Ok(body) => body,
            Err(failure) if failure.code() == Code::Data => {
                return Ok(Some("it is no JSON object".to_owned()));
            }
            Err(failure) => return Err(failure),
        };
        for (column, value) in values.iter() {
            let name = opened.shape.in_body(column);
            let key = table.json_of(column, value);
            // A path without types has texts of numbers.
            let same = |own: &Value| *own == key || own.is_number() && format!("{own}") == value;
            if let Some(own) = body.value(name).filter(|own| !same(own)) {
                return Ok(Some(format!(
                    "its column `{name}` is {own}, that of its key {key}"
                )));
            }
        }
        Ok(None)
    }
}
