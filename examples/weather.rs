//! Real data: 1,461 days of Seattle's weather, a row a day; then one month read back.
//!
//!     cargo run --example weather
//!     cargo run --example weather -- 's3://bucket/prefix?endpoint=http://localhost:9000'
//!
//! The file `data/seattle-weather.csv` is the one of vega-datasets, made from the Global Historical
//! Climatology Network of the United States' National Centers for Environmental Information.

use std::error::Error;

use chrono::{Months, NaiveDate};
use s3orm::{Db, S3Schema, Table};
use serde::{Deserialize, Serialize};

const FILE: &str = include_str!("data/seattle-weather.csv");
/// How many requests are under way at once.
const CONCURRENCY: usize = 32;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

#[derive(Debug, Clone, Serialize, Deserialize, S3Schema)]
#[s3(table = "weather", path = "<station>/<date>")]
struct Day {
    station: String,
    date: NaiveDate,
    /// Millimetres.
    precipitation: f64,
    /// Degrees Celsius.
    temp_max: f64,
    /// Degrees Celsius.
    temp_min: f64,
    /// Metres a second.
    wind: f64,
    weather: String,
}

/// A line of the file.
#[derive(Deserialize)]
struct Record {
    date: NaiveDate,
    precipitation: f64,
    temp_max: f64,
    temp_min: f64,
    wind: f64,
    weather: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let connection = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "file:./data".to_owned());
    let db = Db::connect(&connection).await?;
    db.ensure_bucket().await?;
    let days = db.table::<Day>();

    let rows = read_file()?;
    let count = rows.len();
    load(&days, rows).await?;
    println!(
        "{count} days are in {db}, the first as {}",
        days.key(("seattle", date(2012, 1, 1)))?
    );

    let december = read_month(&days, date(2015, 12, 1)).await?;
    let rain: f64 = december.iter().map(|day| day.precipitation).sum();
    let warmest = december
        .iter()
        .max_by(|a, b| a.temp_max.total_cmp(&b.temp_max));
    let warmest = warmest.ok_or("December has no days")?;
    println!(
        "December 2015: {} days, {rain:.1} mm of rain",
        december.len()
    );
    println!(
        "warmest: {} with {:.1} °C ({})",
        warmest.date, warmest.temp_max, warmest.weather
    );
    Ok(())
}

fn read_file() -> Result<Vec<Day>> {
    csv::Reader::from_reader(FILE.as_bytes())
        .deserialize()
        .map(|line| {
            let Record {
                date,
                precipitation,
                temp_max,
                temp_min,
                wind,
                weather,
            } = line?;
            let station = "seattle".to_owned();
            Ok(Day {
                station,
                date,
                precipitation,
                temp_max,
                temp_min,
                wind,
                weather,
            })
        })
        .collect()
}

/// Writes all rows, [`CONCURRENCY`] at a time.
async fn load(days: &Table<Day>, rows: Vec<Day>) -> Result<()> {
    days.put_many(rows)
        .concurrency(CONCURRENCY)
        .progress_bar("days")
        .await
        .into_result()?;
    Ok(())
}

/// The rows of a month: one listing of their keys, then each of them.
async fn read_month(days: &Table<Day>, first: NaiveDate) -> Result<Vec<Day>> {
    let month = days
        .query()
        .at(Day::KEY.station, "seattle")
        .within(Day::KEY.date, first..first + Months::new(1));
    Ok(month.concurrency(CONCURRENCY).all().await?)
}

fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).expect("a date of the calendar")
}
