//! `s3orm`: tables in an S3 bucket, from the shell. `docs/cli.md` is its manual.

#![expect(clippy::struct_excessive_bools, reason = "an option is a flag")]

mod cli;
mod commands;
mod confirm;
mod connect;
mod exit;
mod infer;
mod output;
mod pages;
mod progress;
mod row;
mod rows;
mod rust;
mod schema;
mod select;
mod stop;
mod table;
mod values;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::Cli;
use crate::connect::Context;
use crate::exit::Failure;
use crate::output::Output;
use crate::stop::Stop;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return exit::usage(&error),
    };
    let output = Output::new(&cli.global);
    let ended = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => {
            let ended = runtime.block_on(run(cli, &output));
            // Work on files that nobody waits for must not keep the shell waiting.
            runtime.shutdown_background();
            ended
        }
        Err(error) => Err(Failure::from(error)),
    };
    exit::end(ended, &output)
}

async fn run(cli: Cli, output: &Output) -> Result<(), Failure> {
    let stop = Stop::listen();
    let context = Context::new(cli.global, output, &stop);
    tokio::select! {
        ended = cli.command.run(&context) => ended,
        () = stop.forced() => Err(Failure::interrupted()),
    }
}
