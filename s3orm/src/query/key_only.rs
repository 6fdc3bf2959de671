//! Answers that the keys alone give: values of a column, the least and the greatest, any one.

use std::collections::HashSet;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;

use super::KeyState;
use super::bill::{Call, Meter};
use super::list::{Candidate, Listing};
use super::{NextColumn, Query, RangeColumn};
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Form, KeyColumn, KeyTuple as _, column_text, column_value};
use crate::row::Row;
use crate::schema::{KeyHandle, S3Schema};
use crate::store::{ListObjects, ListStart};
use crate::table::{RequestFuture, Table, operation};

/// Answers of the keys. None reads a row, but [`random`](Self::random) the one it returns. A filter
/// must be one that the keys decide: [`Unsupported`](ErrorKind::Unsupported) otherwise.
impl<'a, T: S3Schema, At: KeyState> Query<'a, T, At> {
    /// The values of a key column, each once, in the order of the keys.
    ///
    /// # Errors
    /// [`InvalidKey`](ErrorKind::InvalidKey), [`Unsupported`](ErrorKind::Unsupported) as said,
    /// [`Budget`](ErrorKind::Budget), and those of the connection.
    ///
    /// # Cost
    /// For the column after the fixed ones, where a `/` follows it in the path and there is no
    /// filter and no limit: 1 LIST a thousand **values**, however many rows they have; a folder
    /// that reads as a value counts then, whatever it holds. Otherwise 1 LIST a thousand keys. The
    /// values are held in memory.
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema};
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<city>/<id>")]
    /// # struct Person { city: String, id: u64 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let people = Db::connect("memory:").await?.table::<Person>();
    /// for (city, id) in [("Oslo", 1), ("Oslo", 2), ("Rome", 3)] {
    ///     people.put(Person { city: city.into(), id }).await?;
    /// }
    /// assert_eq!(people.query().distinct(Person::KEY.city).await?, ["Oslo", "Rome"]);
    /// # Ok(()) }
    /// ```
    pub async fn distinct<V: KeyColumn, const I: usize, F>(
        self,
        column: KeyHandle<T, V, I, F>,
    ) -> Result<Vec<V>> {
        let form = column.form();
        operation::<T, _>("distinct", async move { self.values(I, form).await }).await
    }

    async fn values<V: KeyColumn>(&self, at: usize, form: Form) -> Result<Vec<V>> {
        let range = self.range()?;
        // A folder may hold nothing but what deleted rows have left.
        let in_folders =
            range.has_folders() && range.fixed_columns() == at && !T::SCHEMA.is_stamped();
        if in_folders && self.filter.is_none() && self.spec.limit.is_none() {
            let meter = Arc::new(Meter::new(self.spec.budget));
            let mut listing = Listing::new(self.table.db().clone(), range.clone(), meter, 0, false);
            let folders = listing.folders().await?;
            let texts = folders
                .iter()
                .filter_map(|folder| range.folder_column(folder));
            // What is not a value is foreign.
            return Ok(texts
                .filter_map(|text| column_value(&T::SCHEMA.path, text, form).ok())
                .collect());
        }
        let mut keys = self.checked_keys()?;
        let (mut seen, mut values) = (HashSet::new(), Vec::new());
        while let Some(key) = poll_fn(|cx| keys.poll_candidate(cx)).await {
            let object = key?.object;
            let Some(text) = column_text(&T::SCHEMA.path, range.path_of(&object), at) else {
                continue;
            };
            // Most rows have a value that was seen: those are not copied.
            if !seen.contains(text) {
                seen.insert(text.to_owned());
                let value = column_value(&T::SCHEMA.path, text, form);
                values.push(
                    value.map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?,
                );
            }
        }
        Ok(values)
    }

    /// The least value of the next key column, or `None` if there is no row.
    ///
    /// # Errors
    /// As [`distinct`](Self::distinct).
    ///
    /// # Cost
    /// 1 LIST of one key; of a `:desc` column as [`max`](Self::max) of another.
    pub async fn min<C>(self, column: C) -> Result<Option<C::Value>>
    where
        C: NextColumn<At, Schema = T> + RangeColumn,
    {
        let _ = column;
        self.outermost("min", !C::DESCENDING).await
    }

    /// The greatest value of the next key column, or `None` if there is no row.
    ///
    /// # Errors
    /// As [`distinct`](Self::distinct).
    ///
    /// # Cost
    /// S3 lists forward only: as [`distinct`](Self::distinct) of the column. Of a `:desc` column
    /// 1 LIST of one key.
    pub async fn max<C>(self, column: C) -> Result<Option<C::Value>>
    where
        C: NextColumn<At, Schema = T> + RangeColumn,
    {
        let _ = column;
        self.outermost("max", C::DESCENDING).await
    }

    /// The first or the last value of the next column, as they are listed.
    async fn outermost<V: KeyColumn>(
        mut self,
        name: &'static str,
        first: bool,
    ) -> Result<Option<V>> {
        operation::<T, _>(name, async move {
            let at = self.range()?.fixed_columns();
            let form = self.spec.prefix.next_form();
            self.spec.limit = first.then_some(1);
            self.spec.order = super::Order::Ascending;
            let mut values = self.values(at, form).await?;
            Ok(values.pop())
        })
        .await
    }

    /// Any key, each with the same probability; awaiting returns `None` if there is none.
    ///
    /// # Errors
    /// As [`distinct`](Self::distinct).
    ///
    /// # Cost
    /// 1 LIST a thousand keys, in one pass and constant memory; see
    /// [`approximate`](RandomKey::approximate).
    pub fn random_key(self) -> RandomKey<'a, T, At> {
        RandomKey {
            query: self,
            approximate: false,
        }
    }

    /// Any row, each with the same probability, or `None`.
    ///
    /// # Errors
    /// As [`random_key`](Self::random_key) and [`get`](Table::get).
    ///
    /// # Cost
    /// As [`random_key`](Self::random_key), and 1 GET.
    pub async fn random(self) -> Result<Option<T>> {
        let table = self.table;
        operation::<T, _>("random", async move {
            let Some(chosen) = self.reservoir().await? else {
                return Ok(None);
            };
            let found = table.fetch_object(chosen.key, chosen.object).await?;
            Ok(found.map(Row::into_inner))
        })
        .await
    }

    async fn reservoir(&self) -> Result<Option<Candidate<T>>> {
        let mut keys = self.checked_keys()?;
        let (mut chosen, mut seen) = (None, 0);
        while let Some(key) = poll_fn(|cx| keys.poll_candidate(cx)).await {
            let key = key?;
            seen += 1;
            if below(self.table, seen) == 0 {
                chosen = Some(key);
            }
        }
        Ok(chosen)
    }

    /// One LIST a folder, from the range's beginning down to a key; `None` where that ends in a
    /// folder without one.
    async fn descent(&self) -> Result<Option<T::Key>> {
        let range = self.range()?;
        let mut prefix = range.prefix.clone();
        let meter = Meter::new(self.spec.budget);
        loop {
            meter.charge(Call::List)?;
            let request = ListObjects {
                prefix: prefix.clone(),
                delimiter: Some('/'),
                start: ListStart::First,
                limit: None,
            };
            let mut page = self.table.db().page(request).await?;
            let mut keys: Vec<T::Key> = Vec::new();
            for object in &page.objects {
                if range.is_inside(&object.key)
                    && let Ok(key) = T::Key::parse(&T::SCHEMA.path, range.path_of(&object.key))
                {
                    keys.push(key);
                }
            }
            let choices = (keys.len() + page.prefixes.len()) as u64;
            if choices == 0 {
                return Ok(None);
            }
            let choice = usize::try_from(below(self.table, choices)).unwrap_or_default();
            if choice < keys.len() {
                return Ok(Some(keys.swap_remove(choice)));
            }
            prefix = page.prefixes.swap_remove(choice - keys.len());
        }
    }
}

