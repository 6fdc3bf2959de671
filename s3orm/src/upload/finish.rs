//! The end of an upload in parts: one request, and what became of it.
//!
//! An upload can be completed once: whatever is sent again cannot be applied a second time. So,
//! unlike another write, a completion whose answer is lost is sent again, after looking whether the
//! object is there with the upload's write id.

use std::time::Duration;

use crate::env::Env;
use crate::store::{CompleteUpload, ETag, Store, StoreError, StoreErrorKind};
use crate::write::{self, Failure};

/// How often a completion is sent again whose answer was lost.
const RESENDS: u32 = 3;

/// Completes the upload whose object will have the write id `id`; an empty one is not known.
///
/// Cost: 1 request; after a 412 a `HEAD`; after a lost answer up to three `HEAD`s, and up to three
/// times both again.
pub(super) async fn complete(
    store: &dyn Store,
    env: &Env,
    request: &CompleteUpload,
    id: &str,
) -> Result<ETag, Failure> {
    let mut resent = 0;
    loop {
        let error = match store.complete_upload(request.clone()).await {
            Ok(written) => return Ok(written.etag),
            Err(error) => error,
        };
        if !error.kind().is_ambiguous() {
            return refused(store, &request.key, id, error, resent > 0).await;
        }
        let is_spent = error.kind() == StoreErrorKind::NoSuchUpload;
        match write::read_back(store, env, &request.key, id, error).await {
            Err(Failure::Unknown(_)) if !is_spent && resent < RESENDS => {
                resent += 1;
                let longest = Duration::from_millis(100) * 2_u32.pow(resent);
                env.sleep(env.jitter(longest)).await;
            }
            outcome => return outcome,
        }
    }
}

/// What a refusal means: something on the way may have sent the completion twice, and an earlier
/// copy may have been applied.
async fn refused(
    store: &dyn Store,
    key: &str,
    id: &str,
    error: StoreError,
    sent_before: bool,
) -> Result<ETag, Failure> {
    if sent_before || error.kind() == StoreErrorKind::PreconditionFailed {
        let found = store.head(key).await.ok();
        if let Some(etag) = found.and_then(|meta| write::proof_of(&meta, id)) {
            return Ok(etag);
        }
    }
    Err(if sent_before {
        Failure::Unknown(error)
    } else {
        Failure::Refused(error)
    })
}
