//! Tables that describe themselves on the bucket: what is written, what it costs, and what a program
//! is told that does not fit.

use s3orm::store::{GetObject, ListObjects, PutObject};
use s3orm::{Db, Difference, ErrorKind, IndexState, S3Schema, StoredSchema};
use s3orm_tests::connect;
use s3orm_tests::server::TestServer;
use serde::{Deserialize, Serialize};

/// People of Oslo and elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<city>/<id>")]
struct Person {
    city: String,
    /// A number of theirs alone.
    id: u64,
    #[serde(rename = "e_mail", default)]
    email: String,
    born: Option<u32>,
}

/// The same table by programs with other structs.
macro_rules! program {
    ($name:ident, $path:literal; $($(#[$attribute:meta])* $field:ident: $type:ty),*) => {
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
        #[s3(table = "people", path = $path)]
        struct $name { $($(#[$attribute])* $field: $type),* }
    };
}

async fn server() -> (TestServer, Db) {
    let server = TestServer::memory().await;
    let db = connect::db(&server.endpoint()).await;
    (server, db)
}

fn spent(server: &TestServer) -> Vec<String> {
    let requests = server.requests();
    server.reset();
    requests
        .iter()
        .map(|request| request.operation.to_string())
        .collect()
}

#[tokio::test]
async fn a_table_is_described_once_and_read_back() {
    let (server, db) = server().await;
    let people = db.table::<Person>();

    assert_eq!(people.schema().await.unwrap(), None);
    assert_eq!(spent(&server), ["GetObject"]);
    let created = people.create().await.unwrap();
    assert_eq!(spent(&server), ["GetObject", "PutObject"]);
    assert_eq!(created, StoredSchema::from(Person::SCHEMA));
    assert_eq!(people.create().await.unwrap(), created);
    assert_eq!(spent(&server), ["GetObject"], "there is nothing to write");
    assert_eq!(people.schema().await.unwrap(), Some(created.clone()));
    assert!(people.check().await.unwrap().is_empty());
    assert_eq!(spent(&server), ["GetObject", "GetObject"]);

    assert_eq!(
        (&*created.path, &*created.extension),
        ("<city>/<id>", ".json")
    );
    assert_eq!((&*created.body, created.version), ("json", 1));
    let email = created.column("e_mail").unwrap();
    assert_eq!((email.field(), &*email.rust_type), ("email", "String"));
    assert!(email.default.is_some() && !email.nullable);
    let born = created.column("born").unwrap();
    assert_eq!((&*born.rust_type, born.nullable), ("u32", true));
    assert_eq!(
        created.column("id").unwrap().comment,
        "A number of theirs alone."
    );
    assert_eq!(created.column("id").unwrap().key, Some(1));
}

#[tokio::test]
async fn rows_of_a_described_table_cost_what_they_did() {
    let (server, db) = server().await;
    let people = db.table::<Person>();
    people.create().await.unwrap();
    server.reset();
    let ann = Person {
        city: "Oslo".into(),
        id: 1,
        email: String::new(),
        born: None,
    };
    people.put(&ann).await.unwrap();
    assert_eq!(spent(&server), ["PutObject"]);
    people.get(("Oslo", 1)).await.unwrap().unwrap();
    assert_eq!(spent(&server), ["GetObject"]);
    people
        .update(("Oslo", 1), |row| row.born = Some(1990))
        .await
        .unwrap();
    assert_eq!(spent(&server), ["GetObject", "PutObject"]);
}

#[tokio::test]
async fn a_program_that_adds_to_a_table_describes_it_anew() {
    program!(Newer, "<city>/<id>"; city: String, id: u64,
        #[serde(rename = "e_mail", default)] email: String, born: Option<u32>,
        /// Since last year.
        nickname: Option<String>);
    let (server, db) = server().await;
    db.table::<Person>().create().await.unwrap();
    server.reset();

    let newer = db.table::<Newer>();
    let diff = newer.check().await.unwrap();
    let added = Difference::ColumnAdded {
        column: "nickname".into(),
        optional: true,
    };
    assert!(
        diff.iter().any(|one| *one == added) && diff.is_compatible(),
        "{diff}"
    );
    assert_eq!(spent(&server), ["GetObject"]);
    let schema = newer.create().await.unwrap();
    assert_eq!(spent(&server), ["GetObject", "PutObject"]);
    assert_eq!(
        schema.column("nickname").unwrap().comment,
        "Since last year."
    );

    // To the program of before the column would be lost.
    let error = db.table::<Person>().create().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema);
    let lost = "the table has a column `nickname`, which writes of the program would lose";
    assert!(error.to_string().contains(lost), "{error}");
    assert_eq!(spent(&server), ["GetObject"]);
}

#[tokio::test]
async fn a_program_that_does_not_fit_is_told_why() {
    program!(Moved, "<id>/<city>"; city: String, id: u64,
        #[serde(rename = "e_mail", default)] email: String, born: Option<u32>);
    program!(Typed, "<city>/<id>"; city: String, id: u64,
        #[serde(rename = "e_mail", default)] email: String, born: Option<i32>);
    program!(Never, "<city>/<id>"; city: String, id: u64,
        #[serde(rename = "e_mail", default)] email: String, born: u32);
    program!(More, "<city>/<id>"; city: String, id: u64,
        #[serde(rename = "e_mail", default)] email: String, born: Option<u32>, age: u8);
    program!(KeyOnly, "<city>/<id>"; #[s3(key_only)] city: String, id: u64,
        #[serde(rename = "e_mail", default)] email: String, born: Option<u32>);
    #[derive(Serialize, Deserialize, S3Schema)]
    #[s3(table = "people", path = "<city>/<id>", extension = ".txt")]
    struct Ended {
        city: String,
        id: u64,
        #[serde(rename = "e_mail", default)]
        email: String,
        born: Option<u32>,
    }

    let (_server, db) = server().await;
    db.table::<Person>().create().await.unwrap();
    macro_rules! refused {
        ($($program:ident: $reason:literal,)+) => {$(
            let table = db.table::<$program>();
            let diff = table.check().await.unwrap();
            assert!(!diff.is_compatible(), "{diff}");
            let first = diff.iter().next().expect("what matters is first").to_string();
            assert_eq!(first, $reason);
            let error = table.create().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Schema);
            assert!(error.to_string().contains($reason), "{error}");
        )+};
    }
    refused! {
        Moved: "`path` is `<city>/<id>` on the bucket and `<id>/<city>` in the program",
        Typed: "the column `born` has the type `u32` on the bucket and `i32` in the program",
        Never: "the column `born` has the presence `null or not` on the bucket and `never null` in the program",
        More: "the column `age` is new, and rows without it cannot be read",
        Ended: "`extension` is `.json` on the bucket and `.txt` in the program",
    }
    let diff = db.table::<KeyOnly>().check().await.unwrap();
    assert!(
        diff.is_compatible(),
        "rows that hold the column can be read: {diff}"
    );
    let stored = db.schema("people").await.unwrap().unwrap();
    assert_eq!(
        stored,
        StoredSchema::from(Person::SCHEMA),
        "nothing was written"
    );
}

#[tokio::test]
async fn an_indexed_table_is_described_by_its_first_write() {
    program!(Indexed, "<city>/<id>"; city: String, id: u64, #[s3(index)] age: u32);
    program!(Other, "<city>/<id>"; city: String, id: u64, #[s3(unique)] age: u32);
    let (server, db) = server().await;
    let table = db.table::<Indexed>();
    let row = |id| Indexed {
        city: "Oslo".into(),
        id,
        age: 30,
    };
    table.insert(row(1)).await.unwrap();
    let schema = table.schema().await.unwrap().unwrap();
    assert_eq!(
        schema.columns.len(),
        3,
        "columns and indexes are in one object"
    );
    assert_eq!(schema.indexes["index.age"].state, IndexState::Readable);
    server.reset();
    assert_eq!(table.create().await.unwrap(), schema);
    assert_eq!(spent(&server), ["GetObject"]);

    let error = db.table::<Other>().create().await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the index `index.age`, which the program does not declare")
    );
    let again = TestServer::memory().await;
    let db = connect::db(&again.endpoint()).await;
    db.table::<Indexed>().create().await.unwrap();
    assert_eq!(spent(&again), ["GetObject", "ListObjectsV2", "PutObject"]);
    db.table::<Indexed>().insert(row(1)).await.unwrap();
    let reads = spent(&again)
        .iter()
        .filter(|one| *one == "GetObject")
        .count();
    assert_eq!(
        reads, 1,
        "of the record of what the store honours: the description is known"
    );
}

/// As versions of this library wrote it that described indexes alone.
#[tokio::test]
async fn a_description_of_indexes_alone_is_completed() {
    program!(Indexed, "<city>/<id>"; city: String, id: u64, #[s3(index)] age: u32);
    let (server, db) = server().await;
    let old = r#"{"_m":{"v":"x"},"indexes":{"index.age":{"columns":["age"],"projection":[],"state":"readable"}}}"#;
    let key = format!("{}_s3orm/schema/people.json", db.prefix());
    let request = PutObject {
        key: key.clone(),
        body: old.into(),
        ..PutObject::default()
    };
    db.store().put(&request).await.unwrap();
    let table = db.table::<Indexed>();
    assert!(!table.schema().await.unwrap().unwrap().is_described());
    assert!(table.check().await.unwrap().is_compatible());
    assert_eq!(
        db.open_dynamic("people").await.unwrap_err().kind(),
        ErrorKind::Schema
    );
    server.reset();
    let schema = table.create().await.unwrap();
    assert_eq!(spent(&server), ["GetObject", "PutObject"]);
    assert!(schema.is_described());
    assert_eq!(
        schema.indexes["index.age"].state,
        IndexState::Readable,
        "it stays built"
    );
}

#[tokio::test]
async fn two_programs_that_create_at_once_lose_nothing() {
    program!(First, "<city>/<id>"; city: String, id: u64, #[s3(index)] age: u32);
    let (_server, db) = server().await;
    let other = db.clone();
    let (one, two) = futures_util::join!(async { db.table::<First>().create().await }, async {
        other.table::<First>().create().await
    });
    assert_eq!(one.unwrap(), two.unwrap());
}

#[tokio::test]
async fn what_newer_libraries_wrote_is_kept_and_nonsense_is_an_error() {
    let (_server, db) = server().await;
    let people = db.table::<Person>();
    people.create().await.unwrap();
    let key = format!("{}_s3orm/schema/people.json", db.prefix());
    let get = |key: &str| GetObject {
        key: key.to_owned(),
        ..GetObject::default()
    };
    let object = db.store().get(get(&key)).await.unwrap();
    let mut value: serde_json::Value = serde_json::from_slice(&object.body).unwrap();
    value["sharding"] = serde_json::json!({ "by": "moon" });
    value["columns"].as_array_mut().unwrap().pop();
    let put = |body: String| PutObject {
        key: key.clone(),
        body: body.into(),
        ..PutObject::default()
    };
    db.store().put(&put(value.to_string())).await.unwrap();
    people.create().await.unwrap();
    let object = db.store().get(get(&key)).await.unwrap();
    let value: serde_json::Value = serde_json::from_slice(&object.body).unwrap();
    assert_eq!(value["sharding"]["by"], "moon");
    assert_eq!(value["columns"].as_array().unwrap().len(), 4);

    db.store().put(&put("[]".to_owned())).await.unwrap();
    for error in [
        people.create().await.unwrap_err(),
        people.schema().await.unwrap_err(),
        people.check().await.unwrap_err(),
        db.open_dynamic("people").await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
    }
}

#[tokio::test]
async fn a_described_table_opens_without_its_struct() {
    program!(Logged, "host=<host>/v<no:desc>+<id>"; host: String, no: u32, id: u64, text: String);
    let (server, db) = server().await;
    let table = db.table::<Logged>();
    table.create().await.unwrap();
    for (host, no, id) in [("a/b", 7, 1), ("a/b", 8, 2), ("c", 8, 3)] {
        let (host, text) = (host.to_owned(), format!("{id}"));
        table.put(Logged { host, no, id, text }).await.unwrap();
    }
    server.reset();
    let dynamic = db.open_dynamic("people").await.unwrap();
    assert_eq!(spent(&server), ["GetObject"]);
    assert_eq!(dynamic.columns().collect::<Vec<_>>(), ["host", "no", "id"]);

    let row = [("host", "a/b"), ("no", "8"), ("id", "2")];
    let key = dynamic.key(row).unwrap();
    assert_eq!(key, table.key(("a/b", 8, 2)).unwrap());
    let found = dynamic.select(row).await.unwrap().unwrap();
    assert_eq!(found.json::<Logged>().unwrap().text, "2");
    assert_eq!(dynamic.values(&key).unwrap().get("no"), Some("8"));
    let of_host = dynamic.query([("host", "a/b")]).keys().await.unwrap();
    let numbers: Vec<_> = of_host.iter().map(|row| row.get("no").unwrap()).collect();
    assert_eq!(numbers, ["8", "7"], "in the order of the keys");
    let hosts = dynamic.distinct(["host"]).await.unwrap();
    assert_eq!(hosts.len(), 2);
    let numbers = dynamic.all().scan().distinct(["no"]).await.unwrap();
    assert_eq!(numbers.len(), 2);

    let error = db.open_dynamic("nobody").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

/// A table with all that is kept for one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>")]
struct Indexed {
    id: u64,
    #[s3(index)]
    city: String,
    #[s3(unique)]
    email: String,
    photo: Option<s3orm::Blob>,
}

#[tokio::test]
async fn a_table_that_is_dropped_leaves_nothing_behind() {
    let (server, db) = server().await;
    let indexed = db.table::<Indexed>();
    let photo = indexed.blob().bytes("a photo").await.unwrap();
    let row = Indexed {
        id: 1,
        city: "Oslo".into(),
        email: "a@a.org".into(),
        photo: Some(photo),
    };
    indexed.insert(row).await.unwrap();
    let put = |key: &str| PutObject {
        key: key.to_owned(),
        body: "{}".into(),
        ..PutObject::default()
    };
    let others = "_s3orm/migrations/people-1-1-2.json"; // of the table `people-1`
    for key in ["_s3orm/migrations/people-1-2.json", others] {
        server.store().put(&put(key)).await.unwrap();
    }
    server.reset();

    assert_eq!(db.drop_table("people").confirm("people").await.unwrap(), 1);
    let lists = spent(&server);
    let lists = lists.iter().filter(|one| *one == "ListObjectsV2").count();
    assert_eq!(lists, 1 + 6);
    let left = server.store().list(ListObjects::default()).await.unwrap();
    let keys = left.objects.into_iter().map(|object| object.key);
    assert_eq!(keys.collect::<Vec<_>>(), [others]);

    // Nothing of it is in the way of another table of the name.
    db.table::<Person>().create().await.unwrap();
}

/// What was known of the table goes with it: else nothing would be written of the next of its name, and
/// its indexes could not be asked.
#[tokio::test]
async fn a_table_that_was_dropped_is_described_anew_by_its_first_write() {
    let (server, db) = server().await;
    let indexed = db.table::<Indexed>();
    for _ in 0..2 {
        let row = Indexed {
            id: 1,
            city: "Oslo".into(),
            email: "a@a.org".into(),
            photo: None,
        };
        indexed.insert(row).await.unwrap();
        let of_another = connect::db(&server.endpoint()).await.table::<Indexed>();
        let in_oslo = of_another.query().by(Indexed::INDEX.city).at("Oslo");
        assert_eq!(in_oslo.count().await.unwrap(), 1);
        db.drop_table("people").confirm("people").await.unwrap();
    }
}
