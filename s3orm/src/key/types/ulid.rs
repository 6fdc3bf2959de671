//! ULIDs: 26 upper-case digits of Crockford's base 32.

use ulid::{ULID_LEN, Ulid};

use super::super::column::{ColumnError, DescColumn, KeyColumn, OrderedColumn, SortedColumn};

#[diagnostic::do_not_recommend]
impl KeyColumn for Ulid {
    const DIGITS: &'static str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    const PREFIX_FREE: bool = true;

    #[inline]
    fn write(&self, out: &mut String) -> Result<(), ColumnError> {
        out.push_str(self.array_to_str(&mut [0; ULID_LEN]));
        Ok(())
    }

    fn parse(text: &str) -> Result<Self, ColumnError> {
        let canonical = |id: &Self| id.array_to_str(&mut [0; ULID_LEN]) == text;
        let id = Self::from_string(text).ok().filter(canonical);
        id.ok_or_else(|| {
            ColumnError::not(text, "a ULID: 26 upper-case digits of Crockford's base 32")
        })
    }
}

#[diagnostic::do_not_recommend]
impl OrderedColumn for Ulid {}
#[diagnostic::do_not_recommend]
impl SortedColumn for Ulid {}
#[diagnostic::do_not_recommend]
impl DescColumn for Ulid {}

#[cfg(test)]
mod tests {
    use super::super::tests::{frozen, refused};
    use super::*;

    #[test]
    fn ulids() {
        let text = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
        frozen(&Ulid::from_string(text).unwrap(), text, text);
        let max = "7ZZZZZZZZZZZZZZZZZZZZZZZZZ";
        frozen(&Ulid::max(), max, max);
        let (lower, letter_o) = (text.to_lowercase(), text.replace('0', "O"));
        refused::<Ulid>(&[
            "",
            &lower,
            &letter_o,
            &text[1..],
            "80000000000000000000000000",
        ]);
    }
}
