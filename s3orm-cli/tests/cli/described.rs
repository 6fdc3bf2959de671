//! Tables that are described on the bucket: made, printed, generated, compared, kept from wrong writes.

use serde_json::json;

use crate::bench::Bench;
use crate::generated;

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_described_needs_no_path() {
    let bench = Bench::new().await;
    let create = [
        "create",
        "people",
        "<city>/<id:u64:ordered>",
        "--column=name:String",
        "--column=age:u32?",
    ];
    assert_eq!(
        bench.json(&create),
        [json!({"table": "people", "path": "<city>/<id:ordered>"})]
    );
    bench.ok(&create);
    bench.ok(&["put", "people", "Oslo", "7", "name=Ann"]);
    assert_eq!(
        bench.json(&["get", "people", "Oslo", "7"]),
        [json!({"city": "Oslo", "id": 7, "name": "Ann"})]
    );
    bench.fails(
        &["put", "people", "Oslo", "x"],
        2,
        &["`x` is not a whole number (`u64`)"],
    );
    let slip = bench.run(&["query", "people", "Oslo", "--filter=aeg > 1"]);
    assert!(
        slip.code == 0 && slip.err.contains("did you mean `age`?"),
        "{slip:?}"
    );
    let stored = &bench.json(&["describe", "people"])[0];
    assert_eq!(
        (&stored["path"], &stored["columns"][1]["type"]),
        (&json!("<city>/<id:ordered>"), &json!("u64"))
    );
    let shown = bench.ok(&["describe", "people", "--table"]);
    assert!(
        shown.contains("path     <city>/<id:ordered>.json") && shown.contains("age     u32?"),
        "{shown}"
    );

    bench.ok(&[
        "create",
        "people",
        "<city>/<id:u64:ordered>",
        "--column=name:String",
        "--column=age:u32?",
        "--column=mail:String?",
    ]);
    let error = ["`path` is `<city>/<id:ordered>` on the bucket and `<id>` in the program"];
    bench.fails(
        &[
            "create",
            "people",
            "<id:u64>",
            "--column=name:String",
            "--column=age:u32?",
            "--column=mail:String?",
        ],
        2,
        &error,
    );
    bench.fails(
        &["create", "people", "<city>/<id:u46>"],
        2,
        &["did you mean"],
    );
    bench.fails(
        &["create", "other", "<id>", "--column=id:u8"],
        2,
        &["`id` is given twice"],
    );
    bench.fails(
        &["create", "other", "<id>", "--column=age"],
        2,
        &["write it as `age:u32`"],
    );
    bench.fails(&["describe", "other"], 3, &["`other` is not described"]);
    bench.fails(&["create", "a/b", "<id>"], 2, &["`a/b` cannot be a table"]);

    bench.ok(&["drop", "people", "--force"]);
    bench.fails(&["describe", "people"], 3, &["not described"]);
}

/// The files in `generated/` are part of this test: they compile.
#[tokio::test(flavor = "multi_thread")]
async fn generated_structs_compile_and_read_the_rows() {
    let bench = Bench::new().await;
    bench.ok(&[
        "create",
        "orders",
        "day=<day:date>/<id:uuid>",
        "--column=total:f64",
        "--column=lines:Vec<u32>",
        "--column=note:String?",
        "--column=shipTo:Address?",
        "--column=type:i64",
    ]);
    let of_description = bench.ok(&["generate", "orders"]);
    let rows = [
        r#"{"city":"Oslo","id":7,"name":"Ann","firstSeen":"2024-01-01","score":1,"tags":["a"],"vip":true,"more":{"x":1}}"#,
        r#"{"city":"Rome","id":8,"name":"Bob","firstSeen":"2024-01-01","score":-1.5,"tags":[],"vip":null,"more":[1],"self":1}"#,
    ];
    let path = "--path=<city>/<id>";
    let ran = bench.run_with(&["import", "people", path, "-"], rows.join("\n").as_bytes());
    assert_eq!(ran.code, 0, "{ran:?}");
    let of_rows = bench.ok(&["generate", "people", path]);
    let of_bytes = bench.ok(&[
        "generate",
        "photos",
        "--path=<year:u16>/<name>",
        "--extension=",
        "--encoding=verbatim",
        "--raw",
    ]);

    let db = bench.db();
    let accounts = db.table::<generated::Account>();
    accounts.create().await.expect("created");
    let of_indexes = bench.ok(&["generate", "accounts"]);

    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/generated");
    for (file, text) in [
        ("order.rs", &of_description),
        ("person.rs", &of_rows),
        ("photo.rs", &of_bytes),
        ("account.rs", &of_indexes),
    ] {
        let file = format!("{folder}/{file}");
        if std::env::var_os("S3ORM_TEST_OVERWRITE").is_some() {
            std::fs::write(&file, text).expect("written");
        }
        let known = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(
            &known, text,
            "run with S3ORM_TEST_OVERWRITE=1, and read what changed in {file}"
        );
    }

    let people = db.table::<generated::Person>();
    let bob = people
        .get(("Rome", 8))
        .await
        .expect("read")
        .expect("it is there");
    assert_eq!((bob.name.as_str(), bob.score, bob.vip), ("Bob", -1.5, None));
    people.put(bob).await.expect("put");
    let diff = db.table::<generated::Order>().check().await;
    let diff = diff.expect("compared").to_string();
    // But for the type that the struct has not.
    assert!(
        diff.starts_with("the column `shipTo` has the type `Address`"),
        "{diff}"
    );
    let photo = generated::Photo {
        year: 2024,
        name: "cat.txt".to_owned(),
        body: b"a cat".to_vec(),
    };
    db.table().put(photo).await.expect("put");
    let get = [
        "get",
        "photos",
        "--path=<year:u16>/<name>",
        "--extension=",
        "--encoding=verbatim",
        "--raw",
        "2024",
        "cat.txt",
    ];
    assert_eq!(bench.json(&get)[0]["body"], "a cat");
}

