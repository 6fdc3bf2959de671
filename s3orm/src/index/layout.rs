//! What the objects of an index are called, and what is in them.

use std::any::Any;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::handle::{IndexColumn, IndexSchema, IndexVisitor, Projection};
use crate::body::BodyError;
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Encoding, Form, KeyError, PathTemplate, Piece, PrefixText, write_column};
use crate::schema::S3Schema;
use crate::store::check_key;
use crate::table::Table;

/// The folders of all entries and of all claims, under the database's prefix.
const ENTRIES: &str = "_s3orm/ix/";
const CLAIMS: &str = "_s3orm/uq/";

/// The folder of an index.
pub(crate) fn folder(db: &Db, table: &str, index: &IndexSchema) -> String {
    folder_of(db, table, index.unique, index.name)
}

/// The folder of an index of this name.
pub(crate) fn folder_of(db: &Db, table: &str, unique: bool, name: &str) -> String {
    let all = if unique { CLAIMS } else { ENTRIES };
    format!("{}{all}{table}/{name}/", db.prefix())
}

/// The key of the entry or the claim of these values. `row` is the path of the row.
///
/// # Errors
/// [`InvalidKey`](ErrorKind::InvalidKey): it is too long.
pub(crate) fn object_key(
    db: &Db,
    table: &str,
    index: &IndexSchema,
    values: &str,
    row: &str,
) -> Result<String> {
    let folder = folder(db, table, index);
    let key = if index.unique {
        format!("{folder}{values}.json")
    } else {
        format!("{folder}{values}/{row}")
    };
    check_key(&key).map_err(|_| {
        let len = key.len();
        let (kind, name) = (index.kind(), index.name);
        let detail = format!(
            "the {kind} `{name}` makes a key of {len} bytes of the row's values; S3 takes 1024"
        );
        let columns = index.columns.join("`, `");
        let help = format!("shorten `{columns}`, or leave it out of the index");
        Error::new(ErrorKind::InvalidKey, detail).with_help(help)
    })?;
    Ok(key)
}

/// The values and the path of the row, of what follows the index's folder in an entry's key.
pub(crate) fn split_entry<'k>(index: &IndexSchema, rest: &'k str) -> Option<(&'k str, &'k str)> {
    let slash = rest.match_indices('/').nth(index.columns.len() - 1)?.0;
    Some((&rest[..slash], &rest[slash + 1..]))
}

/// The path of an index's values alone.
pub(crate) fn values_path(index: &IndexSchema) -> PathTemplate {
    PathTemplate {
        pieces: &index.path.pieces[..2 * index.columns.len() - 1],
        extension: "",
        encoding: Encoding::Escaped,
    }
}

/// The values of a row, as they stand in the keys of an index; `None` where one is missing.
///
/// # Errors
/// [`InvalidKey`](ErrorKind::InvalidKey): a value has no text.
pub(crate) fn values_of<S: S3Schema>(row: &S, number: usize) -> Result<Option<String>> {
    let index = &S::SCHEMA.indexes[number];
    let mut writer = Writer {
        row,
        forms: forms(index),
        text: Ok(Some(String::new())),
    };
    S::index_columns(number, &mut writer);
    writer.text.map_err(|error| {
        let detail = format!("{} `{}`: {error}", index.kind(), index.name);
        Error::new(ErrorKind::InvalidKey, detail)
    })
}

/// How its columns are written.
fn forms(index: &IndexSchema) -> impl Iterator<Item = (&'static str, Form)> + use<> {
    let columns = index.path.pieces.iter().filter_map(|piece| match *piece {
        Piece::Column { name, form } => Some((name, form)),
        Piece::Literal(_) => None,
    });
    columns.take(index.columns.len())
}

struct Writer<'r, S, F> {
    row: &'r S,
    forms: F,
    text: Result<Option<String>, KeyError>,
}

