use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>/<name>")]
struct Person {
    #[s3(generate)]
    id: u64,
    #[s3(generate)]
    name: String,
    #[s3(generate = "ulid")]
    code: uuid::Uuid,
}

fn main() {}
