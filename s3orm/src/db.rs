//! `Db`: a connection, its configuration, and the tables reached through it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;

use crate::catalog::Leases;
use crate::config::DbBuilder;
use crate::doctor::Report;
#[cfg(feature = "encrypt")]
use crate::encrypt::KeyProvider;
use crate::encrypt::Sealer;
use crate::env::Env;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::S3Schema;
use crate::settings::{self, Settings};
use crate::store::{Layers, Store, StoreErrorKind};
use crate::table::{Table, store_error};
use crate::url;

/// A database: a prefix of a bucket. Cheap to clone; clones share one connection pool.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
/// let db = s3orm::Db::connect("memory:").await?;
/// assert_eq!(db.to_string(), "memory:");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Db(Arc<Inner>);

struct Inner {
    /// The layers' top.
    store: Arc<dyn Store>,
    layers: Layers,
    options: Options,
    known: Arc<Known>,
}

/// What a connection has learned of its bucket, whatever settings it is used with.
#[derive(Default)]
struct Known {
    /// What is recorded of what the store honours, once somebody has asked.
    recorded: OnceCell<Option<Report>>,
    leases: Leases,
}

/// What of a connection's configuration its operations look at.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// The connection string without its parameters.
    pub(crate) name: String,
    /// Empty, or with a `/` at its end.
    pub(crate) prefix: String,
    pub(crate) env: Env,
    /// The application's.
    pub(crate) settings: Settings,
    /// Those of tables, by their names.
    pub(crate) tables: Arc<BTreeMap<String, Settings>>,
    /// Those of the one table that this connection was handed to.
    pub(crate) table: Settings,
    pub(crate) transaction_lease: Duration,
    #[cfg(feature = "encrypt")]
    pub(crate) row_keys: Option<Arc<dyn KeyProvider>>,
}

impl Options {
    pub(crate) fn new(name: String, prefix: String, env: Env) -> Self {
        Self {
            name,
            prefix,
            env,
            settings: Settings::new(),
            tables: Arc::default(),
            table: Settings::new(),
            transaction_lease: Duration::from_secs(10),
            #[cfg(feature = "encrypt")]
            row_keys: None,
        }
    }
}

