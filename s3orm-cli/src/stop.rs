//! Ctrl-C: a command that can be resumed is asked to end; the second time, and any other command, is
//! ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use s3orm::Env;
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

#[derive(Clone)]
pub(crate) struct Stop {
    asked: watch::Receiver<u32>,
    /// Whether the command ends by itself when it is asked.
    listens: Arc<AtomicBool>,
}

impl Stop {
    /// Listens to the terminal's Ctrl-C and to who ends the process in an orderly way.
    pub(crate) fn listen() -> Self {
        let (ask, asked) = watch::channel(0);
        // Listening begins here, before anything is done.
        let mut signals = Signals::new();
        Env::system().spawn(async move {
            while signals.next().await {
                ask.send_modify(|times| *times += 1);
            }
        });
        Self {
            asked,
            listens: Arc::default(),
        }
    }

    /// The command looks at [`requested`](Self::requested) from now on, and ends by itself.
    pub(crate) fn gracefully(&self) {
        self.listens.store(true, Ordering::Relaxed);
    }

    /// Whether the command should end.
    pub(crate) fn requested(&self) -> bool {
        *self.asked.borrow() > 0
    }

    /// Waits until the command should end.
    pub(crate) async fn wait(&self) {
        self.times(1).await;
    }

    /// Waits until the command is to be ended, whether it is done or not.
    pub(crate) async fn forced(&self) {
        self.times(1).await;
        if self.listens.load(Ordering::Relaxed) {
            self.times(2).await;
        }
    }

    async fn times(&self, times: u32) {
        let mut asked = self.asked.clone();
        if asked.wait_for(|asked| *asked >= times).await.is_err() {
            // Nobody listens any more.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(unix)]
struct Signals(Option<(Signal, Signal)>);

#[cfg(unix)]
impl Signals {
    fn new() -> Self {
        let interrupt = signal(SignalKind::interrupt());
        Self(interrupt.ok().zip(signal(SignalKind::terminate()).ok()))
    }

    /// Waits for one; `false` where none can be heard.
    async fn next(&mut self) -> bool {
        let Some((interrupt, terminate)) = &mut self.0 else {
            return false;
        };
        let came = tokio::select! {
            came = interrupt.recv() => came,
            came = terminate.recv() => came,
        };
        came.is_some()
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Self {
        Self
    }

    async fn next(&mut self) -> bool {
        tokio::signal::ctrl_c().await.is_ok()
    }
}
