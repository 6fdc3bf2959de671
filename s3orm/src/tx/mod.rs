//! Transactions: several rows, of any transactional tables, change at one instant or not at all.
//!
//! ```
//! use s3orm::{Db, Error, S3Schema};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, Clone, Serialize, Deserialize, S3Schema)]
//! #[s3(table = "accounts", path = "<owner>", transactional)]
//! struct Account {
//!     owner: String,
//!     balance: i64,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
//! let db = Db::connect("memory:").await?;
//! let accounts = &db.table::<Account>();
//! for owner in ["ann", "bob"] {
//!     accounts.insert(Account { owner: owner.into(), balance: 100 }).await?;
//! }
//!
//! // Read, decide, write. The closure may run several times.
//! db.transaction(|tx| async move {
//!     let ann = tx.get(accounts, "ann").await?.ok_or_else(|| Error::cancelled("no account"))?;
//!     if ann.balance < 30 {
//!         return Err(Error::cancelled("not enough money"));
//!     }
//!     tx.write(accounts.patch("ann").decrement(Account::COL.balance, 30))?;
//!     tx.write(accounts.patch("bob").increment(Account::COL.balance, 30))
//! })
//! .await?;
//!
//! // The same without reading first: the condition is checked where it counts.
//! db.transaction(|tx| async move {
//!     let enough = Account::COL.balance.ge(30);
//!     tx.write(accounts.patch("ann").decrement(Account::COL.balance, 30).only_if(enough))?;
//!     tx.write(accounts.patch("bob").increment(Account::COL.balance, 30))
//! })
//! .await?;
//!
//! // All rows of one instant.
//! let (ann, bob) = db
//!     .snapshot(|at| async move { Ok((at.get(accounts, "ann").await?, at.get(accounts, "bob").await?)) })
//!     .await?;
//! assert_eq!((ann.unwrap().balance, bob.unwrap().balance), (40, 160));
//! # Ok(()) }
//! ```
//!
//! # What is promised
//! **Strict serializability** of transactions, snapshots and reads and writes of single rows: all of
//! them happen in one order, each between its beginning and its answer. Queries see each row as it is
//! when it is read, and are of no one instant.
//!
//! # How
//! There is no server to ask, so the bucket itself decides. A transaction writes a *record*, then
//! over each of its rows an *intent*, which holds the old value and the new one and names the record;
//! then it changes the record from pending to committed. That one write, conditional on the record's
//! version, is the instant at which all rows change: whoever meets an intent asks its record which of
//! the two values counts. After the answer the rows are rewritten without the intents, in the
//! background. If the program ends before, nobody of this library notices, and others who read the
//! JSON see the old values until [`settle`](crate::Db::settle) or a later write.
//!
//! A transaction whose program is gone is aborted by whoever meets it, once its record has stood still
//! for the [lease](crate::DbBuilder::transaction_lease). Run [`sweep`](crate::Db::sweep) from time to
//! time, from anywhere: it finishes and collects what was left behind. Deleted rows leave tombstones,
//! which [`vacuum`](crate::Table::vacuum) collects.
//!
//! No clock is compared with another's, and every step can be cut off anywhere; `docs/models.md` has
//! the models that were checked, and `docs/testing.md` what the code was put through.
//!
//! # Cost
//! Of a transaction over `n` rows, read ones included: `2n + 2` PUT and `n` GET, in four rounds of
//! requests, and three where the rows are not read before. The answer comes before the last `n` PUT.
//! A transaction of one row is 1 GET and 1 PUT.

mod commit;
mod finish;
mod handle;
mod indexes;
mod lock;
mod part;
mod single;
mod snapshot;
mod sweep;
mod token;

use std::fmt;
use std::future::IntoFuture;

