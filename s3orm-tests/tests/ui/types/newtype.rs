use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
struct PersonId(u64);

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>")]
struct Person {
    id: PersonId,
}

fn main() {}
