//! The store that fails as it is told.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::fault::{Call, Fault, Matcher, Request};
use crate::db::{Db, Options};
use crate::env::Env;
use crate::store::Layers;
use crate::store::memory::MemoryStore;
use crate::store::retry::RetryPolicy;
use crate::store::{Store, StoreError, StoreErrorKind, StoreFuture};

/// One client of a store, whose requests fail as they are told to. Clones are the same client;
/// [`restart`](Self::restart) makes another of the same store.
///
/// See [the module](super) for an example.
#[derive(Clone)]
pub struct FaultStore {
    pub(super) inner: Arc<dyn Store>,
    pub(super) env: Env,
    client: Arc<Mutex<Client>>,
}

type Chooser = Box<dyn FnMut(&Request) -> Option<Fault> + Send>;

#[derive(Default)]
struct Client {
    rules: Vec<Rule>,
    chooser: Option<Chooser>,
    requests: Vec<Request>,
    crashed: bool,
}

struct Rule {
    matcher: Matcher,
    /// Matching requests to let pass first.
    skip: usize,
    once: bool,
    fault: Fault,
}

impl FaultStore {
    /// A client of an empty bucket in memory, with the time and the randomness of
    /// [`Env::seeded(0)`](Env::seeded).
    pub fn memory() -> Self {
        let env = Env::seeded(0);
        Self::over(Arc::new(MemoryStore::new("testing", env.clone())), env)
    }

    /// A client of any store.
    pub fn over(inner: Arc<dyn Store>, env: Env) -> Self {
        Self {
            inner,
            env,
            client: Arc::default(),
        }
    }

    /// Another client of the same store: without faults, requests and crashes of its own.
    #[must_use]
    pub fn restart(&self) -> Self {
        Self::over(Arc::clone(&self.inner), self.env.clone())
    }

    /// A database of this client, without a prefix. Its requests are sent again as those of every
    /// database are; see [`Db::with_store`] for other options.
    pub fn db(&self) -> Db {
        let name = self.inner.bucket().to_owned();
        let layers = Layers {
            retry: Some(RetryPolicy::default()),
            ..Layers::alone(Arc::new(self.clone()))
        };
        Db::open(layers, Options::new(name, String::new(), self.env.clone()))
    }

    /// Breaks the next matching request.
    pub fn fail_next(&self, requests: impl Into<Matcher>, fault: Fault) {
        self.fail_nth(1, requests, fault);
    }

    /// Breaks the `n`-th matching request from now on; 1 is the next. A request that is sent again
    /// counts again.
    ///
    /// # Panics
    /// If `n` is 0.
    pub fn fail_nth(&self, n: usize, requests: impl Into<Matcher>, fault: Fault) {
        assert!(n > 0, "the first request is number 1");
        self.rule(requests.into(), n - 1, true, fault);
    }

    /// Breaks every matching request, until [`clear`](Self::clear).
    pub fn fail_all(&self, requests: impl Into<Matcher>, fault: Fault) {
        self.rule(requests.into(), 0, false, fault);
    }

    /// Asks for each request whether it fails, and how, unless it is told so already. This is the
    /// way to faults by chance; draw them from an [`Env::seeded`], and they replay.
    pub fn fail_when(&self, choose: impl FnMut(&Request) -> Option<Fault> + Send + 'static) {
        self.client().chooser = Some(Box::new(choose));
    }

    /// Forgets all faults that have not come yet. A client that has crashed stays so.
    pub fn clear(&self) {
        let mut client = self.client();
        client.rules.clear();
        client.chooser = None;
    }

    /// What this client has asked for, in order, those included that were never sent.
    pub fn requests(&self) -> Vec<Request> {
        self.client().requests.clone()
    }

    /// How many of the [`requests`](Self::requests) match.
    ///
    /// ```
    /// # use s3orm::testing::{Call, FaultStore, any};
    /// let store = FaultStore::memory();
    /// assert_eq!(store.count(Call::Put.under("people/")), 0);
    /// assert_eq!(store.count(any()), 0);
    /// ```
    pub fn count(&self, requests: impl Into<Matcher>) -> usize {
        let (matcher, client) = (requests.into(), self.client());
        let matching = client.requests.iter().filter(|one| matcher.matches(one));
        matching.count()
    }

