//! The derive where nothing can be taken for granted: no prelude, names of the standard library
//! and of s3orm shadowed, s3orm itself under another name, and every lint an error.
#![no_implicit_prelude]
#![deny(warnings, missing_docs, missing_debug_implementations)]
#![deny(unreachable_pub, unused_qualifications, unused, nonstandard_style)]
#![deny(clippy::all, clippy::pedantic, clippy::shadow_unrelated)]

use ::renamed::S3Schema;
use ::serde::{Deserialize, Serialize};
use ::uuid::Uuid;

/// Shadows the crate.
pub mod s3orm {}
/// Shadows the crate.
pub mod core {}
/// Shadows the crate.
pub mod std {}
/// Shadows the crate.
pub mod serde_json {}

macro_rules! shadow {
    ($($name:ident)*) => {
        $(
            /// Shadows a name of the prelude, of the output or of the language.
            #[derive(::std::fmt::Debug)]
            pub struct $name {}
        )*
    };
}
shadow!(Option Some None Result Ok Err Vec Box Clone Copy Debug Default Sized Send Sync);
shadow!(Error BelongsTo KeyHandle ColumnHandle Required Nullable InKey TableSchema Prepare Plain Ordered Desc);
shadow!(Form Piece From Into Hooks IndexHandle UniqueHandle Projection Encrypt Encrypted Compression);

/// Every part of a JSON table.
#[derive(::std::clone::Clone, ::std::fmt::Debug, Serialize, Deserialize, S3Schema)]
#[s3(
    table = "rows",
    path = "x/<day:ordered>/<at:desc>=<id>",
    crate = "renamed"
)]
pub struct Row {
    #[s3(generate)]
    id: Uuid,
    #[s3(key_only)]
    day: u32,
    /// A public column.
    pub at: u64,
    #[serde(default)]
    name: ::std::string::String,
    #[serde(rename = "Town")]
    town: ::std::option::Option<::std::string::String>,
}

/// Every part of a raw table.
#[derive(::std::fmt::Debug, S3Schema)]
#[s3(table = "blobs", path = "<id>", body = "raw", crate = "::renamed")]
pub struct Blob {
    id: bool,
    #[s3(body)]
    bytes: ::std::vec::Vec<u8>,
}

/// A child, and a grandchild.
#[derive(::std::fmt::Debug, Serialize, Deserialize, S3Schema)]
#[s3(table = "leaves", path = "<day>/<at>/<id>/<number>", crate = "renamed")]
#[s3(belongs_to = "crate::Row", belongs_to = "private::Day")]
pub struct Leaf {
    day: u32,
    at: u64,
    id: Uuid,
    number: i8,
}

/// A table whose column's type is private.
#[derive(::std::fmt::Debug, Serialize, Deserialize, S3Schema)]
#[s3(table = "hidden", path = "<id>", crate = "renamed")]
pub struct WithHidden {
    id: u8,
    hidden: Hidden,
}

#[derive(::std::fmt::Debug, Serialize, Deserialize)]
struct Hidden {}

#[allow(dead_code, reason = "nobody makes a row of these")]
#[expect(
    non_snake_case,
    non_camel_case_types,
    reason = "once, about the struct itself"
)]
mod private {
    use super::{Deserialize, S3Schema, Serialize};

    #[derive(Serialize, Deserialize, S3Schema)]
    #[s3(table = "a", path = "<fooBar>", crate = "crate::again::orm")]
    struct odd {
        fooBar: i8,
    }

    #[derive(Serialize, Deserialize, S3Schema)]
    #[s3(table = "b", path = "<self_>", crate = "super::again::orm")]
    pub(super) struct Seen {
        pub(in crate::private) self_: i8,
    }

    #[derive(Serialize, Deserialize, S3Schema)]
    #[s3(table = "days", path = "<day>", crate = "super::again::orm")]
    pub(super) struct Day {
        day: u32,
    }
}

mod again {
    pub(crate) use ::renamed as orm;
}

/// The version before.
#[derive(::std::fmt::Debug, Serialize, Deserialize, S3Schema)]
#[s3(table = "versions", path = "<id>", crate = "renamed", transactional)]
pub struct Before {
    id: u8,
    name: ::std::string::String,
}

/// A version both ways, with all that is kept beside a row, and columns that nobody else can read.
#[derive(::std::clone::Clone, ::std::fmt::Debug, Serialize, Deserialize, S3Schema)]
#[s3(table = "versions", path = "<id>", crate = "renamed", transactional)]
#[s3(version = 2, previous = "crate::Before", reversible)]
#[s3(index(name = "both", columns(town, age), projection(name)))]
#[s3(unique(columns(age, name)))]
pub struct After {
    id: u8,
    #[s3(unique)]
    name: ::std::string::String,
    #[s3(index = "by_town")]
    town: ::std::option::Option<::std::string::String>,
    age: u16,
    #[s3(encrypt)]
    secret: ::std::option::Option<::std::string::String>,
    #[s3(encrypt = "migrating")]
    number: u64,
    photo: ::std::option::Option<::renamed::Blob>,
    #[serde(default)]
    papers: ::std::vec::Vec<::renamed::Blob>,
}

impl ::std::convert::From<Before> for After {
    fn from(old: Before) -> Self {
        Self {
            id: old.id,
            name: old.name,
            town: ::std::option::Option::None,
            age: 0,
            secret: ::std::option::Option::None,
            number: 0,
            photo: ::std::option::Option::None,
            papers: ::std::vec::Vec::new(),
        }
    }
}

impl ::std::convert::From<&After> for Before {
    fn from(new: &After) -> Self {
        Self {
            id: new.id,
            name: ::std::clone::Clone::clone(&new.name),
        }
    }
}

/// A row that is compressed and encrypted as a whole, with hooks.
#[derive(::std::fmt::Debug, Serialize, Deserialize, S3Schema)]
#[s3(table = "sealed", path = "<id>", crate = "renamed")]
#[s3(body = "msgpack", compress(level = 9), encrypt, hooks)]
pub struct Sealed {
    id: u8,
}

impl ::renamed::Hooks for Sealed {}

/// A table that its author advises against.
#[deprecated]
#[derive(::std::fmt::Debug, Serialize, Deserialize, S3Schema)]
#[s3(table = "old", path = "<id>", crate = "renamed")]
pub struct Old {
    #[deprecated]
    id: u8,
}

/// Uses what the derive made.
#[must_use]
pub fn used(row: &Row, blob: &Blob) -> (u64, bool, [&'static str; 4]) {
    let (_, at, _) = S3Schema::key(row);
    let (id,) = S3Schema::key(blob);
    let names = [
        <Row as S3Schema>::COL.town.name(),
        After::INDEX.both.schema().name,
        After::UNIQUE.age_name.schema().name,
        <After as S3Schema>::COL.secret.name(),
    ];
    (at, id, names)
}
