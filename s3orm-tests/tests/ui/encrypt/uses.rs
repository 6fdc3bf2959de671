//! A filter or a patch that calculates would show a secret in its messages.
use s3orm::{Db, S3Schema};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "patients", path = "<id>")]
struct Patient {
    id: u64,
    #[s3(encrypt)]
    name: String,
    #[s3(encrypt)]
    weight: Option<u32>,
}

async fn wrong(db: Db) {
    let patients = db.table::<Patient>();
    let _ = patients.query().filter(Patient::COL.name.eq("Ann"));
    let _ = patients.query().filter(Patient::COL.weight.gt(70));
    let _ = patients.query().filter(Patient::COL.name.starts_with("A"));
    let _ = patients.patch(1).increment(Patient::COL.weight, 1);
    let _ = patients.patch(1).append(Patient::COL.name, "!");
    // What replaces a value shows none.
    let _ = patients.patch(1).set(Patient::COL.name, "Ann").unset(Patient::COL.weight);
    let _ = patients.query().filter(Patient::COL.weight.is_null());
}

fn main() {}
