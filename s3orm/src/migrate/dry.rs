//! What a migration would do, without doing it.

use std::collections::BTreeMap;
use std::fmt;
use std::future::{IntoFuture, poll_fn};

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};

use super::pass::keys;
use super::way;
use crate::error::{Error, Result};
use crate::query::{Prices, Span};
use crate::schema::{S3Schema, TableSchema};
use crate::store::GetObject;
use crate::table::{RequestFuture, Table, operation, store_error};

/// Samples of a plan at most.
const SAMPLES: usize = 5;
/// Failed rows that a plan names at most.
const NAMED: usize = 1000;

/// A request of [`Migrate::dry_run`](super::Migrate::dry_run).
#[must_use = "requests do nothing until awaited"]
pub struct DryRun<'a, T> {
    table: &'a Table<T>,
    down_to: Option<u32>,
    concurrency: usize,
    limit: Option<u64>,
    prices: Prices,
}

/// What a migration would do.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct MigrationPlan {
    /// Rows that were looked at.
    pub rows: u64,
    /// Whether they are all of them, and not as many as were asked for.
    pub is_whole: bool,
    /// How many rows there are of each version.
    pub versions: BTreeMap<u32, u64>,
    /// How many would be rewritten.
    pub to_rewrite: u64,
    /// What would become of some of them.
    pub samples: Vec<Sample>,
    /// Rows that could not be migrated, each with the reason; a thousand at most.
    pub failed: Vec<(String, Error)>,
    /// LIST requests of a migration of these rows, of which nobody writes one meanwhile.
    pub lists: u64,
    /// GET requests.
    pub gets: u64,
    /// PUT requests.
    pub puts: u64,
    /// What they cost, in US dollars: a PUT costs what a LIST does.
    pub cost: f64,
}

/// A row as it is, and as it would be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sample {
    /// The object's key.
    pub key: String,
    /// Its version.
    pub version: u32,
    /// Its bytes.
    pub before: Bytes,
    /// The bytes that would be written; of a stamped table without the stamp.
    pub after: Bytes,
}

impl<'a, T: S3Schema> DryRun<'a, T> {
    pub(super) fn new(table: &'a Table<T>, down_to: Option<u32>, concurrency: usize) -> Self {
        Self {
            table,
            down_to,
            concurrency,
            limit: None,
            prices: Prices::default(),
        }
    }

    /// Looks at so many rows only, the first ones.
    pub fn limit(mut self, rows: u64) -> Self {
        self.limit = Some(rows);
        self
    }

    /// What the store charges; S3 Standard in `us-east-1` unless said.
    pub fn prices(mut self, prices: Prices) -> Self {
        self.prices = prices;
        self
    }

    async fn run(self) -> Result<MigrationPlan> {
        let mut plan = MigrationPlan {
            is_whole: true,
            ..MigrationPlan::default()
        };
        if let Some(to) = self.down_to {
            way::check_back(T::SCHEMA, to)?;
        }
        for schema in way::paths(T::SCHEMA, self.to()) {
            let mut segments = keys(self.table, schema, vec![Span::default()]);
            while let Some(page) = poll_fn(|cx| segments.poll_page(cx)).await {
                let mut page = page?;
                let rest = self
                    .limit
                    .map_or(u64::MAX, |limit| limit - plan.rows.min(limit));
                let rest = usize::try_from(rest).unwrap_or(usize::MAX);
                plan.is_whole &= page.len() <= rest;
                page.truncate(rest);
                self.look(schema, &page, &mut plan).await?;
                if !plan.is_whole {
                    break;
                }
                for key in &page {
                    segments.examined(key);
                }
            }
        }
        plan.lists = 2 * plan.rows.div_ceil(1000).max(1);
        plan.gets = 2 * plan.rows;
        plan.puts = plan.to_rewrite + 2 + 2 * plan.rows.div_ceil(1000);
        plan.cost = self.prices.cost(plan.lists + plan.puts, plan.gets);
        Ok(plan)
    }

    fn to(&self) -> u32 {
        self.down_to.unwrap_or(T::SCHEMA.version)
    }

    async fn look(
        &self,
        schema: &'static TableSchema,
        keys: &[String],
        plan: &mut MigrationPlan,
    ) -> Result<()> {
        let reads = stream::iter(keys.to_vec()).map(|key| async move {
            let looked = self.look_at(&key, schema).await;
            (key, looked)
        });
        let mut reads = reads.buffer_unordered(self.concurrency);
        let mut samples = Vec::new();
        while let Some((key, looked)) = reads.next().await {
            let (version, after) = match looked {
                Ok(None) => continue,
                Ok(Some(looked)) => looked,
                Err(error) if super::pass::is_of_row(error.kind()) => {
                    plan.rows += 1;
                    if plan.failed.len() < NAMED {
                        plan.failed.push((key, error));
                    }
                    continue;
                }
                Err(error) => return Err(error.with_key_unless_known(&key)),
            };
            plan.rows += 1;
            *plan.versions.entry(version).or_default() += 1;
            let Some(after) = after else { continue };
            plan.to_rewrite += 1;
            if plan.samples.len() + samples.len() < SAMPLES {
                samples.push((key, version, after));
            }
        }
        for (key, version, after) in samples {
            let request = GetObject {
                key: key.clone(),
                max_bytes: Some(self.table.db().max_object_bytes()),
                ..GetObject::default()
            };
            let found = self.table.db().store().get(request).await;
            let before = found
                .map_err(|error| store_error(error, Some(key.clone())))?
                .body;
            plan.samples.push(Sample {
                key,
                version,
                before,
                after,
            });
        }
        Ok(())
    }
}

impl<T: S3Schema> DryRun<'_, T> {
    /// The version of a row, and its bytes as they would be written if it is to be; nothing of what is no row.
    async fn look_at(
        &self,
        key: &str,
        schema: &'static TableSchema,
    ) -> Result<Option<(u32, Option<Bytes>)>> {
        let Some((row, version)) = self.table.of_any(key, schema).await? else {
            return Ok(None);
        };
        let to = self.to();
        let after = (version != to).then(|| self.table.encode_as(&row, to));
        Ok(Some((version, after.transpose()?)))
    }
}

impl<'a, T: S3Schema> IntoFuture for DryRun<'a, T> {
    type Output = Result<MigrationPlan>;
    type IntoFuture = RequestFuture<'a, MigrationPlan>;

    fn into_future(self) -> Self::IntoFuture {
        operation::<T, _>("dry_run", self.run())
    }
}

impl<T> fmt::Debug for DryRun<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DryRun")
            .field("table", &self.table)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
