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

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "cars", path = "<plate>")]
struct Car {
    plate: String,
    seats: u32,
    owner: Option<String>,
}

fn main() {}

fn change(people: &Table<Person>) {
    let _ = people.patch(("Oslo", 1)).set(Car::COL.seats, 4);
    let _ = people.patch(("Oslo", 1)).unset(Car::COL.owner);
    let _ = people.patch(("Oslo", 1)).only_if(Car::COL.seats.ge(4));
}
