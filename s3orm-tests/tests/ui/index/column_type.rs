use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>")]
struct Person {
    id: u64,
    #[s3(index)]
    height: f64,
    #[s3(unique)]
    tags: Option<Vec<String>>,
}

fn main() {}
