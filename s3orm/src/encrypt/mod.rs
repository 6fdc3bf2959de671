//! Rows that S3 cannot read: encrypted here, before they are sent, and decrypted here.
//!
//! A whole row is encrypted where its struct says so, or single columns of it are:
//!
//! ```
//! use s3orm::encrypt::StaticKeys;
//! use s3orm::{Db, S3Schema};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize, S3Schema)]
//! #[s3(table = "letters", path = "<id>", encrypt)]
//! struct Letter { id: u64, text: String }
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize, S3Schema)]
//! #[s3(table = "patients", path = "<id>", transactional)]
//! struct Patient {
//!     id: u64,
//!     #[s3(index)]
//!     ward: String,
//!     #[s3(encrypt)]
//!     diagnosis: Option<String>,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
//! # let key = "d2l0aG91dCBhbnkgc2VjcmV0LCBmb3IgdGhlIHRlc3Q=";
//! let keys = StaticKeys::new("2026-11", key)?; // or "file:///run/secrets/rows", or "env:ROW_KEY"
//! let db = Db::builder("memory:")?.row_keys(keys).connect().await?;
//! let letters = db.table::<Letter>();
//! letters.put(Letter { id: 7, text: "between us".into() }).await?;
//! assert_eq!(letters.get(7).await?.map(|letter| letter.text).as_deref(), Some("between us"));
//! # Ok(()) }
//! ```
//!
//! Each row, and each value of a column, is encrypted with XChaCha20-Poly1305 and a key of its own, which
//! the [`KeyProvider`] wraps and which is stored beside it. What is encrypted is bound to its table and key, and
//! a column's value to its column: it cannot be read anywhere else. `docs/encryption.md` is the manual, with
//! what this does not hide.
//!
//! # Errors
//!
//! | | kind |
//! |---|---|
//! | the object was changed or cut, or was moved from another key; the key is another one than it was encrypted with | [`Decode`](crate::ErrorKind::Decode) |
//! | a row or a column is not encrypted, and should be | [`Decode`](crate::ErrorKind::Decode) |
//! | the connection has not the key, or no keys, or the provider refuses | [`Denied`](crate::ErrorKind::Denied) |
//! | a write, and the connection has no keys | [`Config`](crate::ErrorKind::Config) |

#[cfg(feature = "encrypt")]
mod columns;
#[cfg(feature = "encrypt")]
mod envelope;
#[cfg(feature = "encrypt")]
mod keys;
#[cfg(feature = "encrypt")]
mod provider;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

#[cfg(feature = "encrypt")]
pub use keys::StaticKeys;
#[cfg(feature = "encrypt")]
pub use provider::{DataKey, KeyFailure, KeyId, KeyProvider};

use crate::body::{BodyError, Content, compress};
#[cfg(feature = "encrypt")]
use crate::env::Env;
use crate::schema::{BodyFormat, TableSchema};
use crate::store::ObjectMeta;

/// The last of the `Content-Encoding`s of an object that is encrypted here.
pub(crate) const ENCODING: &str = "s3orm-encrypted";

/// How the text of an encrypted value begins, in a row's JSON.
const BEGIN: &str = "s3orm-encrypted:";

/// The same with the first bytes of what was encrypted: a text of the program's own that begins so was
/// copied from a row.
const CIPHER: &str = "s3orm-encrypted:5XMz";

/// By how much an encrypted object is larger than what is in it, at most.
pub(crate) const OVERHEAD: u64 = 2048;

/// That rows or a column are encrypted: `#[s3(encrypt)]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encrypt {
    /// They are: what is not is refused.
    Always,
    /// They are when they are written. What was written before is read as it is:
    /// `#[s3(encrypt = "migrating")]`.
    Migrating,
}

/// Encrypts and decrypts what is at one key.
pub(crate) struct Sealer<'a> {
    #[cfg(feature = "encrypt")]
    pub(crate) keys: Option<&'a dyn KeyProvider>,
    #[cfg(feature = "encrypt")]
    pub(crate) env: &'a Env,
    /// The object's key, without the database's prefix: `<table>/<path>`.
    pub(crate) place: &'a str,
}

/// What an object's bytes are, once its encodings are undone.
pub(crate) struct Opened<'o> {
    pub(crate) bytes: Cow<'o, [u8]>,
    pub(crate) was_encrypted: bool,
}

