//! Formats and compressions that there are not.
use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "a", path = "<id>", body = "mesgpack")]
struct Slip {
    id: u64,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "b", path = "<id>", body = "cbor")]
struct Unknown {
    id: u64,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "c", path = "<id>", body = "my::")]
struct NoPath {
    id: u64,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "d", path = "<id>", compress = "gzip")]
struct Gzip {
    id: u64,
}

fn main() {}
