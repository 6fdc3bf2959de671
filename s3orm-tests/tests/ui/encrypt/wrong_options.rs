//! How, and of which tables.
use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "a", path = "<id>", encrypt, transactional)]
struct Transactional {
    id: u64,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "b", path = "<id>", encrypt = "migrating")]
struct Indexed {
    id: u64,
    #[s3(index)]
    city: String,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "c", path = "<id>", encrypt = "aes")]
struct Algorithm {
    id: u64,
    #[s3(encrypt = 7)]
    name: String,
    #[s3(encrypt, encrypt)]
    mail: String,
}

fn main() {}
