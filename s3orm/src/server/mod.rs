//! An S3 server over any [`Store`] of this crate, for tests and development.
//!
//! HTTP, signatures and XML are the `s3s` crate's; what S3 means by a request is the store's. So a
//! [`MemoryStore`](crate::store::memory::MemoryStore) behind this server answers a program that
//! speaks S3 exactly as it answers this crate in process, every precondition included.
//!
//! It serves plain HTTP, path-style (`/bucket/key`) and, with [`Builder::domain`],
//! virtual-hosted-style. Requests must be signed with the one pair of credentials it knows. What a
//! [`Store`] cannot keep (tags, `Cache-Control`, versions, …) is refused with 501, never dropped.
//! Keep it on a loopback or otherwise trusted address: it limits neither rate nor memory.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
//! use s3orm::server::Server;
//! use s3orm::store::memory::MemoryStore;
//! # use std::sync::Arc;
//!
//! let store = MemoryStore::new("bucket", s3orm::Env::system());
//! let server = Server::builder(Arc::new(store))
//!     .credentials("access", "secret")
//!     .bind("127.0.0.1:0")
//!     .await?;
//! assert!(server.endpoint().starts_with("http://127.0.0.1:"));
//! server.shutdown().await;
//! # Ok(()) }
//! ```

mod access;
mod body;
mod convert;
mod encryption;
mod listing;
mod operation;
mod service;

use std::fmt;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpError};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub use self::operation::operation;
use crate::env::Env;
use crate::error::{Error, ErrorKind, Result};
use crate::store::Store;

/// A running server. Dropping it cuts its connections; [`shutdown`](Server::shutdown) lets
/// requests finish.
pub struct Server {
    address: SocketAddr,
    /// Connections stop taking requests when it turns true, and end when it is dropped.
    stop: watch::Sender<bool>,
}

/// What a server needs to know before it listens.
pub struct Builder {
    store: Arc<dyn Store>,
    credentials: Option<(String, String)>,
    domain: Option<String>,
    observer: Option<Arc<dyn Observer>>,
    env: Env,
}

/// Watches a server's requests: what a test counts, and what a log shows.
pub trait Observer: Send + Sync + 'static {
    /// A request's head has arrived.
    fn started(&self);

    /// The same request was answered, or its connection was cut before.
    fn finished(&self, request: &Served);
}

/// A request that a server is done with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// S3's name of the call, as [`operation`] tells it: `PutObject`.
    pub operation: &'static str,
    /// `GET`, `PUT`, …
    pub method: String,
    /// The path as it was sent, percent-encoded.
    pub path: String,
    /// The query as it was sent, without the `?`; empty if none.
    pub query: String,
    /// The answer's status; `None` if the connection was cut before there was one.
    pub status: Option<u16>,
}

impl Server {
    /// A server over this store and the other buckets of its service.
    pub fn builder(store: Arc<dyn Store>) -> Builder {
        Builder {
            store,
            credentials: None,
            domain: None,
            observer: None,
            env: Env::system(),
        }
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, for a client's configuration: `http://127.0.0.1:43127`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Takes no more requests, and returns when those under way are answered.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        self.stop.closed().await;
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// The credentials that requests must be signed with.
    #[must_use]
    pub fn credentials(mut self, access_key: &str, secret_key: &str) -> Self {
        self.credentials = Some((access_key.to_owned(), secret_key.to_owned()));
        self
    }

    /// Also serve `<bucket>.<domain>`; requests to an IP address stay path-style.
    #[must_use]
    pub fn domain(mut self, domain: &str) -> Self {
        self.domain = Some(domain.to_ascii_lowercase());
        self
    }

    /// Tell `observer` of every request.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Listens on `address`, such as `127.0.0.1:9000`, or `127.0.0.1:0` for any free port.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] without credentials, or where it cannot listen there.
    pub async fn bind(self, address: &str) -> Result<Server> {
        let (access_key, secret_key) = self.credentials.ok_or_else(|| {
            Error::config(
                "the server has no credentials to check requests with",
                "set them with `credentials`",
            )
        })?;
        let cannot_listen = |source: std::io::Error| {
            Error::new(
                ErrorKind::Config,
                format!("the server cannot listen on `{address}`"),
            )
            .with_help("give the address and port of this machine, free, as in `127.0.0.1:9000`")
            .with_source(source)
        };
        let listener = TcpListener::bind(address).await.map_err(cannot_listen)?;
        let address = listener.local_addr().map_err(cannot_listen)?;

        let mut service = S3ServiceBuilder::new(service::Buckets(self.store));
        service.set_auth(access::OnePair::new(access_key, &secret_key));
        service.set_access(access::OnlyWhatIsKept);
        if let Some(domain) = self.domain {
            service.set_host(access::Domain(domain));
        }
        let (stop, stopped) = watch::channel(false);
        let front = Front {
            service: service.build(),
            observer: self.observer,
            env: self.env.clone(),
        };
        self.env.spawn(accept(listener, front, stopped));
        Ok(Server { address, stop })
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("store", &self.store)
            .field("domain", &self.domain)
            .finish_non_exhaustive()
    }
}

async fn accept(listener: TcpListener, front: Front, mut stopped: watch::Receiver<bool>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = converse(stream, front.clone(), stopped.clone());
                front.env.spawn(connection);
            }
            // The connection is gone, or the process is out of file descriptors until others end.
            Err(error) => {
                tracing::debug!(%error, "cannot accept a connection");
                front.env.sleep(std::time::Duration::from_millis(10)).await;
            }
        }
    }
}

/// Serves the requests of one connection.
async fn converse(stream: TcpStream, front: Front, mut stopped: watch::Receiver<bool>) {
    // Without it an answer in two packets waits for the client's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| front.answer(request));
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service)
    );
    tokio::select! {
        _ = connection.as_mut() => return,
        changed = stopped.changed() => if changed.is_err() { return },
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        _ = connection => {}
        // The server was dropped: nobody waits for what is under way.
        _ = stopped.wait_for(|stopped| !stopped) => {}
    }
}

/// What stands before the S3 service: request ids and the observer.
#[derive(Clone)]
struct Front {
    service: S3Service,
    observer: Option<Arc<dyn Observer>>,
    env: Env,
}

impl Front {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, HttpError> {
        let mut watched = Watched::start(self.observer.as_deref(), &request);
        let mut answer = self.service.call(request.map(Body::from)).await?;
        let id = u64::from_be_bytes(self.env.random_bytes());
        if let Ok(id) = HeaderValue::try_from(format!("{id:016X}")) {
            answer
                .headers_mut()
                .insert(HeaderName::from_static("x-amz-request-id"), id);
        }
        watched.served.status = Some(answer.status().as_u16());
        Ok(answer)
    }
}

/// Tells the observer also of a request that is dropped because its connection was cut.
struct Watched<'a> {
    observer: Option<&'a dyn Observer>,
    served: Served,
}

impl<'a> Watched<'a> {
    fn start(observer: Option<&'a dyn Observer>, request: &Request<Incoming>) -> Self {
        if let Some(observer) = observer {
            observer.started();
        }
        Self {
            observer,
            served: Served {
                operation: operation(request),
                method: request.method().to_string(),
                path: request.uri().path().to_owned(),
                query: request.uri().query().unwrap_or_default().to_owned(),
                status: None,
            },
        }
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        let Served {
            operation, path, ..
        } = &self.served;
        tracing::debug!(operation, %path, status = self.served.status, "served");
        if let Some(observer) = self.observer {
            observer.finished(&self.served);
        }
    }
}
