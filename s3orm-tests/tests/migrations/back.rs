//! The way back to an older version: who writes which meanwhile, what it costs, what it refuses, and how it
//! meets the way up.
#![allow(clippy::unwrap_used)] // Its helpers are tests, too.

use std::future::IntoFuture as _;
use std::time::Duration;

use s3orm::migrate::MigrationState;
use s3orm::store::GetObject;
use s3orm::{Env, ErrorKind, IndexState, S3Schema, StoredSchema};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Both, PersonV1, PersonV2, PersonV3, both, count, other, server, spent, stored, v1, v3,
};

const LEASE: Duration = Duration::from_millis(30);

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

/// The version of a row as it is stored.
async fn version(db: &s3orm::Db, id: u64) -> u64 {
    let row = stored(db, &format!("people/{id}.json")).await;
    row.get("_v").map_or(1, |version| version.as_u64().unwrap())
}

#[tokio::test]
async fn old_programs_come_back() {
    let (server, db) = server().await;
    let new = db.table::<Both>();
    new.put_many((1..=4).map(both)).await.into_result().unwrap();
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
    people
        .put_many((0..2500).map(both))
        .await
        .into_result()
        .unwrap();
    server.reset();
    let plan = people.migrate().down_to(1).dry_run().await.unwrap();
    let requests = spent(&server);
    assert_eq!(count(&requests, "PutObject"), 0, "nothing is written");
    assert_eq!((plan.rows, plan.to_rewrite), (2500, 2500));
    assert_eq!(plan.versions, [(2, 2500)].into());
    assert_eq!(plan.samples.len(), 5);
    let sample = &plan.samples[0];
    assert!(sample.before.starts_with(b"{\"_v\":2,") && sample.after.starts_with(b"{\"id\":"));
    assert!(plan.failed.is_empty());

    let back = people.migrate().down_to(1).alone().await.unwrap();
    let requests = spent(&server);
    assert_eq!(
        (back.complete, back.rewritten, back.passes),
        (true, 2500, 2)
    );
    let puts = count(&requests, "PutObject");
    let gets = count(&requests, "GetObject");
    let lists = count(&requests, "ListObjectsV2");
    assert!(
        gets - 5000 <= 4,
        "{gets} GETs: two a row, and a few of the job's own"
    );
    assert!(
        (2500..2520).contains(&puts),
        "{puts} PUTs: one a row, and checkpoints"
    );
    let as_float = |count: usize| f64::from(u32::try_from(count).unwrap());
    let cost = as_float(lists + puts) * 0.005e-3 + as_float(gets) * 0.0004e-3;
    assert!(
        (cost - plan.cost).abs() < cost * 0.1,
        "{cost}, and {} was said",
        plan.cost
    );

    let again = people.migrate().down_to(1).await.unwrap();
    assert_eq!((again.complete, again.rewritten), (true, 0));
    assert_eq!(spent(&server), ["GetObject"], "it is known to be done");
}

#[tokio::test]
async fn it_goes_back_through_several_versions() {
    let (server, db) = server().await;
    let people = db.table::<All>();
    people
        .put_many((1..=3).map(all))
        .await
        .into_result()
        .unwrap();
    let back = people.migrate().down_to(1).alone().await.unwrap();
    assert_eq!((back.complete, back.rewritten, back.from), (true, 3, 3));
    assert_eq!(
        stored(&db, "people/1.json").await,
        json!({"id": 1, "name": "Ann Lee1"})
    );

    // Half of the way only, with rows of all three.
    other(&server).await.table().put(v1(9)).await.unwrap();
    people
        .migrate()
        .alone()
        .await
        .unwrap()
        .into_result()
        .unwrap();
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
    assert_eq!(spent(&server), [""; 0], "no request");

    // A program that does not know the rows that there may be.
    people.put(both(1)).await.unwrap();
    let newer = other(&server).await.table::<All>();
    newer
        .migrate()
        .alone()
        .await
        .unwrap()
        .into_result()
        .unwrap();
    let error = people.migrate().down_to(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema, "{error}");
    assert!(error.to_string().contains("version 3"), "{error}");
}

