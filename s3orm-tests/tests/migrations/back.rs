//! The way back to an older version: who writes which meanwhile, what it costs, what it refuses, and how it
//! meets the way up.

use std::time::Duration;

use s3orm::{Env, ErrorKind, S3Schema, StoredSchema};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Both, LEASE, PersonV1, PersonV2, PersonV3, assert_cost, both, count, fill, other, server,
    stored, v1, v3, version, whole,
};

/// The third version, by a program that can write all of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(
    table = "people",
    path = "<id>",
    version = 3,
    previous = "Both",
    reversible
)]
struct All {
    id: u64,
    first: String,
    last: String,
    letters: usize,
}

impl From<Both> for All {
    fn from(old: Both) -> Self {
        Self {
            id: old.id,
            letters: old.first.len() + old.last.len(),
            first: old.first,
            last: old.last,
        }
    }
}

impl From<&All> for Both {
    fn from(new: &All) -> Self {
        Self {
            id: new.id,
            first: new.first.clone(),
            last: new.last.clone(),
        }
    }
}

fn all(id: u64) -> All {
    both(id).into()
}

#[tokio::test]
async fn old_programs_come_back() {
    let (server, db) = server().await;
    let new = db.table::<Both>();
    fill(&new, (1..=4).map(both)).await;
    let old = other(&server).await.table::<PersonV1>();
    assert_eq!(old.get(1).await.unwrap_err().kind(), ErrorKind::Schema);
    // One that has written the newer version a moment ago.
    let late = other(&server).await.table::<Both>();
    late.put(both(5)).await.unwrap();

    let back = new.migrate().down_to(1).alone().await.unwrap();
    assert_eq!((back.complete, back.rewritten), (true, 5));
    assert_eq!((back.from, back.to, back.rows), (2, 1, 5));
    for id in 1..=5 {
        assert_eq!(old.get(id).await.unwrap(), Some(v1(id)));
    }
    assert_eq!(
        stored(&db, "people/2.json").await,
        json!({"id": 2, "name": "Ann Lee2"})
    );
    let schema = new.schema().await.unwrap().unwrap();
    let versions = (schema.version, schema.oldest, schema.newest);
    assert_eq!(versions, (1, None, None));
    let columns = StoredSchema::from(PersonV1::SCHEMA).columns;
    assert_eq!(schema.columns, columns, "others see what rows are now");
    assert!(old.check().await.unwrap().is_compatible());

    // Both go on, as they did before the migration.
    old.update(2, |row| row.name.push('!')).await.unwrap();
    new.update(2, |row| row.first = "Bob".into()).await.unwrap();
    new.put(both(6)).await.unwrap();
    assert_eq!(old.get(2).await.unwrap().unwrap().name, "Bob Lee2!");
    assert_eq!(old.get(6).await.unwrap(), Some(v1(6)));
    let one_way = other(&server).await.table::<PersonV2>();
    let error = one_way.put(crate::v2(7)).await.unwrap_err();
    assert!(error.to_string().contains("`reversible`"), "{error}");

    // What knew the newer version goes on with it for half a minute: hence the pause before the last pass.
    late.put(both(5)).await.unwrap();
    assert_eq!(version(&db, 5).await, 2);
    let again = new.migrate().down_to(1).again().alone().await.unwrap();
    assert_eq!((again.complete, again.rewritten), (true, 1));

    // And up again.
    let up = new.migrate().alone().await.unwrap();
    assert_eq!((up.complete, up.rewritten, up.from, up.to), (true, 6, 1, 2));
    assert_eq!(old.get(1).await.unwrap_err().kind(), ErrorKind::Schema);
    assert_eq!(new.get(2).await.unwrap().unwrap().last, "Lee2!");
}

#[tokio::test]
async fn it_costs_what_the_way_up_costs() {
    let (server, db) = server().await;
    let people = db.table::<Both>();
    fill(&people, (0..2500).map(both)).await;
    server.reset();
    let plan = people.migrate().down_to(1).dry_run().await.unwrap();
    let requests = server.spent();
    assert_eq!(count(&requests, "PutObject"), 0, "nothing is written");
    assert_eq!((plan.rows, plan.to_rewrite), (2500, 2500));
    assert_eq!(plan.versions, [(2, 2500)].into());
    assert_eq!(plan.samples.len(), 5);
    let sample = &plan.samples[0];
    assert!(sample.before.starts_with(b"{\"_v\":2,") && sample.after.starts_with(b"{\"id\":"));
    assert!(plan.failed.is_empty());

    let back = people.migrate().down_to(1).alone().await.unwrap();
    let requests = server.spent();
    assert_eq!(
        (back.complete, back.rewritten, back.passes),
        (true, 2500, 2)
    );
    assert_cost(&requests, &plan);

    let again = people.migrate().down_to(1).await.unwrap();
    assert_eq!((again.complete, again.rewritten), (true, 0));
    assert_eq!(server.spent(), ["GetObject"], "it is known to be done");
}

