//! What `compress` does not take.
use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "a", path = "<id>", compress)]
struct NoValue {
    id: u64,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "b", path = "<id>", compress = 3)]
struct Number {
    id: u64,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "c", path = "<id>", compress(level = 23, above = "1k"))]
struct OutOfRange {
    id: u64,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "d", path = "<id>", compress(levle = 3, above))]
struct Slips {
    id: u64,
}

fn main() {}
