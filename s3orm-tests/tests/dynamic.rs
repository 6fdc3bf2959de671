//! Tables without a Rust type, raw keys, buckets: over real HTTP, requests counted.
#![allow(clippy::unwrap_used)] // Its helpers are tests, too.

use std::collections::BTreeMap;

use futures_util::TryStreamExt as _;
use s3orm::dynamic::{DynamicTable, Values};
use s3orm::key::Encoding;
use s3orm::store::{PutObject, StoreErrorKind};
use s3orm::{Db, ErrorKind, S3Schema};
use s3orm_tests::connect;
use s3orm_tests::proxy::{Fault, Proxy, on};
use s3orm_tests::server::{TestServer, keys};
use serde_json::json;

struct Bench {
    server: TestServer,
    db: Db,
}

impl Bench {
    async fn new() -> Self {
        let server = TestServer::memory().await;
        let db = connect::db(&server.endpoint()).await;
        Self { server, db }
    }

    /// As another program writes it: behind the library's back.
    async fn fill(&self, keys: impl IntoIterator<Item = String>) {
        for key in keys {
            let body = format!("body of {key}").into();
            let object = PutObject {
                key,
                body,
                ..PutObject::default()
            };
            self.server.store().put(&object).await.unwrap();
        }
    }

    /// The requests since the last call.
    fn spent(&self) -> Vec<&'static str> {
        self.server.spent()
    }

    async fn all_keys(&self) -> Vec<String> {
        keys(&**self.server.store(), "").await
    }

    /// Ids 1, 10 and 2 on two days, as s3aads lays them out.
    async fn foreign() -> (Self, DynamicTable) {
        let bench = Self::new().await;
        let people = people(&bench.db);
        for day in ["2024-01-01", "2024-01-10"] {
            bench
                .fill(["1", "10", "2"].map(|id| format!("people/{day}/{id}")))
                .await;
        }
        (bench, people)
    }
}

/// The table of a bucket that s3aads fills.
fn people(db: &Db) -> DynamicTable {
    let table = db
        .dynamic("people")
        .encoding(Encoding::Verbatim)
        .extension("");
    table.columns(["date", "id"]).unwrap()
}

fn key(date: &str, id: &str) -> Values {
    Values::from([("date", date), ("id", id)])
}

/// The same table as a struct.
#[derive(Debug, Clone, PartialEq, S3Schema)]
#[s3(
    table = "people",
    path = "<date>/<id>",
    encoding = "verbatim",
    extension = "",
    body = "raw"
)]
struct Person {
    date: String,
    id: u64,
    #[s3(body)]
    data: Vec<u8>,
}

