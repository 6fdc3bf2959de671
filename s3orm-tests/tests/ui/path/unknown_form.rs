use s3orm::S3Schema;

#[derive(S3Schema)]
#[s3(table = "people", path = "<id:order>/<no:hex>")]
struct Person {
    id: u64,
    no: u64,
}

fn main() {}
