//! The table that a command is about: how its keys are made, and what its rows are.

use clap::{Args, ValueEnum};
use s3orm::dynamic::DynamicTable;
use s3orm::key::Encoding;
use s3orm::store::{ByteRange, GetObject, ListObjects, StoreErrorKind};
use s3orm::{Db, StoredSchema};

use crate::exit::{Code, Failure};
use crate::row::Shape;
use crate::schema;
use crate::values::nearest;

/// The options of commands that are about a table.
#[derive(Debug, Clone, Args)]
pub(crate) struct TableArgs {
    /// The table
    pub(crate) table: String,

    #[command(flatten)]
    pub(crate) layout: LayoutArgs,
}

/// How the keys of a table are made, where the bucket does not say.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "How the table's keys are made, where its description does not say")]
pub(crate) struct LayoutArgs {
    /// The path of a row: `<date>/<id:u64>`
    #[arg(
        long,
        value_name = "PATH",
        long_help = "\
The path of a row, as the attribute of a struct has it: `<date>/<id>`, `date=<date:date>/<id:u64:ordered>`. \
A column may have a type: text, bool, char, u8 to u128, i8 to i128, date, datetime, timestamp, uuid, ulid. \
What has a type is checked, and compared as such"
    )]
    pub(crate) path: Option<String>,

    #[command(flatten)]
    pub(crate) keys: KeyArgs,
}

/// What keys are beside their path.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct KeyArgs {
    /// What keys end with; `.json` unless said, may be empty
    #[arg(long, value_name = "TEXT")]
    pub(crate) extension: Option<String>,

    /// Whether values are escaped in keys
    #[arg(long, value_name = "HOW")]
    pub(crate) encoding: Option<Escapes>,

    /// Bodies are texts or bytes, and no JSON: they are shown as `body`
    #[arg(long)]
    pub(crate) raw: bool,
}

/// Whether values are escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Escapes {
    /// As s3orm writes them: takes any value
    Escaped,
    /// As they are, for buckets that others fill
    Verbatim,
}

impl From<Escapes> for Encoding {
    fn from(escapes: Escapes) -> Self {
        match escapes {
            Escapes::Escaped => Self::Escaped,
            Escapes::Verbatim => Self::Verbatim,
        }
    }
}

/// What a command does with the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Reads a row, which shows what it is.
    Get,
    Read,
    Write,
}

/// A table that was opened.
pub(crate) struct Opened {
    pub(crate) table: DynamicTable,
    pub(crate) shape: Shape,
    pub(crate) stored: Option<StoredSchema>,
}

impl TableArgs {
    /// Opens the table. 1 GET for its description; 1 LIST and 1 GET more to see whether a table
    /// without one has rows that only programs may write.
    pub(crate) async fn open(&self, db: &Db, purpose: Use) -> Result<Opened, Failure> {
        let stored = db.schema(&self.table).await?;
        let table = self.dynamic(db, stored.as_ref()).await?;
        let stamped = match &stored {
            Some(stored) if schema::is_stamped(stored) => true,
            _ if purpose == Use::Get || self.layout.keys.raw => false,
            _ => has_stamps(db, &self.table).await?,
        };
        if purpose == Use::Write {
            may_write(&self.table, stored.as_ref(), stamped)?;
        }
        Ok(Opened {
            table: table.stamped(stamped),
            shape: Shape::of(stored.as_ref(), self.layout.keys.raw),
            stored,
        })
    }

    async fn dynamic(
        &self,
        db: &Db,
        stored: Option<&StoredSchema>,
    ) -> Result<DynamicTable, Failure> {
        let LayoutArgs { path, keys } = &self.layout;
        let described = stored.filter(|stored| stored.is_described());
        if let (Some(stored), None, None, None) = (described, path, &keys.extension, keys.encoding)
        {
            return Ok(db.dynamic_of(&self.table, stored)?);
        }
        let Some(path) = path else {
            return Err(self.no_path(db).await?);
        };
        let extension = described.map(|stored| stored.extension.clone());
        let encoding = described.map(|stored| stored.encoding);
        let table = db
            .dynamic(&self.table)
            .extension(
                keys.extension
                    .clone()
                    .or(extension)
                    .unwrap_or_else(|| ".json".to_owned()),
            )
            .encoding(
                keys.encoding
                    .map(Encoding::from)
                    .or(encoding)
                    .unwrap_or_default(),
            )
            .path(path);
        table.map_err(|error| Failure::from(error).help(format!("the path is `{path}`")))
    }

