//! What is asked: its name, what S3 does, and the level that stands upon it.

use super::report::Level;

/// What is asked of a store.
#[derive(Debug, Clone, Copy)]
pub(super) struct Topic {
    /// Never changes.
    pub(super) id: &'static str,
    /// The level that a store cannot have without it.
    pub(super) needed_for: Option<Level>,
    /// What S3 does.
    pub(super) expected: &'static str,
}

const REFUSED: &str = "412 where the condition does not hold, and nothing is changed";
const ONE_WINNER: &str = "one winner in each round";

macro_rules! topics {
    ($($name:ident = $id:literal, $needed_for:expr, $expected:expr;)*) => {$(
        pub(super) const $name: Topic = Topic {
            id: $id,
            needed_for: $needed_for,
            expected: $expected,
        };
    )*};
}

topics! {
    READ_AFTER_WRITE = "read-after-write", Some(Level::L1), "every read shows the write before it";
    LIST_AFTER_WRITE = "list-after-write", None, "every listing shows the write before it";
    ETAG = "etag", Some(Level::L2), "another body has another tag, the same everywhere";
    METADATA = "metadata", None, "user metadata and content type come back";
    CREATE = "create-if-absent", Some(Level::L1), REFUSED;
    CREATE_RACE = "create-race", Some(Level::L1), ONE_WINNER;
    REPLACE = "replace-if-match", Some(Level::L2), REFUSED;
    REPLACE_ABSENT = "replace-absent", Some(Level::L2), "404, and nothing is written";
    REPLACE_RACE = "replace-race", Some(Level::L2), ONE_WINNER;
    LOST_UPDATES = "lost-updates", Some(Level::L2), "the counter is at the number of increments";
    DELETE = "delete-if-match", Some(Level::L3), REFUSED;
    DELETE_ABSENT = "delete-absent", None, "404";
    DELETE_PRESENT = "delete-if-present", None, "`If-Match: *` asks for any object";
    DELETE_RACE = "delete-race", Some(Level::L3), ONE_WINNER;
    BULK_DELETE = "bulk-delete-if-match", None, REFUSED;
    COPIES = "copy-conditions", None, REFUSED;
    UPLOADS = "upload-conditions", None, REFUSED;
    READ_CHANGED = "read-if-changed", None, "304 for the tag that the object has";
    LIST_ORDER = "list-order", None, "the order of the keys' bytes";
    LIST_START = "list-start-after", None, "what is after a key, without it";
    LIST_DELIMITER = "list-delimiter", None, "folders are rolled up";
    LIST_PAGES = "list-pages", None, "each entry once, in order";
    KEYS_ENCODED = "keys-encoded", None, "every key that s3orm writes comes back";
    KEYS_LONG = "keys-long", None, "segments of any length";
    KEYS_RAW = "keys-raw", None, "every key comes back";
    KEYS_UNICODE = "keys-unicode", None, "other bytes are another key";
    CLOCK = "clock", None, "within a minute of this machine's";
    CHECKSUMS = "checksums", None, "a body that is not the one announced is refused";
    VERSIONING = "versioning", None, "no versions are kept, or a rule deletes them";
    LIFECYCLE = "lifecycle", None, "a rule drops uploads that were left, none deletes rows";
    LEFTOVERS = "leftovers", None, "everything is deleted";
}
