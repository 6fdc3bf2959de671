//! The requests that entries, claims and schema objects have in common: each is on the version that was seen, and
//! each write has a new stamp.

use std::time::SystemTime;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::layout::entry_body;
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::store::{
    DeleteObject, ETag, GetObject, Metadata, Precondition, PutObject, StoreErrorKind,
};
use crate::table::store_error;
use crate::write::{self, Failure};

/// How often a write is begun again whose answer was lost.
const LOST: u32 = 3;

/// An object of an index, as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) etag: ETag,
    pub(crate) last_modified: Option<SystemTime>,
    pub(crate) body: Bytes,
}

/// An object of an index that was written.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) key: String,
    pub(crate) etag: ETag,
    /// Whether there was none before. Nobody counts on such an object without having written it anew,
    /// so whoever made it may take it back.
    pub(crate) fresh: bool,
}

/// Reads an object.
///
/// Cost: 1 GET.
pub(crate) async fn look(db: &Db, key: &str) -> Result<Option<Found>> {
    let request = GetObject {
        key: key.to_owned(),
        max_bytes: Some(db.max_row_bytes() + 4096),
        ..GetObject::default()
    };
    match db.store().get(request).await {
        Ok(object) => Ok(Some(Found {
            etag: object.meta.etag,
            last_modified: object.meta.last_modified,
            body: object.body,
        })),
        Err(error) if error.kind() == StoreErrorKind::NotFound => Ok(None),
        Err(error) => Err(store_error(error, Some(key.to_owned()))),
    }
}

/// Writes an object on the version that was seen.
pub(crate) async fn put(
    db: &Db,
    key: &str,
    seen: Option<&ETag>,
    body: impl FnOnce(&str) -> Result<Bytes>,
) -> Result<Result<Made, Failure>> {
    let stamp = write::new_id(db.env());
    let mut metadata = Metadata::new();
    let body = body(&stamp)?;
    metadata.insert(write::ID.to_owned(), stamp);
    let request = PutObject {
        key: key.to_owned(),
        body,
        precondition: match seen {
            Some(etag) => Precondition::IfMatch(etag.clone()),
            None => Precondition::IfAbsent,
        },
        content_type: Some("application/json".into()),
        content_encoding: None,
        metadata,
        checksum: None,
        encryption: None,
    };
    let put = write::put_or_reread(db.store(), db.env(), &request).await;
    Ok(put.map(|etag| Made {
        key: request.key,
        etag,
        fresh: seen.is_none(),
    }))
}

/// What is to be done about a write of an index that was not acknowledged: an error, or nothing,
/// and it is to be begun again.
pub(crate) struct Again<'a> {
    attempts: crate::db::Attempts<'a>,
    /// What is written.
    what: &'static str,
    lost: u32,
}

impl<'a> Again<'a> {
    pub(crate) fn new(db: &'a Db, what: &'static str) -> Self {
        Self {
            attempts: db.attempts(),
            what,
            lost: 0,
        }
    }

    /// # Errors
    /// It is of no use to go on.
    pub(crate) async fn after(&mut self, failure: Failure, key: &str) -> Result<()> {
        match failure {
            Failure::Refused(error) if write::is_race(&error) => {
                if self.attempts.next().await {
                    return Ok(());
                }
                let detail = format!(
                    "other writers of the {} were faster each time; nothing else was written",
                    self.what
                );
                Err(Error::new(ErrorKind::Conflict, detail)
                    .with_source(error)
                    .with_key(key))
            }
            Failure::Refused(error) => Err(store_error(error, Some(key.to_owned()))),
            Failure::Unknown(error) => {
                self.lost += 1;
                if self.lost < LOST {
                    return Ok(());
                }
                // What lands late is found to be dead: the row is as it was.
                let detail = format!(
                    "the answers to a write of the {} were lost; nothing else was written",
                    self.what
                );
                Err(Error::new(ErrorKind::Unavailable, detail)
                    .with_source(error)
                    .with_key(key))
            }
        }
    }
}

/// Puts an entry, with a new stamp whatever is there: an entry that is there already may be about to
/// be removed by the stamp that it has.
///
/// # Errors
/// Those of the connection; [`Conflict`](ErrorKind::Conflict), and
/// [`Unavailable`](ErrorKind::Unavailable) if its answer is lost each time.
///
/// Cost: 1 PUT; 1 GET and 1 PUT more where there is one.
pub(crate) async fn add_entry(
    db: &Db,
    key: &str,
    row: &str,
    columns: &Map<String, Value>,
) -> Result<Made> {
    let mut again = Again::new(db, "index");
    let mut seen = None;
    loop {
        let body = |stamp: &str| entry_body(stamp, row, columns);
        match put(db, key, seen.as_ref(), body).await? {
            Ok(made) => return Ok(made),
            Err(failure) => again.after(failure, key).await?,
        }
        seen = look(db, key).await?.map(|found| found.etag);
    }
}

/// Removes an object if it is the version that was seen. What is left, because it is not or because
/// the store does not delete on condition, is dead: whoever finds it looks at the row.
///
/// Cost: 1 DELETE.
pub(crate) async fn remove(db: &Db, key: String, etag: ETag) -> bool {
    let request = DeleteObject {
        key,
        precondition: Precondition::IfMatch(etag),
    };
    let key = request.key.clone();
    match write::delete(db.store(), db.env(), request).await {
        Ok(()) => true,
        Err(failure) => {
            tracing::debug!(key, ?failure, "an object of an index stays behind");
            false
        }
    }
}
