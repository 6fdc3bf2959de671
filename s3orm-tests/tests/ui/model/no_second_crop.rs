use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<dat>/<id>", extention = "")]
struct Person {
    date: String,
    id: u64,
    #[serde(rename = "mail")]
    email: String,
}

/// Whatever a program does with its table: none of it is wrong.
fn table<S: S3Schema, V>(row: &S, _key: V) -> Vec<u8>
where
    S::Key: s3orm::key::KeyFrom<V>,
{
    let key = row.key();
    let bytes = row.encode(S::SCHEMA.body).unwrap();
    drop(S::decode(key, &s3orm::body::Content::new(S::SCHEMA.body, &bytes)));
    bytes
}

fn main() {
    let ann = Person { date: String::new(), id: 1, email: String::new() };
    table(&ann, ("2024-01-02", 1));
    let _ = (Person::KEY.date.name(), Person::KEY.id.position(), Person::COL.email.name());
    let _ = (Person::SCHEMA.table, ann.key(), ann.email);
}

