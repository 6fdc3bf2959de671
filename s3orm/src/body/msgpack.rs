//! Rows in MessagePack: maps of the columns' names, in the serde form that JSON has.
//!
//! The form is the human-readable one also here, so that a UUID or a time is the same text in both.
//! Serde's tagged enums and flattened fields are always read so, and would not find what the compact
//! form had written.

use serde::de::DeserializeOwned;

use super::guard::Guarded;
use super::overlay::{FromKey, Overlaid};
use super::{BodyError, MAX_DEPTH};

pub(super) fn encode<T: serde::Serialize>(
    row: &T,
    left_out: &[&str],
) -> Result<Vec<u8>, BodyError> {
    let mut bytes = Vec::with_capacity(512);
    let mut writer = rmp_serde::Serializer::new(&mut bytes)
        .with_struct_map()
        .with_human_readable();
    let row = Guarded::new(row, left_out);
    let written = serde::Serialize::serialize(&row, &mut writer);
    written.map_err(|error| {
        BodyError::new("the row does not serialize to MessagePack").with_source(error)
    })?;
    check(&bytes)?;
    Ok(bytes)
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8], from_key: FromKey) -> Result<T, BodyError> {
    check(bytes)?;
    let mut reader = rmp_serde::Deserializer::from_read_ref(bytes).with_human_readable();
    let row = if from_key.is_empty() {
        T::deserialize(&mut reader)
    } else {
        let inner = &mut reader;
        T::deserialize(Overlaid { inner, from_key })
    };
    row.map_err(BodyError::not_a_row)
}

/// Whether MessagePack's first byte is that of a map, as a row's is. No JSON begins with it.
pub(super) fn begins_map(first: u8) -> bool {
    matches!(first, 0x80..=0x8f | 0xde | 0xdf)
}

/// Checks that the bytes are one map and nothing more, before serde believes the lengths in it.
///
/// # Errors
/// They are not, or go more than [`MAX_DEPTH`] levels deep, or have a text twice as a map's key.
fn check(bytes: &[u8]) -> Result<(), BodyError> {
    if !bytes.first().copied().is_some_and(begins_map) {
        return Err(BodyError::new("the object is no MessagePack map"));
    }
    let mut walk = Walk {
        rest: bytes,
        open: Vec::new(),
        names: Vec::new(),
    };
    loop {
        walk.value()?;
        while walk.open.last().is_some_and(|open| open.left == 0) {
            walk.close()?;
        }
        if walk.open.is_empty() {
            break;
        }
    }
    if walk.rest.is_empty() {
        return Ok(());
    }
    let more = walk.rest.len();
    Err(BodyError::new(format!(
        "{more} bytes follow the MessagePack map"
    )))
}

/// A map or array that is not over yet.
struct Open {
    /// Values to come; of a map, keys count.
    left: u64,
    is_map: bool,
    /// The number of its first name.
    first: usize,
}

struct Walk<'a> {
    rest: &'a [u8],
    open: Vec<Open>,
    names: Vec<&'a [u8]>,
}

