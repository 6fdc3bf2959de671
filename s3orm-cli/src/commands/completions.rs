//! `completions`

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::connect::Context;
use crate::exit::Failure;

/// Print what a shell needs to complete commands and options
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  s3orm completions bash > ~/.local/share/bash-completion/completions/s3orm
  s3orm completions zsh > ~/.zfunc/_s3orm
  s3orm completions fish > ~/.config/fish/completions/s3orm.fish")]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

impl Args {
    #[expect(clippy::unused_async, reason = "as every command")]
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "s3orm", &mut script);
        Ok(context.output.bytes(&script)?)
    }
}