    /// Nothing says how keys are made: what is there helps to say it.
    async fn no_path(&self, db: &Db) -> Result<Failure, Failure> {
        let table = &self.table;
        let failure = Failure::usage(format!("nothing says how the keys of `{table}` are made"));
        if let Some(key) = first_key(db, table).await? {
            let path = &key[db.prefix().len() + table.len() + 1..];
            let columns = (1..=path.split('/').count()).map(|at| format!("<column{at}>"));
            let columns = columns.collect::<Vec<_>>().join("/");
            return Ok(failure
                .help(format!("its first key is `{}`", key.escape_debug()))
                .help(format!("name its columns: `--path '{columns}'`, or describe it once: `s3orm create {table} '{columns}'`")));
        }
        let tables = db.tables().await?;
        if let Some(near) = nearest(table, tables.iter().map(String::as_str)) {
            let failure = Failure::new(Code::NotFound, format!("there is no table `{table}`"));
            return Ok(failure.help(format!("did you mean `{near}`?")));
        }
        Ok(failure
            .help("there is nothing in it yet: name the columns of its keys with `--path '<date>/<id:u64>'`")
            .help(format!("or describe it once: `s3orm create {table} '<date>/<id:u64>'`")))
    }
}

impl Opened {
    /// Another table with the same path, to write to.
    pub(crate) async fn beside(&self, db: &Db, table: &str) -> Result<DynamicTable, Failure> {
        let stored = db.schema(table).await?;
        let stamped = has_stamps(db, table).await?;
        may_write(table, stored.as_ref(), stamped)?;
        Ok(self.table.beside(table)?)
    }
}

/// Whether a body begins with the member that the library keeps in rows with transactions or indexes.
pub(crate) fn is_stamped(body: &[u8]) -> bool {
    body.starts_with(br#"{"_m":{"v":"#)
}

/// Whether the first object of a table is a row that only programs may write.
async fn has_stamps(db: &Db, table: &str) -> Result<bool, Failure> {
    let Some(key) = first_key(db, table).await? else {
        return Ok(false);
    };
    let request = GetObject {
        key,
        range: Some(ByteRange::Span(0, 16)),
        ..GetObject::default()
    };
    match db.store().get(request).await {
        Ok(object) => Ok(is_stamped(&object.body)),
        // It was deleted meanwhile, or is empty.
        Err(error)
            if matches!(
                error.kind(),
                StoreErrorKind::NotFound | StoreErrorKind::InvalidRange
            ) =>
        {
            Ok(false)
        }
        Err(error) => Err(schema::store(error)),
    }
}

async fn first_key(db: &Db, table: &str) -> Result<Option<String>, Failure> {
    let request = ListObjects {
        prefix: format!("{}{table}/", db.prefix()),
        limit: Some(1),
        ..ListObjects::default()
    };
    let page = db.store().list(request).await;
    let page = page.map_err(schema::store)?;
    Ok(page.objects.into_iter().next().map(|object| object.key))
}

fn may_write(table: &str, stored: Option<&StoredSchema>, stamped: bool) -> Result<(), Failure> {
    let why = stored.and_then(schema::written_by_programs);
    let why =
        why.or_else(|| stamped.then(|| "its rows take part in transactions or indexes".to_owned()));
    let Some(why) = why else {
        return Ok(());
    };
    Err(Failure::new(
        Code::Refused,
        format!("`{table}` is written by programs alone: {why}"),
    )
    .help("a row written from here would not be what they rely on")
    .help(format!(
        "write it by a program; `s3orm generate {table}` prints its struct"
    )))
}
