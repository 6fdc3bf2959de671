use s3orm::S3Schema;

#[derive(S3Schema)]
#[s3(table = "people", path = "<id>/<no>")]
struct Person {
    #[s3(generate, generate = "uuid_v4")]
    id: String,
    #[s3(key_only)]
    #[s3(key_only)]
    no: u8,
}

fn main() {}