#[tokio::test(flavor = "multi_thread")]
async fn descriptions_are_compared() {
    let bench = Bench::new().await;
    let create = [
        "create",
        "people",
        "<id:u64>",
        "--column=name:String",
        "--column=age:u32",
    ];
    bench.ok(&create);
    assert_eq!(
        bench.json(&["schema", "diff", "people"]),
        [json!({"differences": 0})]
    );
    bench.ok(&["put", "people", "1", "name=Ann", "age=30"]);
    assert_eq!(
        bench.json(&["schema", "diff", "people"]),
        [json!({"differences": 0})]
    );
    bench.ok(&["put", "people", "2", "name=Bob", "age=old", "new=1"]);
    let ran = bench.run(&["schema", "diff", "people"]);
    assert_eq!(ran.code, 10, "{ran:?}");
    assert!(
        ran.out.contains("`age`") && ran.out.contains("`new`"),
        "{}",
        ran.out
    );
    std::fs::write(
        bench.folder.path().join("people.json"),
        bench.ok(&["describe", "people"]),
    )
    .expect("written");
    assert_eq!(
        bench.json(&["schema", "diff", "people", "--with=people.json"]),
        [json!({"differences": 0})]
    );
    let other = format!("{}/other", bench.url().split('?').next().expect("a URL"));
    bench.fails(
        &[
            "schema",
            "diff",
            "people",
            "--with-url",
            &other,
            "--endpoint",
            &bench.endpoint(),
        ],
        3,
        &["not described"],
    );
    bench.ok(&[
        "--url",
        &other,
        "--endpoint",
        &bench.endpoint(),
        create[0],
        create[1],
        create[2],
        create[3],
        "--column=age:u32?",
    ]);
    let ran = bench.run(&[
        "schema",
        "diff",
        "people",
        "--with-url",
        &other,
        "--endpoint",
        &bench.endpoint(),
    ]);
    assert!(ran.out.contains("age"), "{ran:?}");
    bench.fails(
        &["schema", "diff", "nobody"],
        3,
        &["`nobody` is not described"],
    );
}

