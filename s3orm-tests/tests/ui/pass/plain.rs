#![deny(warnings)]

use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<date>/<id>")]
struct Person {
    date: String,
    id: u64,
}

fn main() {
    let person = Person { date: String::new(), id: 7 };
    assert_eq!(person.key(), (String::new(), 7));
    assert_eq!(Person::KEY.id.position(), 1);
}
