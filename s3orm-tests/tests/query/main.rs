//! Queries give what a loop over the data gives: on real flights, and where keys are awkward.
#![allow(clippy::unwrap_used)]

mod awkward;
mod flights;
mod select;
mod stopped;

use s3orm::{Db, S3Schema, Table};
use serde::{Deserialize, Serialize};

async fn db() -> Db {
    Db::connect("memory:").await.unwrap()
}

/// A name in its plain form, then a number in its plain form: listed as text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "notes", path = "<name>/<id>")]
struct Note {
    name: String,
    id: u32,
}

async fn notes(names: &[&str]) -> Table<Note> {
    let notes = db().await.table::<Note>();
    for (name, id) in names.iter().zip(1..) {
        notes
            .put(Note {
                name: (*name).to_owned(),
                id,
            })
            .await
            .unwrap();
    }
    notes
}
