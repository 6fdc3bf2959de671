//! A table as query engines read it, from the objects of its rows.

use std::fmt::Write as _;

use super::kind::Kind;
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Encoding, Form, PathTemplate, Piece};
use crate::schema::{BodyFormat, ColumnSchema, S3Schema, TableSchema};
use crate::table::Table;

impl<T: S3Schema> Table<T> {
    /// A DuckDB view of this table, by its name, over the objects of its rows. No request.
    ///
    /// Types come of the Rust types by their names; what DuckDB has no type for, 128-bit integers
    /// among it, is `JSON`. Timestamps are UTC, to the microsecond. Where the path has a segment
    /// `date=<date>` of a column of that name, that is a date, an integer or a UUID, it is a Hive
    /// partition: a query that fixes it reads its objects alone. Key columns that are `key_only` are read
    /// from the objects' keys. A `#[serde(with)]` that changes a column's form is not seen: change the
    /// type in the text. DuckDB reads `s3://` with its extension `httpfs` and a secret of its own, and refuses
    /// a view of a table that has no objects.
    ///
    /// A query reads one object after the other: each row is whole, but rows that are written meanwhile
    /// may be seen or not.
    ///
    /// # Rows under a transaction
    ///
    /// Of tables with indexes or transactions, tombstones and rows that a transaction is about to
    /// create are left out. A row that a transaction is about to change or delete is seen **as it was
    /// before**, while the transaction runs, when it is aborted, and also after it is committed, until
    /// its objects are finished; that happens right after the commit, and if the program ends in
    /// between, when somebody writes the row or runs [`Db::settle`](crate::Db::settle). So of a
    /// transaction that has just been committed a query may see some rows new and others old. Where
    /// sums must agree, let transactions be [`settled`](crate::tx::Transaction::settled) or run `settle`, and let
    /// no writer be at work.
    ///
    /// # Errors
    /// [`Unsupported`](ErrorKind::Unsupported): the rows are not JSON as it is (raw, MessagePack, compressed,
    /// in a format of one's own), the database is in memory, or a `key_only` column is written in a form that SQL cannot read back.
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema};
    /// #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
    /// #[s3(table = "visits", path = "day=<day:ordered>/<id>")]
    /// struct Visit { day: u32, id: String, pages: Vec<u16> }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// let visits = Db::connect("s3://bucket?region=eu-north-1").await?.table::<Visit>();
    /// let view = visits.duckdb()?;
    /// assert!(view.contains("'s3://bucket/visits/day=*/*.json'"));
    /// assert!(view.contains(r#"'pages': 'USMALLINT[]'"#));
    /// # Ok(()) }
    /// ```
    pub fn duckdb(&self) -> Result<String> {
        self.duckdb_view()
            .map_err(|error| error.during("duckdb", T::SCHEMA.table))
    }

    /// The Athena statements that define this table, to be run one after the other. No request.
    ///
    /// As [`duckdb`](Self::duckdb), which says what a query sees, but: unsigned 64-bit integers are
    /// `decimal(20,0)`; timestamps, UUIDs and what is `JSON` there are `string`. New partitions are found
    /// by `MSCK REPAIR TABLE`. A view of the table's name leaves out what is no row, and finds key
    /// columns in the keys; without need of either there is the table alone. Athena does not read
    /// objects whose name begins with `_`: a row whose key ends in such a segment is not there for it.
    /// Names that are no names for Athena have `_` in place of other characters.
    ///
    /// # Errors
    /// As [`duckdb`](Self::duckdb); [`Unsupported`](ErrorKind::Unsupported) also where the database is no
    /// bucket.
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema};
    /// # #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<id>")]
    /// # struct Person { id: u64 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// let people = Db::connect("s3://bucket?region=eu-north-1").await?.table::<Person>();
    /// let statements = people.athena()?;
    /// assert_eq!(statements.len(), 1);
    /// assert!(statements[0].starts_with("CREATE EXTERNAL TABLE `people` ("));
    /// # Ok(()) }
    /// ```
    pub fn athena(&self) -> Result<Vec<String>> {
        self.athena_statements()
            .map_err(|error| error.during("athena", T::SCHEMA.table))
    }

    fn duckdb_view(&self) -> Result<String> {
        let columns = columns::<T>(self.db().prefix())?;
        let path = &T::SCHEMA.path;
        let files = format!(
            "{}{}{}",
            self.location()?,
            glob_text(self.folder()),
            glob(path)
        );
        let mut read = Vec::new();
        if T::SCHEMA.is_stamped() {
            read.push("'_m': 'STRUCT(del BOOLEAN, was VARCHAR)'".to_owned());
        }
        let (mut shown, mut partitions) = (Vec::new(), Vec::new());
        for Column { name, kind, place } in &columns {
            let (text, of_type) = (quoted(name, '\''), kind.duckdb());
            if let Place::Body | Place::Partition { stored: true } = place {
                read.push(format!("{text}: '{of_type}'"));
            }
            if let Place::Partition { .. } = place {
                partitions.push(format!("{text}: '{of_type}'"));
            }
            shown.push(match place {
                Place::Key { group } => {
                    let value = in_key(path, "s3orm_file", *group);
                    format!("CAST({value} AS {of_type}) AS {}", quoted(name, '"'))
                }
                _ => quoted(name, '"'),
            });
        }
        let hive = match partitions.as_slice() {
            [] => "hive_partitioning = false".to_owned(),
            of => format!(
                "hive_partitioning = true,\n    hive_types = {{{}}}",
                of.join(", ")
            ),
        };
        let mut view = format!(
            "CREATE OR REPLACE VIEW {} AS\nSELECT\n    {}\nFROM read_json(\n    {},\n    format = 'unstructured',\n    \
             records = true,\n    filename = 's3orm_file',\n    {hive},\n    columns = {{\n        {}\n    }}\n)",
            quoted(T::SCHEMA.table, '"'),
            shown.join(",\n    "),
            quoted(&files, '\''),
            read.join(",\n        "),
        );
        if T::SCHEMA.is_stamped() {
            view.push_str("\nWHERE _m.del IS NOT TRUE AND _m.was IS DISTINCT FROM 'absent'");
        }
        Ok(view)
    }

    fn athena_statements(&self) -> Result<Vec<String>> {
        let location = format!("{}{}", self.location()?, self.folder());
        if !location.starts_with("s3://") {
            let detail = "Athena reads buckets alone, and this database is a folder";
            return Err(Error::new(ErrorKind::Unsupported, detail));
        }
        let columns = columns::<T>(self.db().prefix())?;
        let in_keys = |column: &Column| matches!(column.place, Place::Key { .. });
        let has_view = T::SCHEMA.is_stamped() || columns.iter().any(in_keys);
        let name = athena_name(T::SCHEMA.table);
        let table = if has_view {
            format!("{name}_objects")
        } else {
            name.clone()
        };
        let mut statements = vec![athena_table::<T>(&table, &location, &columns)];
        if columns
            .iter()
            .any(|column| matches!(column.place, Place::Partition { .. }))
        {
            statements.push(format!("MSCK REPAIR TABLE `{table}`"));
        }
        if has_view {
            statements.push(athena_view::<T>(&name, &table, &columns));
        }
        Ok(statements)
    }

    /// What stands before the keys of objects.
    fn location(&self) -> Result<String> {
        let name = self.db().to_string();
        if name.starts_with("memory:") {
            let detail = "the database is in this program's memory, where no other reads it";
            return Err(Error::new(ErrorKind::Unsupported, detail));
        }
        Ok(match name.strip_prefix("file:") {
            Some(folder) => format!("{}/", glob_text(folder.trim_end_matches('/'))),
            None => format!("s3://{}/", self.db().store().bucket()),
        })
    }
}