/// Begins a way, and has it paused when it has looked at some rows.
async fn paused_half_way(db: &s3orm::Db, down_to: Option<u32>) -> u64 {
    let (people, status) = (db.table::<Both>(), db.table::<Both>());
    let job = people.migrate().alone().lease(LEASE).rows_per_second(1000);
    let job = match down_to {
        Some(to) => job.down_to(to),
        None => job,
    };
    let pause = async {
        let part = |rows: u64| (64..300).contains(&rows);
        while !part(status.migrate().status().await.unwrap().rows) {
            Env::system().sleep(Duration::from_millis(5)).await;
        }
        assert!(status.migrate().pause().await.unwrap());
    };
    let (migrated, ()) = futures_util::join!(job.into_future(), pause);
    let migrated = migrated.unwrap();
    assert!(migrated.paused && !migrated.complete, "{migrated:?}");
    migrated.rewritten
}

#[tokio::test]
async fn it_is_paused_and_goes_on() {
    let (server, db) = server().await;
    let people = db.table::<Both>();
    people
        .put_many((0..400).map(both))
        .await
        .into_result()
        .unwrap();
    let status = people.migrate().down_to(1).status().await.unwrap();
    assert_eq!(status.state, MigrationState::NotBegun);
    let rewritten = paused_half_way(&db, Some(1)).await;
    assert!((1..400).contains(&rewritten), "{rewritten}");
    let status = people.migrate().status().await.unwrap();
    assert_eq!(
        (status.state, status.from, status.to),
        (MigrationState::Paused, 2, 1)
    );
    let diff = other(&server)
        .await
        .table::<PersonV1>()
        .check()
        .await
        .unwrap();
    assert!(!diff.is_compatible());
    assert!(
        diff.to_string().contains("rows may be of version 2"),
        "{diff}"
    );

    let elsewhere = other(&server).await.table::<Both>();
    server.reset();
    let rest = elsewhere
        .migrate()
        .down_to(1)
        .alone()
        .lease(LEASE)
        .await
        .unwrap();
    assert_eq!(
        (rest.complete, rest.rewritten),
        (true, 400),
        "each row once"
    );
    let puts = count(&spent(&server), "PutObject") as u64;
    assert!(puts <= 400 - rewritten + 64 + 10, "{puts} PUTs");
    let status = people.migrate().down_to(1).status().await.unwrap();
    assert_eq!((status.state, status.to), (MigrationState::Complete, 1));
}

#[tokio::test]
async fn what_was_paused_is_turned_round() {
    let (server, db) = server().await;
    db.table()
        .put_many((0..400).map(v1))
        .await
        .into_result()
        .unwrap();
    let people = db.table::<Both>();
    let up = paused_half_way(&db, None).await;

    server.reset();
    let back = people
        .migrate()
        .down_to(1)
        .alone()
        .lease(LEASE)
        .await
        .unwrap();
    assert_eq!((back.complete, back.rewritten, back.rows), (true, up, 400));
    let requests = server.requests();
    let rows = requests.iter().filter(|one| one.path.contains("/people/"));
    let puts = rows.filter(|one| one.operation == "PutObject").count() as u64;
    assert_eq!(puts, up, "what was rewritten, and no more");
    let old = other(&server).await.table::<PersonV1>();
    assert_eq!(old.query().scan().count().await.unwrap(), 400);

    let down = paused_half_way_after_up(&db).await;
    let up = people.migrate().alone().lease(LEASE).await.unwrap();
    assert_eq!((up.complete, up.rewritten, up.rows), (true, down, 400));
    // Nothing is taken over from the first job up: its checkpoint says that half of the table is done.
    let rows = db.table::<PersonV2>().query().scan().count().await.unwrap();
    assert_eq!(rows, 400);
    for id in [0, 13, 200, 399] {
        assert_eq!(version(&db, id).await, 2, "{id}");
    }
}

