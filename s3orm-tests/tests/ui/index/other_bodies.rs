//! What an index needs to know of a row stands in front of its JSON.
use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "a", path = "<id>", body = "msgpack")]
struct Packed {
    id: u64,
    #[s3(index)]
    city: String,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "b", path = "<id>", compress(level = 9))]
struct Compressed {
    id: u64,
    #[s3(unique)]
    email: String,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "c", path = "<id>", body = "Own", transactional, index(columns(city)))]
struct OfOnesOwn {
    id: u64,
    city: String,
}

fn main() {}
