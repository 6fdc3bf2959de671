use s3orm::{S3Schema, Table};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<city>/<id>")]
struct Person {
    city: String,
    id: u64,
    age: u32,
    name: String,
    town: Option<String>,
    tags: Vec<String>,
}

fn main() {}

fn change(people: &Table<Person>) {
    let _ = people.patch(("Oslo", 1)).set(Person::COL.city, "Rome");
    let _ = people.patch(("Oslo", 1)).increment(Person::COL.id, 1);
    let _ = people.patch(("Oslo", 1)).set(Person::KEY.id, 1);
}
