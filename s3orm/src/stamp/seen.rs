//! A row of a stamped table as somebody sees it: the reader's rule.

use std::borrow::Cow;

use bytes::Bytes;

use super::body::{self, Form, Intent, Op, Stamp};
use super::record::{Record, State};
use crate::body::{BodyError, named};
use crate::db::Db;
use crate::env::Env;
use crate::error::{Error, ErrorKind, Result};
use crate::row::Version;
use crate::schema::BodyFormat;
use crate::store::{ETag, GetObject, Object, ObjectMeta, Precondition, PutObject, StoreErrorKind};
use crate::table::store_error;
use crate::write;

/// What was there at a key at one instant.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// The object's key.
    pub(crate) key: String,
    /// The object, unless there is none.
    pub(crate) object: Option<SeenObject>,
    /// The row's columns, unless there is no row.
    pub(crate) row: Option<Bytes>,
    /// Which write made the row, or deleted it.
    pub(crate) value_version: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct SeenObject {
    pub(crate) meta: ObjectMeta,
    /// The object's own stamp, unless another program has written it.
    pub(crate) stamp: Option<Stamp>,
    /// The transaction that it is under.
    pub(crate) under: Option<Under>,
}

/// The transaction of an intent.
#[derive(Debug, Clone)]
pub(crate) struct Under {
    pub(crate) intent: Intent,
    /// Its record, unless that is gone or is not this row's.
    pub(crate) record: Option<Record>,
}

/// Reads what is at a key.
///
/// # Errors
/// [`Decode`](ErrorKind::Decode), [`LimitExceeded`](ErrorKind::LimitExceeded), and those of the
/// connection.
///
/// Cost: 1 GET. Under a transaction 1 GET more, of its record, and the row's again if that is gone.
pub(crate) async fn look(db: &Db, key: &str) -> Result<Seen> {
    let mut without_record: Option<ETag> = None;
    loop {
        let Some((meta, stamp, form)) = read(db, key).await? else {
            return Ok(Seen {
                key: key.to_owned(),
                object: None,
                row: None,
                value_version: None,
            });
        };
        let intent = match form {
            Form::Intent(intent) => intent,
            Form::Row(columns) => return Ok(seen(key, meta, stamp, Some(columns))),
            Form::Tombstone => return Ok(seen(key, meta, stamp, None)),
        };
        // A record goes after its rows are clean. So where the row is as it was before the record
        // was looked for, the transaction never got as far as to count.
        if without_record.as_ref() == Some(&meta.etag) {
            return Ok(under(db, key, meta, stamp, intent, None));
        }
        match Record::read(db, &intent.tx).await? {
            None => without_record = Some(meta.etag),
            record => return Ok(under(db, key, meta, stamp, intent, record)),
        }
    }
}

async fn read(db: &Db, key: &str) -> Result<Option<(ObjectMeta, Option<Stamp>, Form)>> {
    let request = GetObject {
        key: key.to_owned(),
        max_bytes: Some(db.max_object_bytes()),
        ..GetObject::default()
    };
    match db.store().get(request).await {
        Ok(object) => {
            let (stamp, form) = stamped(db, key, &object).map_err(|error| error.into_error(key))?;
            Ok(Some((object.meta, stamp, form)))
        }
        Err(error) if error.kind() == StoreErrorKind::NotFound => Ok(None),
        Err(error) => Err(store_error(error, Some(key.to_owned()))),
    }
}

/// What an object is. It may be of the time before its table was stamped, and compressed or encrypted.
pub(crate) fn stamped(
    db: &Db,
    key: &str,
    object: &Object,
) -> Result<(Option<Stamp>, Form), BodyError> {
    let meta = &object.meta;
    let content_type = meta.content_type.as_deref().unwrap_or_default();
    if named(content_type) == Some(BodyFormat::MessagePack) {
        let detail =
            "the row is MessagePack, and those of tables with indexes or transactions are JSON";
        return Err(BodyError::new(detail).with_help(
            "write it anew as JSON before the table has either: by `update_all`, without `body`",
        ));
    }
    let opened = db
        .sealer(key)
        .open(meta, &object.body, db.max_row_bytes())?;
    match opened.bytes {
        Cow::Borrowed(_) => body::read(&object.body),
        Cow::Owned(unpacked) => body::read(&unpacked.into()),
    }
}

fn seen(key: &str, meta: ObjectMeta, stamp: Option<Stamp>, row: Option<Bytes>) -> Seen {
    Seen {
        key: key.to_owned(),
        value_version: stamp.as_ref().map(|stamp| stamp.of_value().to_owned()),
        object: Some(SeenObject {
            meta,
            stamp,
            under: None,
        }),
        row,
    }
}

fn under(
    db: &Db,
    key: &str,
    meta: ObjectMeta,
    stamp: Option<Stamp>,
    intent: Intent,
    record: Option<Record>,
) -> Seen {
    let record = record.filter(|record| {
        let own = record.lists(db, key);
        if !own {
            let tx = intent.tx.as_str();
            tracing::warn!(key, tx, "a row names a transaction that is not its own");
        }
        own
    });
    let value_version = stamp.as_ref().and_then(|stamp| stamp.logical.clone());
    let was = intent.was.clone();
    let seen = Seen {
        key: key.to_owned(),
        object: Some(SeenObject {
            meta,
            stamp,
            under: Some(Under {
                intent,
                record: None,
            }),
        }),
        row: was,
        value_version,
    };
    match record {
        Some(record) => seen.by(&record),
        None => seen,
    }
}

