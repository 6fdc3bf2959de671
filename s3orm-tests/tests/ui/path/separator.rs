use s3orm::S3Schema;

#[derive(S3Schema)]
#[s3(table = "people", path = "<city>-<id>")]
struct Person {
    city: String,
    id: u64,
}

fn main() {}
