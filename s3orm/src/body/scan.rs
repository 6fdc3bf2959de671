//! What is checked of JSON before serde reads it: how deep it goes, members that stand twice, and
//! numbers that a reader may round.
//!
//! It goes over the bytes once and judges nothing else: whether they are JSON, serde finds out.

use std::borrow::Cow;
use std::collections::BTreeMap;

use memchr::memchr2;
use serde_json::value::RawValue;

use super::{BodyError, MAX_DEPTH};

/// An integer beyond 64 bits that is no float's, either: only a type of its size reads it exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Large {
    /// The row's member that it stands in.
    column: String,
    digits: String,
}

/// Checks a row's JSON; the numbers in it that a reader may round.
///
/// # Errors
/// More than [`MAX_DEPTH`] levels, an object that has a member twice, a byte order mark.
pub(crate) fn check(json: &[u8]) -> Result<Vec<Large>, BodyError> {
    if json.starts_with("\u{feff}".as_bytes()) {
        return Err(BodyError::new(
            "the object begins with a byte order mark, which JSON does not",
        ));
    }
    let mut scan = Scan {
        json,
        at: 0,
        // Most rows fit, and are gone over without growing small lists again and again.
        open: Vec::with_capacity(8),
        names: Vec::with_capacity(16),
        large: Vec::new(),
    };
    while let Some(byte) = json.get(scan.at) {
        match byte {
            b'"' => scan.string(),
            b'{' | b'[' => scan.open(*byte == b'{')?,
            b'}' | b']' => scan.close()?,
            b'-' | b'0'..=b'9' => scan.number(),
            other => {
                if *other == b','
                    && let Some(open) = scan.open.last_mut()
                {
                    open.wants_name = open.is_object;
                }
                scan.at += 1;
            }
        }
    }
    Ok(scan.large)
}

/// Whether a row, written anew as `again`, still has the large numbers that were read.
///
/// # Errors
/// It has not: its column has a type that rounds them.
pub(crate) fn check_exact(read: &[Large], again: &[u8]) -> Result<(), BodyError> {
    let kept = check(again)?;
    let members: BTreeMap<String, &RawValue> = serde_json::from_slice(again)
        .map_err(|error| BodyError::new("the row is no JSON object").with_source(error))?;
    for large in read {
        if members.contains_key(&*large.column) && !kept.contains(large) {
            let Large { column, digits } = large;
            return Err(BodyError::new(format!(
                "column `{column}` would round the number {digits}"
            ))
            .with_help("give it a type that holds it, such as `u128`, or store it as a text"));
        }
    }
    Ok(())
}

/// An object or array that is not closed yet.
struct Open {
    is_object: bool,
    /// Whether the next text is a member's name.
    wants_name: bool,
    /// The number of its first name.
    first: usize,
}

struct Scan<'a> {
    json: &'a [u8],
    at: usize,
    open: Vec<Open>,
    /// The names of the members so far, of all objects that are open.
    names: Vec<Cow<'a, [u8]>>,
    large: Vec<Large>,
}

impl Scan<'_> {
    fn open(&mut self, is_object: bool) -> Result<(), BodyError> {
        if self.open.len() == MAX_DEPTH {
            return Err(BodyError::too_deep());
        }
        self.open.push(Open {
            is_object,
            wants_name: is_object,
            first: self.names.len(),
        });
        self.at += 1;
        Ok(())
    }

    fn close(&mut self) -> Result<(), BodyError> {
        self.at += 1;
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let twice = twice(&mut self.names[open.first..]);
        if let Some(name) = twice {
            return Err(BodyError::twice(&String::from_utf8_lossy(name)));
        }
        self.names.truncate(open.first);
        Ok(())
    }

    fn string(&mut self) {
        const SHORT: usize = 16;
        let (start, mut escaped) = (self.at, false);
        self.at += 1;
        while let Some(byte) = self.json.get(self.at) {
            self.at += 1;
            match byte {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    self.at += 1;
                }
                // Short texts end before a search has begun; long ones it steps over much faster.
                _ if self.at - start > SHORT => {
                    let rest = &self.json[self.at..];
                    self.at += memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                }
                _ => {}
            }
        }
        let end = self.at.min(self.json.len());
        let Some(open) = self.open.last_mut().filter(|open| open.wants_name) else {
            return;
        };
        open.wants_name = false;
        let quoted = &self.json[start..end];
        let unescaped = escaped
            .then(|| serde_json::from_slice::<String>(quoted).ok())
            .flatten();
        self.names.push(match unescaped {
            Some(name) => Cow::Owned(name.into_bytes()),
            None => Cow::Borrowed(quoted.get(1..quoted.len() - 1).unwrap_or(&[])),
        });
    }

    fn number(&mut self) {
        let rest = &self.json[self.at..];
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let length = rest.iter().take_while(|byte| is_part(byte)).count();
        self.at += length;
        let Ok(digits) = std::str::from_utf8(&rest[..length]) else {
            return;
        };
        let is_integer = digits.bytes().skip(1).all(|byte| byte.is_ascii_digit());
        // Shorter ones fit.
        if length < 19 || !is_integer || is_exact(digits) {
            return;
        }
        let nested = self.open.get(1).map_or(self.names.len(), |open| open.first);
        let column = nested.checked_sub(1).map(|last| &self.names[last]);
        let column = column.map_or(Cow::Borrowed(""), |name| String::from_utf8_lossy(name));
        self.large.push(Large {
            column: column.into_owned(),
            digits: digits.to_owned(),
        });
    }
}

