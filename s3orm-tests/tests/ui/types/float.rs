use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "scores", path = "<score>")]
struct Score {
    score: f64,
}

fn main() {}
