//! A partial key as a value.

use std::fmt;
use std::marker::PhantomData;

use super::{Fixed, NextColumn, Query};
use crate::key::{ColumnFrom, PrefixText};
use crate::schema::S3Schema;

/// The beginning of a key of table `T`: the values of its first columns, in path order.
///
/// It is to a query what a whole key is to [`get`](crate::Table::get): a value to keep, to hand
/// over, and to ask with by [`Query::under`]. `At` says how many columns it has, as it does of a
/// [`Query`]: [`Fixed<1>`](Fixed) after one [`at`](Self::at). `Display` shows it as it stands in
/// keys, behind the table's folder.
///
/// ```
/// use s3orm::query::Fixed;
/// use s3orm::{Db, KeyPrefix, S3Schema};
/// # use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, S3Schema)]
/// #[s3(table = "people", path = "<country>/<city>/<id>")]
/// struct Person {
///     country: String,
///     city: String,
///     id: u64,
/// }
///
/// /// What a user of this program may see.
/// struct Scope {
///     people: KeyPrefix<Person, Fixed<1>>,
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
/// # let people = Db::connect("memory:").await?.table::<Person>();
/// # people.put(Person { country: "NO".into(), city: "Oslo".into(), id: 1 }).await?;
/// let scope = Scope { people: KeyPrefix::new().at(Person::KEY.country, "NO") };
/// assert_eq!(scope.people.to_string(), "NO/");
///
/// let in_oslo = people.query().under(&scope.people).at(Person::KEY.city, "Oslo");
/// assert_eq!(in_oslo.count().await?, 1);
/// # Ok(()) }
/// ```
pub struct KeyPrefix<T, At = Fixed<0>> {
    text: PrefixText,
    state: PhantomData<fn() -> (T, At)>,
}

impl<T: S3Schema> KeyPrefix<T> {
    /// Of every key of the table: no column is fixed.
    pub fn new() -> Self {
        Self::fixing(|_| {})
    }
}

impl<T: S3Schema> Default for KeyPrefix<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: S3Schema, At> KeyPrefix<T, At> {
    /// With the columns that `fix` fixes, which are those that `At` says.
    pub(super) fn fixing(fix: impl FnOnce(&mut PrefixText)) -> Self {
        let mut text = PrefixText::new(&T::SCHEMA.path);
        fix(&mut text);
        Self {
            text,
            state: PhantomData,
        }
    }

    /// Fixes the next key column, as [`Query::at`] does.
    ///
    /// A column out of the path's order does not compile. A value that has no key text is an error
    /// of the query that uses the prefix: [`InvalidKey`](crate::ErrorKind::InvalidKey).
    #[must_use]
    pub fn at<C, V>(mut self, column: C, value: V) -> KeyPrefix<T, C::Next>
    where
        C: NextColumn<At, Schema = T>,
        C::Value: ColumnFrom<V>,
    {
        let _ = column;
        self.text.fix(&C::Value::column_from(value));
        KeyPrefix {
            text: self.text,
            state: PhantomData,
        }
    }
}

impl<'a, T: S3Schema> Query<'a, T> {
    /// Fixes the columns that a prefix has. The query goes on with the column after them.
    ///
    /// Only on a query that has fixed no column itself.
    ///
    /// ```
    /// # use s3orm::{Db, KeyPrefix, S3Schema};
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<city>/<id>")]
    /// # struct Person { city: String, id: u64 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let people = Db::connect("memory:").await?.table::<Person>();
    /// # people.put(Person { city: "Oslo".into(), id: 1 }).await?;
    /// let oslo = KeyPrefix::<Person>::new().at(Person::KEY.city, "Oslo");
    /// assert_eq!(people.query().under(&oslo).all().await?.len(), 1);
    /// # Ok(()) }
    /// ```
    pub fn under<At>(mut self, prefix: &KeyPrefix<T, At>) -> Query<'a, T, At> {
        self.spec.prefix = prefix.text.clone();
        self.becomes()
    }
}

impl<T, At> Clone for KeyPrefix<T, At> {
    fn clone(&self) -> Self {
        Self {
            text: self.text.clone(),
            state: PhantomData,
        }
    }
}

/// As it stands in keys, with what closes the last column: `NO/Oslo/`. Where a value has no key
/// text, the reason in angle brackets instead, which is the beginning of no key.
impl<T, At> fmt::Display for KeyPrefix<T, At> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text.valid() {
            Ok(text) => f.write_str(text),
            Err(error) => write!(f, "<{error}>"),
        }
    }
}

impl<T, At> fmt::Debug for KeyPrefix<T, At> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyPrefix")
            .field(&format_args!("{self}"))
            .finish()
    }
}
