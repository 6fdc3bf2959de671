use s3orm::S3Schema;

#[derive(S3Schema)]
#[s3(table = "files", path = "<id>", body = "raw")]
struct File {
    id: u64,
}

fn main() {}
