use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "customers", path = "<region>/<id>")]
struct Customer {
    region: String,
    id: u64,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "orders", path = "<region>/<customer>/<id>")]
struct Order {
    region: String,
    #[s3(belongs_to = "Customer")]
    customer: u64,
    id: u32,
}

fn main() {}
