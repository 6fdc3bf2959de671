use s3orm::{Db, S3Schema};
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>")]
struct Person {
    id: u64,
    age: u32,
}

async fn plain_table(db: &Db) -> s3orm::Result<()> {
    let people = &db.table::<Person>();
    db.transaction(|tx| async move {
        tx.get(people, 1).await?;
        tx.write(people.insert(Person { id: 1, age: 2 }))
    })
    .await
}

fn main() {}
