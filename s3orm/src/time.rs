//! The timestamps that `#[s3(created_at)]` and `#[s3(updated_at)]` fill in.

use std::time::SystemTime;

use crate::schema::Timestamp;

#[cfg(feature = "chrono")]
impl Timestamp for chrono::DateTime<chrono::Utc> {
    fn is_unset(&self) -> bool {
        *self == Self::UNIX_EPOCH
    }

    fn from_system(now: SystemTime) -> Self {
        now.into()
    }
}

#[cfg(feature = "jiff")]
impl Timestamp for jiff::Timestamp {
    fn is_unset(&self) -> bool {
        *self == Self::UNIX_EPOCH
    }

    /// A clock beyond the years that jiff knows gives the last moment of them.
    fn from_system(now: SystemTime) -> Self {
        let beyond = if now < SystemTime::UNIX_EPOCH {
            Self::MIN
        } else {
            Self::MAX
        };
        now.try_into().unwrap_or(beyond)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn is_kept<T: Timestamp>(text: impl Fn(&T) -> String) {
        assert!(T::from_system(SystemTime::UNIX_EPOCH).is_unset());
        let now = SystemTime::UNIX_EPOCH + Duration::new(1_700_000_000, 123_456_789);
        assert!(!T::from_system(now).is_unset());
        assert_eq!(text(&T::from_system(now)), "2023-11-14T22:13:20.123456789Z");
    }

    #[cfg(feature = "chrono")]
    #[test]
    fn chrono_keeps_nanoseconds() {
        use chrono::{DateTime, SecondsFormat, Utc};

        is_kept::<DateTime<Utc>>(|time| time.to_rfc3339_opts(SecondsFormat::Nanos, true));
    }

    #[cfg(feature = "jiff")]
    #[test]
    fn jiff_keeps_nanoseconds_and_does_not_overflow() {
        is_kept::<jiff::Timestamp>(ToString::to_string);
        let far = Duration::from_hours(24 * 366 * 20_000);
        assert_eq!(
            jiff::Timestamp::from_system(SystemTime::UNIX_EPOCH + far),
            jiff::Timestamp::MAX
        );
        assert_eq!(
            jiff::Timestamp::from_system(SystemTime::UNIX_EPOCH - far),
            jiff::Timestamp::MIN
        );
    }
}
