use s3orm::S3Schema;

#[derive(S3Schema)]
struct Person {
    name: String,
    age: u8,
}

fn main() {}
