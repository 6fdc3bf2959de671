use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

#[derive(S3Schema)]
#[s3(table = "files", path = "<owner>/<id>", body = "raw")]
struct File {
    owner: String,
    #[s3(index)]
    id: u64,
    #[s3(body)]
    bytes: Vec<u8>,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "rows", path = "<id>")]
struct Reserved {
    id: u64,
    #[s3(index)]
    #[serde(rename = "_m")]
    mass: u64,
}

fn main() {}
