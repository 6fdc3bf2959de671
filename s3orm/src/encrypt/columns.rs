//! Encrypted columns: texts in a row's JSON, in place of their values.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{BEGIN, Encrypt, Sealer, looks_encrypted, not_encrypted};
use crate::body::{BodyError, Content};
use crate::schema::{BodyFormat, TableSchema};

/// Whether a column is encrypted: by the newest version that has it. What was written before it was
/// encrypted may be refused.
fn column<'c>(
    schema: &TableSchema,
    place: &'c str,
    name: &'c str,
) -> Option<(Encrypt, [&'c str; 3])> {
    match schema.columns.iter().find(|column| column.name == name) {
        Some(column) => Some((column.encrypt?, ["column", place, name])),
        None => column(schema.previous?, place, name),
    }
}

/// Whether a column is encrypted in any version: rows of each may be there, and whether a value was
/// encrypted, it says itself.
fn may_be_encrypted(schema: &TableSchema, name: &str) -> bool {
    let own = schema.columns.iter().find(|column| column.name == name);
    own.is_some_and(|column| column.encrypt.is_some())
        || schema
            .previous
            .is_some_and(|before| may_be_encrypted(before, name))
}

pub(super) fn seal(
    at: &Sealer<'_>,
    schema: &TableSchema,
    json: &[u8],
) -> Result<Vec<u8>, BodyError> {
    rewrite(json, |name, value| {
        let Some((_, context)) = column(schema, at.place, name) else {
            return match text_of(value) {
                None => Ok(None),
                Some(_) => Err(looks_encrypted(BEGIN).of_column(name)),
            };
        };
        let sealed = at.encrypt(&context, value.get().as_bytes());
        let sealed = sealed.map_err(|error| error.of_column(name))?;
        Ok(Some(format!(
            "\"{BEGIN}{}\"",
            URL_SAFE_NO_PAD.encode(sealed)
        )))
    })
}

pub(super) fn open(
    at: &Sealer<'_>,
    schema: &TableSchema,
    row: &Content<'_>,
) -> Result<Vec<u8>, BodyError> {
    if row.format() != BodyFormat::Json {
        // What was MessagePack before it had such columns.
        return match schema
            .columns
            .iter()
            .find(|column| column.encrypt == Some(Encrypt::Always))
        {
            Some(column) => Err(not_encrypted(format!(
                "column `{}` is not encrypted",
                column.name
            ))),
            None => Ok(row.bytes().to_vec()),
        };
    }
    rewrite(row.bytes(), |name, value| {
        let of_column = |error: BodyError| error.of_column(name);
        let text = text_of(value);
        match (column(schema, at.place, name), text) {
            (_, Some(text)) if may_be_encrypted(schema, name) => {
                let context = ["column", at.place, name];
                let sealed = URL_SAFE_NO_PAD.decode(text);
                let sealed = sealed.map_err(|_| BodyError::new("it was changed or cut"));
                let plain = sealed.and_then(|sealed| at.decrypt(&context, &sealed));
                json(plain.map_err(of_column)?).map(Some).map_err(of_column)
            }
            (Some((Encrypt::Always, _)), None) => {
                Err(not_encrypted(format!("column `{name}` is not encrypted")))
            }
            (_, Some(_)) => Err(BodyError::new(
                "it is encrypted, and no encrypted column has this name",
            )
            .with_help(
                "a value is bound to its column: give the column its name again, and `encrypt`",
            )
            .of_column(name)),
            (_, None) => Ok(None),
        }
    })
}

/// What follows the beginning of an encrypted value, if it is one.
fn text_of(value: &RawValue) -> Option<&str> {
    let text = value.get().strip_prefix('"')?.strip_suffix('"')?;
    text.strip_prefix(BEGIN)
}

/// One value of JSON, and nothing more.
fn json(plain: Vec<u8>) -> Result<String, BodyError> {
    let not_json = || BodyError::new("what was encrypted is no value");
    let text = String::from_utf8(plain).map_err(|_| not_json())?;
    match serde_json::from_str::<&RawValue>(&text) {
        Ok(_) => Ok(text),
        Err(_) => Err(not_json()),
    }
}

/// The object with other values for some of its members, which keep their order.
fn rewrite(
    json: &[u8],
    mut change: impl FnMut(&str, &RawValue) -> Result<Option<String>, BodyError>,
) -> Result<Vec<u8>, BodyError> {
    // The cause might show a value.
    let Members(members) = serde_json::from_slice(json).map_err(|_| {
        BodyError::new("the object is not a row of this table: it is no JSON object")
    })?;
    let mut out = Vec::with_capacity(2 * json.len());
    out.push(b'{');
    for (at, (name, value)) in members.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        let quoted =
            serde_json::to_vec(name).map_err(|_| BodyError::new("a member has no name"))?;
        out.extend_from_slice(&quoted);
        out.push(b':');
        let changed = change(name, value)?;
        out.extend_from_slice(changed.as_deref().unwrap_or(value.get()).as_bytes());
    }
    out.push(b'}');
    Ok(out)
}

/// An object's members, in their order, those twice that stand twice.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        json.deserialize_map(InOrder)
    }
}
