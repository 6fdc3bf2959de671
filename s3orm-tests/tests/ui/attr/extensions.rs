use s3orm::S3Schema;

#[derive(S3Schema)]
#[s3(table = "people", path = "<id>", extension = "json")]
struct Person {
    id: u64,
}

#[derive(S3Schema)]
#[s3(table = "people", path = "<id>", extension = ".a/b")]
struct Car {
    id: u64,
}

#[derive(S3Schema)]
#[s3(table = "people", path = "<id>", extension = ".")]
struct House {
    id: u64,
}

fn main() {}
