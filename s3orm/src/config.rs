//! A connection's options, by method and by parameter.

use std::sync::Arc;
#[cfg(feature = "s3")]
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
use crate::store::s3::{AddressingStyle, CredentialSource, S3Config};
use crate::store::trace::TraceStore;
use crate::store::{Layers, Store};

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
    options: Options,
    verbose: bool,
    #[cfg(feature = "cache")]
    cache_bytes: u64,
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
            misfit: None,
        }
    }

    /// Prints a line to standard error for each request: method, key, status, bytes and time.
    pub fn verbose(mut self, verbose: bool) -> Self {
        self.verbose = verbose;
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
        self.options.settings = self.options.settings.concurrency(requests);
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

    /// Settings of the table of this name, over what was said for it before, a task's and the
    /// application's: see [`Settings`]. The parameters are `tables.<name>.<setting>=<value>`.
    pub fn table_settings(mut self, table: impl Into<String>, settings: Settings) -> Self {
        let tables = Arc::make_mut(&mut self.options.tables);
        let known = tables.entry(table.into()).or_default();
        *known = settings.over(*known);
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

    /// Connects. No request is made.
    ///
    /// # Errors
    /// As [`Db::connect`].
    pub async fn connect(self) -> Result<Db> {
        if let Some(error) = self.misfit {
            return Err(error.during("connect", ""));
        }
        let env = &self.options.env;
        let store = open(self.location, env.clone())
            .await
            .map_err(|error| error.during("connect", ""))?;
        let store: Arc<dyn Store> = Arc::new(TraceStore::new(store, env.clone(), self.verbose));
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
        Ok(Db::open(layers, self.options))
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
async fn open(location: Location, env: Env) -> Result<Arc<dyn Store>> {
    match location {
        Location::Memory => Ok(Arc::new(MemoryStore::new("memory", env))),
        #[cfg(all(feature = "dir", unix))]
        Location::Folder(path) => match crate::store::dir::DirStore::open(&path, env).await {
            Ok(store) => Ok(Arc::new(store)),
            Err(error) => {
                let help = "name a folder that this program may write";
                Err(Error::config(error.to_string(), help).with_cause(error.into_cause()))
            }
        },
        #[cfg(feature = "s3")]
        Location::S3(config, Client::Own) => {
            Ok(Arc::new(crate::store::s3::S3Store::connect(*config, env)?))
        }
        #[cfg(feature = "rusoto")]
        Location::S3(config, Client::Rusoto) => Ok(Arc::new(
            crate::store::rusoto::RusotoStore::connect(*config, env)?,
        )),
    }
}

/// Options of `s3://` connections; on another connection they are an error when connecting.
#[cfg(feature = "s3")]
impl DbBuilder {
    fn s3(self, option: &str, set: impl FnOnce(&mut S3Config)) -> Self {
        self.of_s3(option, |config, _| set(config))
    }

    fn of_s3(mut self, option: &str, set: impl FnOnce(&mut S3Config, &mut Client)) -> Self {
        if let Location::S3(config, client) = &mut self.location {
            set(config, client);
        } else if self.misfit.is_none() {
            self.misfit = Some(Error::config(
                format!(
                    "`{option}` is an option of `s3://` connections; this is `{}`",
                    self.options.name
                ),
                "leave it out",
            ));
        }
        self
    }

    /// The region, such as `eu-north-1`. Unless set: `AWS_REGION`, `AWS_DEFAULT_REGION`, the
    /// profile's; with an endpoint, `us-east-1`.
    pub fn region(self, region: impl Into<String>) -> Self {
        self.s3("region", |config| config.region = Some(region.into()))
    }

    /// Another S3 than AWS: `https://host[:port]`; `http://` for this machine, or with
    /// [`allow_http`](Self::allow_http). Unless set: `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`.
    pub fn endpoint(self, endpoint: impl Into<String>) -> Self {
        self.s3("endpoint", |config| config.endpoint = Some(endpoint.into()))
    }

    /// Where the bucket's name stands: `path` (`https://host/bucket/key`; what an endpoint gets
    /// unless set) or `virtual` (`https://bucket.host/key`; what AWS gets).
    pub fn style(self, style: AddressingStyle) -> Self {
        self.s3("style", |config| config.style = Some(style))
    }

    /// The profile of `~/.aws/config` and `~/.aws/credentials`. Unless set: `AWS_PROFILE`.
    pub fn profile(self, profile: impl Into<String>) -> Self {
        self.s3("profile", |config| config.profile = Some(profile.into()))
    }

    /// Where credentials come from: the full chain of AWS's SDKs (environment, profile, SSO, web
    /// identity, ECS, EC2) unless set. No parameter: secrets do not belong in a connection string.
    pub fn credentials(self, source: CredentialSource) -> Self {
        self.s3("credentials", |config| config.credentials = source)
    }

    /// Region, endpoint and credentials of an `SdkConfig` that the application already has.
    #[cfg(feature = "sdk-config")]
    pub fn sdk_config(self, sdk: &aws_types::SdkConfig) -> Self {
        self.s3("sdk_config", |config| {
            let S3Config {
                region,
                endpoint,
                credentials,
                ..
            } = S3Config::from_sdk_config("", sdk);
            config.region = region.or(config.region.take());
            config.endpoint = endpoint.or(config.endpoint.take());
            config.credentials = credentials;
        })
    }

    /// Allows an `http://` endpoint that is not this machine: requests are signed, but everybody on
    /// the way can read and replay them.
    pub fn allow_http(self, allow: bool) -> Self {
        self.s3("allow_http", |config| config.allow_http = allow)
    }

    /// How long a connection may take (5 s unless set).
    pub fn connect_timeout(self, limit: Duration) -> Self {
        self.s3("connect_timeout", |config| config.connect_timeout = limit)
    }

    /// How long a request may take, from sending to the last byte of the answer (30 s unless set).
    pub fn timeout(self, limit: Duration) -> Self {
        self.s3("timeout", |config| config.timeout = limit)
    }

    /// How many idle connections are kept (64 unless set).
    pub fn pool_size(self, connections: usize) -> Self {
        self.s3("pool_size", |config| config.pool_size = connections)
    }

    /// A file of the certificate authorities to trust instead of the system's, in PEM.
    pub fn tls_ca(self, file: impl Into<std::path::PathBuf>) -> Self {
        self.s3("tls_ca", |config| config.tls.ca_file = Some(file.into()))
    }

    /// A file of the client's certificate chain, in PEM; with [`tls_key`](Self::tls_key).
    pub fn tls_cert(self, file: impl Into<std::path::PathBuf>) -> Self {
        self.s3("tls_cert", |config| {
            config.tls.client_cert_file = Some(file.into());
        })
    }

    /// A file of the client certificate's private key, in PEM.
    pub fn tls_key(self, file: impl Into<std::path::PathBuf>) -> Self {
        self.s3("tls_key", |config| {
            config.tls.client_key_file = Some(file.into());
        })
    }

    /// A header for every request; it is signed. Its parameter is `header.<name>=<value>`.
    pub fn header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.s3("header", |config| {
            config.headers.push((name.into(), value.into()));
        })
    }

    /// The account that must own the bucket: S3 refuses every request otherwise.
    pub fn expected_bucket_owner(self, account: impl Into<String>) -> Self {
        self.s3("expected_bucket_owner", |config| {
            config.expected_bucket_owner = Some(account.into());
        })
    }

    /// Which client speaks to S3: `s3`, our own (unless set), or `rusoto`.
    #[cfg(feature = "rusoto")]
    pub fn rusoto(self) -> Self {
        self.of_s3("rusoto", |_, client| *client = Client::Rusoto)
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
