//! A blob's name: its table and 128 random bits, as an object's key.

use std::fmt;

use serde_json::Value;

use crate::env::Env;
use crate::error::{Error, ErrorKind, Result};

/// What the keys of all blobs begin with, below the database's prefix.
pub(crate) const FOLDER: &str = "_s3orm/blob/";
/// `<2 hex>/<30 hex>`
const NUMBER: usize = 33;

/// Which blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BlobId {
    table: Box<str>,
    pub(super) number: u128,
}

impl BlobId {
    /// One that nobody has, and nobody can guess.
    pub(super) fn new(table: &str, env: &Env) -> Self {
        Self {
            table: table.into(),
            number: u128::from_be_bytes(env.random_bytes()),
        }
    }

    pub(super) fn of(table: &str, number: u128) -> Self {
        let table = table.into();
        Self { table, number }
    }

    /// From the whole of a key below the database's prefix.
    pub(super) fn parse(key: &str) -> Option<Self> {
        let (table, number) = key.strip_prefix(FOLDER)?.split_once('/')?;
        Some(Self {
            table: is_table(table).then(|| table.into())?,
            number: parse_number(number)?,
        })
    }

    /// The table that it was made for.
    pub(super) fn table(&self) -> &str {
        &self.table
    }

    /// That a row of `table` may name it: another table's sweep would not see it there.
    pub(crate) fn check_table(&self, table: &str) -> Result<()> {
        if *self.table == *table {
            return Ok(());
        }
        let detail = format!("the blob `{self}` was made for the table `{}`", self.table);
        Err(Error::new(ErrorKind::InvalidRow, detail)
            .with_help("make one for this table with `Table::copy_blob`"))
    }

    /// Those that a text names, wherever.
    fn all_in(text: &[u8], mut found: impl FnMut(Self)) {
        let mut rest = text;
        while let Some(at) = rest.iter().position(|byte| *byte == b'_') {
            rest = &rest[at..];
            match rest.strip_prefix(FOLDER.as_bytes()) {
                None => rest = &rest[1..],
                Some(named) => {
                    if let Some(id) = Self::first_of(named) {
                        found(id);
                    }
                    rest = named;
                }
            }
        }
    }

    fn first_of(named: &[u8]) -> Option<Self> {
        let slash = named.iter().position(|byte| *byte == b'/')?;
        let table = std::str::from_utf8(&named[..slash]).ok()?;
        let number = named.get(slash + 1..slash + 1 + NUMBER)?;
        let number = parse_number(std::str::from_utf8(number).ok()?)?;
        is_table(table).then(|| Self::of(table, number))
    }
}

/// The blobs that a body names, wherever. JSON may write any character in another way, which only who reads it sees.
pub(crate) fn in_text(bytes: &[u8]) -> Vec<BlobId> {
    let mut found = Vec::new();
    BlobId::all_in(bytes, |id| found.push(id));
    if bytes.contains(&b'\\')
        && let Ok(value) = serde_json::from_slice::<Value>(bytes)
    {
        in_value(&value, &mut found);
    }
    found
}

fn in_value(value: &Value, found: &mut Vec<BlobId>) {
    match value {
        Value::String(text) => BlobId::all_in(text.as_bytes(), |id| found.push(id)),
        Value::Array(values) => values.iter().for_each(|value| in_value(value, found)),
        Value::Object(members) => {
            for (name, value) in members {
                BlobId::all_in(name.as_bytes(), |id| found.push(id));
                in_value(value, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// As the derive has it: `[a-z][a-z0-9_-]{0,62}`.
fn is_table(name: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    (1..=63).contains(&name.len())
        && name.as_bytes()[0].is_ascii_lowercase()
        && name.bytes().all(allowed)
}

/// `<2 hex>/<30 hex>`, as [`number`] writes it.
pub(super) fn parse_number(text: &str) -> Option<u128> {
    let (first, rest) = text.split_once('/')?;
    let sound = |digits: &str| {
        let lower = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        digits.bytes().all(lower)
    };
    if first.len() != 2 || rest.len() != 30 || !sound(first) || !sound(rest) {
        return None;
    }
    let high = u128::from_str_radix(first, 16).ok()?;
    let low = u128::from_str_radix(rest, 16).ok()?;
    Some(high << 120 | low)
}

/// The end of a blob's key, and of its mark's.
pub(super) fn number(number: u128) -> String {
    let digits = format!("{number:032x}");
    format!("{}/{}", &digits[..2], &digits[2..])
}

/// The key, below the database's prefix.
impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{FOLDER}{}/{}", self.table, number(self.number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written_and_nothing_else_is() {
        let env = Env::seeded(1);
        for table in ["people", "a", "a-b_c9", &"x".repeat(63)] {
            for id in [BlobId::new(table, &env), BlobId::of(table, 7)] {
                assert_eq!(BlobId::parse(&id.to_string()), Some(id));
            }
        }
        let id = BlobId::of("people", 7).to_string();
        for wrong in [
            id.replace("people", "People"),
            id.replace("people", ""),
            id.replace("people", "../people"),
            id.replace("people", "_s3orm"),
            id.replace("00/", "0/0"),
            id.replace('7', "F"),
            id.replace('7', "+"),
            format!("{id}0"),
            format!("/{id}"),
            id[1..].to_owned(),
            "people/1.json".to_owned(),
        ] {
            assert_eq!(BlobId::parse(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_text_names_each_that_is_in_it() {
        let (a, b) = (BlobId::of("people", 1), BlobId::of("docs", 2));
        let text = format!("__s3orm/blob/{{\"{a}\":_s3orm/blob/{a}/_{b}_s3orm/blob/x");
        let mut found = Vec::new();
        BlobId::all_in(text.as_bytes(), |id| found.push(id));
        assert_eq!(found, [a.clone(), a, b]);
        for cut in 0..text.len() {
            BlobId::all_in(&text.as_bytes()[..cut], |_| ());
        }
    }

    #[test]
    fn a_text_is_read_however_it_is_written() {
        let id = BlobId::of("people", 9);
        let key = id.to_string();
        for text in [
            format!(r#"{{"a":[{{"b":"{key}"}}]}}"#),
            format!(r#"{{"{key}":1}}"#),
            format!(r#"{{"a":"{}"}}"#, key.replace('/', r"\/")),
            format!(r#"{{"a":"{}"}}"#, key.replace('p', r"\u0070")),
            format!("no JSON, but {key}"),
        ] {
            assert!(in_text(text.as_bytes()).contains(&id), "{text}");
        }
        assert!(in_text(&key.as_bytes()[1..]).is_empty());
    }
}
