use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>")]
struct Person {
    id: u64,
    #[s3(created_at)]
    made: String,
    #[s3(updated_at)]
    changed: Option<u64>,
}

fn main() {}
