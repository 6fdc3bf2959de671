//! The engine of all batches: pieces of the input at a time, several pieces at once.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, Stream, StreamExt as _};

use super::Items;
use super::report::{Failed, Outcome, Report, concerns_all, is_passing};
use super::write::Write;
use crate::db::Db;
use crate::error::{Error, ErrorKind};

/// One attempt at a piece of the input: an outcome for each item, in order.
pub(super) type Attempt<'a, O, I> =
    dyn Fn(Vec<I>, Arc<Write>) -> BoxFuture<'a, Vec<Outcome<O, I>>> + Send + Sync + 'a;

/// The longest wait before the first further attempt; it doubles with each.
const PAUSE: Duration = Duration::from_millis(100);

/// A request of [`Table`](crate::Table)'s `…_many` methods, with an outcome `O` for each `I` that
/// was put in.
///
/// Awaiting returns a [`Report`] of all outcomes; [`stream`](Self::stream) returns them as they
/// come. `K` says which options it has besides those of every batch: [`Inserts`](super::Inserts) and
/// [`Writes`](super::Writes) take what may be said of the objects.
#[must_use = "requests do nothing until awaited"]
pub struct Batch<'a, O, I, K = ()> {
    db: Db,
    name: &'static str,
    table: &'static str,
    items: Items<'a, I>,
    /// How many items go into one request.
    piece: usize,
    attempt: Arc<Attempt<'a, O, I>>,
    /// What is said of each write, should the attempts be writes.
    pub(super) write: Write,
    concurrency: usize,
    max_attempts: u32,
    retry_budget: u32,
    progress: Option<Progress<'a>>,
    kind: PhantomData<fn() -> K>,
}

type Progress<'a> = Box<dyn FnMut(u64, Option<u64>) + Send + 'a>;

impl<'a, O: Send + 'a, I: Send + 'a, K> Batch<'a, O, I, K> {
    /// Requests of one item each.
    pub(super) fn each<F>(
        (db, name, table): (Db, &'static str, &'static str),
        items: Items<'a, I>,
        attempt: impl Fn(I, Arc<Write>) -> F + Send + Sync + 'a,
    ) -> Self
    where
        F: Future<Output = Outcome<O, I>> + Send + 'a,
    {
        let attempt = Arc::new(attempt);
        Self::pieces((db, name, table), items, 1, move |items, write| {
            let attempt = Arc::clone(&attempt);
            async move {
                let mut outcomes = Vec::with_capacity(items.len());
                for item in items {
                    outcomes.push(attempt(item, Arc::clone(&write)).await);
                }
                outcomes
            }
        })
    }

    /// Requests of up to `piece` items each.
    pub(super) fn pieces<F>(
        (db, name, table): (Db, &'static str, &'static str),
        items: Items<'a, I>,
        piece: usize,
        attempt: impl Fn(Vec<I>, Arc<Write>) -> F + Send + Sync + 'a,
    ) -> Self
    where
        F: Future<Output = Vec<Outcome<O, I>>> + Send + 'a,
    {
        Self {
            concurrency: (db.concurrency()).unwrap_or(if piece == 1 { 16 } else { 4 }),
            db,
            name,
            table,
            items,
            piece,
            attempt: Arc::new(move |items, write| Box::pin(attempt(items, write))),
            write: Write::default(),
            max_attempts: 3,
            retry_budget: 500,
            progress: None,
            kind: PhantomData,
        }
    }

