//! The end of a client: closed by hand while others still hold it, or gone with its last holder.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;

use super::transport::Pool;
use crate::env::Env;

/// What the pools of a client share: whether they may be used.
#[derive(Debug)]
pub(super) struct Gate {
    closed: AtomicBool,
    pools: Mutex<Vec<Weak<Pool>>>,
    /// Dropped with the client and its pools.
    alive: watch::Sender<()>,
}

impl Gate {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            closed: AtomicBool::new(false),
            pools: Mutex::default(),
            alive: watch::Sender::new(()),
        })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(super) fn add(&self, pool: &Arc<Pool>) {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        // A pool for each bucket that was asked for by its own host: forget those that are gone.
        pools.retain(|pool| pool.strong_count() > 0);
        pools.push(Arc::downgrade(pool));
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Release);
        let pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        for pool in pools.iter().filter_map(Weak::upgrade) {
            pool.drop_idle();
        }
    }
}

/// A hand on a client that does not keep it: to close it, and to see whether it is gone.
#[derive(Debug, Clone)]
pub(crate) struct Closer {
    gate: Weak<Gate>,
    alive: watch::Receiver<()>,
}

impl Closer {
    pub(super) fn new(gate: &Arc<Gate>) -> Self {
        Self {
            gate: Arc::downgrade(gate),
            alive: gate.alive.subscribe(),
        }
    }

    /// Whether somebody still holds the client.
    pub(crate) fn is_held(&self) -> bool {
        self.gate.strong_count() > 0
    }

    /// Waits until nobody holds the client any more, and closes it after this time at the latest:
    /// its idle connections are closed, requests under way are answered, and no more are sent.
    pub(crate) async fn close_after(mut self, env: &Env, limit: Duration) {
        let gone = async { while self.alive.changed().await.is_ok() {} };
        if env.timeout(limit, gone).await.is_none()
            && let Some(gate) = self.gate.upgrade()
        {
            gate.close();
        }
    }
}
