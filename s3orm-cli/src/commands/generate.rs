//! `generate`

use futures_util::TryStreamExt as _;
use s3orm::StoredSchema;
use s3orm::key::Encoding;

use crate::connect::Context;
use crate::exit::Failure;
use crate::infer::{self, Column, Sample};
use crate::row::{self, Form};
use crate::rust::{Field, Struct, type_name};
use crate::table::{Opened, TableArgs, Use};

/// Print a Rust struct with `S3Schema`, from the table's description or from stored rows
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  s3orm generate people > src/people.rs
  s3orm generate people --path '<city>/<id:u64>' --rows 5000 --name Person
  s3orm generate people --from-rows

It compiles as it is, with `s3orm` and `serde`, and with `serde_json`, `chrono`, `uuid` or `ulid` where it names them.
Of rows, types are what the rows that were read have in common: look over what is optional.
Cost: 1 GET; of rows 1 LIST and 1 GET a row.")]
pub(crate) struct Args {
    #[command(flatten)]
    table: TableArgs,

    /// The struct's name; that of the table unless said
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Rows that are read, where the table is not described
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    rows: usize,

    /// By the rows, though the table is described
    #[arg(long)]
    from_rows: bool,
}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let db = context.db().await?;
        let opened = self.table.open(&db, Use::Read).await?;
        let name = self
            .name
            .clone()
            .unwrap_or_else(|| type_name(&self.table.table));
        let described = opened
            .stored
            .as_ref()
            .filter(|stored| !self.from_rows && stored.is_described());
        let text = if let Some(stored) = described {
            of_description(&name, &self.table.table, stored)
        } else {
            let rows = sample(&opened, self.rows).await?;
            if rows.is_empty() {
                let what = "there are no rows: the struct has the columns of the key alone";
                context.output.note(what);
            }
            let columns = infer::columns(&opened.table, &rows);
            of_rows(&name, &opened, &columns, rows.len())
        };
        context.output.bytes(text.as_bytes())?;
        Ok(())
    }
}

/// Some rows of a table.
pub(crate) async fn sample(opened: &Opened, rows: usize) -> Result<Vec<Sample>, Failure> {
    let mut samples = Vec::new();
    let mut read = opened.table.all().limit(rows).stream();
    while let Some(row) = read.try_next().await? {
        let keys = opened.table.values(row.key()).unwrap_or_default();
        samples.push((keys, row::body(&row, &opened.shape)?));
    }
    Ok(samples)
}

fn of_rows(name: &str, opened: &Opened, columns: &[Column], rows: usize) -> String {
    let table = &opened.table;
    let path = table.path();
    let mut made = Struct::new(
        name,
        table.name(),
        path.strip_suffix(table.extension()).unwrap_or(&path),
    );
    made.doc = format!("A row of `{}`, as {rows} rows show it.", table.name());
    table.extension().clone_into(&mut made.extension);
    made.verbatim = table.encoding() == Encoding::Verbatim;
    if opened.shape.form == Form::Raw {
        made.raw = true;
        for column in columns.iter().filter(|column| column.in_key) {
            made.fields
                .push(Field::new(&column.name, &column.name, &column.rust_type));
        }
        made.fields.push(Field {
            body: true,
            ..Field::new("body", "body", "Vec<u8>")
        });
        return made.to_string();
    }
    for column in columns {
        made.fields.push(Field {
            nullable: column.nullable,
            key_only: column.in_key && !column.in_body,
            ..Field::new(&column.name, &column.name, &column.rust_type)
        });
    }
    made.to_string()
}

fn of_description(name: &str, table: &str, stored: &StoredSchema) -> String {
    let mut made = Struct::new(name, table, &stored.path);
    made.doc = if stored.comment.is_empty() {
        format!("A row of `{table}`.")
    } else {
        stored.comment.clone()
    };
    made.extension.clone_from(&stored.extension);
    made.verbatim = stored.encoding == Encoding::Verbatim;
    made.raw = stored.body == "raw";
    made.transactional = stored.transactional;
    made.encrypted = stored.encrypted;
    for (name, index) in &stored.indexes {
        let unique = name.starts_with("unique.");
        let called = name.split_once('.').map_or(&**name, |(_, called)| called);
        made.indexes.push((
            unique,
            called.to_owned(),
            index.columns.clone(),
            index.projection.clone(),
        ));
    }
    for column in &stored.columns {
        made.fields.push(Field {
            nullable: column.nullable,
            key_only: column.key_only,
            default: column.default.is_some(),
            managed: column.managed.clone(),
            encrypted: column.encrypted,
            doc: column.comment.clone(),
            body: made.raw && column.key.is_none(),
            ..Field::new(column.field(), &column.name, &column.rust_type)
        });
    }
    made.to_string()
}
