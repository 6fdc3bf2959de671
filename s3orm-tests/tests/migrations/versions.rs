//! Rows of several versions in one table: who reads which, who writes which, and for how many requests.

use s3orm::infra::Verb;
use s3orm::store::PutObject;
use s3orm::{ErrorKind, S3Schema, StoredSchema};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Both, PersonV1, PersonV2, PersonV3, both, count, fill, other, server, stored, v1, v2, v3,
};

#[tokio::test]
async fn old_rows_are_read_through_every_version_between() {
    let (server, db) = server().await;
    db.table().put(v1(1)).await.unwrap();
    db.table::<PersonV2>()
        .migrate()
        .alone()
        .await
        .unwrap()
        .into_result()
        .unwrap();
    db.table().put(v2(2)).await.unwrap();
    db.table::<PersonV3>().create().await.unwrap();
    // One more of the first version, by a program that asks nobody.
    db.table().put(v1(3)).await.unwrap();
    server.reset();

    let people = db.table::<PersonV3>();
    for id in 1..=3 {
        assert_eq!(people.get(id).await.unwrap(), Some(v3(id)));
    }
    assert_eq!(
        server.spent(),
        ["GetObject"; 3],
        "the version is in the row"
    );
    let all = people.query().scan().all().await.unwrap();
    assert_eq!(all, [v3(1), v3(2), v3(3)]);
    let longest = people.query().filter(PersonV3::COL.letters.ge(1)).scan();
    assert_eq!(longest.count().await.unwrap(), 3);

    assert_eq!(
        stored(&db, "people/3.json").await,
        json!({"id": 3, "name": "Ann Lee3"})
    );
    let second = json!({"_v": 2, "id": 2, "first": "Ann", "last": "Lee2"});
    assert_eq!(stored(&db, "people/2.json").await, second);
}

#[tokio::test]
async fn an_empty_table_is_of_the_programs_version_at_once() {
    let (server, db) = server().await;
    let people = db.table::<PersonV2>();
    people.put(v2(1)).await.unwrap();
    assert_eq!(
        server.spent(),
        ["GetObject", "ListObjectsV2", "PutObject", "PutObject"],
        "the first write of all describes the table"
    );
    people.put(v2(1)).await.unwrap();
    people.insert(v2(2)).await.unwrap();
    assert_eq!(server.spent(), ["PutObject"; 2], "what is known is recent");
    people
        .update(1, |row| row.first = "Bob".into())
        .await
        .unwrap();
    assert_eq!(server.spent(), ["GetObject", "PutObject"]);
    let other = other(&server).await;
    other.table().put(v2(3)).await.unwrap();
    assert_eq!(
        server.spent(),
        ["GetObject", "PutObject"],
        "another process asks once"
    );
    fill(&other.table(), (4..104).map(v2)).await;
    assert_eq!(server.spent(), vec!["PutObject"; 100]);
    let schema = people.schema().await.unwrap().unwrap();
    assert_eq!((schema.version, schema.oldest), (2, None));
    assert_eq!(stored(&db, "people/1.json").await["_v"], 2);
}

#[tokio::test]
async fn a_program_that_is_ahead_of_its_table_reads_and_does_not_write() {
    let (_server, db) = server().await;
    db.table().put(v1(1)).await.unwrap();
    let people = db.table::<PersonV2>();
    assert_eq!(people.get(1).await.unwrap(), Some(v2(1)));
    let row = people.read(1).await.unwrap().unwrap();
    for error in [
        people.put(v2(1)).await.unwrap_err(),
        people.insert(v2(2)).await.unwrap_err(),
        people.save(row).await.unwrap_err(),
        people.update(1, |row| row.first.clear()).await.unwrap_err(),
        people
            .patch(1)
            .set(PersonV2::COL.first, "x")
            .await
            .unwrap_err(),
        people.rekey(1, |row| row.id = 9).await.unwrap_err(),
        people.put_many([v2(1)]).await.into_result().unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Schema, "{error}");
        assert!(error.to_string().contains("`table.migrate()`"), "{error}");
    }
    assert_eq!(
        stored(&db, "people/1.json").await,
        json!({"id": 1, "name": "Ann Lee1"})
    );
    people.delete(1).await.unwrap();
}

#[tokio::test]
async fn an_old_program_is_told_of_newer_rows() {
    let (server, db) = server().await;
    db.table().put(v1(1)).await.unwrap();
    db.table::<PersonV2>()
        .migrate()
        .alone()
        .await
        .unwrap()
        .into_result()
        .unwrap();

    let old = other(&server).await.table::<PersonV1>();
    for error in [
        old.get(1).await.unwrap_err(),
        old.update(1, |row| row.name.clear()).await.unwrap_err(),
        old.patch(1).set(PersonV1::COL.name, "x").await.unwrap_err(),
        old.query().scan().all().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Schema, "{error}");
        let says = "the row is of version 2, and this program knows version 1";
        assert!(error.to_string().contains(says), "{error}");
    }
    let diff = old.check().await.unwrap();
    assert!(!diff.is_compatible());
    assert_eq!(old.create().await.unwrap_err().kind(), ErrorKind::Schema);

    // One with a version asks before it writes.
    db.table::<PersonV3>()
        .migrate()
        .alone()
        .await
        .unwrap()
        .into_result()
        .unwrap();
    let second = other(&server).await.table::<PersonV2>();
    let error = second.put(v2(1)).await.unwrap_err();
    assert!(
        error.to_string().contains("the table is at version 3"),
        "{error}"
    );
    assert_eq!(stored(&db, "people/1.json").await["_v"], 3);
}

