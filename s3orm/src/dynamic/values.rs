//! Named column values, and their places in keys.

use std::fmt;

/// Values of key columns by name: all of a row's, or some to look for.
///
/// Made of pairs in any order; values of other types than text are pairs of an iterator.
///
/// ```
/// use s3orm::dynamic::Values;
///
/// let values = Values::from([("date", "2024-01-01"), ("id", "7")]);
/// assert_eq!(values.get("id"), Some("7"));
/// let same: Values = [("id", 7)].into_iter().collect();
/// assert_eq!(values.to_string(), format!("date=2024-01-01, {same}"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Values(Vec<(String, String)>);

impl Values {
    /// A column's value.
    pub fn get(&self, column: &str) -> Option<&str> {
        let mut pairs = self.iter();
        pairs.find_map(|(name, value)| (name == column).then_some(value))
    }

    /// The pairs of column and value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether each of `some` is among these.
    pub(super) fn include(&self, some: &Self) -> bool {
        some.iter()
            .all(|(name, value)| self.get(name) == Some(value))
    }

    /// Only these columns, in their order.
    pub(super) fn only(&self, columns: &[String]) -> Self {
        let pairs = columns
            .iter()
            .filter_map(|name| Some((name, self.get(name)?)));
        pairs.collect()
    }
}

impl<C: ToString, V: ToString> FromIterator<(C, V)> for Values {
    fn from_iter<I: IntoIterator<Item = (C, V)>>(pairs: I) -> Self {
        let pairs = pairs.into_iter();
        Self(
            pairs
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .collect(),
        )
    }
}

impl<C: ToString, V: ToString, const N: usize> From<[(C, V); N]> for Values {
    fn from(pairs: [(C, V); N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl<const N: usize> From<&[(&str, &str); N]> for Values {
    fn from(pairs: &[(&str, &str); N]) -> Self {
        pairs.iter().copied().collect()
    }
}

impl From<&[(&str, &str)]> for Values {
    fn from(pairs: &[(&str, &str)]) -> Self {
        pairs.iter().copied().collect()
    }
}

impl From<&Self> for Values {
    fn from(values: &Self) -> Self {
        values.clone()
    }
}

impl fmt::Display for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (name, value)) in self.iter().enumerate() {
            let separator = if place == 0 { "" } else { ", " };
            write!(f, "{separator}{name}={value}")?;
        }
        Ok(())
    }
}
