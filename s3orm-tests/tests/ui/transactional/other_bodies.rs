//! What a transaction notes stands in front of a row's JSON.
use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "a", path = "<id>", transactional, body = "msgpack")]
struct Packed {
    id: u64,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "b", path = "<id>", compress = "zstd", transactional)]
struct Compressed {
    id: u64,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "c", path = "<id>", body = "Own", transactional)]
struct OfOnesOwn {
    id: u64,
}

fn main() {}
