//! Pools that were exchanged or stopped, while somebody holds them.

use std::time::Duration;

use crate::config::Opened;

#[cfg(feature = "s3")]
pub(super) use with_pools::Old;

#[cfg(feature = "s3")]
mod with_pools {
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use super::{Duration, Opened};
    use crate::store::s3::Closer;

    /// By their profiles' names.
    #[derive(Debug)]
    pub(in super::super) struct Old {
        grace: Duration,
        pools: Mutex<Vec<(String, Closer)>>,
    }

    impl Old {
        /// Each may be held for this long.
        pub(in super::super) fn new(grace: Duration) -> Self {
            Self {
                grace,
                pools: Mutex::default(),
            }
        }

        /// Lets go of a connection, and closes it when its time is up.
        pub(in super::super) fn add(&self, name: &str, profile: Opened) {
            let Some(closer) = profile.closer else { return };
            let env = profile.db.env().clone();
            drop(profile.db);
            {
                let mut pools = self.pools();
                pools.retain(|(_, closer)| closer.is_held());
                pools.push((name.to_owned(), closer.clone()));
            }
            let (grace, timer) = (self.grace, env.clone());
            env.spawn(async move { closer.close_after(&timer, grace).await });
        }

        /// How many of a profile's somebody holds.
        pub(in super::super) fn held(&self, name: &str) -> usize {
            let pools = self.pools();
            let of_it = pools.iter().filter(|(profile, _)| profile == name);
            of_it.filter(|(_, closer)| closer.is_held()).count()
        }

        fn pools(&self) -> MutexGuard<'_, Vec<(String, Closer)>> {
            self.pools.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }
}

/// Only S3 has pools.
#[cfg(not(feature = "s3"))]
#[derive(Debug)]
pub(super) struct Old;

#[cfg(not(feature = "s3"))]
#[expect(clippy::unused_self, reason = "only S3 has pools")]
impl Old {
    pub(super) fn new(_: Duration) -> Self {
        Self
    }

    pub(super) fn add(&self, _: &str, profile: Opened) {
        drop(profile);
    }

    pub(super) fn held(&self, _: &str) -> usize {
        0
    }
}
