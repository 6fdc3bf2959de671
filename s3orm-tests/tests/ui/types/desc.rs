use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<name:desc>")]
struct Person {
    name: String,
}

fn main() {}
