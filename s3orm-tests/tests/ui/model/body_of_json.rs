use s3orm::S3Schema;

#[derive(S3Schema)]
#[s3(table = "files", path = "<id>")]
struct File {
    id: String,
    #[s3(body)]
    content: Vec<u8>,
}

fn main() {}
