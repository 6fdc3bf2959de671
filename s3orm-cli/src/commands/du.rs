//! `du`

use std::collections::BTreeMap;

use futures_util::TryStreamExt as _;
use s3orm::query::Prices;
use serde_json::Value;

use crate::connect::Context;
use crate::exit::Failure;
use crate::output::bytes;
use crate::pages::pages;

/// A GiB for a month in S3 Standard, in US dollars; and since when that is known.
const GIB_MONTH: f64 = 0.023;
const SINCE: &str = Prices::S3_STANDARD.since;

/// How many objects and bytes tables have, and what keeping and reading them costs
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  s3orm du
  s3orm du people

`_s3orm` is what the library keeps: indexes, transactions, descriptions. Prices are those of S3 Standard in us-east-1:
of storage a month, of listing the table once, and of reading every row once. Cost: 1 LIST for each 1,000 objects.")]
pub(crate) struct Args {
    /// Only this table
    table: Option<String>,
}

#[derive(Default)]
struct Usage {
    objects: u64,
    bytes: u64,
}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let (db, output) = (context.db().await?, context.output);
        let under = self
            .table
            .as_ref()
            .map(|table| format!("{table}/"))
            .unwrap_or_default();
        let progress = context.progress("objects", None);
        let mut tables: BTreeMap<String, Usage> = BTreeMap::new();
        let mut listing = std::pin::pin!(pages(&db, &under));
        while let Some(page) = listing.try_next().await? {
            progress.add(page.len() as u64);
            for object in page {
                let path = &object.key[db.prefix().len()..];
                let table = path.split_once('/').map_or("", |(table, _)| table);
                let usage = tables.entry(table.to_owned()).or_default();
                usage.objects += 1;
                usage.bytes += object.size;
            }
        }
        drop(progress);
        let uploads = db
            .uploads(&under)
            .try_fold(0_u64, |count, _| async move { Ok(count + 1) })
            .await?;
        let mut total = Usage::default();
        let mut rows = Vec::new();
        for (table, usage) in &tables {
            total.objects += usage.objects;
            total.bytes += usage.bytes;
            rows.push(line(output.is_json(), table, usage));
        }
        if rows.len() != 1 {
            rows.push(line(output.is_json(), "total", &total));
        }
        output.list(
            &[
                "table",
                "objects",
                "bytes",
                "storage_month",
                "list_once",
                "read_once",
            ],
            &rows,
        )?;
        if uploads > 0 {
            output.note(&format!("{uploads} uploads are unfinished, and their parts on the bill: `s3orm sweep --uploads`"));
        }
        if !output.is_json() {
            output.note(&format!(
                "in US dollars, at the prices of {SINCE}, without transfer"
            ));
        }
        Ok(())
    }
}

fn line(is_json: bool, table: &str, usage: &Usage) -> Vec<Value> {
    #[expect(clippy::cast_precision_loss, reason = "it is a price")]
    let month = usage.bytes as f64 / f64::from(1 << 30) * GIB_MONTH;
    let lists = Prices::S3_STANDARD.cost(usage.objects.div_ceil(1000).max(1), 0);
    let reads = lists + Prices::S3_STANDARD.cost(0, usage.objects);
    let money = |dollars: f64| {
        if is_json {
            dollars.into()
        } else {
            format!("${dollars:.4}").into()
        }
    };
    let size = if is_json {
        usage.bytes.into()
    } else {
        bytes(usage.bytes).into()
    };
    vec![
        table.into(),
        usage.objects.into(),
        size,
        money(month),
        money(lists),
        money(reads),
    ]
}
