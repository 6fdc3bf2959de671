//! A column that is encrypted is a text that nothing but its reader can make sense of.
use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "a", path = "<id>", index(columns(city, age)))]
struct Columns {
    #[s3(encrypt)]
    id: u64,
    #[s3(encrypt, unique)]
    email: String,
    #[s3(encrypt)]
    city: String,
    age: u32,
    #[serde(skip)]
    #[s3(encrypt)]
    cached: u8,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "b", path = "<id>", body = "msgpack")]
struct Packed {
    id: u64,
    #[s3(encrypt)]
    name: String,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "c", path = "<id>", encrypt)]
struct Twice {
    id: u64,
    #[s3(encrypt = "migrating")]
    name: String,
}

#[derive(S3Schema)]
#[s3(table = "d", path = "<id>", body = "raw")]
struct Raw {
    id: u64,
    #[s3(body, encrypt)]
    data: Vec<u8>,
}

fn main() {}
