//! 4,000 real flights: every fifth of the `flights-20k` set of the Vega data sets (US Bureau of
//! Transportation Statistics, 2001).

use chrono::NaiveDate;
use s3orm::{Db, S3Schema, Table};
use serde::{Deserialize, Serialize};

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
    let date = fields.next()?.get(..10)?.parse().ok()?;
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
    for flight in flights() {
        table.put(flight).await.expect("a write");
    }
    table
}
