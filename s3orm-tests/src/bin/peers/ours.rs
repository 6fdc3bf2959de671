//! This project as the peers are run: one call after the other.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use s3orm::{Db, S3Schema, Table};
use s3orm_tests::connect;
use s3orm_tests::process::cpu;
use s3orm_tests::server::BUCKET;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::DATE;

/// So often a short task is done in a round: what the peers take for one call is many of ours.
const CALLS: u32 = 20;

/// A row of 0.9 KB.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<date>/<id>")]
pub(crate) struct Person {
    id: u64,
    date: String,
    name: String,
    email: String,
    age: u32,
    score: f64,
    active: bool,
    tags: Vec<String>,
    notes: String,
}

impl Person {
    pub(crate) fn new(id: u64) -> Self {
        Self {
            id,
            date: format!("2024-01-{:02}", 1 + id % 10),
            name: format!("person {id}"),
            email: format!("p{id}@example.com"),
            age: u32::try_from(id % 90).unwrap_or_default(),
            #[expect(clippy::cast_precision_loss, reason = "it is below 1,000")]
            score: (id * 7919 % 100_000) as f64 / 100.0,
            active: id.is_multiple_of(3),
            tags: vec![format!("t{}", id % 7), format!("u{}", id % 11)],
            notes: vec!["Some words of a note that is as long as notes are."; 14].join(" "),
        }
    }
}

/// What the other programs do, in a folder of its own for each round.
pub(crate) async fn rounds() -> anyhow::Result<()> {
    let endpoint = std::env::var("AWS_ENDPOINT_URL")?;
    let lines = BufReader::new(File::open(std::env::var("ROWS")?)?).lines();
    let rows = lines.map(|line| Ok(serde_json::from_str(&line?)?));
    let rows = rows.collect::<anyhow::Result<Vec<Person>>>()?;
    let folder = std::env::var("FOLDER")?;
    println!("{}", json!({ "peer": folder }));
    for number in std::io::stdin().lines() {
        let number: usize = number?.parse()?;
        let url = format!("s3://{BUCKET}/{folder}/{number}?endpoint={endpoint}");
        let db = Db::builder(&url)?.credentials(connect::credentials());
        round(&db.connect().await?.table(), &rows).await?;
        println!("{}", json!({ "round": number }));
    }
    Ok(())
}

async fn round(people: &Table<Person>, rows: &[Person]) -> anyhow::Result<()> {
    let sample = || rows.iter().step_by(4);
    let deleted = || rows.iter().skip(1).step_by(4);

    // As the peers do it, whose rows are neither made nor copied while the clock runs.
    let given = rows.to_vec();
    let clock = Clock::start();
    for row in given {
        people.insert(row).await?;
    }
    clock.report("insert", rows.len());

    let clock = Clock::start();
    for row in sample() {
        let found = people.get((&row.date, row.id)).await?;
        ensure!(found.as_ref() == Some(row), "another row");
    }
    clock.report("get", sample().count());

    queries(people, rows).await?;

    let clock = Clock::start();
    for row in sample() {
        let key = (&row.date, row.id);
        people.update(key, |row| row.age += 1).await?;
    }
    clock.report("update", sample().count());
    let one = &rows[0];
    let found = people.get((&one.date, one.id)).await?;
    let found = found.context("the row is there")?;
    ensure!(found.age == one.age + 1, "it was not updated");

    let clock = Clock::start();
    for row in deleted() {
        people.delete((&row.date, row.id)).await?;
    }
    clock.report("delete", deleted().count());
    let left = usize::try_from(people.query().count().await?)?;
    let expected = rows.len() - deleted().count();
    ensure!(left == expected, "{left} are left of {expected}");
    Ok(())
}

async fn queries(people: &Table<Person>, rows: &[Person]) -> anyhow::Result<()> {
    let of_date = rows.iter().filter(|row| row.date == DATE).count();
    let all = || people.query();
    macro_rules! whole {
        ($task:literal, $found:expr, $expected:expr, $rows:expr) => {
            let clock = Clock::start();
            for _ in 0..CALLS {
                let found: usize = $found;
                ensure!(found == $expected, "{}: {found}", $task);
            }
            clock.report($task, $rows * CALLS as usize);
        };
    }
    whole!(
        "rows of one partition",
        all().at(Person::KEY.date, DATE).all().await?.len(),
        of_date,
        of_date
    );
    whole!(
        "distinct",
        all().distinct(Person::KEY.date).await?.len(),
        10,
        1
    );
    whole!(
        "count",
        usize::try_from(all().count().await?)?,
        rows.len(),
        1
    );
    whole!(
        "list keys",
        all().keys()?.collect().await?.len(),
        rows.len(),
        1
    );
    Ok(())
}

/// Both clocks, since a moment.
struct Clock {
    cpu: Duration,
    wall: Instant,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "it is measured by the clock")]
    fn start() -> Self {
        Self {
            cpu: cpu(),
            wall: Instant::now(),
        }
    }

    /// What each of so many has cost.
    fn report(&self, op: &str, count: usize) {
        let (cpu, wall) = (cpu().saturating_sub(self.cpu), self.wall.elapsed());
        #[expect(clippy::cast_precision_loss, reason = "it is a small number")]
        let each = |time: Duration| time.as_secs_f64() * 1e3 / count as f64;
        let line = json!({ "op": op, "cpu_ms": each(cpu), "wall_ms": each(wall) });
        println!("{line}");
    }
}
