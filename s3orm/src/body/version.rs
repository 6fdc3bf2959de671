//! The version of a row, in its own bytes: the member `_v`, first. A row of version 1 has none.
//!
//! So it goes with the row wherever that goes: into what a transaction is about to write, into the
//! entries of an index, and to other tools. A struct never sees it.

use std::borrow::Cow;
use std::fmt;

use memchr::memmem;
use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{BodyError, Content};
use crate::schema::BodyFormat;

/// `_v` and its quotes, as JSON has them.
const QUOTED: &[u8] = br#""_v""#;
/// The same as a text of MessagePack.
const PACKED: &[u8] = b"\xa2_v";

/// A row's bytes with its version.
pub(crate) fn mark(bytes: Vec<u8>, format: BodyFormat, version: u32) -> Vec<u8> {
    if version == 1 {
        return bytes;
    }
    match format {
        BodyFormat::Json => mark_json(&bytes, version),
        BodyFormat::MessagePack => mark_packed(&bytes, version),
        // The derive refuses a version of them.
        BodyFormat::Raw | BodyFormat::Own => bytes,
    }
}

fn mark_json(bytes: &[u8], version: u32) -> Vec<u8> {
    let rest = bytes.get(1..).unwrap_or_default();
    let comma = if rest.trim_ascii_start().starts_with(b"}") {
        ""
    } else {
        ","
    };
    let mut marked = format!("{{\"_v\":{version}{comma}").into_bytes();
    marked.extend_from_slice(rest);
    marked
}

fn mark_packed(bytes: &[u8], version: u32) -> Vec<u8> {
    let Some((members, rest)) = packed_map(bytes) else {
        return bytes.to_vec();
    };
    let mut marked = packed_header(members + 1);
    marked.extend_from_slice(PACKED);
    match u8::try_from(version) {
        Ok(small) if small < 0x80 => marked.push(small),
        _ => {
            marked.push(0xce);
            marked.extend_from_slice(&version.to_be_bytes());
        }
    }
    marked.extend_from_slice(rest);
    marked
}

/// The version of a row, and its bytes without it.
///
/// # Errors
/// A member `_v` that is no version.
pub(crate) fn split<'a>(content: &Content<'a>) -> Result<(u32, Cow<'a, [u8]>), BodyError> {
    match content.format {
        BodyFormat::Json => split_json(content.bytes),
        BodyFormat::MessagePack => split_packed(content.bytes),
        BodyFormat::Raw | BodyFormat::Own => Ok((1, content.bytes.into())),
    }
}

/// Refuses a row one of whose own members has the version's name: what is read would be taken for that.
/// A flattened map may have any.
///
/// # Errors
/// It has.
pub(crate) fn check_free(bytes: &[u8], format: BodyFormat) -> Result<(), BodyError> {
    match split(&Content::new(format, bytes)) {
        Ok((_, Cow::Borrowed(_))) => Ok(()),
        _ => Err(BodyError::new("a member of the row is called `_v`")
            .with_help("that one is the row's version: give it another name")),
    }
}

fn split_json(bytes: &[u8]) -> Result<(u32, Cow<'_, [u8]>), BodyError> {
    if let Some((version, rest)) = first_member(bytes) {
        let mut row = Vec::with_capacity(rest.len() + 1);
        row.push(b'{');
        row.extend_from_slice(rest);
        return Ok((valid(version)?, row.into()));
    }
    if memmem::find(bytes, QUOTED).is_some() {
        return split_members(bytes);
    }
    Ok((1, bytes.into()))
}

/// The version where it is the first member, and what follows it.
fn first_member(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let inside = bytes.trim_ascii_start().strip_prefix(b"{")?;
    let value = inside.trim_ascii_start().strip_prefix(QUOTED)?;
    let value = value
        .trim_ascii_start()
        .strip_prefix(b":")?
        .trim_ascii_start();
    let end = value.iter().position(|byte| !byte.is_ascii_digit())?;
    let version = std::str::from_utf8(&value[..end]).ok()?.parse().ok()?;
    match value[end..].trim_ascii_start().split_first()? {
        (b',', rest) => Some((version, rest)),
        (b'}', _) => Some((version, value[end..].trim_ascii_start())),
        _ => None,
    }
}

/// Another program wrote the object, with the version somewhere else; or a value speaks of `_v`.
fn split_members(bytes: &[u8]) -> Result<(u32, Cow<'_, [u8]>), BodyError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    // What is no JSON object is told by who reads the row.
    let Ok(members) = reader.deserialize_map(Members) else {
        return Ok((1, bytes.into()));
    };
    let is_version = |name: &str| name == "_v";
    let Some((_, version)) = members.iter().find(|(name, _)| is_version(name)) else {
        return Ok((1, bytes.into()));
    };
    let version = version.get().parse();
    let version = version.map_err(|_| BodyError::new("the member `_v` is no version"))?;
    let mut row = vec![b'{'];
    for (name, value) in members.iter().filter(|(name, _)| !is_version(name)) {
        if row.len() > 1 {
            row.push(b',');
        }
        let name = serde_json::to_vec(name);
        let name =
            name.map_err(|error| BodyError::new("a member's name is no text").with_source(error))?;
        row.extend_from_slice(&name);
        row.push(b':');
        row.extend_from_slice(value.get().as_bytes());
    }
    row.push(b'}');
    Ok((valid(version)?, row.into()))
}

/// The members of an object as they stand there, twice where they are.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

