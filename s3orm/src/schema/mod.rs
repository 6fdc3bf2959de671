//! What the derive fills in: the trait of a table's row type, and the table's description as data.

mod diff;
mod handle;
mod prepare;
pub(crate) mod stored;
pub mod version;

pub use diff::{Difference, SchemaDiff};

pub use handle::{
    ColumnHandle, Encrypted, InKey, KeyHandle, Nullable, NullableColumn, Patchable, Presence,
    Required, Unencrypted,
};
pub use prepare::{Generate, Prepare, Timestamp, WriteEvent};
pub use stored::{IndexState, StoredColumn, StoredIndex, StoredSchema};
pub use version::{OldForm, OldRow};

use crate::body::{BodyError, Compression, Content};
use crate::encrypt::Encrypt;
use crate::hooks::HookResult;
use crate::index::{IndexSchema, IndexVisitor};
use crate::key::{ColumnError, Encoding, KeyError, KeyFrom, KeyTuple, PathTemplate};

/// A struct that is a row of a table: what `#[derive(S3Schema)]` implements.
///
/// Nothing but the derive is meant to implement it; its methods are what [`Table`](crate::Table)
/// calls. What a program uses of it is [`KEY`](Self::KEY), [`COL`](Self::COL) and
/// [`SCHEMA`](Self::SCHEMA).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an s3orm table",
    label = "this type has no table",
    note = "add `#[derive(s3orm::S3Schema)]` and `#[s3(table = \"...\", path = \"...\")]` to `{Self}`"
)]
pub trait S3Schema: Sized + Send + Sync + 'static {
    /// The key columns' values, a tuple in path order.
    type Key: KeyTuple;
    /// A struct with a [`KeyHandle`] for each key column.
    type KeyHandles: Copy;
    /// A struct with a [`ColumnHandle`] for each column.
    type ColumnHandles: Copy;
    /// A struct with an [`IndexHandle`](crate::index::IndexHandle) for each plain index; `()` without any.
    type IndexHandles: Copy;
    /// A struct with a [`UniqueHandle`](crate::index::UniqueHandle) for each unique index; `()`
    /// without any.
    type UniqueHandles: Copy;

    /// The table's description.
    const SCHEMA: &'static TableSchema;
    /// Handles of the key columns: `Person::KEY.date`.
    const KEY: Self::KeyHandles;
    /// Handles of all columns: `Person::COL.age`.
    const COL: Self::ColumnHandles;
    /// Handles of the plain indexes: `Person::INDEX.city`.
    const INDEX: Self::IndexHandles;
    /// Handles of the unique indexes: `Person::UNIQUE.email`.
    const UNIQUE: Self::UniqueHandles;

    /// This row's key columns.
    fn key(&self) -> Self::Key;

    /// The row's bytes in this format: the table's own, or JSON.
    fn encode(&self, format: BodyFormat) -> Result<Vec<u8>, BodyError>;

    /// The row of an object's key and content.
    fn decode(key: Self::Key, body: &Content<'_>) -> Result<Self, BodyError>;

    /// The row of an older version.
    #[doc(hidden)]
    fn __upcast(row: &OldRow<'_>) -> Result<Self, BodyError> {
        version::too_old::<Self>(row)
    }

    /// The row in the form of an older version.
    #[doc(hidden)]
    fn __downcast(&self, version: u32) -> Result<OldForm, BodyError> {
        version::not_reversible(version)
    }

    /// Fills in what the library keeps: generated ids and timestamps.
    fn prepare(&mut self, _write: &Prepare<'_>) {}

    #[doc(hidden)]
    fn __before_write(&mut self, _write: &Prepare<'_>) -> HookResult {
        Ok(())
    }

    #[doc(hidden)]
    fn __validate(&self) -> crate::Result<()> {
        Ok(())
    }

    #[doc(hidden)]
    fn __after_read(&mut self) -> HookResult {
        Ok(())
    }

    #[doc(hidden)]
    fn __before_delete(_key: &Self::Key) -> HookResult {
        Ok(())
    }

    #[doc(hidden)]
    fn __after_delete(_key: &Self::Key) {}
    /// Shows the columns of an index, by its number in [`TableSchema::indexes`].
    #[doc(hidden)]
    fn index_columns<V: IndexVisitor<Self>>(_index: usize, _visitor: &mut V) {}
}

/// A table's description, as the derive understood it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableSchema {
    /// The table's name: the folder under the database's prefix.
    pub table: &'static str,
    /// The struct's name.
    pub row: &'static str,
    /// The version of its rows.
    pub version: u32,
    /// The table as it was at the version before, of which rows may be left.
    pub previous: Option<&'static Self>,
    /// Whether rows can be written as the version before, too.
    pub reversible: bool,
    /// How a key is built from the key columns.
    pub path: PathTemplate,
    /// What an object's bytes are when it is written. What they are when it is read, its content
    /// type says.
    pub body: BodyFormat,
    /// The content type of a row's object, where the write names no other.
    pub content_type: &'static str,
    /// How an object's bytes are compressed when it is written: `#[s3(compress = "zstd")]`.
    pub compress: Option<Compression>,
    /// Whether an object's bytes are encrypted when it is written: `#[s3(encrypt)]` above the struct.
    pub encrypt: Option<Encrypt>,
    /// Every column, in the order of the struct's fields.
    pub columns: &'static [ColumnSchema],
    /// Whether its rows can take part in transactions: `#[s3(transactional)]`.
    pub transactional: bool,
    /// Its indexes, plain and unique.
    pub indexes: &'static [IndexSchema],
    /// The struct's documentation.
    pub doc: &'static str,
}

