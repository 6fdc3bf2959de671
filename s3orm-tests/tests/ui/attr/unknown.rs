use s3orm::S3Schema;

#[derive(S3Schema)]
#[s3(tabel = "people", path = "<id>")]
struct Person {
    id: u64,
}

fn main() {}
