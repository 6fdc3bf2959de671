//! `hooks` and `validate` ask for implementations.
use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "a", path = "<id>", hooks)]
struct NoHooks {
    id: u64,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "b", path = "<id>", validate)]
struct NoRules {
    id: u64,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "c", path = "<id>", hooks = "mine", validate())]
struct Values {
    id: u64,
}

fn main() {}
