//! A proxy that breaks what it is told to break: every way in which an answer gets lost.
//!
//! It stands between a client and a [`TestServer`](crate::server::TestServer). Signatures stay
//! valid, as it forwards the `Host` header that the client signed.
#![allow(clippy::disallowed_methods)] // It delays real connections, by the real clock.

pub mod bank;
pub mod campaign;
mod paced;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use s3orm::server::operation;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};

use self::paced::{Answer, paced};

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The connection is cut; the server never sees the request.
    CutBefore,
    /// The server answers; the connection is cut before the answer's first byte.
    CutAfter,
    /// The answer's head arrives and half of its body, then the connection is cut.
    CutInBody,
    /// This status and S3 error code; the server never sees the request.
    Answer(u16, &'static str),
    /// This status and S3 error code, instead of what the server answers.
    AnswerAfter(u16, &'static str),
    /// The server answers, and the client hears nothing.
    Silence,
    /// The request is forwarded this much later.
    Delay(Duration),
    /// The answer's body arrives byte by byte, with this pause before each.
    Trickle(Duration),
    /// The request is forwarded twice, one after the other; the second answer arrives.
    Duplicate,
    /// The answer's body ends in the middle, and its `Content-Length` agrees.
    Truncate,
    /// `Content-Length` is off by so much; the connection is cut where it promises too many bytes.
    WrongLength(i64),
}

/// Which requests: all, or those that all of this holds of.
#[derive(Debug, Clone, Default)]
pub struct Matcher {
    operation: Option<&'static str>,
    path: Option<String>,
}

/// Every request.
pub fn any() -> Matcher {
    Matcher::default()
}

/// Requests that make this call, as S3 names it: `PutObject`.
pub fn on(operation: &'static str) -> Matcher {
    Matcher {
        operation: Some(operation),
        path: None,
    }
}

impl Matcher {
    /// And whose path contains `part`, percent-encoded as it is sent.
    #[must_use]
    pub fn path(mut self, part: &str) -> Self {
        self.path = Some(part.to_owned());
        self
    }

    fn matches(&self, request: &Request<Bytes>) -> bool {
        self.operation.is_none_or(|name| name == operation(request))
            && (self.path.as_ref()).is_none_or(|part| request.uri().path().contains(part))
    }
}

/// A proxy on a free loopback port. Dropping it cuts its connections.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Connections end when it changes, or is dropped.
    cut: watch::Sender<()>,
}

#[derive(Debug)]
struct Shared {
    upstream: SocketAddr,
    rules: Mutex<Vec<Rule>>,
    seen: Mutex<Vec<Seen>>,
    connections: AtomicUsize,
    broken: Mutex<BTreeMap<String, u64>>,
    under_way: AtomicUsize,
    overlap: AtomicUsize,
}

/// A request that a client has sent.
#[derive(Debug)]
struct Seen {
    operation: &'static str,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

#[derive(Debug)]
struct Rule {
    matcher: Matcher,
    /// Matching requests to let pass first.
    skip: usize,
    action: Action,
}

#[derive(Debug)]
enum Action {
    Once(Fault),
    Always(Fault),
    Hold(oneshot::Sender<Request<Bytes>>),
}

enum Verdict {
    Pass,
    Fail(Fault),
    Hold(oneshot::Sender<Request<Bytes>>),
}

impl Proxy {
    /// In front of a server.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn in_front_of(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a free port on the loopback address");
        let address = listener.local_addr().expect("the listener's address");
        let shared = Arc::new(Shared {
            upstream,
            rules: Mutex::default(),
            seen: Mutex::default(),
            connections: AtomicUsize::new(0),
            broken: Mutex::default(),
            under_way: AtomicUsize::new(0),
            overlap: AtomicUsize::new(0),
        });
        let (cut, cuts) = watch::channel(());
        tokio::spawn(accept(listener, Arc::clone(&shared), cuts));
        Self {
            address,
            shared,
            cut,
        }
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Breaks the next matching request.
    pub fn fail_next(&self, matcher: Matcher, fault: Fault) {
        self.fail_nth(1, matcher, fault);
    }