impl Sealer<'_> {
    /// The content of an object, of up to `max` bytes.
    ///
    /// # Errors
    /// It cannot be decrypted or decompressed.
    pub(crate) fn open<'o>(
        &self,
        meta: &ObjectMeta,
        bytes: &'o [u8],
        max: u64,
    ) -> Result<Opened<'o>, BodyError> {
        let encoding = meta.content_encoding.as_deref();
        let Some(inner) = beneath(encoding) else {
            let bytes = compress::unpack(bytes, encoding, max)?;
            return Ok(Opened {
                bytes,
                was_encrypted: false,
            });
        };
        let content_type = meta.content_type.as_deref().unwrap_or_default();
        let plain = self.decrypt(&row_context(self.place, content_type, &inner), bytes)?;
        let bytes = match compress::unpack(&plain, Some(&inner), max)? {
            Cow::Borrowed(_) => Cow::Owned(plain),
            Cow::Owned(unpacked) => Cow::Owned(unpacked),
        };
        Ok(Opened {
            bytes,
            was_encrypted: true,
        })
    }

    /// A row's bytes, encrypted, and their encoding.
    ///
    /// # Errors
    /// There are no keys, or the provider refuses.
    pub(crate) fn seal(
        &self,
        content_type: &str,
        encoding: Option<&'static str>,
        bytes: &[u8],
    ) -> Result<(Vec<u8>, Cow<'static, str>), BodyError> {
        let inner = encoding.unwrap_or_default();
        let sealed = self.encrypt(&row_context(self.place, content_type, inner), bytes)?;
        let encoding = match encoding {
            Some(inner) => format!("{inner},{ENCODING}").into(),
            None => ENCODING.into(),
        };
        Ok((sealed, encoding))
    }

    /// A row's columns as they are stored: those encrypted that are to be.
    ///
    /// # Errors
    /// There are no keys, or the provider refuses.
    #[cfg_attr(
        not(feature = "encrypt"),
        expect(clippy::unused_self, reason = "there is nothing to do it with")
    )]
    pub(crate) fn seal_columns(
        &self,
        schema: &TableSchema,
        columns: Vec<u8>,
    ) -> Result<Vec<u8>, BodyError> {
        if !schema.has_encrypted_columns() {
            return match encrypted_member(&columns) {
                Some(name) => Err(looks_encrypted(CIPHER).of_column(&name)),
                None => Ok(columns),
            };
        }
        #[cfg(feature = "encrypt")]
        return columns::seal(self, schema, &columns);
        #[cfg(not(feature = "encrypt"))]
        Err(no_feature())
    }

    /// A row's columns as they were before they were encrypted.
    ///
    /// # Errors
    /// One cannot be decrypted, or is not encrypted and should be.
    #[cfg_attr(
        not(feature = "encrypt"),
        expect(clippy::unused_self, reason = "there is nothing to do it with")
    )]
    pub(crate) fn open_columns<'o>(
        &self,
        schema: &TableSchema,
        content: &Content<'o>,
    ) -> Result<Cow<'o, [u8]>, BodyError> {
        if !schema.has_encrypted_columns() {
            check_columns(content)?;
            return Ok(Cow::Borrowed(content.bytes()));
        }
        #[cfg(feature = "encrypt")]
        return columns::open(self, schema, content).map(Cow::Owned);
        #[cfg(not(feature = "encrypt"))]
        Err(no_feature())
    }

    #[cfg(feature = "encrypt")]
    fn encrypt(&self, context: &[&str], plain: &[u8]) -> Result<Vec<u8>, BodyError> {
        let Some(keys) = self.keys else {
            let detail = "the table is encrypted, and the connection has no keys";
            return Err(BodyError::of(crate::ErrorKind::Config, detail).with_help(NO_KEYS));
        };
        envelope::seal(keys, self.env, context, plain)
    }

    #[cfg(feature = "encrypt")]
    fn decrypt(&self, context: &[&str], sealed: &[u8]) -> Result<Vec<u8>, BodyError> {
        let Some(keys) = self.keys else {
            let detail = "it is encrypted, and the connection has no keys";
            return Err(BodyError::of(crate::ErrorKind::Denied, detail).with_help(NO_KEYS));
        };
        envelope::open(keys, context, sealed)
    }

    #[cfg(not(feature = "encrypt"))]
    #[expect(clippy::unused_self, reason = "it has no keys")]
    fn encrypt(&self, _: &[&str], _: &[u8]) -> Result<Vec<u8>, BodyError> {
        Err(no_feature())
    }

    #[cfg(not(feature = "encrypt"))]
    #[expect(clippy::unused_self, reason = "it has no keys")]
    fn decrypt(&self, _: &[&str], _: &[u8]) -> Result<Vec<u8>, BodyError> {
        Err(no_feature())
    }
}

#[cfg(feature = "encrypt")]
const NO_KEYS: &str = "give it keys, by `DbBuilder::row_keys` or the option `row_keys`";

