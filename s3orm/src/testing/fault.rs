//! What can go wrong, and with which requests.

use std::time::Duration;

use crate::store::StoreErrorKind;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// There is no connection: it is not applied, and the client knows, so it is sent again.
    NeverSent,
    /// It is lost on its way: not applied, and the client cannot know.
    RequestLost,
    /// It is applied, and its answer is lost.
    AnswerLost,
    /// The client gives up at once, and the request is delivered so much later. Needs a Tokio
    /// runtime that is still there by then.
    Late(Duration),
    /// Something on the way sends it twice, one after the other; the second answer arrives.
    Duplicate,
    /// It is not applied, and answered with this HTTP status and no code of S3's. A 5xx does not
    /// tell the client that it was not applied.
    Status(u16),
    /// It is not applied: 503 `SlowDown`, which is sent again.
    SlowDown,
    /// It is not applied: 409 `ConditionalRequestConflict`.
    Conflict,
    /// It is sent so much later, and answered as it should be.
    Latency(Duration),
    /// The client ends before it is sent. This and all further requests of the client fail as if
    /// their answers were lost, and none of them is applied.
    CrashBefore,
    /// The client ends after it was applied and before its answer. All further requests fail, too.
    CrashAfter,
}

/// S3's calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)] // They are the methods of `Store`.
#[non_exhaustive]
pub enum Call {
    Get,
    Head,
    Put,
    Delete,
    DeleteMany,
    List,
    Copy,
    CreateUpload,
    UploadPart,
    CompleteUpload,
    AbortUpload,
    ListUploads,
    ListParts,
    Survey,
    HeadBucket,
    CreateBucket,
    DeleteBucket,
    ListBuckets,
}

impl Call {
    /// Only those whose key begins so.
    pub fn under(self, prefix: impl Into<String>) -> Matcher {
        Matcher::from(self).under(prefix)
    }
}

/// Which requests: a [`Call`], [`any`], or those of them whose key begins in a certain way.
#[derive(Debug, Clone, Default)]
pub struct Matcher {
    call: Option<Call>,
    prefix: String,
}

/// Every request.
pub fn any() -> Matcher {
    Matcher::default()
}

impl Matcher {
    /// Only those whose key begins so.
    #[must_use]
    pub fn under(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    pub(super) fn matches(&self, request: &Request) -> bool {
        self.call.is_none_or(|call| call == request.call) && request.key.starts_with(&self.prefix)
    }
}

impl From<Call> for Matcher {
    fn from(call: Call) -> Self {
        Self {
            call: Some(call),
            prefix: String::new(),
        }
    }
}

/// A request, as the client made it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// What it asks for.
    pub call: Call,
    /// The object; of a listing its prefix, of a deletion of many the first, of a bucket's calls
    /// nothing.
    pub key: String,
    /// What went wrong with it.
    pub fault: Option<Fault>,
    /// What the client heard; `None` while it waits.
    pub outcome: Option<Result<(), StoreErrorKind>>,
}