    /// The same requests, with another outcome made of each.
    pub(super) fn mapped<P: Send + 'a, L>(
        self,
        outcome: fn(Outcome<O, I>) -> Outcome<P, I>,
    ) -> Batch<'a, P, I, L> {
        let attempt = self.attempt;
        Batch {
            db: self.db,
            name: self.name,
            table: self.table,
            items: self.items,
            piece: self.piece,
            attempt: Arc::new(move |items, write| {
                let outcomes = attempt(items, write);
                Box::pin(async move { outcomes.await.into_iter().map(outcome).collect() })
            }),
            write: self.write,
            concurrency: self.concurrency,
            max_attempts: self.max_attempts,
            retry_budget: self.retry_budget,
            progress: self.progress,
            kind: PhantomData,
        }
    }

    /// How many requests are under way at once, at least 1. Unless set here, the
    /// [`Settings`](crate::Settings) say: 16, and 4 where a request holds up to 1,000 rows.
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.concurrency = requests.max(1);
        self
    }

    /// How often a row is tried that was certainly not applied: 3 times unless set, and at least
    /// once. Each of these has the connection's [`retries`](crate::DbBuilder::retries) within it.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts.max(1);
        self
    }

    /// How many rows of the whole batch may be tried again, counting each time: 500 unless set.
    pub fn retry_budget(mut self, rows: u32) -> Self {
        self.retry_budget = rows;
        self
    }

    /// Calls back whenever rows are done, whatever became of them: how many are, and of how many
    /// where the input says that beforehand (vectors and ranges do).
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema};
    /// # #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<id>")]
    /// # struct Person { id: u64 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let people = Db::connect("memory:").await?.table::<Person>();
    /// let rows = (0..100).map(|id| Person { id });
    /// people
    ///     .put_many(rows)
    ///     .on_progress(|done, total| assert!(done <= 100 && total == Some(100)))
    ///     .await
    ///     .into_result()?;
    /// # Ok(()) }
    /// ```
    pub fn on_progress(mut self, call: impl FnMut(u64, Option<u64>) + Send + 'a) -> Self {
        self.progress = Some(Box::new(call));
        self
    }

    /// Begins the batch, and returns the outcomes in the order of the input as they come.
    ///
    /// Memory is bounded by the rows of as many requests as run at once. The batch goes on only
    /// while the stream is polled; dropping it drops the requests that are under way.
    pub fn stream(self) -> Outcomes<'a, O, I> {
        let concurrency = self.concurrency;
        let (pieces, progress) = self.start();
        let pieces = pieces.buffered(concurrency).map(progress);
        Outcomes(Box::pin(
            pieces.flat_map(|(_, outcomes)| stream::iter(outcomes)),
        ))
    }

    /// All outcomes. A slow row holds up no other.
    async fn run(self) -> Report<O, I> {
        let concurrency = self.concurrency;
        let (pieces, progress) = self.start();
        let pieces = pieces.buffer_unordered(concurrency).map(progress);
        let mut pieces: Vec<Piece<O, I>> = pieces.collect().await;
        pieces.sort_unstable_by_key(|&(place, _)| place);
        let outcomes = pieces.into_iter().flat_map(|(_, outcomes)| outcomes);
        Report::new(outcomes.collect())
    }

    /// Calls `each` with every outcome as it comes, in any order.
    pub(super) async fn drain(self, mut each: impl FnMut(Outcome<O, I>) + Send) {
        let concurrency = self.concurrency;
        let (pieces, progress) = self.start();
        let mut pieces = pieces.buffer_unordered(concurrency).map(progress);
        while let Some((_, outcomes)) = pieces.next().await {
            outcomes.into_iter().for_each(&mut each);
        }
    }

    /// The pieces' futures, and what their outcomes pass through when they are done.
    fn start(self) -> (Pieces<'a, O, I>, Told<'a, O, I>) {
        let runner = Arc::new(Runner {
            db: self.db,
            name: self.name,
            table: self.table,
            attempt: self.attempt,
            write: Arc::new(self.write),
            max_attempts: self.max_attempts,
            budget: AtomicU32::new(self.retry_budget),
            stop: OnceLock::new(),
        });
        let total = self.items.total;
        let pieces = self.items.stream.chunks(self.piece).enumerate();
        let pieces = pieces.map(move |(place, items)| {
            let runner = Arc::clone(&runner);
            Box::pin(async move { (place, runner.piece(items).await) }) as BoxFuture<'a, _>
        });
        let (mut done, mut call) = (0, self.progress);
        let progress = move |piece: Piece<O, I>| {
            done += piece.1.len() as u64;
            if let Some(call) = &mut call {
                call(done, total);
            }
            piece
        };
        (Box::pin(pieces), Box::new(progress))
    }
}

