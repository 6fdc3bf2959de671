//! Decimal digits, written without the cost of `core::fmt` and read strictly.

/// Digits of the widest `u64`.
const WIDTH: usize = 20;
/// The largest power of ten in a `u64`: 128-bit numbers are written in groups of its digits.
const GROUP: u128 = 10_u128.pow(19);

/// Appends a number's decimal digits.
#[inline]
pub(super) fn push_u64(out: &mut String, value: u64) {
    let mut buffer = [b'0'; WIDTH];
    let start = fill(&mut buffer, value).min(WIDTH - 1);
    push_ascii(out, &buffer[start..]);
}

/// Appends a number's decimal digits, with zeros before them up to `width` (at most 20).
#[inline]
pub(super) fn push_padded(out: &mut String, value: u64, width: usize) {
    let mut buffer = [b'0'; WIDTH];
    let start = fill(&mut buffer, value);
    push_ascii(out, &buffer[start.min(WIDTH - width)..]);
}

/// Appends a number's decimal digits.
pub(super) fn push_u128(out: &mut String, value: u128) {
    if let Ok(value) = u64::try_from(value) {
        return push_u64(out, value);
    }
    push_u128(out, value / GROUP);
    push_padded(out, low_group(value), 19);
}

/// Appends 39 decimal digits: the width of the largest `u128`.
pub(super) fn push_u128_padded(out: &mut String, value: u128) {
    push_padded(out, low_group(value / GROUP / GROUP), 1);
    push_padded(out, low_group(value / GROUP), 19);
    push_padded(out, low_group(value), 19);
}

/// Fills a buffer with a number's last digits, zeros before them.
#[cfg(any(feature = "chrono", feature = "jiff"))]
#[inline]
#[allow(clippy::cast_possible_truncation)] // a remainder of 10 fits
pub(super) fn put(buffer: &mut [u8], mut value: u32) {
    for digit in buffer.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

/// The number of a text of digits alone.
#[cfg(any(feature = "chrono", feature = "jiff"))]
pub(super) fn parse(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Appends ASCII bytes.
#[inline]
pub(super) fn push_ascii(out: &mut String, ascii: &[u8]) {
    // ASCII is UTF-8, so nothing is ever left out.
    out.push_str(std::str::from_utf8(ascii).unwrap_or_default());
}

#[allow(clippy::cast_possible_truncation)] // a remainder of 10^19 fits
fn low_group(value: u128) -> u64 {
    (value % GROUP) as u64
}

/// Writes the digits to the buffer's end, answers where they begin.
#[inline]
#[allow(clippy::cast_possible_truncation)] // a remainder of 10 fits
fn fill(buffer: &mut [u8; WIDTH], mut value: u64) -> usize {
    let mut at = WIDTH;
    while value > 0 {
        at -= 1;
        buffer[at] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(push: impl Fn(&mut String)) -> String {
        let mut out = String::new();
        push(&mut out);
        out
    }

    #[test]
    fn digits_are_those_of_the_standard_library() {
        let small = [0, 1, 9, 10, 99, 100, 12_345, u64::MAX - 1, u64::MAX];
        for value in small {
            assert_eq!(text(|out| push_u64(out, value)), value.to_string());
            assert_eq!(
                text(|out| push_padded(out, value, 20)),
                format!("{value:020}")
            );
        }
        let powers = (0..39).map(|power| 10_u128.pow(power));
        for value in powers
            .flat_map(|power| [power - 1, power, power + 1])
            .chain([u128::MAX])
        {
            assert_eq!(text(|out| push_u128(out, value)), value.to_string());
            assert_eq!(
                text(|out| push_u128_padded(out, value)),
                format!("{value:039}")
            );
        }
    }
}
