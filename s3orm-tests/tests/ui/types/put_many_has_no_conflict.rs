use s3orm::{S3Schema, Table};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>")]
struct Person {
    id: u64,
}

fn main() {}

fn write(people: &Table<Person>) {
    let _ = people.put_many([Person { id: 1 }]).on_conflict_nothing();
}