impl Db {
    /// Connects by a connection string. See [`DbBuilder`] for its parameters.
    ///
    /// | connection string | what it is |
    /// |---|---|
    /// | `s3://bucket/prefix?region=eu-north-1` | a bucket on AWS |
    /// | `s3://bucket?endpoint=http://localhost:9000` | a bucket on any other S3 |
    /// | `file:./data` | a folder of readable files, created if missing |
    /// | `memory:` | nothing that outlives the `Db` |
    ///
    /// No request is made: whether the bucket is there and may be used turns out at the first one,
    /// or by [`check`](Self::check).
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) says what is wrong with the connection string or the
    /// environment, and what would be right. [`Unsupported`](crate::ErrorKind::Unsupported) if the cargo
    /// feature is missing.
    pub async fn connect(connection: &str) -> Result<Self> {
        Self::builder(connection)?.connect().await
    }

    /// Begins a connection whose options are set by methods, over those of the connection string.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config): the connection string cannot be read.
    pub fn builder(connection: &str) -> Result<DbBuilder> {
        url::parse(connection).map_err(|error| error.during("connect", ""))
    }

    /// A database over a store of one's own, at a prefix: layers for tests, another client.
    ///
    /// The store gets every request as it is, and none is sent again: put a
    /// [`RetryStore`](crate::store::retry::RetryStore) around it where that is wanted.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config): the prefix cannot be part of a key.
    pub fn with_store(store: Arc<dyn Store>, prefix: &str, env: Env) -> Result<Self> {
        let name = format!("{}/{prefix}", store.bucket());
        let prefix = url::prefix(prefix).map_err(|error| error.during("connect", ""))?;
        Ok(Self::open(
            Layers::alone(store),
            Options::new(name, prefix, env),
        ))
    }

    pub(crate) fn open(layers: Layers, options: Options) -> Self {
        Self::open_again(layers, options, Arc::default())
    }

    fn open_again(layers: Layers, options: Options, known: Arc<Known>) -> Self {
        Self(Arc::new(Inner {
            store: layers.stack(&options.env, &options.table, &options.settings),
            layers,
            options,
            known,
        }))
    }

    /// This database as its table of this name uses it.
    pub(crate) fn of_table(&self, name: &str) -> Self {
        let settings = self.0.options.tables.get(name);
        self.handed_to_table(settings.cloned().unwrap_or_default())
    }

    /// This database for a table with these settings, over those that it has.
    pub(crate) fn with(&self, settings: Settings) -> Self {
        self.handed_to_table(settings.over(&self.0.options.table))
    }

    fn handed_to_table(&self, table: Settings) -> Self {
        if table == self.0.options.table {
            return self.clone();
        }
        let options = Options {
            table,
            ..self.0.options.clone()
        };
        let known = Arc::clone(&self.0.known);
        Self::open_again(self.0.layers.clone(), options, known)
    }

    /// This database with these keys for encrypted rows and columns, in place of those that it has: a
    /// tenant's, for instance. Connections and everything else are shared. No request.
    ///
    /// See [`encrypt`](crate::encrypt).
    ///
    /// ```
    /// use s3orm::encrypt::StaticKeys;
    /// use s3orm::{Db, ErrorKind, S3Schema};
    ///
    /// #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
    /// #[s3(table = "letters", path = "<id>", encrypt)]
    /// struct Letter { id: u64, text: String }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// let db = Db::connect("memory:").await?;
    /// let ours = db.with_row_keys(StaticKeys::from_bytes("ours", [1; 32])?);
    /// let theirs = db.with_row_keys(StaticKeys::from_bytes("theirs", [2; 32])?);
    /// ours.table::<Letter>().put(Letter { id: 7, text: "between us".into() }).await?;
    /// let refused = theirs.table::<Letter>().get(7).await.err().map(|error| error.kind());
    /// assert_eq!(refused, Some(ErrorKind::Denied));
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "encrypt")]
    #[must_use]
    pub fn with_row_keys(&self, keys: impl KeyProvider + 'static) -> Self {
        let options = Options {
            row_keys: Some(Arc::new(keys)),
            ..self.0.options.clone()
        };
        let known = Arc::clone(&self.0.known);
        Self::open_again(self.0.layers.clone(), options, known)
    }

    /// Encrypts and decrypts what is at the key of an object.
    pub(crate) fn sealer<'a>(&'a self, key: &'a str) -> Sealer<'a> {
        Sealer {
            #[cfg(feature = "encrypt")]
            keys: self.0.options.row_keys.as_deref(),
            #[cfg(feature = "encrypt")]
            env: &self.0.options.env,
            place: key.strip_prefix(self.prefix()).unwrap_or(key),
        }
    }

    pub(crate) fn layers(&self) -> &Layers {
        &self.0.layers
    }

    /// The table of `T`. No request.
    pub fn table<T: S3Schema>(&self) -> Table<T> {
        Table::new(self.of_table(T::SCHEMA.table))
    }

    /// Asks whether the bucket is there and may be used.
    ///
    /// # Errors
    /// [`NoSuchBucket`](crate::ErrorKind::NoSuchBucket), [`Denied`](crate::ErrorKind::Denied),
    /// [`Credentials`](crate::ErrorKind::Credentials), [`Unavailable`](crate::ErrorKind::Unavailable) if nobody
    /// answers, [`Config`](crate::ErrorKind::Config) if the bucket is in another region.
    ///
    /// # Cost
    /// 1 LIST of one key (S3 does not say why it refuses a HEAD).
    pub async fn check(&self) -> Result<()> {
        self.0
            .store
            .head_bucket()
            .await
            .map_err(|error| self.bucket_error("check", error))
    }

    /// Creates the bucket if it does not exist.
    ///
    /// # Errors
    /// As [`check`](Self::check); [`AlreadyExists`](crate::ErrorKind::AlreadyExists) if the name is taken
    /// by somebody else.
    ///
    /// # Cost
    /// 1 request if the bucket is there, 2 if not.
    pub async fn ensure_bucket(&self) -> Result<()> {
        match self.0.store.head_bucket().await {
            Err(error) if error.kind() == StoreErrorKind::NoSuchBucket => {}
            result => return result.map_err(|error| self.bucket_error("ensure_bucket", error)),
        }
        match self.0.store.create_bucket().await {
            // Somebody else was faster, or the name is another's: the next request will tell.
            Err(error) if error.kind() == StoreErrorKind::BucketExists => {
                self.0.store.head_bucket().await
            }
            result => result,
        }
        .map_err(|error| self.bucket_error("ensure_bucket", error))
    }

    fn bucket_error(&self, operation: &'static str, error: crate::store::StoreError) -> Error {
        store_error(error, Some(self.0.store.bucket().to_owned())).during(operation, "")
    }

    /// The store under this database, with its layers: S3's own calls, for what the library does
    /// not do.
    pub fn store(&self) -> &dyn Store {
        &*self.0.store
    }

    /// What every key of this database begins with: empty, or with a `/` at its end.
    pub fn prefix(&self) -> &str {
        &self.0.options.prefix
    }

    /// Whether both are of one connection, whatever settings they were handed.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0.known, &other.0.known)
    }

    pub(crate) fn recorded(&self) -> &OnceCell<Option<Report>> {
        &self.0.known.recorded
    }

    pub(crate) fn options(&self) -> &Options {
        &self.0.options
    }

    /// Refuses a row that is larger than `max_row_bytes`.
    pub(crate) fn check_size(&self, bytes: usize) -> Result<()> {
        let limit = self.max_row_bytes();
        if bytes as u64 <= limit {
            return Ok(());
        }
        let detail = format!("the row is {bytes} bytes long; the limit is {limit}");
        Err(Error::new(ErrorKind::InvalidRow, detail)
            .with_help("store large data apart, or raise `max_row_bytes`"))
    }

    /// What is known of its tables, and since when.
    pub(crate) fn leases(&self) -> &Leases {
        &self.0.known.leases
    }

    pub(crate) fn env(&self) -> &Env {
        &self.0.options.env
    }

    /// What the narrowest level says: the table's, the task's, the application's.
    pub(crate) fn setting<T>(&self, of: impl Fn(&Settings) -> Option<T>) -> Option<T> {
        let Options {
            settings, table, ..
        } = &self.0.options;
        of(table)
            .or_else(|| of(&settings::current()))
            .or_else(|| of(settings))
    }

    pub(crate) fn concurrency(&self) -> Option<usize> {
        self.setting(|settings| settings.concurrency)
    }

    pub(crate) fn max_row_bytes(&self) -> u64 {
        let set = self.setting(|settings| settings.max_row_bytes);
        set.unwrap_or(16 * 1024 * 1024)
    }

    /// The most that the object of a row may measure: an intent holds the row twice, and a stamp.
    pub(crate) fn max_object_bytes(&self) -> u64 {
        2 * self.max_row_bytes() + 4096
    }

    /// How long a transaction may stand still before others abort it.
    pub(crate) fn transaction_lease(&self) -> Duration {
        self.0.options.transaction_lease
    }

    /// The pauses of an operation that begins again when somebody else was faster.
    pub(crate) fn attempts(&self) -> Attempts<'_> {
        Attempts {
            env: self.env(),
            left: (self.setting(|settings| settings.max_attempts)).unwrap_or(100),
            pause: Duration::from_millis(2),
        }
    }
}

impl fmt::Display for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.options.name)
    }
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db")
            .field("name", &self.0.options.name)
            .field("store", &self.0.store)
            .finish()
    }
}

/// Attempts against faster writers: full jitter, so that equals do not meet again.
pub(crate) struct Attempts<'a> {
    env: &'a Env,
    left: u32,
    pause: Duration,
}

impl Attempts<'_> {
    /// Waits; `false` when there is no attempt left.
    pub(crate) async fn next(&mut self) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        self.env.sleep(self.env.jitter(self.pause)).await;
        self.pause = (self.pause * 2).min(Duration::from_millis(250));
        true
    }
}
