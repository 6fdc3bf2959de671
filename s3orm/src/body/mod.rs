//! Rows to bytes and back.
//!
//! What an object's bytes are is said by the object itself, in its content type and its content
//! encoding; what a table's rows are written as is said by its struct. `docs/bodies.md` is the manual.

pub(crate) mod compress;
mod guard;
mod json;
#[cfg(feature = "msgpack")]
mod msgpack;
mod overlay;
mod own;
pub(crate) mod raw;
mod scan;
pub(crate) mod version;

use std::error::Error as StdError;
use std::fmt;

pub use compress::Compression;
pub use own::BodyCodec;
pub use raw::RawBody;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, ErrorKind};
use crate::schema::{BodyFormat, TableSchema};

/// How many levels of objects and lists a row may have, itself the first.
pub const MAX_DEPTH: usize = 64;

/// Content types of JSON and of MessagePack, but for those that end in `+json` or `+msgpack`.
const JSON: [&str; 2] = ["application/json", "text/json"];
const MESSAGE_PACK: [&str; 3] = [
    "application/msgpack",
    "application/x-msgpack",
    "application/vnd.msgpack",
];

/// A row that serde writes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be written as JSON",
    label = "does not implement `serde::Serialize`",
    note = "add `#[derive(serde::Serialize)]` to `{Self}`: rows are stored in their serde form"
)]
pub trait Written: Serialize {}

/// A row that serde reads.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from JSON",
    label = "does not implement `serde::Deserialize`",
    note = "add `#[derive(serde::Deserialize)]` to `{Self}`: rows are stored in their serde form"
)]
pub trait Read: DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: Serialize> Written for T {}
#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> Read for T {}

/// A stored row's bytes, as they were before they were compressed, and what they are.
#[derive(Debug, Clone, Copy)]
pub struct Content<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) format: BodyFormat,
}

impl<'a> Content<'a> {
    /// Bytes of this format.
    pub fn new(format: BodyFormat, bytes: &'a [u8]) -> Self {
        Self { bytes, format }
    }

    /// The bytes.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// What they are: by the object's content type or, where that says nothing, by themselves.
    pub fn format(&self) -> BodyFormat {
        self.format
    }

    /// Of an object of a table with these rows.
    pub(crate) fn stored(own: BodyFormat, content_type: Option<&str>, bytes: &'a [u8]) -> Self {
        let format = match own {
            BodyFormat::Raw => own,
            _ => named(content_type.unwrap_or_default())
                .or_else(|| seeming(own, bytes))
                .unwrap_or(own),
        };
        Self { bytes, format }
    }
}

/// The format that a content type names.
pub(crate) fn named(content_type: &str) -> Option<BodyFormat> {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let is = |name: &&str| essence.eq_ignore_ascii_case(name);
    let ends = |end: &str| {
        let start = essence.len().checked_sub(end.len());
        let found = start.and_then(|start| essence.get(start..));
        found.is_some_and(|found| found.eq_ignore_ascii_case(end))
    };
    if JSON.iter().any(is) || ends("+json") {
        Some(BodyFormat::Json)
    } else if MESSAGE_PACK.iter().any(is) || ends("+msgpack") {
        Some(BodyFormat::MessagePack)
    } else {
        None
    }
}

/// The format of a row without a telling content type. A row is a map: in JSON it begins with a
/// brace, which no map of MessagePack does.
fn seeming(own: BodyFormat, bytes: &[u8]) -> Option<BodyFormat> {
    if own == BodyFormat::Own {
        return None;
    }
    match bytes.trim_ascii_start().first()? {
        b'{' => Some(BodyFormat::Json),
        0x80..=0x8f | 0xde | 0xdf => Some(BodyFormat::MessagePack),
        _ => None,
    }
}

/// A row's bytes in this format, without the columns that live in the key alone.
///
/// # Errors
/// The row does not serialize, or not to something that could be read back.
pub fn encode<T: Written>(
    row: &T,
    format: BodyFormat,
    left_out: &[&str],
) -> Result<Vec<u8>, BodyError> {
    match format {
        #[cfg(feature = "msgpack")]
        BodyFormat::MessagePack => msgpack::encode(row, left_out),
        #[cfg(not(feature = "msgpack"))]
        BodyFormat::MessagePack => Err(BodyError::no_msgpack()),
        _ => json::encode(row, left_out),
    }
}

/// The row of stored bytes, and of the columns that live in the key alone. `again` writes it as
/// JSON, to see whether a number was rounded.
///
/// # Errors
/// The bytes are not of their format, or not of this row.
pub fn decode<T: Read>(
    content: &Content<'_>,
    from_key: impl IntoIterator<Item = (&'static str, Result<Value, serde_json::Error>)>,
    again: impl FnOnce(&T) -> Result<Vec<u8>, BodyError>,
) -> Result<T, BodyError> {
    let from_key = from_key
        .into_iter()
        .map(|(name, value)| value.map(|value| (name, value)));
    let from_key = from_key
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| BodyError::new("a key column cannot be put back").with_source(error))?;
    match content.format {
        #[cfg(feature = "msgpack")]
        BodyFormat::MessagePack => msgpack::decode(content.bytes, from_key),
        #[cfg(not(feature = "msgpack"))]
        BodyFormat::MessagePack => Err(BodyError::no_msgpack()),
        _ => {
            let (row, large) = json::decode(content.bytes, from_key)?;
            if !large.is_empty() {
                scan::check_exact(&large, &again(&row)?)?;
            }
            Ok(row)
        }
    }
}

