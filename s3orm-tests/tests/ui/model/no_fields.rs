use s3orm::S3Schema;

#[derive(S3Schema)]
#[s3(table = "nothing", path = "<id>")]
struct Nothing {}

fn main() {}
