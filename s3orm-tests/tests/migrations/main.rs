//! Tables that go from one version of their rows to the next while they are used, over HTTP.

mod back;
mod crashes;
mod job;
mod versions;

use s3orm::store::GetObject;
use s3orm::{Db, S3Schema};
use s3orm_tests::connect;
use s3orm_tests::server::TestServer;
use serde::{Deserialize, Serialize};

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

/// The requests since the last call, each with how often it was made.
fn spent(server: &TestServer) -> Vec<String> {
    let requests = server.requests();
    server.reset();
    requests
        .iter()
        .map(|request| request.operation.to_string())
        .collect()
}

fn count(requests: &[String], operation: &str) -> usize {
    requests.iter().filter(|one| *one == operation).count()
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