impl Seen {
    /// The row as its transaction's record leaves it.
    pub(crate) fn by(mut self, record: &Record) -> Self {
        let under = self
            .object
            .as_mut()
            .and_then(|object| object.under.as_mut());
        if let Some(under) = under {
            under.record = Some(record.clone());
            if record.state() == State::Committed && under.intent.op != Op::Check {
                self.row = under.intent.after().cloned();
                self.value_version = Some(under.intent.tx.as_str().to_owned());
            }
        }
        self
    }

    /// A key where nothing was ever looked for.
    pub(crate) fn unseen(key: String) -> Self {
        Self {
            key,
            object: None,
            row: None,
            value_version: None,
        }
    }

    /// The record of the transaction that must be decided before the row is written.
    pub(crate) fn pending(&self) -> Option<&Record> {
        let under = self.object.as_ref()?.under.as_ref()?;
        let record = under.record.as_ref()?;
        (record.state() == State::Pending).then_some(record)
    }

    /// The row's version, for who saves it later.
    pub(crate) fn version(&self) -> Option<Version> {
        let object = self.object.as_ref()?;
        Some(Version {
            etag: object.meta.etag.clone(),
            id: self.value_version.clone(),
        })
    }

    /// Whether the row, or its absence, is of this version: also when a transaction has looked at it
    /// since, which leaves another tag.
    pub(crate) fn is_of(&self, version: &Version) -> bool {
        match (&self.value_version, &version.id) {
            (Some(seen), Some(id)) => seen == id,
            (None, None) => {
                let object = self.object.as_ref();
                object.is_some_and(|object| object.meta.etag == version.etag)
            }
            _ => false,
        }
    }

    /// Whether both saw the same row, or none.
    pub(crate) fn is_same_value(&self, other: &Self) -> bool {
        self.row.is_some() == other.row.is_some()
            && match (&self.value_version, &other.value_version) {
                (Some(own), Some(other)) => own == other,
                (None, None) => self.etag() == other.etag(),
                _ => false,
            }
    }

    pub(crate) fn etag(&self) -> Option<&ETag> {
        Some(&self.object.as_ref()?.meta.etag)
    }

    /// The user metadata of the object.
    pub(crate) fn metadata(&self) -> crate::store::Metadata {
        let object = self.object.as_ref();
        let mut metadata =
            object.map_or_else(Default::default, |object| object.meta.metadata.clone());
        write::strip(&mut metadata);
        metadata
    }

    pub(crate) fn content_type(&self) -> Option<String> {
        self.object.as_ref()?.meta.content_type.clone()
    }

    /// A write of this form over what was seen here, and over nothing else. The object keeps its
    /// content type and its user metadata.
    ///
    /// # Errors
    /// Columns that are no JSON object.
    pub(crate) fn request(
        &self,
        env: &Env,
        form: &Form,
        logical: Option<String>,
    ) -> Result<PutObject> {
        let mut metadata = self.metadata();
        metadata.insert(write::ID.to_owned(), write::new_id(env));
        let content_type = self.content_type();
        let mut request = PutObject {
            key: self.key.clone(),
            content_type: Some(content_type.map_or("application/json".into(), Into::into)),
            metadata,
            ..PutObject::default()
        };
        self.seal(&mut request, form, logical)?;
        Ok(request)
    }

    /// A write of the row as it is, or that there is none, over what was seen here: the value stays
    /// of its version, and the object gets a new one.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub(crate) fn as_it_is(&self, env: &Env) -> Result<PutObject> {
        let form = match &self.row {
            Some(columns) => Form::Row(columns.clone()),
            None => Form::Tombstone,
        };
        self.request(env, &form, self.value_version.clone())
    }

    /// Makes a write of what was seen here, and of nothing else. The request has an id, which becomes
    /// the object's stamp.
    ///
    /// # Errors
    /// Columns that are no JSON object.
    pub(crate) fn seal(
        &self,
        request: &mut PutObject,
        form: &Form,
        logical: Option<String>,
    ) -> Result<()> {
        let (object, keeps) = (self.object.as_ref(), logical.is_some());
        let stamp = Stamp {
            version: write::id(request).to_owned(),
            previous: object
                .and_then(|object| object.stamp.as_ref())
                .map(|stamp| stamp.version.clone()),
            logical,
        };
        request.body = body::write(&stamp, form).map_err(|error| {
            Error::new(ErrorKind::InvalidRow, error.to_string())
                .with_cause(error.into_cause())
                .with_key(&self.key)
        })?;
        request.precondition = match object {
            Some(object) => Precondition::IfMatch(object.meta.etag.clone()),
            None => Precondition::IfAbsent,
        };
        if let Some(previous) = self.replaced_by(keeps) {
            request
                .metadata
                .insert(write::PREVIOUS.to_owned(), previous);
        }
        Ok(())
    }

    /// Which write, of those before this one, can still be known by the object that this one makes:
    /// the one that made the value that is replaced. What only sets or clears an intent replaces no
    /// value; so it must not hide who did.
    fn replaced_by(&self, keeps: bool) -> Option<String> {
        let object = self.object.as_ref()?;
        let committed = object
            .under
            .as_ref()
            .is_some_and(|under| self.value_version.as_deref() == Some(under.intent.tx.as_str()));
        if keeps && committed {
            return object.meta.metadata.get(write::PREVIOUS).cloned();
        }
        self.value_version.clone()
    }
}
