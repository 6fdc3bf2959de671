//! A table's description as it is on the bucket: what a program writes there, and what another one
//! reads.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{BodyFormat, ColumnSchema, Managed, TableSchema};
use crate::index::{IndexSchema, Projection};
use crate::key::Encoding;

/// A table's description as it is stored, in `<prefix>/_s3orm/schema/<table>.json`.
///
/// From [`Table::create`](crate::Table::create), [`Table::schema`](crate::Table::schema) and
/// [`Db::schema`](crate::Db::schema); or of a program's own struct:
///
/// ```
/// use s3orm::{S3Schema, StoredSchema};
///
/// #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
/// #[s3(table = "people", path = "<city>/<id>")]
/// struct Person { city: String, id: u64, email: Option<String> }
///
/// let schema = StoredSchema::from(Person::SCHEMA);
/// assert_eq!((&*schema.path, &*schema.extension), ("<city>/<id>", ".json"));
/// assert!(schema.column("email").is_some_and(|column| column.nullable));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StoredSchema {
    /// The table's name.
    #[serde(default)]
    pub table: String,
    /// The version of the rows that are written: 1, unless `#[s3(version = ...)]` says otherwise.
    #[serde(default = "first")]
    pub version: u32,
    /// While a change of version is under way, the oldest version that rows may have. `None` once
    /// all of them are of `version`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<u32>,
    /// While the table [goes back](crate::migrate::Migrate::down_to) to an older version, the newest
    /// version that rows may have. `None` once no row is of a newer one than `version`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<u32>,
    /// Which change of version is under way: what was noted of another one says nothing of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) change: Option<String>,
    /// How a key is built, as in the struct's attribute: `<city>/<id>`. Empty where nobody has
    /// described the table yet, and only its indexes are known.
    #[serde(default)]
    pub path: String,
    /// What follows the path in a key.
    #[serde(default)]
    pub extension: String,
    /// Whether values are escaped in keys.
    #[serde(default)]
    pub encoding: Encoding,
    /// What rows are written as: the name in `#[s3(body = "...")]`.
    #[serde(default)]
    pub body: String,
    /// Whether its rows can take part in transactions.
    #[serde(default)]
    pub transactional: bool,
    /// Whether each row is [encrypted](crate::encrypt) as a whole.
    #[serde(default, skip_serializing_if = "is_false")]
    pub encrypted: bool,
    /// The columns, in the order of the struct's fields.
    #[serde(default)]
    pub columns: Vec<StoredColumn>,
    /// The struct's documentation.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// The indexes by their names: `index.city` is a plain one, `unique.email` a unique one.
    #[serde(default)]
    pub indexes: BTreeMap<String, StoredIndex>,
    /// What newer versions of the library have written besides.
    #[serde(flatten)]
    pub(crate) rest: Map<String, Value>,
}

fn first() -> u32 {
    1
}

/// A column's description as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StoredColumn {
    /// Its name in the stored object.
    pub name: String,
    /// Its field's name, which the path uses, where that is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The Rust type of its values, as written; of a nullable column what the `Option` holds.
    #[serde(rename = "type")]
    pub rust_type: String,
    /// Whether the value may be missing.
    #[serde(default, skip_serializing_if = "is_false")]
    pub nullable: bool,
    /// What a row without the column gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Its place among the key columns, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<usize>,
    /// Whether it is in the key alone, and not in the object's bytes.
    #[serde(default, skip_serializing_if = "is_false")]
    pub key_only: bool,
    /// What the library fills in: `generated`, `created_at` or `updated_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed: Option<String>,
    /// Whether its values are [encrypted](crate::encrypt).
    #[serde(default, skip_serializing_if = "is_false")]
    pub encrypted: bool,
    /// The field's documentation.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it")]
fn is_false(value: &bool) -> bool {
    !value
}

/// An index as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StoredIndex {
    /// Its columns, in order.
    pub columns: Vec<String>,
    /// The columns that its entries keep; `*` for all of them.
    pub projection: Vec<String>,
    /// Whether it may be asked.
    pub state: IndexState,
    /// Whether others may have known of this table's indexes without this one.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) joined: bool,
}

/// Whether an index may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum IndexState {
    /// Not yet: rows may be missing in it. Writers keep it; it is to be [built](crate::index).
    WriteOnly,
    /// It holds every row.
    Readable,
}

impl StoredSchema {
    /// Of a path, as descriptions have it, with nothing else known: rows are JSON.
    pub(crate) fn of_path(table: &str, path: &str) -> Self {
        Self {
            table: table.to_owned(),
            version: first(),
            oldest: None,
            newest: None,
            change: None,
            path: path.to_owned(),
            extension: String::new(),
            encoding: Encoding::default(),
            body: BodyFormat::Json.name().to_owned(),
            transactional: false,
            encrypted: false,
            columns: Vec::new(),
            comment: String::new(),
            indexes: BTreeMap::new(),
            rest: Map::new(),
        }
    }

    /// The column of this name in the stored object.
    pub fn column(&self, name: &str) -> Option<&StoredColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether its columns are known, and not its indexes alone.
    pub fn is_described(&self) -> bool {
        !self.path.is_empty()
    }

    /// Whether its rows, or columns of them, are encrypted.
    pub(crate) fn is_sealed(&self) -> bool {
        self.encrypted || self.columns.iter().any(|column| column.encrypted)
    }

    /// The oldest version that rows may have.
    pub fn oldest_rows(&self) -> u32 {
        self.oldest.unwrap_or(self.version).min(self.version)
    }

    /// The newest version that rows may have.
    pub fn newest_rows(&self) -> u32 {
        self.newest.unwrap_or(self.version).max(self.version)
    }