#[tokio::test]
async fn it_goes_back_through_several_versions() {
    let (server, db) = server().await;
    let people = db.table::<All>();
    fill(&people, (1..=3).map(all)).await;
    let back = people.migrate().down_to(1).alone().await.unwrap();
    assert_eq!((back.complete, back.rewritten, back.from), (true, 3, 3));
    assert_eq!(
        stored(&db, "people/1.json").await,
        json!({"id": 1, "name": "Ann Lee1"})
    );

    // Half of the way only, with rows of all three.
    other(&server).await.table().put(v1(9)).await.unwrap();
    whole(people.migrate()).await;
    assert_eq!(version(&db, 9).await, 3);
    other(&server).await.table().put(v1(8)).await.unwrap();
    let job = people.migrate().down_to(2).again().alone();
    let back = job.await.unwrap();
    assert_eq!((back.complete, back.rewritten), (true, 5), "up, too");
    for id in [1, 2, 3, 8, 9] {
        assert_eq!(version(&db, id).await, 2);
    }
    let second = other(&server).await.table::<Both>();
    assert_eq!(second.get(8).await.unwrap(), Some(both(8)));
    let schema = people.schema().await.unwrap().unwrap();
    let versions = (schema.version, schema.oldest, schema.newest);
    assert_eq!(versions, (2, None, None));

    // The program of the second version goes on by itself.
    let back = second.migrate().down_to(1).alone().await.unwrap();
    assert_eq!((back.complete, back.rewritten), (true, 5));
    let error = people.migrate().down_to(2).await.unwrap_err();
    let says = "the table is at version 1, which is before version 2";
    assert!(error.to_string().contains(says), "{error}");
}

/// Not the way that leads to it, but what is missing on it.
#[derive(Debug, Clone, Serialize, Deserialize, S3Schema)]
#[s3(
    table = "people",
    path = "<id>",
    version = 3,
    previous = "PersonV2",
    reversible
)]
struct Stuck {
    id: u64,
}

impl From<PersonV2> for Stuck {
    fn from(old: PersonV2) -> Self {
        Self { id: old.id }
    }
}

impl From<&Stuck> for PersonV2 {
    fn from(new: &Stuck) -> Self {
        crate::v2(new.id)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize, S3Schema)]
#[s3(
    table = "people",
    path = "by=<id>",
    version = 2,
    previous = "PersonV1",
    reversible
)]
struct Moved {
    id: u64,
}

impl From<PersonV1> for Moved {
    fn from(old: PersonV1) -> Self {
        Self { id: old.id }
    }
}

impl From<&Moved> for PersonV1 {
    fn from(new: &Moved) -> Self {
        v1(new.id)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize, S3Schema)]
#[s3(
    table = "people",
    path = "<id>",
    version = 2,
    previous = "PersonV1",
    reversible
)]
struct Stamped {
    id: u64,
    #[s3(index)]
    town: String,
}

impl From<PersonV1> for Stamped {
    fn from(old: PersonV1) -> Self {
        Self {
            id: old.id,
            town: String::new(),
        }
    }
}

impl From<&Stamped> for PersonV1 {
    fn from(new: &Stamped) -> Self {
        v1(new.id)
    }
}

