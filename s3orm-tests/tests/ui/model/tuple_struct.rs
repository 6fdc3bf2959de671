use s3orm::S3Schema;

#[derive(S3Schema)]
#[s3(table = "points", path = "<0>")]
struct Point(u64, u64);

fn main() {}
