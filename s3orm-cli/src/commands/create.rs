//! `create`

use s3orm::StoredColumn;

use crate::connect::Context;
use crate::exit::Failure;
use crate::table::KeyArgs;

/// Describe a table on the bucket, so that its path need not be said again
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  s3orm create people '<city>/<id:u64:ordered>'
  s3orm create people '<city>/<id:u64>' --column name:String --column 'age:u32?'
  s3orm create photos '<year:u16>/<name>' --raw --extension '' --encoding verbatim

The bucket is created if it is missing. What is described already must fit: columns may be added that are optional.
A program describes a table of its own by `table.create()`, with its indexes. Cost: 1 request for the bucket, 1 GET, 1 PUT.")]
pub(crate) struct Args {
    /// The table
    table: String,

    /// The path of a row: `<date:date>/<id:u64:ordered>`, with types text, bool, char, u8 to i128, date, datetime, timestamp, uuid, ulid
    path: String,

    /// A column of the body with its Rust type, and `?` if it may be missing; may be given several times
    #[arg(long, short = 'c', value_name = "NAME:TYPE", value_parser = column)]
    column: Vec<(String, String, bool)>,

    #[command(flatten)]
    keys: KeyArgs,
}

fn column(text: &str) -> Result<(String, String, bool), String> {
    let (name, rust_type) = text.split_once(':').unwrap_or((text, ""));
    let (rust_type, nullable) = match rust_type.strip_suffix('?') {
        Some(rust_type) => (rust_type, true),
        None => (rust_type, false),
    };
    if name.is_empty() || rust_type.is_empty() {
        return Err("write it as `age:u32`, or `age:u32?` if it may be missing".to_owned());
    }
    Ok((name.to_owned(), rust_type.to_owned(), nullable))
}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let db = context.db().await?;
        db.ensure_bucket().await?;
        let mut table = db.dynamic(&self.table);
        if let Some(extension) = &self.keys.extension {
            table = table.extension(extension);
        }
        if let Some(encoding) = self.keys.encoding {
            table = table.encoding(encoding.into());
        }
        if self.keys.raw {
            table = table.body(s3orm::BodyFormat::Raw);
        }
        let columns = self.column.iter().map(|(name, rust_type, nullable)| {
            let column = StoredColumn::new(name, rust_type);
            if *nullable { column.nullable() } else { column }
        });
        let stored = table.create(&self.path, columns).await?;
        let text = format!(
            "`{}` is described: `{}{}`",
            self.table, stored.path, stored.extension
        );
        context.output.done(
            &text,
            &[
                ("table", self.table.as_str().into()),
                ("path", stored.path.as_str().into()),
            ],
        )?;
        Ok(())
    }
}
