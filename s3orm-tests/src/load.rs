//! A load from many tasks whose every row is accounted for.
#![allow(clippy::disallowed_methods)] // The load ends by the clock of the wall.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use s3orm::{Db, Env, ErrorKind, Table};
use tokio::task::JoinSet;

use crate::tables::Person;

/// What a load did.
#[derive(Debug, Clone, Copy, Default)]
pub struct Report {
    /// Operations that were applied.
    pub operations: u64,
    /// Rows at the end, each of which is what its task wrote last.
    pub rows: u64,
    /// Increments of the one row that all tasks share.
    pub shared: u64,
}

/// How many rows each task works on.
const ROWS: u64 = 50;

/// Runs `tasks` tasks until the time is over, then compares the table with what they wrote.
///
/// # Errors
/// A lost, doubled or changed row; or an operation that failed.
pub async fn run(db: &Db, tasks: u64, length: Duration, seed: u64) -> anyhow::Result<Report> {
    let people = db.table::<Person>();
    let shared = Person {
        city: "shared".to_owned(),
        id: 0,
        age: 0,
    };
    people.put(&shared).await?;
    let end = Instant::now() + length;
    let mut running = JoinSet::new();
    for task in 0..tasks {
        running.spawn(work(people.clone(), task, end, Env::seeded(seed + task)));
    }
    let mut report = Report::default();
    let mut written = BTreeMap::new();
    while let Some(done) = running.join_next().await {
        let (part, rows) = done??;
        report.operations += part.operations;
        report.shared += part.shared;
        written.extend(rows);
    }
    for ((city, id), age) in &written {
        let found = people.get((city, id)).await?.map(|person| person.age);
        anyhow::ensure!(
            found == *age,
            "{city}/{id} is {found:?}, and {age:?} was written"
        );
        report.rows += u64::from(age.is_some());
    }
    let counted = people.get(("shared", 0)).await?.map(|person| person.age);
    let expected = u32::try_from(report.shared)?;
    anyhow::ensure!(
        counted == Some(expected),
        "{expected} increments make {counted:?}"
    );
    Ok(report)
}

/// The last age written of each row; `None` where it was deleted.
type Rows = BTreeMap<(String, u64), Option<u32>>;

async fn work(
    people: Table<Person>,
    task: u64,
    end: Instant,
    env: Env,
) -> anyhow::Result<(Report, Rows)> {
    let mut rows = Rows::new();
    let mut report = Report::default();
    let city = format!("task {task}");
    while Instant::now() < end {
        let [pick, row, low, high] = env.random_bytes::<4>();
        let (id, age) = (u64::from(row) % ROWS, u32::from(low) << 8 | u32::from(high));
        let known = rows.get(&(city.clone(), id)).copied().flatten();
        let person = Person {
            city: city.clone(),
            id,
            age,
        };
        let now = match pick {
            0 => {
                people
                    .update(("shared", 0), |person| person.age += 1)
                    .await?;
                report.shared += 1;
                known
            }
            1..80 => match people.insert(person).await {
                Ok(_) => Some(age),
                Err(error) if error.kind() == ErrorKind::AlreadyExists && known.is_some() => known,
                Err(error) => return Err(error.into()),
            },
            80..140 => people.put(person).await.map(|row| Some(row.age))?,
            140..160 => {
                people.delete((&city, id)).await?;
                None
            }
            160..200 if known.is_some() => {
                let row = people
                    .update((&city, id), |person| person.age = age)
                    .await?;
                Some(row.age)
            }
            _ => {
                let found = people.get((&city, id)).await?.map(|person| person.age);
                anyhow::ensure!(
                    found == known,
                    "{city}/{id} is {found:?} instead of {known:?}"
                );
                known
            }
        };
        rows.insert((city.clone(), id), now);
        report.operations += 1;
    }
    Ok((report, rows))
}
