//! The store: where its requests go, and how each is signed and sent.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Request, Uri, header};
use http_body_util::Full;

use super::calls::check;
use super::chain;
use super::config::{AddressingStyle, CredentialSource, S3Config, check_bucket};
use super::connect::{Connector, Reach, connector, tls_config};
use super::credentials::{Cache, Credentials, Identity};
use super::encryption::CustomerKey;
use super::endpoint::Endpoint;
use super::gate::{Closer, Gate};
use super::headers::ExtraHeaders;
use super::keys::KeptKeys;
use super::profile::Profile;
use super::request::{Draft, invalid};
use super::sign::{Moment, Signer};
use super::transport::{Answer, Limits, Pool};
use crate::env::Env;
use crate::error::Error;
use crate::store::{StoreError, StoreErrorKind};

const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("s3orm/", env!("CARGO_PKG_VERSION")));
const OWNER: HeaderName = HeaderName::from_static("x-amz-expected-bucket-owner");

/// A bucket of an S3 service, over HTTP. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct S3Store {
    client: Arc<Client>,
    bucket: Arc<str>,
    place: Place,
}

/// What the buckets of one service share.
struct Client {
    env: Env,
    region: String,
    endpoint: Endpoint,
    style: AddressingStyle,
    identity: Identity,
    signer: Signer,
    headers: ExtraHeaders,
    customer_key: Option<CustomerKey>,
    connector: Connector,
    limits: Limits,
    gate: Arc<Gate>,
    /// Where the service itself is asked. In path style, its buckets too.
    service: Place,
}

/// Where requests go: a host, and the path in front of keys.
#[derive(Clone)]
struct Place {
    pool: Arc<Pool>,
    host: HeaderValue,
    base: Arc<str>,
}

impl S3Store {
    /// A store over this configuration. It makes no request: whether the bucket is there is
    /// [`Store::head_bucket`](crate::store::Store::head_bucket)'s to say.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config): a setting is wrong or missing, or a
    /// certificate file is not usable.
    pub fn connect(config: S3Config, env: Env) -> Result<Self, Error> {
        let variable = |name: &str| std::env::var(name).ok();
        let name = config
            .profile
            .clone()
            .or_else(|| variable("AWS_PROFILE").filter(|name| !name.is_empty()))
            .unwrap_or_else(|| "default".to_owned());
        let profile = Profile::load(&name, &variable, std::env::home_dir().as_deref());
        let resolved = config.resolve(&variable, &profile)?;
        let limits = Limits {
            connect_timeout: config.connect_timeout,
            timeout: config.timeout,
            idle: config.pool_size,
            idle_timeout: config.pool_idle_timeout,
        };
        let tls = tls_config(&config.tls, resolved.endpoint.is_https())?;
        let connector = connector(tls, Reach::Services, config.ip, config.connect_timeout);
        let identity = identity(&config, &env, &resolved.region)?;
        let gate = Gate::new();
        let service = Place::new(&env, &resolved.endpoint, &connector, limits, &gate)?;
        let client = Arc::new(Client {
            signer: Signer::new("s3", &resolved.region),
            region: resolved.region,
            endpoint: resolved.endpoint,
            style: resolved.style,
            headers: resolved.headers,
            customer_key: resolved.customer_key,
            env,
            identity,
            connector,
            limits,
            gate,
            service,
        });
        let place = client.place_of(&config.bucket)?;
        Ok(Self {
            client,
            bucket: config.bucket.into(),
            place,
        })
    }

    /// A hand on this client that does not keep it.
    pub(crate) fn closer(&self) -> Closer {
        Closer::new(&self.client.gate)
    }

    pub(super) fn to_bucket_named(&self, bucket: &str) -> Result<Self, StoreError> {
        check_bucket(bucket).map_err(invalid)?;
        let place = self
            .client
            .place_of(bucket)
            .map_err(|error| invalid(error.to_string()))?;
        Ok(Self {
            client: Arc::clone(&self.client),
            bucket: bucket.into(),
            place,
        })
    }

    pub(super) fn bucket_name(&self) -> &str {
        &self.bucket
    }

    pub(super) fn region(&self) -> &str {
        &self.client.region
    }

    pub(super) fn base(&self) -> &str {
        &self.place.base
    }

    /// The service's address.
    pub(super) fn origin(&self) -> String {
        self.client.endpoint.origin()
    }

    pub(super) fn now(&self) -> SystemTime {
        self.client.env.now()
    }

    /// Sends a request to the bucket: once.
    pub(super) async fn send(&self, mut draft: Draft) -> Result<Answer, StoreError> {
        if let Some(owner) = &self.client.headers.owner {
            draft.headers.insert(OWNER, owner.clone());
        }
        self.client.send(&self.place, draft).await
    }

    /// What this second's signatures need; nothing for an anonymous store.
    pub(super) async fn moment(&self) -> Result<Option<Arc<Moment>>, StoreError> {
        self.client.moment().await
    }

    /// Where the bucket's requests go: `https` or `http`, and the host.
    pub(super) fn host(&self) -> (&'static str, &HeaderValue) {
        let scheme = if self.client.endpoint.is_https() {
            "https"
        } else {
            "http"
        };
        (scheme, &self.place.host)
    }

    pub(super) fn extra_headers(&self) -> &ExtraHeaders {
        &self.client.headers
    }

    pub(super) fn customer_key(&self) -> Option<&CustomerKey> {
        self.client.customer_key.as_ref()
    }

    /// Sends a request to the service: once.
    pub(super) async fn send_to_service(&self, draft: Draft) -> Result<Answer, StoreError> {
        self.client.send(&self.client.service, draft).await
    }
}

