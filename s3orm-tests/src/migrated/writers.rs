//! Programs that count rows up while the table is migrated.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use s3orm::migrate::MigrationState;
use s3orm::{Env, ErrorKind, Table};

use super::{Counter, CounterV1, OneWay, Plan};
use crate::connect;
use crate::sim::Dice;

/// What one kind of program did to each row.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) done: BTreeMap<u64, u64>,
    pub(super) unknown: BTreeMap<u64, u64>,
    refused: u64,
}

/// The same for all rows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counted {
    /// Rows that were counted up.
    pub done: u64,
    /// Attempts at rows that were newer than the program, or before the table was as new as it.
    pub refused: u64,
    /// Attempts of which nobody knows.
    pub unknown: u64,
}

impl Tally {
    pub(super) fn sum(&self) -> Counted {
        Counted {
            done: self.done.values().sum(),
            refused: self.refused,
            unknown: self.unknown.values().sum(),
        }
    }

    fn add(&mut self, other: Self) {
        for (into, from) in [
            (&mut self.done, other.done),
            (&mut self.unknown, other.unknown),
        ] {
            for (id, times) in from {
                *into.entry(id).or_default() += times;
            }
        }
        self.refused += other.refused;
    }
}

type Running = tokio::task::JoinHandle<anyhow::Result<(&'static str, Tally)>>;

/// Eight of them.
pub(super) struct Writers {
    end: Arc<AtomicBool>,
    tasks: Vec<Running>,
}

impl Writers {
    pub(super) fn start(endpoint: &str, plan: Plan) -> Self {
        let end = Arc::new(AtomicBool::new(false));
        let tasks = (0..8).map(|number| {
            let (end, endpoint) = (Arc::clone(&end), endpoint.to_owned());
            let dice = Dice::new(plan.seed.wrapping_mul(1000) + number);
            Env::system().spawn(async move {
                let db = connect::db(&endpoint).await;
                // What a program of both versions knows it may go by for half a minute.
                let is_early = number % 4 > 1 && plan.back && !plan.side_by_side;
                while is_early
                    && !end.load(Ordering::Relaxed)
                    && db.migration_status("counters").await?.state != MigrationState::Running
                {
                    Env::system().sleep(Duration::from_millis(5)).await;
                }
                match (number % 4, plan.side_by_side || plan.back) {
                    (0 | 1, _) => {
                        let up = |row: &mut CounterV1| row.n += 1;
                        Ok(("old", count(db.table(), plan, &dice, &end, up).await?))
                    }
                    (2, true) => {
                        let up = |row: &mut Counter| {
                            row.count += 1;
                            row.text = super::words(row.count);
                        };
                        Ok(("both", count(db.table(), plan, &dice, &end, up).await?))
                    }
                    _ => {
                        let up = |row: &mut OneWay| {
                            row.count += 1;
                            row.text = super::words(row.count);
                        };
                        Ok(("new", count(db.table(), plan, &dice, &end, up).await?))
                    }
                }
            })
        });
        let tasks = tasks.collect();
        Self { end, tasks }
    }

    /// What each kind did, once all have ended.
    pub(super) async fn stop(self) -> anyhow::Result<BTreeMap<&'static str, Tally>> {
        self.end.store(true, Ordering::Relaxed);
        let mut all: BTreeMap<&'static str, Tally> = BTreeMap::new();
        for task in self.tasks {
            let (kind, tally) = task.await??;
            all.entry(kind).or_default().add(tally);
        }
        Ok(all)
    }
}

/// Counts rows up until it is told to end.
async fn count<T>(
    table: Table<T>,
    plan: Plan,
    dice: &Dice,
    end: &AtomicBool,
    up: impl Fn(&mut T) + Send + Sync,
) -> anyhow::Result<Tally>
where
    T: s3orm::S3Schema<Key = (u64,)>,
{
    let (mut tally, env) = (Tally::default(), Env::system());
    while !end.load(Ordering::Relaxed) {
        // Some rows are counted up by many at once.
        let some = if dice.permille(100) { 10 } else { plan.rows };
        let id = dice.below(some);
        match table.update((id,), &up).await {
            Ok(_) => *tally.done.entry(id).or_default() += 1,
            Err(error) if error.kind() == ErrorKind::Schema => {
                tally.refused += 1;
                env.sleep(Duration::from_millis(1)).await;
            }
            Err(error) if error.kind() == ErrorKind::OutcomeUnknown => {
                *tally.unknown.entry(id).or_default() += 1;
            }
            // Nothing was applied.
            Err(error) if error.is_retryable() => {}
            Err(error) => return Err(error.into()),
        }
        env.sleep(Duration::from_millis(dice.below(4))).await;
    }
    Ok(tally)
}