/// Why a row does not encode, or bytes do not decode.
#[derive(Debug)]
pub struct BodyError {
    kind: ErrorKind,
    message: String,
    help: Option<&'static str>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl BodyError {
    /// From a message alone: one line, without the row's contents.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Decode,
            message: message.into(),
            help: None,
            source: None,
        }
    }

    pub(crate) fn of(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            ..Self::new(message)
        }
    }

    /// Of a row of which a part is a secret: it says nothing of what was read, as its cause might.
    /// Of versions alone it still tells.
    pub(crate) fn of_secrets(self, schema: &TableSchema) -> Self {
        if !schema.has_secrets() || self.kind == ErrorKind::Schema {
            return self;
        }
        let detail = "what was decrypted is not a row of this table";
        Self::of(self.kind, detail)
            .with_help("the cause is not shown, because it might quote the row")
    }

    /// With its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Of what serde could not read. A column that is missing is named, as its name is the struct's and
    /// tells nothing of the row.
    fn not_a_row(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let (error, message) = (error.into(), "the object is not a row of this table");
        let told = error.to_string();
        let missing = told.strip_prefix("missing field `");
        let Some((column, _)) = missing.and_then(|rest| rest.split_once('`')) else {
            return Self::new(message).with_source(error);
        };
        let help = "make it an `Option`, give it a `#[serde(default)]`, or declare a new version of the struct";
        Self::new(format!("{message}: it has no column `{column}`"))
            .with_help(help)
            .with_source(error)
    }

    pub(crate) fn of_column(mut self, name: &str) -> Self {
        self.message = format!("column `{}`: {}", name.escape_debug(), self.message);
        self
    }

    #[cfg_attr(
        not(feature = "zstd"),
        expect(dead_code, reason = "it is of what is decompressed")
    )]
    pub(crate) fn limit(message: impl Into<String>) -> Self {
        Self::of(ErrorKind::LimitExceeded, message)
    }

    /// A row of a version that the program does not know.
    pub(crate) fn of_version(message: impl Into<String>, help: &'static str) -> Self {
        let kind = ErrorKind::Schema;
        Self {
            kind,
            ..Self::new(message).with_help(help)
        }
    }

    fn too_deep() -> Self {
        Self::new(format!("it is nested more than {MAX_DEPTH} levels deep"))
    }

    fn twice(name: &str) -> Self {
        let name = name.escape_debug();
        Self::new(format!("it has the member `{name}` twice"))
    }

    #[cfg(not(feature = "msgpack"))]
    fn no_msgpack() -> Self {
        Self::new("the row is MessagePack").with_help("enable the cargo feature `msgpack` of s3orm")
    }

    pub(crate) fn with_help(mut self, help: &'static str) -> Self {
        self.help = Some(help);
        self
    }

    #[cfg(test)]
    pub(crate) fn kind(&self) -> ErrorKind {
        self.kind
    }

    pub(crate) fn into_cause(self) -> Option<crate::error::Source> {
        self.source
    }

    /// As the error of an object that is read.
    pub(crate) fn into_error(self, key: &str) -> Error {
        let kind = self.kind;
        self.into_error_of(kind).with_key(key)
    }

    /// As the error of a row that is written.
    pub(crate) fn into_write_error(self) -> Error {
        self.into_error_of(ErrorKind::InvalidRow)
    }

    fn into_error_of(self, kind: ErrorKind) -> Error {
        let mut error = Error::new(kind, self.message).with_cause(self.source);
        if let Some(help) = self.help {
            error = error.with_help(help);
        }
        error
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for BodyError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_object_is() {
        use BodyFormat::{Json, MessagePack, Own, Raw};
        let json: &[u8] = b" {}";
        let msgpack: &[u8] = b"\x81\xa1a\x01";
        for (own, content_type, bytes, expected) in [
            (Json, Some("application/json"), msgpack, Json),
            (Json, Some("Application/MsgPack"), json, MessagePack),
            (
                MessagePack,
                Some("application/vnd.person+JSON; v=1"),
                msgpack,
                Json,
            ),
            (
                Json,
                Some("application/vnd.person+msgpack"),
                json,
                MessagePack,
            ),
            (MessagePack, Some("é+json"), msgpack, Json),
            (Json, Some("éjson"), json, Json),
            (MessagePack, Some("application/octet-stream"), json, Json),
            (Json, None, msgpack, MessagePack),
            (MessagePack, Some("text/plain"), b"\x93", MessagePack),
            (Json, None, b"", Json),
            (Own, Some("application/cbor"), json, Own),
            (Own, None, msgpack, Own),
            (Own, Some("application/json"), json, Json),
            (Raw, Some("application/json"), json, Raw),
        ] {
            let found = Content::stored(own, content_type, bytes).format();
            assert_eq!(found, expected, "{own:?} {content_type:?} {bytes:?}");
        }
    }
}
