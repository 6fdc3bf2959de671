//! Which blobs the objects of a table name.

use bytes::Bytes;
use serde_json::Value;

use super::id::BlobId;
use super::noted::noted;
use crate::body::{BodyError, Content};
use crate::db::Db;
use crate::encrypt;
use crate::error::Result;
use crate::key::KeyTuple as _;
use crate::schema::S3Schema;
use crate::stamp::body::Op;
use crate::stamp::{Form, seen};
use crate::store::{GetObject, Object, StoreErrorKind};
use crate::table::{Table, store_error};

/// A table whose rows may name blobs.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) table: &'static str,
    /// What an object of the table names.
    blobs: fn(&Db, &str, &Object) -> Result<Vec<BlobId>>,
}

impl Named {
    pub(super) fn of<T: S3Schema>() -> Self {
        Self {
            table: T::SCHEMA.table,
            blobs: blobs_of::<T>,
        }
    }

    /// `<prefix>/<table>/`
    pub(super) fn folder(&self, db: &Db) -> String {
        format!("{}{}/", db.prefix(), self.table)
    }

    /// The blobs that an object names; none, if it is gone.
    pub(super) async fn read(self, db: Db, key: String) -> Result<Vec<BlobId>> {
        let request = GetObject {
            key: key.clone(),
            max_bytes: Some(db.max_object_bytes()),
            ..GetObject::default()
        };
        match db.store().get(request).await {
            Ok(object) => (self.blobs)(&db, &key, &object),
            Err(error) if error.kind() == StoreErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(store_error(error, Some(key))),
        }
    }
}

/// By the bytes, whatever they say there, and by the rows that they are: one finds what is no
/// column of the struct, the other what the bytes do not show.
fn blobs_of<T: S3Schema>(db: &Db, key: &str, object: &Object) -> Result<Vec<BlobId>> {
    let wrong = |error: BodyError| error.into_error(key);
    let limit = db.max_object_bytes();
    let opened = db.sealer(key).open(&object.meta, &object.body, limit);
    let plain = opened.map_err(wrong)?.bytes;
    let mut found = in_text(&plain);
    let table = db.table::<T>();
    let path = key.strip_prefix(table.folder()).unwrap_or_default();
    let is_encrypted = T::SCHEMA.has_encrypted_columns();
    if !is_encrypted {
        encrypt::check_seen(&plain).map_err(wrong)?;
    }
    if T::Key::parse(&T::SCHEMA.path, path).is_err() && !is_encrypted {
        return Ok(found); // of an older path, or somebody else's
    }
    let rows = if T::SCHEMA.is_stamped() {
        rows_of(seen::stamped(db, key, object).map_err(wrong)?.1)
    } else {
        vec![Bytes::from(plain.into_owned())]
    };
    let content_type = object.meta.content_type.as_deref();
    for columns in rows {
        let content = Content::stored(T::SCHEMA.body, content_type, &columns);
        if is_encrypted {
            let opened = table.open_columns(key, &content)?;
            encrypt::check_seen(&opened).map_err(wrong)?;
            found.extend(in_text(&opened));
        }
        found.extend(in_row(&table, key, path, &content)?);
    }
    Ok(found)
}

/// By the row as it is stored, of whichever version, before its hooks.
fn in_row<T: S3Schema>(
    table: &Table<T>,
    object: &str,
    path: &str,
    content: &Content<'_>,
) -> Result<Vec<BlobId>> {
    let Ok(key) = T::Key::parse(&T::SCHEMA.path, path) else {
        return Ok(Vec::new());
    };
    let (row, blobs) = noted(|| table.decode_stored(key, object, content));
    row.map(|_| blobs)
}

/// The rows that a stamped object is: of one under a transaction that before it and that after.
fn rows_of(form: Form) -> Vec<Bytes> {
    match form {
        Form::Tombstone => Vec::new(),
        Form::Row(columns) => vec![columns],
        Form::Intent(intent) => {
            let new = match intent.op {
                Op::Put(new) => Some(new),
                Op::Delete | Op::Check => None,
            };
            intent.was.into_iter().chain(new).collect()
        }
    }
}

/// JSON may write any character in another way, which only who reads it sees.
fn in_text(bytes: &[u8]) -> Vec<BlobId> {
    let mut found = Vec::new();
    BlobId::all_in(bytes, |id| found.push(id));
    if bytes.contains(&b'\\')
        && let Ok(value) = serde_json::from_slice::<Value>(bytes)
    {
        in_value(&value, &mut found);
    }
    found
}

fn in_value(value: &Value, found: &mut Vec<BlobId>) {
    match value {
        Value::String(text) => BlobId::all_in(text.as_bytes(), |id| found.push(id)),
        Value::Array(values) => values.iter().for_each(|value| in_value(value, found)),
        Value::Object(members) => {
            for (name, value) in members {
                BlobId::all_in(name.as_bytes(), |id| found.push(id));
                in_value(value, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_however_it_is_written() {
        let id = BlobId::of("people", 9);
        let key = id.to_string();
        for text in [
            format!(r#"{{"a":[{{"b":"{key}"}}]}}"#),
            format!(r#"{{"{key}":1}}"#),
            format!(r#"{{"a":"{}"}}"#, key.replace('/', r"\/")),
            format!(r#"{{"a":"{}"}}"#, key.replace('p', r"\u0070")),
            format!("no JSON, but {key}"),
        ] {
            assert!(in_text(text.as_bytes()).contains(&id), "{text}");
        }
        assert!(in_text(&key.as_bytes()[1..]).is_empty());
    }
}
