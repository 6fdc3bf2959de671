use s3orm::S3Schema;

#[derive(S3Schema)]
#[s3(table = people, path = 7, extension, encoding("escaped"), body = b"raw")]
struct Person {
    id: u64,
}

fn main() {}
