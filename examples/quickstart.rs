//! A table of people: insert, get, update, delete.
//!
//!     cargo run --example quickstart                                    # rows in the folder ./data
//!     cargo run --example quickstart -- memory:
//!     cargo run --example quickstart -- 's3://bucket?endpoint=http://localhost:9000'

use std::error::Error;

use s3orm::store::ListObjects;
use s3orm::{Db, ErrorKind, S3Schema};
use serde::{Deserialize, Serialize};

/// A row. Its object is `people/<id>.json`, the JSON of these fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>")]
struct Person {
    id: u64,
    name: String,
    age: u32,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let connection = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "file:./data".to_owned());
    let db = Db::connect(&connection).await?;
    db.ensure_bucket().await?;
    let people = db.table::<Person>();
    println!("connected to {db}");

    // `put` creates or replaces, so that this program can run twice; `insert` only creates.
    let ann = Person {
        id: 1,
        name: "Ann".to_owned(),
        age: 30,
    };
    people.put(&ann).await?;
    let again = people.insert(&ann).await.expect_err("Ann is there");
    assert_eq!(again.kind(), ErrorKind::AlreadyExists);
    println!("{again}");

    people
        .put(&Person {
            id: 2,
            name: "Bob".to_owned(),
            age: 41,
        })
        .await?;
    println!("got      {:?}", people.get(1).await?);

    // Reads, changes and saves; begins again when somebody else was faster.
    let ann = people.update(1, |person| person.age += 1).await?;
    println!("updated  {:?}", *ann);

    people.delete(2).await?;
    println!("deleted  2, which leaves {:?}", people.get(2).await?);

    println!("the objects of the table:");
    let prefix = format!("{}people/", db.prefix());
    let page = db
        .store()
        .list(ListObjects {
            prefix,
            ..ListObjects::default()
        })
        .await?;
    for object in page.objects {
        println!("  {} ({} bytes)", object.key, object.size);
    }
    Ok(())
}
