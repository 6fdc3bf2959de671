//! `bool`, `char` and `String`. Plain: themselves. Ordered: `0` and `1` for `bool`; for the others
//! lower-case base32hex without padding of the UTF-8, whose byte order is that of the text also
//! where the escape's is not.

use super::super::column::{
    ColumnError, DescColumn, KeyColumn, OrderedColumn, SortedColumn, TextColumn,
};

#[diagnostic::do_not_recommend]
impl KeyColumn for bool {
    const PREFIX_FREE: bool = true;

    #[inline]
    fn write(&self, out: &mut String) -> Result<(), ColumnError> {
        out.push_str(if *self { "true" } else { "false" });
        Ok(())
    }

    fn parse(text: &str) -> Result<Self, ColumnError> {
        match text {
            "false" => Ok(false),
            "true" => Ok(true),
            _ => Err(ColumnError::not(text, "`true` or `false`")),
        }
    }

    #[inline]
    fn write_ordered(&self, out: &mut String) -> Result<(), ColumnError> {
        out.push(if *self { '1' } else { '0' });
        Ok(())
    }

    fn parse_ordered(text: &str) -> Result<Self, ColumnError> {
        match text {
            "0" => Ok(false),
            "1" => Ok(true),
            _ => Err(ColumnError::not(text, "`0` or `1`")),
        }
    }
}

#[diagnostic::do_not_recommend]
impl OrderedColumn for bool {}
#[diagnostic::do_not_recommend]
impl SortedColumn for bool {}
#[diagnostic::do_not_recommend]
impl DescColumn for bool {}

#[diagnostic::do_not_recommend]
impl KeyColumn for char {
    #[inline]
    fn write(&self, out: &mut String) -> Result<(), ColumnError> {
        out.push(*self);
        Ok(())
    }

    fn parse(text: &str) -> Result<Self, ColumnError> {
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(char), None) => Ok(char),
            _ => Err(ColumnError::not(text, "one character")),
        }
    }

    fn write_ordered(&self, out: &mut String) -> Result<(), ColumnError> {
        push_base32(out, self.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    fn parse_ordered(text: &str) -> Result<Self, ColumnError> {
        Self::parse(&parse_base32(text)?)
    }
}

#[diagnostic::do_not_recommend]
impl OrderedColumn for char {}

#[diagnostic::do_not_recommend]
impl KeyColumn for String {
    #[inline]
    fn write(&self, out: &mut String) -> Result<(), ColumnError> {
        out.push_str(self);
        Ok(())
    }

    fn parse(text: &str) -> Result<Self, ColumnError> {
        Ok(text.to_owned())
    }

    fn write_ordered(&self, out: &mut String) -> Result<(), ColumnError> {
        push_base32(out, self);
        Ok(())
    }

    fn parse_ordered(text: &str) -> Result<Self, ColumnError> {
        parse_base32(text)
    }
}

#[diagnostic::do_not_recommend]
impl OrderedColumn for String {}
#[diagnostic::do_not_recommend]
impl TextColumn for String {}

const BASE32: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

fn push_base32(out: &mut String, text: &str) {
    for chunk in text.as_bytes().chunks(5) {
        let mut bytes = [0; 8];
        bytes[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(bytes);
        for digit in 0..(chunk.len() * 8).div_ceil(5) {
            out.push(char::from(BASE32[(bits >> (35 - 5 * digit) & 31) as usize]));
        }
    }
}

/// The text of base32hex digits, where encoding it again gives the same digits.
fn parse_base32(digits: &str) -> Result<String, ColumnError> {
    let not_ours = || ColumnError::not(digits, "an ordered text (lower-case base32hex of UTF-8)");
    let (mut bits, mut count) = (0_u32, 0);
    let mut bytes = Vec::with_capacity(digits.len() * 5 / 8);
    for digit in digits.bytes() {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'v' => digit - b'a' + 10,
            _ => return Err(not_ours()),
        };
        (bits, count) = (bits << 5 | u32::from(value), count + 5);
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
            bits &= (1 << count) - 1;
        }
    }
    // A whole digit left over, or bits that no byte set, would be a second spelling.
    if count >= 5 || bits != 0 {
        return Err(not_ours());
    }
    String::from_utf8(bytes).map_err(|_| not_ours())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{frozen, refused};
    use super::*;

    #[test]
    fn bools_and_chars() {
        frozen(&false, "false", "0");
        frozen(&true, "true", "1");
        refused::<bool>(&["", "True", "yes", "2", "00"]);
        frozen(&'a', "a", "c4");
        frozen(&'/', "/", "5s");
        frozen(&'\u{10ffff}', "\u{10ffff}", "ui7rvfo");
        refused::<char>(&["", "abc", "c4c4"]);
    }

    #[test]
    fn strings() {
        frozen(&String::new(), "", "");
        frozen(&"f".to_owned(), "f", "co");
        frozen(&"fo".to_owned(), "fo", "cpng");
        frozen(&"foo".to_owned(), "foo", "cpnmu");
        frozen(&"foob".to_owned(), "foob", "cpnmuog");
        frozen(&"fooba".to_owned(), "fooba", "cpnmuoj1");
        frozen(&"foobar".to_owned(), "foobar", "cpnmuoj1e8");
        frozen(&"ñ/😀".to_owned(), "ñ/😀", "oeoivs4vj200");
    }

    #[test]
    fn other_base32_is_refused() {
        // Upper case, a digit of no alphabet, padding, a digit too many, a bit too many, no UTF-8.
        for digits in ["CO", "cw", "co======", "co0", "c", "cp", "vs", "cpnmuoj10"] {
            assert!(String::parse_ordered(digits).is_err(), "{digits}");
        }
    }
}
