use s3orm::S3Schema;

#[derive(S3Schema)]
#[s3(table = "people", path = "<dat>/<id>")]
struct Person {
    date: String,
    id: u64,
}

fn main() {}
