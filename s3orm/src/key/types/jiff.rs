//! jiff's dates and timestamps.

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::Offset;

use super::super::column::{ColumnError, DescColumn, KeyColumn, OrderedColumn, SortedColumn};
use super::calendar::{Date, Time, calendar_column};

fn date_fields(date: civil::Date) -> Date {
    Date {
        year: date.year().into(),
        month: date.month().unsigned_abs().into(),
        day: date.day().unsigned_abs().into(),
    }
}

fn date(Date { year, month, day }: Date) -> Option<civil::Date> {
    civil::Date::new(
        year.try_into().ok()?,
        month.try_into().ok()?,
        day.try_into().ok()?,
    )
    .ok()
}

fn date_time_fields(value: civil::DateTime) -> (Date, Time) {
    let time = Time {
        hour: value.hour().unsigned_abs().into(),
        minute: value.minute().unsigned_abs().into(),
        second: value.second().unsigned_abs().into(),
        nanosecond: value.subsec_nanosecond().unsigned_abs(),
    };
    (date_fields(value.date()), time)
}

fn date_time((day, time): (Date, Time)) -> Option<civil::DateTime> {
    let time = civil::Time::new(
        time.hour.try_into().ok()?,
        time.minute.try_into().ok()?,
        time.second.try_into().ok()?,
        time.nanosecond.try_into().ok()?,
    );
    Some(date(day)?.to_datetime(time.ok()?))
}

calendar_column!(date civil::Date, date_fields, date);
calendar_column!(date_time civil::DateTime, "", date_time_fields, date_time);
calendar_column!(date_time Timestamp, "Z",
    |value: Self| date_time_fields(Offset::UTC.to_datetime(value)),
    |fields| date_time(fields).and_then(|value| Offset::UTC.to_timestamp(value).ok()));

#[cfg(test)]
mod tests {
    use super::super::tests::{frozen, refused};
    use super::*;

    #[test]
    fn dates() {
        frozen(&civil::date(2024, 2, 29), "2024-02-29", "2024-02-29");
        frozen(&civil::date(0, 1, 1), "0000-01-01", "0000-01-01");
        frozen(&civil::date(9999, 12, 31), "9999-12-31", "9999-12-31");
        refused::<civil::Date>(&["", "2023-02-29", "2024-2-29", "+024-02-03", "2024-02-255"]);
        assert!(civil::date(-1, 12, 31).write(&mut String::new()).is_err());
    }

    #[test]
    fn timestamps() {
        let moment = civil::date(2024, 2, 29).at(23, 59, 8, 7);
        let text = "20240229T235908.000000007";
        frozen(&moment, text, text);
        let utc = &format!("{text}Z");
        frozen(&Offset::UTC.to_timestamp(moment).unwrap(), utc, utc);
        refused::<civil::DateTime>(&[
            "",
            utc,
            "20240229T235960.000000000",
            "20240229T240000.000000000",
        ]);
        refused::<Timestamp>(&["", text, "99991231T235959.999999999Z"]);
        assert!(Timestamp::MIN.write(&mut String::new()).is_err());
    }
}
