//! The options of `#[s3(...)]` as they are written, with their places.
//!
//! Nothing here returns early: a wrong option is reported and left out, and reading goes on, so
//! that one compilation shows every mistake.

mod compress;
mod field;
mod table;
mod value;
mod version;
mod written;

use proc_macro2::{Ident, Span};

pub(crate) use self::field::FieldOptions;
pub(crate) use self::table::TableOptions;
pub(crate) use self::value::choice;
pub(crate) use self::written::{Written, split};
use crate::index::Kind;

const ON_STRUCT: &[&str] = &[
    "table",
    "path",
    "extension",
    "encoding",
    "body",
    "compress",
    "encrypt",
    "version",
    "previous",
    "reversible",
    "belongs_to",
    "transactional",
    "hooks",
    "validate",
    "index",
    "unique",
    "crate",
];
const ON_FIELD: &[&str] = &[
    "key_only",
    "body",
    "generate",
    "created_at",
    "updated_at",
    "encrypt",
    "index",
    "unique",
];

/// `encoding = "…"`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Escaped,
    Verbatim,
}

/// `body = "…"`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    Json,
    MessagePack,
    /// A format of the user's own.
    Own,
    Raw,
}

/// `compress = "zstd"`, `compress(level = 9, above = 4096)`
pub(crate) struct Compress {
    pub(crate) mark: Ident,
    pub(crate) level: i32,
    pub(crate) above: usize,
}

/// `encrypt`, `encrypt = "migrating"`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encrypt {
    Always,
    Migrating,
}

/// `generate`, `generate = "…"`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Default,
    UuidV4,
    UuidV7,
    Ulid,
}

/// What the library fills in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Managed {
    Generated(Scheme),
    CreatedAt,
    UpdatedAt,
}

/// A type that is named: by `belongs_to`, by `previous`, and by `body` of the user's own.
pub(crate) struct TypePath {
    pub(crate) ty: syn::Path,
    /// Where it is written.
    pub(crate) place: Span,
}

fn kind_of_index(option: &str) -> Option<Kind> {
    match option {
        "index" => Some(Kind::Plain),
        "unique" => Some(Kind::Unique),
        _ => None,
    }
}
