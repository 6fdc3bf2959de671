use s3orm::S3Schema;

#[derive(S3Schema)]
#[s3(table = "people", path = "<id>", key_only)]
struct Person {
    id: u64,
}

fn main() {}
