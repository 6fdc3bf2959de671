//! Tables without a Rust type: columns are named when the program runs, rows are bytes.
//!
//! For tools, and for buckets that other programs fill. A key is the table's folder, a segment for
//! each column, and an extension; nothing else is known of a row.
//!
//! ```
//! use s3orm::Db;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
//! let db = Db::connect("memory:").await?;
//! let people = db.dynamic("people").columns(["date", "id"])?;
//!
//! people.insert([("date", "2024-01-01"), ("id", "7")], "Ann").await?;   // people/2024-01-01/7.json
//! people.put(&[("date", "2024-01-01"), ("id", "70")], b"Bob").await?;
//!
//! let row = people.select([("id", "7"), ("date", "2024-01-01")]).await?.expect("it was written");
//! assert_eq!(row.text()?, "Ann");
//!
//! let that_day = people.query([("date", "2024-01-01")]);
//! assert_eq!(that_day.clone().count().await?, 2);
//! let sevens = people.query([("id", "7")]).scan().keys().await?;       // not 70
//! assert_eq!(sevens[0].get("date"), Some("2024-01-01"));
//!
//! that_day.delete().confirm("people").await?;
//! assert_eq!(people.random_key().await?, None);
//! # Ok(()) }
//! ```
//!
//! # Other programs' buckets
//!
//! Unless said otherwise keys are written as a derived table writes them: values escaped, `.json`
//! at the end. Where a bucket holds values as they are and no extension, say so:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
//! # let db = s3orm::Db::connect("memory:").await?;
//! use s3orm::key::Encoding;
//!
//! let people = db
//!     .dynamic("people")
//!     .encoding(Encoding::Verbatim)
//!     .extension("")
//!     .columns(["date", "id"])?;
//! people.insert([("date", "2024/01"), ("id", "7")], "Ann").await.unwrap_err();  // one segment each
//! people.insert([("date", "2024 01"), ("id", "7")], "Ann").await?;              // people/2024 01/7
//! assert!(people.select_by_key("2024 01/7").await?.is_some());
//! # Ok(()) }
//! ```
//!
//! # Tables that are described
//!
//! Where a program has [created](crate::Table::create) a table, its description has the columns:
//!
//! ```
//! # use s3orm::{Db, S3Schema};
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
//! # let db = s3orm::Db::connect("memory:").await?;
//! #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
//! #[s3(table = "people", path = "city=<city>/<id:ordered>")]
//! struct Person { city: String, id: u64 }
//!
//! db.table::<Person>().create().await?;
//! db.table().put(Person { city: "Oslo".into(), id: 7 }).await?;
//!
//! let people = db.open_dynamic("people").await?;
//! let row = people.select([("city", "Oslo"), ("id", "7")]).await?.expect("it was put");
//! assert_eq!(row.text()?, r#"{"city":"Oslo","id":7}"#);
//! # Ok(()) }
//! ```
//!
//! # Stamped tables
//!
//! The rows of tables with transactions or indexes carry the library's member `_m`, and are written
//! by rules that need the table's type: read them here, and do not write them. What is written here
//! is in no index, and may take a row away from under a transaction. [`stamped`](Dynamic::stamped)
//! says that a table is one: its rows are read without `_m`, as of the last transaction that is
//! committed, and writes are refused. Without it, a row that has a `tx` in its `_m` is shown as it was
//! before; one without columns is none.
//!
//! [`encrypted`](Dynamic::encrypted) says that rows or columns are encrypted: writing them as they are
//! would show them to everybody, and a copy could not be read.
//!
//! Of a table with [versions](crate::migrate), a row without a member `_v` is of the first one: what is
//! written here is to say of which it is.
//!
//! # Raw keys
//!
//! The `…_by_key` methods take what follows the table's folder as it is on the bucket, with its
//! extension, whatever the columns. Objects that are no rows of the columns are passed over by
//! every other method; [`query_by_key`](DynamicTable::query_by_key) shows them.

mod begin;
mod body;
mod described;
mod distinct;
mod filter;
mod found;
mod kind;
mod layout;
mod path;
mod plan;
mod query;
mod values;
mod write;

use std::sync::Arc;

pub use begin::Dynamic;
pub use body::Body;
use bytes::Bytes;
pub use filter::Filter;
pub use kind::ColumnType;
use layout::Layout;
pub use query::{Listed, Query};
pub use values::Values;
pub use write::{Copy, Write};

use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Encoding;
use crate::row::Row;
use crate::settings::Settings;
use crate::stamp::seen;
use crate::store::{DeleteObject, GetObject, StoreErrorKind, check_key};
use crate::table::{store_error, write_error};
use crate::write as writes;

/// A table's name must be a folder of its own.
pub(crate) fn check_table(name: &str) -> Result<()> {
    if !name.is_empty() && !name.contains('/') && !matches!(name, "." | ".." | "_s3orm") {
        return Ok(());
    }
    let detail = format!("`{}` cannot be a table", name.escape_debug());
    Err(Error::new(ErrorKind::Schema, detail)
        .with_help("name one folder: not empty, without `/`, not `.`, `..` or `_s3orm`"))
}

