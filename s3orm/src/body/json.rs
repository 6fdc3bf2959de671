//! Rows as JSON objects of the struct's serde form.

use serde::de::DeserializeOwned;

use super::guard::Guarded;
use super::overlay::{FromKey, Overlaid};
use super::scan::{self, Large};
use super::{BodyError, Written};

pub(super) fn encode<T: Written>(row: &T, left_out: &[&str]) -> Result<Vec<u8>, BodyError> {
    // Most rows fit, and are then written without growing a small buffer again and again.
    let mut bytes = Vec::with_capacity(1024);
    serde_json::to_writer(&mut bytes, &Guarded::new(row, left_out))
        .map_err(|error| BodyError::new("the row does not serialize to JSON").with_source(error))?;
    if bytes.first() != Some(&b'{') {
        let detail = "the row serializes to something else than a JSON object";
        return Err(BodyError::new(detail));
    }
    // What is refused when it is read is not written.
    scan::check(&bytes)?;
    Ok(bytes)
}

/// The row of a JSON object, and the numbers of it that may be rounded.
pub(super) fn decode<T: DeserializeOwned>(
    json: &[u8],
    from_key: FromKey,
) -> Result<(T, Vec<Large>), BodyError> {
    let large = scan::check(json)?;
    let mut reader = serde_json::Deserializer::from_slice(json);
    let row = if from_key.is_empty() {
        T::deserialize(&mut reader)
    } else {
        let inner = &mut reader;
        T::deserialize(Overlaid { inner, from_key })
    };
    let row = row.and_then(|row| reader.end().map(|()| row));
    match row {
        Ok(row) => Ok((row, large)),
        Err(error) => Err(not_a_row(json, error)),
    }
}

fn not_a_row(json: &[u8], error: serde_json::Error) -> BodyError {
    match json.trim_ascii_start().first() {
        None => BodyError::new("the object is empty").with_source(error),
        Some(b'{') => BodyError::not_a_row(error),
        Some(_) => BodyError::new("the object is no JSON object").with_source(error),
    }
}
