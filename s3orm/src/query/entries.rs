//! The entries of an index as they are, without their rows.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::stream::{self, BoxStream, Stream, StreamExt as _};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Query;
use super::bill::{Call, Meter, Spent};
use super::by::ListsIndex;
use super::list::Candidate;
use super::rows::KeyStream;
use crate::body::Content;
use crate::error::{Error, ErrorKind, Result};
use crate::hooks;
use crate::index::layout::{read_entry, split_entry, values_path};
use crate::index::object::look;
use crate::index::{IndexSchema, Projection};
use crate::key::{KeyRange, KeyTuple};
use crate::schema::{ColumnHandle, Presence, S3Schema, version};
use crate::table::Table;

/// Entries.
impl<T: S3Schema, At: ListsIndex> Query<'_, T, At>
where
    At::Values: KeyTuple,
{
    /// The entries of the index as they are, with the columns that its projection keeps; the rows
    /// are **not** read.
    ///
    /// So an entry may be stale: for a moment, and for longer after a crash, it may tell of a value
    /// that its row no longer has, or was about to get, and its columns may be of the row's version
    /// before. No row is missing. What must be true of the rows is asked by `all` and the like.
    ///
    /// # Errors
    /// [`InvalidKey`](ErrorKind::InvalidKey); [`Unsupported`](ErrorKind::Unsupported) without a
    /// column fixed or bounded and without [`scan`](Self::scan), and with a filter that the row's key
    /// does not decide. The stream's own errors are its items.
    ///
    /// # Cost
    /// 1 LIST a thousand entries; 1 GET an entry where the projection keeps columns.
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// #[derive(Clone, serde::Serialize, serde::Deserialize, S3Schema)]
    /// #[s3(table = "people", path = "<id>", index(columns(city), projection(name)))]
    /// struct Person { id: u64, city: String, name: String }
    ///
    /// let people = Db::connect("memory:").await?.table::<Person>();
    /// people.put(Person { id: 7, city: "Oslo".into(), name: "Ann".into() }).await?;
    ///
    /// let mut entries = people.query().by(Person::INDEX.city).at("Oslo").entries()?;
    /// while let Some(entry) = entries.next().await {
    ///     let entry = entry?;
    ///     assert_eq!((entry.key, &*entry.values.0), ((7,), "Oslo"));
    ///     assert_eq!(entry.get(Person::COL.name)?.as_deref(), Some("Ann"));
    /// }
    /// # Ok(()) }
    /// ```
    pub fn entries(self) -> Result<Entries<T, At::Values>> {
        let keeps = self
            .index()
            .is_some_and(|index| index.projection != Projection::Keys);
        self.begin_entries(keeps)
    }

    /// As [`entries`](Self::entries), without columns: values and keys alone.
    ///
    /// # Errors
    /// As [`entries`](Self::entries).
    ///
    /// # Cost
    /// 1 LIST a thousand entries.
    pub fn keys_only(self) -> Result<Entries<T, At::Values>> {
        self.begin_entries(false)
    }

    fn begin_entries(self, reads: bool) -> Result<Entries<T, At::Values>> {
        let entries = || {
            let range = self.range()?;
            self.check_scan(&range, self.spec.limit)?;
            if self.filters_rows() {
                let detail =
                    "the filter needs more than the key, and entries are listed without the rows";
                let help = "filter by key columns, or take the rows with `stream`";
                return Err(Error::new(ErrorKind::Unsupported, detail).with_help(help));
            }
            let number = self.spec.index.unwrap_or_default();
            let source = Source {
                table: self.table.clone(),
                index: &T::SCHEMA.indexes[number],
                folder: self.folder().len(),
                reads,
            };
            Ok(Entries::new(
                source,
                self.keys_of(range),
                self.spec.concurrency,
            ))
        };
        entries().map_err(|error| error.during("entries", T::SCHEMA.table))
    }

    fn keys_of(&self, range: KeyRange) -> KeyStream<T> {
        KeyStream(self.candidates(range, self.spec.limit))
    }
}

/// An entry of an index over columns of the types `V`.
pub struct Entry<T: S3Schema, V> {
    /// The values of the index's columns.
    pub values: V,
    /// The key of the row.
    pub key: T::Key,
    columns: Map<String, Value>,
}

impl<T: S3Schema, V> Entry<T, V> {
    /// The value of a column that the projection keeps; `None` if it does not, or if the row has
    /// none.
    ///
    /// # Errors
    /// [`Decode`](ErrorKind::Decode): the entry holds something else.
    pub fn get<C, N>(&self, column: ColumnHandle<T, C, N>) -> Result<Option<C>>
    where
        C: DeserializeOwned,
        N: Presence,
    {
        let value = self
            .columns
            .get(column.name())
            .filter(|value| !value.is_null());
        let value = value.cloned().map(serde_json::from_value).transpose();
        value.map_err(|error| {
            let detail = format!("the entry's column `{}` is of another type", column.name());
            let found = Error::new(ErrorKind::Decode, detail);
            // The cause might quote what was decrypted.
            if T::SCHEMA.has_secrets() {
                return found;
            }
            found.with_source(error)
        })
    }

