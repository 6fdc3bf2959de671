//! Transactions: what they promise, what they cost, and what is on the bucket meanwhile.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // A test may.

mod crowds;
mod decisions;
mod faults;
mod finishing;
mod promises;
mod single_rows;
mod snapshots;
mod sweeping;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use s3orm::store::{GetObject, Store as _};
use s3orm::testing::{Call, Fault, FaultStore, Matcher, any};
use s3orm::tx::Tx;
use s3orm::{Db, Env, Error, ErrorKind, Result, S3Schema, Table};
use s3orm_tests::connect;
use s3orm_tests::odd::{OddStore, Quirk};
use s3orm_tests::server::TestServer;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::task::JoinSet;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "accounts", path = "<owner>", transactional)]
struct Account {
    owner: String,
    balance: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "transfers", path = "<day>/<id:ordered>", transactional)]
struct Transfer {
    day: String,
    id: u64,
    amount: i64,
}

const BALANCE: s3orm::ColumnHandle<Account, i64, s3orm::Required> = Account::COL.balance;

/// What a transaction asks for, and why it is refused.
type Refusal<'a> = (ErrorKind, &'a (dyn Fn(&Tx) -> Result<()> + Sync));

fn account(owner: &str, balance: i64) -> Account {
    Account {
        owner: owner.to_owned(),
        balance,
    }
}

fn transfer(id: u64, amount: i64) -> Transfer {
    Transfer {
        day: "today".to_owned(),
        id,
        amount,
    }
}

/// Two rows are written, and neither is read before.
async fn pay(db: &Db, from: &str, to: &str, amount: i64) -> Result<()> {
    let accounts = &db.table::<Account>();
    db.transaction(|tx| async move {
        let enough = BALANCE.ge(amount);
        tx.write(
            accounts
                .patch(from)
                .decrement(BALANCE, amount)
                .only_if(enough),
        )?;
        tx.write(accounts.patch(to).increment(BALANCE, amount))
    })
    .await
}

fn sum(one: Option<Account>, other: Option<Account>) -> i64 {
    one.into_iter().chain(other).map(|row| row.balance).sum()
}

/// The writes of records: the first begins a transaction, the others decide it.
fn records() -> Matcher {
    Call::Put.under("_s3orm/tx/")
}

async fn balances(accounts: &Table<Account>) -> BTreeMap<String, i64> {
    let rows = accounts.query().scan().all().await.unwrap();
    rows.into_iter()
        .map(|row| (row.owner, row.balance))
        .collect()
}

async fn begin(db: &Db) -> Table<Account> {
    let accounts = db.table::<Account>();
    for owner in ["ann", "bob", "cat"] {
        accounts.insert(account(owner, 100)).await.unwrap();
    }
    accounts
}

/// A bucket in memory, with a client whose requests can fail, and its clock.
struct World {
    store: FaultStore,
    db: Db,
    accounts: Table<Account>,
}

impl World {
    async fn begin() -> Self {
        let store = FaultStore::memory();
        let db = store.db();
        let accounts = begin(&db).await;
        Self {
            store,
            db,
            accounts,
        }
    }

    /// Another client, to whom nothing happens.
    fn other(&self) -> (Db, Table<Account>) {
        let db = self.store.restart().db();
        let accounts = db.table();
        (db, accounts)
    }

    async fn object(&self, key: &str) -> Value {
        let request = GetObject {
            key: key.to_owned(),
            ..GetObject::default()
        };
        let object = self.store.restart().get(request).await.unwrap();
        serde_json::from_slice(&object.body).unwrap()
    }

    async fn put(&self, key: &str, body: String) {
        let request = s3orm::store::PutObject {
            key: key.to_owned(),
            body: body.into(),
            ..Default::default()
        };
        self.store.restart().put(&request).await.unwrap();
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}