/// A table whose columns are named at run time. Cheap to clone, `Send + Sync`.
///
/// From [`Db::dynamic`]; see [`dynamic`](crate::dynamic).
#[derive(Debug, Clone)]
pub struct DynamicTable {
    db: Db,
    name: Arc<str>,
    /// `<prefix>/<table>/`.
    folder: Arc<str>,
    layout: Arc<Layout>,
    stamped: bool,
    encrypted: bool,
}

impl DynamicTable {
    /// This table with these settings, over those that it has: the narrowest of the
    /// [levels](crate::Settings). No request.
    #[must_use]
    pub fn with(&self, settings: Settings) -> Self {
        Self {
            db: self.db.with(settings),
            ..self.clone()
        }
    }

    /// Another table of this database whose keys are made alike. No request.
    ///
    /// # Errors
    /// [`Schema`](ErrorKind::Schema) if it cannot be a table's name.
    pub fn beside(&self, table: &str) -> Result<Self> {
        check_table(table).map_err(|error| error.during("beside", table.to_owned()))?;
        Ok(Self {
            folder: format!("{}{table}/", self.db.prefix()).into(),
            db: self.db.of_table(table),
            name: table.into(),
            layout: Arc::clone(&self.layout),
            stamped: false,
            encrypted: false,
        })
    }

    /// This table, with its rows taken for those of a table with transactions or indexes, or not: see
    /// [`Dynamic::stamped`]. No request.
    #[must_use]
    pub fn stamped(&self, stamped: bool) -> Self {
        Self {
            stamped,
            ..self.clone()
        }
    }