fn split_packed(bytes: &[u8]) -> Result<(u32, Cow<'_, [u8]>), BodyError> {
    let Some((members @ 1.., rest)) = packed_map(bytes) else {
        return Ok((1, bytes.into()));
    };
    let Some(value) = rest.strip_prefix(PACKED) else {
        return Ok((1, bytes.into()));
    };
    let number = |length: usize| {
        let (number, rest) = value.get(1..)?.split_at_checked(length)?;
        let number = number
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        Some((u32::try_from(number).ok()?, rest))
    };
    let version = match value.first() {
        Some(small @ 0..=0x7f) => Some((u32::from(*small), &value[1..])),
        Some(0xcc) => number(1),
        Some(0xcd) => number(2),
        Some(0xce) => number(4),
        Some(0xcf) => number(8),
        _ => None,
    };
    let (version, rest) = version.ok_or_else(|| BodyError::new("the member `_v` is no version"))?;
    let mut row = packed_header(members - 1);
    row.extend_from_slice(rest);
    Ok((valid(version)?, row.into()))
}

/// How many members a map of MessagePack has, and what follows its header.
fn packed_map(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    match first {
        0x80..=0x8f => Some((u32::from(first & 0x0f), rest)),
        0xde => {
            let (count, rest) = rest.split_first_chunk()?;
            Some((u32::from(u16::from_be_bytes(*count)), rest))
        }
        0xdf => {
            let (count, rest) = rest.split_first_chunk()?;
            Some((u32::from_be_bytes(*count), rest))
        }
        _ => None,
    }
}

fn packed_header(members: u32) -> Vec<u8> {
    match (u8::try_from(members), u16::try_from(members)) {
        (Ok(few @ 0..=15), _) => vec![0x80 | few],
        (_, Ok(some)) => [&[0xde], &some.to_be_bytes()[..]].concat(),
        _ => [&[0xdf], &members.to_be_bytes()[..]].concat(),
    }
}

fn valid(version: u32) -> Result<u32, BodyError> {
    match version {
        0 => Err(BodyError::new(
            "the member `_v` is no version: the first is 1",
        )),
        version => Ok(version),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Result<(u32, String), BodyError> {
        let (version, row) = split(&Content::new(BodyFormat::Json, text.as_bytes()))?;
        Ok((version, String::from_utf8(row.into_owned()).unwrap()))
    }

    #[test]
    fn what_is_marked_is_split() {
        for row in [
            "{}",
            "{ }",
            r#"{"a":1}"#,
            r#"{"a":"\"_v\":9"}"#,
            r#"{"a":{"_v":3}}"#,
        ] {
            for version in [1, 2, 9, 4_000_000_000] {
                let marked = mark(row.into(), BodyFormat::Json, version);
                let marked = String::from_utf8(marked).unwrap();
                serde_json::from_str::<serde_json::Value>(&marked).unwrap();
                let (found, without) = json(&marked).unwrap();
                assert_eq!(found, version, "{marked}");
                let same = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
                assert_eq!(same(&without), same(row), "{marked}");
            }
        }
    }

    #[test]
    fn a_version_is_found_where_other_tools_put_it() {
        for (text, version, row) in [
            (r#"{"a":1,"_v":2}"#, 2, r#"{"a":1}"#),
            (r#" { "_v" : 2 , "a" : 1 } "#, 2, r#"{ "a" : 1 } "#),
            (r#"{"_v":2}"#, 2, "{}"),
            (
                r#"{"a":1.10,"_v":3,"b":[1, 2]}"#,
                3,
                r#"{"a":1.10,"b":[1, 2]}"#,
            ),
            (r#"{"_m":{"v":"x"},"_v":2}"#, 2, r#"{"_m":{"v":"x"}}"#),
            (r#"{"b":"_v"}"#, 1, r#"{"b":"_v"}"#),
            ("nonsense \"_v\"", 1, "nonsense \"_v\""),
        ] {
            assert_eq!(json(text).unwrap(), (version, row.to_owned()));
        }
        for wrong in [
            r#"{"_v":0}"#,
            r#"{"_v":-1}"#,
            r#"{"_v":"2"}"#,
            r#"{"_v":2.5}"#,
            r#"{"_v":null}"#,
        ] {
            json(wrong).unwrap_err();
        }
    }

    #[test]
    fn a_row_that_has_the_member_itself_is_refused() {
        for (format, row, is_free) in [
            (BodyFormat::Json, &br#"{"a":{"_v":1},"b":"_v"}"#[..], true),
            (BodyFormat::Json, br#"{"a":1,"_v":1}"#, false),
            (BodyFormat::Json, br#"{"_v":"x"}"#, false),
            (BodyFormat::MessagePack, b"\x81\xa2_v\xa1x", false),
            (BodyFormat::MessagePack, b"\x81\xa1a\xa1x", true),
        ] {
            assert_eq!(check_free(row, format).is_ok(), is_free, "{row:?}");
        }
    }

    #[test]
    fn messagepack_maps_of_all_sizes_are_marked() {
        for members in [0_u16, 1, 14, 15, 16, 17, 300] {
            let mut row = packed_header(members.into());
            for _ in 0..members {
                row.extend_from_slice(b"\xa1a\x01");
            }
            for version in [1, 2, 127, 128, 70_000] {
                let marked = mark(row.clone(), BodyFormat::MessagePack, version);
                let content = Content::new(BodyFormat::MessagePack, &marked);
                let (found, without) = split(&content).unwrap();
                assert_eq!((found, &*without), (version, &row[..]));
            }
        }
        let wrong = b"\x81\xa2_v\xa1x";
        split(&Content::new(BodyFormat::MessagePack, wrong)).unwrap_err();
        let none = b"\x80\xa2_v\x05"; // What follows an empty map is none of its members.
        let (found, row) = split(&Content::new(BodyFormat::MessagePack, none)).unwrap();
        assert_eq!((found, &*row), (1, &none[..]));
    }
}