    /// Breaks the `n`-th matching request from now on; 1 is the next.
    pub fn fail_nth(&self, n: usize, matcher: Matcher, fault: Fault) {
        self.rule(matcher, n - 1, Action::Once(fault));
    }

    /// Breaks every matching request, until [`clear`](Self::clear).
    pub fn fail_all(&self, matcher: Matcher, fault: Fault) {
        self.rule(matcher, 0, Action::Always(fault));
    }

    /// Cuts the connection of the next matching request and keeps the request itself, to be
    /// delivered when the test says so: a request in limbo.
    pub fn hold_next(&self, matcher: Matcher) -> Held {
        let (sender, request) = oneshot::channel();
        self.rule(matcher, 0, Action::Hold(sender));
        Held {
            request,
            upstream: self.shared.upstream,
        }
    }

    /// Forgets all faults.
    pub fn clear(&self) {
        lock(&self.shared.rules).clear();
    }

    /// Forgets what clients have sent.
    pub fn forget(&self) {
        lock(&self.shared.seen).clear();
    }

    /// Cuts all connections, idle ones too.
    pub fn cut_connections(&self) {
        self.cut.send_replace(());
    }

    /// What clients have sent, broken or not: `PutObject /bucket/key`.
    pub fn requests(&self) -> Vec<String> {
        let seen = lock(&self.shared.seen);
        seen.iter()
            .map(|request| format!("{} {}", request.operation, request.path))
            .collect()
    }

    /// How many requests were broken so far, by their faults without what is in parentheses.
    pub fn broken(&self) -> BTreeMap<String, u64> {
        lock(&self.shared.broken).clone()
    }

    /// The bodies of those that make this call, as S3 names it.
    pub fn bodies(&self, operation: &str) -> Vec<Bytes> {
        let seen = lock(&self.shared.seen);
        seen.iter()
            .filter(|request| request.operation == operation)
            .map(|request| request.body.clone())
            .collect()
    }

    /// The headers of those that make this call, as S3 names it.
    pub fn headers(&self, operation: &str) -> Vec<HeaderMap> {
        let seen = lock(&self.shared.seen);
        seen.iter()
            .filter(|request| request.operation == operation)
            .map(|request| request.headers.clone())
            .collect()
    }

    /// How many connections there are now.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// The most requests that waited for their answers at the same moment, delays included.
    pub fn overlap(&self) -> usize {
        self.shared.overlap.load(Ordering::Relaxed)
    }

    fn rule(&self, matcher: Matcher, skip: usize, action: Action) {
        lock(&self.shared.rules).push(Rule {
            matcher,
            skip,
            action,
        });
    }
}

/// A request that the proxy keeps.
#[derive(Debug)]
pub struct Held {
    request: oneshot::Receiver<Request<Bytes>>,
    upstream: SocketAddr,
}

impl Held {
    /// Delivers the request, once it has come; the server's answer.
    ///
    /// # Errors
    /// If no such request came before the proxy was dropped, or the server does not answer.
    pub async fn deliver(self) -> anyhow::Result<StatusCode> {
        let request = self.request.await?;
        Ok(forward(self.upstream, request).await?.status())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, mut cuts: watch::Receiver<()>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            changed = cuts.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        if let Ok((stream, _)) = accepted {
            tokio::spawn(converse(stream, Arc::clone(&shared), cuts.clone()));
        }
    }
}

async fn converse(stream: TcpStream, shared: Arc<Shared>, mut cuts: watch::Receiver<()>) {
    let _ = stream.set_nodelay(true);
    shared.connections.fetch_add(1, Ordering::Relaxed);
    let here = Arc::clone(&shared);
    let service = service_fn(move |request| {
        let shared = Arc::clone(&here);
        async move {
            let under_way = shared.under_way.fetch_add(1, Ordering::Relaxed) + 1;
            shared.overlap.fetch_max(under_way, Ordering::Relaxed);
            let answered = answer(Arc::clone(&shared), request).await;
            shared.under_way.fetch_sub(1, Ordering::Relaxed);
            answered
        }
    });
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // A cut connection is what a fault looks like from here.
        _ = connection => {}
        _ = cuts.changed() => {}
    }
    shared.connections.fetch_sub(1, Ordering::Relaxed);
}

