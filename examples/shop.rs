//! Customers and their orders: batches, queries with their price, a customer with its orders, counts.
//!
//!     cargo run --example shop
//!     cargo run --example shop -- 's3://bucket?endpoint=http://localhost:9000'

use std::error::Error;

use chrono::{Days, NaiveDate};
use s3orm::{Db, S3Schema};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize, S3Schema)]
#[s3(table = "customers", path = "<id>")]
struct Customer {
    id: String,
    city: Option<String>,
}

/// An order lies in its customer's partition, the newest first.
#[derive(Debug, Clone, Serialize, Deserialize, S3Schema)]
#[s3(
    table = "orders",
    path = "<customer>/<day:desc>/<no>",
    belongs_to = "Customer"
)]
struct Order {
    customer: String,
    day: NaiveDate,
    no: u32,
    cents: u64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let connection = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "file:./data".to_owned());
    let db = Db::connect(&connection).await?;
    db.ensure_bucket().await?;
    let (customers, orders) = (db.table::<Customer>(), db.table::<Order>());

    let first = NaiveDate::from_ymd_opt(2026, 1, 1).ok_or("a day")?;
    let people = [("ann", Some("Oslo")), ("bob", None), ("eve", Some("Rome"))];
    let rows = people.map(|(id, city)| Customer {
        id: id.to_owned(),
        city: city.map(str::to_owned),
    });
    customers.put_many(rows).await.into_result()?;
    let rows = (0..90_u32).map(|no| Order {
        customer: people[no as usize % 3].0.to_owned(),
        day: first + Days::new(u64::from(no)),
        no,
        cents: u64::from(no) * 137 % 5_000,
    });
    let written = orders.put_many(rows).await.into_result()?.len();
    println!("{written} orders of {} customers", customers.count().await?);

    if let Some((ann, latest)) = customers.get_with::<Order>("ann").limit(3).await? {
        let days: Vec<_> = latest.iter().map(|order| order.day.to_string()).collect();
        println!(
            "{} of {:?}: the latest orders are of {}",
            ann.id,
            ann.city,
            days.join(", ")
        );
    }

    let march = NaiveDate::from_ymd_opt(2026, 3, 1).ok_or("a day")?;
    let large = orders
        .query()
        .of_key::<Customer>("bob")
        .within(Order::KEY.day, march..)
        .filter(Order::COL.cents.ge(3_000));
    println!("\n{}\n", large.explain().await?);
    for order in large.all().await? {
        println!("bob ordered for {} cents on {}", order.cents, order.day);
    }

    // What the keys tell reads no row; listings of the whole table run at the same time.
    let count = orders.query().scan().segments(4).count().await?;
    let names = orders.distinct(Order::KEY.customer).await?;
    println!("\n{count} orders, by {}", names.join(", "));
    Ok(())
}
