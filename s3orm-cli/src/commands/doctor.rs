//! `doctor`

use clap::ValueEnum;
use s3orm::doctor::Level;

use crate::connect::Context;
use crate::exit::{Code, Failure};

/// Ask whether the bucket can be used, and measure what its store really honours
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  s3orm doctor --check             # is it there, may I use it? 1 request
  s3orm doctor --quick             # about 900 requests
  s3orm doctor --require L2        # exit code 10 unless it has this level

The full measurement takes 9,000 to 13,000 requests, five cents on AWS, and is recorded in the bucket:
programs refuse what the store was found not to honour. Exit code 10 if it loses data in silence.")]
pub(crate) struct Args {
    /// Only whether the bucket is there and may be used
    #[arg(long, conflicts_with_all = ["quick", "require"])]
    check: bool,

    /// A first look, which is not recorded
    #[arg(long)]
    quick: bool,

    /// The level that the store must have
    #[arg(long, value_name = "LEVEL", ignore_case = true)]
    require: Option<Required>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Required {
    /// Create if absent: tables that only grow
    L1,
    /// Replace by version: rows that change
    L2,
    /// Delete by version: everything
    L3,
}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let (db, output) = (context.db().await?, context.output);
        if self.check {
            let start = s3orm::Env::system().instant();
            db.check().await?;
            let took = start.elapsed();
            let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            let text = format!("{db} is there and may be read ({millis} ms)");
            output.done(
                &text,
                &[
                    ("database", db.to_string().into()),
                    ("millis", millis.into()),
                ],
            )?;
            return Ok(());
        }
        let doctor = if self.quick {
            db.doctor().quick()
        } else {
            db.doctor()
        };
        let progress = context.progress("measuring", None);
        progress
            .bar()
            .enable_steady_tick(std::time::Duration::from_millis(200));
        let report = doctor.await;
        drop(progress);
        let report = report?;
        if output.is_json() {
            let json = serde_json::to_string(&report);
            output.line(&json.map_err(|error| Failure::new(Code::Internal, error.to_string()))?)?;
        } else {
            output.bytes(report.to_string().as_bytes())?;
        }
        let required = self.require.map(|level| match level {
            Required::L1 => Level::L1,
            Required::L2 => Level::L2,
            Required::L3 => Level::L3,
        });
        if let Some(level) = required.filter(|level| report.level < *level) {
            let message = format!(
                "level {level} is required, and this store has {}",
                report.level
            );
            return Err(Failure::new(Code::Findings, message));
        }
        if !report.refuses.is_empty() {
            let message = format!(
                "this store loses data in silence: `{}`",
                report.refuses.join("`, `")
            );
            return Err(Failure::new(Code::Findings, message));
        }
        Ok(())
    }
}
