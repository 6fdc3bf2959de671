//! A transaction of one row: a write on the version that was read.

use super::part::Part;
use crate::db::Db;
use crate::env::Instant;
use crate::error::{Error, ErrorKind, Result};
use crate::stamp::body::Op;
use crate::stamp::{Form, Patience, Seen};
use crate::store::PutObject;
use crate::table::write_error;
use crate::write::{self, Failure};

/// Makes the changes of a row; `false` if it is not as it was read.
///
/// # Errors
/// Those of the changes, [`OutcomeUnknown`](ErrorKind::OutcomeUnknown),
/// [`Conflict`](ErrorKind::Conflict) if others were faster every time, and those of the connection.
///
/// Cost: 1 GET unless it was read, 1 PUT; as much again for each time that somebody was faster.
pub(super) async fn write(db: &Db, key: &str, mut part: Part, deadline: Instant) -> Result<bool> {
    if part.edits.is_empty() {
        return Ok(true);
    }
    let mut attempts = db.attempts();
    let mut refused: Option<PutObject> = None;
    loop {
        let goes_on = refused.is_none() || attempts.next().await && db.env().instant() < deadline;
        let known = part.read.as_ref().filter(|seen| seen.pending().is_none());
        let seen = match known.filter(|_| refused.is_none()) {
            Some(seen) => seen.clone(),
            None => Patience::default().look(db, key).await?,
        };
        if let Some(request) = refused.take() {
            if is_applied(&seen, &request) {
                after(&mut part, &request).await;
                return Ok(true);
            }
            undo(&mut part, &seen).await;
            if !goes_on {
                let detail = "others changed the row every time; nothing was written";
                return Err(Error::new(ErrorKind::Conflict, detail).with_key(key));
            }
        }
        let read = part.read.as_ref();
        if read.is_some_and(|read| !read.is_same_value(&seen)) {
            return Ok(false);
        }
        let Some(request) = prepare(db, &mut part, &seen, deadline).await? else {
            return Ok(true);
        };
        match write::put_or_reread(db.store(), db.env(), &request).await {
            Ok(_) => {
                after(&mut part, &request).await;
                return Ok(true);
            }
            Err(Failure::Refused(error)) if write::is_race(&error) => refused = Some(request),
            Err(failure) => {
                if let Failure::Refused(_) = &failure {
                    undo(&mut part, &seen).await;
                }
                return Err(write_error(failure, key.to_owned(), ErrorKind::Conflict));
            }
        }
    }
}

/// The write of what the changes come to over what was seen, with all that must be there before it;
/// `None` if they change nothing.
async fn prepare(
    db: &Db,
    part: &mut Part,
    seen: &Seen,
    deadline: Instant,
) -> Result<Option<PutObject>> {
    let op = part.op(seen)?;
    let form = match &op {
        Op::Put(new) => Form::Row(new.clone()),
        Op::Delete => Form::Tombstone,
        Op::Check => return Ok(None),
    };
    let request = seen.request(db.env(), &form, None)?;
    if let Some(indexes) = &mut part.indexes {
        let before = indexes.before(seen, &op, write::id(&request)).await;
        before.map_err(|error| error.with_key_unless_known(&seen.key))?;
        // An entry that is older than this may be taken for dead.
        if db.env().instant() >= deadline {
            indexes.undo(seen).await;
            let detail = "the row's entries took too long; nothing was written";
            return Err(Error::new(ErrorKind::Unavailable, detail).with_key(&seen.key));
        }
    }
    Ok(Some(request))
}

/// Whether a write that was refused is there all the same: something on the way may have sent it twice.
fn is_applied(seen: &Seen, request: &PutObject) -> bool {
    let object = seen.object.as_ref();
    object.is_some_and(|object| write::proof_of(&object.meta, write::id(request)).is_some())
}

async fn after(part: &mut Part, request: &PutObject) {
    if let Some(indexes) = &mut part.indexes {
        indexes.after(write::id(request)).await;
    }
}

async fn undo(part: &mut Part, now: &Seen) {
    if let Some(indexes) = &mut part.indexes {
        indexes.undo(now).await;
    }
}
