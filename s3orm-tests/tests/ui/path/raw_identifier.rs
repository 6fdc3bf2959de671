use s3orm::S3Schema;

#[derive(S3Schema)]
#[s3(table = "people", path = "<r#type>")]
struct Person {
    r#type: u64,
}

fn main() {}
