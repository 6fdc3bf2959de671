//! The session of `docs/cli.md`, as it is written there.

use std::path::Path;
use std::process::Command;

use crate::bench::{ACCESS, Bench, SECRET, bare, ran};

const PAGE: &str = include_str!("../../../docs/cli.md");

/// The lines of the blocks that are meant for `sh`.
fn session() -> Vec<&'static str> {
    let mut lines = Vec::new();
    let mut inside = false;
    for line in PAGE.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            line if inside && !line.is_empty() => lines.push(line),
            _ => {}
        }
    }
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manual_runs() {
    let bench = Bench::new().await;
    let program = Path::new(env!("CARGO_BIN_EXE_s3orm"));
    let path = format!(
        "{}:{}",
        program.parent().expect("a folder").display(),
        std::env::var("PATH").expect("a path")
    );
    let lines = session();
    assert!(lines.len() > 50, "{}", lines.len());
    for line in lines {
        if line.starts_with("export ") {
            continue;
        }
        let (command, code) = line.split_once("# exit code ").unwrap_or((line, "0"));
        let mut shell = Command::new("sh");
        shell
            .args(["-c", command])
            .current_dir(bench.folder.path())
            .env_clear()
            .env("PATH", &path)
            .env("HOME", "/nowhere")
            .env("S3ORM_URL", bench.url().replace('?', "/shop?"))
            .env("AWS_ACCESS_KEY_ID", ACCESS)
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        let ran = ran(shell);
        assert_eq!(
            ran.code.to_string(),
            code.trim(),
            "{line}\n{}\n{}",
            ran.out,
            ran.err
        );
    }
}

#[test]
fn every_command_and_exit_code_is_in_the_manual() {
    let help = ran(bare(["--help"])).out;
    let commands = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty());
    for line in commands.filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
        let command = line.split_whitespace().next().expect("a name");
        assert!(
            command == "help" || PAGE.contains(&format!("s3orm {command}")),
            "{command}"
        );
    }
    for line in ran(bare(["--table", "exit-codes"])).out.lines().skip(1) {
        let (code, meaning) = line.trim().split_once("  ").expect("two columns");
        assert!(
            PAGE.contains(&format!("| {code} | {} |", meaning.trim())),
            "{line}"
        );
    }
}
