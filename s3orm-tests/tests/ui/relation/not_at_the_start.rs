use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "customers", path = "<region>/<id>")]
struct Customer {
    region: String,
    id: u64,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "orders", path = "<id>/<region>/<customer>", belongs_to = "Customer")]
struct Order {
    id: u32,
    region: String,
    customer: u64,
}

fn main() {}