impl<'a> Walk<'a> {
    fn take(&mut self, count: u64) -> Result<&'a [u8], BodyError> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(BodyError::new("the MessagePack ends too early"));
        };
        self.rest = rest;
        Ok(taken)
    }

    /// A number of so many bytes.
    fn length(&mut self, size: u64) -> Result<u64, BodyError> {
        let bytes = self.take(size)?.iter();
        Ok(bytes.fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn value(&mut self) -> Result<(), BodyError> {
        let is_key = match self.open.last_mut() {
            Some(open) => {
                open.left -= 1;
                open.is_map && open.left % 2 == 1
            }
            None => false,
        };
        let marker = self.take(1)?[0];
        let text = match marker {
            0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => return Ok(()),
            0x80..=0x8f => return self.open(u64::from(marker & 15), true),
            0x90..=0x9f => return self.open(u64::from(marker & 15), false),
            0xdc | 0xdd => {
                let length = self.length(2 << (marker - 0xdc))?;
                return self.open(length, false);
            }
            0xde | 0xdf => {
                let length = self.length(2 << (marker - 0xde))?;
                return self.open(length, true);
            }
            0xa0..=0xbf => self.take(u64::from(marker & 31))?,
            0xd9..=0xdb => {
                let length = self.length(1 << (marker - 0xd9))?;
                self.take(length)?
            }
            0xc4..=0xc6 => {
                let length = self.length(1 << (marker - 0xc4))?;
                return self.take(length).map(drop);
            }
            // Of an extension, a byte is its type.
            0xc7..=0xc9 => {
                let length = self.length(1 << (marker - 0xc7))?;
                return self.take(length + 1).map(drop);
            }
            0xd4..=0xd8 => return self.take((1 << (marker - 0xd4)) + 1).map(drop),
            0xca => return self.take(4).map(drop),
            0xcb => return self.take(8).map(drop),
            0xcc..=0xcf => return self.take(1 << (marker - 0xcc)).map(drop),
            0xd0..=0xd3 => return self.take(1 << (marker - 0xd0)).map(drop),
            0xc1 => return Err(BodyError::new("the object is no MessagePack")),
        };
        if is_key {
            self.names.push(text);
        }
        Ok(())
    }

    fn open(&mut self, length: u64, is_map: bool) -> Result<(), BodyError> {
        if self.open.len() == MAX_DEPTH {
            return Err(BodyError::too_deep());
        }
        self.open.push(Open {
            left: if is_map { 2 * length } else { length },
            is_map,
            first: self.names.len(),
        });
        Ok(())
    }

    fn close(&mut self) -> Result<(), BodyError> {
        if let Some(open) = self.open.pop() {
            let names = &mut self.names[open.first..];
            names.sort_unstable();
            if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
                return Err(BodyError::twice(&String::from_utf8_lossy(pair[0])));
            }
            self.names.truncate(open.first);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;

    fn refusal(bytes: &[u8]) -> String {
        check(bytes)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn what_is_refused() {
        let deep: Vec<u8> = std::iter::repeat_n([0x81, 0xa1, b'a'], 100)
            .flatten()
            .collect();
        let cases: [(&[u8], &str); 11] = [
            (b"", "no MessagePack map"),
            (b"\x93\x01\x02\x03", "no MessagePack map"),
            (b"{}", "no MessagePack map"),
            (b"\x81\xa1a", "ends too early"),
            (b"\x81\xa1a\xdb\xff\xff\xff\xffshort", "ends too early"),
            (b"\xdf\xff\xff\xff\xff\xa1a\x01", "ends too early"),
            (b"\x80\x80", "1 bytes follow"),
            (b"\x82\xa1a\x01\xa1a\x02", "`a` twice"),
            (b"\x82\xa1a\x01\xd9\x01a\x02", "`a` twice"),
            (b"\x81\xa1a\xc1", "no MessagePack"),
            (&deep, "levels"),
        ];
        for (bytes, expected) in cases {
            let found = refusal(bytes);
            assert!(found.contains(expected), "{bytes:?}: {found}");
        }
        assert_eq!(refusal(b"\x82\xa1a\x81\xa1a\x01\xa1b\xa1a"), "");
    }

    type Values = (i64, Option<char>, [u16; 3], f32);

    proptest! {
        #[test]
        fn any_bytes(mut bytes: Vec<u8>) {
            let _ = check(&bytes);
            let _ = decode::<Map<String, Value>>(&bytes, Vec::new());
            bytes.insert(0, 0x82);
            let _ = decode::<Map<String, Value>>(&bytes, Vec::new());
        }

        /// What is written is read, and no part of it is.
        #[test]
        fn any_map(map in prop::collection::btree_map(".{0,9}", any::<Values>(), 0..4)) {
            let Ok(bytes) = encode(&map, &[]) else {
                prop_assert!(map.values().any(|value| !value.3.is_finite()));
                return Ok(());
            };
            prop_assert_eq!(decode::<BTreeMap<_, _>>(&bytes, Vec::new()).unwrap(), map);
            for end in 0..bytes.len() {
                prop_assert!(check(&bytes[..end]).is_err());
            }
        }
    }
}
