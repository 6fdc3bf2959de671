use s3orm::S3Schema;

#[derive(S3Schema)]
#[s3(table = "people", path = "<id>")]
struct Person {
    #[s3(generat)]
    id: u64,
}

fn main() {}
