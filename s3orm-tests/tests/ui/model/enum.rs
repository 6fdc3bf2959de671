use s3orm::S3Schema;

#[derive(S3Schema)]
#[s3(table = "shapes", path = "<id>")]
enum Shape {
    Circle { id: u64 },
}

fn use_it() -> &'static str {
    Shape::SCHEMA.table
}

fn main() {
    use_it();
}
