//! A dynamic table before its columns are known.

use std::sync::Arc;

use super::layout::Layout;
use super::{DynamicTable, check_table, path};
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Encoding;
use crate::schema::BodyFormat;

/// A dynamic table before its columns are known: of [`Db::dynamic`].
#[derive(Debug, Clone)]
#[must_use = "name the columns"]
pub struct Dynamic {
    pub(super) db: Db,
    pub(super) table: String,
    pub(super) encoding: Encoding,
    pub(super) extension: String,
    stamped: bool,
    encrypted: bool,
    pub(super) body: BodyFormat,
}

impl Db {
    /// Begins a table whose columns are named at run time: see [`dynamic`](crate::dynamic). No
    /// request.
    pub fn dynamic(&self, table: impl Into<String>) -> Dynamic {
        Dynamic {
            db: self.clone(),
            table: table.into(),
            encoding: Encoding::Escaped,
            extension: ".json".to_owned(),
            stamped: false,
            encrypted: false,
            body: BodyFormat::Json,
        }
    }
}

impl Dynamic {
    /// Whether values are escaped in keys; they are unless set.
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// What keys end with: `.json` unless set. May be empty.
    pub fn extension(mut self, extension: impl Into<String>) -> Self {
        self.extension = extension.into();
        self
    }

    /// Whether rows are those of a table with transactions or indexes: they are read as such a table
    /// reads them, and writing them is refused. See [stamped tables](crate::dynamic#stamped-tables).
    pub fn stamped(mut self, stamped: bool) -> Self {
        self.stamped = stamped;
        self
    }

    /// Whether rows or some of their columns are [encrypted](crate::encrypt): they are read as they are on
    /// the bucket, and writing or copying them is refused.
    pub fn encrypted(mut self, encrypted: bool) -> Self {
        self.encrypted = encrypted;
        self
    }

    /// What rows are, for the description that [`create`](Self::create) writes: JSON unless set.
    pub fn body(mut self, body: BodyFormat) -> Self {
        self.body = body;
        self
    }

    /// The table with these key columns, in path order: a segment of the key for each, any text.
    ///
    /// # Errors
    /// [`Schema`](ErrorKind::Schema): no columns, a column twice or without a name; a table's name
    /// or an extension that holds a `/`.
    pub fn columns<C: Into<String>>(
        self,
        columns: impl IntoIterator<Item = C>,
    ) -> Result<DynamicTable> {
        let named = columns
            .into_iter()
            .map(|column| format!("<{}>", column.into()));
        let path = named.collect::<Vec<_>>().join("/");
        self.path(&path)
    }

    /// The table with this path, as the attribute of a struct has it, and with the types of columns
    /// where they are not texts: `date=<date:date>/<id:u64:ordered>`.
    ///
    /// Values of a column with a type are checked, compared and ordered as such, and written into
    /// keys as a struct's field of that type writes them. Each path that differs is kept for as long as
    /// the program runs.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let db = s3orm::Db::connect("memory:").await?;
    /// let flights = db.dynamic("flights").path("from=<origin>/<seq:u32:ordered>")?;
    /// let row = flights.put([("origin", "OSL"), ("seq", "7")], "{}").await?;
    /// assert_eq!(row.key(), "flights/from=OSL/00000000000000000007.json");
    /// flights.put([("origin", "OSL"), ("seq", "seven")], "{}").await.unwrap_err();
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Schema`](ErrorKind::Schema): it is no path, or keys could not be read back; a table's name
    /// or an extension that holds a `/`.
    pub fn path(self, path: &str) -> Result<DynamicTable> {
        let name = self.table.clone();
        self.open(path)
            .map_err(|error| error.during("dynamic", name))
    }

    fn open(self, path: &str) -> Result<DynamicTable> {
        check_table(&self.table)?;
        if self.extension.contains('/') {
            let detail = format!("the extension `{}` holds a `/`", self.extension);
            return Err(
                Error::new(ErrorKind::Schema, detail).with_help("write `.json`, or nothing")
            );
        }
        let (pieces, columns) = path::parse(path, self.encoding)?;
        let path = path::template(pieces, &self.extension, self.encoding);
        Ok(DynamicTable {
            folder: format!("{}{}/", self.db.prefix(), self.table).into(),
            db: self.db.of_table(&self.table),
            name: self.table.into(),
            layout: Arc::new(Layout { columns, path }),
            stamped: self.stamped,
            encrypted: self.encrypted,
        })
    }
}
