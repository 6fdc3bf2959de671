use s3orm::S3Schema;

#[derive(S3Schema)]
#[s3(table = "people", path = "<id>", encoding = "verbatm", body = "xml")]
struct Person {
    #[s3(generate = "uuid")]
    id: String,
    #[s3(generate = "snowflake")]
    no: String,
}

fn main() {}