#[tokio::test]
async fn what_does_not_go_back_is_refused_before_anything_is_written() {
    let (server, db) = server().await;
    let people = db.table::<Both>();
    let stuck = db.table::<Stuck>();
    let (moved, stamped) = (db.table::<Moved>(), db.table::<Stamped>());
    for (error, kind, says) in [
        (
            people.migrate().down_to(2).await.unwrap_err(),
            ErrorKind::Schema,
            "version 2 is not before that of the program, which is 2",
        ),
        (
            people.migrate().down_to(0).await.unwrap_err(),
            ErrorKind::Schema,
            "declare it again, and name it as `previous` of `PersonV1`",
        ),
        (
            stuck.migrate().down_to(1).await.unwrap_err(),
            ErrorKind::Schema,
            "add `reversible` to `PersonV2`, and write `impl From<&PersonV2> for PersonV1`",
        ),
        (
            stuck.migrate().down_to(1).dry_run().await.unwrap_err(),
            ErrorKind::Schema,
            "rows of `PersonV2`, which is version 2, cannot be written as the version before",
        ),
        (
            moved.migrate().down_to(1).await.unwrap_err(),
            ErrorKind::Unsupported,
            "rows of version 1 are at other keys, `<id>.json`, and rows do not move back",
        ),
        (
            stamped.migrate().down_to(1).await.unwrap_err(),
            ErrorKind::Unsupported,
            "version 1 has neither transactions nor indexes",
        ),
    ] {
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
    assert_eq!(server.spent(), [""; 0], "no request");

    // A program that does not know the rows that there may be.
    people.put(both(1)).await.unwrap();
    let newer = other(&server).await.table::<All>();
    whole(newer.migrate()).await;
    let error = people.migrate().down_to(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema, "{error}");
    assert!(error.to_string().contains("version 3"), "{error}");
}

#[tokio::test]
async fn it_waits_for_clients_that_may_not_know() {
    let (_server, db) = server().await;
    let people = db.table::<Both>();
    fill(&people, (0..10).map(both)).await;
    let began = Env::system().instant();
    let job = people
        .migrate()
        .down_to(1)
        .settle(Duration::from_millis(300));
    let back = job.lease(Duration::from_millis(60)).await.unwrap();
    assert!(back.complete && began.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn rows_that_cannot_go_back_are_named() {
    let (_server, db) = server().await;
    let rows = db.table::<Shrunk>();
    fill(&rows, (0..10).map(|id| Shrunk { id, wide: id })).await;
    rows.put(Shrunk { id: 300, wide: 7 }).await.unwrap();
    let plan = rows.migrate().down_to(1).dry_run().await.unwrap();
    assert_eq!((plan.to_rewrite, plan.failed.len(), plan.rows), (10, 1, 11));
    let back = rows.migrate().down_to(1).alone().await.unwrap();
    assert_eq!(
        (back.complete, back.rewritten, back.failed.len()),
        (false, 10, 1)
    );
    let (key, error) = &back.failed[0];
    assert!(key.ends_with("shrunk/300.json"), "{key}");
    assert_eq!(error.kind(), ErrorKind::InvalidRow, "{error}");
    assert_eq!(rows.get(300).await.unwrap().unwrap().wide, 7, "it stays");
    rows.delete(300).await.unwrap();
    let back = rows
        .migrate()
        .down_to(1)
        .alone()
        .lease(LEASE)
        .await
        .unwrap();
    assert!(back.complete);
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "shrunk", path = "<id>")]
struct ShrunkV1 {
    id: u64,
    #[serde(serialize_with = "small")]
    narrow: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it")]
fn small<S: serde::Serializer>(value: &u64, out: S) -> Result<S::Ok, S::Error> {
    if *value > 255 {
        return Err(serde::ser::Error::custom("it is too large"));
    }
    out.serialize_u64(*value)
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(
    table = "shrunk",
    path = "<id>",
    version = 2,
    previous = "ShrunkV1",
    reversible
)]
struct Shrunk {
    id: u64,
    wide: u64,
}

impl From<ShrunkV1> for Shrunk {
    fn from(old: ShrunkV1) -> Self {
        Self {
            id: old.id,
            wide: old.narrow,
        }
    }
}

impl From<&Shrunk> for ShrunkV1 {
    fn from(new: &Shrunk) -> Self {
        Self {
            id: new.id,
            narrow: new.id,
        }
    }
}

/// The newest rows of a program without a way back are read by one that has one.
#[tokio::test]
async fn one_way_programs_read_what_went_back() {
    let (_server, db) = server().await;
    db.table::<Both>().put(both(1)).await.unwrap();
    let people = db.table::<All>();
    whole(people.migrate()).await;
    whole(people.migrate().down_to(1)).await;
    assert_eq!(db.table::<PersonV3>().get(1).await.unwrap(), Some(v3(1)));
    assert_eq!(people.get(1).await.unwrap(), Some(all(1)));
}