/// A column as it is shown.
struct Column {
    name: &'static str,
    kind: Kind,
    place: Place,
}

/// Where a column's values are.
#[derive(Clone, Copy)]
enum Place {
    Body,
    /// In a segment `<name>=<value>` of the key, and in the body as well if it is stored.
    Partition {
        stored: bool,
    },
    /// In the key alone: the value of this number.
    Key {
        group: usize,
    },
}

fn columns<T: S3Schema>(prefix: &str) -> Result<Vec<Column>> {
    readable_form(T::SCHEMA)?;
    // Every segment with a `=` is a partition then, also those of the prefix.
    let hive = !prefix.contains('=');
    T::SCHEMA
        .columns
        .iter()
        .map(|column| shown(&T::SCHEMA.path, column, hive))
        .collect()
}

/// Query engines read objects that are JSON as they are stored.
fn readable_form(schema: &TableSchema) -> Result<()> {
    if schema.encrypt.is_some() {
        let detail = "the rows of this table are encrypted, and query engines have no keys";
        let help = "encrypt its columns alone: they are shown as texts, and the others as they are";
        return Err(Error::new(ErrorKind::Unsupported, detail).with_help(help));
    }
    let (form, help) = match (schema.body, schema.compress) {
        (BodyFormat::Json, None) => return Ok(()),
        (BodyFormat::Raw, _) => ("raw bytes, of which SQL has no columns", ""),
        (BodyFormat::Json, Some(_)) => ("compressed one by one", "leave `compress` out"),
        (BodyFormat::MessagePack, _) => ("MessagePack", "leave `body` out"),
        (BodyFormat::Own, _) => ("in a format of your own", "leave `body` out"),
    };
    let detail = format!("the rows of this table are {form}, and query engines read JSON as it is");
    let error = Error::new(ErrorKind::Unsupported, detail);
    Err(match help {
        "" => error,
        _ => error.with_help(format!("{help}, and write the rows anew with `update_all`")),
    })
}

