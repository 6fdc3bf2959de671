//! The commands, as they are written.

use clap::{Parser, Subcommand};

use crate::commands;
use crate::connect::{Context, Global};
use crate::exit::Failure;

const ABOUT: &str = "Tables in an S3 bucket: one row is one object";

const EXAMPLES: &str = "\
Examples:
  export S3ORM_URL='s3://bucket/prefix?region=eu-north-1'
  s3orm create people '<city>/<id:u64>'
  s3orm put people city=Oslo id=7 name=Ann age=30
  s3orm query people Oslo --filter 'age >= 18'
  s3orm export people > people.ndjson
  s3orm serve ./data

`s3orm help COMMAND` has examples of each, `s3orm help exit-codes` what scripts need.";

#[derive(Debug, Parser)]
#[command(name = "s3orm", version, about = ABOUT, after_help = EXAMPLES, max_term_width = 110,
    subcommand_required = true, arg_required_else_help = true, infer_long_args = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    #[command(flatten)]
    pub(crate) global: Global,
}

macro_rules! commands {
    ($($(#[$meta:meta])* $name:ident => $module:ident;)+) => {
        #[derive(Debug, Subcommand)]
        pub(crate) enum Command {
            $($(#[$meta])* $name(commands::$module::Args),)+
        }

        impl Command {
            /// Does what was asked for.
            pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
                match self {
                    $(Self::$name(args) => args.run(context).await,)+
                }
            }
        }
    };
}

commands! {
    Tables => tables;
    Databases => databases;
    Create => create;
    Describe => describe;
    Drop => drop;
    Get => get;
    Put => put;
    Update => update;
    Delete => delete;
    Copy => copy;
    Query => query;
    Count => count;
    Distinct => distinct;
    Random => random;
    Scan => scan;
    Explain => explain;
    Import => import;
    Export => export;
    Generate => generate;
    Schema => schema;
    Verify => verify;
    Sweep => sweep;
    Settle => settle;
    Doctor => doctor;
    Du => du;
    Policy => policy;
    Presign => presign;
    Upload => upload;
    Download => download;
    Serve => serve;
    Completions => completions;
    Man => man;
    ExitCodes => exit_codes;
}
