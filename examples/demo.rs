//! Users and their documents: create, search, update, clean up.
//!
//!     cargo run --example demo
//!     cargo run --example demo -- 's3://bucket?endpoint=http://localhost:9000'
//!     cargo run --example demo -- --cleanup file:./data     # and delete every row again

use std::error::Error;

use chrono::{DateTime, Utc};
use s3orm::{Db, S3Schema, Table};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A user, found by the address.
#[derive(Debug, Clone, Serialize, Deserialize, S3Schema)]
#[s3(table = "users", path = "<email>")]
struct User {
    email: String,
    name: String,
    #[serde(default)]
    bio: Option<String>,
    #[s3(created_at)]
    created_at: Option<DateTime<Utc>>,
    #[s3(updated_at)]
    updated_at: Option<DateTime<Utc>>,
}

/// A document, in its owner's folder.
#[derive(Debug, Clone, Serialize, Deserialize, S3Schema)]
#[s3(table = "documents", path = "owner=<owner>/<id>")]
struct Document {
    owner: String,
    /// Filled in by `insert`.
    #[serde(default)]
    #[s3(generate)]
    id: Uuid,
    title: String,
    #[serde(default)]
    tags: Vec<String>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let (mut cleanup, mut connection) = (false, "file:./data".to_owned());
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--cleanup" => cleanup = true,
            other if other.starts_with('-') => {
                return Err(format!(
                    "unknown option `{other}`; usage: demo [--cleanup] [CONNECTION]"
                )
                .into());
            }
            _ => connection = argument,
        }
    }
    let db = Db::connect(&connection).await?;
    db.ensure_bucket().await?;
    let (users, documents) = (db.table::<User>(), db.table::<Document>());

    create_users(&users).await?;
    let reports = create_documents(&documents).await?;
    search_and_update(&users, &documents, reports).await?;

    if cleanup {
        for email in ["ann@example.com", "bob@example.com"] {
            users.delete(email).await?;
        }
        for id in reports {
            documents
                .delete(("ann@example.com", id))
                .must_exist()
                .await?;
        }
        println!(
            "cleaned up: {} users and {} documents deleted",
            2,
            reports.len()
        );
    } else {
        println!("kept the rows; run with --cleanup to delete them");
    }
    Ok(())
}

async fn create_users(users: &Table<User>) -> s3orm::Result<()> {
    for (email, name) in [("ann@example.com", "Ann"), ("bob@example.com", "Bob")] {
        let user = User {
            email: email.to_owned(),
            name: name.to_owned(),
            bio: None,
            created_at: None,
            updated_at: None,
        };
        match users.insert(user).on_conflict_nothing().await? {
            Some(user) => println!("created {} at {}", user.key(), shown(user.created_at)),
            None => println!("{email} is there already"),
        }
    }
    Ok(())
}

async fn create_documents(documents: &Table<Document>) -> s3orm::Result<[Uuid; 2]> {
    let mut ids = [Uuid::nil(); 2];
    for (id, title) in ids.iter_mut().zip(["Plan", "Report"]) {
        let document = Document {
            owner: "ann@example.com".to_owned(),
            id: Uuid::nil(),
            title: title.to_owned(),
            tags: vec!["2024".to_owned()],
        };
        let row = documents
            .insert(document)
            .metadata("source", "demo")
            .await?;
        println!("created {} ({})", row.key(), row.title);
        *id = row.id;
    }
    Ok(ids)
}

async fn search_and_update(
    users: &Table<User>,
    documents: &Table<Document>,
    ids: [Uuid; 2],
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let ann = users
        .get("ann@example.com")
        .await?
        .expect("Ann was created");
    println!("found   {} <{}>", ann.name, ann.email);
    assert!(users.get("nobody@example.com").await?.is_none());

    let ann = users
        .update("ann@example.com", |user| {
            user.bio = Some("Writes reports.".to_owned());
        })
        .await?;
    println!(
        "updated {}: created {}, updated {}",
        ann.name,
        shown(ann.created_at),
        shown(ann.updated_at)
    );

    let plans = documents
        .query()
        .at(Document::KEY.owner, "ann@example.com")
        .filter(Document::COL.title.eq("Plan"))
        .all()
        .await?;
    println!("found   {} plan of Ann's", plans.len());

    // Two people edit one document: the second to save is told, and loses nothing.
    let first = documents
        .read(("ann@example.com", ids[0]))
        .await?
        .expect("it was created");
    let mut second = first.clone();
    let mut first = first;
    first.title.push_str(", agreed");
    documents.save(first).await?;
    second.tags.push("draft".to_owned());
    let refused = documents
        .save(second)
        .await
        .expect_err("the first one was faster");
    println!("refused {refused}");
    Ok(())
}

fn shown(time: Option<DateTime<Utc>>) -> String {
    time.map_or_else(
        || "never".to_owned(),
        |time| time.format("%Y-%m-%d %H:%M:%S").to_string(),
    )
}
