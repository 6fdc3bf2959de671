//! One pass over the table.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::checkpoint::{Beat, Checkpoint, Left};
use super::{Migrate, Migrated, MigrationProgress, SEGMENTS, begin, way};
use crate::env::{Env, Instant};
use crate::error::{Error, ErrorKind, Result};
use crate::key::{KeyRange, Limits, PrefixText};
use crate::query::{Meter, Segments, Span};
use crate::schema::{S3Schema, TableSchema};
use crate::table::{Brought, Table};

/// Rows between two looks at the clock.
const SLICE: usize = 64;
/// Rows between two checkpoints.
const EVERY: u64 = 1000;
/// Failed rows that a report names at most.
const NAMED: usize = 1000;

/// How a pass ended.
pub(super) enum Ended {
    /// Somebody has had it stop.
    Paused,
    /// Nobody could write another version any more when it began, and it has found none.
    Clean,
    /// There may be more to do.
    Found,
    /// Rows failed, and it has rewritten none.
    Stuck,
}

/// The keys of a path, in segments.
pub(super) fn keys<T: S3Schema>(
    table: &Table<T>,
    schema: &'static TableSchema,
    spans: Vec<Span>,
) -> Segments {
    use crate::key::KeyTuple as _;
    let range = KeyRange::new(table.folder(), &PrefixText::new(&schema.path), Limits::None);
    let own = schema.path == T::SCHEMA.path;
    let digits: fn(usize) -> Option<&'static str> = if own { T::Key::digits } else { |_| None };
    let meter = Arc::new(Meter::default());
    // What is left of deleted rows is told from rows when it is read.
    let reads_marked = false;
    Segments::new(
        table.db().clone(),
        range,
        meter,
        SEGMENTS,
        digits,
        reads_marked,
        spans,
    )
}

/// What one pass of one job counts.
struct Count {
    began: Instant,
    beaten: Instant,
    since_beat: u64,
    rows: u64,
    total: Option<u64>,
}

