//! Rows whose bytes are one field's, as they are.

use bytes::Bytes;

use super::BodyError;

/// The type of a field that `#[s3(body)]` marks.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a row's raw body",
    label = "not bytes or text",
    note = "use `Vec<u8>`, `bytes::Bytes` or `String`, or implement `s3orm::RawBody`"
)]
pub trait RawBody: Sized {
    /// The content type of its objects.
    const CONTENT_TYPE: &'static str = "application/octet-stream";

    /// The bytes to store.
    fn to_bytes(&self) -> Vec<u8>;

    /// The value of stored bytes.
    ///
    /// # Errors
    /// The bytes are none of this type's.
    fn from_bytes(bytes: &[u8]) -> Result<Self, BodyError>;
}

impl RawBody for Vec<u8> {
    fn to_bytes(&self) -> Vec<u8> {
        self.clone()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, BodyError> {
        Ok(bytes.to_vec())
    }
}

impl RawBody for Bytes {
    fn to_bytes(&self) -> Vec<u8> {
        self.to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, BodyError> {
        Ok(Self::copy_from_slice(bytes))
    }
}

impl RawBody for String {
    const CONTENT_TYPE: &'static str = "text/plain; charset=utf-8";

    fn to_bytes(&self) -> Vec<u8> {
        self.clone().into_bytes()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, BodyError> {
        std::str::from_utf8(bytes)
            .map(str::to_owned)
            .map_err(|error| BodyError::new("the object is not UTF-8 text").with_source(error))
    }
}
