//! An ORM whose database is an S3 bucket: one row is one object, its key is built from the row's
//! columns, and there is no server but the bucket.
//!
//! # A table
//!
//! A program needs three crates; every other feature of this one is [listed below](#cargo-features):
//!
//! ```toml
//! [dependencies]
//! s3orm = "0.1"
//! serde = { version = "1", features = ["derive"] }
//! tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
//! ```
//!
//! ```
//! use s3orm::{Db, S3Schema};
//! use serde::{Deserialize, Serialize};
//!
//! /// `<prefix>/people/<city>/<id>.json`
//! #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
//! #[s3(table = "people", path = "<city>/<id>")]
//! struct Person {
//!     city: String,
//!     id: u64,
//!     #[serde(default)]
//!     age: u32,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
//! let db = Db::connect("memory:").await?;
//! let people = db.table::<Person>();
//!
//! people.insert(&Person { city: "Oslo".into(), id: 42, age: 30 }).await?;
//! assert_eq!(people.get(("Oslo", 42)).await?.map(|person| person.age), Some(30));
//! # Ok(()) }
//! ```
//!
//! The derive's [manual](macro@S3Schema) has every option: paths, what becomes of the body, generated
//! ids, timestamps. A table needs no creation, and a row that another program wrote is as good as
//! one of ours.
//!
//! # Reading and writing
//!
//! [`Table`] has the operations; each returns a request, which does nothing until it is awaited and
//! takes options as methods:
//!
//! ```
//! # use s3orm::{Db, ErrorKind, S3Schema};
//! # #[derive(Clone, serde::Serialize, serde::Deserialize, S3Schema)]
//! # #[s3(table = "people", path = "<id>")]
//! # struct Person { id: u64, age: u32 }
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
//! # let people = Db::connect("memory:").await?.table::<Person>();
//! # let ann = Person { id: 1, age: 30 };
//! people.put(&ann).metadata("source", "import").await?;           // create or replace
//! let existing = people.insert(&ann).on_conflict_nothing().await?; // create, or leave what is there
//! assert!(existing.is_none());
//!
//! let mut row = people.read(1).await?.expect("it was put");        // the row with its version
//! row.age += 1;
//! let row = people.save(row).await?;                               // only if nobody was faster
//!
//! people.put(&ann).await?;
//! let refused = people.save(row).await.err().expect("somebody was");
//! assert_eq!(refused.kind(), ErrorKind::Conflict);
//!
//! let old = people.delete(1).returning_old().await?;
//! assert_eq!(old.map(|row| row.age), Some(30));
//! # Ok(()) }
//! ```
//!
//! [`patch`](Table::patch) changes single columns, on conditions if need be, and
//! [`rekey`](Table::rekey) moves a row whose key columns change:
//!
//! ```
//! # use s3orm::{Db, S3Schema};
//! # #[derive(Clone, serde::Serialize, serde::Deserialize, S3Schema)]
//! # #[s3(table = "people", path = "<id>")]
//! # struct Person { id: u64, age: u32 }
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
//! # let people = Db::connect("memory:").await?.table::<Person>();
//! # people.put(Person { id: 1, age: 30 }).await?;
//! people.patch(1).increment(Person::COL.age, 1).only_if(Person::COL.age.lt(99)).await?;
//! let row = people.rekey(1, |person| person.id = 2).await?;
//! assert_eq!((row.key(), row.age), ("people/2.json", 31));
//! # Ok(()) }
//! ```
//!
//! # Queries
//!
//! A query fixes key columns in path order, may bound the next one, and filters by any column. It
//! says beforehand what it costs:
//!
//! ```
//! # use s3orm::{Db, S3Schema};
//! # #[derive(Debug, Clone, serde::Serialize, serde::Deserialize, S3Schema)]
//! # #[s3(table = "people", path = "<city>/<id:ordered>")]
//! # struct Person { city: String, id: u64, age: u32 }
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
//! # let people = Db::connect("memory:").await?.table::<Person>();
//! # people.put(Person { city: "Oslo".into(), id: 42, age: 30 }).await?;
//! let adults = people
//!     .query()
//!     .at(Person::KEY.city, "Oslo")
//!     .within(Person::KEY.id, 10..100)
//!     .filter(Person::COL.age.ge(18));
//! println!("{}", adults.plan()?);
//! assert_eq!(adults.all().await?.len(), 1);
//! # Ok(()) }
//! ```
//!
//! [`select`](Query::select) gives chosen columns instead of rows; key columns alone cost no read of
//! a row. A [`KeyPrefix`] is a partial key to keep. Many rows at once are [`Table::put_many`] and its
//! like, and many thousand are listed in [segments](Query::segments) at the same time.
//!
//! # Indexes
//!
//! [Indexes](index) find rows by other columns, and keep values unique:
//!
//! ```
//! # use s3orm::{Db, ErrorKind, S3Schema};
//! #[derive(Debug, Clone, serde::Serialize, serde::Deserialize, S3Schema)]
//! #[s3(table = "people", path = "<id>", index(name = "place", columns(city, age)))]
//! struct Person {
//!     id: u64,
//!     #[s3(unique)]
//!     email: String,
//!     city: String,
//!     age: u32,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
//! # let people = Db::connect("memory:").await?.table::<Person>();
//! # let ann = Person { id: 1, email: "ann@a.org".into(), city: "Oslo".into(), age: 30 };
//! people.insert(&ann).await?;
//! let adults = people.query().by(Person::INDEX.place).at("Oslo").within(18..);
//! assert_eq!(adults.count().await?, 1);
//! assert!(people.get_by(Person::UNIQUE.email, "ann@a.org").await?.is_some());
//! let taken = people.insert(Person { id: 2, ..ann }).await.unwrap_err();
//! assert_eq!(taken.kind(), ErrorKind::UniqueViolation);
//! # Ok(()) }
//! ```
//!
//! # Parents and children
//!
//! A row that [belongs to](query::relation) another lies in the other's partition of its own table:
//!
//! ```
//! # use s3orm::{Db, S3Schema};
//! # #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
//! # #[s3(table = "customers", path = "<id>")]
//! # struct Customer { id: u64 }
//! #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
//! #[s3(table = "orders", path = "<customer>/<id>", belongs_to = "Customer")]
//! struct Order { customer: u64, id: u32 }
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
//! # let db = Db::connect("memory:").await?;
//! # let (customers, orders) = (db.table::<Customer>(), db.table::<Order>());
//! # customers.put(Customer { id: 42 }).await?;
//! # orders.put(Order { customer: 42, id: 1 }).await?;
//!
//! if let Some((customer, all)) = customers.get_with::<Order>(42).await? {
//!     assert_eq!(orders.query().of(&customer).count().await?, all.len() as u64);
//! }
//! # Ok(()) }
//! ```
//!
//! # Transactions
//!
//! Rows of [`transactional`](macro@S3Schema) tables change together or not at all, and are read
//! together as they were at one instant: see [`tx`].
//!
//! ```
//! # use s3orm::{Db, Error, S3Schema};
//! #[derive(Clone, serde::Serialize, serde::Deserialize, S3Schema)]
//! #[s3(table = "accounts", path = "<owner>", transactional)]
//! struct Account { owner: String, balance: i64 }
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
//! # let db = Db::connect("memory:").await?;
//! # for owner in ["ann", "bob"] {
//! #     db.table().insert(Account { owner: owner.into(), balance: 100 }).await?;
//! # }
//!
//! // The closure may run again: it borrows what it uses.
//! let accounts = &db.table::<Account>();
//! db.transaction(|tx| async move {
//!     let enough = Account::COL.balance.ge(30);
//!     tx.write(accounts.patch("ann").decrement(Account::COL.balance, 30).only_if(enough))?;
//!     tx.write(accounts.patch("bob").increment(Account::COL.balance, 30))
//! })
//! .await?;
//! assert_eq!(accounts.get("bob").await?.map(|bob| bob.balance), Some(130));
//! # Ok(()) }
//! ```
//!
//! # Versions
//!
//! A struct that takes on another form reads rows of the old one, and [`Table::migrate`] rewrites them while
//! the table is used; [`Table::create`] describes a table on the bucket, and [`Table::check`] tells whether
//! the program fits it. See [`migrate`].
//!
//! # Large objects
//!
//! What does not fit into memory is [uploaded](Db::upload) in parts and [downloaded](Db::download) in
//! ranges; somebody without credentials gets a [signed URL](Db::presign_get):
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
//! # let db = s3orm::Db::connect("memory:").await?;
//! let mut uploader = db.upload("videos/1.mp4").content_type("video/mp4").start();
//! uploader.write("as much as there is").await?;
//! uploader.complete().await?;
//! let video = db.download("videos/1.mp4").await?.expect("it was uploaded");
//! assert_eq!(video.bytes(1 << 20).await?, "as much as there is");
//! # Ok(()) }
//! ```
//!
//! [`upload`] has what becomes of an upload that is interrupted. A large value of a row is a
//! [blob]: a column of the type [`Blob`], whose bytes are an object of their own and come and go with
//! the row.
//!
//! # Code and keys of your own
//!
//! [`Hooks`] are a table's own code, which sees its rows before they are written or deleted and after they
//! are read; rules of `garde` are checked before each write
//! ([`validate`](macro@S3Schema)). Rows, or single columns of them, can be [encrypted](encrypt) before they
//! are sent, with keys that only the application has.
//!
//! # What surrounds a table
//!
//! [`infra`] makes texts of a declaration, without a request: the IAM policy of a table, lifecycle rules,
//! a bucket policy against blind writes, and definitions for DuckDB and Athena.
//!
//! # What a lost answer means
//!
//! A request may be applied although its answer never comes. s3orm then reads the object back: it
//! carries the id of the write that made it, so the write is known to be applied, or the error is
//! [`OutcomeUnknown`](ErrorKind::OutcomeUnknown). A deletion leaves nothing to read and is always
//! unknown then, but in tables that keep tombstones. A write is never mistaken for somebody else's, and a request that may have been
//! applied is never sent twice. Requests that certainly were not, and reads, are sent again
//! ([`retries`](DbBuilder::retries)).
//!
//! # Connections
//!
//! [`Db::connect`] takes a connection string, [`DbBuilder`] has the options: regions and endpoints,
//! credentials, time-outs, TLS. [`Config`] reads the same options from files and the environment,
//! [`Settings`] say some of them for a task ([`scope`]) or a table ([`Table::with`]), and
//! [`Profiles`] are named connections that are exchanged while in use. [`Db::check`] asks whether the bucket is there and may be used;
//! [`Db::doctor`] measures what its store honours, which servers that call themselves S3 differ in.
//!
//! # Errors
//!
//! There is one [`Error`]. Its [`kind`](Error::kind) says what to do, its message what happened to
//! which key. Absence is never an error: reading an absent row is `Ok(None)`.
//!
//! # Cargo features
//!
//! | feature | brings |
//! |---|---|
//! | `s3` (default) | `s3://` by our own client |
//! | `dir` (default) | `file:` on Unix |
//! | `rusoto` | `s3://…?client=rusoto`: `rusoto_s3` and `rusoto_core`, which are unmaintained |
//! | `chrono`, `jiff`, `uuid`, `ulid` | key columns, timestamps and generated ids of these crates |
//! | `sdk-config` | region, endpoint and credentials from an `aws_config::SdkConfig` |
//! | `cache` | `cache_bytes`: reads kept in memory, about which S3 is asked again by their ETag |
//! | `progress` | `progress_bar` on batches, by `indicatif` |
//! | `toml` | [`Config::file`]: connections and profiles from TOML files |
//! | `msgpack` | rows in MessagePack: `body = "msgpack"` |
//! | `zstd` | compressed rows: `compress = "zstd"`; builds the C library |
//! | `encrypt` | rows and columns [encrypted](encrypt) before they are sent: `encrypt` |
//! | `garde` | rows validated before they are written, by the rules of `garde`: `validate` |
//! | `server` | an S3 server over any store, for tests and development |
//! | `testing` | a store that fails as it is told, for the tests of applications |

