use s3orm::S3Schema;

#[derive(S3Schema)]
#[s3(table = "files", path = "<id>", body = "raw", transactional)]
struct File {
    id: u64,
    #[s3(body)]
    bytes: Vec<u8>,
}

fn main() {}
