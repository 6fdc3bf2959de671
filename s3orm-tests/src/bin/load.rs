//! A load from many tasks: no lost row, flat memory.
//!
//!     cargo run --release -p s3orm-tests --bin load                      # 64 tasks, 60 seconds
//!     cargo run --release -p s3orm-tests --bin load -- 8 5 file:./data
//!
//! Without a connection string a server runs in a process of its own. Prints a JSON line with the
//! operations a second and the resident memory after a quarter of the time and at the end.
#![allow(clippy::disallowed_methods, clippy::print_stdout)]

use std::time::Duration;

use anyhow::Context as _;
use s3orm::{Db, DbBuilder};
use s3orm_tests::process::{self, ServerProcess, resident_kib};
use s3orm_tests::{connect, load};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "serve") {
        process::serve().await;
        return Ok(());
    }
    let number =
        |at: usize, default: u64| arguments.get(at).map_or(Ok(default), |text| text.parse());
    let usage = "usage: load [TASKS [SECONDS [CONNECTION]]]";
    let (tasks, seconds) = (number(0, 64).context(usage)?, number(1, 60).context(usage)?);
    let (builder, server) = target(arguments.get(2))?;
    let db: Db = builder.connect().await?;
    db.ensure_bucket().await?;

    let length = Duration::from_secs(seconds);
    let early = tokio::spawn(async move {
        tokio::time::sleep(length / 4).await;
        resident_kib()
    });
    let report = load::run(&db, tasks, length, 1).await;
    drop(server);
    let (report, early, late) = (report?, early.await??, resident_kib()?);
    println!(
        r#"{{"tasks":{tasks},"seconds":{seconds},"operations":{},"per_second":{},"rows_checked":{},"lost":0,"rss_kib_early":{early},"rss_kib_end":{late}}}"#,
        report.operations,
        report.operations / seconds.max(1),
        report.rows,
    );
    anyhow::ensure!(
        late < early + 16 * 1024,
        "memory grew from {early} to {late} KiB"
    );
    Ok(())
}

/// The database, and the server's process if it is ours.
fn target(connection: Option<&String>) -> anyhow::Result<(DbBuilder, Option<ServerProcess>)> {
    if let Some(connection) = connection {
        return Ok((Db::builder(connection)?, None));
    }
    let server = ServerProcess::start(&["serve"])?;
    Ok((connect::builder(server.endpoint()), Some(server)))
}
