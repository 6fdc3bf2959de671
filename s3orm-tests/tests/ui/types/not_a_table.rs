use s3orm::S3Schema;

struct Person;

fn table<S: S3Schema>() {}

fn main() {
    table::<Person>();
}

