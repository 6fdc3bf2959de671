//! Compare and swap: read what is there, decide what to write over it, and write it on what was
//! read; again when somebody was faster.

use bytes::Bytes;

use super::put::replacing;
use super::{Table, WriteOptions, store_error, write_error};
use crate::body::Content;
use crate::doctor::Level;
use crate::encrypt;
use crate::error::{Error, ErrorKind, Result};
use crate::index::layout::{Facts, values_of};
use crate::index::upkeep::Upkeep;
use crate::key::KeyTuple as _;
use crate::row::{Row, Version};
use crate::schema::S3Schema;
use crate::stamp::{Form, Patience, Seen};
use crate::store::{ETag, GetObject, ObjectMeta, Precondition, PutObject, StoreErrorKind};
use crate::write::{self, Failure};

/// What was found at a key: the row, and what a write is made on.
pub(super) struct Found<T> {
    /// An error, if what is there is no row of the table: it can be written over all the same.
    pub(super) row: Result<Option<Row<T>>>,
    pub(super) base: Base,
}

/// What a write is made on.
pub(super) enum Base {
    /// A row's object, or none.
    Plain(Option<ObjectMeta>),
    Stamped(Box<Seen>),
}

/// What to do about what was found.
pub(super) enum Step {
    /// Writes this over it. Without bytes, it is a stamped table's deletion.
    Write(PutObject),
    /// There is nothing to write.
    Keep,
}

/// What was done.
pub(super) enum Swapped {
    Written(Box<PutObject>, ETag),
    Kept,
}

impl Swapped {
    /// The write, of who never keeps what was found.
    pub(super) fn written(self) -> Result<(PutObject, ETag)> {
        match self {
            Self::Written(request, etag) => Ok((*request, etag)),
            Self::Kept => Err(Error::new(ErrorKind::Internal, "nothing was written")),
        }
    }
}

impl Base {
    /// Where nothing is known of a stamped row: whoever writes on this creates it.
    pub(super) fn unseen(key: String) -> Self {
        Self::Stamped(Box::new(Seen::unseen(key)))
    }

    /// Whether the row is of this version.
    pub(super) fn is_of(&self, version: &Version) -> bool {
        match self {
            Self::Plain(meta) => meta.as_ref().is_some_and(|meta| meta.etag == version.etag),
            Self::Stamped(seen) => seen.row.is_some() && seen.is_of(version),
        }
    }

    /// Whether the object shows that this write was applied.
    fn proof_of(&self, request: &PutObject) -> Option<ETag> {
        let meta = match self {
            Self::Plain(meta) => meta.as_ref(),
            Self::Stamped(seen) => seen.object.as_ref().map(|object| &object.meta),
        };
        write::proof_of(meta?, write::id(request))
    }

    /// Makes a write one of this, and of nothing else.
    fn make_condition_of(&self, request: &mut PutObject) -> Result<()> {
        match self {
            Self::Plain(Some(meta)) => replacing(request, &Version::of(meta)),
            Self::Plain(None) => request.precondition = Precondition::IfAbsent,
            Self::Stamped(seen) => {
                let columns = std::mem::take(&mut request.body);
                let form = if columns.is_empty() {
                    Form::Tombstone
                } else {
                    Form::Row(columns)
                };
                seen.seal(request, &form, None)?;
            }
        }
        Ok(())
    }
}

/// A row of a table that is not stamped, as it was read.
pub(super) struct PlainRow<T> {
    pub(super) value: T,
    pub(super) schema_version: u32,
    in_own_format: bool,
    key: String,
    pub(super) meta: ObjectMeta,
}

impl<T> PlainRow<T> {
    /// The write that it replaced, where it says so.
    pub(super) fn previous(&self) -> Option<String> {
        self.meta.metadata.get(write::PREVIOUS).cloned()
    }

    pub(super) fn into_row(self) -> Row<T> {
        Row {
            in_own_format: self.in_own_format,
            schema_version: self.schema_version,
            ..Row::read(self.value, self.key, self.meta)
        }
    }
}

impl<T: S3Schema> Table<T> {
    /// Reads a row in order to write it. What a transaction does to it is waited for.
    pub(super) async fn find(&self, key: T::Key) -> Result<Found<T>> {
        let object = self.object_key(&key)?;
        if T::SCHEMA.is_stamped() {
            let seen = Patience::default().look(self.db(), &object).await?;
            return Ok(Found {
                row: self.row_seen(key, &seen),
                base: Base::Stamped(Box::new(seen)),
            });
        }
        Ok(match self.read_plain(key, object).await? {
            None => Found {
                row: Ok(None),
                base: Base::Plain(None),
            },
            Some(found) => Found {
                base: Base::Plain(Some(found.meta.clone())),
                row: Ok(Some(found.into_row())),
            },
        })
    }