#[cfg(not(feature = "encrypt"))]
fn no_feature() -> BodyError {
    BodyError::new("the row is encrypted").with_help("enable the cargo feature `encrypt` of s3orm")
}

/// What an encrypted row is bound to: where it is, and what its object says of it.
fn row_context<'c>(place: &'c str, content_type: &'c str, encoding: &'c str) -> [&'c str; 4] {
    // What may follow is not the row's kind; some servers add a `charset`.
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    ["row", place, essence, encoding]
}

/// The encodings beneath ours, where ours is the last.
fn beneath(encoding: Option<&str>) -> Option<String> {
    let mut encodings: Vec<&str> = compress::encodings(encoding).collect();
    let last = encodings.pop()?;
    last.eq_ignore_ascii_case(ENCODING)
        .then(|| encodings.join(","))
}

/// That no column of a row is encrypted, where the struct says nothing of it: what is stored would be
/// taken for what it holds.
fn check_columns(content: &Content<'_>) -> Result<(), BodyError> {
    if content.format() != BodyFormat::Json {
        return Ok(());
    }
    let Some(name) = encrypted_member(content.bytes()) else {
        return Ok(());
    };
    let name = name.escape_debug();
    let detail = format!("column `{name}`: it is encrypted, and the struct does not say so");
    Err(BodyError::new(detail).with_help(
        "write `#[s3(encrypt)]` above the field; to have it no longer, declare a new version without it, and migrate the rows",
    ))
}

/// A member of an object of JSON whose text begins as what was encrypted does.
fn encrypted_member(json: &[u8]) -> Option<String> {
    if !mentions(json, CIPHER) {
        return None;
    }
    // What is no row is told by who reads it.
    let members: BTreeMap<String, &RawValue> = serde_json::from_slice(json).unwrap_or_default();
    let is_cipher = |value: &RawValue| {
        let text = value.get().strip_prefix('"');
        text.is_some_and(|text| text.starts_with(CIPHER))
    };
    let mut members = members.into_iter();
    members.find_map(|(name, value)| is_cipher(value).then_some(name))
}

/// Of a plain text that begins as no reader could tell from an encrypted one.
fn looks_encrypted(begin: &str) -> BodyError {
    let detail = format!("a text that begins with `{begin}` cannot be stored as it is");
    BodyError::of(crate::ErrorKind::InvalidRow, detail).with_help(
        "it would be taken for an encrypted value: write it otherwise, or `encrypt` the column",
    )
}

fn mentions(bytes: &[u8], text: &str) -> bool {
    memchr::memmem::find(bytes, text.as_bytes()).is_some()
}

/// That there is no encrypted value in a JSON text, at any depth: nobody can see what it names.
///
/// # Errors
/// There is one.
pub(crate) fn check_seen(json: &[u8]) -> Result<(), BodyError> {
    // Any character may be written in another way.
    if !mentions(json, BEGIN) && !json.contains(&b'\\') {
        return Ok(());
    }
    let hides = serde_json::from_slice::<Value>(json).is_ok_and(|value| hides(&value));
    if !hides {
        return Ok(());
    }
    let detail = "it has an encrypted value of which the struct does not say that it is";
    Err(BodyError::new(detail)
        .with_help("use the struct that encrypts it, and a connection that has its key"))
}

fn hides(value: &Value) -> bool {
    match value {
        Value::String(text) => text.starts_with(CIPHER),
        Value::Array(values) => values.iter().any(hides),
        Value::Object(members) => members.values().any(hides),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// That a table's rows are encrypted, or should be.
pub(crate) fn check_row(schema: &TableSchema, was_encrypted: bool) -> Result<(), BodyError> {
    if was_encrypted || schema.encrypt != Some(Encrypt::Always) {
        return Ok(());
    }
    Err(not_encrypted("the row is not encrypted"))
}

pub(crate) fn not_encrypted(detail: impl Into<String>) -> BodyError {
    BodyError::new(detail).with_help(
        "somebody else may have written it; `encrypt = \"migrating\"` reads what was written before the table was encrypted",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_is_the_last_encoding() {
        for (encoding, inner) in [
            (Some("s3orm-encrypted"), Some("")),
            (Some("zstd, S3ORM-encrypted"), Some("zstd")),
            (Some("zstd,s3orm-encrypted,aws-chunked"), Some("zstd")),
            (Some("s3orm-encrypted, zstd"), None),
            (Some("zstd"), None),
            (Some(""), None),
            (None, None),
        ] {
            assert_eq!(beneath(encoding).as_deref(), inner, "{encoding:?}");
        }
    }
}