pub mod batch;
pub mod blob;
pub mod body;
mod bucket;
mod catalog;
mod config;
mod db;
pub mod doctor;
pub mod dynamic;
pub mod encrypt;
mod env;
mod error;
mod hooks;
pub mod id;
pub mod index;
pub mod infra;
pub mod key;
pub mod migrate;
mod pages;
mod profiles;
pub mod query;
mod row;
mod schema;
#[cfg(feature = "server")]
pub mod server;
mod settings;
mod stamp;
pub mod store;
pub mod table;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(any(feature = "chrono", feature = "jiff"))]
mod time;
pub mod tx;
pub mod upload;
mod url;
mod write;

pub use blob::Blob;
pub use body::raw::RawBody;
pub use config::{Config, DbBuilder};
pub use db::Db;
pub use env::Env;
pub use error::{Error, ErrorKind, Result};
pub use hooks::{HookResult, Hooks};
pub use profiles::{Health, Profiles};
pub use query::{BelongsTo, Filter, KeyPrefix, Query};
pub use row::{AsRow, IntoRow, Row, Version};
pub use s3orm_derive::S3Schema;
pub use schema::{
    BodyFormat, ColumnHandle, ColumnSchema, Difference, Encrypted, Generate, InKey, IndexState,
    KeyHandle, Managed, Nullable, NullableColumn, Patchable, Prepare, Presence, Required, S3Schema,
    SchemaDiff, StoredColumn, StoredIndex, StoredSchema, TableSchema, Timestamp, Transactional,
    Unencrypted, WriteEvent,
};
pub use settings::{Settings, scope};
pub use store::{Encryption, KmsKey};
pub use table::{Decision, Insert, Table};