    /// The row of what was seen at its key.
    pub(crate) fn row_seen(&self, key: T::Key, seen: &Seen) -> Result<Option<Row<T>>> {
        let Some(columns) = &seen.row else {
            return Ok(None);
        };
        let Some(version) = seen.version() else {
            return Ok(None);
        };
        let (value, schema_version) = self.decode_row(key, &seen.key, &Self::columns(columns))?;
        Ok(Some(Row {
            value,
            schema_version,
            key: seen.key.clone(),
            version,
            content_type: seen.content_type(),
            content_encoding: None,
            in_own_format: true,
            metadata: seen.metadata(),
            last_modified: seen
                .object
                .as_ref()
                .and_then(|object| object.meta.last_modified),
        }))
    }

    /// The value of what was seen at a key.
    pub(crate) fn value_seen(&self, key: T::Key, seen: &Seen) -> Result<Option<T>> {
        let columns = seen.row.as_ref();
        let row = columns.map(|columns| self.decode_row(key, &seen.key, &Self::columns(columns)));
        Ok(row.transpose()?.map(|(value, _)| value))
    }

    /// Reads the object of a table that is not stamped.
    pub(super) async fn read_plain(
        &self,
        key: T::Key,
        object_key: String,
    ) -> Result<Option<PlainRow<T>>> {
        let decode = |object: &str, content: &Content<'_>| self.decode_row(key, object, content);
        self.read_object(object_key, decode).await
    }

    /// The same, of an object whose key the table's path may not make.
    pub(super) async fn read_object(
        &self,
        object_key: String,
        decode: impl FnOnce(&str, &Content<'_>) -> Result<(T, u32)> + Send,
    ) -> Result<Option<PlainRow<T>>> {
        let max = self.db.max_row_bytes();
        let overhead = if T::SCHEMA.has_encrypted_rows() {
            encrypt::OVERHEAD
        } else {
            0
        };
        let request = GetObject {
            key: object_key.clone(),
            max_bytes: Some(max + overhead),
            ..GetObject::default()
        };
        match self.db.store().get(request).await {
            Ok(object) => {
                let meta = object.meta;
                let opened = self.db.sealer(&object_key).open(&meta, &object.body, max);
                let opened = opened.and_then(|opened| {
                    encrypt::check_row(T::SCHEMA, opened.was_encrypted).map(|()| opened)
                });
                let opened = opened.map_err(|error| error.into_error(&object_key))?;
                let content_type = meta.content_type.as_deref();
                let content = Content::stored(T::SCHEMA.body, content_type, &opened.bytes);
                let (value, schema_version) = decode(&object_key, &content)?;
                Ok(Some(PlainRow {
                    value,
                    schema_version,
                    in_own_format: content.format == T::SCHEMA.body,
                    key: object_key,
                    meta,
                }))
            }
            Err(error) if error.kind() == StoreErrorKind::NotFound => Ok(None),
            Err(error) => Err(store_error(error, Some(object_key))),
        }
    }

    /// The row that was seen at a key, if it has these values in index number `number`. They are those
    /// of what is stored, as those of the index are, whatever the row's hook makes of it.
    pub(crate) fn row_with(
        &self,
        key: T::Key,
        seen: &Seen,
        number: usize,
        has: impl FnOnce(&str) -> bool,
    ) -> Result<Option<Row<T>>> {
        let Some(columns) = &seen.row else {
            return Ok(None);
        };
        let (stored, _) = self.decode_stored(key.clone(), &seen.key, &Self::columns(columns))?;
        let values = values_of(&stored, number).map_err(|error| error.with_key(&seen.key))?;
        if !values.as_deref().is_some_and(has) {
            return Ok(None);
        }
        self.row_seen(key, seen)
    }

    /// What the row that was seen at a key has in each index.
    pub(crate) fn facts_seen(&self, seen: &Seen) -> Result<Facts> {
        self.facts_of(&seen.key, seen.row.as_ref())
    }

    /// What a row of these columns has in each index; nothing, if there are none.
    pub(crate) fn facts_of(&self, object: &str, columns: Option<&Bytes>) -> Result<Facts> {
        let path = object.strip_prefix(self.folder()).unwrap_or_default();
        let key = T::Key::parse(&T::SCHEMA.path, path)
            .map_err(|error| Error::new(ErrorKind::InvalidKey, error.to_string()))?;
        Facts::of_columns(self, &key, columns)
    }

    /// The write that deletes a row of a stamped table.
    pub(super) fn tombstone(&self, key: String) -> Result<PutObject> {
        Ok(PutObject {
            key,
            content_type: Some("application/json".into()),
            metadata: WriteOptions::default().metadata(self.db.env())?,
            ..PutObject::default()
        })
    }
}

/// Finds a row, and does what `decide` says of it; again when somebody was faster. An error of
/// `decide` ends it.
///
/// `decide` makes a new request each time, since a write's id must not be used for another one.
/// `known` is what to begin with, where the caller knows or guesses what is there.
pub(super) async fn swap<T: S3Schema>(
    table: &Table<T>,
    key: &T::Key,
    mut known: Option<Found<T>>,
    mut decide: impl FnMut(Result<Option<Row<T>>>, &Base) -> Result<Step> + Send,
) -> Result<Swapped> {
    let db = table.db();
    if T::SCHEMA.is_stamped() {
        db.carry(Level::L2).await?;
    }
    let mut attempts = db.attempts();
    let mut refused: Option<PutObject> = None;
    let mut indexes = Indexes::begin(table, key).await?;
    loop {
        let Found { row, base } = match known.take() {
            Some(found) => found,
            None => table.find(key.clone()).await?,
        };
        if let Some(request) = refused.take()
            && let Some(etag) = base.proof_of(&request)
        {
            // Something on the way sent the write twice; the refusal was of the second copy.
            indexes.written(&request).await;
            return Ok(Swapped::Written(Box::new(request), etag));
        }
        indexes.found(row.is_ok(), &base).await?;
        let mut request = match decide(row, &base)? {
            Step::Write(request) => request,
            Step::Keep => return Ok(Swapped::Kept),
        };
        if !indexes.prepare(key, &request).await? {
            if attempts.next().await {
                continue;
            }
            return Err(too_slow(request.key));
        }
        base.make_condition_of(&mut request)?;
        let sent = match write::put_or_reread(db.store(), db.env(), &request).await {
            Err(Failure::Refused(error)) if write::is_race(&error) => {
                if attempts.next().await {
                    refused = Some(request);
                    continue;
                }
                write::look(db.store(), &request, error).await
            }
            sent => sent,
        };
        return match sent {
            Ok(etag) => {
                indexes.written(&request).await;
                Ok(Swapped::Written(Box::new(request), etag))
            }
            Err(failure) => {
                if let Failure::Refused(_) = &failure {
                    indexes.not_written().await;
                }
                Err(write_error(failure, request.key, ErrorKind::Conflict))
            }
        };
    }
}

/// What a write does to the indexes of its table; nothing where there are none.
struct Indexes<T>(Option<(Upkeep<T>, Facts)>);

impl<T: S3Schema> Indexes<T> {
    async fn begin(table: &Table<T>, key: &T::Key) -> Result<Self> {
        table.may_write().await?;
        if T::SCHEMA.indexes.is_empty() {
            return Ok(Self(None));
        }
        let upkeep = Upkeep::new(table, &table.object_key(key)?);
        Ok(Self(Some((upkeep, Facts::default()))))
    }