pub(crate) use commit::{Coordinator, Verdict};
pub use handle::{Snapshot, Tx};
pub(crate) use indexes::{RowIndexes, of_row};
pub(crate) use part::{Edit, Parts};
use serde::Serialize;
pub(crate) use sweep::{GRACE, age};
pub use sweep::{SweepReport, Vacuum};
use token::Use;

use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::table::RequestFuture;

impl Db {
    /// Runs a transaction; awaiting returns what the closure returned once it is committed.
    ///
    /// The closure gets a [`Tx`] and may run several times, each time on what the rows are then; what
    /// it does besides is not undone. It may see rows of different instants, in which case it runs
    /// again and nothing of it counts. Where it returns an `Err`, nothing is written; see
    /// [`Error::cancelled`] for reasons of your own. See the [module](crate::tx) for an example.
    ///
    /// # Errors
    /// - The closure's own.
    /// - What a write found: [`AlreadyExists`](ErrorKind::AlreadyExists),
    ///   [`NotFound`](ErrorKind::NotFound), [`Conflict`](ErrorKind::Conflict) of a version,
    ///   [`Cancelled`](ErrorKind::Cancelled) of a condition, each with the key of its row.
    /// - [`Conflict`](ErrorKind::Conflict) if others were faster every time.
    /// - [`LimitExceeded`](ErrorKind::LimitExceeded): over 100 rows or 4 MiB.
    /// - [`OutcomeUnknown`](ErrorKind::OutcomeUnknown) if the answers to the commit were lost. With a
    ///   [token](Transaction::once), run it again.
    ///
    /// And those of the connection. After all of them but `OutcomeUnknown` nothing of it is done, nor
    /// will be.
    ///
    /// # Cost
    /// `2n + 2` PUT and `n` GET for `n` rows, as often as it runs; see the [module](crate::tx#cost).
    pub fn transaction<F, Fut, R>(&self, work: F) -> Transaction<'_, F>
    where
        F: FnMut(Tx) -> Fut + Send,
        Fut: Future<Output = Result<R>> + Send,
        R: Send,
    {
        Transaction {
            db: self,
            work,
            settled: false,
        }
    }

    /// Reads several rows as they were at one instant; awaiting returns what the closure returned.
    ///
    /// The closure may run several times. It never waits for others, and others never wait for it,
    /// unless the rows change again and again: then it locks them as a transaction does.
    ///
    /// # Errors
    /// The closure's own, [`Conflict`](ErrorKind::Conflict) if others were faster every time,
    /// [`LimitExceeded`](ErrorKind::LimitExceeded) over 100 rows, and those of the connection.
    ///
    /// # Cost
    /// 2 GET a row, the second answered without its bytes; 2 GET more for each row under a
    /// transaction. As much again each time that a row was changed meanwhile.
    pub async fn snapshot<F, Fut, R>(&self, mut work: F) -> Result<R>
    where
        F: FnMut(Snapshot) -> Fut,
        Fut: Future<Output = Result<R>>,
    {
        let run = async {
            let mut coordinator = Coordinator::new(self, false, None);
            let mut attempts = self.attempts();
            loop {
                let snapshot = Snapshot::new(self);
                let result = work(snapshot.clone()).await;
                let is_good = coordinator.check(snapshot.take()).await?;
                if is_good {
                    return result;
                }
                if !attempts.next().await {
                    return Err(defeated());
                }
            }
        };
        run.await
            .map_err(|error: Error| error.during("snapshot", ""))
    }
}

/// A request of [`Db::transaction`].
#[must_use = "requests do nothing until awaited"]
pub struct Transaction<'a, F> {
    db: &'a Db,
    work: F,
    settled: bool,
}

/// A request of [`Transaction::once`].
#[must_use = "requests do nothing until awaited"]
pub struct OnceTransaction<'a, F> {
    transaction: Transaction<'a, F>,
    token: Result<Use>,
}

impl<'a, F> Transaction<'a, F> {
    /// Answers only after all rows are plain ones again: for programs that end right after, and where
    /// others read the objects without this library. One round of requests more before the answer.
    pub fn settled(mut self) -> Self {
        self.settled = true;
        self
    }

