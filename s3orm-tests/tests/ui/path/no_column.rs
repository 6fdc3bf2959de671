use s3orm::S3Schema;

#[derive(S3Schema)]
#[s3(table = "people", path = "all/of/them")]
struct Person {
    id: u64,
}

fn main() {}
