//! Rows: written, read, found, deleted.

use serde_json::json;

use crate::bench::Bench;

const PATH: &str = "--path=<city>/<id:u64:ordered>";

fn people(bench: &Bench) {
    for (city, id, name, age) in [
        ("Oslo", "7", "Ann", "30"),
        ("Oslo", "10", "Bob B", "17"),
        ("Rome", "1", "Cid", "50"),
    ] {
        let (city, id, name, age) = (
            format!("city={city}"),
            format!("id={id}"),
            format!("name={name}"),
            format!("age={age}"),
        );
        bench.ok(&["put", "people", PATH, &city, &id, &name, &age]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_written_read_found_and_deleted() {
    let bench = Bench::new().await;
    people(&bench);
    bench.spent();
    assert_eq!(
        bench.ok(&["get", "people", PATH, "Oslo", "7"]),
        "{\"city\":\"Oslo\",\"id\":7,\"name\":\"Ann\",\"age\":30}\n"
    );
    assert_eq!(bench.spent(), ["GetObject", "GetObject"]);
    bench.fails(
        &["get", "people", PATH, "Oslo", "8"],
        3,
        &["`people` has no row `Oslo 8`"],
    );

    let names = |arguments: &[&str]| -> Vec<String> {
        let mut all = vec!["query", "people", PATH, "--columns=name"];
        all.extend(arguments);
        let rows = bench.json(&all);
        rows.iter()
            .map(|row| row["name"].as_str().expect("a name").to_owned())
            .collect()
    };
    assert_eq!(names(&[]), ["Ann", "Bob B", "Cid"]);
    assert_eq!(names(&["city=Oslo"]), ["Ann", "Bob B"]);
    assert_eq!(names(&["Oslo", "--limit=1"]), ["Ann"]);
    assert_eq!(
        names(&["Oslo", "--after=people/Oslo/00000000000000000007.json"]),
        ["Bob B"]
    );
    assert_eq!(names(&["--scan", "--filter=age >= 18"]), ["Ann", "Cid"]);
    assert_eq!(
        names(&["--scan", "-w", "age >= 18", "-w", "name starts with C"]),
        ["Cid"]
    );
    assert_eq!(names(&["--sort=size", "--reverse", "--limit=1"]), ["Bob B"]);
    bench.spent();
    assert_eq!(names(&["Oslo", "--filter=id > 7 and id <= 10"]), ["Bob B"]);
    // What the key decides costs no read: description, a look at the table, one listing, one row.
    assert_eq!(
        bench.spent(),
        [
            "GetObject",
            "ListObjectsV2",
            "GetObject",
            "ListObjectsV2",
            "GetObject"
        ]
    );

    assert_eq!(
        bench.json(&["count", "people", PATH, "Oslo"]),
        [json!({"count": 2})]
    );
    assert_eq!(
        bench.json(&["distinct", "people", PATH]),
        [json!({"city": "Oslo"}), json!({"city": "Rome"})]
    );
    assert_eq!(
        bench.json(&["distinct", "people", PATH, "Oslo"]),
        [json!({"id": 7}), json!({"id": 10})]
    );
    assert_eq!(
        bench.json(&["random", "people", PATH, "Rome"])[0]["name"],
        "Cid"
    );
    let plan = &bench.json(&["explain", "people", PATH, "Oslo", "-w", "age > 1"])[0];
    assert_eq!((&plan["lists"], &plan["gets"]), (&json!(1), &json!(2)));
    assert_eq!(
        bench.json(&["query", "people", PATH, "Rome", "--keys"])[0]["key"],
        "people/Rome/00000000000000000001.json"
    );
    assert_eq!(
        bench.json(&["query", "people", PATH, "--prefix=R"]),
        [json!({"key": "Rome/00000000000000000001.json"})]
    );

    bench.ok(&["delete", "people", PATH, "Oslo", "7"]);
    bench.fails(
        &["delete", "people", PATH, "Oslo"],
        2,
        &["the key column `id` is missing", "--all"],
    );
    bench.fails(
        &["delete", "people", PATH, "Oslo", "--all"],
        2,
        &["nobody is at the terminal", "--force"],
    );
    assert_eq!(
        bench.json(&["delete", "people", PATH, "Oslo", "--all", "--force"]),
        [json!({"deleted": 1})]
    );
    assert_eq!(bench.json(&["tables", "p*"]), [json!({"table": "people"})]);
    bench.fails(&["drop", "people"], 2, &["its object"]);
    assert_eq!(bench.json(&["drop", "people", "--force"])[0]["deleted"], 1);
    bench.fails(
        &["drop", "people", "--force"],
        3,
        &["there is no table `people`"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_come_in_the_order_that_is_asked_for() {
    let bench = Bench::new().await;
    people(&bench);
    let names = |arguments: &[&str]| -> Vec<String> {
        let mut all = vec!["query", "people", PATH, "--columns=name"];
        all.extend(arguments);
        let rows = bench.json(&all);
        rows.iter().map(|row| row["name"].to_string()).collect()
    };
    assert_eq!(names(&["--reverse", "--limit=2"]), ["\"Cid\"", "\"Bob B\""]);
    assert_eq!(names(&["--reverse"]).len(), 3);
    let keys = bench.ok(&["query", "people", PATH, "--keys", "--limit=1"]);
    let key = "\"key\":\"people/Oslo/00000000000000000007.json\"}\n";
    let numbered = keys.starts_with("{\"city\":\"Oslo\",\"id\":7,\"size\":");
    assert!(numbered && keys.ends_with(key), "{keys}");
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_of_a_write_are_kept() {
    let bench = Bench::new().await;
    let version =
        |out: &[serde_json::Value]| out[0]["version"].as_str().expect("a version").to_owned();
    let first = version(&bench.json(&[
        "put",
        "notes",
        "--path=<id>",
        "id=1",
        "text=a",
        "--if-absent",
        "--metadata",
        "by=me",
    ]));
    bench.fails(
        &[
            "put",
            "notes",
            "--path=<id>",
            "id=1",
            "text=b",
            "--if-absent",
        ],
        4,
        &["already"],
    );
    bench.ok(&[
        "put",
        "notes",
        "--path=<id>",
        "id=1",
        "text=c",
        "--if-version",
        &first,
    ]);
    bench.fails(
        &[
            "put",
            "notes",
            "--path=<id>",
            "id=1",
            "text=d",
            "--if-version",
            &first,
        ],
        4,
        &["notes/1.json"],
    );
    assert_eq!(
        bench.json(&["get", "notes", "--path=<id>", "1"])[0]["text"],
        "c"
    );
    let ran = bench.run_with(
        &["put", "notes", "--path=<id>", "--file=-"],
        br#"{"text": "of a pipe", "id": "2"}"#,
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        bench.json(&["get", "notes", "--path=<id>", "2"])[0]["text"],
        "of a pipe"
    );
}

/// What the library of the Python project s3aads does, on the buckets that it fills.
#[tokio::test(flavor = "multi_thread")]
async fn buckets_that_others_fill_are_read_and_written_as_they_are() {
    let bench = Bench::new().await;
    let layout = [
        "--path=<date>/<id>",
        "--extension=",
        "--encoding=verbatim",
        "--raw",
    ];
    let run = |arguments: &[&str]| {
        let mut all = vec![arguments[0], "people"];
        all.extend(layout);
        all.extend(&arguments[1..]);
        bench.json(&all)
    };
    for (day, id) in [
        ("2024-01-01", "1"),
        ("2024-01-01", "10"),
        ("2024-01-02", "1"),
    ] {
        run(&["put", day, id, "--body", &format!("row {id}")]);
    }
    let page = bench
        .store
        .list(s3orm::store::ListObjects::default())
        .await
        .expect("a listing");
    let keys: Vec<_> = page.objects.iter().map(|object| &*object.key).collect();
    assert_eq!(
        keys,
        [
            "people/2024-01-01/1",
            "people/2024-01-01/10",
            "people/2024-01-02/1"
        ]
    );
    assert_eq!(
        run(&["get", "2024-01-01", "10"]),
        [json!({"date": "2024-01-01", "id": "10", "body": "row 10"})]
    );
    assert_eq!(run(&["query", "id=1", "--scan"]).len(), 2);
    let bytes = bench.run_with(
        &[
            "put",
            "people",
            layout[0],
            layout[1],
            layout[2],
            "--raw",
            "2024-01-03",
            "1",
            "--file=-",
        ],
        b"\xff\x00",
    );
    assert_eq!(bytes.code, 0, "{bytes:?}");
    assert_eq!(run(&["get", "2024-01-03", "1"])[0]["body_base64"], "/wA=");
    assert_eq!(run(&["distinct"]).len(), 3);
    assert_eq!(run(&["query", "--prefix", "2024-01-0"]).len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn buckets_are_made_listed_and_dropped() {
    let bench = Bench::new().await;
    bench.ok(&["databases", "create", "archive-2024"]);
    assert_eq!(
        bench.json(&["databases"]),
        [
            json!({"database": "archive-2024"}),
            json!({"database": "bucket"})
        ]
    );
    bench.fails(
        &["databases", "create", "No"],
        2,
        &["3 to 63 lower-case letters"],
    );
    bench.fails(&["databases", "drop", "archive-2024"], 2, &["--force"]);
    bench.ok(&["databases", "drop", "archive-2024", "--force"]);
    assert_eq!(bench.json(&["buckets"]), [json!({"database": "bucket"})]);
}

/// Rows with a stamp belong to transactions and indexes: read as those read them, not written.
#[tokio::test(flavor = "multi_thread")]
async fn stamped_tables_are_read_and_not_written() {
    #[derive(Debug, Clone, serde::Serialize, serde::Deserialize, s3orm::S3Schema)]
    #[s3(table = "accounts", path = "<id>", transactional)]
    struct Account {
        id: u64,
        money: i64,
    }
    let bench = Bench::new().await;
    let accounts = bench.db().table::<Account>();
    for id in 1..=3 {
        accounts
            .insert(Account { id, money: 5 })
            .await
            .expect("inserted");
    }
    accounts.delete(3).await.expect("deleted");

    let row = json!({"id": 1, "money": 5});
    assert_eq!(
        bench.json(&["get", "accounts", "--path=<id:u64>", "1"]),
        std::slice::from_ref(&row)
    );
    assert_eq!(
        bench.json(&["query", "accounts", "--path=<id:u64>"]),
        [row, json!({"id": 2, "money": 5})]
    );
    // The third has left a tombstone.
    assert_eq!(
        bench.json(&["count", "accounts", "--path=<id:u64>"]),
        [json!({"count": 2})]
    );
    for write in ["put", "delete"] {
        bench.fails(
            &[write, "accounts", "--path=<id:u64>", "1"],
            9,
            &["written by programs alone", "transactions"],
        );
    }
}
