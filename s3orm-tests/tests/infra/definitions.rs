//! Definitions for DuckDB and Athena, as they are and as DuckDB takes them.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use s3orm::Env;
use s3orm::store::dir::DirStore;
use s3orm::testing::{Call, Fault, FaultStore};

use super::*;

#[tokio::test]
async fn definitions_are_frozen() {
    let db = on_aws().await;
    assert_eq!(
        db.table::<Visit>().duckdb().unwrap(),
        r#"CREATE OR REPLACE VIEW "visits" AS
SELECT
    "date",
    "id",
    "at",
    "spent",
    "referrer",
    "pages",
    "agent"
FROM read_json(
    's3://bucket/app/visits/date=*/*.json',
    format = 'unstructured',
    records = true,
    filename = 's3orm_file',
    hive_partitioning = true,
    hive_types = {'date': 'DATE'},
    columns = {
        'date': 'DATE',
        'id': 'UBIGINT',
        'at': 'TIMESTAMP',
        'spent': 'DOUBLE',
        'referrer': 'VARCHAR',
        'pages': 'USMALLINT[]',
        'agent': 'JSON'
    }
)"#
    );
    assert_eq!(
        db.table::<Visit>().athena().unwrap(),
        [
            r"CREATE EXTERNAL TABLE `visits` (
    `id` decimal(20,0),
    `at` string,
    `spent` double,
    `referrer` string,
    `pages` array<int>,
    `agent` string
)
PARTITIONED BY (`date` date)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://bucket/app/visits/'",
            "MSCK REPAIR TABLE `visits`",
        ]
    );
    let accounts = db.table::<Account>().athena().unwrap();
    assert_eq!(
        accounts[0],
        r"CREATE EXTERNAL TABLE `accounts_objects` (
    `s3orm_m` struct<del:boolean,was:string>,
    `owner` string,
    `balance` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
WITH SERDEPROPERTIES ('mapping.s3orm_m' = '_m')
LOCATION 's3://bucket/app/accounts/'"
    );
    assert_eq!(
        accounts[1],
        r#"CREATE OR REPLACE VIEW "accounts" AS
SELECT
    "owner",
    "balance"
FROM "accounts_objects"
WHERE coalesce(s3orm_m.del, false) = false AND coalesce(s3orm_m.was, 'row') <> 'absent'"#
    );
    let notes = db.table::<Note>().athena().unwrap();
    assert!(
        notes[0].contains("'mapping.fulltext' = 'fullText'"),
        "{}",
        notes[0]
    );
    assert!(
        notes[2]
            .contains(r#"regexp_extract("$path", '/day=([^/]*?)/([^/]*?)/([^/]*?)\.json$', 2)"#),
        "{}",
        notes[2]
    );
}

