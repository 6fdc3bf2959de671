//! Measures what a store honours, prints it, and records it in the bucket.
//!
//!     cargo run --release --example doctor -- 's3://bucket?endpoint=http://localhost:9000'
//!     cargo run --example doctor -- --quick memory:       # a first look, not recorded
//!     cargo run --example doctor -- --json 's3://bucket'  # for programs
//!
//! Further connection strings are further endpoints of the same bucket. It ends with 1 if the store
//! does something dangerous.

use std::error::Error;
use std::process::ExitCode;

use s3orm::Db;
use s3orm::doctor::Doctor;

const USAGE: &str = "usage: doctor [--quick] [--json] CONNECTION [CONNECTION…]";

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error + Send + Sync>> {
    let (mut quick, mut json, mut databases) = (false, false, Vec::new());
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--quick" => quick = true,
            "--json" => json = true,
            option if option.starts_with('-') => {
                return Err(format!("unknown option `{option}`; {USAGE}").into());
            }
            connection => databases.push(Db::connect(connection).await?),
        }
    }
    let Some((db, others)) = databases.split_first() else {
        return Err(USAGE.into());
    };
    db.ensure_bucket().await?;
    let doctor = others.iter().fold(db.doctor(), Doctor::also);
    let report = if quick {
        doctor.quick().await?
    } else {
        doctor.await?
    };
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    let is_dangerous = !report.refuses.is_empty();
    Ok(ExitCode::from(u8::from(is_dangerous)))
}