/// What generated code names. Not for use by hand: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use std::clone::Clone;
    pub use std::marker::{Copy, Send, Sized, Sync};
    pub use std::option::Option::{self, None, Some};
    pub use std::primitive::{str, u8, u32, usize};
    pub use std::result::Result;
    pub use std::vec::Vec;

    pub use serde_json::to_value;

    pub use crate::Error;
    pub use crate::body;
    pub use crate::body::{BodyCodec, BodyError, Compression, Content, RawBody};
    pub use crate::encrypt::Encrypt;
    pub use crate::hooks::{HookResult, Hooks, Valid};
    pub use crate::id;
    pub use crate::index::{
        IndexHandle, IndexSchema, IndexVisitor, Projection, UniqueHandle, index_form,
    };
    pub use crate::key::{
        Desc, DescColumn, Encoding, Form, KeyColumn, KeyTuple, Ordered, OrderedColumn,
        PathTemplate, Piece, Plain,
    };
    pub use crate::query::BelongsTo;
    pub use crate::schema::{
        AnyKey, BodyFormat, ColumnHandle, ColumnSchema, Encrypted, Generate, InKey, KeyHandle,
        Managed, Nullable, OldForm, OldRow, Prepare, Required, S3Schema, TableSchema, Timestamp,
        Transactional, check, version,
    };
}

/// The programs of the README and of the guide run.
#[cfg(all(doctest, feature = "s3", feature = "toml"))]
mod guide {
    macro_rules! pages {
        ($($name:ident = $page:literal)*) => {
            $(#[doc = include_str!(concat!("../../", $page))] pub struct $name;)*
        };
    }

    pages! {
        Readme = "README.md"
        ComingFrom = "docs/coming-from.md"
        Concurrency = "docs/concurrency.md"
        Configuration = "docs/configuration.md"
        Costs = "docs/costs.md"
        Indexes = "docs/indexes.md"
        Keys = "docs/keys.md"
        Migrations = "docs/migrations.md"
        Servers = "docs/servers.md"
        Upkeep = "docs/upkeep.md"
        Uploads = "docs/uploads.md"
    }

    #[cfg(all(feature = "msgpack", feature = "zstd", feature = "garde"))]
    pages! {
        Bodies = "docs/bodies.md"
    }

    #[cfg(all(feature = "encrypt", feature = "zstd"))]
    pages! {
        Encryption = "docs/encryption.md"
    }
}
