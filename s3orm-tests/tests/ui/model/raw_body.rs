use s3orm::S3Schema;

#[derive(S3Schema)]
#[s3(table = "files", path = "<id>", body = "raw")]
struct File {
    #[s3(body)]
    id: String,
    #[s3(body)]
    content: Vec<u8>,
    size: u64,
}

fn main() {}
