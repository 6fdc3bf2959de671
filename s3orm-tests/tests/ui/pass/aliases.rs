//! What a type is called does not matter.
#![deny(warnings)]

use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

type Id = u64;
type Maybe = String;
type Option = String;

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<a:desc>/<b>/<c>")]
struct Person {
    a: Id,
    b: Maybe,
    c: Option,
}

fn main() {
    let person = Person { a: 1, b: String::new(), c: String::new() };
    assert_eq!(person.key().0, 1);
}
