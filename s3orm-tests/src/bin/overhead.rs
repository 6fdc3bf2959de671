//! Runs the comparison in `s3orm-tests/overhead`, which stands apart because it builds other, heavy
//! clients: `cargo run --release -p s3orm-tests --bin overhead`. `--allocations` counts those instead of
//! CPU, `--alone` builds and compares no client of others; other arguments are passed on.

use std::process::{Command, ExitCode};

fn main() -> std::io::Result<ExitCode> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/overhead/Cargo.toml");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["run", "--release", "--manifest-path", manifest]);
    let mut passed_on = Vec::new();
    for argument in std::env::args_os().skip(1) {
        match argument.to_str() {
            Some("--allocations") => command.args(["--features", "allocations"]),
            Some("--alone") => command.arg("--no-default-features"),
            _ => {
                passed_on.push(argument);
                continue;
            }
        };
    }
    let status = command.arg("--").args(passed_on).status()?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
