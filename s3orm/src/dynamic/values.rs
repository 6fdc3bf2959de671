//! Named column values, and their places in keys.

use std::fmt;

use crate::error::{Error, ErrorKind, Result, did_you_mean};
use crate::key::{Converter, Encoding, escape_from, unescape};

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

fn unreadable(what: &str) -> Error {
    let detail = format!("{what} cannot be a part of a key as it is");
    Error::new(ErrorKind::InvalidKey, detail)
        .with_help("it is empty, `.`, `..` or holds a `/`; `Encoding::Escaped` takes any")
}

/// How the keys of a dynamic table are made.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) columns: Vec<String>,
    /// What stands before each column: of the first nothing, of others `/`, unless a template says
    /// otherwise.
    pub(super) before: Vec<String>,
    /// What follows the last one, with the extension.
    pub(super) tail: String,
    pub(super) encoding: Encoding,
    /// How values are written, of columns that are not written as they are.
    pub(super) forms: Vec<Option<Converter>>,
}

impl Layout {
    /// A segment for each column.
    pub(super) fn of_segments(columns: Vec<String>, tail: String, encoding: Encoding) -> Self {
        let before = |place| if place == 0 { "" } else { "/" };
        Self {
            before: (0..columns.len()).map(|at| before(at).to_owned()).collect(),
            forms: vec![None; columns.len()],
            columns,
            tail,
            encoding,
        }
    }

    /// Whether each column but the first begins a folder level of its own.
    pub(super) fn is_folders(&self) -> bool {
        let slashes = |text: &String| text.matches('/').count();
        self.before
            .iter()
            .map(slashes)
            .eq((0..self.columns.len()).map(|at| at.min(1)))
    }

    /// What follows the table's folder in the key of a row with all these values.
    pub(super) fn path(&self, values: &Values) -> Result<String> {
        self.check(values)?;
        let mut path = String::new();
        for (place, column) in self.columns.iter().enumerate() {
            let value = values.get(column).ok_or_else(|| {
                let detail = format!("the key column `{column}` is missing");
                Error::new(ErrorKind::InvalidKey, detail)
                    .with_help("name every column; `query` takes some of them")
            })?;
            self.push(place, value, &mut path)?;
        }
        path.push_str(&self.tail);
        self.check_segments(&path)?;
        Ok(path)
    }

    /// What the paths begin with of all rows that have these values of the first columns, with the
    /// number of those columns.
    pub(super) fn prefix(&self, values: &Values) -> Result<(String, usize)> {
        self.check(values)?;
        let first = |column: &&String| values.get(column).is_some();
        let fixed = self.columns.iter().take_while(first).count();
        if fixed == self.columns.len() {
            return Ok((self.path(values)?, fixed));
        }
        let mut prefix = String::new();
        for (place, column) in self.columns[..fixed].iter().enumerate() {
            let value = values.get(column).unwrap_or_default();
            self.push(place, value, &mut prefix)?;
        }
        prefix.push_str(&self.before[fixed]);
        self.check_segments(&prefix)?;
        Ok((prefix, fixed))
    }

    /// The values of a path; `None` if it is no row's.
    pub(super) fn parse(&self, path: &str) -> Option<Values> {
        let values = self.first(path.strip_suffix(&*self.tail)?)?;
        (values.len() == self.columns.len()).then_some(values)
    }

    /// The values of the first columns, of as many as a path has.
    pub(super) fn first(&self, path: &str) -> Option<Values> {
        let mut values = Values::default();
        let mut rest = path;
        for (place, column) in self.columns.iter().enumerate() {
            rest = rest.strip_prefix(&*self.before[place])?;
            let next = self.before.get(place + 1);
            let end = next.and_then(|next| rest.find(&**next));
            let (text, after) = rest.split_at(end.unwrap_or(rest.len()));
            if text.contains('/') {
                return None;
            }
            let value = match self.encoding {
                Encoding::Escaped => unescape(text).ok()?.into_owned(),
                Encoding::Verbatim if text.is_empty() => return None,
                Encoding::Verbatim => text.to_owned(),
            };
            let value = match &self.forms[place] {
                Some(form) => form.read(&value).ok()?,
                None => value,
            };
            values.0.push((column.clone(), value));
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        rest.is_empty().then_some(values)
    }

    fn push(&self, place: usize, value: &str, path: &mut String) -> Result<()> {
        path.push_str(&self.before[place]);
        let start = path.len();
        match &self.forms[place] {
            None => path.push_str(value),
            Some(form) => {
                let text = form.write(value).map_err(|error| {
                    let detail = format!("key column `{}`: {error}", self.columns[place]);
                    Error::new(ErrorKind::InvalidKey, detail)
                })?;
                path.push_str(&text);
            }
        }
        if self.encoding == Encoding::Escaped {
            escape_from(path, start);
            return Ok(());
        }
        let next = self.before.get(place + 1).map_or("/", String::as_str);
        if value.is_empty() || value.contains('/') || value.contains(next) {
            let column = &self.columns[place];
            return Err(unreadable(&format!(
                "key column `{column}`: `{}`",
                value.escape_debug()
            )));
        }
        Ok(())
    }

    fn check_segments(&self, path: &str) -> Result<()> {
        let odd = |segment: &str| matches!(segment, "." | "..");
        if self.encoding == Encoding::Verbatim && path.split('/').any(odd) {
            return Err(unreadable(&format!("`{}`", path.escape_debug())));
        }
        Ok(())
    }

    /// Each name must be a column's, and only once.
    pub(super) fn check(&self, values: &Values) -> Result<()> {
        for (place, (name, _)) in values.iter().enumerate() {
            self.known(name)?;
            if values
                .iter()
                .take(place)
                .any(|(earlier, _)| earlier == name)
            {
                let detail = format!("the key column `{name}` is given twice");
                return Err(Error::new(ErrorKind::InvalidKey, detail).with_help("give it once"));
            }
        }
        Ok(())
    }

    /// The place of a column.
    pub(super) fn known(&self, name: &str) -> Result<usize> {
        let place = self.columns.iter().position(|column| column == name);
        place.ok_or_else(|| {
            let columns = || self.columns.iter().map(String::as_str);
            let detail = format!("there is no key column `{}`", name.escape_debug());
            let help = if let Some(near) = did_you_mean(name, columns()) {
                format!("did you mean `{near}`?")
            } else {
                let names: Vec<_> = columns().map(|name| format!("`{name}`")).collect();
                format!("the columns are {}", names.join(", "))
            };
            Error::new(ErrorKind::InvalidKey, detail).with_help(help)
        })
    }
}
