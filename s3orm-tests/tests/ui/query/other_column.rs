use s3orm::{Db, S3Schema};
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

fn main() {
    let people = db().table::<Person>();
    let _ = people.query().filter(Car::COL.plate.eq("x"));
}

fn db() -> Db {
    unimplemented!()
}
