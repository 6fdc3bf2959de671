//! Which blobs the objects of a table name.

use bytes::Bytes;

use super::id::{BlobId, in_text};
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
        let opened = table.open_columns(key, &content)?;
        if is_encrypted {
            encrypt::check_seen(&opened).map_err(wrong)?;
            found.extend(in_text(&opened));
        }
        let opened = Content::new(content.format, &opened);
        found.extend(in_row(&table, key, path, &opened)?);
    }
    Ok(found)
}

/// By the row as it is stored, of whichever version, before its hooks.
fn in_row<T: S3Schema>(
    table: &Table<T>,
    object: &str,
    path: &str,
    opened: &Content<'_>,
) -> Result<Vec<BlobId>> {
    let Ok(key) = T::Key::parse(&T::SCHEMA.path, path) else {
        return Ok(Vec::new());
    };
    let (row, blobs) = noted(|| table.decode_opened(key, object, opened));
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
