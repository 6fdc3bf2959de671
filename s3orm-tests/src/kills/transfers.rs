//! Transactions, by which balances move between rows, and rows come and go.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::ensure;
use futures_util::future::BoxFuture;
use s3orm::{Db, DbBuilder, Env, S3Schema};
use serde::{Deserialize, Serialize};

use super::{Rule, State, Step, Workload};
use crate::sim::Dice;

/// So many rows there are at most.
const ROWS: u64 = 10;
/// What their values come to.
const SUM: u64 = 1000;
/// A child works alone: what is in its way is of one that was killed.
const LEASE: Duration = Duration::from_millis(2);

/// A row whose value is moved to others, and from others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "balances", path = "<id>", transactional)]
pub struct Balance {
    /// The row.
    pub id: u64,
    /// How much it has.
    pub value: u64,
    /// The same in many words.
    pub text: String,
}

impl Balance {
    fn new(id: u64, value: u64) -> Self {
        let text = format!("{value} ").repeat(20);
        Self { id, value, text }
    }
}

/// Transactions of two to four rows: blind, after reading, under a token; and rows that move.
#[derive(Debug, Clone, Copy)]
pub struct Transfers;

impl Workload for Transfers {
    fn plan(&self, dice: &Dice, now: &State) -> Step {
        let mut ids: Vec<u64> = (0..ROWS).collect();
        let size = 2 + dice.below(3);
        while ids.len() as u64 > size {
            ids.remove(usize::try_from(dice.below(ids.len() as u64)).unwrap_or(0));
        }
        let (there, absent): (Vec<u64>, Vec<u64>) = ids.iter().partition(|id| now.contains_key(id));
        let name = match (dice.below(5), &there[..], &absent[..]) {
            _ if now.is_empty() => "first rows",
            (0, [_, ..], [_, ..]) => "rekey",
            (1, [_, ..], _) => "under a token",
            (2, [_, ..], _) => "after reading",
            _ => "blind",
        };
        let rows = match name {
            "first rows" => (0..ROWS / 2)
                .map(|id| (id, (None, Some(SUM * 2 / ROWS))))
                .collect(),
            "rekey" => {
                let value = now.get(&there[0]).copied();
                [(there[0], (value, None)), (absent[0], (None, value))].into()
            }
            _ => deal(dice, now, &ids),
        };
        Step {
            name: name.to_owned(),
            rows,
            rule: Rule::Together,
        }
    }

    fn act<'a>(&'a self, db: &'a Db, step: &'a Step) -> BoxFuture<'a, s3orm::Result<()>> {
        Box::pin(act(db, step))
    }

    fn finish<'a>(&'a self, _: &'a Db, _: &'a Step) -> BoxFuture<'a, s3orm::Result<()>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn connection(&self, builder: DbBuilder) -> DbBuilder {
        builder.transaction_lease(LEASE)
    }

    fn read<'a>(&'a self, db: &'a Db) -> BoxFuture<'a, anyhow::Result<State>> {
        Box::pin(async move {
            let mut state = State::new();
            for row in db.table::<Balance>().query().scan().all().await? {
                ensure!(
                    row == Balance::new(row.id, row.value),
                    "half a row: {row:?}"
                );
                state.insert(row.id, row.value);
            }
            let sum: u64 = state.values().sum();
            ensure!(
                state.is_empty() || sum == SUM,
                "the sum is {sum}: {state:?}"
            );
            Ok(state)
        })
    }

    fn clean_up<'a>(&'a self, db: &'a Db) -> BoxFuture<'a, anyhow::Result<()>> {
        Box::pin(async move {
            // S3 gives whole seconds: what is younger than two of them may be under way.
            Env::system().sleep(Duration::from_millis(3200)).await;
            let swept = db.sweep().await?;
            let again = db.sweep().await?;
            let left = again.aborted + again.finished;
            ensure!(left == 0, "swept {swept:?}, and again {again:?}");
            // Others change every row: nothing is in their way.
            let table = db.table::<Balance>();
            for (id, value) in self.read(db).await? {
                table.put(Balance::new(id, value)).await?;
            }
            self.read(db).await.map(drop)
        })
    }
}

/// The values of these rows, dealt out anew: some go, others come. Nothing stays as it is.
fn deal(dice: &Dice, now: &State, ids: &[u64]) -> BTreeMap<u64, (Option<u64>, Option<u64>)> {
    let mut left: u64 = ids.iter().filter_map(|id| now.get(id)).sum();
    let mut rows = BTreeMap::new();
    for (place, id) in ids.iter().enumerate() {
        let before = now.get(id).copied();
        let last = place + 1 == ids.len();
        let after = match dice.below(left + 1) {
            _ if last => Some(left),
            _ if dice.permille(300) => None,
            share => Some(share),
        };
        left -= after.unwrap_or(0);
        if before != after {
            rows.insert(*id, (before, after));
        }
    }
    rows
}

async fn act(db: &Db, step: &Step) -> s3orm::Result<()> {
    let table = &db.table::<Balance>();
    let reads = step.name == "after reading";
    if step.name == "rekey" {
        let to = step.rows.iter().find(|(_, row)| row.1.is_some());
        let from = step.rows.iter().find(|(_, row)| row.1.is_none());
        let (to, from) = (*to.expect("a row comes").0, *from.expect("a row goes").0);
        return table.rekey(from, |row| row.id = to).await.map(drop);
    }
    let work = db.transaction(|tx| async move {
        for (id, (before, after)) in &step.rows {
            if reads {
                let read = tx.get(table, *id).await?.map(|row| row.value);
                assert_eq!(read, *before, "nobody else writes");
            }
            match (before, after) {
                (_, None) => tx.write(table.delete(*id).must_exist())?,
                (None, Some(value)) => tx.write(table.insert(Balance::new(*id, *value)))?,
                (Some(_), Some(value)) => {
                    let new = Balance::new(*id, *value);
                    tx.write(table.update(*id, move |row| row.clone_from(&new)))?;
                }
            }
        }
        Ok(())
    });
    if step.name == "under a token" {
        let token = format!("{:?}", Env::system().random_bytes::<16>());
        return work.once(&token, step).await.map(drop);
    }
    work.await
}
