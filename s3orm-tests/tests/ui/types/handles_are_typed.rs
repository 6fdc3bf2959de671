use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>")]
struct Person {
    id: u64,
    age: u8,
}

fn main() {
    let _: s3orm::ColumnHandle<Person, String> = Person::COL.age;
    let _ = Person::KEY.age;
}

