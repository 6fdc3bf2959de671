use s3orm::{KeyPrefix, S3Schema, Table};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<city>/<id>")]
struct Person {
    city: String,
    id: u64,
    age: u32,
}

fn main() {}

fn ask(people: &Table<Person>) {
    let oslo = KeyPrefix::<Person>::new().at(Person::KEY.city, "Oslo");
    let _ = people.query().at(Person::KEY.city, "Oslo").under(&oslo);
}
