//! `Table<T>`: what an application does with its rows.
//!
//! A method returns a request value; nothing happens until it is awaited, and what may be said about
//! it (metadata, a precondition, what to return) are methods on it.

mod bring;
mod delete;
mod errors;
mod insert;
mod mark;
mod options;
mod patch;
mod put;
mod read;
mod rekey;
mod swap;
mod transact;
mod update;

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

pub(crate) use bring::Brought;
use bytes::Bytes;
pub use delete::{Delete, DeleteReturning};
pub(crate) use errors::{store_error, write_error};
pub(crate) use insert::create;
pub use insert::{Insert, InsertOrNothing};
use options::kept;
pub(crate) use options::{WriteOptions, write_options};
pub(crate) use patch::unmet_by_row;
pub use patch::{Appendable, Number, Patch, PatchReturning};
pub(crate) use put::replace;
pub use put::{Put, PutReturning, Replaced, Save};
pub use read::{Exists, Get, Read};
pub use rekey::Rekey;
pub(crate) use transact::RowWrite;
pub use transact::TransactionWrite;
pub use update::{Decision, Update};

use crate::blob::noted;
use crate::body::{BodyError, Content, compress};
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::hooks;
use crate::key::{KeyFrom, KeyTuple as _};
use crate::query::Query;
use crate::row::{Row, Version};
use crate::schema::{BodyFormat, OldForm, Prepare, S3Schema, WriteEvent, version};
use crate::settings::Settings;
use crate::stamp::{self, Form, seen};
use crate::store::{ETag, Precondition, PutObject};
use crate::write;
use swap::PlainRow;
use tracing::Instrument as _;

/// A request's future.
pub(crate) type RequestFuture<'a, T> =
    std::pin::Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// A table of rows of type `T`: cheap to clone, `Send + Sync`.
///
/// From [`Db::table`]. The rows are the objects `<prefix>/<table>/<path><extension>`; a table needs
/// no creation.
///
/// ```
/// use s3orm::{Db, ErrorKind, S3Schema};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
/// #[s3(table = "people", path = "<city>/<id>")]
/// struct Person {
///     city: String,
///     id: u64,
///     age: u32,
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
/// let people = Db::connect("memory:").await?.table::<Person>();
/// let ann = Person { city: "Oslo".into(), id: 42, age: 30 };
///
/// people.insert(&ann).await?;
/// let again = people.insert(&ann).await.unwrap_err();
/// assert_eq!(again.kind(), ErrorKind::AlreadyExists);
///
/// people.update(("Oslo", 42), |person| person.age += 1).await?;
/// let row = people.get(("Oslo", 42)).await?;
/// assert_eq!(row.map(|person| person.age), Some(31));
///
/// people.delete(("Oslo", 42)).await?;
/// assert!(!people.exists(("Oslo", 42)).await?);
/// # Ok(()) }
/// ```
pub struct Table<T> {
    db: Db,
    /// `<prefix>/<table>/`.
    folder: Arc<str>,
    /// Whether rows are read as they are stored, whatever their hooks would show.
    as_stored: bool,
    marker: PhantomData<fn() -> T>,
}

impl<T> Clone for Table<T> {
    fn clone(&self) -> Self {
        Self {
            db: self.db.clone(),
            folder: Arc::clone(&self.folder),
            as_stored: self.as_stored,
            marker: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Table<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("folder", &self.folder)
            .field("db", &self.db)
            .finish_non_exhaustive()
    }
}

impl<T: S3Schema> Table<T> {
    pub(crate) fn new(db: Db) -> Self {
        let folder = format!("{}{}/", db.prefix(), T::SCHEMA.table).into();
        Self {
            db,
            folder,
            as_stored: false,
            marker: PhantomData,
        }
    }

    /// The key of a row's object, as it is on the bucket. No request.
    ///
    /// # Errors
    /// [`InvalidKey`](ErrorKind::InvalidKey).
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema};
    /// # #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<city>/<id>")]
    /// # struct Person { city: String, id: u64 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// let people = Db::connect("memory:").await?.table::<Person>();
    /// assert_eq!(people.key(("São Paulo", 7))?, "people/S!c3!a3o!20Paulo/7.json");
    /// # Ok(()) }
    /// ```
    pub fn key<K>(&self, key: K) -> Result<String>
    where
        T::Key: KeyFrom<K>,
    {
        self.object_key(&T::Key::key_from(key))
            .map_err(|error| self.during("key", error))
    }