/// An error instead of an answer makes hyper cut the connection without a byte.
async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> anyhow::Result<Answer> {
    let (head, body) = request.into_parts();
    let request = Request::from_parts(head, body.collect().await?.to_bytes());
    lock(&shared.seen).push(Seen {
        operation: operation(&request),
        path: request.uri().path().to_owned(),
        headers: request.headers().clone(),
        body: request.body().clone(),
    });
    let fault = match shared.verdict(&request) {
        Verdict::Pass => return Ok(paced(forward(shared.upstream, request).await?, None, None)),
        Verdict::Fail(fault) => fault,
        Verdict::Hold(keeper) => {
            let _ = keeper.send(request);
            anyhow::bail!("in limbo");
        }
    };
    let name = format!("{fault:?}");
    let name = name.split('(').next().unwrap_or_default().to_owned();
    *lock(&shared.broken).entry(name).or_default() += 1;
    match fault {
        Fault::CutBefore => anyhow::bail!("cut before"),
        Fault::Answer(status, code) => Ok(s3_error(status, code)),
        Fault::Delay(duration) => {
            tokio::time::sleep(duration).await;
            Ok(paced(forward(shared.upstream, request).await?, None, None))
        }
        Fault::Duplicate => {
            forward(shared.upstream, request.clone()).await?;
            Ok(paced(forward(shared.upstream, request).await?, None, None))
        }
        after => spoil(after, forward(shared.upstream, request).await?).await,
    }
}

/// The faults that strike once the server has answered.
async fn spoil(fault: Fault, answer: Response<Bytes>) -> anyhow::Result<Answer> {
    let half = answer.body().len() / 2;
    match fault {
        Fault::CutInBody => Ok(paced(answer, Some(half), None)),
        Fault::AnswerAfter(status, code) => Ok(s3_error(status, code)),
        Fault::Silence => std::future::pending().await,
        Fault::Trickle(pause) => Ok(paced(answer, None, Some(pause))),
        Fault::Truncate => {
            let answer = answer.map(|body| body.slice(..half));
            let length = half as u64;
            Ok(paced(with_length(answer, length), None, None))
        }
        Fault::WrongLength(delta) => {
            let real = answer.body().len();
            let length = (real as u64).saturating_add_signed(delta);
            let cut_after = (delta > 0).then_some(real);
            Ok(paced(with_length(answer, length), cut_after, None))
        }
        _ => anyhow::bail!("cut after"),
    }
}

impl Shared {
    /// What is to happen to this request; a rule that has done its work is gone.
    fn verdict(&self, request: &Request<Bytes>) -> Verdict {
        let mut rules = lock(&self.rules);
        let mut chosen = None;
        for (index, rule) in rules.iter_mut().enumerate() {
            if !rule.matcher.matches(request) {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
            } else if chosen.is_none() {
                chosen = Some(index);
            }
        }
        let Some(index) = chosen else {
            return Verdict::Pass;
        };
        if let Action::Always(fault) = &rules[index].action {
            return Verdict::Fail(fault.clone());
        }
        match rules.remove(index).action {
            Action::Once(fault) | Action::Always(fault) => Verdict::Fail(fault),
            Action::Hold(keeper) => Verdict::Hold(keeper),
        }
    }
}

/// Sends the request to the server, on a connection of its own, and reads the whole answer.
async fn forward(upstream: SocketAddr, request: Request<Bytes>) -> anyhow::Result<Response<Bytes>> {
    let stream = TokioIo::new(TcpStream::connect(upstream).await?);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(request.map(Full::new)).await?;
    let (head, body) = answer.into_parts();
    let body = body.collect().await?.to_bytes();
    connection.abort();
    Ok(Response::from_parts(head, body))
}

fn with_length(mut answer: Response<Bytes>, length: u64) -> Response<Bytes> {
    let length = HeaderValue::from(length);
    answer.headers_mut().insert(CONTENT_LENGTH, length);
    answer
}

fn s3_error(status: u16, code: &str) -> Answer {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Error><Code>{code}</Code><Message>as the test wants it</Message></Error>"
    );
    let mut answer = Response::new(Bytes::from(body));
    *answer.status_mut() = StatusCode::from_u16(status).expect("an HTTP status");
    paced(answer, None, None)
}
