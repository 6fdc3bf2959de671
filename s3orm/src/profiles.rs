//! Named connections, each with its own pool, that are exchanged while they are in use.

mod old;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use old::Old;

use crate::config::{Config, DbBuilder, Opened, no_profile};
use crate::db::Db;
use crate::error::{Error, Result};
use crate::settings::{Settings, scope};
use crate::url;

/// How long an old pool may be held, unless said.
const GRACE: Duration = Duration::from_mins(15);

/// Named connections, each with a configuration and a pool of its own: started, updated while they
/// are in use, and stopped. Cheap to clone; clones are the same profiles.
///
/// What has begun goes on as it began: a [`Db`] that was taken before an update, with its tables,
/// queries and uploads, keeps its settings and its pool. What is taken afterwards has the new ones.
/// An old pool is closed when nobody holds it any more, and after 15 minutes at the latest
/// ([`with_grace`](Self::with_grace)); so take the connection for each piece of work, by
/// [`with_client`](Self::with_client) or [`db`](Self::db), and do not keep it.
///
/// ```
/// # #[derive(serde::Serialize, serde::Deserialize, s3orm::S3Schema)]
/// # #[s3(table = "people", path = "<id>")]
/// # struct Person { id: u64 }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
/// use s3orm::Profiles;
///
/// let profiles = Profiles::new();
/// profiles.start("main", Profiles::builder("memory:")?.retries(5)).await?;
/// let found = profiles.with_client("main", |db| async move {
///     db.table::<Person>().put(Person { id: 1 }).await?;
///     db.table::<Person>().get(1).await
/// });
/// assert!(found.await?.is_some());
///
/// profiles.update("main", Profiles::builder("memory:")?.retries(1)).await?; // another `memory:`
/// assert!(profiles.db("main")?.table::<Person>().get(1).await?.is_none());
/// profiles.stop("main").await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Profiles(Arc<Inner>);

struct Inner {
    running: Mutex<BTreeMap<String, Opened>>,
    old: Old,
}

/// What [`Profiles::health`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// How long the answer took.
    pub took: Duration,
    /// The profile's old pools that somebody still holds.
    pub draining: usize,
}

impl Profiles {
    /// None yet.
    pub fn new() -> Self {
        Self::with_grace(GRACE)
    }

    /// None yet. An old pool may be held for this long, and is closed then: its idle connections
    /// at once, those in use when their requests are answered. What is begun on it afterwards is
    /// [`Unavailable`](crate::ErrorKind::Unavailable), and was not applied.
    pub fn with_grace(grace: Duration) -> Self {
        Self(Arc::new(Inner {
            running: Mutex::default(),
            old: Old::new(grace),
        }))
    }

    /// A profile's connection before it is made: as [`Db::builder`], with the defaults of one pool
    /// among many: 8 idle connections are kept, 2 retries, 15 s to connect, 30 s for a request.
    ///
    /// # Errors
    /// As [`Db::builder`].
    pub fn builder(connection: &str) -> Result<DbBuilder> {
        let builder = url::parse_over(connection, |builder| Ok(builder.for_profile()));
        builder.map_err(|error| error.during("connect", ""))
    }

    /// Starts a profile. No request is made.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) if one of this name is running, and those of
    /// [`DbBuilder::connect`].
    pub async fn start(&self, name: &str, connection: DbBuilder) -> Result<()> {
        let during = |error: Error| error.during("start", name.to_owned());
        // Before anything is opened; and again below, where another start may have been faster.
        self.absent(name).map_err(during)?;
        let opened = connection.open().await.map_err(during)?;
        let mut running = self.running();
        if running.contains_key(name) {
            return Err(during(is_running(name)));
        }
        running.insert(name.to_owned(), opened);
        Ok(())
    }

