use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<x>/<y>")]
struct Person {
    x: f32,
    y: Vec<u8>,
}

fn main() {}
