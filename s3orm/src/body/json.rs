//! Rows as JSON objects of the struct's serde form.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::BodyError;

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

/// The row's JSON.
///
/// # Errors
/// The row does not serialize, or not to a JSON object.
pub fn encode<T: Written>(row: &T) -> Result<Vec<u8>, BodyError> {
    let bytes = serde_json::to_vec(row).map_err(not_encoded)?;
    match bytes.first() {
        Some(b'{') => Ok(bytes),
        _ => Err(BodyError::new(
            "the row serializes to something else than a JSON object",
        )),
    }
}

/// The row's JSON without the columns that live in the key alone.
///
/// # Errors
/// As [`encode`].
pub fn encode_without<T: Written>(row: &T, left_out: &[&str]) -> Result<Vec<u8>, BodyError> {
    let Value::Object(mut members) = serde_json::to_value(row).map_err(not_encoded)? else {
        return Err(BodyError::new(
            "the row serializes to something else than a JSON object",
        ));
    };
    for name in left_out {
        members.remove(*name);
    }
    serde_json::to_vec(&members).map_err(not_encoded)
}

/// The row of a JSON object.
///
/// # Errors
/// The bytes are not JSON, or not of this row.
pub fn decode<T: Read>(body: &[u8]) -> Result<T, BodyError> {
    serde_json::from_slice(body).map_err(not_decoded)
}

/// The row of a JSON object and of the columns that live in the key alone.
///
/// # Errors
/// As [`decode`].
pub fn decode_with<T: Read>(
    body: &[u8],
    from_key: impl IntoIterator<Item = (&'static str, Result<Value, serde_json::Error>)>,
) -> Result<T, BodyError> {
    let mut members: Map<String, Value> = serde_json::from_slice(body).map_err(not_decoded)?;
    for (name, value) in from_key {
        members.insert(name.to_owned(), value.map_err(not_decoded)?);
    }
    serde_json::from_value(Value::Object(members)).map_err(not_decoded)
}

fn not_encoded(error: serde_json::Error) -> BodyError {
    BodyError::new("the row does not serialize to JSON").with_source(error)
}

fn not_decoded(error: serde_json::Error) -> BodyError {
    BodyError::new("the object is not a row of this table").with_source(error)
}
