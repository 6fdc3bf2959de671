use s3orm::{KeyPrefix, S3Schema};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<city>/<id>")]
struct Person {
    city: String,
    id: u64,
    age: u32,
}

fn main() {
    let _ = KeyPrefix::<Person>::new().at(Person::KEY.id, 42);
}
