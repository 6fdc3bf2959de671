//! `man`

use std::path::PathBuf;

use clap::CommandFactory as _;
use clap_mangen::Man;

use crate::cli::Cli;
use crate::connect::Context;
use crate::exit::Failure;

/// Print the manual page, or write one for each command
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  s3orm man | man -l -
  s3orm man --into ~/.local/share/man/man1")]
pub(crate) struct Args {
    /// The folder for the pages, made if it is missing
    #[arg(long, value_name = "FOLDER")]
    into: Option<PathBuf>,
}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let mut command = Cli::command();
        command.build();
        let Some(folder) = self.into else {
            return Ok(context.output.bytes(&page(command)?)?);
        };
        tokio::fs::create_dir_all(&folder).await?;
        let mut pages = vec![("s3orm.1".to_owned(), page(command.clone())?)];
        for sub in command.get_subcommands() {
            let name = format!("s3orm-{}", sub.get_name());
            let sub = sub.clone().display_name(&name);
            pages.push((format!("{name}.1"), page(sub.name(name.clone()))?));
        }
        let count = pages.len();
        for (name, page) in pages {
            tokio::fs::write(folder.join(name), page).await?;
        }
        let text = format!("wrote {count} pages into {}", folder.display());
        Ok(context.output.done(&text, &[("pages", count.into())])?)
    }
}

fn page(command: clap::Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    Ok(page)
}
