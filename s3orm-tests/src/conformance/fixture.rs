//! What a case works with: two connections to one bucket, and a place in it of its own.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use s3orm::Env;
use s3orm::store::{
    DeleteObject, ETag, GetObject, ListObjects, ListStart, ListedObject, Object, Precondition,
    PutObject, Store, StoreError, StoreErrorKind,
};

use super::Outcome;

/// A place in a bucket, which no other case uses.
#[derive(Debug)]
pub struct Fixture {
    store: Arc<dyn Store>,
    second: Arc<dyn Store>,
    wrong_credentials: Option<Arc<dyn Store>>,
    prefix: String,
    kept: Box<dyn Kept>,
}

trait Kept: Any + Debug + Send + Sync {}

impl<T: Any + Debug + Send + Sync> Kept for T {}

impl Fixture {
    /// A whole bucket, which is empty.
    pub fn new(store: impl Store) -> Self {
        Self::shared(Arc::new(store))
    }

    /// [`new`](Fixture::new) of a store that is behind a pointer.
    pub fn shared(store: Arc<dyn Store>) -> Self {
        Self {
            second: Arc::clone(&store),
            store,
            wrong_credentials: None,
            prefix: String::new(),
            kept: Box::new(()),
        }
    }

    /// With another connection to the same bucket, for races.
    #[must_use]
    pub fn second(mut self, store: Arc<dyn Store>) -> Self {
        self.second = store;
        self
    }

    /// With a connection to the same bucket whose credentials nobody accepts.
    #[must_use]
    pub fn wrong_credentials(mut self, store: Arc<dyn Store>) -> Self {
        self.wrong_credentials = Some(store);
        self
    }

    /// Under a random prefix of a bucket that others use.
    #[must_use]
    pub fn in_shared_bucket(mut self) -> Self {
        self.prefix = format!("conformance-{}/", random_name());
        self
    }

    /// Keeps what the store needs until the case has ended: a folder, a server.
    #[must_use]
    pub fn keeping(mut self, kept: impl Any + Debug + Send + Sync) -> Self {
        self.kept = Box::new(kept);
        self
    }

    pub(super) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// The connection of task number `task`.
    pub(super) fn connection(&self, task: usize) -> Arc<dyn Store> {
        let both = [&self.store, &self.second];
        Arc::clone(both[task % both.len()])
    }

    pub(super) fn wrong(&self) -> Option<&dyn Store> {
        self.wrong_credentials.as_deref()
    }

    /// A bucket of a name that nobody has; it does not exist.
    pub(super) fn no_bucket(&self) -> anyhow::Result<Arc<dyn Store>> {
        Ok(self.store.with_bucket(&format!("conf-{}", random_name()))?)
    }

    pub(super) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// A write to the key of this name, with no condition.
    pub(super) fn write(&self, name: &str, body: &str) -> PutObject {
        PutObject {
            key: self.key(name),
            body: body.to_owned().into(),
            ..PutObject::default()
        }
    }

    pub(super) async fn put(&self, name: &str, body: &str) -> anyhow::Result<ETag> {
        Ok(self.store.put(self.write(name, body)).await?.etag)
    }

    pub(super) async fn put_if(
        &self,
        name: &str,
        body: &str,
        precondition: Precondition,
    ) -> Result<ETag, StoreError> {
        let request = PutObject {
            precondition,
            ..self.write(name, body)
        };
        Ok(self.store.put(request).await?.etag)
    }

    pub(super) fn read(&self, name: &str) -> GetObject {
        GetObject {
            key: self.key(name),
            ..GetObject::default()
        }
    }

    pub(super) async fn get(&self, name: &str) -> Result<Object, StoreError> {
        self.store.get(self.read(name)).await
    }

    pub(super) async fn delete_if(
        &self,
        name: &str,
        precondition: Precondition,
    ) -> Result<(), StoreError> {
        let key = self.key(name);
        self.store.delete(DeleteObject { key, precondition }).await
    }

    /// Whether the object holds this.
    pub(super) async fn holds(&self, name: &str, body: &str) -> Outcome {
        let found = self
            .get(name)
            .await
            .with_context(|| format!("reading `{name}`"))?;
        ensure!(
            found.body == body.as_bytes(),
            "`{name}` holds {:?}, not {body:?}",
            found.body
        );
        Ok(())
    }

    /// Whether there is no such object.
    pub(super) async fn is_absent(&self, name: &str) -> Outcome {
        refused(self.get(name).await, StoreErrorKind::NotFound)
    }

    pub(super) fn listing(&self, prefix: &str) -> ListObjects {
        ListObjects {
            prefix: self.key(prefix),
            ..ListObjects::default()
        }
    }

    /// All that is listed, over all pages.
    pub(super) async fn list_all(&self, prefix: &str) -> anyhow::Result<Vec<ListedObject>> {
        let mut request = self.listing(prefix);
        let mut objects = Vec::new();
        loop {
            let page = self.store.list(request.clone()).await?;
            objects.extend(page.objects);
            match page.next {
                Some(token) => request.start = ListStart::Token(token),
                None => return Ok(objects),
            }
        }
    }

    /// The names of all that is listed.
    pub(super) async fn names(&self, prefix: &str) -> anyhow::Result<Vec<String>> {
        let objects = self.list_all(prefix).await?;
        let names = objects.iter().map(|object| {
            let name = object.key.strip_prefix(&self.prefix);
            name.map(str::to_owned).context("a key without the prefix")
        });
        names.collect()
    }

    /// Writes many objects, some at a time, each with its own name as its body.
    pub(super) async fn put_all(&self, names: &[String]) -> Outcome {
        const AT_ONCE: usize = 16;
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..AT_ONCE {
            let store = self.connection(task);
            let mine = names.iter().skip(task).step_by(AT_ONCE);
            let requests: Vec<_> = mine.map(|name| self.write(name, name)).collect();
            tasks.spawn(async move {
                for request in requests {
                    store.put(request).await?;
                }
                Ok::<(), StoreError>(())
            });
        }
        while let Some(done) = tasks.join_next().await {
            done??;
        }
        Ok(())
    }

    /// Deletes what the case wrote.
    pub(super) async fn clear(&self) -> Outcome {
        if self.prefix.is_empty() {
            // The bucket is gone with what is kept.
            return Ok(());
        }
        for objects in self.list_all("").await?.chunks(1000) {
            let requests = objects.iter().map(|object| DeleteObject {
                key: object.key.clone(),
                ..DeleteObject::default()
            });
            for outcome in self.store.delete_many(requests.collect()).await? {
                outcome?;
            }
        }
        Ok(())
    }
}

/// 16 lower-case letters and digits that are new.
pub(super) fn random_name() -> String {
    format!("{:016x}", u64::from_be_bytes(Env::system().random_bytes()))
}

/// Whether the answer is an error of this kind.
pub(super) fn refused<T: Debug>(answer: Result<T, StoreError>, kind: StoreErrorKind) -> Outcome {
    refused_as(answer, &[kind])
}

/// Whether the answer is an error of one of these kinds.
pub(super) fn refused_as<T: Debug>(
    answer: Result<T, StoreError>,
    kinds: &[StoreErrorKind],
) -> Outcome {
    match answer {
        Ok(answer) => bail!("answered {answer:?} instead of {kinds:?}"),
        Err(error) if kinds.contains(&error.kind()) => Ok(()),
        Err(error) => bail!("answered {error:?} instead of {kinds:?}"),
    }
}