#[tokio::test]
async fn a_bucket_of_s3aads_is_read_and_written_by_a_struct_and_by_names() {
    let (bench, people) = Bench::foreign().await;
    let typed = bench.db.table::<Person>();

    let row = people
        .select(key("2024-01-01", "10"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.text().unwrap(), "body of people/2024-01-01/10");
    let same = typed.get(("2024-01-01", 10)).await.unwrap().unwrap();
    assert_eq!(same.data, **row);

    let day = "2024-02-29".to_owned();
    let ann = Person {
        date: day.clone(),
        id: 7,
        data: b"Ann \xff".to_vec(),
    };
    typed.insert(&ann).await.unwrap();
    assert_eq!(
        **people.select(key(&day, "7")).await.unwrap().unwrap(),
        b"Ann \xff"[..]
    );
    people.put(key(&day, "8"), b"Bob").await.unwrap();
    let bob = typed.get((&day, 8)).await.unwrap().unwrap();
    assert_eq!(bob.data, b"Bob");
    people
        .insert([("date", "1 2&é"), ("id", "x y")], "odd")
        .await
        .unwrap();

    let written: Vec<_> = bench
        .all_keys()
        .await
        .into_iter()
        .filter(|key| !key.contains("-01-"))
        .collect();
    assert_eq!(
        written,
        [
            "people/1 2&é/x y",
            "people/2024-02-29/7",
            "people/2024-02-29/8"
        ]
    );
}

#[tokio::test]
async fn a_query_matches_whole_values_of_the_first_columns() {
    let (bench, people) = Bench::foreign().await;
    let ids = |rows: Vec<Values>| -> Vec<String> {
        rows.iter()
            .map(|row| row.get("id").unwrap().to_owned())
            .collect()
    };

    let day = people.query([("date", "2024-01-01")]);
    assert_eq!(ids(day.clone().keys().await.unwrap()), ["1", "10", "2"]);
    assert!(
        people
            .query([("date", "2024-01-0")])
            .keys()
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(bench.spent(), ["ListObjectsV2", "ListObjectsV2"]);

    // The row's own key is a prefix of another's.
    let one = people.query(key("2024-01-01", "1"));
    assert_eq!(one.clone().keys().await.unwrap(), [key("2024-01-01", "1")]);
    assert_eq!(
        people.query(key("2024-01-01", "0")).count().await.unwrap(),
        0
    );
    bench.spent();

    let bodies: Vec<_> = day
        .clone()
        .concurrency(2)
        .stream()
        .try_collect()
        .await
        .unwrap();
    let bodies: Vec<_> = bodies.iter().map(|row| row.text().unwrap()).collect();
    assert_eq!(
        bodies,
        ["1", "10", "2"].map(|id| format!("body of people/2024-01-01/{id}"))
    );
    assert_eq!(
        bench.spent(),
        ["ListObjectsV2", "GetObject", "GetObject", "GetObject"]
    );

    let listed = day.list().await.unwrap();
    assert_eq!(listed[1].size, "body of people/2024-01-01/10".len() as u64);
    assert_eq!(listed[1].key, "people/2024-01-01/10");
    assert_eq!(people.values(&listed[1].key), Some(key("2024-01-01", "10")));
}

#[tokio::test]
async fn what_no_prefix_serves_wants_a_scan() {
    let (bench, people) = Bench::foreign().await;
    let error = people.query([("id", "1")]).keys().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidKey);
    assert_eq!(
        error.to_string(),
        "query `people`: `id` alone is no prefix of the keys; \
         give `date` too, or write `.scan()` to list the whole table"
    );
    people
        .query([("id", "1")])
        .delete()
        .confirm("people")
        .await
        .unwrap_err();
    people.distinct(["id"]).await.unwrap_err();
    assert!(bench.spent().is_empty());

    let ones = people.query([("id", "1")]).scan().keys().await.unwrap();
    assert_eq!(ones, [key("2024-01-01", "1"), key("2024-01-10", "1")]);
    assert_eq!(bench.spent(), ["ListObjectsV2"]);
}

#[tokio::test]
async fn rows_are_created_replaced_and_deleted_by_all_their_columns() {
    let bench = Bench::new().await;
    let people = bench.db.dynamic("people").columns(["date", "id"]).unwrap();
    let ann = key("2024/01", "7");

    let row = people
        .insert(&ann, json!({"name": "Ann"}))
        .metadata("by", "test")
        .await
        .unwrap();
    assert_eq!(row.key(), "people/2024!2f01/7.json");
    let error = people.insert(&ann, "again").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.table()),
        (ErrorKind::AlreadyExists, "people")
    );
    let read = people.select(&ann).await.unwrap().unwrap();
    assert_eq!(
        read.json::<BTreeMap<String, String>>().unwrap()["name"],
        "Ann"
    );
    assert_eq!(read.content_type(), Some("application/json"));
    assert_eq!(read.metadata().get("by").map(String::as_str), Some("test"));

    people
        .put(&ann, "Ann, again")
        .if_version(read.version())
        .await
        .unwrap();
    let stale = people
        .put(&ann, "too late")
        .if_version(read.version())
        .await
        .unwrap_err();
    assert_eq!(stale.kind(), ErrorKind::Conflict);
    people.delete(&ann).await.unwrap();
    people.delete(&ann).await.unwrap();
    assert!(people.select(&ann).await.unwrap().is_none());
    assert_eq!(
        bench.spent(),
        [
            "PutObject",
            "PutObject",
            "HeadObject",
            "GetObject",
            "PutObject",
            "PutObject",
            "HeadObject",
            "DeleteObject",
            "DeleteObject",
            "GetObject"
        ]
    );
}

