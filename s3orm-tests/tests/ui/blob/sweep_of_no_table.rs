//! A sweep that is not told any table.

use s3orm::Db;

async fn collect(db: &Db) -> s3orm::Result<()> {
    db.sweep_blobs().await?;
    Ok(())
}

fn main() {}
