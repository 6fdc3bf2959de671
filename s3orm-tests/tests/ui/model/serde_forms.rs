#![allow(unreachable_patterns)]

use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>/<no>/<day>")]
struct Person {
    #[serde(skip)]
    id: u64,
    #[serde(skip_serializing)]
    no: u64,
    #[serde(with = "day_form")]
    #[s3(key_only)]
    day: u64,
    #[serde(rename = "b")]
    a: u8,
    b: u8,
    #[serde(rename(serialize = "x", deserialize = "y"))]
    c: u8,
}

#[derive(Clone, Serialize, Deserialize, S3Schema)]
#[s3(table = "cars", path = "<id>")]
#[serde(into = "String")]
struct Car {
    id: u64,
}

impl From<Car> for String {
    fn from(car: Car) -> Self {
        car.id.to_string()
    }
}

mod day_form {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(day: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        day.to_string().serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        u64::deserialize(deserializer)
    }
}

fn main() {}
