//! What the library fills in before a write: generated ids and timestamps.

use crate::env::Env;

/// The write that a row is prepared for.
#[derive(Debug)]
pub struct Prepare<'a> {
    env: &'a Env,
    event: WriteEvent,
    /// Read once, so that all timestamps of a write agree.
    now: std::cell::OnceCell<std::time::SystemTime>,
}

/// Which write it is, as far as the row is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteEvent {
    /// The row is new.
    Insert,
    /// The row may be new or may replace another.
    Put,
    /// The row was read and is written back.
    Save,
}

impl<'a> Prepare<'a> {
    pub(crate) fn new(env: &'a Env, event: WriteEvent) -> Self {
        Self {
            env,
            event,
            now: std::cell::OnceCell::new(),
        }
    }

    /// Which write it is.
    pub fn event(&self) -> WriteEvent {
        self.event
    }

    /// The time of the write: that of its timestamps.
    pub fn now(&self) -> std::time::SystemTime {
        *self.now.get_or_init(|| self.env.now())
    }

    #[doc(hidden)]
    pub fn __generate<K, T: Generate<K>>(&self, field: &mut T) {
        if self.event != WriteEvent::Save && field.is_unset() {
            *field = T::generate(self.env);
        }
    }

    #[doc(hidden)]
    pub fn __created_at<T: Timestamp>(&self, field: &mut T) {
        let now = match self.event {
            WriteEvent::Insert => true,
            WriteEvent::Put | WriteEvent::Save => field.is_unset(),
        };
        if now {
            *field = T::from_system(self.now());
        }
    }

    #[doc(hidden)]
    pub fn __updated_at<T: Timestamp>(&self, field: &mut T) {
        *field = T::from_system(self.now());
    }
}

/// A type that `#[s3(generate)]` can fill in, by the scheme `K` of [`id`](crate::id).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be generated this way",
    label = "no generated id of this type",
    note = "`generate` works on `Uuid` (`\"uuid_v7\"`, the default, and `\"uuid_v4\"`), on `Ulid`, and on `String` with one of \
            `\"uuid_v4\"`, `\"uuid_v7\"`, `\"ulid\"` named; the cargo features `uuid` and `ulid` bring them",
    note = "a type of yours can implement `s3orm::Generate`"
)]
pub trait Generate<K> {
    /// Whether the row carries no id yet: a nil id, an empty string.
    fn is_unset(&self) -> bool;
    /// A new id.
    fn generate(env: &Env) -> Self;
}

/// A type that `#[s3(created_at)]` and `#[s3(updated_at)]` can fill in.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a timestamp that s3orm keeps",
    label = "not a timestamp",
    note = "use `chrono::DateTime<Utc>` (feature `chrono`), `jiff::Timestamp` (feature `jiff`), or an `Option` of one"
)]
pub trait Timestamp {
    /// Whether the row carries no time yet: `None`, or the Unix epoch.
    fn is_unset(&self) -> bool;
    /// From the system's clock.
    fn from_system(now: std::time::SystemTime) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Timestamp> Timestamp for Option<T> {
    fn is_unset(&self) -> bool {
        self.as_ref().is_none_or(Timestamp::is_unset)
    }

    fn from_system(now: std::time::SystemTime) -> Self {
        Some(T::from_system(now))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    /// Milliseconds of the Unix epoch.
    #[derive(Debug, Clone, Copy, PartialEq)]
    struct Millis(u128);

    impl Timestamp for Millis {
        fn is_unset(&self) -> bool {
            self.0 == 0
        }

        fn from_system(now: SystemTime) -> Self {
            let age = now.duration_since(SystemTime::UNIX_EPOCH);
            Self(age.as_ref().map_or(0, Duration::as_millis))
        }
    }

    struct Counted;

    impl Generate<Counted> for u8 {
        fn is_unset(&self) -> bool {
            *self == 0
        }

        fn generate(_: &Env) -> Self {
            7
        }
    }

    #[test]
    fn each_write_fills_in_what_it_should() {
        let env = Env::seeded(1);
        let is_now = |time: Millis| time.0 >= 1_700_000_000_000;
        // The write; then the id of a new row, whether `created_at` keeps a time that is there.
        let cases = [
            (WriteEvent::Insert, 7, false),
            (WriteEvent::Put, 7, true),
            (WriteEvent::Save, 0, true),
        ];
        for (event, generated, keeps_created_at) in cases {
            let write = Prepare::new(&env, event);
            let (mut new, mut old) = (0, 3);
            write.__generate::<Counted, u8>(&mut new);
            write.__generate::<Counted, u8>(&mut old);
            assert_eq!((new, old), (generated, 3), "{event:?}");

            let (mut unset, mut set) = (None, Millis(5));
            write.__created_at::<Option<Millis>>(&mut unset);
            write.__created_at(&mut set);
            assert!(unset.is_some_and(is_now), "{event:?}");
            assert_eq!(set == Millis(5), keeps_created_at, "{event:?}");

            write.__updated_at(&mut set);
            assert!(is_now(set), "{event:?}");
        }
    }
}