    /// The row was read: what an attempt before this one has put, which was refused, is taken back.
    ///
    /// Its facts are those of what is stored, whatever its hook makes of it. What cannot be read has
    /// none that could be known.
    async fn found(&mut self, is_readable: bool, base: &Base) -> Result<()> {
        let Some((upkeep, facts)) = &mut self.0 else {
            return Ok(());
        };
        *facts = match base {
            Base::Stamped(seen) => match upkeep.table().facts_seen(seen) {
                Err(error) if is_readable => return Err(error),
                facts => facts.unwrap_or_default(),
            },
            Base::Plain(_) => Facts::default(),
        };
        upkeep.undo(facts).await;
        Ok(())
    }

    /// What must be there before the row is written; `false` if that took too long.
    async fn prepare(&mut self, key: &T::Key, request: &PutObject) -> Result<bool> {
        let Some((upkeep, facts)) = &mut self.0 else {
            return Ok(true);
        };
        let columns = (!request.body.is_empty()).then_some(&request.body);
        let new = Facts::of_columns(upkeep.table(), key, columns)?;
        if let Err(error) = upkeep.before(facts, &new, write::id(request)).await {
            upkeep.undo(facts).await;
            return Err(error.with_key_unless_known(&request.key));
        }
        let in_time = !upkeep.is_late();
        if !in_time {
            upkeep.undo(facts).await;
        }
        Ok(in_time)
    }

    async fn written(&mut self, request: &PutObject) {
        if let Some((upkeep, _)) = &mut self.0 {
            upkeep.after(write::id(request)).await;
        }
    }

    async fn not_written(&mut self) {
        if let Some((upkeep, facts)) = &mut self.0 {
            upkeep.undo(facts).await;
        }
    }
}

fn too_slow(key: String) -> Error {
    let detail = "the row's entries took longer than five minutes each time; it was not written";
    Error::new(ErrorKind::Unavailable, detail).with_key(key)
}

/// The row is not at the version that the caller named.
pub(super) fn changed(key: String) -> Error {
    let detail = "the row was changed or deleted since it was read; nothing was written";
    Error::new(ErrorKind::Conflict, detail).with_key(key)
}
