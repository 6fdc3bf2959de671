//! A transaction of one row: a write on the version that was read.

use super::part::Part;
use crate::db::Db;
use crate::env::Instant;
use crate::error::{Error, ErrorKind, Result};
use crate::stamp::body::Op;
use crate::stamp::{Form, Patience};
use crate::store::PutObject;
use crate::table::write_error;
use crate::write::{self, Failure};

/// Makes the changes of a row; `false` if it is not as it was read.
///
/// # Errors
/// Those of the changes, [`OutcomeUnknown`](ErrorKind::OutcomeUnknown), and those of the connection.
///
/// Cost: 1 GET unless it was read, 1 PUT; as much again for each time that somebody was faster.
pub(super) async fn write(db: &Db, key: &str, mut part: Part, deadline: Instant) -> Result<bool> {
    if part.edits.is_empty() {
        return Ok(true);
    }
    let mut refused: Option<PutObject> = None;
    while db.env().instant() < deadline {
        let read = part.read.as_ref();
        let read = read.filter(|seen| seen.pending().is_none() && refused.is_none());
        let seen = match read {
            Some(seen) => seen.clone(),
            None => Patience::default().look(db, key).await?,
        };
        if let (Some(request), Some(object)) = (&refused, &seen.object)
            && write::proof_of(&object.meta, write::id(request)).is_some()
        {
            if let Some(indexes) = &mut part.indexes {
                indexes.after(write::id(request)).await;
            }
            return Ok(true);
        }
        if refused.is_some()
            && let Some(indexes) = &mut part.indexes
        {
            indexes.undo(&seen).await;
        }
        let read = part.read.as_ref();
        if read.is_some_and(|read| !read.is_same_value(&seen)) {
            return Ok(false);
        }
        let op = part.op(&seen)?;
        let form = match &op {
            Op::Put(new) => Form::Row(new.clone()),
            Op::Delete => Form::Tombstone,
            Op::Check => return Ok(true),
        };
        let request = seen.request(db.env(), &form, None)?;
        if let Some(indexes) = &mut part.indexes {
            let before = indexes.before(&seen, &op, write::id(&request)).await;
            before.map_err(|error| error.with_key_unless_known(key))?;
        }
        match write::put_or_reread(db.store(), db.env(), &request).await {
            Ok(_) => {
                if let Some(indexes) = &mut part.indexes {
                    indexes.after(write::id(&request)).await;
                }
                return Ok(true);
            }
            Err(Failure::Refused(error)) if write::is_race(&error) => refused = Some(request),
            Err(failure) => {
                if let (Failure::Refused(_), Some(indexes)) = (&failure, &mut part.indexes) {
                    indexes.undo(&seen).await;
                }
                return Err(write_error(failure, key.to_owned(), ErrorKind::Conflict));
            }
        }
    }
    let detail = "others changed the row each time, until the time was up";
    Err(Error::new(ErrorKind::Conflict, detail).with_key(key))
}