async fn paused_half_way_after_up(db: &s3orm::Db) -> u64 {
    let people = db.table::<Both>();
    let up = people.migrate().alone().lease(LEASE).await.unwrap();
    assert_eq!(
        (up.complete, up.rewritten),
        (true, 400),
        "from the beginning"
    );
    paused_half_way(db, Some(1)).await
}

#[tokio::test]
async fn of_one_up_and_one_down_at_the_same_time_one_is_told() {
    let (server, db) = server().await;
    db.table()
        .put_many((0..300).map(v1))
        .await
        .into_result()
        .unwrap();
    let (one, two) = (db.table::<Both>(), other(&server).await.table::<Both>());
    let lease = Duration::from_millis(200);
    let up = one.migrate().alone().lease(lease).rows_per_second(500);
    let down = async {
        while two.migrate().status().await.unwrap().state != MigrationState::Running {
            Env::system().sleep(Duration::from_millis(1)).await;
        }
        two.migrate().down_to(1).alone().lease(lease).await
    };
    let (up, down) = futures_util::join!(up.into_future(), down);
    let error = down.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert_eq!(up.unwrap().into_result().unwrap(), 300);

    // The other way about.
    let down = two
        .migrate()
        .down_to(1)
        .alone()
        .lease(lease)
        .rows_per_second(500);
    let up = async {
        while one.migrate().status().await.unwrap().state != MigrationState::Running {
            Env::system().sleep(Duration::from_millis(1)).await;
        }
        one.migrate().alone().lease(lease).await
    };
    let (down, up) = futures_util::join!(down.into_future(), up);
    assert_eq!(up.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(down.unwrap().into_result().unwrap(), 300);

    // Both at once: whichever comes first.
    for _ in 0..5 {
        let from = one.schema().await.unwrap().unwrap().version;
        let up = one.migrate().alone().lease(lease).rows_per_second(1000);
        let down = two
            .migrate()
            .down_to(1)
            .alone()
            .lease(lease)
            .rows_per_second(1000);
        let (up, down) = futures_util::join!(up.into_future(), down.into_future());
        let at = one.schema().await.unwrap().unwrap();
        assert_eq!((at.oldest, at.newest), (None, None));
        match (up, down) {
            // Where the table was is where nothing is to be done.
            (Ok(up), Ok(down)) => assert!(
                up.complete && down.complete && (up.rewritten == 0 || down.rewritten == 0),
                "{up:?}, {down:?}, from {from}"
            ),
            (Ok(done), Err(error)) | (Err(error), Ok(done)) => {
                assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
                assert_eq!((done.complete, done.to), (true, at.version));
            }
            (Err(up), Err(down)) => panic!("{up}; {down}"),
        }
        let plan = one.migrate().dry_run().await.unwrap();
        assert_eq!(plan.versions, [(at.version, 300)].into());
    }
}

#[tokio::test]
async fn a_job_that_slept_is_told_that_the_table_was_turned_round() {
    let (server, db) = server().await;
    db.table()
        .put_many((0..300).map(v1))
        .await
        .into_result()
        .unwrap();
    let (one, two) = (db.table::<Both>(), other(&server).await.table::<Both>());
    // It shows no sign of life for longer than the other one is ready to wait.
    let up = one.migrate().alone().lease(Duration::from_secs(30));
    let up = up.rows_per_second(150);
    let down = async {
        while version(two.db(), 0).await != 2 {
            Env::system().sleep(Duration::from_millis(5)).await;
        }
        two.migrate().down_to(1).alone().lease(LEASE).await
    };
    let (up, down) = futures_util::join!(up.into_future(), down);
    let error = up.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    // Whether it comes to its end depends on who is faster: the other one goes on until its next checkpoint.
    assert_eq!(down.unwrap().to, 1);
    assert_eq!(one.schema().await.unwrap().unwrap().version, 1);
    // What it has done since is brought back by the pass for such.
    let again = two.migrate().down_to(1).again().alone().lease(LEASE).await;
    assert!(again.unwrap().complete);
    let plan = one.migrate().down_to(1).dry_run().await.unwrap();
    assert_eq!(plan.versions, [(1, 300)].into());
}

#[tokio::test]
async fn it_waits_for_clients_that_may_not_know() {
    let (_server, db) = server().await;
    let people = db.table::<Both>();
    people
        .put_many((0..10).map(both))
        .await
        .into_result()
        .unwrap();
    let began = Env::system().instant();
    let job = people
        .migrate()
        .down_to(1)
        .settle(Duration::from_millis(300));
    let back = job.lease(Duration::from_millis(60)).await.unwrap();
    assert!(back.complete && began.elapsed() >= Duration::from_millis(300));
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "users", path = "<id>", transactional)]
struct UserV1 {
    id: u64,
    #[s3(unique)]
    email: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(
    table = "users",
    path = "<id>",
    transactional,
    version = 2,
    previous = "UserV1",
    reversible
)]
struct User {
    id: u64,
    #[s3(unique)]
    email: String,
    /// Which the first version knows nothing of.
    #[s3(index)]
    city: String,
}

