//! Integers. Plain: canonical decimal (`0`, `42`, `-7`). Ordered: zero-padded to 20 digits (39 for
//! 128 bits), signed ones moved up by half the range so that negative numbers sort first.
//!
//! `usize` and `isize` are left out: a key must not depend on the machine that wrote it.

use super::super::column::{ColumnError, DescColumn, KeyColumn, OrderedColumn};
use super::super::digits;

/// The four types that the others widen to.
trait Wide: Sized {
    /// Digits of the ordered text.
    const WIDTH: usize;

    fn push_plain(self, out: &mut String);
    fn push_ordered(self, out: &mut String);
    /// The number of an ordered text, which is digits alone and of the right width.
    fn from_ordered(text: &str) -> Option<Self>;
}

impl Wide for u64 {
    const WIDTH: usize = 20;

    #[inline]
    fn push_plain(self, out: &mut String) {
        digits::push_u64(out, self);
    }

    #[inline]
    fn push_ordered(self, out: &mut String) {
        digits::push_padded(out, self, Self::WIDTH);
    }

    fn from_ordered(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Wide for u128 {
    const WIDTH: usize = 39;

    fn push_plain(self, out: &mut String) {
        digits::push_u128(out, self);
    }

    fn push_ordered(self, out: &mut String) {
        digits::push_u128_padded(out, self);
    }

    fn from_ordered(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

macro_rules! signed {
    ($type:ident as $unsigned:ident) => {
        impl Wide for $type {
            const WIDTH: usize = $unsigned::WIDTH;

            #[inline]
            fn push_plain(self, out: &mut String) {
                if self < 0 {
                    out.push('-');
                }
                self.unsigned_abs().push_plain(out);
            }

            #[inline]
            fn push_ordered(self, out: &mut String) {
                (self.cast_unsigned() ^ $type::MIN.cast_unsigned()).push_ordered(out);
            }

            fn from_ordered(text: &str) -> Option<Self> {
                let moved = $unsigned::from_ordered(text)?;
                Some(moved.cast_signed() ^ $type::MIN)
            }
        }
    };
}

signed!(i64 as u64);
signed!(i128 as u128);

macro_rules! integer {
    ($($type:ident as $wide:ident),+) => {$(
        #[diagnostic::do_not_recommend]
        impl KeyColumn for $type {
            const PREFIX_FREE: bool = true;

            #[inline]
            fn write(&self, out: &mut String) -> Result<(), ColumnError> {
                $wide::from(*self).push_plain(out);
                Ok(())
            }

            fn parse(text: &str) -> Result<Self, ColumnError> {
                let number = is_canonical(text).then(|| text.parse().ok()).flatten();
                number.ok_or_else(|| ColumnError::not(text, concat!("a whole number (`", stringify!($type), "`)")))
            }

            #[inline]
            fn write_ordered(&self, out: &mut String) -> Result<(), ColumnError> {
                $wide::from(*self).push_ordered(out);
                Ok(())
            }

            fn parse_ordered(text: &str) -> Result<Self, ColumnError> {
                let digits = text.len() == $wide::WIDTH && text.bytes().all(|byte| byte.is_ascii_digit());
                let wide = digits.then(|| $wide::from_ordered(text)).flatten();
                wide.and_then(|wide| Self::try_from(wide).ok()).ok_or_else(|| {
                    ColumnError::not(text, concat!("an ordered whole number (`", stringify!($type), "`)"))
                })
            }
        }

        #[diagnostic::do_not_recommend]
        impl OrderedColumn for $type {}
        #[diagnostic::do_not_recommend]
        impl DescColumn for $type {}
    )+};
}

integer!(u8 as u64, u16 as u64, u32 as u64, u64 as u64, u128 as u128);
integer!(i8 as i64, i16 as i64, i32 as i64, i64 as i64, i128 as i128);

/// Canonical decimal: no `+`, no zero before other digits, no `-0`.
fn is_canonical(text: &str) -> bool {
    matches!(
        text.as_bytes(),
        [b'0'] | [b'1'..=b'9', ..] | [b'-', b'1'..=b'9', ..]
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::{frozen, refused};
    use super::*;

    #[test]
    fn integers() {
        frozen(&0_u8, "0", "00000000000000000000");
        frozen(&255_u8, "255", "00000000000000000255");
        frozen(&u64::MAX, "18446744073709551615", "18446744073709551615");
        frozen(&0_i8, "0", "09223372036854775808");
        frozen(&-1_i16, "-1", "09223372036854775807");
        frozen(&i8::MIN, "-128", "09223372036854775680");
        frozen(&i32::MAX, "2147483647", "09223372039002259455");
        frozen(&i64::MIN, "-9223372036854775808", "00000000000000000000");
        frozen(&i64::MAX, "9223372036854775807", "18446744073709551615");
        frozen(
            &u128::MAX,
            "340282366920938463463374607431768211455",
            "340282366920938463463374607431768211455",
        );
        frozen(&-1_i128, "-1", "170141183460469231731687303715884105727");
        frozen(
            &i128::MIN,
            "-170141183460469231731687303715884105728",
            "000000000000000000000000000000000000000",
        );
    }

    #[test]
    fn other_spellings_are_refused() {
        let odd = [
            "", "+1", "01", "00", "-0", "-", "--1", " 1", "1 ", "1.0", "1e3", "٣", "0x1",
        ];
        refused::<u64>(&odd);
        refused::<i64>(&odd);
        refused::<i128>(&odd);
        refused::<u8>(&["256", "-1", "00000000000000000256", "+0000000000000000255"]);
        refused::<i8>(&[
            "128",
            "-129",
            "09223372036854775936",
            "00000000000000000000",
        ]);
        assert!(u64::parse_ordered("99999999999999999999").is_err());
        assert!(u128::parse_ordered(&"9".repeat(39)).is_err());
        assert!(u64::parse_ordered("0000000000000000001").is_err());
    }

    #[test]
    fn the_message_names_text_and_type() {
        let error = u8::parse("007").unwrap_err();
        assert_eq!(error.to_string(), "`007` is not a whole number (`u8`)");
    }
}
