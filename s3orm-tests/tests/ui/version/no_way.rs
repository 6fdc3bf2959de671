//! Versions without a way from one to the next, or back.

use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>")]
struct Before {
    id: u64,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>", version = 2, previous = "Before")]
struct NoUpcast {
    id: u64,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>", version = 2, previous = "Before", reversible)]
struct NoWayBack {
    id: u64,
}

impl From<Before> for NoWayBack {
    fn from(before: Before) -> Self {
        Self { id: before.id }
    }
}

struct NoTable;

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>", version = 2, previous = "NoTable")]
struct OfNoTable {
    id: u64,
}

impl From<NoTable> for OfNoTable {
    fn from(_: NoTable) -> Self {
        Self { id: 0 }
    }
}

fn main() {}
