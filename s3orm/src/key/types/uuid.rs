//! UUIDs: lower-case, hyphenated.

use uuid::Uuid;
use uuid::fmt::Hyphenated;

use super::super::column::{ColumnError, DescColumn, KeyColumn, OrderedColumn, SortedColumn};

#[diagnostic::do_not_recommend]
impl KeyColumn for Uuid {
    const DIGITS: &'static str = "0123456789abcdef";
    const PREFIX_FREE: bool = true;

    #[inline]
    fn write(&self, out: &mut String) -> Result<(), ColumnError> {
        out.push_str(self.hyphenated().encode_lower(&mut [0; Hyphenated::LENGTH]));
        Ok(())
    }

    fn parse(text: &str) -> Result<Self, ColumnError> {
        let canonical =
            |id: &Self| id.hyphenated().encode_lower(&mut [0; Hyphenated::LENGTH]) == text;
        let id = Self::try_parse(text).ok().filter(canonical);
        id.ok_or_else(|| ColumnError::not(text, "a UUID in lower case with hyphens"))
    }
}

#[diagnostic::do_not_recommend]
impl OrderedColumn for Uuid {}
#[diagnostic::do_not_recommend]
impl SortedColumn for Uuid {}
#[diagnostic::do_not_recommend]
impl DescColumn for Uuid {}

#[cfg(test)]
mod tests {
    use super::super::tests::{frozen, refused};
    use super::*;

    #[test]
    fn uuids() {
        let text = "018f4e4a-7b1c-7def-8123-456789abcdef";
        let id = Uuid::from_u128(0x018f_4e4a_7b1c_7def_8123_4567_89ab_cdef);
        frozen(&id, text, text);
        let (upper, simple) = (text.to_uppercase(), text.replace('-', ""));
        let (braced, urn) = (format!("{{{text}}}"), format!("urn:uuid:{text}"));
        refused::<Uuid>(&["", &upper, &simple, &braced, &urn, &text[1..]]);
    }
}
