//! Options of versions that cannot be.

use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>")]
struct Before {
    id: u64,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>", version = 0)]
struct Zero {
    id: u64,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>", version = "2", previous = "Before")]
struct Text {
    id: u64,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>", previous = "Before")]
struct Unversioned {
    id: u64,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>", version = 1, previous = "Before")]
struct First {
    id: u64,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>", version = 2, reversible)]
struct NowhereToGo {
    id: u64,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>", version = 2, previous = "not a type")]
struct NoType {
    id: u64,
}

#[derive(S3Schema)]
#[s3(table = "people", path = "<id>", version = 2, body = "raw")]
struct Raw {
    id: u64,
    #[s3(body)]
    bytes: Vec<u8>,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>")]
struct OwnMember {
    id: u64,
    #[serde(rename = "_v")]
    version: u32,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>")]
struct OnAField {
    #[s3(version)]
    id: u64,
}

fn main() {}
