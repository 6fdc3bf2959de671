//! Blobs: what they cost, what is refused, and that none is lost or left behind.
#![allow(clippy::unwrap_used)] // Its helpers are tests, too.
#![allow(clippy::disallowed_methods, reason = "hours pass on a paused clock")]

mod crashes;
mod over_http;
mod races;
mod refused;
mod sweeps;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use s3orm::store::{ListObjects, Store};
use s3orm::{Blob, Db, S3Schema};
use serde::{Deserialize, Serialize};

/// A row of a plain table, with blobs at some depth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>")]
struct Person {
    id: u64,
    photo: Option<Blob>,
    #[serde(default)]
    more: Vec<Blob>,
}

/// A row of a table with transactions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "papers", path = "<id>", transactional)]
struct Paper {
    id: u64,
    pages: BTreeMap<String, Blob>,
}

impl Person {
    fn blobs(&self) -> Vec<&Blob> {
        self.photo.iter().chain(&self.more).collect()
    }
}

fn person(id: u64, photo: Blob) -> Person {
    Person {
        id,
        photo: Some(photo),
        more: Vec::new(),
    }
}

fn paper(id: u64, page: Blob) -> Paper {
    Paper {
        id,
        pages: BTreeMap::from([("1".to_owned(), page)]),
    }
}

const MIB: usize = 1 << 20;

/// Longer than the grace.
const HOUR: Duration = Duration::from_mins(62);

/// The keys that a store has under a prefix.
async fn keys(store: &dyn Store, prefix: &str) -> BTreeSet<String> {
    let keys = s3orm_tests::server::keys(store, prefix).await;
    keys.into_iter().collect()
}

/// Reads every blob that a row names; the keys of all of them.
async fn whole(db: &Db) -> BTreeSet<String> {
    let people = db.table::<Person>().query().scan().all().await.unwrap();
    let papers = db.table::<Paper>().query().scan().all().await.unwrap();
    let of_people = people.iter().flat_map(|person| person.blobs());
    let all = of_people.chain(papers.iter().flat_map(|paper| paper.pages.values()));
    let mut named = BTreeSet::new();
    for blob in all {
        let bytes = blob.bytes(db, 1 << 30).await;
        let bytes = bytes.unwrap_or_else(|error| panic!("{blob:?} is lost: {error:?}"));
        assert_eq!(bytes.len() as u64, blob.size());
        named.insert(blob.key());
    }
    named
}
