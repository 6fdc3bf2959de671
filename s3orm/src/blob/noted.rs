//! Which blobs a value has, as its serialization goes by: whatever the format, and however deep.

use std::cell::RefCell;

use super::id::BlobId;

thread_local! {
    static NOTED: RefCell<Option<Vec<BlobId>>> = const { RefCell::new(None) };
}

/// Runs what serializes or deserializes, and tells which blobs have gone by.
pub(crate) fn noted<R>(work: impl FnOnce() -> R) -> (R, Vec<BlobId>) {
    let before = NOTED.replace(Some(Vec::new()));
    let result = work();
    let found = NOTED.replace(before);
    (result, found.unwrap_or_default())
}

/// A blob goes by.
pub(super) fn note(id: &BlobId) {
    NOTED.with_borrow_mut(|noted| {
        if let Some(noted) = noted {
            noted.push(id.clone());
        }
    });
}