impl TableSchema {
    /// Whether its rows carry a stamp, in a member `_m` that is the library's, and are read before
    /// they are written: those of tables with transactions or indexes are.
    ///
    /// Writes of such a table are refused where [`doctor`](crate::Db::doctor) has recorded that the
    /// store does not honour their conditions (below level L2); the first write of a connection asks
    /// for that record, with 1 GET.
    pub fn is_stamped(&self) -> bool {
        self.transactional || !self.indexes.is_empty()
    }

    /// Whether a column is encrypted, in this version or in one before: `#[s3(encrypt)]` above a field.
    pub(crate) fn has_encrypted_columns(&self) -> bool {
        let own = self.columns.iter().any(|column| column.encrypt.is_some());
        own || self.previous.is_some_and(Self::has_encrypted_columns)
    }

    /// Whether a row is encrypted as a whole, in this version or in one before.
    pub(crate) fn has_encrypted_rows(&self) -> bool {
        self.encrypt.is_some() || self.previous.is_some_and(Self::has_encrypted_rows)
    }

    /// Whether a row, or a part of it, is a secret.
    pub(crate) fn has_secrets(&self) -> bool {
        self.has_encrypted_rows() || self.has_encrypted_columns()
    }
}

/// A table whose rows can take part in transactions: what `#[s3(transactional)]` implements.
#[diagnostic::on_unimplemented(
    message = "rows of `{Self}` cannot take part in transactions",
    label = "the table is not transactional",
    note = "add `transactional` to the `#[s3(...)]` above `{Self}`; rows that are stored already stay readable"
)]
pub trait Transactional: S3Schema {}

/// What an object's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyFormat {
    /// A JSON object of the struct's serde form (`application/json`).
    Json,
    /// A MessagePack map of the struct's serde form (`application/msgpack`).
    MessagePack,
    /// What a [`BodyCodec`](crate::body::BodyCodec) of one's own makes of the struct.
    Own,
    /// The bytes of the one field marked `#[s3(body)]`, as they are.
    Raw,
}

impl BodyFormat {
    /// Whether a content type says that rows are something else than this.
    pub(crate) fn is_denied_by(self, content_type: &str) -> bool {
        self != Self::Raw && crate::body::named(content_type).is_some_and(|named| named != self)
    }
}

