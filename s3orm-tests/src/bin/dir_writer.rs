//! Another process that writes to a folder, for the tests of two at once and of a kill in a write.
//!
//! `dir_writer <folder> create <rounds>`: creates `race/<round>` if absent, and prints the rounds
//! that it won. `dir_writer <folder> increment <times>`: adds to the number in `counter`.
//! `dir_writer <folder> overwrite <size>`: replaces `row` until it is killed.
//!
//! Each prints `ready` and waits for a line before it begins.

use std::io::{Write as _, stdin, stdout};

use anyhow::{Context as _, bail};
use s3orm::Env;
use s3orm::store::dir::DirStore;
use s3orm::store::{Precondition, PutObject, Store, StoreErrorKind};
use s3orm_tests::conformance::increment;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, mode, number] = &arguments[..] else {
        bail!("use: dir_writer <folder> create|increment|overwrite <number>");
    };
    let number: usize = number.parse().context("the number")?;
    let store = DirStore::open(folder, Env::system()).await?;
    writeln!(stdout(), "ready")?;
    stdin().read_line(&mut String::new())?;
    match mode.as_str() {
        "create" => create(&store, number).await,
        "increment" => {
            for _ in 0..number {
                increment(&store, "counter").await?;
            }
            Ok(())
        }
        "overwrite" => overwrite(&store, number).await,
        _ => bail!("there is no mode `{mode}`"),
    }
}

async fn create(store: &DirStore, rounds: usize) -> anyhow::Result<()> {
    for round in 0..rounds {
        let put = store.put(PutObject {
            key: format!("race/{round}"),
            body: std::process::id().to_string().into(),
            precondition: Precondition::IfAbsent,
            ..PutObject::default()
        });
        match put.await {
            Ok(_) => writeln!(stdout(), "{round}")?,
            Err(error) if error.kind() == StoreErrorKind::PreconditionFailed => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Each row is of one letter, which its metadata names; both sizes and letters change.
async fn overwrite(store: &DirStore, size: usize) -> anyhow::Result<()> {
    for (turn, letter) in (b'a'..=b'z').cycle().enumerate() {
        let put = store.put(PutObject {
            key: "row".to_owned(),
            body: vec![letter; size + turn % 5].into(),
            metadata: [("letter".to_owned(), char::from(letter).to_string())].into(),
            ..PutObject::default()
        });
        put.await?;
    }
    Ok(())
}
