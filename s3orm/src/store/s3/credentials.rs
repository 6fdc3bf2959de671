//! Who asks: credentials, where they come from, and when they are fetched again.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use tokio::sync::Mutex;

use super::secret::Secret;
use crate::env::Env;
use crate::store::{StoreError, StoreErrorKind};

/// How long before they expire credentials are fetched again.
const REFRESH_BEFORE: Duration = Duration::from_mins(5);
/// How long before they expire credentials are not used any more.
const UNUSABLE_BEFORE: Duration = Duration::from_secs(10);

/// An access key and its secret.
#[derive(Clone)]
pub struct Credentials {
    /// The access key id.
    pub access_key: String,
    /// The secret access key.
    pub secret_key: Secret,
    /// The token of temporary credentials.
    pub session_token: Option<Secret>,
    /// When they end; never if none.
    pub expires: Option<SystemTime>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// What [`CredentialProvider::provide`] returns.
pub type CredentialFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Credentials, Box<dyn StdError + Send + Sync>>> + Send + 'a>>;

/// Another source of credentials. It is asked once, and again five minutes before they expire:
/// it need not cache.
pub trait CredentialProvider: fmt::Debug + Send + Sync + 'static {
    /// Fetches credentials. The error must show no secret.
    fn provide(&self) -> CredentialFuture<'_>;
}

/// The credentials of a store: fixed, or cached from a provider.
#[derive(Debug)]
pub(super) enum Identity {
    Anonymous,
    Fixed(Arc<Credentials>),
    Cached(Cache),
}

/// Keeps a provider's credentials fresh. Whoever needs them while they are being fetched waits for
/// the one fetch, or takes the old ones while these are good.
pub(super) struct Cache {
    env: Env,
    provider: Arc<dyn CredentialProvider>,
    current: RwLock<Option<Arc<Credentials>>>,
    fetching: Mutex<()>,
}

impl Cache {
    pub(super) fn new(env: Env, provider: Arc<dyn CredentialProvider>) -> Self {
        Self {
            env,
            provider,
            current: RwLock::new(None),
            fetching: Mutex::new(()),
        }
    }

    /// Good credentials.
    pub(super) async fn get(&self) -> Result<Arc<Credentials>, StoreError> {
        if let Some(fresh) = self.good_for(REFRESH_BEFORE) {
            return Ok(fresh);
        }
        let usable = self.good_for(UNUSABLE_BEFORE);
        let _fetching = match (&usable, self.fetching.try_lock()) {
            (_, Ok(guard)) => guard,
            (Some(usable), Err(_)) => return Ok(Arc::clone(usable)),
            (None, Err(_)) => self.fetching.lock().await,
        };
        if let Some(fresh) = self.good_for(REFRESH_BEFORE) {
            return Ok(fresh);
        }
        match self.provider.provide().await {
            Ok(credentials) => {
                let credentials = Arc::new(credentials);
                *self.current.write().unwrap_or_else(PoisonError::into_inner) =
                    Some(Arc::clone(&credentials));
                Ok(credentials)
            }
            Err(error) => usable.ok_or_else(|| {
                StoreError::new(
                    StoreErrorKind::Credentials,
                    format!("no credentials: {error}"),
                )
            }),
        }
    }

    /// Drops what S3 has refused.
    pub(super) fn forget(&self) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn good_for(&self, margin: Duration) -> Option<Arc<Credentials>> {
        let current = self
            .current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()?;
        let good = current
            .expires
            .is_none_or(|expires| expires > self.env.now() + margin);
        good.then_some(current)
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}

/// The provider of an AWS configuration.
#[cfg(feature = "sdk-config")]
#[derive(Debug)]
pub(super) struct SdkCredentials(aws_credential_types::provider::SharedCredentialsProvider);

#[cfg(feature = "sdk-config")]
impl SdkCredentials {
    pub(super) fn new(provider: aws_credential_types::provider::SharedCredentialsProvider) -> Self {
        Self(provider)
    }
}

#[cfg(feature = "sdk-config")]
impl CredentialProvider for SdkCredentials {
    fn provide(&self) -> CredentialFuture<'_> {
        use aws_credential_types::provider::ProvideCredentials as _;
        Box::pin(async {
            let found = self.0.provide_credentials().await?;
            Ok(Credentials {
                access_key: found.access_key_id().to_owned(),
                secret_key: found.secret_access_key().into(),
                session_token: found.session_token().map(Secret::from),
                expires: found.expiry(),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[derive(Debug)]
    struct Scripted {
        env: Env,
        life: Option<Duration>,
        calls: AtomicU32,
        fail_from: u32,
    }

    impl Scripted {
        fn cache(env: &Env, life: Option<Duration>, fail_from: u32) -> (Arc<Self>, Arc<Cache>) {
            let calls = AtomicU32::new(0);
            let provider = Arc::new(Self {
                env: env.clone(),
                life,
                calls,
                fail_from,
            });
            let cache = Cache::new(env.clone(), Arc::clone(&provider) as _);
            (provider, Arc::new(cache))
        }
    }

    impl CredentialProvider for Scripted {
        fn provide(&self) -> CredentialFuture<'_> {
            Box::pin(async {
                self.env.sleep(Duration::from_millis(10)).await;
                let call = self.calls.fetch_add(1, Ordering::Relaxed);
                if call >= self.fail_from {
                    return Err("the source is away".into());
                }
                Ok(Credentials {
                    access_key: format!("key-{call}"),
                    secret_key: "canary".into(),
                    session_token: None,
                    expires: self.life.map(|life| self.env.now() + life),
                })
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn many_requests_share_one_fetch() {
        let env = Env::seeded(1);
        let (provider, cache) = Scripted::cache(&env, None, u32::MAX);
        let tasks: Vec<_> = (0..32)
            .map(|_| {
                let cache = Arc::clone(&cache);
                env.spawn(async move { cache.get().await.unwrap().access_key.clone() })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap(), "key-0");
        }
        assert_eq!(provider.calls.load(Ordering::Relaxed), 1);
        assert!(!format!("{cache:?} {:?}", cache.get().await).contains("canary"));
        cache.forget();
        assert_eq!(cache.get().await.unwrap().access_key, "key-1");
    }

    #[tokio::test(start_paused = true)]
    async fn they_are_fetched_before_they_expire_and_kept_if_that_fails() {
        let env = Env::seeded(1);
        let (provider, cache) = Scripted::cache(&env, Some(Duration::from_hours(1)), 2);
        assert_eq!(cache.get().await.unwrap().access_key, "key-0");
        env.sleep(Duration::from_secs(3200)).await;
        assert_eq!(
            cache.get().await.unwrap().access_key,
            "key-0",
            "more than five minutes left"
        );
        env.sleep(Duration::from_secs(150)).await;
        assert_eq!(cache.get().await.unwrap().access_key, "key-1");
        env.sleep(Duration::from_secs(3400)).await;
        assert_eq!(
            cache.get().await.unwrap().access_key,
            "key-1",
            "the source failed, these last"
        );
        assert_eq!(provider.calls.load(Ordering::Relaxed), 3);
        env.sleep(Duration::from_mins(5)).await;
        let error = cache.get().await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Credentials);
        assert!(error.message().contains("the source is away"));
    }
}
