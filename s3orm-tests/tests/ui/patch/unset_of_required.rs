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
    let _ = people.patch(("Oslo", 1)).unset(Person::COL.age);
    let _ = people.patch(("Oslo", 1)).unset(Person::COL.id);
    let _ = people.patch(("Oslo", 1)).if_not_exists(Person::COL.name, "Ann");
}