    /// The bytes that [`put`](Self::put) would store, before they are compressed and encrypted (columns
    /// that are encrypted are so); of a stamped table, without the stamp. No request.
    ///
    /// # Errors
    /// [`InvalidRow`](ErrorKind::InvalidRow); with encrypted columns those of
    /// [`encrypt`](crate::encrypt#errors).
    pub fn encode(&self, row: &T) -> Result<Bytes> {
        self.object_key(&row.key())
            .and_then(|object| self.store_row(row, &object, self.version_to_write()))
            .map_err(|error| self.during("encode", error))
    }

    /// The row of a key and of stored bytes that are neither compressed nor encrypted, as [`get`](Self::get) would return
    /// it; of a row under a transaction, as it was before. No request.
    ///
    /// # Errors
    /// [`Decode`](ErrorKind::Decode), [`InvalidKey`](ErrorKind::InvalidKey).
    pub fn decode<K>(&self, key: K, body: &[u8]) -> Result<T>
    where
        T::Key: KeyFrom<K>,
    {
        let key = T::Key::key_from(key);
        self.object_key(&key)
            .and_then(|object| self.decode_object(key, &object, body))
            .map_err(|error| self.during("decode", error))
    }

    fn decode_object(&self, key: T::Key, object: &str, body: &[u8]) -> Result<T> {
        if !T::SCHEMA.is_stamped() {
            let content = Content::stored(T::SCHEMA.body, None, body);
            return Ok(self.decode_row(key, object, &content)?.0);
        }
        let form = stamp::body::read(&Bytes::copy_from_slice(body));
        let (_, form) = form.map_err(|error| error.into_error(object))?;
        let columns = match form {
            Form::Row(columns) => Some(columns),
            Form::Intent(intent) => intent.was,
            Form::Tombstone => None,
        };
        let Some(columns) = columns else {
            let detail = "the object is what a deleted row has left";
            return Err(Error::new(ErrorKind::Decode, detail).with_key(object));
        };
        Ok(self.decode_row(key, object, &Self::columns(&columns))?.0)
    }

    /// `<prefix>/<table>/`: what every key of this table begins with.
    pub(crate) fn folder(&self) -> &str {
        &self.folder
    }

