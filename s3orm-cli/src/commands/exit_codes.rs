//! `exit-codes`

use crate::connect::Context;
use crate::exit::{CODES, Failure};

/// What the exit codes mean
#[derive(Debug, clap::Args)]
#[command(long_about = about())]
pub(crate) struct Args {}

fn about() -> String {
    let lines = CODES
        .iter()
        .map(|(code, meaning)| format!("{code:>5}  {meaning}"));
    let lines: Vec<String> = lines.collect();
    format!(
        "What the exit codes mean, for scripts\n\n{}\n\nWho closes a pipe early (`s3orm query … | head`) causes no failure.",
        lines.join("\n")
    )
}

impl Args {
    #[expect(clippy::unused_async, reason = "as every command")]
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let rows = CODES
            .iter()
            .map(|(code, meaning)| vec![(*code).into(), (*meaning).into()]);
        context
            .output
            .list(&["code", "meaning"], &rows.collect::<Vec<_>>())?;
        Ok(())
    }
}
