use s3orm::S3Schema;

#[derive(S3Schema)]
#[s3(table = "people", path = "<id>")]
struct Person {
    #[s3(key_only = true)]
    id: u64,
}

fn main() {}
