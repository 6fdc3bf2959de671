//! chrono's dates and timestamps.

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveDateTime, Timelike as _, Utc};

use super::super::column::{ColumnError, DescColumn, KeyColumn, OrderedColumn, SortedColumn};
use super::calendar::{Date, Time, calendar_column};

#[inline]
fn date_fields(date: NaiveDate) -> Date {
    Date {
        year: date.year(),
        month: date.month(),
        day: date.day(),
    }
}

fn date(Date { year, month, day }: Date) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(year, month, day)
}

fn date_time_fields(value: NaiveDateTime) -> (Date, Time) {
    let time = Time {
        hour: value.hour(),
        minute: value.minute(),
        second: value.second(),
        nanosecond: value.nanosecond(),
    };
    (date_fields(value.date()), time)
}

fn date_time((day, time): (Date, Time)) -> Option<NaiveDateTime> {
    date(day)?.and_hms_nano_opt(time.hour, time.minute, time.second, time.nanosecond)
}

calendar_column!(date NaiveDate, date_fields, date);
calendar_column!(date_time NaiveDateTime, "", date_time_fields, date_time);
calendar_column!(date_time DateTime<Utc>, "Z",
    |value: Self| date_time_fields(value.naive_utc()),
    |fields| date_time(fields).map(|value| value.and_utc()));

#[cfg(test)]
mod tests {
    use super::super::tests::{frozen, refused};
    use super::*;

    fn day(year: i32, month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, day).unwrap()
    }

    #[test]
    fn dates() {
        frozen(&day(2024, 2, 29), "2024-02-29", "2024-02-29");
        frozen(&day(0, 1, 1), "0000-01-01", "0000-01-01");
        frozen(&day(9999, 12, 31), "9999-12-31", "9999-12-31");
        refused::<NaiveDate>(&[
            "",
            "2023-02-29",
            "2024-2-29",
            "2024-02-30",
            "24-02-03",
            "+024-02-03",
            "2024/02/03",
            "2024-02-03 ",
            "12024-02-03",
            "-024-02-03",
            "2024-02-0٣",
            "20240203",
            "2024-00-01",
        ]);
        for out_of_range in [day(-1, 12, 31), day(10_000, 1, 1)] {
            let error = out_of_range.write(&mut String::new()).unwrap_err();
            assert!(
                error
                    .to_string()
                    .ends_with("has no key text: only 0 to 9999 have")
            );
        }
    }

    #[test]
    fn timestamps() {
        let moment = day(2024, 2, 29).and_hms_nano_opt(23, 59, 8, 7).unwrap();
        let text = "20240229T235908.000000007";
        frozen(&moment, text, text);
        let utc = &format!("{text}Z");
        frozen(&moment.and_utc(), utc, utc);
        refused::<NaiveDateTime>(&[
            "",
            utc,
            "20240229T235960.000000000",
            "20240229T240000.000000000",
        ]);
        refused::<DateTime<Utc>>(&[
            "",
            text,
            "20240229T235908.0000007Z",
            "20240229t235908.000000007Z",
        ]);
        let leap = day(2016, 12, 31)
            .and_hms_nano_opt(23, 59, 59, 1_000_000_000)
            .unwrap();
        let error = leap.and_utc().write(&mut String::new()).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("a leap second has no key text")
        );
    }
}