/// A random number below another.
fn below<T: S3Schema>(table: &Table<T>, limit: u64) -> u64 {
    let random = u128::from(u64::from_le_bytes(table.db().env().random_bytes()));
    u64::try_from((random * u128::from(limit)) >> 64).unwrap_or_default()
}

/// A request of [`Query::random_key`].
#[must_use = "requests do nothing until awaited"]
pub struct RandomKey<'a, T: S3Schema, At> {
    query: Query<'a, T, At>,
    approximate: bool,
}

impl<T: S3Schema, At: KeyState> RandomKey<'_, T, At> {
    /// Cheaper, and **not uniform**: at each `/` of the path one of the first thousand folders and
    /// keys is taken, each with the same probability, so that a key in a small folder is likelier.
    /// Cost: 1 LIST for each `/` of the path and 1 more. Under a filter, in a stamped
    /// table, and where that ends in a folder without a row of the query, the exact form is taken.
    pub fn approximate(mut self) -> Self {
        self.approximate = true;
        self
    }

    async fn run(self) -> Result<Option<T::Key>> {
        if self.approximate
            && self.query.filter.is_none()
            && !T::SCHEMA.is_stamped()
            && let Some(key) = self.query.descent().await?
        {
            return Ok(Some(key));
        }
        Ok(self.query.reservoir().await?.map(|chosen| chosen.key))
    }
}

impl<'a, T: S3Schema, At: KeyState + 'a> IntoFuture for RandomKey<'a, T, At> {
    type Output = Result<Option<T::Key>>;
    type IntoFuture = RequestFuture<'a, Option<T::Key>>;

    fn into_future(self) -> Self::IntoFuture {
        operation::<T, _>("random_key", self.run())
    }
}

impl<T: S3Schema, At> fmt::Debug for RandomKey<'_, T, At> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RandomKey")
            .field("query", &self.query)
            .field("approximate", &self.approximate)
            .finish()
    }
}
