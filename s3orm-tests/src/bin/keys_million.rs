//! A million keys listed in flat memory.
//!
//!     cargo run --release -p s3orm-tests --bin keys_million             # or with a number of keys
//!
//! A server in a process of its own has the keys; this one lists them with `keys` and with `count`.
//! Prints a JSON line with the keys a second and the most resident memory up to a tenth of the keys
//! and up to the end. Fails if it grows by more than 4 MiB between, or if a key is wrong.
#![allow(clippy::disallowed_methods, clippy::print_stdout)]

use std::time::Instant;

use anyhow::{Context as _, ensure};
use s3orm::store::PutObject;
use s3orm::{S3Schema, Table};
use s3orm_tests::connect;
use s3orm_tests::process::{self, ServerProcess, most_resident_kib};
use s3orm_tests::server::TestServer;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id:ordered>")]
struct Person {
    id: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1).peekable();
    let is_server = arguments.next_if_eq("serve").is_some();
    let keys = arguments.next().map_or(Ok(1_000_000), |text| text.parse());
    let keys: u64 = keys.context("usage: keys_million [KEYS]")?;
    if is_server {
        return serve(keys).await;
    }
    ensure!(keys >= 10_000, "10,000 keys at least");
    let server = ServerProcess::start(&["serve", &keys.to_string()])?;
    let people: Table<Person> = connect::db(server.endpoint()).await.table();

    let (start, mut early, mut next) = (Instant::now(), 0, 0);
    let mut listed = people.query().scan().keys()?;
    while let Some(key) = listed.next().await {
        let (id,) = key?;
        ensure!(id == next, "{id} follows where {next} does");
        next += 1;
        if next == keys / 10 {
            early = most_resident_kib()?;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    ensure!(next == keys, "{next} keys of {keys}");
    let lists = listed.spent().lists;
    let counted = people.query().scan().count().await?;
    ensure!(counted == keys, "{counted} counted of {keys}");
    let late = most_resident_kib()?;
    #[expect(clippy::cast_precision_loss, reason = "it is a rate")]
    let rate = keys as f64 / seconds;
    println!(
        r#"{{"keys":{keys},"lists":{lists},"keys_per_second":{rate:.0},"rss_kib_early":{early},"rss_kib_end":{late}}}"#
    );
    ensure!(
        late < early + 4 * 1024,
        "memory grew from {early} to {late} KiB"
    );
    Ok(())
}

/// Puts the keys into the store without a request each, and serves them.
async fn serve(keys: u64) -> anyhow::Result<()> {
    let server = TestServer::memory().await;
    let people: Table<Person> = connect::db(&server.endpoint()).await.table();
    for id in 0..keys {
        let put = PutObject {
            key: people.key(id)?,
            ..PutObject::default()
        };
        server.store().put(&put).await?;
    }
    println!("{}", server.endpoint());
    process::orphaned().await;
    Ok(())
}
