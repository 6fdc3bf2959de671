use s3orm::S3Schema;

#[derive(S3Schema)]
#[s3(table = "peo ple", path = "/<day>/<id", pth = "x", extension = "json")]
struct Person {
    #[s3(key_olny)]
    date: u64,
    #[s3(created_at, updated_at)]
    id: u64,
}

fn main() {}
