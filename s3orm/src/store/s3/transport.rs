//! Connections: one host's pool, and one request and its answer over one of them.
//!
//! The pool is our own, over `hyper`'s HTTP/1 connections: a store speaks to one host, sends one
//! request at a time on a connection, and must know whether a failed request was written at all.
//! `hyper-util`'s client keeps no such record (and costs more CPU than the signature). It serves
//! here for what happens once a connection: resolving, connecting, TLS.
//!
//! Nothing here sends a request twice.

use std::collections::VecDeque;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use tower_service::Service as _;

use super::connect::{Connector, connect_error};
use super::gate::Gate;
use crate::env::{Env, Instant};
use crate::store::{StoreError, StoreErrorKind};

/// The largest body of an answer that is not an object: a listing's page, an error.
pub(super) const MAX_XML: u64 = 8 << 20;

/// How a pool behaves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) connect_timeout: Duration,
    pub(super) timeout: Duration,
    pub(super) idle: usize,
    pub(super) idle_timeout: Duration,
}

/// The connections to one host.
pub(super) struct Pool {
    env: Env,
    origin: Uri,
    connector: Connector,
    limits: Limits,
    gate: Arc<Gate>,
    /// The oldest first.
    idle: Mutex<VecDeque<(Instant, Connection)>>,
}

struct Connection {
    sender: SendRequest<Full<Bytes>>,
    written: Arc<AtomicU64>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

impl Pool {
    pub(super) fn new(
        env: Env,
        origin: Uri,
        connector: Connector,
        limits: Limits,
        gate: &Arc<Gate>,
    ) -> Arc<Self> {
        let pool = Arc::new(Self {
            env,
            origin,
            connector,
            limits,
            gate: Arc::clone(gate),
            idle: Mutex::default(),
        });
        gate.add(&pool);
        pool
    }

    /// Sends a request (its target in origin form, its `Host` set) and reads the answer. A
    /// successful answer's body may have `max_body` bytes; others, [`MAX_XML`].
    pub(super) async fn exchange(
        self: &Arc<Self>,
        request: Request<Full<Bytes>>,
        max_body: u64,
    ) -> Result<Answer, StoreError> {
        if self.gate.is_closed() {
            return Err(StoreError::new(
                StoreErrorKind::Unsent,
                "this client is closed: its profile was updated or stopped meanwhile, and its time is up",
            ));
        }
        let mut connection = match self.take_idle() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let exchanged = self
            .env
            .timeout(self.limits.timeout, connection.exchange(request, max_body))
            .await
            .unwrap_or_else(|| Err(self.timed_out()));
        if exchanged.is_ok() {
            self.give_back(connection);
        }
        exchanged.map_err(|failure| failure.into_error(&self.origin))
    }

    fn take_idle(&self) -> Option<Connection> {
        let now = self.env.instant();
        let mut idle = self.idle();
        while let Some((since, connection)) = idle.pop_back() {
            if now.duration_since(since) >= self.limits.idle_timeout {
                idle.clear(); // the others are older
            } else if connection.sender.is_ready() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection once `hyper` is done with its last request, which it mostly is.
    fn give_back(self: &Arc<Self>, mut connection: Connection) {
        if connection.sender.is_ready() {
            self.keep(connection);
        } else if !connection.sender.is_closed() {
            let pool = Arc::clone(self);
            self.env.spawn(async move {
                if connection.sender.ready().await.is_ok() {
                    pool.keep(connection);
                }
            });
        }
    }

    fn keep(&self, connection: Connection) {
        let now = self.env.instant();
        let mut idle = self.idle();
        let stale = |since: Instant| now.duration_since(since) >= self.limits.idle_timeout;
        while idle.front().is_some_and(|(since, _)| stale(*since)) {
            idle.pop_front();
        }
        // Under the lock: what closes the gate empties the queue after this, or is seen here.
        if idle.len() < self.limits.idle && !self.gate.is_closed() {
            idle.push_back((now, connection));
        }
    }

    /// Closes the connections that are not in use.
    pub(super) fn drop_idle(&self) {
        self.idle().clear();
    }

    fn idle(&self) -> MutexGuard<'_, VecDeque<(Instant, Connection)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn connect(&self) -> Result<Connection, StoreError> {
        let connecting = async {
            let io = self.connector.clone().call(self.origin.clone()).await?;
            let written = Arc::new(AtomicU64::new(0));
            let counted = Counted {
                io,
                written: Arc::clone(&written),
            };
            let (sender, connection) = http1::handshake(counted).await?;
            // The task ends with the connection; its error reaches the request that it fails.
            self.env.spawn(connection);
            Ok::<_, Box<dyn StdError + Send + Sync>>(Connection { sender, written })
        };
        match self
            .env
            .timeout(self.limits.connect_timeout, connecting)
            .await
        {
            Some(connected) => connected.map_err(|error| connect_error(&self.origin, error)),
            None => Err(StoreError::new(
                StoreErrorKind::Unsent,
                format!(
                    "no connection to {} within {:?}: is it reachable from here?",
                    origin(&self.origin),
                    self.limits.connect_timeout
                ),
            )),
        }
    }

    fn timed_out(&self) -> Failure {
        // What was queued may be written yet: nothing is known.
        Failure::new(
            StoreErrorKind::Lost,
            format!("no complete answer within {:?}", self.limits.timeout),
        )
    }
}

impl Connection {
    async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
        max_body: u64,
    ) -> Result<Answer, Failure> {
        let before = self.written.load(Ordering::Relaxed);
        let response = match self.sender.try_send_request(request).await {
            Ok(response) => response,
            Err(mut error) => {
                // A message that comes back was never taken up. One that was, but of which the
                // connection has accepted no byte before it died, was not sent either.
                let unsent = error.take_message().is_some()
                    || self.written.load(Ordering::Relaxed) == before;
                return Err(Failure::of_exchange(error.into_error(), unsent));
            }
        };
        let (parts, body) = response.into_parts();
        let limit = if parts.status.is_success() {
            max_body
        } else {
            MAX_XML
        };
        let body = read_body(body, limit).await?;
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        })
    }
}