/// The rows of queries in DuckDB after some definitions; `None` where it is not to be had.
fn duckdb(definitions: &[String], queries: &[&str]) -> Option<Vec<Value>> {
    let python = std::env::var_os("S3ORM_TEST_DUCKDB")?;
    let program = "
import duckdb, json, sys
definitions, queries = json.loads(sys.argv[1])
database = duckdb.connect()
for definition in definitions:
    database.execute(definition)
answers = [database.execute(query).fetchall() for query in queries]
print(json.dumps(answers, default=str))
";
    let output = Command::new(python)
        .args(["-c", program, &json!([definitions, queries]).to_string()])
        .output()
        .expect("python runs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

async fn folder(path: &Path) -> Db {
    Db::connect(&format!("file:{}", path.display()))
        .await
        .unwrap()
}

#[tokio::test]
async fn duckdb_reads_the_rows_that_were_written() {
    let place = tempfile::tempdir().unwrap();
    let db = folder(&place.path().join("it's [here]")).await;
    let (visits, notes) = (db.table::<Visit>(), db.table::<Note>());
    for id in 0..20 {
        visits
            .insert(visit(1 + u32::try_from(id % 2).unwrap(), u64::MAX - id))
            .await
            .unwrap();
    }
    for (no, author) in ["S\u{e3}o a+b/c", "", "100%", "ann"].iter().enumerate() {
        notes
            .insert(note(author, u32::try_from(no).unwrap()))
            .await
            .unwrap();
    }
    let definitions = [visits.duckdb().unwrap(), notes.duckdb().unwrap()];
    let Some(answers) = duckdb(
        &definitions,
        &[
            "SELECT count(*), sum(id)::VARCHAR, sum(spent), sum(pages[2]), count(referrer) FROM visits",
            "SELECT count(*), min(date), min(agent->>'name') FROM visits WHERE date = DATE '2024-02-02'",
            "SELECT DISTINCT referrer, \"at\" FROM visits WHERE referrer IS NOT NULL",
            "SELECT author, no, day, \"fullText\" FROM notes ORDER BY no",
            "SELECT count(*) FROM notes WHERE day = DATE '2024-02-29'",
        ],
    ) else {
        eprintln!("S3ORM_TEST_DUCKDB is not set: not run in DuckDB");
        return;
    };
    let rows = visits.query().scan().all().await.unwrap();
    let sum: u128 = rows.iter().map(|row| u128::from(row.id)).sum();
    let spent: f64 = rows.iter().map(|row| row.spent).sum();
    assert_eq!(
        answers[0],
        json!([[rows.len(), sum.to_string(), spent, 40, 10]])
    );
    assert_eq!(answers[1], json!([[10, "2024-02-02", "curl"]]));
    assert_eq!(
        answers[2],
        json!([["it's \u{e9}", "2023-11-14 22:13:20.123456"]])
    );
    let day = "2024-02-29";
    let expected = json!([
        ["S\u{e3}o a+b/c", 0, day, "x"],
        ["", 1, day, "x"],
        ["100%", 2, day, "x"],
        ["ann", 3, day, "x"],
    ]);
    assert_eq!(answers[3], expected);
    assert_eq!(answers[4], json!([[4]]));
}

/// What is said of rows under a transaction: as they were before, also when it is committed, until
/// somebody finishes it.
#[tokio::test]
async fn duckdb_sees_committed_rows_alone() {
    for (fault, committed) in [(Fault::CrashBefore, false), (Fault::CrashAfter, true)] {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("bank");
        let db = folder(&path).await;
        let accounts = db.table::<Account>();
        for owner in ["ann", "bob", "carl", "eve"] {
            accounts.insert(account(owner, 100)).await.unwrap();
        }
        accounts.delete("carl").await.unwrap();

        let store = DirStore::open(&path, Env::system()).await.unwrap();
        let client = FaultStore::over(Arc::new(store), Env::system());
        // The first is the record, the second its decision.
        client.fail_nth(2, Call::Put.under("_s3orm/tx/"), fault);
        let crashing = client.db();
        let theirs = &crashing.table::<Account>();
        let ended = crashing.transaction(|tx| async move {
            tx.write(theirs.patch("ann").decrement(Account::COL.balance, 30))?;
            tx.write(theirs.delete("eve"))?;
            tx.write(theirs.insert(account("dave", 130)))
        });
        ended.await.unwrap_err();

        let queries = ["SELECT owner, balance FROM accounts ORDER BY owner"];
        let definitions = [accounts.duckdb().unwrap()];
        let Some(answers) = duckdb(&definitions, &queries) else {
            return;
        };
        let before = json!([["ann", 100], ["bob", 100], ["eve", 100]]);
        assert_eq!(answers[0], before, "{fault:?}");
        if committed {
            assert_eq!(accounts.get("ann").await.unwrap().unwrap().balance, 70);
        }

        db.settle().await.unwrap();
        let answers = duckdb(&definitions, &queries).unwrap();
        let after = json!([["ann", 70], ["bob", 100], ["dave", 130]]);
        assert_eq!(
            answers[0],
            if committed { after } else { before },
            "{fault:?}"
        );
    }
}
