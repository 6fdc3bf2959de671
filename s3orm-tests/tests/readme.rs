//! The README's commands are run; its program is a doctest of the library.
#![allow(clippy::disallowed_methods)] // Programs are waited for.

use std::path::Path;
use std::process::{Command, Output};

use s3orm_tests::server::{ACCESS_KEY, SECRET_KEY, TestServer};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests are in the workspace")
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The lines of the README's blocks of a kind.
fn commands(kind: &str) -> Vec<String> {
    let readme = read("README.md");
    readme
        .split(&format!("```{kind}\n"))
        .skip(1)
        .flat_map(|block| block.split("```").next().unwrap_or_default().lines())
        .map(str::to_owned)
        .collect()
}

/// What the quickstart prints.
fn quickstart(arguments: &[&str]) -> String {
    let output: Output = Command::new(env!("CARGO"))
        .args(["run", "--example", "quickstart"])
        .args(arguments)
        .current_dir(root())
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .output()
        .expect("cargo runs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn every_command_runs() {
    // The second is what runs this test.
    let expected = ["cargo run --example quickstart", "cargo test --workspace"];
    assert_eq!(commands("sh"), expected);
    let ci = read(".ci/run");
    assert!(
        ci.contains("cargo test .*"),
        ".ci/run takes the command from the README"
    );

    let printed = quickstart(&[]);
    assert!(printed.contains("people/1.json"), "{printed}");
    assert!(root().join("data/people/1.json").exists());
}

/// At a server of this process, which has another port.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_program_runs_on_s3() {
    let commands = commands("text");
    let [command] = &commands[..] else {
        panic!("one command is expected: {commands:?}");
    };
    let connection = command.strip_prefix("cargo run --example quickstart -- '");
    let connection = connection.and_then(|rest| rest.strip_suffix('\''));
    let connection = connection.expect("the quickstart with a connection");
    let server = TestServer::memory().await;
    let connection = connection.replace("http://localhost:9000", &server.endpoint());
    assert!(connection.contains(&server.endpoint()), "{command}");
    let printed = tokio::task::spawn_blocking(move || quickstart(&["--", &connection]));
    let printed = printed.await.expect("it ends");
    assert!(printed.contains("prefix/people/1.json"), "{printed}");
    assert!(server.count("PutObject") >= 3);
}

#[test]
fn every_file_that_is_named_exists() {
    let pages = std::fs::read_dir(root().join("docs")).expect("there is a guide");
    let pages = pages.map(|page| page.expect("it can be read").path());
    // The plots lie beside the page that shows them.
    let pages = pages.filter(|page| page.is_file());
    let own = ["README.md", "CONTRIBUTING.md"].map(|file| root().join(file));
    for file in own.into_iter().chain(pages) {
        let text = std::fs::read_to_string(&file).expect("a page is text");
        let folder = file.parent().expect("a page is in a folder");
        for link in text.split("](").skip(1) {
            let link = link.split([')', '#']).next().unwrap_or_default();
            if !link.starts_with("http") {
                let there = folder.join(link).exists();
                assert!(there, "{} names `{link}`", file.display());
            }
        }
    }
}
