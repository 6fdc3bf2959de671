//! Money moves between accounts: transactions, refusals, tokens, snapshots, and what is left behind.
//!
//!     cargo run --example bank
//!     cargo run --example bank -- 's3://bucket?endpoint=http://localhost:9000'

use std::error::Error;

use s3orm::{Db, Error as S3Error, S3Schema, Table};
use serde::{Deserialize, Serialize};

const OWNERS: [&str; 4] = ["ann", "bob", "cat", "dan"];

#[derive(Debug, Clone, Serialize, Deserialize, S3Schema)]
#[s3(table = "accounts", path = "<owner>", transactional)]
struct Account {
    owner: String,
    cents: i64,
}

/// What was moved, and why.
#[derive(Debug, Clone, Serialize, Deserialize, S3Schema)]
#[s3(table = "transfers", path = "<from>/<no:ordered>", transactional)]
struct Transfer {
    from: String,
    no: u32,
    to: String,
    cents: i64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let connection = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "file:./data".to_owned());
    let db = Db::connect(&connection).await?;
    db.ensure_bucket().await?;
    let accounts = db.table::<Account>();
    db.table::<Transfer>()
        .delete_all()
        .confirm("transfers")
        .await?
        .into_result()?;
    let rows = OWNERS.map(|owner| Account {
        owner: owner.to_owned(),
        cents: 10_000,
    });
    accounts.put_many(rows).await.into_result()?;

    // A hundred transfers, sixteen at a time, over the same four accounts.
    let mut transfers = tokio::task::JoinSet::new();
    let (mut done, mut refused) = (0, 0);
    for no in 0..100_u32 {
        if transfers.len() == 16 {
            count(transfers.join_next().await, &mut done, &mut refused)?;
        }
        let db = db.clone();
        let (from, to) = (
            OWNERS[no as usize % 4],
            OWNERS[(no as usize + 1 + no as usize / 50) % 4],
        );
        transfers.spawn(async move { pay(&db, no, from, to, i64::from(no) * 50).await });
    }
    while !transfers.is_empty() {
        count(transfers.join_next().await, &mut done, &mut refused)?;
    }
    println!("{done} transfers done, {refused} refused for want of money");
    println!("{} written down", db.table::<Transfer>().count().await?);

    // Asked for twice under one token, done once.
    for _ in 0..2 {
        let accounts = &accounts;
        let paid = db
            .transaction(|tx| async move {
                tx.write(accounts.patch("ann").increment(Account::COL.cents, 500))?;
                tx.write(accounts.patch("bob").decrement(Account::COL.cents, 500))
            })
            .once(&format!("refund of {connection}"), &("bob", "ann", 500))
            .await?;
        println!("refund: {}", paid.map_or("done before", |()| "done"));
    }

    println!(
        "all accounts together: {} cents",
        total(&db, &accounts).await?
    );
    let report = db.settle().await?;
    println!(
        "settled: {} rows were left under a transaction",
        report.finished
    );
    Ok(())
}

/// Moves money, and writes it down: all of it, or nothing.
async fn pay(db: &Db, no: u32, from: &str, to: &str, cents: i64) -> s3orm::Result<()> {
    let (accounts, transfers) = (&db.table::<Account>(), &db.table::<Transfer>());
    db.transaction(|tx| async move {
        let payer = tx.get(accounts, from).await?;
        let payer = payer.ok_or_else(|| S3Error::cancelled(format!("{from} has no account")))?;
        if payer.cents < cents {
            return Err(S3Error::cancelled(format!(
                "{from} has {} cents",
                payer.cents
            )));
        }
        tx.write(accounts.patch(from).decrement(Account::COL.cents, cents))?;
        tx.write(accounts.patch(to).increment(Account::COL.cents, cents))?;
        tx.write(transfers.insert(Transfer {
            from: from.to_owned(),
            no,
            to: to.to_owned(),
            cents,
        }))
    })
    .await
}

/// The sum of all accounts at one instant.
async fn total(db: &Db, accounts: &Table<Account>) -> s3orm::Result<i64> {
    db.snapshot(|at| async move {
        let mut total = 0;
        for owner in OWNERS {
            total += at
                .get(accounts, owner)
                .await?
                .map_or(0, |account| account.cents);
        }
        Ok(total)
    })
    .await
}

fn count(
    ended: Option<Result<s3orm::Result<()>, tokio::task::JoinError>>,
    done: &mut u32,
    refused: &mut u32,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    match ended.transpose()? {
        Some(Err(error)) if error.kind() == s3orm::ErrorKind::Cancelled => *refused += 1,
        Some(result) => {
            result?;
            *done += 1;
        }
        None => {}
    }
    Ok(())
}
