//! A write and what became of it.
//!
//! Every object that the library writes carries a random id in its user metadata, and the id of the
//! version that it replaced where that is known. When the answer to a write is lost, reading the
//! object back tells whether the write was applied: its id is there, or the object that stands there
//! now names it as its predecessor. Anything else is **unknown**, never a conflict: a lost request
//! may still land later. For the same reason a write whose answer was lost is never sent again: an
//! object that was changed and changed back has the tag that it had before, so a late copy of a
//! conditional write could be applied twice.
//!
//! | answer | meaning | what the caller gets |
//! |---|---|---|
//! | 200, 204 | applied | the new version |
//! | 412, read back: our id | applied (something on the way sent it twice) | the new version |
//! | 412, read back: another's id | not applied | `AlreadyExists`, `Conflict` |
//! | 404 of `If-Match` | not applied | `Conflict`, `NotFound` |
//! | 409 | not applied | sent again, up to three times; then `Conflict` |
//! | 503 Slow Down, 429, never sent | not applied | sent again by the retry layer |
//! | 403, other 4xx | not applied | the error |
//! | 500, 502, 504, a timeout, a cut, nonsense | unknown | read back: applied, or `OutcomeUnknown` |
//! | the same, of a deletion | unknown | `OutcomeUnknown` |
//!
//! "Not applied" after a 412 with another's id, a 404 or a 409 is certain if nothing on the way sends
//! a request twice. If something does, the answer may be the second copy's, and what would tell of
//! the first may be gone: the row was deleted or replaced twice before it was read, or replaced by a
//! write that names no predecessor; or a copy lands later. After a 412 `put` looks; after a 404 or the
//! last 409 `update` alone does. `docs/models.md` has each of these cases.
//!
//! The rules are section "conditional requests" of S3's user guide; what S3 leaves open is taken as
//! the worst case.

use std::time::Duration;

use crate::env::Env;
use crate::store::{
    CopyObject, DeleteObject, Description, ETag, Metadata, ObjectMeta, PutObject, Store,
    StoreError, StoreErrorKind, hex,
};

/// User metadata of every object: the id of the write that made it.
pub(crate) const ID: &str = "s3orm-id";
/// User metadata: the id of the write that made the version that this one replaced; of a stamped row,
/// that made the value, whatever transactions have locked it since.
pub(crate) const PREVIOUS: &str = "s3orm-prev";
/// User metadata of a row that was moved and not written since: what it is a copy of.
pub(crate) const FROM: &str = "s3orm-from";
/// What the names of the library's own metadata begin with.
pub(crate) const RESERVED: &str = "s3orm-";

/// How often a 409 is answered with the same request: it says that nothing was applied.
const CONFLICT_RETRIES: u32 = 3;
/// A request that ran into a time-out may be at work yet, so the object is read more than once.
const READ_BACK_PAUSES: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_millis(50),
    Duration::from_millis(250),
];

/// Why a write did not end in "applied".
#[derive(Debug)]
pub(crate) enum Failure {
    /// Certainly not applied.
    Refused(StoreError),
    /// Perhaps applied, perhaps later.
    Unknown(StoreError),
}

/// A new write's id: 128 random bits in hex.
pub(crate) fn new_id(env: &Env) -> String {
    hex(&env.random_bytes::<16>())
}

/// Takes away what the library keeps in an object's metadata: the next write has its own.
pub(crate) fn strip(metadata: &mut Metadata) {
    metadata.retain(|name, _| !name.starts_with(RESERVED));
}

/// The tag for a write's caller if the object proves that the write was applied: it is the one that
/// the write made, or replaced that one.
pub(crate) fn proof_of(meta: &ObjectMeta, id: &str) -> Option<ETag> {
    let is = |name| meta.metadata.get(name).is_some_and(|made| made == id);
    if is(ID) {
        Some(meta.etag.clone())
    } else if is(PREVIOUS) {
        // Applied, and replaced since: a tag that no object has, so that a later save conflicts.
        Some(ETag::new("replaced"))
    } else {
        None
    }
}

/// Puts an object whose metadata holds [`ID`].
///
/// Cost: 1 request; after a 412 or a lost answer also a `HEAD`, up to three after a lost answer.
pub(crate) async fn put(
    store: &dyn Store,
    env: &Env,
    request: &PutObject,
) -> Result<ETag, Failure> {
    match put_or_reread(store, env, request).await {
        Err(Failure::Refused(error)) if error.kind() == StoreErrorKind::PreconditionFailed => {
            look(store, request, error).await
        }
        result => result,
    }
}

