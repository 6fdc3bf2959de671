//! A wire that is cut after a number of bytes, whatever they say.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What a wire's connections share.
type Shared = Arc<State>;

/// When a wire is cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    /// After so many bytes, of both directions and all connections.
    pub(super) at: u64,
    /// Or later connections work.
    pub(super) for_good: bool,
}

/// A wire to a server: a port of its own, whose connections all end when it is cut.
#[derive(Debug)]
pub(super) struct Wire {
    address: SocketAddr,
    state: Shared,
    /// Everything ends when it is dropped.
    _end: watch::Sender<()>,
}

#[derive(Debug)]
struct State {
    cut: Cut,
    passed: AtomicU64,
    is_cut: AtomicBool,
    /// Changes when it is cut.
    cutting: watch::Sender<bool>,
}

impl Wire {
    pub(super) async fn to(upstream: SocketAddr, cut: Cut) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            cut,
            passed: AtomicU64::new(0),
            is_cut: AtomicBool::new(false),
            cutting: watch::Sender::new(false),
        });
        let (end, ended) = watch::channel(());
        s3orm::Env::system().spawn(accept(listener, upstream, Arc::clone(&state), ended));
        Ok(Self {
            address,
            state,
            _end: end,
        })
    }

    pub(super) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn was_cut(&self) -> bool {
        self.state.is_cut.load(Ordering::Relaxed)
    }
}

impl State {
    /// How many of `count` bytes pass.
    fn pass(&self, count: usize) -> usize {
        if self.is_cut.load(Ordering::Relaxed) {
            return count; // on a connection that was made since
        }
        let before = self.passed.fetch_add(count as u64, Ordering::Relaxed);
        let left = self.cut.at.saturating_sub(before);
        usize::try_from(left).map_or(count, |left| left.min(count))
    }

    fn cut(&self) {
        self.is_cut.store(true, Ordering::Relaxed);
        self.cutting.send_replace(true);
    }
}

async fn accept(
    listener: TcpListener,
    upstream: SocketAddr,
    state: Shared,
    mut ended: watch::Receiver<()>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = ended.changed() => return,
        };
        let Ok((client, _)) = accepted else { continue };
        if state.cut.for_good && state.is_cut.load(Ordering::Relaxed) {
            continue; // dropped
        }
        let mut cuts = state.cutting.subscribe();
        cuts.mark_unchanged();
        let (state, mut ended) = (Arc::clone(&state), ended.clone());
        s3orm::Env::system().spawn(async move {
            tokio::select! {
                _ = converse(client, upstream, &state) => {}
                _ = cuts.changed() => {}
                _ = ended.changed() => {}
            }
        });
    }
}

async fn converse(client: TcpStream, upstream: SocketAddr, state: &State) -> std::io::Result<()> {
    let server = TcpStream::connect(upstream).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // The end of one direction is the end of the other.
    tokio::select! {
        ended = pump(from_client, to_server, state) => ended,
        ended = pump(from_server, to_client, state) => ended,
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    state: &State,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let count = from.read(&mut buffer).await?;
        let passes = state.pass(count);
        to.write_all(&buffer[..passes]).await?;
        if passes < count {
            state.cut();
        }
        if passes < count || count == 0 {
            return Ok(());
        }
    }
}