fn shown(path: &PathTemplate, column: &ColumnSchema, hive: bool) -> Result<Column> {
    let kind = match column.encrypt {
        Some(_) => Kind::Text,
        None => Kind::of(column.rust_type),
    };
    let place = match place_in_key(path, column) {
        Some(at) if hive && is_partition(path, at, column.name, &kind) => Place::Partition {
            stored: column.stored,
        },
        Some(at) if !column.stored => {
            if !is_readable(form(path, at), &kind) {
                return Err(not_readable(column));
            }
            Place::Key {
                group: column.key.unwrap_or(0) + 1,
            }
        }
        _ => Place::Body,
    };
    // What is unknown stands in a key as a text, which need not be JSON.
    let kind = match (place, kind) {
        (Place::Key { .. }, Kind::Json) => Kind::Text,
        (_, kind) => kind,
    };
    Ok(Column {
        name: column.name,
        kind,
        place,
    })
}

fn not_readable(column: &ColumnSchema) -> Error {
    let detail = format!(
        "the column `{}` is in the key alone, in a form that SQL cannot read",
        column.name
    );
    let help = format!(
        "store it in the object as well: leave `key_only` away from `{}`",
        column.field
    );
    Error::new(ErrorKind::Unsupported, detail).with_help(help)
}

/// The place of a key column among the path's pieces.
fn place_in_key(path: &PathTemplate, column: &ColumnSchema) -> Option<usize> {
    let number = column.key?;
    let columns = path.pieces.iter().enumerate();
    let mut columns = columns.filter(|(_, piece)| matches!(piece, Piece::Column { .. }));
    columns.nth(number).map(|(at, _)| at)
}

fn form(path: &PathTemplate, at: usize) -> Form {
    match path.pieces[at] {
        Piece::Column { form, .. } => form,
        Piece::Literal(_) => Form::Plain,
    }
}

/// Whether a value's text in a key is its text in SQL, but for escapes.
fn is_readable(form: Form, kind: &Kind) -> bool {
    match (form, kind) {
        (Form::Desc, _) | (_, Kind::Timestamp) => false,
        (Form::Plain, _) => true,
        // Signed ones are shifted.
        (Form::Ordered, Kind::Integer { signed, .. }) => !signed,
        (Form::Ordered, kind) => matches!(kind, Kind::Text | Kind::Date | Kind::Uuid),
    }
}

/// Whether the piece is the whole value of a segment `<name>=<value>`, of a type that needs no escapes.
fn is_partition(path: &PathTemplate, at: usize, name: &str, kind: &Kind) -> bool {
    let before = at.checked_sub(1).and_then(|at| path.pieces.get(at));
    let begins = matches!(before, Some(Piece::Literal(text))
        if text.rsplit('/').next().and_then(|text| text.strip_suffix('=')) == Some(name));
    let ends =
        matches!(path.pieces.get(at + 1), Some(Piece::Literal(text)) if text.starts_with('/'));
    let bare = matches!(kind, Kind::Integer { .. } | Kind::Date | Kind::Uuid);
    begins && ends && bare && is_readable(form(path, at), kind)
}

/// The pattern of the keys below the table's folder.
fn glob(path: &PathTemplate) -> String {
    // A value that is not escaped may have a `/` of its own.
    if path.encoding == Encoding::Verbatim {
        return format!("**/*{}", glob_text(path.extension));
    }
    let mut out = String::new();
    for piece in path.pieces {
        match piece {
            Piece::Literal(text) => out.push_str(&glob_text(text)),
            Piece::Column { .. } => out.push('*'),
        }
    }
    out + &glob_text(path.extension)
}

