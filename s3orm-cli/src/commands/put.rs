//! `put`

use std::path::PathBuf;

use bytes::Bytes;
use s3orm::dynamic::{Body, Values};
use serde_json::Value;
use tokio::io::AsyncReadExt as _;

use crate::connect::Context;
use crate::exit::Failure;
use crate::row::{self, Form, Members};
use crate::table::{Opened, TableArgs, Use};
use crate::values::{pair, split, whole_key};

/// Write a row: create it, or replace the whole of it
#[derive(Debug, clap::Args)]
#[command(
    visible_alias = "insert",
    after_help = "\
Examples:
  s3orm put people city=Oslo id=7 name=Ann age=30 'tags:=[\"a\", \"b\"]'
  s3orm put people city=Oslo id=8 zip:='\"0018\"' --if-absent
  echo '{\"city\": \"Oslo\", \"id\": 9}' | s3orm put people --file -
  s3orm put photos 2024 cat.jpg --raw --file cat.jpg --content-type image/jpeg
  s3orm put notes 1 --raw --body 'a note'

`age=30` is a number, `vip=true` is true, `name=Ann` is a text; after `:=` stands any JSON.
With --file and without columns, the key is taken from the row. Exit code 4 if a condition does not hold.
The whole row is replaced: a blob that only the old one named is collected by its program's `sweep_blobs`. A blob of
another table is refused.
Cost: 1 PUT, and 2 or 3 requests to see what the table is."
)]
pub(crate) struct Args {
    #[command(flatten)]
    table: TableArgs,

    /// The columns: `name=Ann`, or JSON: `tags:=[1]`; values of the key alone in the path's order
    #[arg(value_name = "COLUMN=VALUE")]
    values: Vec<String>,

    /// The row from a file: JSON, or with --raw any bytes; `-` is standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// The row's text, with --raw
    #[arg(long, value_name = "TEXT", conflicts_with = "file", requires = "raw")]
    body: Option<String>,

    /// The object's key in the table's folder, in place of columns
    #[arg(long, value_name = "KEY")]
    key: Option<String>,

    /// Only if there is no row with this key
    #[arg(long, conflicts_with = "if_version")]
    if_absent: bool,

    /// Only over this version, as `get --meta` shows it
    #[arg(long, value_name = "VERSION")]
    if_version: Option<String>,

    /// The object's content type
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,

    /// Metadata of the object: `name=value`; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    metadata: Vec<(String, String)>,
}

/// Where a row goes, and its bytes.
struct Written {
    values: Values,
    body: Body,
}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let db = context.db().await?;
        let opened = self.table.open(&db, Use::Write).await?;
        let written = self.written(&opened).await?;
        let table = &opened.table;
        let mut request = match (&self.key, self.if_absent) {
            (None, false) => table.put(written.values, written.body),
            (None, true) => table.insert(written.values, written.body),
            (Some(key), false) => table.put_by_key(key, written.body),
            (Some(key), true) => table.insert_by_key(key, written.body),
        };
        if let Some(version) = &self.if_version {
            request = request.if_version(&s3orm::Version::from_etag(version));
        }
        if let Some(content_type) = &self.content_type {
            request = request.content_type(content_type);
        }
        for (name, value) in &self.metadata {
            request = request.metadata(name, value);
        }
        let row = request.await?;
        let version = row.version().etag();
        context.output.done(
            &format!("wrote `{}`", row.key()),
            &[("key", row.key().into()), ("version", version.into())],
        )?;
        Ok(())
    }

    async fn written(&self, opened: &Opened) -> Result<Written, Failure> {
        let table = &opened.table;
        let (keys, others) = split(table, &self.values)?;
        let given = match (&self.file, &self.body) {
            (Some(file), _) => Some(read(file).await?),
            (None, Some(text)) => Some(Bytes::from(text.clone())),
            (None, None) => None,
        };
        if opened.shape.form == Form::Raw {
            if let Some((name, _)) = others.first() {
                let failure =
                    Failure::usage(format!("`{name}` is no key column of `{}`", table.name()));
                return Err(failure
                    .help("the rows of this table are bytes: give them by `--file` or `--body`"));
            }
            let Some(bytes) = given else {
                return Err(Failure::usage("the row's bytes are missing")
                    .help("give them by `--file FILE`, `--file -` or `--body TEXT`"));
            };
            let values = if self.key.is_some() {
                keys
            } else {
                whole_key(table, &self.values)?
            };
            return Ok(Written {
                values,
                body: Body::with_type(bytes, "application/octet-stream"),
            });
        }
        let members = match given {
            Some(bytes) => Members::parse(&bytes)
                .map_err(|error| Failure::data(format!("the row is no JSON object: {error}")))?,
            None => Members::default(),
        };
        // Columns that are given stand first: the key's in the order of the path.
        let mut row: Members = row::keys(table, &keys);
        for (name, json) in others {
            row.set(&name, json);
        }
        for (name, json) in members.into_vec() {
            if row.get(&name).is_none() {
                row.set(&name, json);
            }
        }
        if self.key.is_some() {
            let body = Body::with_type(row.to_json(), "application/json");
            let values = Values::default();
            return Ok(Written { values, body });
        }
        for column in table.columns() {
            if row.value(column).is_none_or(|value| value == Value::Null) {
                // Tells which column is missing.
                whole_key(table, &self.values)?;
            }
        }
        let (values, body) = row::parts(table, row, &opened.shape)?;
        Ok(Written { values, body })
    }
}

/// A file's bytes; `-` is standard input.
async fn read(file: &PathBuf) -> Result<Bytes, Failure> {
    let mut bytes = Vec::new();
    if file.as_os_str() == "-" {
        tokio::io::stdin().read_to_end(&mut bytes).await?;
    } else {
        let opened = tokio::fs::File::open(file).await;
        let mut opened =
            opened.map_err(|error| Failure::from(error).at(&format!("`{}`", file.display())))?;
        opened.read_to_end(&mut bytes).await?;
    }
    Ok(bytes.into())
}
