//! Claims: who may have a value of a unique index.
//!
//! A claim names the rows that may have its value. That a row has it is for the row to say: a claim
//! may be of a writer that has not written its row yet, or never will. So who wants a value that is
//! claimed reads each row that the claim names. If one has the value, it is taken. If not, each is
//! **fenced**: written as it is, with a new stamp, which refuses every write that is on its way to it;
//! and then the claim can be taken over.

use std::time::Duration;

use super::layout::{ClaimBody, Facts, object_key};
use super::object::{Again, Made, look, put};
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::key::KeyTuple as _;
use crate::schema::S3Schema;
use crate::stamp::{Patience, Seen};
use crate::store::ETag;
use crate::table::Table;
use crate::write::{self, Failure};

/// How often a claim is looked at before its writer is taken for gone. A matter of progress alone.
const LOOKS: u32 = 4;
/// The longest of the pauses between, at first; each is twice as long.
const PAUSE: Duration = Duration::from_millis(20);

/// A claim as it was read.
pub(crate) struct Claim {
    pub(crate) etag: ETag,
    pub(crate) body: ClaimBody,
}

/// Reads a claim.
///
/// Cost: 1 GET.
pub(crate) async fn read(db: &Db, key: &str) -> Result<Option<Claim>> {
    let Some(found) = look(db, key).await? else {
        return Ok(None);
    };
    let body = ClaimBody::read(&found.body).map_err(|error| error.into_error(key))?;
    Ok(Some(Claim {
        etag: found.etag,
        body,
    }))
}

/// Takes the claim on a value for the rows at `own`, paths: the row that gets it, and those that give
/// it up in the same transaction. They must have been read before, and must be written on what was read
/// then.
///
/// # Errors
/// [`UniqueViolation`](ErrorKind::UniqueViolation) if another row has the value, for certain; those
/// of the connection and of reading the other row.
///
/// Cost: 1 GET and 1 PUT; where another row's claim is taken over, up to 4 GETs of each and 1 PUT
/// more.
pub(crate) async fn take<T: S3Schema>(
    table: &Table<T>,
    number: usize,
    values: &str,
    own: &[String],
) -> Result<Made> {
    let db = table.db();
    let index = &T::SCHEMA.indexes[number];
    let key = object_key(db, T::SCHEMA.table, index, values, "")?;
    let mut again = Again::new(db, "index");
    let mut seen: Option<(ETag, u32)> = None;
    loop {
        let claim = read(db, &key).await?;
        if let Some(claim) = &claim {
            let others = claim.body.pks.iter().filter(|pk| !own.contains(pk));
            let mut rows = Vec::new();
            for other in others {
                rows.push(holder(table, number, values, other).await?);
            }
            let looks = match &seen {
                Some((etag, looks)) if *etag == claim.etag => *looks,
                _ => 0,
            };
            if !rows.is_empty() && looks + 1 < LOOKS {
                seen = Some((claim.etag.clone(), looks + 1));
                let pause = PAUSE * 2_u32.pow(looks);
                db.env().sleep(db.env().jitter(pause)).await;
                continue;
            }
            let mut fenced = true;
            for row in &rows {
                if let Err(failure) = fence(db, row).await? {
                    again.after(failure, &row.key).await?;
                    fenced = false;
                }
            }
            if !fenced {
                continue;
            }
        }
        let etag = claim.as_ref().map(|claim| &claim.etag);
        let body = |stamp: &str| ClaimBody::new(stamp, own.to_vec()).write();
        match put(db, &key, etag, body).await? {
            Ok(made) => return Ok(made),
            Err(failure) => again.after(failure, &key).await?,
        }
    }
}

/// The row of a claim, which has not its value.
///
/// # Errors
/// [`UniqueViolation`](ErrorKind::UniqueViolation): it has.
async fn holder<T: S3Schema>(
    table: &Table<T>,
    number: usize,
    values: &str,
    path: &str,
) -> Result<Seen> {
    let object = format!("{}{path}", table.folder());
    let seen = Patience::default().look(table.db(), &object).await?;
    if has(table, number, values, path, &seen)? {
        let index = &T::SCHEMA.indexes[number];
        let columns = index.columns.join("`, `");
        let detail = format!(
            "another row has this value of `{columns}` (unique index `{}`): `{}`; nothing was written",
            index.name,
            object.escape_debug()
        );
        return Err(Error::new(ErrorKind::UniqueViolation, detail));
    }
    Ok(seen)
}

/// Whether the row that was seen has a value.
pub(crate) fn has<T: S3Schema>(
    table: &Table<T>,
    number: usize,
    values: &str,
    path: &str,
    seen: &Seen,
) -> Result<bool> {
    // What a claim names that is no key can be no row.
    let Ok(key) = T::Key::parse(&T::SCHEMA.path, path) else {
        return Ok(false);
    };
    let facts = Facts::of_columns(table, &key, seen.row.as_ref())?;
    Ok(facts.values(number) == Some(values))
}

/// Writes a row as it is, or that there is none: whatever was on its way to it is refused.
///
/// Cost: 1 PUT.
async fn fence(db: &Db, seen: &Seen) -> Result<Result<(), Failure>> {
    let request = seen.as_it_is(db.env())?;
    let written = write::put_or_reread(db.store(), db.env(), &request).await;
    Ok(written.map(drop))
}
