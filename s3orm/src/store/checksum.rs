//! CRC-64/NVME: the checksum that S3 keeps of every object, and of its parts.
//!
//! Those of parts add up to the whole object's, so an object that is uploaded in parts has the
//! checksum that it has in one piece, whoever computed which part in which order.

use std::fmt;
use std::str::FromStr;

/// The CRC-64/NVME of an object's bytes, or of a part's. `Display` writes it as S3 does, in base64,
/// and `FromStr` reads that.
///
/// ```
/// use s3orm::store::Checksum;
///
/// let (first, second) = (Checksum::of(b"1234"), Checksum::of(b"56789"));
/// assert_eq!(first.followed_by(second, 5), Checksum::of(b"123456789"));
/// assert_eq!(Checksum::of(b"123456789").to_string(), "rosUhgp5mIg=");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Checksum(u64);

/// The polynomial, its highest power in the lowest bit.
const POLYNOMIAL: u64 = 0x9a6c_9329_ac4b_c9b5;
/// Bytes that are looked up at once.
const STEP: usize = 16;
/// `TABLES[n][byte]` is the remainder of the byte with `n` bytes of zeros after it.
static TABLES: [[u64; 256]; STEP] = tables();

#[expect(clippy::large_stack_arrays, reason = "it is on the compiler's stack")]
const fn tables() -> [[u64; 256]; STEP] {
    let mut tables = [[0; 256]; STEP];
    let mut byte = 0;
    while byte < 256 {
        let mut remainder = byte as u64;
        let mut bit = 0;
        while bit < 8 {
            remainder = times_x(remainder);
            bit += 1;
        }
        tables[0][byte] = remainder;
        byte += 1;
    }
    let mut zeros = 1;
    while zeros < STEP {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[zeros - 1][byte];
            tables[zeros][byte] = (before >> 8) ^ tables[0][(before & 0xff) as usize];
            byte += 1;
        }
        zeros += 1;
    }
    tables
}

const fn times_x(remainder: u64) -> u64 {
    (remainder >> 1) ^ if remainder & 1 == 1 { POLYNOMIAL } else { 0 }
}

impl Checksum {
    /// Of no bytes.
    pub const EMPTY: Self = Self(0);

    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self::EMPTY.then(bytes)
    }

    /// Of the bytes so far and then these.
    #[must_use]
    pub fn then(self, bytes: &[u8]) -> Self {
        let mut remainder = !self.0;
        let (steps, rest) = bytes.as_chunks::<STEP>();
        for step in steps {
            remainder = after_step(remainder, step);
        }
        for byte in rest {
            let [low, ..] = remainder.to_le_bytes();
            remainder = (remainder >> 8) ^ TABLES[0][usize::from(low ^ byte)];
        }
        Self(!remainder)
    }

    /// Of the bytes so far and then `length` others, whose checksum is `next`.
    #[must_use]
    pub fn followed_by(self, next: Self, length: u64) -> Self {
        Self(multiply(self.0, power_of_x(u128::from(length) * 8)) ^ next.0)
    }
}

/// The remainder after 16 bytes: the first eight meet the remainder before. Written out, for this
/// is what a large upload spends its time in, also where nothing is optimised.
#[expect(
    clippy::many_single_char_names,
    reason = "sixteen bytes are no sixteen things"
)]
fn after_step(remainder: u64, step: &[u8; STEP]) -> u64 {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *step;
    let first = remainder ^ u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    let [a, b, c, d, e, f, g, h] = first.to_le_bytes();
    let at = |zeros: usize, byte: u8| TABLES[zeros][byte as usize];
    let first = at(15, a) ^ at(14, b) ^ at(13, c) ^ at(12, d);
    let second = at(11, e) ^ at(10, f) ^ at(9, g) ^ at(8, h);
    let third = at(7, i) ^ at(6, j) ^ at(5, k) ^ at(4, l);
    let fourth = at(3, m) ^ at(2, n) ^ at(1, o) ^ at(0, p);
    first ^ second ^ third ^ fourth
}

