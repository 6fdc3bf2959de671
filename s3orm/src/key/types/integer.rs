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
    match text.as_bytes() {
        [b'0'] => true,
        [b'1'..=b'9', ..] | [b'-', b'1'..=b'9', ..] => true,
        _ => false,
    }
}
