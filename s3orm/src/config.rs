//! A connection's options, by method and by name.
//!
//! - `s3`: the methods of `s3://` connections. `options`: the name of each option that text can say.
//! - `check`: options that must agree.
//! - `values`: what the text of each can be.
//! - `source`: options from files and the environment. `toml`: the file's format.

mod check;
pub(crate) mod options;
#[cfg(feature = "s3")]
mod s3;
mod source;
#[cfg(feature = "toml")]
mod toml;
mod values;

pub use source::Config;
pub(crate) use source::no_profile;

use std::sync::Arc;
use std::time::Duration;

use crate::db::{Db, Options};
use crate::env::Env;
use crate::error::{Error, Result};
use crate::settings::Settings;
#[cfg(feature = "cache")]
use crate::store::cache::CacheStore;
use crate::store::memory::MemoryStore;
use crate::store::retry::RetryPolicy;
#[cfg(feature = "s3")]
use crate::store::s3::{Closer, S3Config};
use crate::store::trace::TraceStore;
use crate::store::{Encryption, Layers, Store};

/// Where the rows are.
#[derive(Debug, Clone)]
pub(crate) enum Location {
    Memory,
    #[cfg(all(feature = "dir", unix))]
    Folder(std::path::PathBuf),
    #[cfg(feature = "s3")]
    S3(Box<S3Config>, Client),
}

/// Which client speaks to S3.
#[cfg(feature = "s3")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    Own,
    #[cfg(feature = "rusoto")]
    Rusoto,
}

/// A connection before it is made: the connection string's options, and methods over them.
///
/// Each method has a parameter of the same name in the connection string, where its value can be
/// written as text; `header.<name>=<value>` stands for [`header`](Self::header). Durations are
/// written `500ms`, `15s` or `2m`.
///
/// ```no_run
/// # use std::time::Duration;
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
/// let db = s3orm::Db::builder("s3://bucket/prefix?region=eu-north-1&timeout=10s")?
///     .profile("reports")
///     .connect_timeout(Duration::from_secs(2))
///     .verbose(true)
///     .connect()
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until `connect`"]
pub struct DbBuilder {
    location: Location,
    pub(crate) options: Options,
    verbose: bool,
    #[cfg(feature = "cache")]
    cache_bytes: u64,
    #[cfg(feature = "encrypt")]
    row_keys: Option<crate::store::s3::SecretSource>,
    /// The first option that does not fit the connection: told when connecting.
    misfit: Option<Error>,
}

impl DbBuilder {
    pub(crate) fn new(location: Location, prefix: String, name: String) -> Self {
        Self {
            location,
            options: Options::new(name, prefix, Env::system()),
            verbose: false,
            #[cfg(feature = "cache")]
            cache_bytes: 0,
            #[cfg(feature = "encrypt")]
            row_keys: None,
            misfit: None,
        }
    }

    /// Prints a line to standard error for each request: method, key, status, bytes and time.
    pub fn verbose(mut self, verbose: bool) -> Self {
        self.verbose = verbose;
        self
    }

    /// The keys for encrypted rows and columns: [`StaticKeys`](crate::encrypt::StaticKeys), or a
    /// [`KeyProvider`](crate::encrypt::KeyProvider) of one's own. See [`encrypt`](crate::encrypt).
    #[cfg(feature = "encrypt")]
    pub fn row_keys(mut self, keys: impl crate::encrypt::KeyProvider + 'static) -> Self {
        self.options.row_keys = Some(Arc::new(keys));
        self.row_keys = None;
        self
    }

