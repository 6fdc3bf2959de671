use s3orm::{Db, S3Schema};
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>", transactional)]
struct Person {
    id: u64,
    age: u32,
}

async fn borrows(db: &Db, years: &u32) -> s3orm::Result<()> {
    let people = &db.table::<Person>();
    db.transaction(|tx| async move { tx.write(people.update(1, |row| row.age += *years)) })
        .await
}

async fn reads(db: &Db) -> s3orm::Result<()> {
    let people = &db.table::<Person>();
    db.transaction(|tx| async move { tx.write(people.get(1)) }).await
}

fn main() {}
