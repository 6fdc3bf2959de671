//! A blob as a row has it.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::id::BlobId;
use super::noted::note;
use crate::store::ETag;

/// A large value of a row, as the row has it: where its bytes are, and what they are. See
/// [`blob`](crate::blob).
///
/// From [`Table::blob`](crate::Table::blob), and from rows. It is 150 bytes of the row; the bytes are
/// an object of their own.
#[derive(Clone, PartialEq, Eq)]
pub struct Blob {
    pub(super) id: BlobId,
    pub(super) size: u64,
    pub(super) sha256: [u8; 32],
    pub(super) etag: ETag,
    pub(super) content_type: Option<String>,
}

impl Blob {
    /// The object's key, after the database's prefix.
    pub fn key(&self) -> String {
        self.id.to_string()
    }

    /// The table that it was made for.
    pub fn table(&self) -> &str {
        self.id.table()
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The SHA-256 of the bytes, which a whole read is checked by.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// The content type, where one was said.
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blob")
            .field("key", &self.key())
            .field("size", &self.size)
            .field("content_type", &self.content_type)
            .finish_non_exhaustive()
    }
}

/// A blob as it is written.
#[derive(Serialize, Deserialize)]
struct Stored {
    key: String,
    size: u64,
    sha256: String,
    etag: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        note(&self.id);
        let stored = Stored {
            key: self.key(),
            size: self.size,
            sha256: crate::store::hex(&self.sha256),
            etag: self.etag.as_str().to_owned(),
            content_type: self.content_type.clone(),
        };
        stored.serialize(serializer)
    }
}

/// A row may be anybody's: what is no blob's key is not read as one.
impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        let id = BlobId::parse(&stored.key)
            .ok_or_else(|| D::Error::custom("the `key` is not a blob's"))?;
        let sha256 = crate::store::unhex(&stored.sha256);
        let sha256 = sha256.and_then(|bytes| bytes.try_into().ok());
        note(&id);
        Ok(Self {
            id,
            size: stored.size,
            sha256: sha256.ok_or_else(|| D::Error::custom("the `sha256` is not 64 hex digits"))?,
            etag: ETag::new(&stored.etag),
            content_type: stored.content_type,
        })
    }
}
