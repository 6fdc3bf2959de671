//! Runs the comparison in `s3orm-tests/overhead`, which stands apart because it builds other, heavy
//! clients: `cargo run --release -p s3orm-tests --bin overhead`. Arguments are passed on.

use std::process::{Command, ExitCode};

fn main() -> std::io::Result<ExitCode> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/overhead/Cargo.toml");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["run", "--release", "--manifest-path", manifest, "--"])
        .args(std::env::args_os().skip(1))
        .status()?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
