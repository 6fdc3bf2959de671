//! Filters: typed conditions on the columns of a row.

use std::any::Any;
use std::fmt;
use std::ops::{BitAnd, BitOr, Not};
use std::sync::Arc;

use crate::schema::{ColumnHandle, NullableColumn, Presence, S3Schema, Unencrypted};

/// A condition on the columns of table `S`.
///
/// Made by the methods of [`ColumnHandle`], joined by [`and`](Self::and), [`or`](Self::or) and
/// [`not`](Self::not) or by `&`, `|` and `!`. As in SQL, a comparison with a missing value is
/// neither true nor false: only [`is_null`](ColumnHandle::is_null) finds the row.
///
/// What the key columns decide is decided without reading the row.
///
/// ```
/// # use s3orm::{Db, S3Schema};
/// # #[derive(Clone, serde::Serialize, serde::Deserialize, S3Schema)]
/// # #[s3(table = "people", path = "<id>")]
/// # struct Person { id: u64, age: u32, city: Option<String> }
/// let filter = Person::COL.age.ge(18) & !Person::COL.city.eq("Oslo");
/// assert_eq!(filter.to_string(), r#"(age >= 18 and not city = "Oslo")"#);
/// assert!(filter.matches(&Person { id: 1, age: 20, city: Some("Rome".into()) }));
/// assert!(!filter.matches(&Person { id: 1, age: 20, city: None }));
/// ```
pub struct Filter<S: S3Schema> {
    text: String,
    test: Test<S>,
    /// Whether the key decides it in every case.
    key_only: bool,
    /// What every row that meets it is equal to.
    equals: Arc<Vec<Equal>>,
}

/// A column that must have a value.
#[derive(Clone)]
pub(crate) struct Equal {
    /// The column's name in the stored object.
    pub(crate) column: &'static str,
    /// Of the column's type.
    pub(crate) value: Arc<dyn Any + Send + Sync>,
}

type Test<S> = Arc<dyn Fn(Subject<'_, S>) -> Option<bool> + Send + Sync>;

/// What a filter looks at.
enum Subject<'a, S: S3Schema> {
    /// The key alone: `None` means "not known yet".
    Key(&'a S::Key),
    /// The row: `None` means "a value is missing".
    Row(&'a S),
}

impl<S: S3Schema> Copy for Subject<'_, S> {}
impl<S: S3Schema> Clone for Subject<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: S3Schema> Filter<S> {
    /// Whether the row meets the condition.
    pub fn matches(&self, row: &S) -> bool {
        (self.test)(Subject::Row(row)) == Some(true)
    }

    /// What the key says, if it decides. What it decides, the row would decide alike: the three
    /// truth values are joined as in Kleene's logic.
    pub(crate) fn matches_key(&self, key: &S::Key) -> Option<bool> {
        (self.test)(Subject::Key(key))
    }

    /// Whether no row needs to be read for it.
    pub(crate) fn is_key_only(&self) -> bool {
        self.key_only
    }

    /// What every row that meets it is equal to.
    pub(crate) fn equals(&self) -> &[Equal] {
        &self.equals
    }

    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let equals = Arc::new([&**self.equals, &**other.equals].concat());
        let both = self.join("and", other, |a, b| match (a, b) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        });
        Self { equals, ..both }
    }

    /// At least one.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.join("or", other, |a, b| match (a, b) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        })
    }

    /// The contrary; where a value is missing, still neither.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "`!` does it as well")]
    pub fn not(self) -> Self {
        let test = self.test;
        Self {
            text: format!("not {}", self.text),
            test: Arc::new(move |subject| test(subject).map(|met| !met)),
            key_only: self.key_only,
            equals: Arc::default(),
        }
    }

    fn join(
        self,
        word: &str,
        other: Self,
        table: fn(Option<bool>, Option<bool>) -> Option<bool>,
    ) -> Self {
        let (a, b) = (self.test, other.test);
        Self {
            text: format!("({} {word} {})", self.text, other.text),
            test: Arc::new(move |subject| table(a(subject), b(subject))),
            key_only: self.key_only && other.key_only,
            equals: Arc::default(),
        }
    }
}

impl<S: S3Schema> BitAnd for Filter<S> {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        self.and(other)
    }
}

impl<S: S3Schema> BitOr for Filter<S> {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        self.or(other)
    }
}

impl<S: S3Schema> Not for Filter<S> {
    type Output = Self;
    fn not(self) -> Self {
        Filter::not(self)
    }
}

impl<S: S3Schema> Clone for Filter<S> {
    fn clone(&self) -> Self {
        Self {
            text: self.text.clone(),
            test: Arc::clone(&self.test),
            key_only: self.key_only,
            equals: Arc::clone(&self.equals),
        }
    }
}

impl<S: S3Schema> fmt::Display for Filter<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<S: S3Schema> fmt::Debug for Filter<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Filter({self})")
    }
}

/// What may be passed for a column's value in a filter or a patch: the value, a reference to it, or
/// `&str` for a `String`.
#[diagnostic::on_unimplemented(
    message = "`{V}` is not a value of a column of type `{Self}`",
    label = "expected `{Self}`"
)]
pub trait ValueFrom<V>: Sized {
    /// Converts.
    fn value_from(value: V) -> Self;
}