    /// Begins a query: which rows, and then what of them.
    ///
    /// See [`Query`]. No request before one of its ends is awaited.
    pub fn query(&self) -> Query<'_, T> {
        Query::new(self)
    }

    /// This table with these settings, over those that it has: the narrowest of the
    /// [levels](crate::Settings). No request.
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema, Settings};
    /// # #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<id>")]
    /// # struct Person { id: u64 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// let people = Db::connect("memory:").await?.table::<Person>();
    /// let gently = people.with(Settings::new().concurrency(2).retries(10));
    /// gently.put_many((0..100).map(|id| Person { id })).await.into_result()?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with(&self, settings: Settings) -> Self {
        Self {
            db: self.db.with(settings),
            ..self.clone()
        }
    }

    /// The database.
    pub fn db(&self) -> &Db {
        &self.db
    }

    #[expect(clippy::unused_self, reason = "reads better at every call")]
    fn during(&self, operation: &'static str, error: Error) -> Error {
        error.during(operation, T::SCHEMA.table)
    }

    pub(crate) fn object_key(&self, key: &T::Key) -> Result<String> {
        let mut text = String::with_capacity(self.folder.len() + 48);
        text.push_str(&self.folder);
        key.write(&T::SCHEMA.path, &mut text)
            .map_err(|error| Error::new(ErrorKind::InvalidKey, error.to_string()))?;
        crate::store::check_key(&text).map_err(|error| store_error(error, None))?;
        Ok(text)
    }

    /// The row in the form of the program's version.
    pub(crate) fn encode_newest(&self, row: &T) -> Result<Bytes> {
        self.encode_as(row, T::SCHEMA.version)
    }

    /// The row in the form of a version.
    pub(crate) fn encode_as(&self, row: &T, version: u32) -> Result<Bytes> {
        Ok(self.form(row, version)?.bytes.into())
    }

    fn form(&self, row: &T, version: u32) -> Result<OldForm> {
        let (form, blobs) = noted(|| version::encode(row, version));
        let form = form.map_err(BodyError::into_write_error)?;
        self.db.check_size(form.bytes.len())?;
        for blob in &blobs {
            blob.check_table(T::SCHEMA.table)?;
        }
        Ok(form)
    }

    /// The row as it is stored: in the form of a version, with its columns encrypted that are to be.
    fn store_form(&self, row: &T, object: &str, version: u32) -> Result<OldForm> {
        let form = self.form(row, version);
        let mut form = form.map_err(|error| error.with_key(object))?;
        if form.schema.body == BodyFormat::Json {
            let sealed = self.db.sealer(object).seal_columns(form.schema, form.bytes);
            form.bytes = sealed.map_err(|error| error.into_error(object))?;
            self.db
                .check_size(form.bytes.len())
                .map_err(|error| error.with_key(object))?;
        }
        Ok(form)
    }

    fn store_row(&self, row: &T, object: &str, version: u32) -> Result<Bytes> {
        Ok(self.store_form(row, object, version)?.bytes.into())
    }

    /// The row of stored bytes and its version: its columns decrypted, and nothing done to it by its
    /// hook.
    pub(crate) fn decode_stored(
        &self,
        key: T::Key,
        object: &str,
        stored: &Content<'_>,
    ) -> Result<(T, u32)> {
        let columns = self.open_columns(object, stored)?;
        self.decode_opened(key, object, &Content::new(stored.format, &columns))
    }

    /// The same of columns that are decrypted.
    pub(crate) fn decode_opened(
        &self,
        key: T::Key,
        object: &str,
        opened: &Content<'_>,
    ) -> Result<(T, u32)> {
        let path = object.strip_prefix(self.folder()).unwrap_or(object);
        version::decode::<T>(key, path, opened)
            .map_err(|error| error.of_secrets(T::SCHEMA).into_error(object))
    }

    /// A row's columns as they were before they were encrypted.
    pub(crate) fn open_columns<'o>(
        &self,
        object: &str,
        stored: &Content<'o>,
    ) -> Result<Cow<'o, [u8]>> {
        // A newer version may have other columns encrypted.
        let known = if T::SCHEMA.has_encrypted_columns() {
            version::check_known::<T>(stored)
        } else {
            Ok(())
        };
        let sealer = self.db.sealer(object);
        let opened = known.and_then(|()| sealer.open_columns(T::SCHEMA, stored));
        opened.map_err(|error| error.into_error(object))
    }

    /// Bytes that this table has written, or a stamped row's columns.
    pub(crate) fn columns(bytes: &[u8]) -> Content<'_> {
        Content::new(T::SCHEMA.body, bytes)
    }

    /// The row of an object, and the version as which it is stored.
    fn decode_row(&self, key: T::Key, object: &str, body: &Content<'_>) -> Result<(T, u32)> {
        let (row, version) = self.decode_stored(key, object, body)?;
        self.seen_by_hook(row, version, object)
    }

    /// A row that was read, as its hook leaves it; it must be at its own key.
    pub(crate) fn seen_by_hook(&self, mut row: T, version: u32, object: &str) -> Result<(T, u32)> {
        if !self.as_stored {
            row = hooks::read(row, object)?;
        }
        let own = self.object_key(&row.key());
        if own.as_deref().is_ok_and(|own| own == object) {
            return Ok((row, version));
        }
        if version < T::SCHEMA.version && T::SCHEMA.versions().any(|one| one.path != T::SCHEMA.path)
        {
            let detail = format!("the row is of version {version}, and not yet at its new key");
            return Err(Error::new(ErrorKind::Schema, detail)
                .with_help("move the rows there: `table.migrate()`")
                .with_key(object));
        }
        let detail = match own {
            Ok(own) => format!("the row's columns say that its key is `{own}`"),
            Err(error) => format!("the row's columns make no key: {error}"),
        };
        Err(Error::new(ErrorKind::Decode, detail)
            .with_help("the object was copied, renamed or edited; fix its key columns or its key")
            .with_key(object))
    }

    /// Fills in what the library keeps, calls the row's hook and checks its rules.
    pub(crate) fn prepare(&self, row: &mut T, event: WriteEvent) -> Result<()> {
        let write = Prepare::new(self.db.env(), event);
        row.prepare(&write);
        let prepared = hooks::refused("before_write", row.__before_write(&write));
        prepared.and_then(|()| row.__validate()).map_err(|error| {
            match self.object_key(&row.key()) {
                Ok(key) => error.with_key(key),
                Err(_) => error,
            }
        })
    }

    /// Prepares a row, and makes its write.
    pub(crate) fn request(
        &self,
        row: &mut T,
        event: WriteEvent,
        options: &WriteOptions,
    ) -> Result<PutObject> {
        self.prepare(row, event)?;
        self.prepared(row, options)
    }

    /// The write of a row that is prepared.
    pub(crate) fn prepared(&self, row: &T, options: &WriteOptions) -> Result<PutObject> {
        let key = self.object_key(&row.key())?;
        let version = self.version_to_write();
        let OldForm { bytes, schema } = self.store_form(row, &key, version)?;
        let said = options.content_type.as_ref();
        // What is right for the program's version may not be for an older one, of another format.
        let said = said.filter(|own| {
            version == T::SCHEMA.version
                || T::SCHEMA.body.is_denied_by(own)
                || !schema.body.is_denied_by(own)
        });
        let content_type: Cow<'static, str> = match said {
            Some(own) => own.clone().into(),
            None => schema.content_type.into(),
        };
        if schema.body.is_denied_by(&content_type) {
            let own = schema.content_type;
            let detail =
                format!("the content type `{content_type}` is not that of the row's bytes");
            return Err(Error::new(ErrorKind::InvalidRow, detail)
                .with_help(format!("rows of this table are `{own}`"))
                .with_key(key));
        }
        let (body, encoding) = match schema.compress {
            Some(how) => compress::pack(bytes, how),
            None => (bytes, None),
        };
        let (body, encoding) = match schema.encrypt {
            Some(_) => {
                let sealed = self.db.sealer(&key).seal(&content_type, encoding, &body);
                let (sealed, encoding) = sealed.map_err(|error| error.into_error(&key))?;
                (sealed, Some(encoding))
            }
            None => (body, encoding.map(Into::into)),
        };
        Ok(PutObject {
            key,
            body: body.into(),
            precondition: Precondition::None,
            content_type: Some(content_type),
            content_encoding: encoding,
            metadata: options.metadata(self.db.env())?,
            checksum: None,
            encryption: None,
        })
    }

    /// Reads the row of a key.
    pub(crate) async fn fetch(&self, key: T::Key) -> Result<Option<Row<T>>> {
        let object_key = self.object_key(&key)?;
        self.fetch_object(key, object_key).await
    }

    /// Reads a row whose key is known in both forms.
    pub(crate) async fn fetch_object(
        &self,
        key: T::Key,
        object_key: String,
    ) -> Result<Option<Row<T>>> {
        if T::SCHEMA.is_stamped() {
            let seen = Box::pin(seen::look(&self.db, &object_key)).await?;
            return self.row_seen(key, &seen);
        }
        let found = self.read_plain(key, object_key).await?;
        Ok(found.map(PlainRow::into_row))
    }

    /// Reads the row of a key, for who does not ask for its version.
    async fn fetch_value(&self, key: T::Key) -> Result<Option<T>> {
        let object_key = self.object_key(&key)?;
        if T::SCHEMA.is_stamped() {
            let row = Box::pin(self.fetch_object(key, object_key)).await?;
            return Ok(row.map(Row::into_inner));
        }
        let found = self.read_plain(key, object_key).await?;
        Ok(found.map(|found| found.value))
    }
}

