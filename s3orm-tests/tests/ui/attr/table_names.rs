use s3orm::S3Schema;

#[derive(S3Schema)]
#[s3(table = "People", path = "<id>")]
struct Person {
    id: u64,
}

#[derive(S3Schema)]
#[s3(table = "peo ple", path = "<id>")]
struct Car {
    id: u64,
}

#[derive(S3Schema)]
#[s3(table = "", path = "<id>")]
struct House {
    id: u64,
}

#[derive(S3Schema)]
#[s3(table = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", path = "<id>")]
struct Road {
    id: u64,
}

#[derive(S3Schema)]
#[s3(table = "_s3orm", path = "<id>")]
struct Ours {
    id: u64,
}

fn main() {}