/// Whether every reader has the number as it is written: it fits 64 bits, or it is a float's own.
fn is_exact(digits: &str) -> bool {
    /// No float has more.
    const LONGEST: usize = 310;
    let is_float = |float: f64| {
        float.is_finite() && (format!("{float}") == digits || format!("{float:.0}") == digits)
    };
    digits.parse::<u64>().is_ok()
        || digits.parse::<i64>().is_ok()
        || (digits.len() <= LONGEST && digits.parse().is_ok_and(is_float))
}

/// A name that is there twice.
fn twice<'n>(names: &'n mut [Cow<'_, [u8]>]) -> Option<&'n [u8]> {
    /// Few names are compared each with each.
    const FEW: usize = 8;
    if names.len() > FEW {
        names.sort_unstable();
        let pair = names.windows(2).find(|pair| pair[0] == pair[1])?;
        return Some(&pair[0]);
    }
    let again = (1..names.len()).find(|at| names[..*at].contains(&names[*at]))?;
    Some(&names[again])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(json: &str) -> Option<String> {
        check(json.as_bytes()).err().map(|error| error.to_string())
    }

    #[test]
    fn members_that_stand_twice() {
        let many: Vec<_> = (0..20).map(|n| format!(r#""m{n}":{n}"#)).collect();
        let many = many.join(",");
        for sound in [
            r#"{"a":{"a":1},"b":[{"a":1},{"a":2}],"c":"a"}"#,
            r#"{"a":"\"a\":1,","b":"a"}"#,
            r#"{"a":1,"A":2,"":3,"\\":4,"\"":5}"#,
            r#"{"a":"a long text with \"a\":1, and a long end of it","b":"another long text\\","c":1}"#,
            &format!("{{{many}}}"),
        ] {
            assert_eq!(refusal(sound), None, "{sound}");
        }
        for wrong in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"b":{"x":1,"y":[],"x":2}}"#,
            r#"[{"a":1,"b":{"c":[{}]},"a":1}]"#,
            r#"{"":1,"":2}"#,
            r#"{"a":"a long text that ends in a backslash\\","a":1}"#,
            r#"{"a name of more than sixteen bytes":1,"a name of more than \u0073ixteen bytes":2}"#,
            &format!("{{{many},\"m7\":0}}"),
        ] {
            let refusal = refusal(wrong);
            assert!(
                refusal.is_some_and(|text| text.contains("twice")),
                "{wrong}"
            );
        }
    }

    #[test]
    fn depth() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(refusal(&nested(MAX_DEPTH)), None);
        assert!(refusal(&nested(MAX_DEPTH + 1)).is_some());
        assert!(refusal(&"[".repeat(1 << 20)).is_some());
        assert_eq!(refusal(&"]".repeat(100)), None, "serde's to refuse");
    }

    #[test]
    fn numbers_that_a_reader_may_round() {
        for exact in [
            "18446744073709551615",
            "-9223372036854775808",
            // 2^64 and 1e20, as JavaScript writes them.
            "18446744073709552000",
            "100000000000000000000",
            "0.12345678901234567890123",
            "1e400",
        ] {
            let found = check(format!(r#"{{"a":{exact}}}"#).as_bytes()).unwrap();
            assert_eq!(found, [], "{exact}");
        }
        let text = r#"{"a":1,"b":[{"c":18446744073709551617}],"d":-9223372036854775809}"#;
        let found = check(text.as_bytes()).unwrap();
        let columns: Vec<_> = found.iter().map(|large| &*large.column).collect();
        assert_eq!(columns, ["b", "d"]);
        check_exact(&found, text.as_bytes()).unwrap();
        check_exact(&found, b"{}").unwrap();
        let rounded = br#"{"b":[{"c":18446744073709552000.0}],"d":1}"#;
        let refusal = check_exact(&found, rounded).unwrap_err().to_string();
        assert!(
            refusal.contains("`b`") && refusal.contains("551617"),
            "{refusal}"
        );
    }

    proptest::proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            let _ = check(&bytes);
        }

        #[test]
        fn any_text_like_json(text in r#"[\[\]{}:,"\\a0-9 -]{0,40}"#) {
            let passed = check(text.as_bytes());
            // What serde reads as a map without a loss passes, and nothing else of it.
            if let Ok(value) = serde_json::from_str::<serde_json::Value>(&text)
                && let Ok(members) = serde_json::from_str::<Pairs>(&text)
            {
                let whole = value.as_object().map_or(0, serde_json::Map::len) == members.0;
                assert!(whole || passed.is_err(), "{text}");
            }
        }
    }

    /// How many members an object has, those twice that stand twice.
    struct Pairs(usize);

    impl<'de> serde::Deserialize<'de> for Pairs {
        fn deserialize<D: serde::Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
            struct Count;
            impl<'de> serde::de::Visitor<'de> for Count {
                type Value = Pairs;

                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }

                fn visit_map<A: serde::de::MapAccess<'de>>(
                    self,
                    mut map: A,
                ) -> Result<Pairs, A::Error> {
                    let mut count = 0;
                    while map.next_entry::<String, serde::de::IgnoredAny>()?.is_some() {
                        count += 1;
                    }
                    Ok(Pairs(count))
                }
            }
            json.deserialize_map(Count)
        }
    }
}
