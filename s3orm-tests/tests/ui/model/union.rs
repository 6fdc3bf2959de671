use s3orm::S3Schema;

#[derive(S3Schema)]
#[s3(table = "words", path = "<id>")]
union Word {
    id: u64,
}

fn main() {}
