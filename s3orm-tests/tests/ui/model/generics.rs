use s3orm::S3Schema;

#[derive(S3Schema)]
#[s3(table = "boxes", path = "<id>")]
struct Boxed<'a, T: Clone> {
    id: u64,
    value: &'a T,
}

fn main() {}
