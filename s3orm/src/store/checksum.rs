//! CRC-64/NVME: the checksum that S3 keeps of every object, and of its parts.
//!
//! Those of parts add up to the whole object's, so an object that is uploaded in parts has the
//! checksum that it has in one piece, whoever computed which part in which order.

use std::fmt;
use std::str::FromStr;

use crc_fast::{CrcAlgorithm, checksum, checksum_combine};

const ALGORITHM: CrcAlgorithm = CrcAlgorithm::Crc64Nvme;

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

impl Checksum {
    /// Of no bytes.
    pub const EMPTY: Self = Self(0);

    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(checksum(ALGORITHM, bytes))
    }

    /// Of the bytes so far and then these.
    #[must_use]
    pub fn then(self, bytes: &[u8]) -> Self {
        self.followed_by(Self(checksum(ALGORITHM, bytes)), bytes.len() as u64)
    }

    /// Of the bytes so far and then `length` others, whose checksum is `next`.
    #[must_use]
    pub fn followed_by(self, next: Self, length: u64) -> Self {
        Self(checksum_combine(ALGORITHM, self.0, next.0, length))
    }
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

    /// The polynomial, its highest power in the lowest bit.
    const POLYNOMIAL: u64 = 0x9a6c_9329_ac4b_c9b5;

    /// A bit at a time, as the definition has it.
    fn slowly(bytes: &[u8]) -> Checksum {
        let mut remainder = u64::MAX;
        for byte in bytes {
            remainder ^= u64::from(*byte);
            for _ in 0..8 {
                let carry = if remainder & 1 == 1 { POLYNOMIAL } else { 0 };
                remainder = (remainder >> 1) ^ carry;
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