impl<T: S3Schema> Migrate<'_, T> {
    /// Goes over what is left of the pass under way, or begins another one.
    ///
    /// # Errors
    /// Those that are not of single rows.
    pub(super) async fn pass(
        &self,
        checkpoint: &mut Checkpoint,
        report: &mut Migrated,
    ) -> Result<Ended> {
        let paths = way::paths(T::SCHEMA, self.to());
        if checkpoint.body.left.is_none() {
            if checkpoint.body.passes > 0 && !self.wait(checkpoint).await? {
                return Ok(Ended::Paused);
            }
            let is_last = checkpoint.seen() >= self.settle;
            let whole = paths
                .iter()
                .map(|schema| Left::new(schema.version, Span::default()));
            let body = &mut checkpoint.body;
            (body.is_last, body.left) = (is_last, Some(whole.collect()));
            (body.rows, body.changed, body.failed) = (0, 0, 0);
        }
        report.failed.clear();
        let mut count = self.count(checkpoint.body.passes, report).await?;
        for schema in &paths {
            if !self.path(schema, checkpoint, report, &mut count).await? {
                return Ok(Ended::Paused);
            }
        }
        let body = &mut checkpoint.body;
        (body.passes, body.left) = (body.passes + 1, None);
        let (is_last, changed, failed) = (body.is_last, body.changed, body.failed);
        if let Beat::Paused = checkpoint.beat().await? {
            return Ok(Ended::Paused);
        }
        Ok(match (is_last, changed, failed) {
            (true, 0, 0) => Ended::Clean,
            (true, 0, _) => Ended::Stuck,
            _ => Ended::Found,
        })
    }

    async fn count(&self, passes: u32, report: &Migrated) -> Result<Count> {
        let now = self.table.db().env().instant();
        let total = match (&self.progress, passes) {
            (Some(_), 0) => Some(objects(self.table).await?),
            (Some(_), _) => Some(report.rows),
            _ => None,
        };
        Ok(Count {
            began: now,
            beaten: now,
            since_beat: 0,
            rows: 0,
            total: total.filter(|total| *total > 0),
        })
    }

    /// Goes over what is left of the keys of one path; `false` if it was paused.
    async fn path(
        &self,
        schema: &'static TableSchema,
        checkpoint: &mut Checkpoint,
        report: &mut Migrated,
        count: &mut Count,
    ) -> Result<bool> {
        let all = checkpoint.body.left.clone().unwrap_or_default();
        let (own, others): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|left| left.path == schema.version);
        if own.is_empty() {
            return Ok(true);
        }
        let spans = own.into_iter().map(Left::span).collect();
        let mut segments = keys(self.table, schema, spans);
        let mut calm = Calm::default();
        while let Some(page) = poll_fn(|cx| segments.poll_page(cx)).await {
            let page = match page {
                Ok(page) => page,
                Err(error) if calm.is_after(self.table.db().env(), &error).await => {
                    segments = keys(self.table, schema, segments.rest());
                    continue;
                }
                Err(error) => return Err(error),
            };
            for slice in page.chunks(SLICE) {
                self.slice((schema, slice), checkpoint, report, count)
                    .await?;
                for key in slice {
                    segments.examined(key);
                }
                let rest = segments.rest().into_iter();
                let rest = rest.map(|span| Left::new(schema.version, span));
                checkpoint.body.left = Some(rest.chain(others.iter().cloned()).collect());
                if self.is_due(count) && !self.beat(checkpoint, count).await? {
                    return Ok(false);
                }
            }
            calm = Calm::default();
        }
        checkpoint.body.left = Some(others);
        Ok(true)
    }

    /// Writes the checkpoint; `false` if the job is paused. What cannot be written now is written the
    /// next time.
    async fn beat(&self, checkpoint: &mut Checkpoint, count: &mut Count) -> Result<bool> {
        count.beaten = self.table.db().env().instant();
        count.since_beat = 0;
        match checkpoint.beat().await {
            Ok(beat) => Ok(matches!(beat, Beat::GoesOn)),
            Err(error) if passes(error.kind()) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Migrates a row, and again where the store is not at hand.
    async fn bring(&self, key: &str, schema: &TableSchema) -> Result<Brought> {
        let mut calm = Calm::default();
        loop {
            match self.table.bring(key, schema, self.to()).await {
                Err(error) if calm.is_after(self.table.db().env(), &error).await => {}
                brought => return brought,
            }
        }
    }

    fn is_due(&self, count: &Count) -> bool {
        let now = self.table.db().env().instant();
        count.since_beat >= EVERY || now.duration_since(count.beaten) >= self.lease / 3
    }

    /// Migrates some rows.
    async fn slice(
        &self,
        (schema, keys): (&'static TableSchema, &[String]),
        checkpoint: &mut Checkpoint,
        report: &mut Migrated,
        count: &mut Count,
    ) -> Result<()> {
        let env = self.table.db().env();
        let (rate, began, before) = (self.rate, count.began, count.rows);
        let keys = keys.to_vec();
        let looked = keys.len() as u64;
        let rows = stream::iter(keys.into_iter().zip(before..)).map(|(key, number)| async move {
            if let Some(rate) = rate {
                #[expect(clippy::cast_precision_loss, reason = "no table has 2^52 rows")]
                let due = Duration::from_secs_f64(number as f64 / rate);
                let passed = env.instant().duration_since(began);
                env.sleep(due.saturating_sub(passed)).await;
            }
            let brought = self.bring(&key, schema).await;
            (key, brought)
        });
        let mut rows = rows.buffer_unordered(self.concurrency);
        while let Some((key, brought)) = rows.next().await {
            let body = &mut checkpoint.body;
            match brought {
                Ok(Brought::Gone) => continue,
                Ok(Brought::Overtaken) => return Err(begin::overtaken()),
                Ok(Brought::Current) => {}
                Ok(Brought::Rewritten) => {
                    body.changed += 1;
                    body.rewritten += 1;
                }
                Err(error) if is_of_row(error.kind()) => {
                    body.failed += 1;
                    if report.failed.len() < NAMED {
                        report.failed.push((key, error));
                    }
                }
                Err(error) => return Err(error.with_key_unless_known(&key)),
            }
            body.rows += 1;
        }
        count.rows += looked;
        count.since_beat += looked;
        if let Some(call) = &self.progress {
            call(&self.progress_of(checkpoint, count));
        }
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "no table has 2^52 rows")]
    fn progress_of(&self, checkpoint: &Checkpoint, count: &Count) -> MigrationProgress {
        let body = &checkpoint.body;
        let passed = self.table.db().env().instant().duration_since(count.began);
        let rate = count.rows as f64 / passed.as_secs_f64().max(1e-3);
        let rest = count.total.map(|total| total.saturating_sub(body.rows));
        let left =
            rest.and_then(|rest| Duration::try_from_secs_f64(rest as f64 / rate.max(1e-9)).ok());
        MigrationProgress {
            pass: body.passes + 1,
            rows: body.rows,
            total: count.total,
            rewritten: body.rewritten,
            failed: body.failed,
            rate,
            left,
        }
    }
}

/// The pauses of a job whose store is not at hand.
#[derive(Default)]
struct Calm(u32);

impl Calm {
    /// Waits, and says whether to try once more: for two minutes in all.
    async fn is_after(&mut self, env: &Env, error: &Error) -> bool {
        const TRIES: u32 = 9;
        if !passes(error.kind()) || self.0 == TRIES {
            return false;
        }
        let pause = Duration::from_millis(250) * 2_u32.pow(self.0);
        self.0 += 1;
        env.sleep(pause).await;
        true
    }
}

/// Whether an error says that the store is not at hand: what became of a row is seen when it is read
/// again.
fn passes(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Throttled | ErrorKind::Unavailable | ErrorKind::OutcomeUnknown
    )
}

/// Whether an error is of one row, and the others can go on.
pub(super) fn is_of_row(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Decode
            | ErrorKind::InvalidKey
            | ErrorKind::InvalidRow
            | ErrorKind::LimitExceeded
            | ErrorKind::UniqueViolation
            | ErrorKind::AlreadyExists
            | ErrorKind::Conflict
            | ErrorKind::OutcomeUnknown
            | ErrorKind::Schema
    )
}

/// How many objects are in the table's folder.
///
/// Cost: 1 LIST a thousand.
async fn objects<T: S3Schema>(table: &Table<T>) -> Result<u64> {
    let objects = table.db().objects(table.folder().to_owned());
    objects
        .try_fold(0, |count, _| async move { Ok::<_, Error>(count + 1) })
        .await
}