impl From<UserV1> for User {
    fn from(old: UserV1) -> Self {
        Self {
            id: old.id,
            email: old.email,
            city: "Oslo".to_owned(),
        }
    }
}

impl From<&User> for UserV1 {
    fn from(new: &User) -> Self {
        Self {
            id: new.id,
            email: new.email.clone(),
        }
    }
}

fn user(id: u64) -> User {
    User {
        id,
        email: format!("ann{id}@x"),
        city: ["Oslo", "Rome"][usize::from(id % 2 == 1)].to_owned(),
    }
}

#[tokio::test]
async fn indexes_claims_and_transactions_go_back() {
    let (server, db) = server().await;
    let users = &db.table::<User>();
    users
        .insert_many((0..20).map(user))
        .await
        .into_result()
        .unwrap();
    db.transaction(|tx| async move {
        tx.write(users.update(1, |row: &mut User| row.city = "Bonn".into()))?;
        tx.write(users.delete(19))
    })
    .await
    .unwrap();
    let back = users.migrate().down_to(1).alone().await.unwrap();
    assert_eq!((back.complete, back.rewritten), (true, 19));
    let row = stored(&db, "users/3.json").await;
    assert!(
        row.get("_v").is_none() && row.get("city").is_none(),
        "{row}"
    );
    assert!(row["_m"]["v"].is_string());

    // The index that programs of the first version do not keep is asked no more.
    let schema = users.schema().await.unwrap().unwrap();
    assert_eq!(schema.indexes["index.city"].state, IndexState::WriteOnly);
    assert_eq!(schema.indexes["unique.email"].state, IndexState::Readable);
    let asked = users.query().by(User::INDEX.city).at("Oslo").count().await;
    let error = asked.unwrap_err();
    assert!(error.to_string().contains("has not been built"), "{error}");
    let error = db
        .transaction(|tx| async move {
            tx.write(users.update(1, |row: &mut User| row.city = "Bonn".into()))
        })
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema, "as before the migration");

    // Programs of the first version are refused until it is dropped.
    let old = &other(&server).await.table::<UserV1>();
    let error = old.update(1, |row| row.email.push('y')).await.unwrap_err();
    assert!(error.to_string().contains("`drop_index`"), "{error}");
    assert!(old.drop_index(false, "city").await.unwrap());
    old.update(1, |row| row.email.push('y')).await.unwrap();
    let found = old.get_by(UserV1::UNIQUE.email, "ann1@xy").await.unwrap();
    assert_eq!(found.unwrap().id, 1);
    let taken = UserV1 {
        id: 99,
        email: "ann3@x".into(),
    };
    let error = old.insert(&taken).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UniqueViolation);
    old.db()
        .transaction(|tx| async move {
            tx.write(old.update(2, |row: &mut UserV1| row.email.push('z')))?;
            tx.write(old.delete(3))
        })
        .await
        .unwrap();

    let users = other(&server).await.table::<User>();
    users
        .migrate()
        .alone()
        .await
        .unwrap()
        .into_result()
        .unwrap();
    let city = users.index(User::INDEX.city);
    city.build().alone().await.unwrap();
    let oslo = users.query().by(User::INDEX.city).at("Oslo").count().await;
    assert_eq!(
        oslo.unwrap(),
        18,
        "what the first version had no column for is lost"
    );
}