/// Reads a body of at most `limit` bytes. One frame, which is the rule for rows, is not copied.
async fn read_body(mut body: Incoming, limit: u64) -> Result<Bytes, Failure> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let announced = body.size_hint();
    if announced.lower() > limit {
        return Err(too_large(limit));
    }
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Failure::of_exchange(error, false))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let length = first.len() + rest.len() + data.len();
        if u64::try_from(length).unwrap_or(u64::MAX) > limit {
            return Err(too_large(limit));
        }
        if first.is_empty() && rest.is_empty() {
            first = data;
            continue;
        }
        if rest.is_empty() {
            // The announced length is the server's word: reserve what it has proved, no more.
            rest.reserve(length * 2);
            rest.extend_from_slice(&first);
            first = Bytes::new();
        }
        rest.extend_from_slice(&data);
    }
    Ok(if rest.is_empty() {
        first
    } else {
        rest.freeze()
    })
}

fn too_large(limit: u64) -> Failure {
    Failure::new(
        StoreErrorKind::TooLarge,
        format!("the answer is larger than the {limit} bytes allowed"),
    )
}

/// Why an exchange failed, before it is known to which host.
struct Failure {
    kind: StoreErrorKind,
    message: String,
    source: Option<hyper::Error>,
}

impl Failure {
    fn new(kind: StoreErrorKind, message: String) -> Self {
        Self {
            kind,
            message,
            source: None,
        }
    }

    fn of_exchange(error: hyper::Error, unsent: bool) -> Self {
        let (kind, message) = if unsent {
            (
                StoreErrorKind::Unsent,
                "the connection was closed before the request was sent",
            )
        } else if error.is_parse() {
            (StoreErrorKind::BadAnswer, "the answer is not HTTP")
        } else {
            (
                StoreErrorKind::Lost,
                "the connection broke before the answer was complete",
            )
        };
        Self {
            kind,
            message: message.to_owned(),
            source: Some(error),
        }
    }

    fn into_error(self, at: &Uri) -> StoreError {
        if self.kind == StoreErrorKind::TooLarge {
            return StoreError::new(self.kind, self.message);
        }
        let error = StoreError::new(self.kind, format!("{}: {}", origin(at), self.message));
        match self.source {
            Some(source) => error.with_source(source),
            None => error,
        }
    }
}

/// Without the `/` that a URI's path begins with.
pub(super) fn origin(uri: &Uri) -> String {
    let text = uri.to_string();
    text.strip_suffix('/').map(str::to_owned).unwrap_or(text)
}

/// Counts the bytes that a connection has accepted for writing.
struct Counted<T> {
    io: T,
    written: Arc<AtomicU64>,
}

impl<T> Counted<T> {
    fn count(&self, poll: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = poll {
            self.written
                .fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        poll
    }
}

impl<T: hyper::rt::Read + Unpin> hyper::rt::Read for Counted<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<T: hyper::rt::Write + Unpin> hyper::rt::Write for Counted<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.io).poll_write(cx, buf);
        self.count(poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.count(poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
