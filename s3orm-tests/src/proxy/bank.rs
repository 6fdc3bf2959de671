//! A bank whose clients all work through the proxy, which breaks requests of all of them all the time.
//!
//! They move money by transactions, look at all accounts at one instant, and write to single rows. In
//! each snapshot the sum is the same. Each transfer counts itself in its row: at the end as many are
//! counted as were acknowledged, and at most those of unknown outcome besides.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use anyhow::{bail, ensure};
use s3orm::{Db, Env, Error, ErrorKind, S3Schema, Table};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::{Fault, Proxy, any};
use crate::connect;
use crate::server::TestServer;
use crate::sim::Dice;

/// Accounts, and what each has at first.
const ACCOUNTS: u64 = 32;
const BALANCE: u64 = 100;
/// Milliseconds between two steps of a client, at most.
const PAUSE: u64 = 200;
/// So long a client waits for an answer, and for another's transaction.
const TIMEOUT: Duration = Duration::from_secs(1);
const LEASE: Duration = Duration::from_millis(1200);

/// A row of the bank.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "bank", path = "<id>", transactional)]
pub struct Account {
    /// The row.
    pub id: u64,
    /// What it has.
    pub balance: u64,
    /// Transfers from it.
    pub transfers: u64,
    /// Written by single operations alone.
    pub note: u64,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Requests that were broken, by what was done to them.
    pub faults: BTreeMap<String, u64>,
    /// What clients were told, by what they did.
    pub told: BTreeMap<String, u64>,
}

impl Figures {
    /// How often clients were told this.
    pub fn of(&self, name: &str) -> u64 {
        self.told.get(name).copied().unwrap_or_default()
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (title, figures) in [("faults", &self.faults), ("told", &self.told)] {
            writeln!(f, "{title:<11} {:>9}", figures.values().sum::<u64>())?;
            for (name, count) in figures {
                writeln!(f, "  {name:<32} {count:>9}")?;
            }
        }
        write!(f, "violations          0")
    }
}

/// Runs so many clients, so many steps of each.
///
/// # Errors
/// A sum that is another, or a client that was told what is not so.
pub async fn run(clients: u64, steps: u64, seed: u64) -> anyhow::Result<Figures> {
    let (server, env) = (TestServer::memory().await, Env::system());
    let truth = connect::builder(&server.endpoint()).transaction_lease(LEASE);
    let truth = truth.connect().await?;
    let table = truth.table::<Account>();
    for id in 0..ACCOUNTS {
        let (balance, transfers, note) = (BALANCE, 0, 0);
        let row = Account {
            id,
            balance,
            transfers,
            note,
        };
        table.insert(row).await?;
    }
    let proxy = Proxy::in_front_of(server.local_addr()).await;
    let mut running = JoinSet::new();
    for client in 0..clients {
        let db = connect::builder(&proxy.endpoint()).timeout(TIMEOUT);
        let db = db.transaction_lease(LEASE).connect().await?;
        let dice = Dice::new(seed.wrapping_mul(1_000_003) + client);
        let env = env.clone();
        running.spawn(async move {
            let mut told = BTreeMap::new();
            for _ in 0..steps {
                env.sleep(Duration::from_millis(dice.below(PAUSE))).await;
                let name = step(&db, &dice).await?;
                *told.entry(name).or_default() += 1;
            }
            Ok::<BTreeMap<String, u64>, anyhow::Error>(told)
        });
    }
    let mut figures = Figures::default();
    let all = async {
        while let Some(told) = running.join_next().await {
            for (name, count) in told?? {
                *figures.told.entry(name).or_default() += count;
            }
        }
        anyhow::Ok(())
    };
    tokio::select! {
        done = all => done?,
        never = storm(&proxy, &server, !seed) => never?,
    }
    proxy.clear();
    figures.faults = proxy.broken();
    settled(&truth, &figures).await?;
    Ok(figures)
}

/// Breaks requests, again and again.
async fn storm(proxy: &Proxy, server: &TestServer, seed: u64) -> anyhow::Result<()> {
    let (dice, env) = (Dice::new(seed), Env::system());
    let mut told = 0;
    loop {
        // About one request in a hundred, however fast they come: a snapshot makes as many.
        if proxy.broken().values().sum::<u64>() >= told {
            proxy.fail_nth(1 + usize::try_from(dice.below(200))?, any(), fault(&dice));
            told += 1;
        }
        if dice.permille(2) {
            proxy.cut_connections();
        }
        env.sleep(Duration::from_millis(1)).await;
        proxy.forget();
        server.reset();
    }
}