impl<S, F: Iterator<Item = (&'static str, Form)>> IndexVisitor<S> for Writer<'_, S, F> {
    fn column<T: IndexColumn>(&mut self, of_row: fn(&S) -> Option<&T>) {
        let Some((name, form)) = self.forms.next() else {
            return;
        };
        let Ok(Some(text)) = &mut self.text else {
            return;
        };
        let Some(value) = of_row(self.row) else {
            self.text = Ok(None);
            return;
        };
        if !text.is_empty() {
            text.push('/');
        }
        if let Err(error) = write_column(value, form, Encoding::Escaped, text) {
            self.text = Err(KeyError {
                column: Some(name),
                error,
            });
        }
    }
}

/// Fixes column number `column` of an index to a value of that column's type; `false` if it is of
/// another type.
pub(crate) fn fix<S: S3Schema>(
    number: usize,
    column: usize,
    value: &dyn Any,
    prefix: &mut PrefixText,
) -> bool {
    let mut fixer = Fixer {
        left: column,
        value: Some(value),
        prefix,
        fixed: false,
    };
    S::index_columns(number, &mut fixer);
    fixer.fixed
}

struct Fixer<'a> {
    left: usize,
    value: Option<&'a dyn Any>,
    prefix: &'a mut PrefixText,
    fixed: bool,
}

impl<S> IndexVisitor<S> for Fixer<'_> {
    fn column<T: IndexColumn>(&mut self, _: fn(&S) -> Option<&T>) {
        if self.left > 0 {
            self.left -= 1;
            return;
        }
        if let Some(value) = self.value.take().and_then(<dyn Any>::downcast_ref::<T>) {
            self.prefix.fix(value);
            self.fixed = true;
        }
    }
}

/// What one row has in one index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fact {
    /// Its values, as they stand in a key.
    pub(crate) values: String,
    /// The columns that the entry holds; empty where it holds none.
    pub(crate) columns: Map<String, Value>,
}

/// What a row has in each index of its table; nothing in any where there is no row.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    facts: Vec<Option<Fact>>,
    /// Whether they are of a row that was read in an older version: what its writer has put into the
    /// indexes may be something else.
    pub(crate) are_of_old: bool,
}

impl Facts {
    /// Of a row and its stored columns.
    ///
    /// # Errors
    /// [`InvalidKey`](ErrorKind::InvalidKey), [`Decode`](ErrorKind::Decode).
    pub(crate) fn of_row<S: S3Schema>(row: &S, columns: &[u8]) -> Result<Self> {
        let mut members = None;
        let facts = (0..S::SCHEMA.indexes.len()).map(|number| {
            let Some(values) = values_of(row, number)? else {
                return Ok(None);
            };
            let projection = S::SCHEMA.indexes[number].projection;
            let columns = match projection {
                Projection::Keys => Map::new(),
                _ if members.is_none() => project(projection, members.insert(parse(columns)?)),
                _ => project(projection, members.get_or_insert_default()),
            };
            Ok(Some(Fact { values, columns }))
        });
        Ok(Self {
            facts: facts.collect::<Result<_>>()?,
            are_of_old: false,
        })
    }

    /// Of a row that is stored as this version.
    pub(crate) fn of_version<S: S3Schema>(self, version: u32) -> Self {
        Self {
            are_of_old: version < S::SCHEMA.version,
            ..self
        }
    }

    /// Of the stored columns of the row at a key; of no row where there are none.
    ///
    /// # Errors
    /// [`InvalidKey`](ErrorKind::InvalidKey), [`Decode`](ErrorKind::Decode).
    pub(crate) fn of_columns<S: S3Schema>(
        table: &Table<S>,
        key: &S::Key,
        columns: Option<&Bytes>,
    ) -> Result<Self> {
        let Some(columns) = columns else {
            return Ok(Self::default());
        };
        let object = table.object_key(key)?;
        let stored = Table::<S>::columns(columns);
        let (row, version) = table.decode_stored(key.clone(), &object, &stored)?;
        let facts = Self::of_row(&row, columns).map_err(|error| error.with_key(object))?;
        Ok(facts.of_version::<S>(version))
    }

    /// What the row has in index number `number`.
    pub(crate) fn get(&self, number: usize) -> Option<&Fact> {
        self.facts.get(number)?.as_ref()
    }