/// The outcomes of a piece, and its place in the input.
type Piece<O, I> = (usize, Vec<Outcome<O, I>>);
/// Tells of a piece's progress.
type Told<'a, O, I> = Box<dyn FnMut(Piece<O, I>) -> Piece<O, I> + Send + 'a>;
type Pieces<'a, O, I> = Pin<Box<dyn Stream<Item = BoxFuture<'a, Piece<O, I>>> + Send + 'a>>;

/// What the pieces of a batch share.
struct Runner<'a, O, I> {
    db: Db,
    name: &'static str,
    table: &'static str,
    attempt: Arc<Attempt<'a, O, I>>,
    write: Arc<Write>,
    max_attempts: u32,
    /// How many rows may yet be tried again.
    budget: AtomicU32,
    /// What ended the batch.
    stop: OnceLock<(ErrorKind, String)>,
}

impl<O, I> Runner<'_, O, I> {
    /// Tries a piece until each of its items has an outcome that stands.
    async fn piece(&self, items: Vec<I>) -> Vec<Outcome<O, I>> {
        let mut outcomes: Vec<Option<Outcome<O, I>>> = items.iter().map(|_| None).collect();
        let mut places: Vec<usize> = (0..items.len()).collect();
        let mut left = items;
        for attempt in 1..=self.max_attempts {
            let mut again = (Vec::new(), Vec::new());
            for (place, outcome) in places.into_iter().zip(self.send(left).await) {
                match outcome {
                    Err(failed) if attempt < self.max_attempts && self.may_repeat(&failed) => {
                        again.0.push(place);
                        again.1.push(failed.input);
                    }
                    outcome => outcomes[place] = Some(outcome.map_err(|f| self.named(f))),
                }
            }
            (places, left) = again;
            if left.is_empty() {
                break;
            }
            let env = self.db.env();
            env.sleep(env.jitter(PAUSE * 2_u32.saturating_pow(attempt - 1)))
                .await;
        }
        outcomes.into_iter().flatten().collect()
    }

    /// One attempt, unless the batch has ended.
    async fn send(&self, items: Vec<I>) -> Vec<Outcome<O, I>> {
        if let Some((kind, detail)) = self.stop.get() {
            let error = || {
                Error::new(
                    *kind,
                    format!("not sent, because the batch ended: {detail}"),
                )
            };
            let failed = items.into_iter().map(|input| Failed {
                input,
                error: error(),
            });
            return failed.map(Err).collect();
        }
        (self.attempt)(items, Arc::clone(&self.write)).await
    }

    fn may_repeat(&self, failed: &Failed<I>) -> bool {
        is_passing(failed.error.kind())
            && self
                .budget
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                    left.checked_sub(1)
                })
                .is_ok()
    }

    fn named(&self, failed: Failed<I>) -> Failed<I> {
        let kind = failed.error.kind();
        if concerns_all(kind) {
            self.stop.get_or_init(|| (kind, failed.error.to_string()));
        }
        Failed {
            error: failed.error.during(self.name, self.table),
            ..failed
        }
    }
}

impl<'a, O: Send + 'a, I: Send + 'a, K: 'a> IntoFuture for Batch<'a, O, I, K> {
    type Output = Report<O, I>;
    type IntoFuture = BoxFuture<'a, Report<O, I>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<O, I, K> fmt::Debug for Batch<'_, O, I, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("operation", &self.name)
            .field("table", &self.table)
            .finish_non_exhaustive()
    }
}

/// The outcomes of a batch as they come: of [`Batch::stream`].
#[must_use = "a stream does nothing unless it is read"]
pub struct Outcomes<'a, O, I>(Pin<Box<dyn Stream<Item = Outcome<O, I>> + Send + 'a>>);

impl<O, I> Outcomes<'_, O, I> {
    /// The next outcome; `None` after the last.
    pub async fn next(&mut self) -> Option<Outcome<O, I>> {
        self.0.next().await
    }
}

impl<O, I> Stream for Outcomes<'_, O, I> {
    type Item = Outcome<O, I>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<O, I> fmt::Debug for Outcomes<'_, O, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outcomes")
    }
}
