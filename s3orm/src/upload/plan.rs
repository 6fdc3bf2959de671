//! How long each part is: short ones as long as the object is small, and longer ones before S3's
//! 10,000 parts are used up.

use crate::error::{Error, Result};

/// S3's limits of a part that is not the last.
const SHORTEST: u64 = 5 << 20;
const LONGEST: u64 = 5 << 30;
pub(super) const MAX_PARTS: u16 = 10_000;
/// Parts before they begin to grow.
const EVEN: u64 = 1000;
/// How much longer each further part is: 10,000 parts hold 5 TiB, S3's largest object, or more.
const STEP: u64 = 132 << 10;

/// The lengths of an upload's parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    first: u64,
    longest: u64,
}

impl Plan {
    /// Parts of at least `min` and at most `max` bytes, for an object of `size` bytes if that is
    /// known.
    pub(super) fn new(min: u64, max: u64, size: Option<u64>) -> Result<Self> {
        let limits = SHORTEST..=LONGEST;
        if !limits.contains(&min) || !limits.contains(&max) {
            return Err(Error::config(
                format!("parts of {min} to {max} bytes; S3 takes {SHORTEST} to {LONGEST}"),
                "set `min_part_size` and `max_part_size` within these limits",
            ));
        }
        if min > max {
            return Err(Error::config(
                format!("`min_part_size` is {min}, and `max_part_size` {max}"),
                "set a minimum that is not over the maximum",
            ));
        }
        // What is known beforehand needs no growth.
        let even = size.map_or(0, |size| size.div_ceil(u64::from(MAX_PARTS)));
        Ok(Self {
            first: min.max(even).min(max),
            longest: max,
        })
    }

    /// The length of the part with this number, from 1.
    pub(super) fn length(self, number: u16) -> u64 {
        let grown = u64::from(number).saturating_sub(EVEN) * STEP;
        (self.first + grown).min(self.longest)
    }

    /// The longest data that one write may hand over.
    pub(super) fn longest(self) -> u64 {
        self.longest
    }

    /// Whether the parts from this number to the last hold so many bytes.
    pub(super) fn holds(self, bytes: u64, number: u16) -> bool {
        let mut lengths = (number..=MAX_PARTS).map(|number| self.length(number));
        let left = lengths.try_fold(bytes, |left, length| match left.saturating_sub(length) {
            0 => None,
            left => Some(left),
        });
        bytes == 0 || left.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn the_parts_hold_the_largest_object_and_never_shrink() {
        for min in [5 << 20, 64 << 20, 1 << 30] {
            let plan = Plan::new(min, LONGEST, None).unwrap();
            assert!(plan.holds(5 << 40, 1), "{min}");
            assert!((1..MAX_PARTS).all(|n| plan.length(n) <= plan.length(n + 1)));
            assert_eq!(plan.length(1), min);
            assert_eq!(plan.length(1000), min);
        }
    }

    #[test]
    fn a_known_size_has_even_parts_and_limits_hold() {
        let plan = Plan::new(5 << 20, LONGEST, Some(5 << 40)).unwrap();
        assert!(plan.length(1) * 10_000 >= 5 << 40);
        let capped = Plan::new(5 << 20, 6 << 20, Some(1 << 40)).unwrap();
        assert_eq!(capped.length(10_000), 6 << 20);
        assert!(capped.holds(6 << 20, 10_000) && !capped.holds((6 << 20) + 1, 10_000));
        assert!(
            capped.holds(12 << 20, 9_999) && !capped.holds(1, 10_001) && capped.holds(0, 10_001)
        );
        for (min, max) in [
            (0, LONGEST),
            (SHORTEST, LONGEST + 1),
            (SHORTEST - 1, LONGEST),
            (8 << 20, 7 << 20),
        ] {
            let error = Plan::new(min, max, None).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
        }
    }
}