    /// The same from where they are kept, a [ring of keys](crate::encrypt::StaticKeys::ring): read
    /// when connecting. The parameter is `row_keys=file:///run/secrets/row-keys` or `row_keys=env:ROW_KEYS`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let secret = format!("2026-11 {}", "11".repeat(32));
    /// let db = s3orm::Db::builder("memory:")?.row_keys_from(secret).connect().await?;
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "encrypt")]
    pub fn row_keys_from(mut self, source: impl Into<crate::store::s3::SecretSource>) -> Self {
        self.row_keys = Some(source.into());
        self.options.row_keys = None;
        self
    }

    /// The application's settings, over those that were set before.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.options.settings = settings.over(&self.options.settings);
        self
    }

    /// How often a request is sent again that certainly was not applied, or that only reads
    /// (3 unless set).
    pub fn retries(mut self, retries: u32) -> Self {
        self.options.settings.retries = Some(retries);
        self
    }

    /// The largest row in bytes that is written or read (16 MiB unless set).
    pub fn max_row_bytes(mut self, bytes: u64) -> Self {
        self.options.settings.max_row_bytes = Some(bytes);
        self
    }

    /// How often [`update`](crate::Table::update) and the `returning_old` forms begin again when
    /// somebody else was faster (100 unless set).
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.options.settings.max_attempts = Some(attempts);
        self
    }

    /// How many requests of a query or a batch are under way at once, at least 1 (16 unless set, 4 in
    /// batches whose requests hold many rows).
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.options.settings.concurrency = Some(requests.max(1));
        self
    }

    /// At most this many requests for a query: as [`Query::max_requests`](crate::Query::max_requests)
    /// (no limit unless set).
    pub fn max_requests(mut self, requests: u64) -> Self {
        self.options.settings.max_requests = Some(requests);
        self
    }

    /// At most this much money for a query's requests, in US dollars: as
    /// [`Query::max_cost`](crate::Query::max_cost) (no limit unless set).
    pub fn max_cost(mut self, dollars: f64) -> Self {
        self.options.settings.max_cost = Some(dollars);
        self
    }

    /// How S3 encrypts at rest what is written: as the bucket says, unless set. Refused beside a
    /// [`customer_key`](Self::customer_key), and by every write to a folder. The parameters are
    /// `encryption=AES256` or `encryption=aws:kms`, and of the latter `kms_key_id`, `kms_context` (a
    /// JSON object) and `bucket_key`.
    pub fn encryption(mut self, encryption: Encryption) -> Self {
        self.options.settings.encryption = Some(encryption);
        self
    }

    /// The shortest part of an upload in bytes, but for the last (5 MiB unless set, which is S3's
    /// least). What is no longer is one PUT. In text also `8MiB` or `1GiB`.
    pub fn min_part_size(mut self, bytes: u64) -> Self {
        self.options.settings.min_part_size = Some(bytes);
        self
    }

    /// The longest part of an upload in bytes (5 GiB unless set, which is S3's most). In text also
    /// `8MiB` or `1GiB`.
    pub fn max_part_size(mut self, bytes: u64) -> Self {
        self.options.settings.max_part_size = Some(bytes);
        self
    }

    /// How many parts of an upload are sent at the same time, at least 1 (4 unless set). So many, and
    /// one more, are in memory.
    pub fn parallel_parts(mut self, parts: usize) -> Self {
        self.options.settings.parallel_parts = Some(parts.max(1));
        self
    }

    /// Settings of the table of this name, over what was said for it before, a task's and the
    /// application's: see [`Settings`]. The parameters are `tables.<name>.<setting>=<value>`.
    pub fn table_settings(mut self, table: impl Into<String>, settings: Settings) -> Self {
        let tables = Arc::make_mut(&mut self.options.tables);
        let known = tables.entry(table.into()).or_default();
        *known = settings.over(known);
        self
    }

    /// How long a transaction that makes no progress keeps others waiting before they abort it, each
    /// by its own clock (10 s unless set). A short one aborts transactions that are merely slow: they
    /// begin again.
    pub fn transaction_lease(mut self, lease: Duration) -> Self {
        self.options.transaction_lease = lease;
        self
    }

    /// Keeps up to so many bytes of the rows that are read (none unless set). Each read still asks
    /// S3, which answers without the body if the row is unchanged: see
    /// [`CacheStore`](crate::store::cache::CacheStore).
    #[cfg(feature = "cache")]
    pub fn cache_bytes(mut self, bytes: u64) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// Time and randomness from elsewhere: a seed, so that a failure replays. No parameter.
    pub fn env(mut self, env: Env) -> Self {
        self.options.env = env;
        self
    }

    /// The options of a [profile](crate::Profiles), where none is said.
    pub(crate) fn for_profile(mut self) -> Self {
        self.options.settings.retries = Some(2);
        #[cfg(feature = "s3")]
        if let Location::S3(config, _) = &mut self.location {
            config.connect_timeout = Duration::from_secs(15);
            config.timeout = Duration::from_secs(30);
            config.pool_size = 8;
        }
        self
    }

    /// Connects. No request is made.
    ///
    /// # Errors
    /// As [`Db::connect`].
    pub async fn connect(self) -> Result<Db> {
        Ok(self.open().await?.db)
    }

    #[cfg_attr(not(feature = "encrypt"), allow(unused_mut))]
    pub(crate) async fn open(mut self) -> Result<Opened> {
        if let Some(error) = self.misfit {
            return Err(error.during("connect", ""));
        }
        #[cfg(feature = "encrypt")]
        if let Some(source) = self.row_keys.take() {
            let keys = crate::encrypt::StaticKeys::ring(source);
            let keys = keys.map_err(|error| error.during("connect", ""))?;
            self.options.row_keys = Some(Arc::new(keys));
        }
        self.check().map_err(|error| error.during("connect", ""))?;
        let env = &self.options.env;
        let bottom = open(self.location, env.clone())
            .await
            .map_err(|error| error.during("connect", ""))?;
        let store: Arc<dyn Store> =
            Arc::new(TraceStore::new(bottom.store, env.clone(), self.verbose));
        let mut retry = RetryPolicy::default();
        if let Some(retries) = self.options.settings.retries {
            retry.max_retries = retries;
        }
        let layers = Layers {
            #[cfg(feature = "cache")]
            cache: cache(&store, self.cache_bytes)?,
            bottom: store,
            retry: Some(retry),
        };
        Ok(Opened {
            db: Db::open(layers, self.options),
            #[cfg(feature = "s3")]
            closer: bottom.closer,
        })
    }
}

