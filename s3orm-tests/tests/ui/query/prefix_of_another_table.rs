use s3orm::{Db, KeyPrefix, S3Schema};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<city>/<id>")]
struct Person {
    city: String,
    id: u64,
    age: u32,
}

fn main() {
    let people = db().table::<Person>();
    let red = KeyPrefix::<Car>::new().at(Car::KEY.colour, "red");
    let _ = people.query().under(&red);
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "cars", path = "<colour>/<plate>")]
struct Car {
    colour: String,
    plate: String,
}

fn db() -> Db {
    unimplemented!()
}
