//! Clock, randomness, sleeping and spawning: the only file that touches them.
//!
//! Everything else asks its [`Env`], so that a test that hands over a seed and pauses Tokio's clock
//! sees the same run twice.
#![allow(clippy::disallowed_methods)]

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
pub(crate) use tokio::time::Instant;

/// The source of time and randomness of a [`Db`](crate::Db).
///
/// ```
/// let (a, b) = (s3orm::Env::seeded(7), s3orm::Env::seeded(7));
/// assert_eq!(a.random_bytes::<16>(), b.random_bytes::<16>());
/// ```
#[derive(Clone)]
pub struct Env(Arc<Inner>);

struct Inner {
    rng: Mutex<StdRng>,
    /// Wall clock and Tokio clock at the start of a seeded environment: its wall clock advances
    /// with Tokio's, which a test can pause.
    epoch: Option<(SystemTime, Mutex<Option<Instant>>)>,
}

impl Env {
    /// The system's clock and randomness.
    pub fn system() -> Self {
        Self(Arc::new(Inner {
            rng: Mutex::new(rand::make_rng()),
            epoch: None,
        }))
    }

    /// Randomness from a seed, and a wall clock that starts at a fixed moment and advances with
    /// Tokio's clock.
    pub fn seeded(seed: u64) -> Self {
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        Self(Arc::new(Inner {
            rng: Mutex::new(StdRng::seed_from_u64(seed)),
            epoch: Some((start, Mutex::new(None))),
        }))
    }

    /// The wall clock.
    pub fn now(&self) -> SystemTime {
        match &self.0.epoch {
            None => SystemTime::now(),
            Some((start, first)) => {
                let now = Instant::now();
                let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
                *start + now.duration_since(*first.get_or_insert(now))
            }
        }
    }

    /// The monotonic clock.
    pub fn instant(&self) -> Instant {
        Instant::now()
    }

    /// `N` random bytes.
    pub fn random_bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.rng(|rng| rng.fill_bytes(&mut bytes));
        bytes
    }

    /// A random duration below `limit`: what a back-off sleeps.
    pub fn jitter(&self, limit: Duration) -> Duration {
        let part = self.rng(rand::Rng::next_u32);
        limit.mul_f64(f64::from(part) / f64::from(u32::MAX))
    }

    fn rng<T>(&self, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        draw(&mut self.0.rng.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sleeps on Tokio's clock.
    pub async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    /// Runs `future` for at most `limit`; `None` when the time ran out.
    pub async fn timeout<F: Future>(&self, limit: Duration, future: F) -> Option<F::Output> {
        tokio::time::timeout(limit, future).await.ok()
    }

    /// Spawns a task on the current Tokio runtime.
    pub fn spawn<F>(&self, future: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        tokio::spawn(future)
    }

    /// Spawns a task where there is a Tokio runtime: for what a `drop` leaves to do.
    #[expect(clippy::unused_self, reason = "everything goes through an environment")]
    pub(crate) fn spawn_if_running<F>(&self, future: F)
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(future)),
            Err(error) => tracing::debug!(target: "s3orm", %error, "nobody ends what was begun"),
        }
    }

    /// Runs blocking work (the file system's) on Tokio's blocking threads.
    pub fn spawn_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        tokio::task::spawn_blocking(work)
    }
}

impl Default for Env {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.epoch.is_some() {
            "Env::seeded"
        } else {
            "Env::system"
        })
    }
}
