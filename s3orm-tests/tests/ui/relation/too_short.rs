use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "customers", path = "<region>/<id>")]
struct Customer {
    region: String,
    id: u64,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "orders", path = "<region>", belongs_to = "Customer")]
struct Order {
    region: String,
}

fn main() {}
