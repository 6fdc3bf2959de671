use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>/<changed>")]
struct Person {
    #[s3(generate, created_at)]
    id: String,
    #[s3(updated_at)]
    changed: String,
    #[serde(skip)]
    #[s3(created_at)]
    made: String,
}

fn main() {}
