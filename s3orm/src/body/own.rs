//! Formats of the user's own.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::BodyError;

/// A format of one's own for rows, named by `#[s3(body = "path::of::the::type")]`.
///
/// Rows are written in it, with its content type; a stored row is read in it if it has that content
/// type, or one that says nothing (`application/octet-stream`). Rows that are JSON or MessagePack by
/// their content type are read as that: so a table may take on a format with its rows in place.
///
/// What a format checks is its own affair: s3orm limits the bytes that it is given
/// (`max_row_bytes`), nothing else. It must not panic on any bytes.
///
/// ```
/// use s3orm::body::{BodyCodec, BodyError};
/// use s3orm::{Db, S3Schema};
/// use serde::{Deserialize, Serialize, de::DeserializeOwned};
///
/// /// JSON for people to read.
/// struct Pretty;
///
/// impl BodyCodec for Pretty {
///     const CONTENT_TYPE: &'static str = "text/x-pretty";
///
///     fn encode<T: Serialize>(row: &T) -> Result<Vec<u8>, BodyError> {
///         let text = serde_json::to_vec_pretty(row);
///         text.map_err(|error| BodyError::new("the row has no JSON").with_source(error))
///     }
///
///     fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BodyError> {
///         let row = serde_json::from_slice(bytes);
///         row.map_err(|error| BodyError::new("the object is no JSON").with_source(error))
///     }
/// }
///
/// #[derive(Serialize, Deserialize, S3Schema)]
/// #[s3(table = "notes", path = "<id>", body = "Pretty")]
/// struct Note { id: u64, text: String }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
/// let notes = Db::connect("memory:").await?.table::<Note>();
/// let row = notes.put(Note { id: 1, text: "short".into() }).await?;
/// assert_eq!(row.content_type(), Some("text/x-pretty"));
/// assert_eq!(notes.get(1).await?.map(|note| note.text).as_deref(), Some("short"));
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no format of rows",
    label = "does not implement `s3orm::body::BodyCodec`",
    note = "`body` is `json`, `msgpack`, `raw`, or the path of a type that implements `s3orm::body::BodyCodec`"
)]
pub trait BodyCodec {
    /// The content type of its objects: visible ASCII, and neither JSON's nor MessagePack's.
    const CONTENT_TYPE: &'static str;

    /// A row's bytes.
    ///
    /// # Errors
    /// The row cannot be written.
    fn encode<T: Serialize>(row: &T) -> Result<Vec<u8>, BodyError>;

    /// The row of stored bytes.
    ///
    /// # Errors
    /// The bytes are no such row.
    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BodyError>;
}
