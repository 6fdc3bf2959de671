//! Versions follow one another, in one table.

use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>")]
struct Before {
    id: u64,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>", version = 3, previous = "Before")]
struct Gap {
    id: u64,
}

impl From<Before> for Gap {
    fn from(before: Before) -> Self {
        Self { id: before.id }
    }
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "persons", path = "<id>", version = 2, previous = "Before")]
struct Elsewhere {
    id: u64,
}

impl From<Before> for Elsewhere {
    fn from(before: Before) -> Self {
        Self { id: before.id }
    }
}

fn main() {}