/// The product of two polynomials, modulo ours.
fn multiply(a: u64, mut b: u64) -> u64 {
    let mut product = 0;
    for power in 0..64 {
        if a & (1 << (63 - power)) != 0 {
            product ^= b;
        }
        b = times_x(b);
    }
    product
}

/// `x` to this power, modulo our polynomial.
fn power_of_x(mut power: u128) -> u64 {
    let (mut result, mut square) = (1 << 63, 1 << 62);
    while power > 0 {
        if power & 1 == 1 {
            result = multiply(result, square);
        }
        square = multiply(square, square);
        power >>= 1;
    }
    result
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Digits of eight bytes, before the `=`; the last has two bits that are zero.
const LENGTH: u32 = 11;

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = u128::from(self.0) << 2;
        for place in (0..LENGTH).rev() {
            let [digit, ..] = (bits >> (6 * place)).to_le_bytes();
            write!(f, "{}", char::from(DIGITS[usize::from(digit & 63)]))?;
        }
        f.write_str("=")
    }
}

/// A text that is no checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoChecksum;

impl fmt::Display for NoChecksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the eight bytes of a CRC-64 in base64")
    }
}

impl std::error::Error for NoChecksum {}

impl FromStr for Checksum {
    type Err = NoChecksum;

    fn from_str(text: &str) -> Result<Self, NoChecksum> {
        let digits = text.strip_suffix('=').ok_or(NoChecksum)?.as_bytes();
        if digits.len() != LENGTH as usize {
            return Err(NoChecksum);
        }
        let mut bits = 0_u128;
        for digit in digits {
            let value = DIGITS.iter().position(|known| known == digit);
            bits = bits << 6 | value.ok_or(NoChecksum)? as u128;
        }
        if bits & 3 != 0 {
            return Err(NoChecksum);
        }
        u64::try_from(bits >> 2).map(Self).map_err(|_| NoChecksum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bit at a time, as the definition has it.
    fn slowly(bytes: &[u8]) -> Checksum {
        let mut remainder = u64::MAX;
        for byte in bytes {
            remainder ^= u64::from(*byte);
            for _ in 0..8 {
                remainder = times_x(remainder);
            }
        }
        Checksum(!remainder)
    }

    #[test]
    fn the_catalogue_of_checksums_agrees() {
        assert_eq!(Checksum::of(b"123456789").0, 0xae8b_1486_0a79_9888);
        assert_eq!(Checksum::of(b""), Checksum::EMPTY);
        // The vectors of the NVM Express specification.
        assert_eq!(Checksum::of(&[0; 4096]).0, 0x6482_d367_eb22_b64e);
        assert_eq!(Checksum::of(&[0xff; 4096]).0, 0xc0dd_ba73_02ec_a3ac);
    }

    #[test]
    fn texts_come_back_and_others_are_refused() {
        for value in [0, 1, u64::MAX, 0xae8b_1486_0a79_9888] {
            let text = Checksum(value).to_string();
            assert_eq!(text.parse(), Ok(Checksum(value)), "{text}");
        }
        for text in [
            "",
            "=",
            "rosUhgp5mIg",
            "rosUhgp5mIh=",
            "rosUhgp5mI==",
            "rosUhgp5m-g=",
        ] {
            assert_eq!(text.parse::<Checksum>(), Err(NoChecksum), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn however_the_bytes_are_cut(
            bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
            cut in 0_usize..200,
        ) {
            let whole = slowly(&bytes);
            proptest::prop_assert_eq!(Checksum::of(&bytes), whole);
            let (first, second) = bytes.split_at(cut.min(bytes.len()));
            proptest::prop_assert_eq!(Checksum::of(first).then(second), whole);
            let joined = Checksum::of(first).followed_by(Checksum::of(second), second.len() as u64);
            proptest::prop_assert_eq!(joined, whole);
        }
    }
}
