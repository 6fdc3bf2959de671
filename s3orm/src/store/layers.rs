//! The layers over a connection's store, in their order, and how they are put up anew.

use std::sync::Arc;

#[cfg(feature = "cache")]
use super::cache::CacheStore;
use super::retry::{RetryPolicy, RetryStore};
use super::{EncryptStore, Store, StoreError};
use crate::env::Env;
use crate::settings::Settings;

/// A store and what is put around it: requests are sent again, and reads are kept.
#[derive(Debug, Clone)]
pub(crate) struct Layers {
    /// Sends each request once.
    pub(crate) bottom: Arc<dyn Store>,
    /// None over a store of the caller's own, which gets every request as it is.
    pub(crate) retry: Option<RetryPolicy>,
    #[cfg(feature = "cache")]
    pub(crate) cache: Option<CacheStore>,
}

impl Layers {
    /// This store alone.
    pub(crate) fn alone(bottom: Arc<dyn Store>) -> Self {
        Self {
            bottom,
            retry: None,
            #[cfg(feature = "cache")]
            cache: None,
        }
    }

    /// The same over another bucket.
    pub(crate) fn with_bucket(&self, bucket: &str) -> Result<Self, StoreError> {
        Ok(Self {
            bottom: self.bottom.with_bucket(bucket)?,
            ..self.clone()
        })
    }

    /// The store on top of them. With the table's `retries`, a request is sent again so often,
    /// whatever the policy and the task's scope say.
    pub(crate) fn stack(
        &self,
        env: &Env,
        table: &Settings,
        application: &Settings,
    ) -> Arc<dyn Store> {
        let bottom = Arc::clone(&self.bottom);
        let store: Arc<dyn Store> = match (table.retries, self.retry) {
            (Some(max_retries), policy) => {
                let policy = RetryPolicy {
                    max_retries,
                    ..policy.unwrap_or_default()
                };
                Arc::new(RetryStore::fixed(bottom, env.clone(), policy))
            }
            (None, Some(policy)) => Arc::new(RetryStore::new(bottom, env.clone(), policy)),
            (None, None) => bottom,
        };
        let store: Arc<dyn Store> = Arc::new(EncryptStore {
            inner: store,
            table: table.encryption.clone(),
            application: application.encryption.clone(),
        });
        #[cfg(feature = "cache")]
        if let Some(cache) = &self.cache {
            return Arc::new(cache.over(store));
        }
        store
    }
}
