use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<region>/<id>")]
#[s3(index)]
#[s3(index(columns(town)))]
#[s3(index(columns(city, city)))]
#[s3(index(columns(city), projection = "some"))]
#[s3(index(columns(city), projection(region)))]
#[s3(index(column(city)))]
#[s3(index(name = "By City", columns(city)))]
#[s3(index(columns(region)))]
#[s3(unique(columns(id, region)))]
#[s3(unique(columns(city), projection = "all"))]
#[s3(index(name = "city", columns(city, id)))]
struct Person {
    #[s3(key_only)]
    region: String,
    id: u64,
    #[s3(index)]
    city: String,
    #[s3(unique, unique)]
    email: String,
    #[s3(index = 7)]
    age: u32,
    #[serde(skip)]
    #[s3(index)]
    note: String,
}

fn main() {}
