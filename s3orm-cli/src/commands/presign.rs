//! `presign`

use std::time::Duration;

use clap::Subcommand;
use s3orm::store::PresignedUrl;
use serde_json::{Map, Value};

use crate::connect::Context;
use crate::exit::Failure;
use crate::output::time;
use crate::values::duration;

/// S3's longest.
const LONGEST: Duration = Duration::from_hours(7 * 24);

/// Sign a URL that lets somebody without credentials read or write one object
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  s3orm presign get videos/1.mp4 --expires 15m
  s3orm presign put photos/7.jpg --content-type image/jpeg --length 184223

Who has the URL can use it until it expires, at most 7 days. No request is made.")]
pub(crate) struct Args {
    #[command(subcommand)]
    access: Access,
}

#[derive(Debug, Subcommand)]
enum Access {
    /// To read an object, whether or not there is one
    Get {
        /// Its key, after the prefix of the connection
        key: String,
        /// How long it works: `30s`, `15m`, `6h`, `7d`
        #[arg(long, value_name = "TIME", value_parser = duration, default_value = "5m")]
        expires: Duration,
    },
    /// To write an object of this type and length, if there is none
    Put {
        /// Its key, after the prefix of the connection
        key: String,
        /// Its content type, which the request must have
        #[arg(long, value_name = "TYPE", default_value = "application/octet-stream")]
        content_type: String,
        /// Its bytes, which the request must have
        #[arg(long, value_name = "BYTES")]
        length: u64,
        /// Over what is there
        #[arg(long)]
        overwrite: bool,
        /// How long it works: `30s`, `15m`, `6h`, `7d`
        #[arg(long, value_name = "TIME", value_parser = duration, default_value = "5m")]
        expires: Duration,
    },
}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let db = context.db().await?;
        let url = match self.access {
            Access::Get { key, expires } => {
                db.presign_get(key)
                    .max_expiry(LONGEST)
                    .expires_in(expires)
                    .await?
            }
            Access::Put {
                key,
                content_type,
                length,
                overwrite,
                expires,
            } => {
                let put = db
                    .presign_put(key, content_type, length)
                    .max_expiry(LONGEST)
                    .expires_in(expires);
                if overwrite {
                    put.overwrite().await?
                } else {
                    put.await?
                }
            }
        };
        print(context, &url)
    }
}

fn print(context: &Context<'_>, url: &PresignedUrl) -> Result<(), Failure> {
    let output = context.output;
    if output.is_json() {
        let headers: Map<String, Value> = url
            .headers()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        output.thing(&[
            ("url", url.as_str().into()),
            ("method", url.method().into()),
            ("headers", headers.into()),
            ("expires", time(url.expires()).into()),
        ])?;
        return Ok(());
    }
    output.line(url.as_str())?;
    for (name, value) in url.headers() {
        output.note(&format!("send it with the header  {name}: {value}"));
    }
    output.note(&format!("{} until {}", url.method(), time(url.expires())));
    Ok(())
}
