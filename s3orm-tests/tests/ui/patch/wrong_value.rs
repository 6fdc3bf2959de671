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
    let _ = people.patch(("Oslo", 1)).set(Person::COL.age, "old");
    let _ = people.patch(("Oslo", 1)).set(Person::COL.town, 7);
    let _ = people.patch(("Oslo", 1)).increment(Person::COL.age, -1);
    let _ = people.patch(("Oslo", 1)).increment(Person::COL.age, 1.5);
    let _ = people.patch(("Oslo", 1)).increment(Person::COL.name, "more");
    let _ = people.patch(("Oslo", 1)).append(Person::COL.tags, "one");
    let _ = people.patch(("Oslo", 1)).append(Person::COL.name, 7);
    let _ = people.patch(("Oslo", 1)).append(Person::COL.age, 7);
    let _ = people.patch(("Oslo", 1)).if_not_exists(Person::COL.town, 7);
}