/// What is there at the end.
async fn settled(db: &Db, figures: &Figures) -> anyhow::Result<()> {
    // S3 gives whole seconds: what is younger than two of them may be under way.
    Env::system().sleep(LEASE + Duration::from_secs(3)).await;
    db.sweep().await?;
    let again = db.sweep().await?;
    ensure!(again.aborted + again.finished == 0, "swept again {again:?}");
    let rows = sum(db).await?;
    let counted: u64 = rows.iter().map(|row| row.transfers).sum();
    let least = figures.of("transfer, done");
    let most = least + figures.of("transfer, OutcomeUnknown");
    ensure!(
        (least..=most).contains(&counted),
        "{counted} transfers, and {least} to {most} were made"
    );
    Ok(())
}

/// All accounts of one instant, whose sum is that of the beginning.
async fn sum(db: &Db) -> anyhow::Result<Vec<Account>> {
    let table = &db.table::<Account>();
    let rows = db
        .snapshot(|at| async move {
            let reads = (0..ACCOUNTS).map(|id| at.get(table, id));
            let rows = futures_util::future::try_join_all(reads).await?;
            Ok(rows.into_iter().flatten().collect::<Vec<_>>())
        })
        .await?;
    let sum: u64 = rows.iter().map(|row| row.balance).sum();
    ensure!(sum == ACCOUNTS * BALANCE, "the sum is {sum}: {rows:?}");
    Ok(rows)
}

/// What a client does, and what it is told.
async fn step(db: &Db, dice: &Dice) -> anyhow::Result<String> {
    let (from, to) = (dice.below(ACCOUNTS), dice.below(ACCOUNTS));
    let (amount, table) = (dice.below(BALANCE / 2), &db.table::<Account>());
    let (name, done) = match dice.below(10) {
        0..6 if from != to => ("transfer", transfer(db, [from, to, amount], dice).await),
        6..8 => match sum(db).await {
            Ok(_) => ("snapshot", Ok(())),
            Err(error) => ("snapshot", Err(error.downcast::<Error>()?)),
        },
        8 => {
            let updated = table.update(from, |row| row.note += 1).await;
            ("update", updated.map(drop))
        }
        _ => ("get", table.get(from).await.map(drop)),
    };
    let told = match done {
        Ok(()) => "done".to_owned(),
        Err(error) if name == "snapshot" && error.kind() == ErrorKind::OutcomeUnknown => {
            bail!("a read has no unknown outcome: {error}")
        }
        Err(error) => match error.kind() {
            kind @ (ErrorKind::OutcomeUnknown
            | ErrorKind::Unavailable
            | ErrorKind::Throttled
            | ErrorKind::Conflict
            | ErrorKind::Decode
            | ErrorKind::Cancelled) => format!("{kind:?}"),
            _ => bail!("{name}: {error}"),
        },
    };
    Ok(format!("{name}, {told}"))
}

/// Blind, or by what was read.
async fn transfer(db: &Db, [from, to, amount]: [u64; 3], dice: &Dice) -> s3orm::Result<()> {
    let (table, reads): (&Table<Account>, _) = (&db.table(), dice.permille(500));
    let balance = Account::COL.balance;
    db.transaction(|tx| async move {
        if reads {
            let row = tx.get(table, from).await?;
            let row = row.filter(|row| row.balance >= amount);
            let mut row = row.ok_or_else(|| Error::cancelled("not enough"))?;
            row.balance -= amount;
            row.transfers += 1;
            tx.write(table.put(row))?;
        } else {
            let patch = table.patch(from).decrement(balance, amount);
            let patch = patch.increment(Account::COL.transfers, 1_u64);
            tx.write(patch.only_if(balance.ge(amount)))?;
        }
        tx.write(table.patch(to).increment(balance, amount))
    })
    .await
}

fn fault(dice: &Dice) -> Fault {
    match dice.below(12) {
        0 | 1 => Fault::CutBefore,
        2..5 => Fault::CutAfter,
        5 => Fault::CutInBody,
        6 => Fault::Answer(503, "SlowDown"),
        7 => Fault::Answer(503, "ServiceUnavailable"),
        8 => Fault::Answer(409, "ConditionalRequestConflict"),
        9 => Fault::AnswerAfter(500, "InternalError"),
        10 => Fault::Silence,
        _ => Fault::Duplicate,
    }
}