/// Makes a request with an `async fn run(self)` awaitable, and names the operation in its errors.
macro_rules! awaits {
    ($request:ident, $operation:literal, $output:ty) => {
        impl<'a, T: S3Schema> IntoFuture for $request<'a, T> {
            type Output = Result<$output>;
            type IntoFuture = RequestFuture<'a, $output>;

            fn into_future(self) -> Self::IntoFuture {
                operation::<T, _>($operation, self.run())
            }
        }
    };
}
use awaits;

/// Runs an operation in its span and names it in its errors.
pub(crate) fn operation<'a, T: S3Schema, R>(
    name: &'static str,
    run: impl Future<Output = Result<R>> + Send + 'a,
) -> RequestFuture<'a, R> {
    let table = T::SCHEMA.table;
    let span = tracing::debug_span!("s3orm", operation = name, table);
    Box::pin(async move { run.await.map_err(|error| error.during(name, table)) }.instrument(span))
}

/// A row that was just written.
pub(crate) fn written<T>(value: T, request: PutObject, etag: ETag) -> Row<T> {
    let PutObject {
        key,
        mut metadata,
        content_type,
        content_encoding,
        ..
    } = request;
    let id = metadata.remove(write::ID);
    write::strip(&mut metadata);
    Row {
        value,
        key,
        version: Version { etag, id },
        content_type: content_type.map(Into::into),
        content_encoding: content_encoding.map(Into::into),
        in_own_format: true,
        schema_version: 1,
        metadata,
        last_modified: None,
    }
}
