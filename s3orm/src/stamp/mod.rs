//! Stamped rows: what the objects of a table look like that has an index, a unique column or
//! transactions.
//!
//! Such a row is its JSON object with one member more, the first: `_m`. It holds a random stamp, so
//! that no two versions of a row have the same bytes, hence not the same tag, whatever they say: a
//! row that is changed and changed back has a new version, and a request that was signed for the old
//! one cannot land on it.
//!
//! ```json
//! {"_m":{"v":"<stamp>","p":"<stamp that it replaced>"},"id":42,"name":"Ann"}
//! ```
//!
//! - A deleted row is a **tombstone**, `{"_m":{"v":…,"del":true}}`, until it is
//!   [vacuumed](crate::Table::vacuum): "absent" must not come true again while a request that was
//!   signed for it can still be alive.
//! - A row under a transaction is an **intent**. The columns stay as they were, so that other tools
//!   read the committed value; `_m` names the transaction and holds the new value. Whether that
//!   counts is the transaction's [record](record) to say.
//!
//! What follows for everybody who reads or writes such a table:
//!
//! - **Readers** look behind an intent (`seen.rs`): the record is committed, and the new value
//!   counts; it is pending or aborted, and the columns count; it is gone, and the row is read again,
//!   because a record goes only after its rows are clean.
//! - **Writers** read first and write on the tag that they saw, always. An intent must be decided
//!   before it is written over: they wait for its transaction, or abort it when its owner seems gone
//!   (`patience.rs`).
//!
//! The rules are those of a protocol that was model-checked: see `docs/models.md`.

use std::time::Duration;

/// D of the design: how long an operation may go on sending, from what it has read or the first entry
/// that it has put. Collectors wait for much longer than this and the quarter of an hour for which S3
/// takes a signed request.
pub(crate) const DEADLINE: Duration = Duration::from_mins(5);

pub(crate) mod body;
pub(crate) mod patience;
pub(crate) mod presence;

pub(crate) mod record;

pub(crate) mod seen;

pub(crate) use body::Form;
pub(crate) use patience::Patience;
pub(crate) use seen::Seen;