    /// Takes the description of another over, which keeps what is known of indexes and rows.
    pub(crate) fn describe(&mut self, as_in: &Self) {
        *self = Self {
            version: self.version,
            oldest: self.oldest,
            newest: self.newest,
            change: self.change.take(),
            indexes: std::mem::take(&mut self.indexes),
            rest: std::mem::take(&mut self.rest),
            ..as_in.clone()
        };
    }
}

impl StoredColumn {
    /// A column of the body with this name in the stored object and this Rust type, for
    /// [`Dynamic::create`](crate::dynamic::Dynamic::create).
    pub fn new(name: impl Into<String>, rust_type: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            field: None,
            rust_type: rust_type.into(),
            nullable: false,
            default: None,
            key: None,
            key_only: false,
            managed: None,
            encrypted: false,
            comment: String::new(),
        }
    }

    /// Its value may be missing.
    #[must_use]
    pub fn nullable(self) -> Self {
        Self {
            nullable: true,
            ..self
        }
    }

    /// What the path calls it.
    pub fn field(&self) -> &str {
        self.field.as_deref().unwrap_or(&self.name)
    }
}

impl StoredIndex {
    pub(crate) fn new(index: &IndexSchema, state: IndexState, joined: bool) -> Self {
        let texts = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Self {
            columns: texts(index.columns),
            projection: match index.projection {
                Projection::Keys => Vec::new(),
                Projection::All => vec!["*".to_owned()],
                Projection::Columns(names) => texts(names),
            },
            state,
            joined,
        }
    }

    /// Whether both are over the same columns and keep the same.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.columns == other.columns && self.projection == other.projection
    }
}

/// The name of an index among those of its table: plain and unique ones may share theirs.
pub(crate) fn index_name(index: &IndexSchema) -> String {
    let kind = if index.unique { "unique" } else { "index" };
    format!("{kind}.{}", index.name)
}

/// What a program's struct says, with no index built.
impl From<&TableSchema> for StoredSchema {
    fn from(schema: &TableSchema) -> Self {
        let indexes = schema.indexes.iter().map(|index| {
            let stored = StoredIndex::new(index, IndexState::WriteOnly, false);
            (index_name(index), stored)
        });
        let path = schema.path.to_string();
        let path = path.strip_suffix(schema.path.extension);
        Self {
            table: schema.table.to_owned(),
            version: schema.version,
            oldest: None,
            newest: None,
            change: None,
            path: path.unwrap_or_default().to_owned(),
            extension: schema.path.extension.to_owned(),
            encoding: schema.path.encoding,
            body: schema.body.name().to_owned(),
            transactional: schema.transactional,
            encrypted: schema.encrypt.is_some(),
            columns: schema.columns.iter().map(StoredColumn::from).collect(),
            comment: schema.doc.to_owned(),
            indexes: indexes.collect(),
            rest: Map::new(),
        }
    }
}

impl From<&ColumnSchema> for StoredColumn {
    fn from(column: &ColumnSchema) -> Self {
        let renamed = column.field != column.name;
        Self {
            name: column.name.to_owned(),
            field: renamed.then(|| column.field.to_owned()),
            rust_type: value_type(column),
            nullable: column.nullable,
            default: column.default.map(str::to_owned),
            key: column.key,
            key_only: column.key.is_some() && !column.stored,
            managed: column.managed.map(|managed| managed.name().to_owned()),
            encrypted: column.encrypt.is_some(),
            comment: column.doc.to_owned(),
        }
    }
}

/// The type of a column's values, without the `Option` around it.
fn value_type(column: &ColumnSchema) -> String {
    let inside = || {
        let (option, rest) = column.rust_type.split_once('<')?;
        let is_option = option.trim_end().ends_with("Option");
        let inside = rest.trim_end().strip_suffix('>')?;
        is_option.then(|| inside.trim().trim_end_matches(',').to_owned())
    };
    let inside = if column.nullable { inside() } else { None };
    inside.unwrap_or_else(|| column.rust_type.to_owned())
}

impl BodyFormat {
    /// Its name in `#[s3(body = "...")]`; `own` is any format of one's own.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::MessagePack => "msgpack",
            Self::Own => "own",
            Self::Raw => "raw",
        }
    }
}

impl Managed {
    fn name(self) -> &'static str {
        match self {
            Self::Generated => "generated",
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It is on buckets.
    #[test]
    fn what_told_of_indexes_alone_is_read() {
        let old = r#"{"_m":{"v":"x"},"indexes":{"index.city":{"columns":["city"],"projection":[],"state":"readable"}},"new":7}"#;
        let schema: StoredSchema = serde_json::from_str(old).unwrap();
        assert!(!schema.is_described());
        assert_eq!((schema.version, schema.oldest_rows()), (1, 1));
        assert_eq!(schema.indexes["index.city"].state, IndexState::Readable);
        let again = serde_json::to_value(&schema).unwrap();
        assert_eq!(again["new"], 7, "what is not known stays");
    }

    #[test]
    fn the_option_around_a_type_is_left_out() {
        let column = |rust_type, nullable| ColumnSchema {
            name: "a",
            field: "a",
            rust_type,
            nullable,
            default: None,
            key: None,
            stored: true,
            managed: None,
            encrypt: None,
            doc: "",
        };
        for (rust_type, nullable, value) in [
            ("Option<u32>", true, "u32"),
            ("std::option::Option< Vec<u8> >", true, "Vec<u8>"),
            ("Vec<Option<u8>>", false, "Vec<Option<u8>>"),
            ("Maybe", true, "Maybe"),
        ] {
            assert_eq!(value_type(&column(rust_type, nullable)), value);
        }
    }
}
