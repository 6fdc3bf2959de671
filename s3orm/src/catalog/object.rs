//! The schema object of a table: the one that reads it and the one that writes it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::db::Db;
use crate::env::Instant;
use crate::error::{Error, ErrorKind, Result};
use crate::index::object::{Again, look, put};
use crate::schema::StoredSchema;
use crate::stamp::DEADLINE;
use crate::store::{ETag, ListObjects};

/// How long what was read of a table is relied on.
pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// How long a client may go on that does not know what a table's object says by now: until it has
/// looked again, and what it had begun is over.
pub(crate) const UNAWARE: Duration = LEASE.saturating_mul(3).saturating_add(DEADLINE);

/// What is known of tables, by their names.
#[derive(Debug, Default)]
pub(crate) struct Leases(Mutex<BTreeMap<String, Lease>>);

#[derive(Debug, Clone)]
struct Lease {
    since: Instant,
    schema: Arc<StoredSchema>,
}

/// The object as it is stored.
#[derive(Serialize, Deserialize)]
struct Object<S> {
    #[serde(rename = "_m")]
    member: Member,
    #[serde(flatten)]
    schema: S,
}

#[derive(Serialize, Deserialize)]
struct Member {
    v: String,
}

impl Leases {
    fn with<R>(&self, change: impl FnOnce(&mut BTreeMap<String, Lease>) -> R) -> R {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, table: &str, since: Instant, schema: &Arc<StoredSchema>) {
        let schema = Arc::clone(schema);
        self.with(|all| all.insert(table.to_owned(), Lease { since, schema }));
    }

    /// What was known of a table that is dropped would be taken for true of the next of its name.
    pub(crate) fn forget(&self, table: &str) {
        self.with(|all| all.remove(table));
    }
}

/// The key of a table's schema object.
pub(crate) fn key(db: &Db, table: &str) -> String {
    format!("{}_s3orm/schema/{table}.json", db.prefix())
}

/// What is known of a table, if that is recent. No request.
pub(crate) fn known(db: &Db, table: &str) -> Option<Arc<StoredSchema>> {
    let now = db.env().instant();
    let lease = db.leases().with(|all| all.get(table).cloned())?;
    (now.duration_since(lease.since) < LEASE).then_some(lease.schema)
}

/// What was known of a table last, however long ago. No request.
pub(crate) fn last_known(db: &Db, table: &str) -> Option<Arc<StoredSchema>> {
    let lease = db.leases().with(|all| all.get(table).cloned())?;
    Some(lease.schema)
}

/// Reads the object and makes it known.
///
/// # Errors
/// [`Decode`](ErrorKind::Decode), and those of the connection.
///
/// Cost: 1 GET.
pub(crate) async fn read(db: &Db, table: &str) -> Result<Option<(Arc<StoredSchema>, ETag)>> {
    let (key, since) = (key(db, table), db.env().instant());
    let Some(found) = look(db, &key).await? else {
        return Ok(None);
    };
    let object: Object<StoredSchema> = serde_json::from_slice(&found.body).map_err(|error| {
        Error::new(ErrorKind::Decode, "the object is no description of a table")
            .with_source(error)
            .with_key(key)
    })?;
    let schema = Arc::new(object.schema);
    db.leases().note(table, since, &schema);
    Ok(Some((schema, found.etag)))
}

/// What a change of the object begins with.
pub(crate) struct Before<'a> {
    /// What it says, if it is there.
    pub(crate) schema: Option<&'a StoredSchema>,
    /// Whether the table has no rows; looked at only where there is no object, and only if asked.
    /// Before the object is there nobody writes rows who needs it.
    pub(crate) is_empty: bool,
}

/// Changes the object, again when somebody was faster; `None` leaves it as it is. What it says then.
///
/// # Errors
/// Those of `change`, which end it; [`Conflict`](ErrorKind::Conflict) if others were faster each time,
/// and those of the connection.
///
/// Cost: 1 GET, and 1 PUT if it is changed; 1 LIST where there is none and `asks` whether the table
/// is empty.
pub(crate) async fn change(
    db: &Db,
    table: &str,
    asks: bool,
    mut change: impl FnMut(Before<'_>) -> Result<Option<StoredSchema>> + Send,
) -> Result<Option<Arc<StoredSchema>>> {
    let key = key(db, table);
    let mut again = Again::new(db, "schema object");
    loop {
        let found = read(db, table).await?;
        let before = Before {
            schema: found.as_ref().map(|(schema, _)| &**schema),
            is_empty: found.is_none() && asks && is_empty(db, table).await?,
        };
        let Some(changed) = change(before)? else {
            return Ok(found.map(|(schema, _)| schema));
        };
        let since = db.env().instant();
        let etag = found.as_ref().map(|(_, etag)| etag);
        match put(db, &key, etag, |stamp| bytes(stamp, &changed)).await? {
            Ok(_) => {
                let schema = Arc::new(changed);
                db.leases().note(table, since, &schema);
                return Ok(Some(schema));
            }
            Err(failure) => again.after(failure, &key).await?,
        }
    }
}

fn bytes(stamp: &str, schema: &StoredSchema) -> Result<bytes::Bytes> {
    let member = Member {
        v: stamp.to_owned(),
    };
    let bytes = serde_json::to_vec(&Object { member, schema });
    let bytes = bytes.map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?;
    Ok(bytes.into())
}

/// Whether there is no object in a table's folder.
///
/// Cost: 1 LIST.
pub(crate) async fn is_empty(db: &Db, table: &str) -> Result<bool> {
    let request = ListObjects {
        prefix: format!("{}{table}/", db.prefix()),
        limit: Some(1),
        ..ListObjects::default()
    };
    Ok(db.page(request).await?.objects.is_empty())
}