impl<T> ValueFrom<T> for T {
    fn value_from(value: T) -> Self {
        value
    }
}

#[diagnostic::do_not_recommend]
impl<T: Clone> ValueFrom<&T> for T {
    fn value_from(value: &T) -> Self {
        value.clone()
    }
}

#[diagnostic::do_not_recommend]
impl ValueFrom<&str> for String {
    fn value_from(value: &str) -> Self {
        value.to_owned()
    }
}

/// Filters of one column.
impl<S: S3Schema, T: fmt::Debug + Send + Sync + 'static, N: Presence> ColumnHandle<S, T, N> {
    fn where_value(
        self,
        text: String,
        meets: impl Fn(&T) -> bool + Send + Sync + 'static,
    ) -> Filter<S> {
        let value_of = move |subject: Subject<'_, S>| match subject {
            Subject::Key(key) => self.of_key(key).map(&meets),
            Subject::Row(row) => self.of_row(row).map(&meets),
        };
        Filter {
            text,
            test: Arc::new(value_of),
            key_only: self.is_key(),
            equals: Arc::default(),
        }
    }

    fn compare<V>(self, sign: &str, value: V, meets: fn(&T, &T) -> bool) -> Filter<S>
    where
        T: ValueFrom<V>,
    {
        let value = T::value_from(value);
        let text = format!("{} {sign} {value:?}", self.name());
        self.where_value(text, move |own| meets(own, &value))
    }

    /// Equal.
    pub fn eq<V>(self, value: V) -> Filter<S>
    where
        N: Unencrypted,
        T: ValueFrom<V> + PartialEq,
    {
        let value = Arc::new(T::value_from(value));
        let text = format!("{} = {value:?}", self.name());
        let wanted = Arc::clone(&value);
        let column = self.name();
        Filter {
            equals: Arc::new(vec![Equal { column, value }]),
            ..self.where_value(text, move |own| own == &*wanted)
        }
    }

    /// There, and not equal.
    pub fn ne<V>(self, value: V) -> Filter<S>
    where
        N: Unencrypted,
        T: ValueFrom<V> + PartialEq,
    {
        self.compare("<>", value, T::ne)
    }

    /// Less.
    pub fn lt<V>(self, value: V) -> Filter<S>
    where
        N: Unencrypted,
        T: ValueFrom<V> + PartialOrd,
    {
        self.compare("<", value, T::lt)
    }

    /// Less or equal.
    pub fn le<V>(self, value: V) -> Filter<S>
    where
        N: Unencrypted,
        T: ValueFrom<V> + PartialOrd,
    {
        self.compare("<=", value, T::le)
    }

    /// Greater.
    pub fn gt<V>(self, value: V) -> Filter<S>
    where
        N: Unencrypted,
        T: ValueFrom<V> + PartialOrd,
    {
        self.compare(">", value, T::gt)
    }

    /// Greater or equal.
    pub fn ge<V>(self, value: V) -> Filter<S>
    where
        N: Unencrypted,
        T: ValueFrom<V> + PartialOrd,
    {
        self.compare(">=", value, T::ge)
    }

    /// Between two values, both included.
    pub fn between<V, W>(self, low: V, high: W) -> Filter<S>
    where
        N: Unencrypted,
        T: ValueFrom<V> + ValueFrom<W> + PartialOrd,
    {
        let (low, high): (T, T) = (T::value_from(low), T::value_from(high));
        let text = format!("{} between {low:?} and {high:?}", self.name());
        self.where_value(text, move |own| *own >= low && *own <= high)
    }

    /// Equal to one of several. Of none: no row.
    pub fn in_<V>(self, values: impl IntoIterator<Item = V>) -> Filter<S>
    where
        N: Unencrypted,
        T: ValueFrom<V> + PartialEq,
    {
        let values: Vec<T> = values.into_iter().map(T::value_from).collect();
        let text = format!("{} in {values:?}", self.name());
        self.where_value(text, move |own| values.contains(own))
    }

    /// Missing: an `Option` field without a value. Other columns always have one, so that this does
    /// not compile for them.
    pub fn is_null(self) -> Filter<S>
    where
        Self: NullableColumn,
    {
        let value_of = move |subject: Subject<'_, S>| match subject {
            Subject::Key(_) => None,
            Subject::Row(row) => Some(self.of_row(row).is_none()),
        };
        Filter {
            text: format!("{} is null", self.name()),
            test: Arc::new(value_of),
            key_only: false,
            equals: Arc::default(),
        }
    }

    /// Begins with this text.
    pub fn starts_with(self, start: impl Into<String>) -> Filter<S>
    where
        N: Unencrypted,
        T: AsRef<str>,
    {
        let start = start.into();
        let text = format!("{} starts with {start:?}", self.name());
        self.where_value(text, move |own| own.as_ref().starts_with(&*start))
    }

    /// Contains this text.
    pub fn contains(self, part: impl Into<String>) -> Filter<S>
    where
        N: Unencrypted,
        T: AsRef<str>,
    {
        let part = part.into();
        let text = format!("{} contains {part:?}", self.name());
        self.where_value(text, move |own| own.as_ref().contains(&*part))
    }
}