#[tokio::test]
async fn a_transaction_writes_its_own_version_whatever_was_known() {
    let (server, db) = server().await;
    let users = db.table::<User>();
    db.table()
        .insert_many((0..3).map(|id| UserV1::from(&user(id))))
        .await
        .into_result()
        .unwrap();
    // It knows the table at version 1, and hears of its migration in the midst of a transaction.
    users.patch(0).set(User::COL.email, "x").await.unwrap();
    let elsewhere = other(&server).await.table::<User>();
    let up = elsewhere.migrate().alone().await.unwrap();
    assert!(up.complete);
    let users = &users;
    db.transaction(|tx| async move {
        tx.write(users.insert(user(7)))?;
        users.create().await?;
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(stored(&db, "users/7.json").await["_v"], 2);
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "things", path = "<id>")]
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
    previous = "ThingV1",
    reversible
)]
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

impl From<&Thing> for ThingV1 {
    fn from(new: &Thing) -> Self {
        Self {
            id: new.id,
            size: new.sizes.iter().sum(),
        }
    }
}

#[tokio::test]
async fn rows_go_back_to_another_format_and_keep_their_metadata() {
    let (_server, db) = server().await;
    let things = db.table::<Thing>();
    let thing = |id| Thing {
        id,
        sizes: vec![2, 3],
    };
    things.put(thing(1)).metadata("by", "ann").await.unwrap();
    let named = things
        .put(thing(2))
        .content_type("application/vnd.thing+msgpack");
    named.await.unwrap();
    let back = things.migrate().down_to(1).alone().await.unwrap();
    assert_eq!(back.into_result().unwrap(), 2);
    let row = db.table::<ThingV1>().read(1).await.unwrap().unwrap();
    assert_eq!(row.size, 5);
    assert_eq!(row.content_type(), Some("application/json"));
    assert_eq!(row.metadata()["by"], "ann");
    let request = GetObject {
        key: "things/2.json".to_owned(),
        ..GetObject::default()
    };
    let object = db.store().get(request).await.unwrap();
    assert_eq!(object.body, r#"{"id":2,"size":5}"#);
    assert_eq!(
        object.meta.content_type.as_deref(),
        Some("application/json")
    );

    // A row in the newer format is saved in the older one.
    let row = things.read(2).await.unwrap().unwrap();
    things.save(row).await.unwrap();
    things
        .migrate()
        .alone()
        .await
        .unwrap()
        .into_result()
        .unwrap();
    assert_eq!(things.get(1).await.unwrap().unwrap().sizes, [5]);
    let row = things.read(1).await.unwrap().unwrap();
    assert_eq!(row.content_type(), Some("application/msgpack"));
}

#[tokio::test]
async fn rows_that_cannot_go_back_are_named() {
    let (_server, db) = server().await;
    let rows = db.table::<Shrunk>();
    rows.put_many((0..10).map(|id| Shrunk { id, wide: id }))
        .await
        .into_result()
        .unwrap();
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
    people
        .migrate()
        .alone()
        .await
        .unwrap()
        .into_result()
        .unwrap();
    people
        .migrate()
        .down_to(1)
        .alone()
        .await
        .unwrap()
        .into_result()
        .unwrap();
    assert_eq!(db.table::<PersonV3>().get(1).await.unwrap(), Some(v3(1)));
    assert_eq!(people.get(1).await.unwrap(), Some(all(1)));
}
