//! The escape that keeps a value inside its segment.
//!
//! `A-Z a-z 0-9 - _ .` stand for themselves; every other byte of the UTF-8 text, and a `.` that is
//! the first or the last byte, is written `!hh` (two lower-case hex digits); the empty text is
//! `!_`. So an escaped value is ASCII, never empty, `.` or `..`, holds no `/`, and is the only
//! spelling of its text. `!n` is reserved for a missing value.

use std::borrow::Cow;

use super::column::ColumnError;

const EMPTY: &str = "!_";
const HEX: &[u8; 16] = b"0123456789abcdef";

/// Whether a byte stands for itself (a `.` does not at either end).
const LITERAL: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        byte += 1;
    }
    table
};

/// Escapes what `out` holds from `start` on. Most values need no change and are not copied.
#[inline]
pub(crate) fn escape_from(out: &mut String, start: usize) {
    if !is_literal(&out.as_bytes()[start..]) {
        let text = out.split_off(start);
        escape(&text, out);
    }
}

#[inline]
fn is_literal(text: &[u8]) -> bool {
    match (text.first(), text.last()) {
        (Some(b'.') | None, _) | (_, Some(b'.')) => false,
        _ => text.iter().all(|&byte| LITERAL[usize::from(byte)]),
    }
}

#[cold]
fn escape(text: &str, out: &mut String) {
    if text.is_empty() {
        out.push_str(EMPTY);
        return;
    }
    out.reserve(text.len() + 8);
    for (at, &byte) in text.as_bytes().iter().enumerate() {
        if stands_for_itself(byte, at, text.len()) {
            out.push(char::from(byte));
        } else {
            out.push('!');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

fn stands_for_itself(byte: u8, at: usize, len: usize) -> bool {
    LITERAL[usize::from(byte)] && !(byte == b'.' && (at == 0 || at + 1 == len))
}

/// The text of an escaped value.
///
/// # Errors
/// [`escape_from`] writes no text this way.
pub(crate) fn unescape(escaped: &str) -> Result<Cow<'_, str>, ColumnError> {
    if is_literal(escaped.as_bytes()) {
        return Ok(Cow::Borrowed(escaped));
    }
    if escaped == EMPTY {
        return Ok(Cow::Borrowed(""));
    }
    let text = decode(escaped).filter(|text| {
        let mut again = String::with_capacity(escaped.len());
        escape(text, &mut again);
        again == escaped
    });
    text.map(Cow::Owned).ok_or_else(|| {
        ColumnError::not(
            escaped,
            "an escaped value: A-Z a-z 0-9 - _ . and `!hh` for other bytes, nothing escaped without need",
        )
    })
}

/// Replaces `!hh`, leaves the rest as it is.
fn decode(escaped: &str) -> Option<String> {
    let mut text = Vec::with_capacity(escaped.len());
    let mut bytes = escaped.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'!' {
            let (high, low) = (hex_digit(bytes.next()?)?, hex_digit(bytes.next()?)?);
            text.push(high << 4 | low);
        } else {
            text.push(byte);
        }
    }
    String::from_utf8(text).ok()
}

fn hex_digit(digit: u8) -> Option<u8> {
    HEX.iter()
        .zip(0..)
        .find_map(|(&hex, value)| (hex == digit).then_some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        let mut out = format!("x/{text}");
        escape_from(&mut out, 2);
        out.split_off(2)
    }

    #[test]
    fn the_texts_on_the_bucket() {
        let frozen = [
            ("", "!_"),
            ("Az09-_.x", "Az09-_.x"),
            (".", "!2e"),
            ("..", "!2e!2e"),
            ("...", "!2e.!2e"),
            ("a/b", "a!2fb"),
            ("../../etc/passwd", "!2e.!2f..!2fetc!2fpasswd"),
            ("a b%c<d>\\", "a!20b!25c!3cd!3e!5c"),
            ("!", "!21"),
            ("!_", "!21_"),
            ("!n", "!21n"),
            ("ñ😀\0\u{7f}", "!c3!b1!f0!9f!98!80!00!7f"),
            ("n\u{303}", "n!cc!83"),
        ];
        for (text, expected) in frozen {
            assert_eq!(escaped(text), expected);
            assert_eq!(unescape(expected).as_deref(), Ok(text));
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in [
            "", ".", "..", ".a", "a.", "!", "!2", "!n", "!__", "a!_", "!41", "!2E", "!2d", "a!2eb",
            "!zz", "!c3", "!ff", "a b", "a/b", "ñ", "!+1", "!é9",
        ] {
            assert!(unescape(text).is_err(), "{text}");
        }
    }
}
