//! The README's commands are run; its program is a doctest of the library.

use std::path::Path;
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests are in the workspace")
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The lines of the README's `sh` blocks.
fn commands() -> Vec<String> {
    let readme = read("README.md");
    readme
        .split("```sh\n")
        .skip(1)
        .flat_map(|block| block.split("```").next().unwrap_or_default().lines())
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_command_runs() {
    // The second is what runs this test.
    assert_eq!(
        commands(),
        ["cargo run --example quickstart", "cargo test --workspace"]
    );
    let ci = read(".ci/run");
    assert!(
        ci.contains("cargo test .*"),
        ".ci/run takes the command from the README"
    );

    let output = Command::new(env!("CARGO"))
        .args(["run", "--example", "quickstart"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(printed.contains("people/1.json"), "{printed}");
    assert!(root().join("data/people/1.json").exists());
}

#[test]
fn every_file_that_is_named_exists() {
    let pages = std::fs::read_dir(root().join("docs")).expect("there is a guide");
    let pages = pages.map(|page| page.expect("it can be read").path());
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
