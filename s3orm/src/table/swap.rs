//! Compare and swap: read what is there, decide what to write over it, and write it on what was
//! read; again when somebody was faster.

use super::put::replacing;
use super::{Table, WriteOptions, store_error, write_error};
use crate::body::{Content, compress};
use crate::doctor::Level;
use crate::error::{Error, ErrorKind, Result};
use crate::row::{Row, Version};
use crate::schema::S3Schema;
use crate::stamp::{Form, Patience, Seen};
use crate::store::{ETag, GetObject, ObjectMeta, Precondition, PutObject, StoreErrorKind};
use crate::write::{self, Failure};

/// What was found at a key: the row, and what a write is made on.
pub(super) struct Found<T> {
    pub(super) row: Option<Row<T>>,
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
    Written(PutObject, ETag),
    Kept,
}

impl Swapped {
    /// The write, of who never keeps what was found.
    pub(super) fn written(self) -> Result<(PutObject, ETag)> {
        match self {
            Self::Written(request, etag) => Ok((request, etag)),
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

impl<T: S3Schema> Table<T> {
    /// Reads a row in order to write it. What a transaction does to it is waited for.
    pub(super) async fn find(&self, key: T::Key) -> Result<Found<T>> {
        let object = self.object_key(&key)?;
        if T::SCHEMA.is_stamped() {
            let seen = Patience::default().look(self.db(), &object).await?;
            return Ok(Found {
                row: self.row_seen(key, &seen)?,
                base: Base::Stamped(Box::new(seen)),
            });
        }
        Ok(match self.read_plain(key, object).await? {
            None => Found {
                row: None,
                base: Base::Plain(None),
            },
            Some((meta, row)) => Found {
                row: Some(row),
                base: Base::Plain(Some(meta)),
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
        Ok(Some(Row {
            value: self.decode_row(key, &seen.key, &Self::columns(columns))?,
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

    /// Reads the object of a table that is not stamped.
    pub(super) async fn read_plain(
        &self,
        key: T::Key,
        object_key: String,
    ) -> Result<Option<(ObjectMeta, Row<T>)>> {
        let request = GetObject {
            key: object_key.clone(),
            max_bytes: Some(self.db.max_row_bytes()),
            ..GetObject::default()
        };
        match self.db.store().get(request).await {
            Ok(object) => {
                let meta = object.meta;
                let encoding = meta.content_encoding.as_deref();
                let bytes = compress::unpack(&object.body, encoding, self.db.max_row_bytes())
                    .map_err(|error| error.into_error(&object_key))?;
                let content_type = meta.content_type.as_deref();
                let content = Content::stored(T::SCHEMA.body, content_type, &bytes);
                let row = self.decode_row(key, &object_key, &content)?;
                let in_own_format = content.format == T::SCHEMA.body;
                let row = Row {
                    in_own_format,
                    ..Row::read(row, object_key, meta.clone())
                };
                Ok(Some((meta, row)))
            }
            Err(error) if error.kind() == StoreErrorKind::NotFound => Ok(None),
            Err(error) => Err(store_error(error, Some(object_key))),
        }
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
    mut decide: impl FnMut(Option<Row<T>>, &Base) -> Result<Step> + Send,
) -> Result<Swapped> {
    let db = table.db();
    if T::SCHEMA.is_stamped() {
        db.carry(Level::L2).await?;
    }
    let mut attempts = db.attempts();
    let mut refused: Option<PutObject> = None;
    loop {
        let Found { row, base } = match known.take() {
            Some(found) => found,
            None => table.find(key.clone()).await?,
        };
        if let Some(request) = refused.take()
            && let Some(etag) = base.proof_of(&request)
        {
            // Something on the way sent the write twice; the refusal was of the second copy.
            return Ok(Swapped::Written(request, etag));
        }
        let mut request = match decide(row, &base)? {
            Step::Write(request) => request,
            Step::Keep => return Ok(Swapped::Kept),
        };
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
            Ok(etag) => Ok(Swapped::Written(request, etag)),
            Err(failure) => Err(write_error(failure, request.key, ErrorKind::Conflict)),
        };
    }
}

/// The row is not at the version that the caller named.
pub(super) fn changed(key: String) -> Error {
    let detail = "the row was changed or deleted since it was read; nothing was written";
    Error::new(ErrorKind::Conflict, detail).with_key(key)
}