/// The command line has no keys: what it wrote would be there for everybody to read.
#[tokio::test(flavor = "multi_thread")]
async fn what_programs_encrypt_is_not_written_from_a_shell() {
    let bench = Bench::new().await;
    let mut secret = s3orm::StoredColumn::new("dx", "String");
    secret.encrypted = true;
    let table = bench.db().dynamic("patients");
    table.create("<id:u64>", [secret]).await.expect("described");
    for write in [
        &["put", "patients", "1", "dx=secret"][..],
        &["update", "patients", "1", "dx=secret"],
        &["import", "patients", "-"],
        &["copy", "patients", "1", "--to=id=2"],
    ] {
        bench.fails(
            write,
            9,
            &[
                "`patients` is written by programs alone",
                "its column `dx` is encrypted",
            ],
        );
    }
    let generated = bench.ok(&["generate", "patients"]);
    assert!(
        generated.contains("    #[s3(encrypt)]\n    pub dx: String,"),
        "{generated}"
    );
    let shown = bench.ok(&["describe", "patients", "--table"]);
    assert!(shown.contains("String, encrypted"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_programs_rely_on_is_not_written_from_a_shell() {
    let bench = Bench::new().await;
    let accounts = bench.db().table::<generated::Account>();
    let account = |id: u64, email: &str| generated::Account {
        id,
        email: email.to_owned(),
        city: Some("Oslo".to_owned()),
    };
    accounts
        .insert(account(1, "ann@a.org"))
        .await
        .expect("inserted");
    accounts.create().await.expect("described");
    let row = json!({"id": 1, "email": "ann@a.org", "city": "Oslo"});
    assert_eq!(bench.json(&["query", "accounts"]), [row]);
    for write in [
        &["put", "accounts", "2"][..],
        &["update", "accounts", "1", "a=1"],
        &["delete", "accounts", "1"],
        &["delete", "accounts", "--all", "--force"],
        &["import", "accounts", "-"],
        &["copy", "accounts", "1", "--to=id=2"],
    ] {
        bench.fails(
            write,
            9,
            &[
                "`accounts` is written by programs alone",
                "`index.city`",
                "s3orm generate accounts",
            ],
        );
    }
    bench.ok(&["put", "plain", "--path=<id:u64>", "1"]);
    bench.fails(
        &["copy", "plain", "--path=<id:u64>", "1", "--into=accounts"],
        9,
        &["written by programs alone"],
    );
    bench.fails(
        &["policy", "lifecycle", "--expire=accounts=30"],
        9,
        &["indexes or transactions"],
    );
    bench.fails(
        &["repair", "accounts"],
        9,
        &["by a program", "table.repair()"],
    );
    bench.fails(
        &["migrate", "run", "accounts"],
        9,
        &["run by a program", "table.migrate()"],
    );
    let status = &bench.json(&["migrate", "status", "accounts"])[0];
    assert_eq!(
        (&status["migration"], &status["to"]),
        (&json!("none"), &json!(1))
    );
    let policy = bench.ok(&["policy", "iam", "accounts", "--allow=write"]);
    assert!(
        policy.contains("_s3orm/uq/accounts/*") && policy.contains("s3:PutObject"),
        "{policy}"
    );
    let typed = accounts.iam_policy([s3orm::infra::Verb::Write]);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&policy).expect("JSON"),
        typed
    );
    bench.ok(&["drop", "accounts", "--force"]);
    let left = bench
        .store
        .list(s3orm::store::ListObjects::default())
        .await
        .expect("listed");
    let left: Vec<_> = left
        .objects
        .iter()
        .map(|object| &*object.key)
        .filter(|key| key.contains("accounts"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

/// A migration that another process is at is watched and paused from a shell.
#[tokio::test(flavor = "multi_thread")]
async fn a_migration_is_watched_and_paused() {
    let bench = Bench::new().await;
    bench.ok(&["create", "people", "<id:u64>"]);
    bench.ok(&["put", "people", "1"]);
    // As `migrate` leaves them that was cut short.
    let put = |key: &str, body: String| s3orm::store::PutObject {
        key: key.to_owned(),
        body: body.into(),
        ..s3orm::store::PutObject::default()
    };
    let described = bench.ok(&["describe", "people"]);
    let raised = described.replace("\"version\":1", "\"version\":2,\"oldest\":1");
    let raised = raised.replacen('{', "{\"_m\":{\"v\":\"x\"},", 1);
    bench
        .store
        .put(&put("_s3orm/schema/people.json", raised))
        .await
        .expect("put");
    let body = r#"{"_m":{"v":"x"},"state":"running","owner":"o","passes":1,"left":null,"is_last":false,"seen_ms":0,"rewritten":7,"rows":9,"changed":7,"failed":0}"#;
    bench
        .store
        .put(&put("_s3orm/migrations/people-1-2.json", body.to_owned()))
        .await
        .expect("put");

    let status = &bench.json(&["migrate", "status", "people"])[0];
    assert_eq!(
        (&status["migration"], &status["rewritten"]),
        (&json!("running"), &json!(7))
    );
    bench.ok(&["migrate", "pause", "people"]);
    assert_eq!(
        bench.json(&["migrate", "status", "people"])[0]["migration"],
        "paused"
    );
    let plan = &bench.json(&["migrate", "plan", "people"])[0];
    assert_eq!(
        (&plan["rows"], &plan["versions_of_some"]),
        (&json!(1), &json!({"1": 1}))
    );
    bench.fails(&["put", "people", "2"], 9, &["its rows are of version 2"]);
}
