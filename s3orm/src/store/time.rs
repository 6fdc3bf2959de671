//! The timestamps that HTTP does not have: two of S3's, and one for people.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAY: u64 = 86_400;

/// Whole seconds since 1970; zero before.
pub(crate) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// `2013-05-24T00:00:00Z`. [`parse_listed`] reads it.
pub(crate) fn written(seconds: u64) -> String {
    let (year, month, day) = civil(seconds / DAY);
    let time = seconds % DAY;
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// `20130524T000000Z`, as signatures have it. The first eight characters are the date.
#[cfg(feature = "s3")]
pub(crate) fn compact(seconds: u64) -> String {
    written(seconds).replace(['-', ':'], "")
}

/// `2009-10-12T17:50:30.000Z`, as listings have it. `None` if it is anything else.
pub(crate) fn parse_listed(text: &str) -> Option<SystemTime> {
    let (time, fraction) = text.strip_suffix('Z')?.split_at_checked(19)?;
    let time = time.as_bytes();
    let marks = [time[4], time[7], time[10], time[13], time[16]];
    if marks != *b"--T::" {
        return None;
    }
    let fraction = match fraction {
        "" => "0",
        fraction => fraction.strip_prefix('.')?,
    };
    let (year, month, day) = (
        number(&time[..4])?,
        number(&time[5..7])?,
        number(&time[8..10])?,
    );
    let (hour, minute, second) = (
        number(&time[11..13])?,
        number(&time[14..16])?,
        number(&time[17..])?,
    );
    let valid = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 61;
    if !valid || fraction.len() > 9 {
        return None;
    }
    let scale = 10_u64.pow(9 - u32::try_from(fraction.len()).ok()?);
    let nanos = number(fraction.as_bytes())? * scale;
    let seconds = days(year, month, day) * DAY + hour * 3600 + minute * 60 + second;
    Some(UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_nanos(nanos))
}

/// The number of some decimal digits, which must not be more than a number holds.
fn number(digits: &[u8]) -> Option<u64> {
    let add = |number: u64, &digit: &u8| match digit {
        b'0'..=b'9' => Some(number * 10 + u64::from(digit - b'0')),
        _ => None,
    };
    let found = digits.iter().try_fold(0, add);
    found.filter(|_| !digits.is_empty())
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01. Years are counted from March, so that the leap day is a year's last.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year / 4 - year / 100 + year / 400;
    let before_month = (153 * month + 2) / 5;
    year * 365 + leap_days + before_month + day - 1 - 719_468
}

/// The inverse of [`days`].
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = era * 400 + year_of_era;
    if month < 10 {
        (year, month + 3, day)
    } else {
        (year + 1, month - 9, day)
    }
}

#[cfg(all(test, feature = "s3"))]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_five_centuries_agrees_with_an_independent_formatter() {
        for day in 0..180_000 {
            let seconds = day * DAY + day % DAY;
            let date = httpdate::HttpDate::from(UNIX_EPOCH + Duration::from_secs(seconds));
            let text = date.to_string();
            let compact = compact(seconds);
            let read_back = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(parse_listed(&written(seconds)), Some(read_back));
            assert_eq!(&compact[..4], &text[12..16], "{text}");
            assert_eq!(&compact[6..8], &text[5..7], "{text}");
            assert_eq!(&compact[9..15], text[17..25].replace(':', ""), "{text}");
            let (year, month, day_of_month) = civil(day);
            assert_eq!(days(year, month, day_of_month), day);
        }
    }

    #[test]
    fn listed_times_are_read_strictly() {
        let time = |seconds, nanos| Some(UNIX_EPOCH + Duration::new(seconds, nanos));
        assert_eq!(
            parse_listed("2009-10-12T17:50:30.000Z"),
            time(1_255_369_830, 0)
        );
        assert_eq!(parse_listed("2009-10-12T17:50:30Z"), time(1_255_369_830, 0));
        assert_eq!(
            parse_listed("2009-10-12T17:50:30.25Z"),
            time(1_255_369_830, 250_000_000)
        );
        for wrong in [
            "",
            "2009-10-12",
            "2009-10-12T17:50:30",
            "2009-13-12T17:50:30Z",
            "2009-02-29T00:00:00Z",
            "2009-10-12T24:00:00Z",
            "2009-10-12T17:50Z",
            "2009-10-12T17:50:30.Z",
            "x-10-12T17:50:30Z",
            "2009-10-12T17:50:30.0000000000Z",
            "1969-10-12T17:50:30Z",
            "2009-10-12T1:2:3:4Z",
        ] {
            assert_eq!(parse_listed(wrong), None, "{wrong}");
        }
    }
}
