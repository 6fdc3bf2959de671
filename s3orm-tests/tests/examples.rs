//! The examples run against a folder, memory and S3 over HTTP, and say what they did.

#![allow(clippy::disallowed_methods)] // Examples run on threads that may wait.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use s3orm_tests::server::{ACCESS_KEY, SECRET_KEY, TestServer};

/// The root of the workspace.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests are in the workspace")
}

/// The folder of built examples; they are built once.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--examples", "-p", "s3orm-examples"])
            .current_dir(root())
            .status()
            .expect("cargo runs");
        assert!(status.success(), "the examples do not build");
        let here = std::env::current_exe().expect("a test is a program");
        here.ancestors()
            .nth(2)
            .expect("target/debug/deps/test")
            .join("examples")
    })
}

fn run(example: &str, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    Command::new(built().join(example))
        .args(arguments)
        .current_dir(folder.path())
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .env_remove("AWS_ENDPOINT_URL")
        .output()
        .expect("the example was built")
}

fn printed(output: &Output) -> String {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{out}\n{err}");
    out.into_owned()
}

/// Runs an example on every kind of database; what it printed, each time.
async fn everywhere(example: &'static str, options: &'static [&'static str]) -> Vec<String> {
    let server = TestServer::memory().await;
    let folder = tempfile::tempdir().expect("a folder");
    let connections = [
        format!("file:{}", folder.path().display()),
        "memory:".to_owned(),
        format!(
            "s3://a-new-bucket/some/prefix?endpoint={}",
            server.endpoint()
        ),
    ];
    tokio::task::spawn_blocking(move || {
        let run = |connection: &String| {
            let arguments: Vec<&str> = options
                .iter()
                .copied()
                .chain([connection.as_str()])
                .collect();
            printed(&run(example, &arguments))
        };
        connections.iter().map(run).collect()
    })
    .await
    .expect("the runs end")
}

#[tokio::test(flavor = "multi_thread")]
async fn quickstart() {
    for printed in everywhere("quickstart", &[]).await {
        assert!(
            printed.contains("people/1.json` exists")
                || printed.contains("a row with this key exists"),
            "{printed}"
        );
        assert!(
            printed.contains(r#"updated  Person { id: 1, name: "Ann", age: 31 }"#),
            "{printed}"
        );
        assert!(printed.contains("people/1.json ("), "{printed}");
        assert!(!printed.contains("people/2.json"), "{printed}");
    }
}

#[test]
fn quickstart_without_arguments_leaves_a_readable_folder() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let mut command = Command::new(built().join("quickstart"));
        printed(&command.current_dir(folder.path()).output().unwrap());
    }
    let row = std::fs::read_to_string(folder.path().join("data/people/1.json")).unwrap();
    assert_eq!(row, r#"{"id":1,"name":"Ann","age":31}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn demo() {
    for printed in everywhere("demo", &["--cleanup"]).await {
        assert!(
            printed.contains("found   Ann <ann@example.com>"),
            "{printed}"
        );
        assert!(printed.contains("found   1 plan of Ann's"), "{printed}");
        assert!(printed.contains("refused save"), "{printed}");
        assert!(
            printed.contains("cleaned up: 2 users and 2 documents deleted"),
            "{printed}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shop() {
    for printed in everywhere("shop", &[]).await {
        for line in [
            "90 orders of 3 customers",
            "the latest orders are of 2026-03-29, 2026-03-26, 2026-03-23",
            "requests: 1 LIST and 10 GET, $0.000009",
            "bob ordered for 4590 cents on 2026-03-12",
            "90 orders, by ann, bob, eve",
        ] {
            assert!(printed.contains(line), "{printed}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bank() {
    for printed in everywhere("bank", &[]).await {
        let number = |before: &str, after: &str| {
            let line = printed.lines().find(|line| line.ends_with(after));
            let number = line.and_then(|line| line.strip_prefix(before)?.strip_suffix(after));
            number.unwrap_or_else(|| panic!("{printed}")).to_owned()
        };
        let written = number("", " written down");
        assert!(
            printed.contains(&format!("{written} transfers done")),
            "{printed}"
        );
        assert!(
            printed.contains("refund: done\nrefund: done before\n"),
            "{printed}"
        );
        assert_eq!(number("all accounts together: ", " cents"), "40000");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor() {
    for printed in everywhere("doctor", &["--quick"]).await {
        assert!(
            printed.contains("level L3: all conditions: everything"),
            "{printed}"
        );
    }
    for printed in everywhere("doctor", &["--json", "--quick"]).await {
        assert!(printed.contains("\"level\": \"L3\""), "{printed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn weather() {
    for printed in everywhere("weather", &[]).await {
        assert!(printed.contains("1461 days are in "), "{printed}");
        assert!(
            printed.contains("weather/seattle/2012-01-01.json"),
            "{printed}"
        );
        assert!(
            printed.contains("December 2015: 31 days, 284.5 mm of rain"),
            "{printed}"
        );
        assert!(
            printed.contains("warmest: 2015-12-08 with 15.6 °C (rain)"),
            "{printed}"
        );
    }
}

#[test]
fn wrong_arguments_get_an_answer_and_not_a_backtrace() {
    for (example, argument, expected) in [
        (
            "quickstart",
            "s3://bucket?regoin=x",
            "did you mean `region`?",
        ),
        (
            "quickstart",
            "./data",
            "write `s3://bucket/prefix?region=…`, `file:./folder` or `memory:`",
        ),
        (
            "quickstart",
            "s3://bucket?endpoint=http://127.0.0.1:9&retries=0",
            "is the server running?",
        ),
        ("doctor", "--slow", "unknown option `--slow`; usage: doctor"),
        (
            "demo",
            "--clean",
            "unknown option `--clean`; usage: demo [--cleanup] [CONNECTION]",
        ),
    ] {
        let output = run(example, &[argument]);
        assert!(!output.status.success());
        let printed = String::from_utf8_lossy(&output.stderr);
        assert!(printed.contains(expected), "{argument}: {printed}");
    }
}
