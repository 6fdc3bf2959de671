//! A table whose struct is not `reversible` does not go back.

use s3orm::{Db, S3Schema};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>")]
struct Before {
    id: u64,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>", version = 2, previous = "Before")]
struct After {
    id: u64,
}

impl From<Before> for After {
    fn from(before: Before) -> Self {
        Self { id: before.id }
    }
}

async fn back(db: &Db) -> s3orm::Result<()> {
    db.table::<After>().migrate().down_to(1).await?;
    db.table::<Before>().migrate().down_to(1).await?;
    Ok(())
}

fn main() {}