/// What the store needs whose requests rusoto makes and signs.
#[cfg(feature = "rusoto")]
impl S3Store {
    pub(super) async fn credentials(&self) -> Result<Option<Arc<Credentials>>, StoreError> {
        self.client.credentials().await
    }

    /// Sends a request that is signed already: once.
    pub(super) async fn send_signed(
        &self,
        request: Request<Full<Bytes>>,
        max_body: u64,
    ) -> Result<Answer, StoreError> {
        self.client.exchange(&self.place, request, max_body).await
    }
}

impl Client {
    async fn send(&self, place: &Place, mut draft: Draft) -> Result<Answer, StoreError> {
        draft.headers.insert(header::HOST, place.host.clone());
        for (name, value) in &self.headers.signed {
            draft.headers.insert(name.clone(), value.clone());
        }
        if let Some(moment) = self.moment().await? {
            let mut headers = std::mem::take(&mut draft.headers);
            moment.sign(draft.signed(), &mut headers)?;
            draft.headers = headers;
        }
        let max_body = draft.max_body;
        self.exchange(place, draft.into_request()?, max_body).await
    }

    /// Sends a request that needs no more than what is not signed.
    async fn exchange(
        &self,
        place: &Place,
        mut request: Request<Full<Bytes>>,
        max_body: u64,
    ) -> Result<Answer, StoreError> {
        let headers = request.headers_mut();
        headers.insert(header::USER_AGENT, USER_AGENT);
        for (name, value) in &self.headers.unsigned {
            headers.insert(name.clone(), value.clone());
        }
        let answer = place.pool.exchange(request, max_body).await?;
        let checked = check(answer, self.env.now());
        if let Err(error) = &checked {
            self.notice(error);
        }
        checked
    }

    /// What this second's signatures need; nothing for an anonymous store.
    async fn moment(&self) -> Result<Option<Arc<Moment>>, StoreError> {
        if let Some(moment) = self.signer.current(self.env.now()) {
            return Ok(Some(moment));
        }
        let Some(credentials) = self.credentials().await? else {
            return Ok(None);
        };
        // Fetching took its time: sign with what the clock says now.
        self.signer.renew(self.env.now(), credentials).map(Some)
    }

    async fn credentials(&self) -> Result<Option<Arc<Credentials>>, StoreError> {
        match &self.identity {
            Identity::Anonymous => Ok(None),
            Identity::Fixed(credentials) => Ok(Some(Arc::clone(credentials))),
            Identity::Cached(cache) => cache.get().await.map(Some),
        }
    }

    /// Credentials that S3 refuses are fetched anew for the next request.
    fn notice(&self, error: &StoreError) {
        if let Identity::Cached(cache) = &self.identity
            && error.kind() == StoreErrorKind::Credentials
            && error.code() != Some("RequestTimeTooSkewed")
        {
            cache.forget();
            self.signer.forget();
        }
    }

    fn place_of(&self, bucket: &str) -> Result<Place, Error> {
        match self.style {
            AddressingStyle::Path => Ok(Place {
                base: format!("/{bucket}").into(),
                ..self.service.clone()
            }),
            AddressingStyle::Virtual => {
                let endpoint = self.endpoint.of_bucket(bucket, self.style);
                Place::new(
                    &self.env,
                    &endpoint,
                    &self.connector,
                    self.limits,
                    &self.gate,
                )
            }
        }
    }
}

impl Place {
    fn new(
        env: &Env,
        endpoint: &Endpoint,
        connector: &Connector,
        limits: Limits,
        gate: &Arc<Gate>,
    ) -> Result<Self, Error> {
        let unusable = || {
            Error::config(
                format!("`{}` is not a host", endpoint.authority()),
                "write the endpoint like `https://s3.example.com`",
            )
        };
        let mut parts = endpoint
            .origin()
            .parse::<Uri>()
            .map_err(|_| unusable())?
            .into_parts();
        parts.path_and_query = Some(PathAndQuery::from_static("/"));
        let origin = Uri::from_parts(parts).map_err(|_| unusable())?;
        Ok(Self {
            pool: Pool::new(env.clone(), origin, connector.clone(), limits, gate),
            host: HeaderValue::from_str(&endpoint.authority()).map_err(|_| unusable())?,
            base: "".into(),
        })
    }
}

fn identity(config: &S3Config, env: &Env, region: &str) -> Result<Identity, Error> {
    let provider = match &config.credentials {
        CredentialSource::Anonymous => return Ok(Identity::Anonymous),
        CredentialSource::Static {
            access_key,
            secret_key,
            session_token,
        } => {
            return Ok(Identity::Fixed(Arc::new(Credentials {
                access_key: access_key.clone(),
                secret_key: secret_key.clone(),
                session_token: session_token.clone(),
                expires: None,
            })));
        }
        CredentialSource::Keys(keys) => {
            keys.read()?; // what is wrong now is said now
            Arc::new(KeptKeys {
                env: env.clone(),
                keys: keys.clone(),
            })
        }
        CredentialSource::Provider(provider) => Arc::clone(provider),
        CredentialSource::Chain => {
            chain::machine(env, &config.tls, region, config.profile.as_deref())
        }
    };
    Ok(Identity::Cached(Cache::new(env.clone(), provider)))
}

impl fmt::Debug for S3Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Store")
            .field("bucket", &self.bucket)
            .field("endpoint", &self.client.endpoint.origin())
            .field("region", &self.client.region)
            .finish_non_exhaustive()
    }
}
