use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<userId>")]
struct Person {
    #[serde(rename = "userId")]
    user_id: u64,
}

fn main() {}