    /// The row, of what the entry keeps: of an index whose projection is `all`, all of it.
    ///
    /// # Errors
    /// [`Decode`](ErrorKind::Decode): the row needs columns that the entry does not keep.
    pub fn row(&self) -> Result<T> {
        let columns = serde_json::to_vec(&self.columns)
            .map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?;
        let content = Content::new(T::SCHEMA.body, &columns);
        let mut path = String::new();
        let written = self.key.write(&T::SCHEMA.path, &mut path);
        written.map_err(|error| Error::new(ErrorKind::InvalidKey, error.to_string()))?;
        let row = version::decode::<T>(self.key.clone(), &path, &content);
        let (row, _) =
            row.map_err(|error| error.of_secrets(T::SCHEMA).into_error(T::SCHEMA.table))?;
        hooks::read(row, T::SCHEMA.table)
    }
}

impl<T: S3Schema, V: fmt::Debug> fmt::Debug for Entry<T, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("values", &self.values)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// Where entries are read.
struct Source<T> {
    table: Table<T>,
    index: &'static IndexSchema,
    folder: usize,
    reads: bool,
}

impl<T: S3Schema> Source<T> {
    /// The entry of a key; `None` if it is gone.
    async fn entry<V: KeyTuple>(
        &self,
        candidate: Candidate<T>,
        meter: &Meter,
    ) -> Result<Option<Entry<T, V>>> {
        let Candidate { key, object, .. } = candidate;
        let rest = object.get(self.folder..).unwrap_or_default();
        let Some((values, _)) = split_entry(self.index, rest) else {
            return Ok(None);
        };
        let values = V::parse(&values_path(self.index), values)
            .map_err(|error| Error::new(ErrorKind::Decode, error.to_string()).with_key(&object))?;
        let mut columns = Map::new();
        if self.reads {
            meter.charge(Call::Get)?;
            let Some(found) = look(self.table.db(), &object).await? else {
                return Ok(None);
            };
            let read = read_entry(&found.body).map_err(|error| error.into_error(&object))?;
            columns = self.opened(&key, read.1)?;
        }
        Ok(Some(Entry {
            values,
            key,
            columns,
        }))
    }
}

impl<T: S3Schema> Source<T> {
    /// An entry's columns, decrypted: they are those of its row.
    fn opened(&self, key: &T::Key, columns: Map<String, Value>) -> Result<Map<String, Value>> {
        if !T::SCHEMA.has_encrypted_columns() {
            return Ok(columns);
        }
        let row = self.table.object_key(key)?;
        let broken = |error: serde_json::Error| Error::new(ErrorKind::Internal, error.to_string());
        let stored = serde_json::to_vec(&columns).map_err(broken)?;
        let content = Content::new(T::SCHEMA.body, &stored);
        let opened = self
            .table
            .db()
            .sealer(&row)
            .open_columns(T::SCHEMA, &content);
        let opened = opened.map_err(|error| error.into_error(&row))?;
        serde_json::from_slice(&opened)
            .map_err(|_| Error::new(ErrorKind::Decode, "an encrypted value is none").with_key(row))
    }
}

/// The entries of an index, one after the other: of [`Query::entries`](crate::Query::entries).
///
/// Memory is bounded as that of a [`KeyStream`]; nothing is requested unless it is polled.
#[must_use = "a stream does nothing unless it is read"]
pub struct Entries<T: S3Schema, V> {
    entries: BoxStream<'static, Result<Entry<T, V>>>,
    meter: Arc<Meter>,
}

impl<T: S3Schema, V: KeyTuple> Entries<T, V> {
    fn new(source: Source<T>, keys: KeyStream<T>, concurrency: usize) -> Self {
        let meter = Arc::clone(keys.0.meter());
        let (source, own) = (Arc::new(source), Arc::clone(&meter));
        let candidates = stream::unfold(keys, async |mut keys| {
            let next = poll_fn(|cx| keys.poll_candidate(cx)).await?;
            Some((next, keys))
        });
        let entries = candidates.map(move |candidate| {
            let (source, meter) = (Arc::clone(&source), Arc::clone(&own));
            async move {
                let entry = source.entry(candidate?, &meter).await;
                entry.map_err(|error| error.during("entries", T::SCHEMA.table))
            }
        });
        let mut is_over = false;
        let entries = entries.buffered(concurrency).take_while(move |entry| {
            let goes_on = !is_over;
            is_over |= matches!(entry, Err(error) if error.kind() == ErrorKind::Budget);
            std::future::ready(goes_on)
        });
        let entries = entries.filter_map(async |entry| entry.transpose());
        Self {
            entries: entries.boxed(),
            meter,
        }
    }
}

impl<T: S3Schema, V> Entries<T, V> {
    /// The next entry; `None` at the end.
    ///
    /// # Errors
    /// Those of the listing and [`Budget`](ErrorKind::Budget), which end the stream; those of one
    /// entry, after which it goes on.
    pub async fn next(&mut self) -> Option<Result<Entry<T, V>>> {
        self.entries.next().await
    }

    /// All of them that are left.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn collect(mut self) -> Result<Vec<Entry<T, V>>> {
        let mut entries = Vec::new();
        while let Some(entry) = self.next().await {
            entries.push(entry?);
        }
        Ok(entries)
    }

    /// What was requested so far.
    pub fn spent(&self) -> Spent {
        self.meter.spent()
    }
}

impl<T: S3Schema, V> Unpin for Entries<T, V> {}

impl<T: S3Schema, V> Stream for Entries<T, V> {
    type Item = Result<Entry<T, V>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.entries.poll_next_unpin(cx)
    }
}

impl<T: S3Schema, V> fmt::Debug for Entries<T, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entries")
            .field("spent", &self.spent())
            .finish_non_exhaustive()
    }
}
