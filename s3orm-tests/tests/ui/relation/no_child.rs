use s3orm::{Db, S3Schema};
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
    customer: u64,
    id: u32,
}

fn main() {}

fn ask(db: &Db, ann: &Customer, order: &Order) {
    let _ = db.table::<Order>().query().of(ann);
    let _ = db.table::<Customer>().of(order);
    let _ = db.table::<Customer>().get_with::<Order>(("eu", 1));
    let _ = db.table::<Line>().query().of(ann);
    let _ = db.table::<Line>().query().of(&ann.id);
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "lines", path = "<region>/<customer>/<line>", belongs_to = "Region")]
struct Line {
    region: String,
    customer: u64,
    line: u64,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "regions", path = "<name>")]
struct Region {
    name: String,
}