    /// Creates a row.
    ///
    /// # Errors
    /// [`AlreadyExists`](ErrorKind::AlreadyExists) if there is one with its key,
    /// [`InvalidKey`](ErrorKind::InvalidKey) if a column is missing or unknown, and those of
    /// [`put`](Self::put).
    ///
    /// # Cost
    /// 1 PUT. When the row is there, 1 more HEAD makes sure that it is another's.
    pub fn insert(&self, values: impl Into<Values>, body: impl Into<Body>) -> Write<'_> {
        Write::new(self, "insert", self.key_of(&values.into()), body.into())
    }

    /// Creates a row or replaces it.
    ///
    /// # Errors
    /// [`InvalidKey`](ErrorKind::InvalidKey), [`InvalidRow`](ErrorKind::InvalidRow) if it is too
    /// large, or is JSON that names a [blob](crate::blob) of another table,
    /// [`OutcomeUnknown`](ErrorKind::OutcomeUnknown), and those of the connection.
    ///
    /// # Cost
    /// 1 PUT.
    pub fn put(&self, values: impl Into<Values>, body: impl Into<Body>) -> Write<'_> {
        Write::new(self, "put", self.key_of(&values.into()), body.into())
    }

    /// Reads a row.
    ///
    /// # Errors
    /// [`InvalidKey`](ErrorKind::InvalidKey) if a column is missing or unknown,
    /// [`LimitExceeded`](ErrorKind::LimitExceeded) if it is larger than `max_row_bytes`, and those
    /// of the connection.
    ///
    /// # Cost
    /// 1 GET.
    pub async fn select(&self, values: impl Into<Values>) -> Result<Option<Row<Bytes>>> {
        let key = self.key_of(&values.into());
        self.during("select", self.fetch(key).await)
    }

    /// Deletes a row; deleting one that is not there succeeds. For several rows, see
    /// [`Query::delete`].
    ///
    /// # Errors
    /// [`InvalidKey`](ErrorKind::InvalidKey) if a column is missing or unknown,
    /// [`OutcomeUnknown`](ErrorKind::OutcomeUnknown), and those of the connection.
    ///
    /// # Cost
    /// 1 DELETE.
    pub async fn delete(&self, values: impl Into<Values>) -> Result<()> {
        let key = self.key_of(&values.into());
        self.during("delete", self.remove(key).await)
    }

    /// Copies a row to another key of this table, or by [`Copy::into_table`] of another, over what
    /// is there.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) if there is no such row,
    /// [`Conflict`](ErrorKind::Conflict) if it was changed meanwhile, and those of
    /// [`put`](Self::put).
    ///
    /// # Cost
    /// 1 HEAD and 1 COPY: the bytes do not leave S3.
    pub fn copy(&self, from: impl Into<Values>, to: impl Into<Values>) -> Copy<'_> {
        Copy::new(self, from.into(), to.into())
    }

    /// Creates a row by its raw key: what follows the table's folder.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    ///
    /// # Cost
    /// As [`insert`](Self::insert).
    pub fn insert_by_key(&self, key: &str, body: impl Into<Body>) -> Write<'_> {
        Write::new(self, "insert", self.raw(key), body.into())
    }

    /// Creates or replaces a row by its raw key.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    ///
    /// # Cost
    /// 1 PUT.
    pub fn put_by_key(&self, key: &str, body: impl Into<Body>) -> Write<'_> {
        Write::new(self, "put", self.raw(key), body.into())
    }

    /// Reads a row by its raw key.
    ///
    /// # Errors
    /// As [`select`](Self::select).
    ///
    /// # Cost
    /// 1 GET.
    pub async fn select_by_key(&self, key: &str) -> Result<Option<Row<Bytes>>> {
        self.during("select", self.fetch(self.raw(key)).await)
    }

    /// Deletes a row by its raw key.
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    ///
    /// # Cost
    /// 1 DELETE.
    pub async fn delete_by_key(&self, key: &str) -> Result<()> {
        self.during("delete", self.remove(self.raw(key)).await)
    }

    /// The key columns, in path order.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.layout.columns.iter().map(|column| &*column.name)
    }

    /// The type of a key column, if it is one.
    pub fn column_type(&self, column: &str) -> Option<ColumnType> {
        self.layout.kind(column)
    }

    /// The path, as the attribute of a struct has it, without types and with the extension.
    pub fn path(&self) -> String {
        self.layout.path.to_string()
    }

    /// What keys end with.
    pub fn extension(&self) -> &str {
        self.layout.path.extension
    }

    /// Whether values are escaped in keys.
    pub fn encoding(&self) -> Encoding {
        self.layout.path.encoding
    }

    /// A key column's value as the body of a row has it: of a number a number, of a time RFC 3339.
    pub fn json_of(&self, column: &str, value: &str) -> serde_json::Value {
        let kind = self.layout.kind(column).unwrap_or_default();
        kind.json(value)
    }

    /// The values of a row's key, as it is on the bucket ([`Row::key`]); `None` if it is no row of
    /// this table.
    pub fn values(&self, key: &str) -> Option<Values> {
        self.layout.parse(key.strip_prefix(&*self.folder)?)
    }

    /// The key of a row, as it is on the bucket. No request.
    ///
    /// # Errors
    /// [`InvalidKey`](ErrorKind::InvalidKey).
    pub fn key(&self, values: impl Into<Values>) -> Result<String> {
        self.during("key", self.key_of(&values.into()))
    }

    /// The table's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn key_of(&self, values: &Values) -> Result<String> {
        self.raw(&self.layout.path(values)?)
    }

    /// The object's key of a raw key.
    fn raw(&self, key: &str) -> Result<String> {
        if key.is_empty() {
            let error = Error::new(ErrorKind::InvalidKey, "the raw key is empty");
            return Err(error.with_help("write what follows the table's folder: `2024-01-01/7`"));
        }
        let key = format!("{}{key}", self.folder);
        check_key(&key).map_err(|error| store_error(error, None))?;
        Ok(key)
    }

    async fn fetch(&self, key: Result<String>) -> Result<Option<Row<Bytes>>> {
        let key = key?;
        if self.stamped {
            let seen = seen::look(&self.db, &key).await?;
            let meta = seen.object.map(|object| object.meta);
            return Ok(seen
                .row
                .zip(meta)
                .map(|(row, meta)| Row::read(row, key, meta)));
        }
        let request = GetObject {
            key: key.clone(),
            max_bytes: Some(self.db.max_row_bytes()),
            ..GetObject::default()
        };
        match self.db.store().get(request).await {
            Ok(object) => Ok(Some(Row::read(object.body, key, object.meta))),
            Err(error) if error.kind() == StoreErrorKind::NotFound => Ok(None),
            Err(error) => Err(store_error(error, Some(key))),
        }
    }

    /// Refuses to write rows that belong to transactions or indexes.
    fn may_write(&self) -> Result<()> {
        if !self.stamped {
            return Ok(());
        }
        let detail = "rows of a table with transactions or indexes are written by a program that has its type";
        Err(Error::new(ErrorKind::Unsupported, detail).with_help(
            "derive `S3Schema` for it with the table's indexes, and write it through `Db::table`",
        ))
    }

    /// Refuses to write as it is what should be encrypted, or to copy what is bound to its key.
    fn may_be_plain(&self) -> Result<()> {
        if !self.encrypted {
            return Ok(());
        }
        let detail =
            "rows of this table, or columns of them, are encrypted by programs that have its keys";
        Err(Error::new(ErrorKind::Unsupported, detail)
            .with_help("derive `S3Schema` for it with `encrypt`, and write it through `Db::table`"))
    }

    async fn remove(&self, key: Result<String>) -> Result<()> {
        let key = key?;
        self.may_write()?;
        let request = DeleteObject {
            key: key.clone(),
            ..DeleteObject::default()
        };
        let deleted = writes::delete(self.db.store(), self.db.env(), request).await;
        deleted.map_err(|failure| write_error(failure, key, ErrorKind::Conflict))
    }

    fn during<R>(&self, operation: &'static str, outcome: Result<R>) -> Result<R> {
        outcome.map_err(|error| error.during(operation, self.name.to_string()))
    }
}
