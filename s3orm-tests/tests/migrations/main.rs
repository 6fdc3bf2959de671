//! Tables that go from one version of their rows to the next while they are used, over HTTP.

#![allow(clippy::unwrap_used)] // Its helpers are tests, too.

mod back;
mod carried_back;
mod crashes;
mod job;
mod turned;
mod versions;

use std::time::Duration;

use s3orm::migrate::{Migrate, MigrationPlan};
use s3orm::store::GetObject;
use s3orm::{Db, S3Schema, Table};
use s3orm_tests::connect;
use s3orm_tests::server::TestServer;
use serde::{Deserialize, Serialize};

const LEASE: Duration = Duration::from_millis(30);

/// As it was at first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>")]
struct PersonV1 {
    id: u64,
    name: String,
}

/// With the name in two.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>", version = 2, previous = "PersonV1")]
struct PersonV2 {
    id: u64,
    first: String,
    last: String,
}

/// And counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>", version = 3, previous = "PersonV2")]
struct PersonV3 {
    id: u64,
    first: String,
    last: String,
    letters: usize,
}

impl From<PersonV1> for PersonV2 {
    fn from(old: PersonV1) -> Self {
        let (first, last) = old.name.split_once(' ').unwrap_or((&old.name, ""));
        Self {
            id: old.id,
            first: first.to_owned(),
            last: last.to_owned(),
        }
    }
}

impl From<PersonV2> for PersonV3 {
    fn from(old: PersonV2) -> Self {
        Self {
            id: old.id,
            letters: old.first.len() + old.last.len(),
            first: old.first,
            last: old.last,
        }
    }
}

/// The second version by a program that can write the first one, too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(
    table = "people",
    path = "<id>",
    version = 2,
    previous = "PersonV1",
    reversible
)]
struct Both {
    id: u64,
    first: String,
    last: String,
}

impl From<PersonV1> for Both {
    fn from(old: PersonV1) -> Self {
        let PersonV2 { id, first, last } = old.into();
        Self { id, first, last }
    }
}

impl From<&Both> for PersonV1 {
    fn from(new: &Both) -> Self {
        Self {
            id: new.id,
            name: format!("{} {}", new.first, new.last),
        }
    }
}

fn v1(id: u64) -> PersonV1 {
    PersonV1 {
        id,
        name: format!("Ann Lee{id}"),
    }
}

fn v2(id: u64) -> PersonV2 {
    v1(id).into()
}

fn v3(id: u64) -> PersonV3 {
    v2(id).into()
}

fn both(id: u64) -> Both {
    v1(id).into()
}

async fn server() -> (TestServer, Db) {
    let server = TestServer::memory().await;
    let db = connect::db(&server.endpoint()).await;
    (server, db)
}

/// Another process.
async fn other(server: &TestServer) -> Db {
    connect::db(&server.endpoint()).await
}

async fn fill<T: S3Schema>(table: &Table<T>, rows: impl IntoIterator<Item = T, IntoIter: Send>) {
    table.put_many(rows).await.into_result().unwrap();
}

/// Migrates all rows, without a pause for other clients.
async fn whole<T: S3Schema>(job: Migrate<'_, T>) {
    job.alone().await.unwrap().into_result().unwrap();
}

fn count(requests: &[&str], operation: &str) -> usize {
    requests.iter().filter(|one| **one == operation).count()
}

/// The requests of a migration of 2,500 rows, which were planned.
fn assert_cost(requests: &[&str], plan: &MigrationPlan) {
    let [puts, gets, lists] =
        ["PutObject", "GetObject", "ListObjectsV2"].map(|operation| count(requests, operation));
    assert!(
        gets - 5000 <= 4,
        "{gets} GETs: two a row, and a few of the job's own"
    );
    assert!(
        (2500..2520).contains(&puts),
        "{puts} PUTs: one a row, and checkpoints"
    );
    let more = (
        puts as u64 <= plan.puts + 12,
        lists as u64 <= plan.lists + 40,
    );
    assert_eq!(more, (true, true), "{puts} PUTs, {lists} LISTs");
    let as_float = |count: usize| f64::from(u32::try_from(count).unwrap());
    let cost = as_float(lists + puts) * 0.005e-3 + as_float(gets) * 0.0004e-3;
    assert!(
        (cost - plan.cost).abs() < cost * 0.1,
        "{cost}, and {} was said",
        plan.cost
    );
}

/// A row as it is stored.
async fn stored(db: &Db, key: &str) -> serde_json::Value {
    let request = GetObject {
        key: format!("{}{key}", db.prefix()),
        ..GetObject::default()
    };
    let object = db.store().get(request).await.expect("it is there");
    serde_json::from_slice(&object.body).expect("JSON")
}

/// The version of a row as it is stored.
async fn version(db: &Db, id: u64) -> u64 {
    let row = stored(db, &format!("people/{id}.json")).await;
    row.get("_v").map_or(1, |version| version.as_u64().unwrap())
}