/// A column's description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnSchema {
    /// Its name in the stored object, after serde's renames.
    pub name: &'static str,
    /// Its field's name in the struct.
    pub field: &'static str,
    /// Its Rust type, as written.
    pub rust_type: &'static str,
    /// Whether it is an `Option`.
    pub nullable: bool,
    /// What a row without the column gets: `Default::default()`, a function's path, or nothing.
    pub default: Option<&'static str>,
    /// Its place among the key columns.
    pub key: Option<usize>,
    /// Whether the object's bytes hold it; a key column may live in the key alone.
    pub stored: bool,
    /// What the library fills in.
    pub managed: Option<Managed>,
    /// Whether its values are encrypted when they are written: `#[s3(encrypt)]`.
    pub encrypt: Option<Encrypt>,
    /// The field's documentation.
    pub doc: &'static str,
}

/// What the library fills in by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Managed {
    /// An id, where the row has none: `#[s3(generate)]`.
    Generated,
    /// The time of the insert: `#[s3(created_at)]`.
    CreatedAt,
    /// The time of the last write: `#[s3(updated_at)]`.
    UpdatedAt,
}

/// The type checks of generated code that no other trait bound makes.
#[doc(hidden)]
pub mod check {
    /// `body = "msgpack"`
    #[derive(Debug)]
    pub struct MessagePack;
    /// `compress`
    #[derive(Debug)]
    pub struct Zstd;
    /// `validate`
    #[derive(Debug)]
    pub struct Garde;
    /// `encrypt`
    #[derive(Debug)]
    pub struct Encryption;

    /// What the features of this build bring.
    #[diagnostic::on_unimplemented(
        message = "s3orm is built without `{Self}`",
        label = "needs a cargo feature of s3orm",
        note = "add `encrypt`, `garde`, `msgpack` or `zstd` to the features of `s3orm` in `Cargo.toml`"
    )]
    pub trait Available {}
    #[cfg(feature = "msgpack")]
    impl Available for MessagePack {}
    #[cfg(feature = "zstd")]
    impl Available for Zstd {}
    #[cfg(feature = "garde")]
    impl Available for Garde {}
    #[cfg(feature = "encrypt")]
    impl Available for Encryption {}

    /// Asks for a feature.
    pub const fn available<T: Available>() {}

    use crate::key::{DescColumn, OrderedColumn};

    /// `<column:ordered>`
    pub const fn ordered<T: OrderedColumn>() {}

    /// `<column:desc>`
    pub const fn desc<T: DescColumn>() {}
}

/// The key of a struct whose declaration does not compile: whatever is passed for it, no further
/// error comes of it.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct AnyKey;

impl AnyKey {
    /// The description of such a struct.
    pub const SCHEMA: TableSchema = TableSchema {
        table: "",
        row: "",
        version: 1,
        previous: None,
        reversible: false,
        path: PathTemplate {
            pieces: &[],
            extension: "",
            encoding: Encoding::Escaped,
        },
        body: BodyFormat::Json,
        content_type: "application/json",
        compress: None,
        encrypt: None,
        columns: &[],
        transactional: false,
        indexes: &[],
        doc: "",
    };

    fn error() -> KeyError {
        KeyError {
            column: None,
            error: ColumnError::new("the table's declaration does not compile"),
        }
    }
}

impl KeyTuple for AnyKey {
    fn write(&self, _: &PathTemplate, _: &mut String) -> Result<(), KeyError> {
        Err(Self::error())
    }

    fn parse(_: &PathTemplate, _: &str) -> Result<Self, KeyError> {
        Err(Self::error())
    }

    fn digits(_: usize) -> Option<&'static str> {
        None
    }
}

impl<V> KeyFrom<V> for AnyKey {
    fn key_from(_: V) -> Self {
        Self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_wrong_declaration_takes_anything_and_is_nothing() {
        let key = AnyKey::key_from(("whatever", 1));
        assert!(key.write(&AnyKey::SCHEMA.path, &mut String::new()).is_err());
        assert!(AnyKey::parse(&AnyKey::SCHEMA.path, "").is_err());
    }
}