    /// Does it once, however often it is asked for with this token: awaiting returns `None` if it was
    /// done before.
    ///
    /// `request` is what is asked for, in any form that serializes: the same token with another
    /// request is an error. A token is remembered for 24 hours after it was used.
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema};
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "accounts", path = "<owner>", transactional)]
    /// # struct Account { owner: String, balance: i64 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let db = Db::connect("memory:").await?;
    /// # let accounts = &db.table::<Account>();
    /// # accounts.insert(Account { owner: "ann".into(), balance: 100 }).await?;
    /// for _ in 0..2 {
    ///     db.transaction(|tx| async move {
    ///         tx.write(accounts.patch("ann").increment(Account::COL.balance, 5))
    ///     })
    ///     .once("deposit-17", &("ann", 5))
    ///     .await?;
    /// }
    /// assert_eq!(accounts.get("ann").await?.unwrap().balance, 105);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`TokenReused`](ErrorKind::TokenReused), and those of [`Db::transaction`].
    ///
    /// # Cost
    /// That of a transaction, also of one row; 1 PUT, 1 HEAD and 1 GET if it was done before.
    pub fn once(self, token: &str, request: &impl Serialize) -> OnceTransaction<'a, F> {
        OnceTransaction {
            transaction: self,
            token: Use::new(token, request),
        }
    }

    async fn run<Fut, R>(mut self, token: Option<Use>) -> Result<Option<R>>
    where
        F: FnMut(Tx) -> Fut + Send,
        Fut: Future<Output = Result<R>> + Send,
        R: Send,
    {
        let mut coordinator = Coordinator::new(self.db, self.settled, token);
        let mut attempts = self.db.attempts();
        loop {
            let tx = Tx::new(self.db);
            let result = (self.work)(tx.clone()).await;
            let parts = tx.take();
            match result {
                Ok(result) => match coordinator.run(parts).await? {
                    Verdict::Committed(_) => return Ok(Some(result)),
                    Verdict::Before => return Ok(None),
                    Verdict::Again => {}
                },
                // What it refused must have been so: all of it, at one instant.
                Err(error) => {
                    if coordinator.check(parts).await? {
                        return Err(error);
                    }
                }
            }
            if !attempts.next().await {
                return Err(defeated());
            }
        }
    }
}

fn defeated() -> Error {
    let detail = "others changed the rows every time; nothing was written";
    Error::new(ErrorKind::Conflict, detail)
}

impl<'a, F, Fut, R> IntoFuture for Transaction<'a, F>
where
    F: FnMut(Tx) -> Fut + Send + 'a,
    Fut: Future<Output = Result<R>> + Send + 'a,
    R: Send + 'a,
{
    type Output = Result<R>;
    type IntoFuture = RequestFuture<'a, R>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let result = self.run(None).await.and_then(|result| {
                result.ok_or_else(|| Error::new(ErrorKind::Internal, "nothing was committed"))
            });
            result.map_err(|error| error.during("transaction", ""))
        })
    }
}

impl<'a, F, Fut, R> IntoFuture for OnceTransaction<'a, F>
where
    F: FnMut(Tx) -> Fut + Send + 'a,
    Fut: Future<Output = Result<R>> + Send + 'a,
    R: Send + 'a,
{
    type Output = Result<Option<R>>;
    type IntoFuture = RequestFuture<'a, Option<R>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let run = async { self.transaction.run(Some(self.token?)).await };
            run.await.map_err(|error| error.during("transaction", ""))
        })
    }
}

impl<F> fmt::Debug for Transaction<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field("db", &self.db)
            .field("settled", &self.settled)
            .finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for OnceTransaction<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceTransaction")
            .field("transaction", &self.transaction)
            .finish_non_exhaustive()
    }
}
