//! `serve`

use std::path::PathBuf;
use std::sync::Arc;

use s3orm::Env;
use s3orm::server::{Observer, Served, Server};
use s3orm::store::Store;
use s3orm::store::memory::MemoryStore;
use serde_json::json;

use crate::connect::Context;
use crate::exit::Failure;
use crate::schema;

/// The names of the credentials that the server asks for, which are those of every S3 client.
const ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET: &str = "AWS_SECRET_ACCESS_KEY";

/// Serve a folder as S3, for development and for other tools
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  s3orm serve ./data
  s3orm serve --memory --listen 127.0.0.1:9000
  AWS_ACCESS_KEY_ID=dev AWS_SECRET_ACCESS_KEY=secret s3orm serve ./data --listen 127.0.0.1:9000

The folders in it are the buckets; one that was given by `--bucket`, or `dev`, is made. Requests are signed with
AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of its environment; without them it makes up a pair, and prints it.
It speaks plain HTTP: keep it on this machine. Conditions are honoured as S3 does, races included.
Then, in another shell, with the lines that it prints:
  s3orm --url 's3://dev?endpoint=http://127.0.0.1:9000' tables
  aws --endpoint-url http://127.0.0.1:9000 s3 ls s3://dev")]
pub(crate) struct Args {
    /// The folder that holds the buckets, made if it is missing
    #[arg(required_unless_present = "memory", conflicts_with = "memory")]
    folder: Option<PathBuf>,

    /// Keep everything in memory, until it ends
    #[arg(long)]
    memory: bool,

    /// Address and port; port 0 takes any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9000")]
    listen: String,

    /// Buckets to be made
    #[arg(long, value_name = "NAME", default_value = "dev")]
    bucket: Vec<String>,

    /// Also serve `<bucket>.<domain>`
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<String>,
}

/// Prints a line for each request.
struct Log;

impl Observer for Log {
    fn started(&self) {}

    fn finished(&self, request: &Served) {
        let status = request
            .status
            .map_or("-".to_owned(), |status| status.to_string());
        // A log that nobody reads is no reason to stop.
        let line = format!(
            "{status} {:<24} {} {}",
            request.operation, request.method, request.path
        );
        let _ = std::io::Write::write_fmt(&mut std::io::stderr().lock(), format_args!("{line}\n"));
    }
}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let (output, env) = (context.output, Env::system());
        let first = self.bucket.first().map_or("dev", String::as_str);
        let store: Arc<dyn Store> = match &self.folder {
            Some(folder) => folder_store(folder, first, &env).await?,
            None => Arc::new(MemoryStore::new(first, env.clone())),
        };
        for bucket in self.bucket.iter().skip(1) {
            let other = store.with_bucket(bucket).map_err(schema::store)?;
            if other.head_bucket().await.is_err() {
                other.create_bucket().await.map_err(schema::store)?;
            }
        }
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let own = set(ID).zip(set(SECRET));
        let made_up = own.is_none();
        let (id, secret) =
            own.unwrap_or_else(|| ("s3orm".to_owned(), hex(&env.random_bytes::<16>())));
        let mut server = Server::builder(store).credentials(&id, &secret);
        if let Some(domain) = &self.domain {
            server = server.domain(domain);
        }
        if context.is_verbose() {
            server = server.observer(Arc::new(Log));
        }
        let server = server.bind(&self.listen).await?;
        let endpoint = server.endpoint();
        if output.is_json() {
            // Who starts it by a program may need the pair that was made up.
            let mut started = vec![
                ("endpoint", json!(endpoint)),
                ("buckets", json!(self.bucket)),
                ("access_key_id", json!(id)),
            ];
            if made_up {
                started.push(("secret_access_key", json!(secret)));
            }
            output.thing(&started)?;
        } else {
            let place = self
                .folder
                .as_ref()
                .map_or("memory".to_owned(), |folder| folder.display().to_string());
            output.line(&format!("serving {place} at {endpoint}, until Ctrl-C"))?;
            output.line("")?;
            if made_up {
                output.line(&format!("  export {ID}={id} {SECRET}={secret}"))?;
            }
            output.line(&format!(
                "  export S3ORM_URL='s3://{first}?endpoint={endpoint}'"
            ))?;
        }
        output.finish()?;
        context.stop.gracefully();
        context.stop.wait().await;
        output.note("answering what is under way");
        server.shutdown().await;
        Ok(())
    }
}

#[cfg(unix)]
async fn folder_store(
    folder: &std::path::Path,
    bucket: &str,
    env: &Env,
) -> Result<Arc<dyn Store>, Failure> {
    use s3orm::store::dir::DirStore;

    // Named before the folder is made: a wrong name makes nothing.
    MemoryStore::new("any", env.clone())
        .with_bucket(bucket)
        .map_err(schema::store)?;
    tokio::fs::create_dir_all(folder).await?;
    let store = DirStore::open(folder.join(bucket), env.clone()).await;
    Ok(Arc::new(store.map_err(schema::store)?))
}

#[cfg(not(unix))]
async fn folder_store(_: &std::path::Path, _: &str, _: &Env) -> Result<Arc<dyn Store>, Failure> {
    Err(Failure::usage("folders are served on Unix only").help("use `--memory`"))
}

fn hex(bytes: &[u8]) -> String {
    let digit = |number: u8| char::from_digit(number.into(), 16).unwrap_or_default();
    let digits = bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    digits.collect()
}