#[tokio::test]
async fn wrong_columns_and_names_are_errors_that_say_what_is_right() {
    let bench = Bench::new().await;
    let people = people(&bench.db);
    let told = |error: s3orm::Error| (error.kind(), error.to_string());

    let (kind, message) = told(
        people
            .select([("dat", "x"), ("id", "1")])
            .await
            .unwrap_err(),
    );
    assert_eq!(kind, ErrorKind::InvalidKey);
    assert!(
        message.ends_with("there is no key column `dat`; did you mean `date`?"),
        "{message}"
    );
    let (_, message) = told(people.delete([("date", "x")]).await.unwrap_err());
    assert!(
        message.contains("the key column `id` is missing; name every column"),
        "{message}"
    );
    let twice = Values::from([("id", "1"), ("date", "x"), ("id", "2")]);
    let (_, message) = told(people.select(twice).await.unwrap_err());
    assert!(message.contains("`id` is given twice"), "{message}");
    for value in ["", "a/b", ".", ".."] {
        let (kind, _) = told(people.put(key(value, "1"), "x").await.unwrap_err());
        assert_eq!(kind, ErrorKind::InvalidKey, "{value}");
        people.query([("date", value)]).count().await.unwrap_err();
    }
    for table in ["", "a/b", "..", "_s3orm"] {
        let (kind, _) = told(bench.db.dynamic(table).columns(["id"]).unwrap_err());
        assert_eq!(kind, ErrorKind::Schema, "{table}");
        bench.db.drop_table(table).confirm(table).await.unwrap_err();
    }
    bench
        .db
        .dynamic("people")
        .columns(["id", "id"])
        .unwrap_err();
    bench.db.dynamic("people").columns([""; 0]).unwrap_err();
    assert!(bench.spent().is_empty());
}

