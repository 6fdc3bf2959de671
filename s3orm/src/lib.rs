//! An ORM whose database is an S3 bucket.

pub mod body;
mod env;
mod error;
pub mod id;
pub mod key;
mod schema;
#[cfg(feature = "server")]
pub mod server;
pub mod store;
#[cfg(any(feature = "chrono", feature = "jiff"))]
mod time;

pub use body::raw::RawBody;
pub use env::Env;
pub use error::{Error, ErrorKind, Result};
pub use s3orm_derive::S3Schema;
pub use schema::{
    BodyFormat, ColumnHandle, ColumnSchema, Generate, KeyHandle, Managed, Prepare, S3Schema,
    TableSchema, Timestamp,
};

/// What generated code names. Not for use by hand: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use std::clone::Clone;
    pub use std::fmt::Debug;
    pub use std::marker::{Copy, Send, Sized, Sync};
    pub use std::option::Option::{self, None, Some};
    pub use std::primitive::{str, u8};
    pub use std::result::Result;
    pub use std::vec::Vec;

    pub use serde_json::to_value;

    pub use crate::body::raw::RawBody;
    pub use crate::body::{BodyError, json};
    pub use crate::id;
    pub use crate::key::{
        Desc, DescColumn, Encoding, Form, KeyColumn, KeyTuple, Ordered, OrderedColumn,
        PathTemplate, Piece, Plain,
    };
    pub use crate::schema::{
        AnyKey, BodyFormat, ColumnHandle, ColumnSchema, Generate, KeyHandle, Managed, Prepare,
        S3Schema, TableSchema, Timestamp, check,
    };
}