    fn client(&self) -> MutexGuard<'_, Client> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rule(&self, matcher: Matcher, skip: usize, once: bool, fault: Fault) {
        self.client().rules.push(Rule {
            matcher,
            skip,
            once,
            fault,
        });
    }

    /// Makes a request, or what becomes of it. `send` may run once, twice or never.
    pub(super) fn request<'a, T, F>(&'a self, call: Call, key: &str, send: F) -> StoreFuture<'a, T>
    where
        T: Send + 'static,
        F: Fn(Arc<dyn Store>) -> StoreFuture<'static, T> + Send + Sync + 'static,
    {
        let request = Request {
            call,
            key: key.to_owned(),
            fault: None,
            outcome: None,
        };
        Box::pin(async move {
            let (place, fault) = self.client().begin(request);
            let outcome = match fault {
                Some(fault) => self.broken(fault, send).await,
                None => send(Arc::clone(&self.inner)).await,
            };
            let heard = outcome.as_ref().map(drop).map_err(StoreError::kind);
            self.client().requests[place].outcome = Some(heard);
            outcome
        })
    }

    async fn broken<T, F>(&self, fault: Fault, send: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(Arc<dyn Store>) -> StoreFuture<'static, T> + Send + Sync + 'static,
    {
        let inner = || Arc::clone(&self.inner);
        match fault {
            Fault::NeverSent => Err(error(StoreErrorKind::Unsent, "no connection")),
            Fault::RequestLost => Err(lost()),
            Fault::AnswerLost => {
                // Whatever it answers, nobody hears it.
                let _ = send(inner()).await;
                Err(lost())
            }
            Fault::Late(wait) => {
                let (inner, env) = (inner(), self.env.clone());
                self.env.spawn(async move {
                    env.sleep(wait).await;
                    let _ = send(inner).await;
                });
                Err(lost())
            }
            Fault::Duplicate => {
                let _ = send(inner()).await;
                send(inner()).await
            }
            Fault::Status(status) => {
                let kind = StoreErrorKind::of_status(status);
                Err(error(kind, "scripted").with_status(status, None))
            }
            Fault::SlowDown => Err(answer(StoreErrorKind::Throttled, 503, "SlowDown")),
            Fault::Conflict => Err(answer(
                StoreErrorKind::Conflict,
                409,
                "ConditionalRequestConflict",
            )),
            Fault::Latency(wait) => {
                self.env.sleep(wait).await;
                send(inner()).await
            }
            Fault::CrashBefore => Err(crashed()),
            Fault::CrashAfter => {
                let _ = send(inner()).await;
                Err(crashed())
            }
        }
    }
}

impl Client {
    /// Writes down a request; its place, and what becomes of it.
    fn begin(&mut self, mut request: Request) -> (usize, Option<Fault>) {
        request.fault = if self.crashed {
            Some(Fault::CrashBefore)
        } else {
            let chosen = self.chooser.as_mut();
            let scripted = scripted(&mut self.rules, &request);
            scripted.or_else(|| chosen.and_then(|choose| choose(&request)))
        };
        self.crashed |= matches!(request.fault, Some(Fault::CrashBefore | Fault::CrashAfter));
        let fault = request.fault;
        self.requests.push(request);
        (self.requests.len() - 1, fault)
    }
}

/// The first fault that is due. Every matching rule counts the request.
fn scripted(rules: &mut Vec<Rule>, request: &Request) -> Option<Fault> {
    let mut due = None;
    for (place, rule) in rules.iter_mut().enumerate() {
        if !rule.matcher.matches(request) {
            continue;
        }
        match rule.skip.checked_sub(1) {
            Some(left) => rule.skip = left,
            None => due = due.or(Some(place)),
        }
    }
    let place = due?;
    let fault = rules[place].fault;
    if rules[place].once {
        rules.remove(place);
    }
    Some(fault)
}

fn error(kind: StoreErrorKind, message: &'static str) -> StoreError {
    StoreError::new(kind, message)
}

fn answer(kind: StoreErrorKind, status: u16, code: &str) -> StoreError {
    error(kind, "scripted").with_status(status, Some(code.to_owned()))
}

fn lost() -> StoreError {
    error(StoreErrorKind::Lost, "no answer")
}

fn crashed() -> StoreError {
    error(StoreErrorKind::Lost, "the client has crashed")
}

impl fmt::Debug for FaultStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultStore")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
