//! Bodies that are bytes, text or JSON.

use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};
use crate::row::Row;

/// The content type of bodies that are read as JSON here.
pub(super) const JSON: &str = "application/json";

/// What a row of a dynamic table holds: bytes, text or a JSON value. Each brings its content type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    pub(super) bytes: Bytes,
    pub(super) content_type: &'static str,
}

impl Body {
    fn new(bytes: impl Into<Bytes>, content_type: &'static str) -> Self {
        Self {
            bytes: bytes.into(),
            content_type,
        }
    }

    /// Bytes of this content type.
    pub fn with_type(bytes: impl Into<Bytes>, content_type: &'static str) -> Self {
        Self::new(bytes, content_type)
    }
}

macro_rules! bodies {
    ($($type:ty, $content_type:expr, $bytes:expr;)+) => {
        $(impl From<$type> for Body {
            fn from(body: $type) -> Self {
                let bytes: fn($type) -> Bytes = $bytes;
                Self::new(bytes(body), $content_type)
            }
        })+
    };
}

bodies! {
    Bytes, "application/octet-stream", |bytes| bytes;
    Vec<u8>, "application/octet-stream", Bytes::from;
    &[u8], "application/octet-stream", Bytes::copy_from_slice;
    String, "text/plain; charset=utf-8", Bytes::from;
    &str, "text/plain; charset=utf-8", |text| Bytes::copy_from_slice(text.as_bytes());
    serde_json::Value, JSON, |value| Bytes::from(value.to_string());
}

impl<const N: usize> From<&[u8; N]> for Body {
    fn from(bytes: &[u8; N]) -> Self {
        bytes[..].into()
    }
}

/// The bytes of a dynamic table's row, read as what they are.
impl Row<Bytes> {
    /// The row as text.
    ///
    /// # Errors
    /// [`Decode`](ErrorKind::Decode): it is not UTF-8.
    pub fn text(&self) -> Result<&str> {
        std::str::from_utf8(&self.value).map_err(|error| {
            Error::new(ErrorKind::Decode, "the object is not UTF-8 text")
                .with_source(error)
                .with_key(&self.key)
        })
    }

    /// The row as a value of JSON: [`serde_json::Value`], or any type that deserializes.
    ///
    /// # Errors
    /// [`Decode`](ErrorKind::Decode): it is not JSON, or not of this type.
    pub fn json<V: DeserializeOwned>(&self) -> Result<V> {
        serde_json::from_slice(&self.value).map_err(|error| {
            Error::new(ErrorKind::Decode, "the object is not JSON of this type")
                .with_source(error)
                .with_key(&self.key)
        })
    }
}
