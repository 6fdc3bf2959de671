use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "customers", path = "<region>/<id>")]
struct Customer {
    region: String,
    id: u64,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "orders", path = "<region>/<customer>/<id>", belongs_to = "String")]
struct Order {
    region: String,
    customer: u64,
    id: u32,
}

fn main() {}