#[tokio::test]
async fn old_and_new_programs_share_a_table_until_it_is_migrated() {
    let (server, db) = server().await;
    let old = db.table::<PersonV1>();
    let new = other(&server).await.table::<Both>();
    old.put(v1(1)).await.unwrap();

    // The new one writes what the old one reads.
    new.put(both(2)).await.unwrap();
    assert_eq!(
        stored(&db, "people/2.json").await,
        json!({"id": 2, "name": "Ann Lee2"})
    );
    new.update(1, |row| row.first = "Bob".into()).await.unwrap();
    new.patch(1).set(Both::COL.last, "Ray").await.unwrap();
    assert_eq!(old.get(1).await.unwrap().unwrap().name, "Bob Ray");
    old.update(2, |row| row.name.push('!')).await.unwrap();
    assert_eq!(new.get(2).await.unwrap().unwrap().last, "Lee2!");
    let returned = new
        .patch(1)
        .set(Both::COL.last, "Roe")
        .returning_old()
        .await
        .unwrap();
    assert_eq!(
        (&*returned.old.unwrap().last, &*returned.new.last),
        ("Ray", "Roe")
    );
    fill(&new, [both(3), both(4)]).await;
    assert_eq!(old.query().scan().count().await.unwrap(), 4);
    let schema = new.schema().await.unwrap().unwrap();
    assert_eq!((schema.version, &*schema.columns[1].name), (1, "name"));

    // From here on the new version is written.
    let migrated = new.migrate().alone().await.unwrap();
    assert_eq!((migrated.complete, migrated.rewritten), (true, 4));
    new.put(both(5)).await.unwrap();
    assert_eq!(stored(&db, "people/5.json").await["_v"], 2);
    assert_eq!(old.get(5).await.unwrap_err().kind(), ErrorKind::Schema);
    let schema = new.schema().await.unwrap().unwrap();
    assert_eq!(
        (schema.version, schema.oldest, &*schema.columns[1].name),
        (2, None, "first")
    );
    assert_eq!(schema.columns, StoredSchema::from(Both::SCHEMA).columns);
}

#[tokio::test]
async fn other_tools_may_put_the_version_anywhere() {
    let (_server, db) = server().await;
    db.table().put(v2(1)).await.unwrap();
    let put = |body: &'static str| PutObject {
        key: format!("{}people/1.json", db.prefix()),
        body: body.into(),
        ..PutObject::default()
    };
    let people = db.table::<PersonV3>();
    let text = r#"{"id": 1, "first": "A", "last": "B", "_v": 2}"#;
    db.store().put(&put(text)).await.unwrap();
    assert_eq!(people.get(1).await.unwrap().unwrap().letters, 2);
    let text = r#"{"id": 1, "first": "A", "last": "B", "letters": 7, "_v": 3}"#;
    db.store().put(&put(text)).await.unwrap();
    assert_eq!(people.get(1).await.unwrap().unwrap().letters, 7);
    for (text, kind) in [
        (r#"{"id": 1, "_v": 4}"#, ErrorKind::Schema),
        (r#"{"id": 1, "_v": "new"}"#, ErrorKind::Decode),
        (r#"{"id": 1, "_v": 0}"#, ErrorKind::Decode),
    ] {
        db.store().put(&put(text)).await.unwrap();
        assert_eq!(people.get(1).await.unwrap_err().kind(), kind, "{text}");
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "things", path = "<id>", body = "msgpack")]
struct ThingV1 {
    id: u64,
    size: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(
    table = "things",
    path = "<id>",
    body = "msgpack",
    version = 2,
    previous = "ThingV1"
)]
#[serde(deny_unknown_fields)]
struct Thing {
    id: u64,
    sizes: Vec<u32>,
}

impl From<ThingV1> for Thing {
    fn from(old: ThingV1) -> Self {
        Self {
            id: old.id,
            sizes: vec![old.size],
        }
    }
}

#[tokio::test]
async fn messagepack_rows_have_versions() {
    let (server, db) = server().await;
    db.table().put(ThingV1 { id: 1, size: 5 }).await.unwrap();
    let things = db.table::<Thing>();
    assert_eq!(things.get(1).await.unwrap().unwrap().sizes, [5]);
    let migrated = things.migrate().alone().await.unwrap();
    assert_eq!(migrated.into_result().unwrap(), 1);
    let thing = Thing {
        id: 1,
        sizes: vec![5],
    };
    assert_eq!(
        things.get(1).await.unwrap(),
        Some(thing),
        "no column meets `_v`"
    );
    let old = other(&server).await.table::<ThingV1>();
    assert_eq!(old.get(1).await.unwrap_err().kind(), ErrorKind::Schema);
    assert_eq!(count(&server.spent(), "DeleteObject"), 0);
}

#[tokio::test]
async fn policies_have_what_versions_need() {
    let (_server, db) = server().await;
    let resources = |verb| {
        let policy = db.table::<PersonV2>().iam_policy([verb]);
        serde_json::to_string(&policy).unwrap()
    };
    let schema = "_s3orm/schema/people.json";
    let migrations = "_s3orm/migrations/people-*";
    assert!(
        !resources(Verb::Read).contains("_s3orm"),
        "rows say of which version they are"
    );
    let write = resources(Verb::Write);
    assert!(
        write.contains(schema) && !write.contains(migrations),
        "{write}"
    );
    let maintain = resources(Verb::Maintain);
    assert!(
        maintain.contains(schema) && maintain.contains(migrations),
        "{maintain}"
    );
    let plain = db
        .table::<PersonV1>()
        .iam_policy([Verb::Write, Verb::Maintain]);
    assert!(!plain.to_string().contains("_s3orm"), "{plain}");
}
