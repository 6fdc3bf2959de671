use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>")]
struct Person {
    id: u64,
    #[serde(default)]
    age: u32,
    city: Option<String>,
    town: Alias,
}

type Alias = Option<String>;

fn main() {
    let _ = Person::COL.city.is_null();
    let _ = Person::COL.age.is_null();
    let _ = Person::COL.id.is_null();
    let _ = Person::COL.town.is_null();
}