#[tokio::test]
async fn raw_keys_are_taken_as_they_are() {
    let (bench, people) = Bench::foreign().await;
    people
        .insert_by_key("2024-01-01/3", "by key")
        .await
        .unwrap();
    people
        .insert_by_key("2024-01-01/3", "twice")
        .await
        .unwrap_err();
    people.put_by_key("notes/a/b/c", "no row").await.unwrap();
    let row = people
        .select(key("2024-01-01", "3"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.text().unwrap(), "by key");
    assert!(people.select_by_key("notes/a/b/c").await.unwrap().is_some());
    people.select_by_key("").await.unwrap_err();

    let keys = people.query_by_key("2024-01-01/1").await.unwrap();
    assert_eq!(
        keys,
        ["2024-01-01/1", "2024-01-01/10"],
        "a prefix of the text"
    );
    assert_eq!(people.query_by_key("").await.unwrap().len(), 8);
    assert_eq!(
        people.count().await.unwrap(),
        7,
        "what is no row is passed over"
    );
    people.delete_by_key("notes/a/b/c").await.unwrap();
    assert_eq!(people.query_by_key("notes").await.unwrap(), [""; 0]);
    drop(bench);
}

#[tokio::test]
async fn distinct_values_cost_their_folders() {
    let bench = Bench::new().await;
    let table = bench
        .db
        .dynamic("t")
        .extension("")
        .columns(["a", "b", "c"])
        .unwrap();
    for (a, b) in [("1", "x"), ("1", "y"), ("2", "x"), ("10", "z")] {
        bench.fill((0..300).map(|c| format!("t/{a}/{b}/{c}"))).await;
    }
    let shown = |rows: Vec<Values>| rows.iter().map(Values::to_string).collect::<Vec<_>>();

    let ab = table.distinct(["a"]).await.unwrap();
    assert_eq!(shown(ab), ["a=1", "a=10", "a=2"]);
    assert_eq!(bench.spent(), ["ListObjectsV2"]);
    let ab = table.distinct(["b", "a"]).await.unwrap();
    assert_eq!(shown(ab), ["b=x, a=1", "b=x, a=2", "b=y, a=1", "b=z, a=10"]);
    assert_eq!(bench.spent().len(), 4, "the top and three folders");
    let b = table.query([("a", "1")]).distinct(["b"]).await.unwrap();
    assert_eq!(shown(b), ["b=x", "b=y"]);
    assert_eq!(bench.spent().len(), 1);
    let b = table.all().scan().distinct(["b"]).await.unwrap();
    assert_eq!(shown(b), ["b=x", "b=y", "b=z"]);
    assert_eq!(bench.spent().len(), 2, "1,200 rows");
    let c = table
        .query([("a", "1"), ("b", "x")])
        .distinct(["c"])
        .await
        .unwrap();
    assert_eq!(c.len(), 300);
    assert_eq!(
        shown(table.query([("a", "7")]).distinct(["a"]).await.unwrap()),
        [""; 0]
    );
}

#[tokio::test]
async fn random_rows_are_all_as_likely_and_an_empty_table_has_none() {
    let (bench, people) = Bench::foreign().await;
    let mut drawn: BTreeMap<Values, u32> = BTreeMap::new();
    for _ in 0..600 {
        *drawn
            .entry(people.random_key().await.unwrap().unwrap())
            .or_default() += 1;
    }
    assert_eq!(drawn.len(), 6);
    // 100 each; the deviation is 9, so that this fails once in a billion runs.
    assert!(
        drawn.values().all(|&times| (40..=160).contains(&times)),
        "{drawn:?}"
    );
    let row = people.random().await.unwrap().unwrap();
    assert_eq!(row.text().unwrap(), format!("body of {}", row.key()));

    let none = bench.db.dynamic("nobody").columns(["id"]).unwrap();
    assert_eq!(none.random_key().await.unwrap(), None);
    assert!(none.random().await.unwrap().is_none());
}

#[tokio::test]
async fn rows_are_copied_to_keys_tables_and_buckets_without_passing_by() {
    let (bench, people) = Bench::foreign().await;
    let other = bench.db.bucket("other-bucket").unwrap();
    other.ensure_bucket().await.unwrap();
    let archive = other.dynamic("archive").columns(["id"]).unwrap();
    let from = key("2024-01-01", "10");
    people
        .put(&from, "Ann")
        .metadata("by", "test")
        .content_type("text/x-name")
        .await
        .unwrap();
    bench.spent();

    people.copy(&from, key("2024-03-03", "1")).await.unwrap();
    assert_eq!(bench.spent(), ["HeadObject", "CopyObject"]);
    people
        .copy(&from, [("id", "a/b")])
        .into_table(&archive)
        .await
        .unwrap();
    let copied = archive.select([("id", "a/b")]).await.unwrap().unwrap();
    assert_eq!(copied.text().unwrap(), "Ann");
    assert_eq!(copied.content_type(), Some("text/x-name"));
    assert_eq!(
        copied.metadata().get("by").map(String::as_str),
        Some("test")
    );

    let absent = people
        .copy(key("no", "1"), key("no", "2"))
        .await
        .unwrap_err();
    assert_eq!(absent.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_copy_whose_answer_is_lost_is_read_back() {
    let (bench, people_there) = Bench::foreign().await;
    let proxy = Proxy::in_front_of(bench.server.local_addr()).await;
    let people = people(&connect::db(&proxy.endpoint()).await);
    let (from, to) = (key("2024-01-01", "10"), key("2024-03-03", "1"));

    proxy.fail_next(on("CopyObject"), Fault::CutBefore);
    let error = people.copy(&from, &to).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    assert!(people_there.select(&to).await.unwrap().is_none());
    proxy.fail_next(on("CopyObject"), Fault::CutAfter);
    people.copy(&from, &to).await.unwrap();
    assert!(people_there.select(&to).await.unwrap().is_some());
}

#[tokio::test]
async fn many_rows_are_deleted_by_some_columns_if_that_is_confirmed() {
    let (bench, people) = Bench::foreign().await;
    let day = people.query([("date", "2024-01-01")]);
    let error = day.clone().delete().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.help().unwrap().contains(".confirm(\"people\")"));
    day.clone().delete().confirm("person").await.unwrap_err();
    assert!(bench.spent().is_empty());
    assert_eq!(day.delete().confirm("people").await.unwrap(), 3);
    assert_eq!(bench.spent(), ["ListObjectsV2", "DeleteObjects"]);
    assert_eq!(people.count().await.unwrap(), 3);
}

#[tokio::test]
async fn tables_are_listed_beyond_a_page_and_dropped_by_name() {
    let bench = Bench::new().await;
    bench
        .fill((0..2_300).map(|table| format!("t{table:04}/1")))
        .await;
    bench
        .fill(["_s3orm/schema/x.json".to_owned(), "README".to_owned()])
        .await;
    let tables = bench.db.tables().await.unwrap();
    assert_eq!(tables.len(), 2_300);
    assert_eq!((&*tables[0], &*tables[2_299]), ("t0000", "t2299"));
    assert_eq!(bench.spent().len(), 3);

    bench
        .fill((0..1_100).map(|row| format!("t0001/some/{row}")))
        .await;
    bench.db.drop_table("t0001").await.unwrap_err();
    bench
        .db
        .drop_table("t0001")
        .confirm("t000")
        .await
        .unwrap_err();
    assert_eq!(
        bench.db.drop_table("t0001").confirm("t0001").await.unwrap(),
        1_101
    );
    let left = bench.db.tables().await.unwrap();
    assert_eq!(left.len(), 2_299);
    assert!(!left.contains(&"t0001".to_owned()));
}

#[tokio::test]
async fn a_drop_that_fails_says_so_and_goes_on_when_repeated() {
    let bench = Bench::new().await;
    bench.fill((0..10).map(|row| format!("people/{row}"))).await;
    let proxy = Proxy::in_front_of(bench.server.local_addr()).await;
    let db = connect::db(&proxy.endpoint()).await;
    proxy.fail_next(on("DeleteObjects"), Fault::Answer(403, "AccessDenied"));
    let error = db.drop_table("people").confirm("people").await.unwrap_err();
    assert_eq!((error.kind(), error.table()), (ErrorKind::Denied, "people"));
    assert_eq!(db.drop_table("people").confirm("people").await.unwrap(), 10);
}

#[tokio::test]
async fn buckets_are_created_listed_and_deleted() {
    let bench = Bench::new().await;
    bench.db.bucket("No Bucket!").unwrap_err();
    let other = bench.db.bucket("other-bucket").unwrap();
    assert_eq!(other.to_string(), "s3://other-bucket/");
    assert_eq!(
        other.check().await.unwrap_err().kind(),
        ErrorKind::NoSuchBucket
    );
    other.ensure_bucket().await.unwrap();
    other.ensure_bucket().await.unwrap();
    assert_eq!(
        bench.db.buckets().await.unwrap(),
        ["other-bucket", "test-bucket"]
    );

    let table = other.dynamic("t").columns(["id"]).unwrap();
    table.put([("id", "1")], "x").await.unwrap();
    other.delete_bucket().await.unwrap_err();
    let full = other
        .delete_bucket()
        .confirm("other-bucket")
        .await
        .unwrap_err();
    assert_eq!(full.kind(), ErrorKind::Conflict);
    other.drop_table("t").confirm("t").await.unwrap();
    other.delete_bucket().confirm("other-bucket").await.unwrap();
    assert_eq!(bench.db.buckets().await.unwrap(), ["test-bucket"]);
}

#[tokio::test]
async fn a_prefix_keeps_databases_apart() {
    let bench = Bench::new().await;
    let store = bench.db.store().with_bucket("test-bucket").unwrap();
    let db = Db::with_store(store, "team/a", s3orm::Env::system()).unwrap();
    bench
        .fill(["people/2024-01-01/1".to_owned(), "team/ab/x/1".to_owned()])
        .await;
    people(&db).put(key("2024-01-01", "2"), "x").await.unwrap();
    assert_eq!(db.tables().await.unwrap(), ["people"]);
    assert_eq!(people(&db).keys().await.unwrap(), [key("2024-01-01", "2")]);
    db.drop_table("people").confirm("people").await.unwrap();
    assert_eq!(
        bench.all_keys().await,
        ["people/2024-01-01/1", "team/ab/x/1"]
    );
    let absent = bench
        .server
        .store()
        .head("team/a/people/2024-01-01/2")
        .await;
    assert_eq!(absent.unwrap_err().kind(), StoreErrorKind::NotFound);
}