/// Looks whether the write that was refused was applied after all: something on the way may have
/// sent it twice, and the refusal was of the second copy.
///
/// Cost: 1 request.
pub(crate) async fn look(
    store: &dyn Store,
    request: &PutObject,
    refusal: StoreError,
) -> Result<ETag, Failure> {
    match store.head(&request.key).await {
        Ok(meta) => proof_of(&meta, id(request)).ok_or(Failure::Refused(refusal)),
        // The refusal stands by itself; what is there now is another question.
        Err(_) => Err(Failure::Refused(refusal)),
    }
}

/// The id of a write's request.
pub(crate) fn id(request: &PutObject) -> &str {
    request.metadata.get(ID).map_or("", String::as_str)
}

/// Puts an object without looking after a 412: for who reads the row again anyway.
pub(crate) async fn put_or_reread(
    store: &dyn Store,
    env: &Env,
    request: &PutObject,
) -> Result<ETag, Failure> {
    let mut conflicts = 0;
    loop {
        match store.put(request).await {
            Ok(written) => return Ok(written.etag),
            Err(error)
                if error.kind() == StoreErrorKind::Conflict && conflicts < CONFLICT_RETRIES =>
            {
                conflicts += 1;
                pause(env, conflicts).await;
            }
            Err(error) if error.kind().is_ambiguous() => {
                return read_back(store, env, &request.key, id(request), error).await;
            }
            Err(error) => return Err(Failure::Refused(error)),
        }
    }
}

/// Looks for a write whose answer was lost.
///
/// Cost: up to three `HEAD`s.
pub(crate) async fn read_back(
    store: &dyn Store,
    env: &Env,
    key: &str,
    id: &str,
    lost: StoreError,
) -> Result<ETag, Failure> {
    for wait in READ_BACK_PAUSES {
        if !wait.is_zero() {
            env.sleep(wait).await;
        }
        if let Ok(meta) = store.head(key).await
            && let Some(etag) = proof_of(&meta, id)
        {
            tracing::debug!(key, "a write whose answer was lost is applied");
            return Ok(etag);
        }
    }
    Err(Failure::Unknown(lost))
}

/// Copies an object over whatever is at its destination, with what is said of it and an id of its
/// own.
///
/// Cost: 1 request; after a lost answer also up to three `HEAD`s.
pub(crate) async fn copy(
    store: &dyn Store,
    env: &Env,
    mut request: CopyObject,
    meta: ObjectMeta,
) -> Result<ETag, Failure> {
    let id = new_id(env);
    let mut metadata = meta.metadata;
    strip(&mut metadata);
    metadata.insert(ID.to_owned(), id.clone());
    request.replace = Some(Description {
        content_type: meta.content_type,
        content_encoding: meta.content_encoding,
        metadata,
    });
    let key = request.key.clone();
    match store.copy(request).await {
        Ok(written) => Ok(written.etag),
        Err(error) if error.kind().is_ambiguous() => read_back(store, env, &key, &id, error).await,
        Err(error) => Err(Failure::Refused(error)),
    }
}

/// Deletes an object.
///
/// A deletion leaves no id behind, so nobody can tell after a lost answer what became of it. That
/// the object is gone proves nothing: somebody else may have deleted it, and this deletion may land
/// yet, on a row that is inserted in the meantime. Who was told that it is done would not
/// understand where that row went.
///
/// Cost: 1 request.
pub(crate) async fn delete(
    store: &dyn Store,
    env: &Env,
    request: DeleteObject,
) -> Result<(), Failure> {
    let mut conflicts = 0;
    let error = loop {
        match store.delete(request.clone()).await {
            Ok(()) => return Ok(()),
            Err(error)
                if error.kind() == StoreErrorKind::Conflict && conflicts < CONFLICT_RETRIES =>
            {
                conflicts += 1;
                pause(env, conflicts).await;
            }
            Err(error) => break error,
        }
    };
    Err(if error.kind().is_ambiguous() {
        Failure::Unknown(error)
    } else {
        Failure::Refused(error)
    })
}

async fn pause(env: &Env, attempt: u32) {
    env.sleep(env.jitter(Duration::from_millis(20) * 2_u32.pow(attempt)))
        .await;
}

/// Whether a write was refused because somebody else was faster.
pub(crate) fn is_race(error: &StoreError) -> bool {
    matches!(
        error.kind(),
        StoreErrorKind::PreconditionFailed | StoreErrorKind::Conflict | StoreErrorKind::NotFound
    )
}
