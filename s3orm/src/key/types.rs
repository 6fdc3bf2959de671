//! Key columns of the standard library and of the optional crates. Their texts are what stands on
//! the bucket: they never change.

#[cfg(any(feature = "chrono", feature = "jiff"))]
mod calendar;
#[cfg(feature = "chrono")]
mod chrono;
mod integer;
#[cfg(feature = "jiff")]
mod jiff;
mod text;
#[cfg(feature = "ulid")]
mod ulid;
#[cfg(feature = "uuid")]
mod uuid;

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::super::column::KeyColumn;

    /// The texts of a value, both ways.
    pub(super) fn frozen<T: KeyColumn + PartialEq + Debug>(value: &T, plain: &str, ordered: &str) {
        let (mut written, mut written_ordered) = (String::new(), String::new());
        value.write(&mut written).unwrap();
        value.write_ordered(&mut written_ordered).unwrap();
        assert_eq!(
            (written.as_str(), written_ordered.as_str()),
            (plain, ordered)
        );
        assert_eq!(T::parse(plain).as_ref(), Ok(value));
        assert_eq!(T::parse_ordered(ordered).as_ref(), Ok(value));
    }

    /// Texts that no value has, plain or ordered.
    pub(super) fn refused<T: KeyColumn + PartialEq + Debug>(texts: &[&str]) {
        for text in texts {
            assert!(T::parse(text).is_err(), "{text}");
            assert!(T::parse_ordered(text).is_err(), "{text}");
        }
    }
}
