//! A format of one's own is a type that implements `BodyCodec`.
use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

struct Cbor;

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "a", path = "<id>", body = "Cbor")]
struct NotACodec {
    id: u64,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "b", path = "<id>", body = "my::Cbor")]
struct NotThere {
    id: u64,
}

fn main() {}
