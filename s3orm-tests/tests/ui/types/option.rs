use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<date>/<town>/<id>")]
struct Person {
    date: u64,
    id: String,
    town: Option<String>,
}

fn main() {}
