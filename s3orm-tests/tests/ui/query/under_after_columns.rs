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
    let oslo = KeyPrefix::<Person>::new().at(Person::KEY.city, "Oslo");
    let _ = people.query().at(Person::KEY.city, "Oslo").under(&oslo);
}

fn db() -> Db {
    unimplemented!()
}