    /// Its values there.
    pub(crate) fn values(&self, number: usize) -> Option<&str> {
        self.get(number).map(|fact| &*fact.values)
    }
}

fn parse(columns: &[u8]) -> Result<Map<String, Value>> {
    serde_json::from_slice(columns).map_err(|error| {
        Error::new(ErrorKind::Decode, "the row is not a JSON object").with_source(error)
    })
}

fn project(projection: Projection, members: &Map<String, Value>) -> Map<String, Value> {
    match projection {
        Projection::Keys => Map::new(),
        Projection::All => members.clone(),
        Projection::Columns(names) => {
            let held = names.iter().filter_map(|name| {
                let (name, value) = members.get_key_value(*name)?;
                Some((name.clone(), value.clone()))
            });
            held.collect()
        }
    }
}

/// `_m` of an entry.
#[derive(Debug, Serialize, Deserialize)]
struct Member {
    v: String,
    /// The version of the row that the columns are of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    row: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct EntryBody {
    #[serde(rename = "_m")]
    member: Member,
    #[serde(flatten)]
    columns: Map<String, Value>,
}

/// An entry's bytes. `row` is the version of the row.
pub(crate) fn entry_body(stamp: &str, row: &str, columns: &Map<String, Value>) -> Result<Bytes> {
    let body = EntryBody {
        member: Member {
            v: stamp.to_owned(),
            row: (!columns.is_empty()).then(|| row.to_owned()),
        },
        columns: columns.clone(),
    };
    let bytes = serde_json::to_vec(&body);
    let bytes = bytes.map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?;
    Ok(bytes.into())
}

/// The row's version and the columns of an entry.
pub(crate) fn read_entry(body: &[u8]) -> Result<(Option<String>, Map<String, Value>), BodyError> {
    let body: EntryBody = serde_json::from_slice(body)
        .map_err(|error| BodyError::new("the object is no entry").with_source(error))?;
    Ok((body.member.row, body.columns))
}

/// What a claim says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ClaimBody {
    #[serde(rename = "_m")]
    member: ClaimMember,
    /// The paths of the rows that may have the value.
    pub(crate) pks: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct ClaimMember {
    v: String,
}

impl ClaimBody {
    pub(crate) fn new(stamp: &str, pks: Vec<String>) -> Self {
        let v = stamp.to_owned();
        Self {
            member: ClaimMember { v },
            pks,
        }
    }

    pub(crate) fn write(&self) -> Result<Bytes> {
        let bytes = serde_json::to_vec(self);
        let bytes = bytes.map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?;
        Ok(bytes.into())
    }

    pub(crate) fn read(body: &[u8]) -> Result<Self, BodyError> {
        serde_json::from_slice(body)
            .map_err(|error| BodyError::new("the object is no claim").with_source(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: IndexSchema = IndexSchema {
        name: "by_city_age",
        columns: &["city", "age"],
        unique: false,
        projection: Projection::Keys,
        path: PathTemplate {
            pieces: &[],
            extension: ".json",
            encoding: Encoding::Escaped,
        },
    };

    #[test]
    fn an_entry_is_its_values_and_the_path_of_its_row() {
        let found = split_entry(&INDEX, "Oslo/00030/eu/7.json");
        assert_eq!(found, Some(("Oslo/00030", "eu/7.json")));
        assert_eq!(split_entry(&INDEX, "Oslo"), None);
    }

    #[test]
    fn the_stamp_comes_first() {
        let columns = parse(br#"{"name":"Ann","age":3}"#).unwrap();
        let body = entry_body("s", "r", &columns).unwrap();
        assert!(
            body.starts_with(br#"{"_m":{"v":"s","row":"r"},"#),
            "{body:?}"
        );
        assert_eq!(read_entry(&body).unwrap(), (Some("r".into()), columns));
        let body = entry_body("s", "r", &Map::new()).unwrap();
        assert_eq!(&*body, br#"{"_m":{"v":"s"}}"#);
    }
}
