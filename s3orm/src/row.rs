//! A row with its version.

use std::ops::{Deref, DerefMut};
use std::time::SystemTime;

use crate::schema::S3Schema;
use crate::store::{ETag, Metadata, ObjectMeta};
use crate::write;

/// A version of a row: what [`save`](crate::Table::save) and `if_version` compare.
///
/// It is the object's entity tag, which for most objects is a hash of the bytes: a row that is changed and
/// changed back has the version that it had before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub(crate) etag: ETag,
    /// The id of the write that made it, where the library wrote it.
    pub(crate) id: Option<String>,
}

impl Version {
    /// The object's entity tag, without quotes.
    pub fn etag(&self) -> &str {
        self.etag.as_str()
    }

    /// The version with this entity tag, as [`etag`](Self::etag) gave it: of a version that was kept as
    /// text.
    pub fn from_etag(etag: &str) -> Self {
        Self {
            etag: ETag::new(etag),
            id: None,
        }
    }

    pub(crate) fn of(meta: &ObjectMeta) -> Self {
        Self {
            etag: meta.etag.clone(),
            id: meta.metadata.get(write::ID).cloned(),
        }
    }
}

/// A row as it was read or written: the value, which it derefs to, with its version.
///
/// ```
/// # use s3orm::{Db, S3Schema};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Clone, Serialize, Deserialize, S3Schema)]
/// # #[s3(table = "people", path = "<id>")]
/// # struct Person { id: u64, age: u32 }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
/// # let people = Db::connect("memory:").await?.table::<Person>();
/// let mut row = people.insert(Person { id: 1, age: 30 }).await?;
/// row.age += 1;
/// let row = people.save(row).await?;
/// assert_eq!(row.age, 31);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Row<T> {
    pub(crate) value: T,
    pub(crate) key: String,
    pub(crate) version: Version,
    pub(crate) content_type: Option<String>,
    pub(crate) content_encoding: Option<String>,
    /// Whether its bytes were of the format that its table writes.
    pub(crate) in_own_format: bool,
    /// The version of its table's struct as which it is stored; of a row that was just written 1.
    pub(crate) schema_version: u32,
    pub(crate) metadata: Metadata,
    pub(crate) last_modified: Option<SystemTime>,
}

impl<T> Row<T> {
    pub(crate) fn read(value: T, key: String, meta: ObjectMeta) -> Self {
        let mut metadata = meta.metadata;
        let version = Version {
            etag: meta.etag,
            id: metadata.remove(write::ID),
        };
        write::strip(&mut metadata);
        Self {
            value,
            key,
            version,
            content_type: meta.content_type,
            content_encoding: meta.content_encoding,
            in_own_format: true,
            schema_version: 1,
            metadata,
            last_modified: meta.last_modified,
        }
    }

    /// Another value of the same version.
    pub(crate) fn with_value(&self, value: T) -> Self {
        Self {
            value,
            key: self.key.clone(),
            version: self.version.clone(),
            content_type: self.content_type.clone(),
            content_encoding: self.content_encoding.clone(),
            in_own_format: self.in_own_format,
            schema_version: self.schema_version,
            metadata: self.metadata.clone(),
            last_modified: self.last_modified,
        }
    }

    /// The value alone.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// The object's key, as it is on the bucket.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The version that was read or written.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// The object's content type.
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// What the object's bytes are encoded by, such as `zstd`. A table's rows are decoded; those of a
    /// [dynamic](crate::dynamic) table are the bytes as they are stored.
    pub fn content_encoding(&self) -> Option<&str> {
        self.content_encoding.as_deref()
    }

    /// The object's user metadata, but for the library's own.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// When the object was written, by S3's clock and to the second; `None` for a row that this
    /// program has just written, because S3 does not say.
    pub fn last_modified(&self) -> Option<SystemTime> {
        self.last_modified
    }
}

impl<T> Deref for Row<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Row<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

/// What `insert` and `put` take: a row by value, or by reference where it is `Clone`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a row of this table",
    label = "expected `{T}` or `&{T}`",
    note = "a row that is not `Clone` is passed by value"
)]
pub trait IntoRow<T> {
    /// The row to write.
    fn into_row(self) -> T;
}

impl<T> IntoRow<T> for T {
    fn into_row(self) -> T {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<T: Clone> IntoRow<T> for &T {
    fn into_row(self) -> T {
        self.clone()
    }
}

/// A row, as it is or in a [`Row`].
pub trait AsRow {
    /// Its type.
    type Schema: S3Schema;

    /// The row itself.
    fn as_row(&self) -> &Self::Schema;
}

impl<T: S3Schema> AsRow for T {
    type Schema = T;

    fn as_row(&self) -> &T {
        self
    }
}

impl<T: S3Schema> AsRow for Row<T> {
    type Schema = T;

    fn as_row(&self) -> &T {
        &self.value
    }
}
