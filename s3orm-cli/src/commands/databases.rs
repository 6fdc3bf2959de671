//! `databases`

use clap::Subcommand;

use crate::confirm;
use crate::connect::Context;
use crate::exit::Failure;

/// List the buckets of these credentials, create one, or drop one
#[derive(Debug, clap::Args)]
#[command(
    visible_alias = "buckets",
    after_help = "\
Examples:
  s3orm databases
  s3orm databases create archive-2024
  s3orm databases drop archive-2024"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the buckets; as without a word
    List,
    /// Create a bucket, unless it is there; without a name, that of the connection
    Create {
        /// The bucket
        name: Option<String>,
    },
    /// Delete a bucket, which must be empty
    Drop {
        /// The bucket
        name: String,
        /// Do not ask
        #[arg(long)]
        force: bool,
    },
}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let (db, output) = (context.db().await?, context.output);
        match self.action.unwrap_or(Action::List) {
            Action::List => {
                let buckets = db.buckets().await?;
                let rows: Vec<_> = buckets.into_iter().map(|name| vec![name.into()]).collect();
                output.list(&["database"], &rows)?;
            }
            Action::Create { name } => {
                let db = match &name {
                    Some(name) => db.bucket(name)?,
                    None => db,
                };
                db.ensure_bucket().await?;
                let name = db.store().bucket();
                output.done(
                    &format!("the bucket `{name}` is there"),
                    &[("database", name.into())],
                )?;
            }
            Action::Drop { name, force } => {
                let db = db.bucket(&name)?;
                if !force {
                    confirm::name(output, &format!("Delete the bucket `{name}`"), &name).await?;
                }
                db.delete_bucket().confirm(&name).await?;
                output.done(
                    &format!("the bucket `{name}` is deleted"),
                    &[("deleted", name.as_str().into())],
                )?;
            }
        }
        Ok(())
    }
}
