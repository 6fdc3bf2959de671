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

/// The number of a text of digits alone.
#[inline]
pub(super) fn parse(text: &str) -> Option<u64> {
    text.bytes().try_fold(0_u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
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

#[inline]
fn push_ascii(out: &mut String, digits: &[u8]) {
    // Digits are UTF-8, so nothing is ever left out.
    out.push_str(std::str::from_utf8(digits).unwrap_or_default());
}
