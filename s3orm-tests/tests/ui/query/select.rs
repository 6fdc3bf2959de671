use s3orm::{S3Schema, Table};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<city>/<id>")]
struct Person {
    city: String,
    id: u64,
    photo: Photo,
}

#[derive(Serialize, Deserialize)]
struct Photo(Vec<u8>);

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "cars", path = "<plate>")]
struct Car {
    plate: String,
}

fn main() {}

fn ask(people: &Table<Person>) {
    let _ = people.query().select((Person::COL.id, Car::COL.plate));
    let _ = people.query().select(Person::KEY.id);
    let _ = people.query().select("id");
    let _ = people.query().select(Person::COL.photo);
}