/// A connection, and what closes it while others hold it; nothing where no pool is.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) db: Db,
    #[cfg(feature = "s3")]
    pub(crate) closer: Option<Closer>,
}

/// A store without layers, and what closes it.
struct Bottom {
    store: Arc<dyn Store>,
    #[cfg(feature = "s3")]
    closer: Option<Closer>,
}

impl Bottom {
    fn local(store: impl Store) -> Self {
        Self {
            store: Arc::new(store),
            #[cfg(feature = "s3")]
            closer: None,
        }
    }
}

#[cfg(feature = "cache")]
fn cache(store: &Arc<dyn Store>, bytes: u64) -> Result<Option<CacheStore>> {
    if bytes == 0 {
        return Ok(None);
    }
    CacheStore::new(Arc::clone(store), bytes)
        .map(Some)
        .map_err(|error| {
            let help = "set a smaller `cache_bytes`";
            Error::config(error.to_string(), help).during("connect", "")
        })
}

#[cfg_attr(
    not(all(feature = "dir", unix)),
    expect(clippy::unused_async, reason = "opening a folder waits for the disk")
)]
async fn open(location: Location, env: Env) -> Result<Bottom> {
    match location {
        Location::Memory => Ok(Bottom::local(MemoryStore::new("memory", env))),
        #[cfg(all(feature = "dir", unix))]
        Location::Folder(path) => match crate::store::dir::DirStore::open(&path, env).await {
            Ok(store) => Ok(Bottom::local(store)),
            Err(error) => {
                let help = "name a folder that this program may write";
                Err(Error::config(error.to_string(), help).with_cause(error.into_cause()))
            }
        },
        #[cfg(feature = "s3")]
        Location::S3(config, Client::Own) => {
            let store = crate::store::s3::S3Store::connect(*config, env)?;
            Ok(Bottom {
                closer: Some(store.closer()),
                store: Arc::new(store),
            })
        }
        #[cfg(feature = "rusoto")]
        Location::S3(config, Client::Rusoto) => {
            let store = crate::store::rusoto::RusotoStore::connect(*config, env)?;
            Ok(Bottom {
                closer: Some(store.closer()),
                store: Arc::new(store),
            })
        }
    }
}

#[cfg(all(test, feature = "s3"))]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[tokio::test]
    async fn options_of_s3_are_refused_elsewhere() {
        let memory = || Db::builder("memory:").expect("a connection string");
        let builders = [
            ("region", memory().region("eu-west-1").pool_size(1)),
            #[cfg(feature = "rusoto")]
            ("rusoto", memory().rusoto()),
        ];
        for (option, builder) in builders {
            let error = builder.connect().await.expect_err(option);
            assert_eq!(error.kind(), ErrorKind::Config);
            let expected = format!("`{option}` is an option of `s3://` connections");
            assert!(error.to_string().contains(&expected), "{error}");
        }
    }
}
