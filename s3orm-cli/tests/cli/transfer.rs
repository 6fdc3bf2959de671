//! Rows in and out of files, large objects, and what is left behind.

use std::io::Write as _;

use s3orm::store::{ListObjects, PutObject};
use serde_json::json;

use crate::bench::Bench;

/// Rows with numbers that no `f64` holds, texts of all kinds, and columns in an order of their own.
async fn fill(bench: &Bench, rows: u32) {
    for id in 0..rows {
        let city = ["Oslo", "New York", "Ærø", "a/b"][id as usize % 4];
        let body = format!(
            "{{\"score\":1.50,\"id\":{id},\"big\":123456789012345678901234567890,\"city\":\"{city}\",\"text\":\"a \\\"b\\\" \\u00e9 ü\",\"list\":[1,{{\"x\":null}}]}}"
        );
        let table = bench
            .db()
            .dynamic("rows")
            .path("<city>/<id:u32:ordered>")
            .expect("a path");
        let body = s3orm::dynamic::Body::with_type(body, "application/json");
        table
            .put([("city", city), ("id", &id.to_string())], body)
            .await
            .expect("put");
    }
}

const FROM: &str = "--path=<city>/<id:u32:ordered>";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_imported_and_exported_again_is_the_same() {
    let bench = Bench::new().await;
    fill(&bench, 1500).await;
    let first = bench.ok(&["export", "rows", FROM]);
    assert_eq!(first.lines().count(), 1500);
    assert!(
        first.starts_with("{\"score\":1.50,\"id\":2,\"big\":123456789012345678901234567890,"),
        "{}",
        &first[..200]
    );
    let ran = bench.run_with(&["import", "copy", FROM, "-"], first.as_bytes());
    assert_eq!(
        (ran.code, &*ran.out),
        (0, "{\"written\":1500,\"kept\":0,\"wrong\":0}\n"),
        "{}",
        ran.err
    );
    assert_eq!(bench.ok(&["export", "copy", FROM]), first);
    // Bodies are the same, not the lines alone.
    let page = |table: &str| ListObjects {
        prefix: format!("{table}/"),
        ..ListObjects::default()
    };
    let (rows, copy) = (
        bench.store.list(page("rows")).await.expect("listed"),
        bench.store.list(page("copy")).await.expect("listed"),
    );
    let tags = |page: &s3orm::store::Page| {
        page.objects
            .iter()
            .map(|object| object.etag.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(tags(&rows), tags(&copy));

    bench.ok(&["export", "rows", FROM, "--out=rows.csv"]);
    assert_eq!(
        bench.json(&["import", "of-csv", FROM, "rows.csv"])[0]["written"],
        1500
    );
    let row = bench.json(&["get", "of-csv", FROM, "city=Oslo", "id=4"]);
    assert_eq!(
        (&row[0]["list"], &row[0]["text"]),
        (&json!([1, {"x": null}]), &json!("a \"b\" é ü"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_goes_on_where_its_file_ends() {
    let bench = Bench::new().await;
    fill(&bench, 300).await;
    for name in ["rows.ndjson", "rows.csv"] {
        let out = format!("--out={name}");
        let file = bench.folder.path().join(name);
        bench.ok(&["export", "rows", FROM, &out]);
        let whole = std::fs::read(&file).expect("a file");
        bench.fails(
            &["export", "rows", FROM, &out],
            4,
            &["is there already", "--resume", "--force"],
        );
        let last_line = whole[..whole.len() - 1]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .expect("lines")
            + 1;
        for cut in [
            0,
            1,
            100,
            whole.len() / 2,
            last_line,
            last_line + 5,
            whole.len() - 1,
            whole.len(),
        ] {
            std::fs::write(&file, &whole[..cut]).expect("written");
            bench.ok(&["export", "rows", FROM, &out, "--resume"]);
            assert!(
                std::fs::read(&file).expect("a file") == whole,
                "{name} cut at {cut}"
            );
        }
        bench.ok(&["export", "rows", FROM, &out, "--force"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_says_what_is_wrong_and_how_to_go_on() {
    let bench = Bench::new().await;
    let path = "--path=<id:u64>";
    let mut file = std::fs::File::create(bench.folder.path().join("rows.ndjson")).expect("a file");
    for id in 0..1000 {
        match id {
            700 => writeln!(file, "{{\"id\": 700,").expect("written"),
            _ => writeln!(file, "{{\"id\":{id}}}").expect("written"),
        }
    }
    bench.fails(
        &["import", "rows", path, "rows.ndjson"],
        8,
        &[
            "line 701: it is no JSON object",
            "--skip 700",
            "--keep-going",
        ],
    );
    assert_eq!(
        bench.json(&["count", "rows", path]),
        [json!({"count": 700})]
    );
    bench.fails(
        &[
            "import",
            "rows",
            path,
            "rows.ndjson",
            "--skip=701",
            "--on-conflict=error",
            "--dry-run",
            "--path=<id:u8>",
        ],
        2,
        &["--path"],
    );
    assert_eq!(
        bench.json(&[
            "import",
            "rows",
            path,
            "rows.ndjson",
            "--skip=701",
            "--on-conflict=error"
        ])[0]["written"],
        299
    );
    bench.fails(
        &["import", "rows", path, "rows.ndjson", "--on-conflict=error"],
        4,
        &["line 1: ", "already", "--skip 0"],
    );
    let ran = bench.run(&[
        "import",
        "rows",
        path,
        "rows.ndjson",
        "--on-conflict=skip",
        "--keep-going",
    ]);
    assert_eq!(
        (ran.code, &*ran.out),
        (8, "{\"written\":0,\"kept\":999,\"wrong\":1}\n"),
        "{}",
        ran.err
    );
    bench.fails(
        &["import", "rows", path, "absent.ndjson"],
        3,
        &["`absent.ndjson`"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_file_says_is_what_is_written() {
    let bench = Bench::new().await;
    let path = "--path=<id:u64>";
    // Of two rows with one key the later stays, however many are under way.
    let twice: Vec<String> = (0..100)
        .map(|version| format!("{{\"id\":1,\"version\":{version}}}\n"))
        .collect();
    let twice = twice.concat();
    let ran = bench.run_with(&["import", "twice", path, "-"], twice.as_bytes());
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(bench.json(&["get", "twice", path, "1"])[0]["version"], 99);
    let wrong = bench.run_with(&["import", "twice", path, "-"], b"{\"id\":\"x\"}\n");
    assert!(
        wrong.code == 8
            && wrong.err.contains("line 1: ")
            && wrong.err.contains("`x` is not a whole number"),
        "{wrong:?}"
    );
    let csv = bench.run_with(
        &[
            "import",
            "typed",
            "--path=<id>",
            "-",
            "--format=csv",
            "--text=zip",
        ],
        b"id,zip,n,t,none\na,0018,18,true,\nb,18,1.0,x,y\n",
    );
    assert_eq!(csv.code, 0, "{}", csv.err);
    assert_eq!(
        bench.ok(&["export", "typed", "--path=<id>"]),
        "{\"id\":\"a\",\"zip\":\"0018\",\"n\":18,\"t\":true}\n{\"id\":\"b\",\"zip\":\"18\",\"n\":1.0,\"t\":\"x\",\"none\":\"y\"}\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn large_objects_go_up_and_down() {
    let bench = Bench::new().await;
    let bytes: Vec<u8> = (0..6_000_000_u32)
        .map(|at| at.to_le_bytes()[at as usize % 4])
        .collect();
    let file = bench.folder.path().join("large.bin");
    std::fs::write(&file, &bytes).expect("written");
    let uploaded = &bench.json(&[
        "upload",
        "large.bin",
        "files/large.bin",
        "--metadata",
        "by=me",
    ])[0];
    assert_eq!(
        (&uploaded["size"], &uploaded["parts"]),
        (&json!(6_000_000), &json!(2))
    );
    bench.fails(
        &["upload", "large.bin", "files/large.bin", "--if-absent"],
        4,
        &["files/large.bin"],
    );
    bench.fails(&["upload", ".", "files/x"], 2, &["is a folder"]);
    bench.fails(
        &["upload", "large.bin", "files/x", "--resume"],
        3,
        &["no upload to `files/x`"],
    );
    bench.fails(
        &["download", "files/large.bin", "large.bin"],
        4,
        &["is there already", "--force"],
    );
    bench.ok(&["download", "files/large.bin", "copy.bin"]);
    assert!(std::fs::read(bench.folder.path().join("copy.bin")).expect("a file") == bytes);
    // What an interrupted one has left, of this version and of another.
    let left = |version: &str| {
        let file = |name: &str| bench.folder.path().join(name);
        std::fs::write(file("again.bin.part"), &bytes[..1_234_567]).expect("written");
        std::fs::write(file("again.bin.part.version"), version).expect("written");
    };
    let large = bench.db().download("files/large.bin").await;
    let large = large.expect("downloaded").expect("it is there");
    let resume = ["download", "files/large.bin", "again.bin", "--resume"];
    left("another");
    bench.fails(&resume, 4, &["again.bin.part", "begin anew"]);
    left(large.version().etag());
    bench.ok(&resume);
    assert!(std::fs::read(bench.folder.path().join("again.bin")).expect("a file") == bytes);
    assert!(!bench.folder.path().join("again.bin.part.version").exists());
    bench.fails(
        &["download", "files/none"],
        3,
        &["there is no object `files/none`"],
    );
    let url = &bench.json(&["presign", "get", "files/large.bin", "--expires=15m"])[0];
    assert!(
        url["url"]
            .as_str()
            .expect("a URL")
            .contains("X-Amz-Expires=900"),
        "{url}"
    );
    bench.fails(
        &["presign", "get", "x", "--expires=15"],
        2,
        &["write a time such as"],
    );

    // An upload that was left is found, resumed or swept.
    let mut left = bench.db().upload("files/left.bin").start();
    left.write(bytes.clone()).await.expect("written");
    left.leave().await.expect("left");
    let resumed = &bench.json(&["upload", "large.bin", "files/left.bin", "--resume"])[0];
    assert_eq!(resumed["reused"], 1, "{resumed}");
    let mut left = bench.db().upload("files/left.bin").start();
    left.write(bytes).await.expect("written");
    left.leave().await.expect("left");
    let du = bench.run(&["du"]);
    assert!(du.err.contains("1 uploads are unfinished"), "{du:?}");
    assert!(
        du.out
            .contains("\"table\":\"files\",\"objects\":2,\"bytes\":12000000"),
        "{}",
        du.out
    );
    assert_eq!(
        bench.json(&["sweep", "--uploads", "--older-than=0s"]),
        [json!({"uploads_ended": 1, "uploads_kept": 0})]
    );
    bench.ok(&["sweep"]);
    bench.ok(&["settle"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_changed_copied_checked_and_scanned() {
    let bench = Bench::new().await;
    fill(&bench, 40).await;
    bench.ok(&[
        "update",
        "rows",
        FROM,
        "Oslo",
        "0",
        "score=2",
        "new:=[1]",
        "--unset=list",
    ]);
    let row = bench.ok(&["get", "rows", FROM, "Oslo", "0"]);
    assert_eq!(
        row,
        "{\"score\":2,\"id\":0,\"big\":123456789012345678901234567890,\"city\":\"Oslo\",\"text\":\"a \\\"b\\\" \\u00e9 ü\",\"new\":[1]}\n"
    );
    bench.fails(
        &["update", "rows", FROM, "Oslo", "99", "a=1"],
        3,
        &["there is no row"],
    );
    bench.fails(
        &["update", "rows", FROM, "Oslo", "0"],
        2,
        &["nothing is to be changed"],
    );
    assert_eq!(
        bench.json(&["scan", "rows", FROM, "--segments=4", "--count"]),
        [json!({"count": 40})]
    );
    assert_eq!(
        bench
            .json(&["scan", "rows", FROM, "-w", "id >= 20 and score = 1.5"])
            .len(),
        20
    );
    assert_eq!(
        bench.json(&["verify", "rows", FROM]),
        [json!({"objects": 40, "problems": 0})]
    );

    bench.ok(&["copy", "rows", FROM, "Oslo", "0", "--to=city=Rome"]);
    bench.ok(&["copy", "rows", FROM, "Oslo", "0", "--into=other"]);
    assert_eq!(bench.json(&["count", "other", FROM]), [json!({"count": 1})]);
    let stranger = PutObject {
        key: "rows/readme.txt".to_owned(),
        body: "x".into(),
        ..PutObject::default()
    };
    bench.store.put(&stranger).await.expect("put");
    let ran = bench.run(&["verify", "rows", FROM]);
    assert_eq!(ran.code, 10, "{ran:?}");
    assert!(
        ran.out
            .contains("its column `city` is \\\"Oslo\\\", that of its key \\\"Rome\\\""),
        "{}",
        ran.out
    );
    assert!(
        ran.out.contains("rows/readme.txt") && ran.out.contains("<city>/<id:ordered>.json"),
        "{}",
        ran.out
    );
}
