//! Runs cases and prints what came of them, as rows of a table.
//!
//! ```text
//! cargo run --release -- [--threads N] [--limit STATES] [NAME...]
//! ```
//!
//! `NAME` is `rows`, `transactions` or `indexes`, or the short name of a case. Without names all are
//! run, the long ones too. Exploring stops when `STATES` were generated. The exit status is 1 if
//! something is not as expected.

use std::process::ExitCode;

use s3orm_models::case::{Case, Expected};
use s3orm_models::{indexes, rows, transactions};

struct Options {
    threads: usize,
    limit: usize,
    names: Vec<String>,
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        threads: 1,
        limit: usize::MAX,
        names: Vec::new(),
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let number = match argument.as_str() {
            "--threads" => &mut options.threads,
            "--limit" => &mut options.limit,
            flag if flag.starts_with('-') => {
                return Err(format!(
                    "no option `{flag}`; there are `--threads` and `--limit`"
                ));
            }
            _ => {
                options.names.push(argument);
                continue;
            }
        };
        let given = arguments.next().unwrap_or_default();
        *number = given
            .parse()
            .map_err(|_| format!("`{argument}` takes a number, not `{given}`"))?;
    }
    Ok(options)
}

/// Runs those cases of a module that are asked for; whether all are as expected, and how many ran.
fn run(module: &str, cases: &[Case], options: &Options) -> (bool, usize) {
    let asked = |case: &&Case| {
        let is = |name: &String| name == module || name == case.id();
        options.names.is_empty() || options.names.iter().any(is)
    };
    let chosen: Vec<_> = cases.iter().filter(asked).collect();
    let mut as_expected = true;
    for case in &chosen {
        let outcome = case.run(options.threads, options.limit);
        let of = match case.expected {
            Expected::Safe { .. } => String::new(),
            Expected::Broken { invariant, .. } => format!("{invariant} | "),
        };
        println!("| {} | {} | {of}{outcome} |", case.name, case.faults);
        if let Err(difference) = case.check(&outcome) {
            println!("NOT AS EXPECTED: {difference}");
            as_expected = false;
        }
    }
    (as_expected, chosen.len())
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::FAILURE;
        }
    };
    let outcomes = [
        run("rows", &rows::cases(), &options),
        run("transactions", &transactions::cases(), &options),
        run("indexes", &indexes::cases(), &options),
    ];
    if outcomes.iter().all(|(_, count)| *count == 0) {
        eprintln!("no case is named so");
        return ExitCode::FAILURE;
    }
    if outcomes.iter().all(|(as_expected, _)| *as_expected) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
