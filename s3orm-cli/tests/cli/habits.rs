//! The habits of a good program at a terminal and in a script.

use std::io::{BufRead as _, BufReader, Read as _};

use crate::bench::{Bench, bare, ended, ran, spawned};

#[tokio::test(flavor = "multi_thread")]
async fn wrong_input_is_told_where_it_is_and_what_would_be_right() {
    let bench = Bench::new().await;
    bench.ok(&["put", "people", "--path=<city>/<id:u64>", "Oslo", "7"]);
    let path = "--path=<city>/<id:u64>";
    for (arguments, code, parts) in [
        (&["tabels"][..], 2, &["'tables'"][..]),
        (&["query", "people", "--fliter", "a"], 2, &["'--filter'"]),
        (
            &["get", "poeple", "1"],
            3,
            &["there is no table `poeple`", "did you mean `people`?"],
        ),
        (
            &["get", "people", "1"],
            2,
            &[
                "nothing says how the keys of `people` are made",
                "people/Oslo/7.json",
                "<column1>/<column2>",
            ],
        ),
        (
            &["get", "people", path, "Oslo"],
            2,
            &["the key column `id` is missing", "city=… id=…"],
        ),
        (
            &["get", "people", path, "Oslo", "7", "8"],
            2,
            &["`8` is one value too many"],
        ),
        (
            &["get", "people", path, "ciyt=Oslo", "id=7"],
            2,
            &["`ciyt` is no key column", "did you mean `city`?"],
        ),
        (
            &["get", "people", path, "Oslo", "x"],
            2,
            &["`x` is not a whole number (`u64`)"],
        ),
        (
            &["get", "people", "--path=<city", "Oslo"],
            2,
            &["has a `<` without `>`"],
        ),
        (
            &["query", "people", path, "--filter=age >"],
            2,
            &["after `age >`, a value"],
        ),
        (
            &["query", "people", path, "--filter=age > 1"],
            9,
            &["give a value for `city`, or add `--scan`"],
        ),
        (
            &["query", "people", path, "id=7"],
            2,
            &["give `city` too, or add `--scan`"],
        ),
        (
            &["put", "people", path, "Oslo", "9", "tags:=[1"],
            2,
            &["`tags:=[1` is no JSON"],
        ),
        (
            &["distinct", "people", path, "--of=town"],
            2,
            &["there is no key column `town`"],
        ),
        // What one option would make the other mean is not guessed.
        (
            &["query", "people", path, "--reverse", "--after=a"],
            2,
            &["'--reverse'", "'--after <KEY>'"],
        ),
        (
            &["query", "people", path, "--keys", "--columns=id"],
            2,
            &["'--keys'"],
        ),
        (
            &["query", "people", path, "--prefix=O", "--sort=size"],
            2,
            &["'--sort <SORT>'"],
        ),
        (&["--url=s4://x", "tables"], 2, &["did you mean `s3:`?"]),
        (
            &["--url=s3://b?regoin=x", "tables"],
            2,
            &["did you mean `region`?"],
        ),
        (&["doctor", "--check", "--region="], 2, &["region"]),
    ] {
        bench.fails(arguments, code, parts);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_comes_from_where_it_is_said() {
    let bench = Bench::new().await;
    bench.ok(&["put", "people", "--path=<id>", "1"]);
    let file = bench.folder.path().join("s3orm.toml");
    let text = format!(
        "url = 'memory:'\n[profiles.main]\nurl = '{}'\naccess_key_id = 'env:ID'\nsecret_access_key = 'env:SECRET'\n",
        bench.url()
    );
    std::fs::write(&file, text).expect("written");
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = bare(arguments);
        command
            .current_dir(bench.folder.path())
            .env("ID", crate::bench::ACCESS)
            .env("SECRET", crate::bench::SECRET);
        command.envs(variables.iter().copied());
        ran(command)
    };
    let none = run(&["tables"], &[]);
    assert_eq!(none.code, 2);
    assert!(
        none.err.contains("--url") && none.err.contains("--profile"),
        "{}",
        none.err
    );
    let tables = "{\"table\":\"people\"}\n";
    assert_eq!(
        run(&["--config=s3orm.toml", "--profile=main", "tables"], &[]).out,
        tables
    );
    assert_eq!(
        run(
            &["tables"],
            &[("S3ORM_CONFIG", "s3orm.toml"), ("S3ORM_PROFILE", "main")]
        )
        .out,
        tables
    );
    // The variable of one command is over the profile's, and an argument over both.
    assert_eq!(
        run(
            &["tables"],
            &[
                ("S3ORM_CONFIG", "s3orm.toml"),
                ("S3ORM_PROFILE", "main"),
                ("S3ORM_URL", "memory:")
            ]
        )
        .out,
        ""
    );
    assert_eq!(
        run(
            &["tables", "--url=memory:"],
            &[("S3ORM_CONFIG", "s3orm.toml"), ("S3ORM_PROFILE", "main")]
        )
        .out,
        ""
    );
    let slip = run(&["--config=s3orm.toml", "--profile=mian", "tables"], &[]);
    assert!(
        slip.code == 2 && slip.err.contains("did you mean `main`?"),
        "{}",
        slip.err
    );
    let gone = run(&["--config=other.toml", "tables"], &[]);
    assert!(
        gone.code == 2 && gone.err.contains("`other.toml` cannot be read"),
        "{}",
        gone.err
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_on_the_command_line_is_refused_and_not_repeated() {
    let bench = Bench::new().await;
    for url in [
        "s3://AKIA:hunter2@bucket",
        "s3://bucket?secret_access_key=hunter2",
        "s3://bucket?session_token=hunter2",
    ] {
        let ran = bench.run(&["--url", url, "tables"]);
        assert_eq!(ran.code, 2);
        assert!(
            ran.err.contains("AWS_SECRET_ACCESS_KEY") && ran.err.contains("`profile`"),
            "{}",
            ran.err
        );
        assert!(!format!("{ran:?}").contains("hunter2"), "{ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_have_codes_of_their_own() {
    let bench = Bench::new().await;
    let with = |name: &str, value: &str, arguments: &[&str]| {
        let mut command = bench.command(arguments);
        command.env(name, value);
        ran(command).code
    };
    assert_eq!(with("AWS_SECRET_ACCESS_KEY", "wrong", &["tables"]), 5);
    assert_eq!(
        with(
            "S3ORM_URL",
            "s3://bucket?endpoint=http://127.0.0.1:9&retries=0",
            &["tables"]
        ),
        6
    );
    assert_eq!(
        with(
            "S3ORM_URL",
            &bench.url().replace("bucket", "nobody"),
            &["tables"]
        ),
        3
    );
    bench.ok(&[
        "put",
        "notes",
        "--path=<id>",
        "--raw",
        "1",
        "--body=no JSON",
    ]);
    bench.fails(
        &["get", "notes", "--path=<id>", "1"],
        8,
        &["`notes/1.json` is no JSON object", "--raw"],
    );
    let help = bench.ok(&["help", "exit-codes"]);
    for code in [
        "  130  interrupted",
        "    7  a write was sent",
        "    3  what was asked for",
    ] {
        assert!(help.contains(code), "{help}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_that_closes_early_is_no_failure() {
    let bench = Bench::new().await;
    let table = bench
        .db()
        .dynamic("notes")
        .columns(["id"])
        .expect("a table");
    for id in 0..500 {
        let body = serde_json::json!({"text": "x".repeat(1000)});
        table
            .put([("id", id.to_string())], body)
            .await
            .expect("put");
    }
    let mut child = spawned(bench.command(["query", "notes", "--path=<id>"]));
    let mut first = String::new();
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped"));
    lines.read_line(&mut first).expect("a line");
    assert!(first.starts_with("{\"id\":\"0\""), "{first}");
    drop(lines);
    let mut errors = String::new();
    child
        .stderr
        .take()
        .expect("it is piped")
        .read_to_string(&mut errors)
        .expect("text");
    let ran = ended(child);
    assert_eq!((ran.code, &*errors), (0, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn output_is_for_whoever_reads_it() {
    let bench = Bench::new().await;
    bench.ok(&[
        "put",
        "people",
        "--path=<id:u64>",
        "7",
        "name=Ann\u{1b}[31m",
    ]);
    let out = bench.ok(&["query", "people", "--path=<id:u64>", "--table"]);
    assert_eq!(out, "ID  NAME\n 7  Ann\\u{1b}[31m\n");
    let coloured = bench.run(&["get", "people", "--path=<id:u64>", "8", "--color=always"]);
    assert!(
        coloured.err.starts_with("\u{1b}[1m\u{1b}[31merror:"),
        "{:?}",
        coloured.err
    );
    let plain = bench.run(&["get", "people", "--path=<id:u64>", "8"]);
    assert!(plain.err.starts_with("error:"), "{:?}", plain.err);
    let quiet = bench.ok(&["-q", "--table", "put", "people", "--path=<id:u64>", "9"]);
    assert_eq!(quiet, "");
    let verbose = bench.run(&["-v", "get", "people", "--path=<id:u64>", "7"]);
    assert!(verbose.err.contains("people/7.json"), "{}", verbose.err);
}

#[test]
fn every_command_has_help_with_an_example() {
    let help = ran(bare(["--help"]));
    assert_eq!(help.code, 0);
    let commands: Vec<&str> = help
        .out
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .collect();
    let mut seen = 0;
    for line in commands
        .iter()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
    {
        let command = line.split_whitespace().next().expect("a name");
        if matches!(command, "help" | "exit-codes") {
            continue;
        }
        let help = ran(bare([command, "--help"]));
        assert!(
            help.code == 0 && help.out.contains("Examples:\n  "),
            "{command}: {}",
            help.out
        );
        assert!(help.out.contains(&format!("s3orm {command}")), "{command}");
        seen += 1;
    }
    assert!(seen > 10, "{}", help.out);
    let bash = ran(bare(["completions", "bash"]));
    assert!(
        bash.code == 0 && bash.out.contains("_s3orm()"),
        "{}",
        bash.err
    );
    let man = ran(bare(["man"]));
    assert!(man.out.contains(".TH s3orm 1"), "{}", man.out);
}
