//! Many rows in one call: written, read, deleted, changed.
//!
//! A batch is a request like those of a single row: it does nothing until it is awaited, and its
//! options are methods. It sends [`concurrency`](Batch::concurrency) requests at a time and answers
//! with an outcome for **each** row, in the order of the input: what failed comes back as
//! [`Failed`], the row together with its error. Nothing is dropped silently.
//!
//! ```
//! # use s3orm::{Db, S3Schema};
//! # #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, S3Schema)]
//! # #[s3(table = "people", path = "<id>")]
//! # struct Person { id: u64, age: u32 }
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
//! # let people = Db::connect("memory:").await?.table::<Person>();
//! people.insert(Person { id: 7, age: 30 }).await?;
//!
//! let report = people.insert_many((0..10).map(|id| Person { id, age: 20 })).await;
//! assert_eq!((report.succeeded(), report.failed()), (9, 1));
//! for (place, failed) in report.failures() {
//!     println!("row {place}: {}", failed.error);          // row 7: insert_many `people/7.json`: …
//! }
//!
//! let replaced = people.insert_many((5..8).map(|id| Person { id, age: 20 })).on_conflict_replace();
//! assert_eq!(replaced.metadata("source", "import").await.succeeded(), 3);
//!
//! let rows = people.get_many([3, 7, 99]).await.into_result()?;  // or the first error
//! assert_eq!(rows.iter().flatten().map(|row| row.age).collect::<Vec<_>>(), [20, 20]);
//! # Ok(()) }
//! ```
//!
//! # Streams
//!
//! The input is anything that can be iterated over, or a stream in [`FromStream`]; it is read no
//! faster than its rows are sent. [`Batch::stream`] answers in the same manner, so that a batch of
//! any length runs in constant memory:
//!
//! ```
//! # use futures_util::{StreamExt as _, stream};
//! # use s3orm::{Db, S3Schema, batch::FromStream};
//! # #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, S3Schema)]
//! # #[s3(table = "people", path = "<id>")]
//! # struct Person { id: u64 }
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
//! # let people = Db::connect("memory:").await?.table::<Person>();
//! # let lines = stream::iter((0..5).map(|id| Person { id }));
//! let mut outcomes = people.put_many(FromStream(lines)).concurrency(64).stream();
//! while let Some(outcome) = outcomes.next().await {
//!     if let Err(failed) = outcome {
//!         eprintln!("{:?} was not written: {}", failed.input, failed.error);
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! # When S3 is slow, or somebody is faster
//!
//! Below a batch are the connection's own [`retries`](crate::DbBuilder::retries). A row that they
//! do not bring through, and that was certainly not applied, is tried again by the batch:
//! [`max_attempts`](Batch::max_attempts) times, within the
//! [`retry_budget`](Batch::retry_budget) of the batch as a whole, so that a store in trouble is not
//! driven further into it. What is left then is [`Report::unprocessed`]. An error that every row
//! would meet (a missing bucket, no credentials) ends the batch: the rows after it are not sent.
//!
//! A write whose answer is lost is read back as a single one is, and is never sent twice.

mod all;
pub(crate) mod bulk;
mod delete;
mod guard;
mod keys;
#[cfg(feature = "progress")]
mod progress;
mod report;
mod rows;
mod run;
mod write;

use std::pin::Pin;

pub use all::{DeleteAll, Swept, UpdateAll};
use futures_util::stream::{self, Stream, StreamExt as _};
pub use guard::Guarded;
pub use report::{Failed, Outcome, Report};
pub use run::{Batch, Outcomes};
pub use write::{Inserts, Writes};

/// The input of a batch: anything that can be iterated over, or a stream in [`FromStream`].
pub trait Input {
    /// What is put in.
    type Item;
    /// The input as a stream.
    type Items: Stream<Item = Self::Item> + Send;

    /// Begins to read it.
    fn into_items(self) -> Self::Items;
}

impl<I: IntoIterator<IntoIter: Send>> Input for I {
    type Item = I::Item;
    type Items = stream::Iter<I::IntoIter>;

    fn into_items(self) -> Self::Items {
        stream::iter(self)
    }
}

/// A stream as the input of a batch.
#[derive(Debug, Clone)]
pub struct FromStream<S>(
    /// Its items are read as they are needed.
    pub S,
);

impl<S: Stream + Send> Input for FromStream<S> {
    type Item = S::Item;
    type Items = S;

    fn into_items(self) -> S {
        self.0
    }
}

/// An input whose rows or keys have been converted, and how many it says it has.
pub(crate) struct Items<'a, I> {
    stream: Pin<Box<dyn Stream<Item = I> + Send + 'a>>,
    total: Option<u64>,
}

impl<'a, I> Items<'a, I> {
    pub(crate) fn new<N: Input<Items: 'a>>(input: N, convert: fn(N::Item) -> I) -> Self
    where
        N::Item: 'a,
        I: 'a,
    {
        let items = input.into_items();
        let total = match items.size_hint() {
            (least, Some(most)) if least == most => u64::try_from(most).ok(),
            _ => None,
        };
        Self {
            stream: Box::pin(items.map(convert)),
            total,
        }
    }
}
