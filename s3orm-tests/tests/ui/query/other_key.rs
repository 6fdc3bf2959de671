use s3orm::{S3Schema, Table};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<city>/<id>")]
struct Person {
    city: String,
    id: u64,
    age: u32,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "cars", path = "<plate>")]
struct Car {
    plate: String,
}

fn main() {}

fn ask(people: &Table<Person>) {
    let _ = people.query().at(Car::KEY.plate, "x");
}
