use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "rows", path = "<id>", transactional = "yes")]
struct WithValue {
    id: u64,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "rows", path = "<id>", transactional)]
struct Reserved {
    id: u64,
    #[serde(rename = "_m")]
    mass: f64,
}

fn main() {}
