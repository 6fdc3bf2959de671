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
    let red = KeyPrefix::<Car>::new().at(Car::KEY.colour, "red");
    let _ = people.query().under(&red);
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "cars", path = "<colour>/<plate>")]
struct Car {
    colour: String,
    plate: String,
}