    /// Starts every profile of a configuration. No request is made. If one cannot be started, none
    /// is.
    ///
    /// # Errors
    /// As [`Config::profile`] and [`start`](Self::start).
    pub async fn start_all(&self, config: &Config) -> Result<()> {
        let mut opened = Vec::new();
        for name in config.profiles() {
            self.absent(name)?;
            opened.push((name.to_owned(), config.profile(name)?.open().await?));
        }
        let mut running = self.running();
        for (name, _) in &opened {
            if running.contains_key(name) {
                return Err(is_running(name).during("start", name.clone()));
            }
        }
        running.extend(opened);
        Ok(())
    }

    /// Exchanges a running profile's connection. No request is made. If the new one cannot be
    /// made, the profile stays as it is.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) if no profile of this name is running, and those of
    /// [`DbBuilder::connect`].
    pub async fn update(&self, name: &str, connection: DbBuilder) -> Result<()> {
        let during = |error: Error| error.during("update", name.to_owned());
        self.current(name).map_err(during)?;
        let opened = connection.open().await.map_err(during)?;
        let old = {
            let mut running = self.running();
            match running.get_mut(name) {
                Some(profile) => std::mem::replace(profile, opened),
                // It was stopped meanwhile.
                None => return Err(during(no_profile(name, running.keys().map(String::as_str)))),
            }
        };
        self.0.old.add(name, old);
        Ok(())
    }

    /// Stops a profile: nobody gets its connection any more. What has begun goes on, as after an
    /// [`update`](Self::update). No request is made.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) if no profile of this name is running.
    #[expect(clippy::unused_async, reason = "it spawns, which needs a runtime")]
    pub async fn stop(&self, name: &str) -> Result<()> {
        let mut running = self.running();
        let Some(old) = running.remove(name) else {
            let error = no_profile(name, running.keys().map(String::as_str));
            return Err(error.during("stop", name.to_owned()));
        };
        drop(running);
        self.0.old.add(name, old);
        Ok(())
    }

    /// A profile's connection as it is now. No request.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) if no profile of this name is running.
    pub fn db(&self, name: &str) -> Result<Db> {
        let db = self.current(name);
        db.map_err(|error| error.during("db", name.to_owned()))
    }

    fn current(&self, name: &str) -> Result<Db> {
        let running = self.running();
        match running.get(name) {
            Some(profile) => Ok(profile.db.clone()),
            None => Err(no_profile(name, running.keys().map(String::as_str))),
        }
    }

    /// Does a piece of work with a profile's connection: the whole of it with the settings and the
    /// pool that it begins with. No request of its own.
    ///
    /// # Errors
    /// As [`db`](Self::db), and those of the work.
    pub async fn with_client<R, F>(&self, name: &str, work: impl FnOnce(Db) -> F) -> Result<R>
    where
        F: Future<Output = Result<R>>,
    {
        work(self.db(name)?).await
    }

    /// Asks whether a profile's bucket is there and may be used. A failure is not asked about
    /// again: this says what holds now.
    ///
    /// # Errors
    /// As [`db`](Self::db) and [`Db::check`].
    ///
    /// # Cost
    /// 1 LIST of one key.
    pub async fn health(&self, name: &str) -> Result<Health> {
        let db = self.db(name)?;
        let start = db.env().instant();
        scope(Settings::new().retries(0), db.check()).await?;
        Ok(Health {
            took: db.env().instant().duration_since(start),
            draining: self.draining(name),
        })
    }

    /// The names of the profiles that are running, in order.
    pub fn names(&self) -> Vec<String> {
        self.running().keys().cloned().collect()
    }

    /// How many of a profile's old pools somebody still holds. The profile may be stopped.
    pub fn draining(&self, name: &str) -> usize {
        self.0.old.held(name)
    }

    fn absent(&self, name: &str) -> Result<()> {
        if self.running().contains_key(name) {
            return Err(is_running(name));
        }
        Ok(())
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<String, Opened>> {
        self.0
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_running(name: &str) -> Error {
    Error::config(
        format!("the profile `{}` is running", url::shown(name)),
        "exchange it by `update`, or `stop` it first",
    )
}

impl Default for Profiles {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Profiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(
                self.running()
                    .iter()
                    .map(|(name, profile)| (name, &profile.db)),
            )
            .finish()
    }
}
