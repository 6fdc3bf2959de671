use s3orm::{Db, S3Schema};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "customers", path = "<region>/<id>")]
struct Customer {
    region: String,
    id: u64,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "orders", path = "<region>/<custmer>/<id>", belongs_to = "Customer")]
struct Order {
    region: String,
    customer: u64,
    id: u32,
}

fn main() {}

fn ask(db: &Db, ann: &Customer) {
    let _ = db.table::<Order>().query().of(ann).limit(1);
    let _ = db.table::<Customer>().get_with::<Order>(("eu", 1));
}
