//! 20,000 real flights: the `flights-20k` set of the Vega data sets (US Bureau of Transportation
//! Statistics, 2001), without the time of the day.

use std::sync::Arc;

use chrono::NaiveDate;
use s3orm::store::Store;
use s3orm::store::memory::MemoryStore;
use s3orm::{Db, Env, S3Schema, Table};
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use crate::connect;
use crate::server::{BUCKET, TestServer};

/// A departure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "flights", path = "<origin>/<date>/<seq:ordered>")]
pub struct Flight {
    /// The airport it left.
    pub origin: String,
    /// The day.
    pub date: NaiveDate,
    /// Its number in the set.
    pub seq: u32,
    /// The airport it flew to.
    pub destination: String,
    /// Minutes late; `None` instead of 0, so that some are missing.
    pub delay: Option<i32>,
    /// Miles.
    pub distance: u32,
}

/// All of them, in the order of the set.
///
/// # Panics
/// If the file is not what it was.
pub fn flights() -> Vec<Flight> {
    let lines = include_str!("../data/flights.csv").lines().skip(1);
    lines
        .zip(0..)
        .map(|(line, seq)| flight(line, seq).expect("a flight"))
        .collect()
}

fn flight(line: &str, seq: u32) -> Option<Flight> {
    let mut fields = line.split(',');
    let date = fields.next()?.parse().ok()?;
    let delay = Some(fields.next()?.parse().ok()?).filter(|&delay| delay != 0);
    let distance = fields.next()?.parse().ok()?;
    let origin = fields.next()?.to_owned();
    let destination = fields.next()?.to_owned();
    Some(Flight {
        origin,
        date,
        seq,
        destination,
        delay,
        distance,
    })
}

/// The same, in the order of their keys.
pub fn by_key() -> Vec<Flight> {
    let mut flights = flights();
    flights.sort_by(|a, b| (&a.origin, a.date, a.seq).cmp(&(&b.origin, b.date, b.seq)));
    flights
}

/// A table of them.
///
/// # Panics
/// If a write fails.
pub async fn loaded(db: &Db) -> Table<Flight> {
    let table = db.table::<Flight>();
    let report = table.put_many(flights()).concurrency(64).await;
    assert_eq!(report.failed(), 0, "every flight is written");
    table
}

/// A server over a bucket that has them: they are written over HTTP, once a process. The bucket is
/// for all tests of the process, and must not be changed; the server, which counts, is the test's
/// own.
///
/// # Panics
/// If a write fails.
pub async fn served() -> (TestServer, Table<Flight>) {
    static STORE: OnceCell<Arc<dyn Store>> = OnceCell::const_new();
    let store = STORE.get_or_init(async || {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(BUCKET, Env::system()));
        let server = TestServer::over(Arc::clone(&store)).await;
        loaded(&connect::db(&server.endpoint()).await).await;
        assert_eq!(server.count("PutObject"), 20_000, "a request a row");
        store
    });
    let server = TestServer::over(Arc::clone(store.await)).await;
    let table = connect::db(&server.endpoint()).await.table();
    (server, table)
}

/// A table of them without a server, for all tests of the process: it must not be changed.
///
/// # Panics
/// If a write fails.
pub async fn shared() -> &'static Table<Flight> {
    static TABLE: OnceCell<Table<Flight>> = OnceCell::const_new();
    let load = async || loaded(&Db::connect("memory:").await.expect("a database")).await;
    TABLE.get_or_init(load).await
}