/// A text as it stands in a pattern.
fn glob_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '*' | '?' | '[' => out.extend(['[', char, ']']),
            other => out.push(other),
        }
    }
    out
}

/// The expression of a value in a key, by its number from 1, given that of the object's name.
fn in_key(path: &PathTemplate, object: &str, group: usize) -> String {
    let mut regex = "/".to_owned();
    for piece in path.pieces {
        match (piece, path.encoding) {
            (Piece::Literal(text), _) => regex.push_str(&regex_text(text)),
            (_, Encoding::Escaped) => regex.push_str("([^/]*?)"),
            (_, Encoding::Verbatim) => regex.push_str("(.*?)"),
        }
    }
    let _ = write!(regex, "{}$", regex_text(path.extension));
    let value = format!(
        "regexp_extract({object}, {}, {group})",
        quoted(&regex, '\'')
    );
    match path.encoding {
        Encoding::Escaped => format!("url_decode(replace(replace({value}, '!_', ''), '!', '%'))"),
        Encoding::Verbatim => value,
    }
}

fn regex_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_ascii_punctuation() && !matches!(char, '/' | '=' | '-' | '_') {
            out.push('\\');
        }
        out.push(char);
    }
    out
}

/// A name or a text, in its quotes.
fn quoted(text: &str, quote: char) -> String {
    let (one, two) = (quote.to_string(), format!("{quote}{quote}"));
    format!("{quote}{}{quote}", text.replace(&one, &two))
}

/// A text in Hive's quotes.
fn hive_text(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// What Athena takes for a name: it has no upper case.
fn athena_name(name: &str) -> String {
    let char = |char: char| {
        if char.is_ascii_alphanumeric() {
            char.to_ascii_lowercase()
        } else {
            '_'
        }
    };
    let name: String = name.chars().map(char).collect();
    if name.starts_with('_') {
        format!("s3orm{name}")
    } else {
        name
    }
}

fn athena_table<T: S3Schema>(table: &str, location: &str, columns: &[Column]) -> String {
    let (mut read, mut partitions, mut renamed) = (Vec::new(), Vec::new(), Vec::new());
    if T::SCHEMA.is_stamped() {
        read.push("`s3orm_m` struct<del:boolean,was:string>".to_owned());
        renamed.push("'mapping.s3orm_m' = '_m'".to_owned());
    }
    for Column { name, kind, place } in columns {
        let own = athena_name(name);
        let column = format!("`{own}` {}", kind.athena());
        match place {
            Place::Body => {
                if own != *name {
                    renamed.push(format!("'mapping.{own}' = {}", hive_text(name)));
                }
                read.push(column);
            }
            Place::Partition { .. } => partitions.push(column),
            Place::Key { .. } => {}
        }
    }
    let mut out = format!(
        "CREATE EXTERNAL TABLE `{table}` (\n    {}\n)",
        read.join(",\n    ")
    );
    if !partitions.is_empty() {
        let _ = write!(out, "\nPARTITIONED BY ({})", partitions.join(", "));
    }
    out.push_str("\nROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'");
    if !renamed.is_empty() {
        let _ = write!(out, "\nWITH SERDEPROPERTIES ({})", renamed.join(", "));
    }
    let _ = write!(out, "\nLOCATION {}", hive_text(location));
    out
}

fn athena_view<T: S3Schema>(name: &str, table: &str, columns: &[Column]) -> String {
    let shown: Vec<String> = columns
        .iter()
        .map(|Column { name, kind, place }| match place {
            Place::Key { group } => {
                let value = in_key(&T::SCHEMA.path, "\"$path\"", *group);
                let of_type = match kind.athena().as_str() {
                    "string" => "varchar".to_owned(),
                    other => other.to_owned(),
                };
                format!("CAST({value} AS {of_type}) AS \"{}\"", athena_name(name))
            }
            _ => format!("\"{}\"", athena_name(name)),
        })
        .collect();
    let shown = shown.join(",\n    ");
    let mut out =
        format!("CREATE OR REPLACE VIEW \"{name}\" AS\nSELECT\n    {shown}\nFROM \"{table}\"");
    if T::SCHEMA.is_stamped() {
        out.push_str("\nWHERE coalesce(s3orm_m.del, false) = false AND coalesce(s3orm_m.was, 'row') <> 'absent'");
    }
    out
}
