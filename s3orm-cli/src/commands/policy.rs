//! `policy`

use clap::{Subcommand, ValueEnum};
use s3orm::infra::Verb;
use serde_json::Value;

use crate::connect::Context;
use crate::exit::{Code, Failure};

/// Print the IAM policy or the lifecycle rules of tables, to look at and to apply
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  s3orm policy iam people --allow read,list
  s3orm policy lifecycle --abort-uploads-after 7 --expire sessions=30

Nothing is applied: that is `aws iam put-role-policy` and `aws s3api put-bucket-lifecycle-configuration`, which replace
what is there. The policy against blind writes, and definitions for DuckDB and Athena, take the table's struct:
`Table::conditional_writes_policy`, `Table::duckdb`, `Table::athena` in a program.")]
pub(crate) struct Args {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Debug, Subcommand)]
enum Kind {
    /// The least rights that somebody needs on a table
    #[command(after_help = "\
Examples:
  s3orm policy iam people --allow read,list,write

It knows of indexes and transactions by the table's description. Cost: 1 GET.")]
    Iam {
        /// The table
        table: String,
        /// What is allowed
        #[arg(long, value_name = "VERB,…", value_delimiter = ',', required = true)]
        allow: Vec<Allowed>,
    },
    /// Rules of the bucket about the age of objects
    #[command(after_help = "\
Examples:
  s3orm policy lifecycle --abort-uploads-after 7 --versions-expire-after 30 --expire sessions=30

A bucket has one set of rules: applying it replaces those that are there. Cost: 1 GET for each table.")]
    Lifecycle {
        /// Uploads that were not ended are dropped after so many days
        #[arg(long, value_name = "DAYS")]
        abort_uploads_after: Option<u32>,
        /// Old versions are deleted after so many days
        #[arg(long, value_name = "DAYS")]
        versions_expire_after: Option<u32>,
        /// Rows of a table are deleted so many days after they were written: `sessions=30`
        #[arg(long, value_name = "TABLE=DAYS", value_parser = expiry)]
        expire: Vec<(String, u32)>,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Allowed {
    /// Rows whose keys are known
    Read,
    /// Keys
    List,
    /// Insert and change rows
    Write,
    /// Delete rows
    Delete,
    /// Look after indexes, transactions and versions
    Maintain,
    /// Read the blobs of rows
    ReadBlobs,
    /// Upload and copy blobs
    WriteBlobs,
    /// Collect blobs that no row names
    SweepBlobs,
}

fn expiry(text: &str) -> Result<(String, u32), String> {
    let (table, days) = text.split_once('=').unwrap_or((text, ""));
    match days.parse() {
        Ok(days) if !table.is_empty() => Ok((table.to_owned(), days)),
        _ => Err("write it as `sessions=30`".to_owned()),
    }
}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let db = context.db().await?;
        let text = match self.kind {
            Kind::Iam { table, allow } => {
                let stored = db.schema(&table).await?;
                let verbs = allow.into_iter().map(|allowed| match allowed {
                    Allowed::Read => Verb::Read,
                    Allowed::List => Verb::List,
                    Allowed::Write => Verb::Write,
                    Allowed::Delete => Verb::Delete,
                    Allowed::Maintain => Verb::Maintain,
                    Allowed::ReadBlobs => Verb::ReadBlobs,
                    Allowed::WriteBlobs => Verb::WriteBlobs,
                    Allowed::SweepBlobs => Verb::SweepBlobs,
                });
                db.iam_policy(&table, stored.as_ref(), verbs)
            }
            Kind::Lifecycle {
                abort_uploads_after,
                versions_expire_after,
                expire,
            } => {
                let mut rules = db.lifecycle();
                if let Some(days) = abort_uploads_after {
                    rules = rules.abort_uploads_after(days)?;
                }
                if let Some(days) = versions_expire_after {
                    rules = rules.versions_expire_after(days)?;
                }
                for (table, days) in expire {
                    let stored = db.schema(&table).await?;
                    rules = rules.expire_table_after(&table, stored.as_ref(), days)?;
                }
                let rules = rules.to_json();
                if rules["Rules"].as_array().is_some_and(Vec::is_empty) {
                    return Err(Failure::usage("no rule is asked for")
                        .help("try `--abort-uploads-after 7`"));
                }
                rules
            }
        };
        print(context, &text)
    }
}

/// As a person reads it, and as `aws` takes it.
fn print(context: &Context<'_>, text: &Value) -> Result<(), Failure> {
    let pretty = serde_json::to_string_pretty(text);
    let pretty = pretty.map_err(|error| Failure::new(Code::Internal, error.to_string()))?;
    Ok(context.output.line(&pretty)?)
}
