//! The texts of dates and timestamps, whichever crate's they are.
//!
//! A date is `YYYY-MM-DD`, a date with a time `YYYYMMDDTHHMMSS.fffffffff`, followed by `Z` where it
//! is a point in time. Always nine digits of a second: clocks give nanoseconds, and two times must
//! not share a key. Years 0 to 9999: others would sort wrong.

use super::super::column::ColumnError;
use super::super::digits::{parse, push_ascii, put};

pub(super) struct Date {
    pub(super) year: i32,
    pub(super) month: u32,
    pub(super) day: u32,
}

pub(super) struct Time {
    pub(super) hour: u32,
    pub(super) minute: u32,
    pub(super) second: u32,
    /// From 10^9 on within a leap second.
    pub(super) nanosecond: u32,
}

#[inline]
pub(super) fn write_date(date: &Date, out: &mut String) -> Result<(), ColumnError> {
    let mut text = *b"YYYY-MM-DD";
    put(&mut text[..4], year(date)?);
    put(&mut text[5..7], date.month);
    put(&mut text[8..], date.day);
    push_ascii(out, &text);
    Ok(())
}

pub(super) fn write_date_time(
    (date, time): &(Date, Time),
    suffix: &str,
    out: &mut String,
) -> Result<(), ColumnError> {
    if time.nanosecond >= 1_000_000_000 {
        return Err(ColumnError::new(
            "a leap second has no key text: use the second before or after",
        ));
    }
    let mut text = *b"YYYYMMDDTHHMMSS.fffffffff";
    put(&mut text[..4], year(date)?);
    put(&mut text[4..6], date.month);
    put(&mut text[6..8], date.day);
    put(&mut text[9..11], time.hour);
    put(&mut text[11..13], time.minute);
    put(&mut text[13..15], time.second);
    put(&mut text[16..], time.nanosecond);
    push_ascii(out, &text);
    out.push_str(suffix);
    Ok(())
}

fn year(date: &Date) -> Result<u32, ColumnError> {
    let year = u32::try_from(date.year).ok().filter(|&year| year <= 9999);
    year.ok_or_else(|| {
        let message = format!(
            "the year `{}` has no key text: only 0 to 9999 have",
            date.year
        );
        ColumnError::new(message)
    })
}

/// The date of a text, if there is such a day.
pub(super) fn parse_date<T>(
    text: &str,
    date: impl Fn(Date) -> Option<T>,
) -> Result<T, ColumnError> {
    let fields = || {
        let ("-", "-", 10) = (text.get(4..5)?, text.get(7..8)?, text.len()) else {
            return None;
        };
        Some(Date {
            year: parse(text.get(..4)?)?.try_into().ok()?,
            month: parse(text.get(5..7)?)?,
            day: parse(text.get(8..)?)?,
        })
    };
    let value = fields().and_then(date);
    value.ok_or_else(|| ColumnError::not(text, "a date of the form `YYYY-MM-DD`"))
}

/// The date and time of a text, if there is such a moment.
pub(super) fn parse_date_time<T>(
    text: &str,
    suffix: &str,
    date_time: impl Fn((Date, Time)) -> Option<T>,
) -> Result<T, ColumnError> {
    let fields = || {
        let text = text.strip_suffix(suffix)?;
        let ("T", ".", 25) = (text.get(8..9)?, text.get(15..16)?, text.len()) else {
            return None;
        };
        let date = Date {
            year: parse(text.get(..4)?)?.try_into().ok()?,
            month: parse(text.get(4..6)?)?,
            day: parse(text.get(6..8)?)?,
        };
        let time = Time {
            hour: parse(text.get(9..11)?)?,
            minute: parse(text.get(11..13)?)?,
            second: parse(text.get(13..15)?)?,
            nanosecond: parse(text.get(16..)?)?,
        };
        Some((date, time))
    };
    fields().and_then(date_time).ok_or_else(|| {
        ColumnError::not(
            text,
            &format!("a time of the form `YYYYMMDDTHHMMSS.fffffffff{suffix}`"),
        )
    })
}

/// Makes a type a key column by the functions above: `to` gives the fields of a value, `from` the
/// value of fields.
macro_rules! calendar_column {
    (date $type:ty, $to:expr, $from:expr) => {
        calendar_column!(@impl $type,
            |value, out| super::calendar::write_date(&$to(*value), out),
            |text| super::calendar::parse_date(text, $from));
    };
    (date_time $type:ty, $suffix:literal, $to:expr, $from:expr) => {
        calendar_column!(@impl $type,
            |value, out| super::calendar::write_date_time(&$to(*value), $suffix, out),
            |text| super::calendar::parse_date_time(text, $suffix, $from));
    };
    (@impl $type:ty, |$value:ident, $out:ident| $write:expr, |$text:ident| $parse:expr) => {
        #[diagnostic::do_not_recommend]
        impl KeyColumn for $type {
            const PREFIX_FREE: bool = true;

            #[inline]
            fn write(&self, $out: &mut String) -> Result<(), ColumnError> {
                let $value = self;
                $write
            }

            fn parse($text: &str) -> Result<Self, ColumnError> {
                $parse
            }
        }
        #[diagnostic::do_not_recommend]
        impl OrderedColumn for $type {}
        #[diagnostic::do_not_recommend]
        impl SortedColumn for $type {}
        #[diagnostic::do_not_recommend]
        impl DescColumn for $type {}
    };
}
pub(super) use calendar_column;
