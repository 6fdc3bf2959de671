//! What operations look at, at three levels: the connection's, a task's and a table's.

use tokio::task_local;

use crate::store::Encryption;

task_local! {
    static SCOPE: Settings;
}

/// Limits and habits of operations. What is not set is left to the next level.
///
/// There are three levels, and the narrower wins: a **table's** ([`Table::with`](crate::Table::with),
/// or [`DbBuilder::table_settings`](crate::DbBuilder::table_settings)), a **task's** ([`scope`]), and the
/// **application's** (the methods of the same names of [`DbBuilder`](crate::DbBuilder)). What a
/// request says itself, such as [`Query::concurrency`](crate::Query::concurrency), wins over all.
///
/// ```
/// # #[derive(Debug, serde::Serialize, serde::Deserialize, s3orm::S3Schema)]
/// # #[s3(table = "notes", path = "<id>")]
/// # struct Note { id: u64, text: String }
/// use s3orm::{Db, Settings, scope};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
/// let db = Db::builder("memory:")?.max_row_bytes(1000).connect().await?; // the application
/// let notes = db.table::<Note>();
/// let long = |id| Note { id, text: "x".repeat(500) };
///
/// notes.put(long(1)).await?;
/// let import = async { notes.put(long(2)).await };
/// scope(Settings::new().max_row_bytes(100), import).await.unwrap_err();  // a task
/// let roomy = notes.with(Settings::new().max_row_bytes(600));            // a table
/// scope(Settings::new().max_row_bytes(100), roomy.put(long(2)).into_future()).await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[must_use = "settings do nothing until they are given to a connection, a scope or a table"]
pub struct Settings {
    pub(crate) max_row_bytes: Option<u64>,
    pub(crate) max_attempts: Option<u32>,
    pub(crate) retries: Option<u32>,
    pub(crate) concurrency: Option<usize>,
    pub(crate) max_requests: Option<u64>,
    pub(crate) max_cost: Option<f64>,
    pub(crate) encryption: Option<Encryption>,
}

impl Settings {
    /// Nothing is set.
    pub fn new() -> Self {
        Self::default()
    }

    /// The largest row in bytes that is written or read (16 MiB where no level says).
    pub fn max_row_bytes(mut self, bytes: u64) -> Self {
        self.max_row_bytes = Some(bytes);
        self
    }

    /// How often [`update`](crate::Table::update) and the `returning_old` forms begin again when
    /// somebody else was faster (100 where no level says).
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts);
        self
    }

    /// How often a request is sent again that certainly was not applied, or that only reads
    /// (3 where no level says).
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = Some(retries);
        self
    }

    /// How many requests of a query or a batch are under way at once, at least 1 (16 where no level
    /// says, 4 in batches whose requests hold many rows).
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.concurrency = Some(requests.max(1));
        self
    }

    /// At most this many requests for a query: as [`Query::max_requests`](crate::Query::max_requests)
    /// (no limit where no level says).
    pub fn max_requests(mut self, requests: u64) -> Self {
        self.max_requests = Some(requests);
        self
    }

    /// At most this much money for a query's requests, in US dollars: as
    /// [`Query::max_cost`](crate::Query::max_cost) (no limit where no level says).
    pub fn max_cost(mut self, dollars: f64) -> Self {
        self.max_cost = Some(dollars);
        self
    }

    /// How S3 encrypts at rest what is written (as the bucket says where no level does). A folder
    /// encrypts nothing, and refuses; memory only remembers what was asked for.
    ///
    /// ```
    /// use s3orm::{Encryption, KmsKey, Settings};
    ///
    /// let secret = Settings::new().encryption(Encryption::Kms(KmsKey::new("alias/people")));
    /// ```
    pub fn encryption(mut self, encryption: Encryption) -> Self {
        self.encryption = Some(encryption);
        self
    }

    /// These, and `below` where these say nothing.
    pub(crate) fn over(self, below: &Self) -> Self {
        Self {
            max_row_bytes: self.max_row_bytes.or(below.max_row_bytes),
            max_attempts: self.max_attempts.or(below.max_attempts),
            retries: self.retries.or(below.retries),
            concurrency: self.concurrency.or(below.concurrency),
            max_requests: self.max_requests.or(below.max_requests),
            max_cost: self.max_cost.or(below.max_cost),
            encryption: self.encryption.or_else(|| below.encryption.clone()),
        }
    }
}

/// Runs a future whose operations look at these settings: the level of a task, between the
/// application's and a table's. No request of its own.
///
/// A scope within a scope adds to it; what both set is the inner one's. A scope ends with its
/// future: what that spawns does not inherit it, and a stream that is returned from it is read
/// without it (but for the concurrency and the budget, which a query takes when it is made).
///
/// ```
/// # #[derive(serde::Serialize, serde::Deserialize, s3orm::S3Schema)]
/// # #[s3(table = "notes", path = "<id>")]
/// # struct Note { id: u64 }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
/// # let notes = s3orm::Db::connect("memory:").await?.table::<Note>();
/// use s3orm::{Settings, scope};
///
/// let polite = Settings::new().concurrency(2).max_requests(1000);
/// let count = scope(polite, async {
///     let rows = notes.query().scan().all().await?;
///     s3orm::Result::Ok(rows.len())
/// });
/// assert_eq!(count.await?, 0);
/// # Ok(()) }
/// ```
pub async fn scope<F: Future>(settings: Settings, future: F) -> F::Output {
    SCOPE.scope(settings.over(&current()), future).await
}

/// The future with the settings of the scope that this is called in: for what is spawned, and does
/// work of who is in the scope.
pub(crate) fn inherited<F: Future>(future: F) -> impl Future<Output = F::Output> {
    SCOPE.scope(current(), future)
}

/// The settings of the scope that this is called in.
pub(crate) fn current() -> Settings {
    SCOPE.try_with(Settings::clone).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn scopes_add_to_each_other_and_end() {
        assert_eq!(current(), Settings::new());
        let outer = Settings::new().retries(1).concurrency(0);
        scope(outer.clone(), async {
            assert_eq!(current().concurrency, Some(1), "at least one");
            scope(Settings::new().retries(2).max_attempts(3), async {
                let both = Settings::new().retries(2).max_attempts(3).concurrency(1);
                assert_eq!(current(), both);
            })
            .await;
            assert_eq!(current(), outer);
        })
        .await;
        assert_eq!(current(), Settings::new());
    }
}
