//! An S3 server in this process, which remembers what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use s3orm::Env;
use s3orm::server::{Observer, Served, Server};
use s3orm::store::memory::MemoryStore;
use s3orm::store::s3::{CredentialSource, S3Config};
use s3orm::store::{ListObjects, PutObject, Store};

use crate::conformance::Fixture;

/// The bucket that every [`TestServer`] starts with.
pub const BUCKET: &str = "test-bucket";
/// The one access key that it knows.
pub const ACCESS_KEY: &str = "test-access-key";
/// Its secret.
pub const SECRET_KEY: &str = "test-secret-key";

/// A server on a free loopback port.
#[derive(Debug)]
pub struct TestServer {
    server: Server,
    store: Arc<dyn Store>,
    log: Arc<Log>,
}

/// The keys of the objects of a store under a prefix.
///
/// # Panics
/// If the store refuses, or if they are more than a page.
pub async fn keys(store: &dyn Store, prefix: &str) -> Vec<String> {
    let request = ListObjects {
        prefix: prefix.to_owned(),
        ..ListObjects::default()
    };
    let page = store.list(request).await.expect("a listing");
    assert!(page.next.is_none(), "there is more than one page");
    page.objects.into_iter().map(|object| object.key).collect()
}

impl TestServer {
    /// Over a fresh store in memory that has [`BUCKET`].
    pub async fn memory() -> Self {
        Self::over(Arc::new(MemoryStore::new(BUCKET, Env::system()))).await
    }

    /// Over a store that the test has made.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn over(store: Arc<dyn Store>) -> Self {
        let log = Arc::new(Log::default());
        let server = Server::builder(Arc::clone(&store))
            .credentials(ACCESS_KEY, SECRET_KEY)
            .observer(Arc::clone(&log) as Arc<dyn Observer>)
            .bind("127.0.0.1:0")
            .await
            .expect("a free port on the loopback address");
        Self { server, store, log }
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    /// What a client needs to know to use it.
    pub fn config(&self) -> S3Config {
        let mut config = S3Config::new(BUCKET);
        config.endpoint = Some(self.endpoint());
        config.credentials = CredentialSource::Static {
            access_key: ACCESS_KEY.to_owned(),
            secret_key: SECRET_KEY.into(),
            session_token: None,
        };
        config
    }

    /// A place for the conformance suite, over a server of its own: two connections to it, and one
    /// with a secret that it does not accept.
    pub async fn fixture<S: Store>(connect: impl Fn(S3Config) -> S) -> Fixture {
        let server = Self::memory().await;
        let mut stranger = server.config();
        stranger.credentials = CredentialSource::Static {
            access_key: ACCESS_KEY.to_owned(),
            secret_key: "not-the-secret".into(),
            session_token: None,
        };
        Fixture::new(connect(server.config()))
            .second(Arc::new(connect(server.config())))
            .wrong_credentials(Arc::new(connect(stranger)))
            .keeping(server)
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// The store behind it, to look into without a request.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Puts an object into its store, without a request.
    ///
    /// # Panics
    /// If the store refuses.
    pub async fn keep(&self, key: impl Into<String>, body: impl Into<Bytes>) {
        let object = PutObject {
            key: key.into(),
            body: body.into(),
            ..PutObject::default()
        };
        self.store.put(&object).await.expect("an object");
    }

    /// How many LIST and GET requests there were since the last call.
    ///
    /// # Panics
    /// If there were others.
    pub fn lists_and_gets(&self) -> (usize, usize) {
        let (lists, gets) = (self.count("ListObjectsV2"), self.count("GetObject"));
        assert_eq!(self.requests().len(), lists + gets, "{:?}", self.requests());
        self.reset();
        (lists, gets)
    }

    /// The requests that it has answered, or lost with their connections, in that order.
    pub fn requests(&self) -> Vec<Served> {
        self.log.state().served.clone()
    }

    /// The requests since the last call, as S3 names them.
    pub fn spent(&self) -> Vec<&'static str> {
        let spent = self.requests();
        self.reset();
        spent.iter().map(|served| served.operation).collect()
    }

    /// How many of them were this call, as S3 names it.
    pub fn count(&self, operation: &str) -> usize {
        let state = self.log.state();
        let same = |served: &&Served| served.operation == operation;
        state.served.iter().filter(same).count()
    }

    /// The most requests that were under way at the same moment.
    pub fn overlap(&self) -> usize {
        self.log.state().most
    }

    /// Forgets the requests so far.
    pub fn reset(&self) {
        let mut state = self.log.state();
        state.served.clear();
        state.most = state.under_way;
    }

    /// Stops it, once its requests are answered.
    pub async fn shutdown(self) {
        self.server.shutdown().await;
    }
}

#[derive(Debug, Default)]
struct Log(Mutex<LogState>);

#[derive(Debug, Default)]
struct LogState {
    served: Vec<Served>,
    under_way: usize,
    most: usize,
}

impl Log {
    fn state(&self) -> std::sync::MutexGuard<'_, LogState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Log {
    fn started(&self) {
        let mut state = self.state();
        state.under_way += 1;
        state.most = state.most.max(state.under_way);
    }

    fn finished(&self, request: &Served) {
        let mut state = self.state();
        state.under_way -= 1;
        state.served.push(request.clone());
    }
}
