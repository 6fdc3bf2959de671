//! The job that rewrites old rows: what it costs, what it leaves alone, and how it goes on.

use std::future::IntoFuture as _;
use std::sync::Mutex;
use std::time::Duration;

use s3orm::migrate::MigrationState;
use s3orm::store::PutObject;
use s3orm::{Env, ErrorKind, HookResult, Hooks, IndexState, Prepare, S3Schema};
use serde::{Deserialize, Serialize};

use crate::{
    PersonV1, PersonV2, PersonV3, assert_cost, count, fill, other, server, stored, v1, v2, v3,
    whole,
};

#[tokio::test]
async fn it_costs_what_it_says() {
    let (server, db) = server().await;
    fill(&db.table(), (0..2500).map(v1)).await;
    let people = db.table::<PersonV2>();
    server.reset();
    let plan = people.migrate().dry_run().await.unwrap();
    let requests = server.spent();
    assert_eq!(count(&requests, "PutObject"), 0, "nothing is written");
    assert_eq!(
        (plan.rows, plan.to_rewrite, plan.is_whole),
        (2500, 2500, true)
    );
    assert_eq!(plan.versions, [(1, 2500)].into());
    assert_eq!(plan.samples.len(), 5);
    let sample = &plan.samples[0];
    assert!(sample.before.starts_with(b"{\"id\":") && sample.after.starts_with(b"{\"_v\":2,"));
    assert!(plan.failed.is_empty());

    let migrated = people.migrate().alone().await.unwrap();
    let requests = server.spent();
    assert_eq!(
        (migrated.complete, migrated.rewritten, migrated.passes),
        (true, 2500, 2)
    );
    assert_eq!((migrated.from, migrated.to, migrated.rows), (1, 2, 2500));
    assert_cost(&requests, &plan);

    for id in [0, 1234, 2499] {
        assert_eq!(people.get(id).await.unwrap(), Some(v2(id)));
        assert_eq!(stored(&db, &format!("people/{id}.json")).await["_v"], 2);
    }
    server.reset();
    let again = people.migrate().await.unwrap();
    assert_eq!((again.complete, again.rewritten), (true, 0));
    assert_eq!(server.spent(), ["GetObject"], "it is known to be done");
}

#[tokio::test]
async fn newer_rows_and_what_the_library_keeps_stay_as_they_are() {
    let (server, db) = server().await;
    let old = db.table::<PersonV1>();
    old.put(v1(1))
        .content_type("application/vnd.person+json")
        .metadata("by", "ann")
        .await
        .unwrap();
    fill(&old, (2..50).map(v1)).await;
    let people = db.table::<PersonV3>();
    whole(people.migrate()).await;
    let row = people.read(1).await.unwrap().unwrap();
    assert_eq!(row.content_type(), Some("application/vnd.person+json"));
    assert_eq!(row.metadata()["by"], "ann");

    // A row that came back.
    other(&server).await.table().put(v1(7)).await.unwrap();
    assert_eq!(people.get(7).await.unwrap(), Some(v3(7)));
    let nothing = people.migrate().await.unwrap();
    assert_eq!(nothing.rewritten, 0, "the table is known to be migrated");
    server.reset();
    let again = people.migrate().again().alone().await.unwrap();
    assert_eq!((again.complete, again.rewritten, again.rows), (true, 1, 49));
    let rows = count(&server.spent(), "PutObject");
    assert!(rows < 8, "one row, and the job's own: {rows} PUTs");
}

#[tokio::test]
async fn rows_that_cannot_be_migrated_are_named_and_keep_it_from_being_complete() {
    let (_server, db) = server().await;
    fill(&db.table(), (0..20).map(v1)).await;
    let put = |body: &'static str| PutObject {
        key: format!("{}people/7.json", db.prefix()),
        body: body.into(),
        ..PutObject::default()
    };
    db.store().put(&put("{\"id\":7}")).await.unwrap();
    let people = db.table::<PersonV2>();
    let plan = people.migrate().dry_run().await.unwrap();
    assert_eq!((plan.to_rewrite, plan.failed.len()), (19, 1));
    let migrated = people.migrate().alone().await.unwrap();
    assert_eq!((migrated.complete, migrated.rewritten), (false, 19));
    assert_eq!(migrated.failed.len(), 1);
    let (key, error) = &migrated.failed[0];
    assert!(
        key.ends_with("people/7.json") && error.kind() == ErrorKind::Decode,
        "{error}"
    );
    let status = people.migrate().status().await.unwrap();
    assert_eq!(
        (status.state, status.from, status.to),
        (MigrationState::Paused, 1, 2)
    );

    db.store()
        .put(&put(r#"{"id":7,"name":"Ann Lee7"}"#))
        .await
        .unwrap();
    let lease = Duration::from_millis(20);
    let migrated = people.migrate().alone().lease(lease).await.unwrap();
    assert_eq!(
        (migrated.complete, migrated.rewritten),
        (true, 20),
        "with those of before"
    );
    let status = people.migrate().status().await.unwrap();
    assert_eq!((status.state, status.to), (MigrationState::Complete, 2));
}

#[tokio::test]
async fn it_is_paused_from_elsewhere_and_goes_on() {
    let (server, db) = server().await;
    fill(&db.table(), (0..400).map(v1)).await;
    let people = db.table::<PersonV2>();
    assert_eq!(
        people.migrate().status().await.unwrap().state,
        MigrationState::NotBegun
    );
    assert!(
        !people.migrate().pause().await.unwrap(),
        "there is nothing to pause"
    );
    let elsewhere = other(&server).await.table::<PersonV2>();
    let lease = Duration::from_millis(30);
    let job = people.migrate().alone().lease(lease).rows_per_second(1000);
    let pause = async {
        while elsewhere.migrate().status().await.unwrap().rows == 0 {
            Env::system().sleep(Duration::from_millis(5)).await;
        }
        assert!(elsewhere.migrate().pause().await.unwrap());
    };
    let (migrated, ()) = futures_util::join!(job.into_future(), pause);
    let migrated = migrated.unwrap();
    assert!(migrated.paused && !migrated.complete);
    assert!(migrated.rewritten > 0 && migrated.rewritten < 400);
    let status = people.migrate().status().await.unwrap();
    assert_eq!(status.state, MigrationState::Paused);

    server.reset();
    let seen = Mutex::new(Vec::new());
    let note =
        |progress: &s3orm::migrate::MigrationProgress| seen.lock().unwrap().push(progress.clone());
    let rest = elsewhere
        .migrate()
        .alone()
        .lease(lease)
        .on_progress(note)
        .await
        .unwrap();
    assert_eq!(
        (rest.complete, rest.rewritten),
        (true, 400),
        "each row once"
    );
    let puts = count(&server.spent(), "PutObject") as u64;
    assert!(puts <= 400 - migrated.rewritten + 64 + 10, "{puts} PUTs");
    let seen = seen.into_inner().unwrap();
    let last = seen.last().unwrap();
    assert_eq!((last.rows, last.total, last.pass), (400, Some(400), 2));
    assert_eq!(last.left, Some(Duration::ZERO));
    assert!(last.rate > 0.0);
}

#[tokio::test]
async fn two_jobs_are_told_of_one_another() {
    let (server, db) = server().await;
    fill(&db.table(), (0..300).map(v1)).await;
    let (one, two) = (
        db.table::<PersonV2>(),
        other(&server).await.table::<PersonV2>(),
    );
    server.reset();
    let lease = Duration::from_millis(200);
    let first = one.migrate().alone().lease(lease).rows_per_second(500);
    let second = async {
        while two.migrate().status().await.unwrap().state != MigrationState::Running {
            Env::system().sleep(Duration::from_millis(5)).await;
        }
        Env::system().sleep(Duration::from_millis(20)).await;
        two.migrate().alone().lease(lease).await
    };
    let (first, second) = futures_util::join!(first.into_future(), second);
    assert_eq!(second.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(first.unwrap().into_result().unwrap(), 300);
}

#[tokio::test]
async fn it_waits_for_clients_that_may_not_know() {
    let (_server, db) = server().await;
    fill(&db.table(), (0..10).map(v1)).await;
    let began = Env::system().instant();
    let people = db.table::<PersonV2>();
    let migrated = people.migrate().settle(Duration::from_millis(300));
    let migrated = migrated.lease(Duration::from_millis(60)).await.unwrap();
    assert!(migrated.complete && began.elapsed() >= Duration::from_millis(300));
}

/// With everything that a write of a row has to keep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "users", path = "<id>", transactional)]
struct UserV1 {
    id: u64,
    #[s3(unique)]
    email: String,
    #[s3(index)]
    city: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(
    table = "users",
    path = "<id>",
    transactional,
    version = 2,
    previous = "UserV1"
)]
struct User {
    id: u64,
    /// In lower case from now on.
    #[s3(unique)]
    email: String,
    #[s3(index)]
    city: String,
    active: bool,
}

impl From<UserV1> for User {
    fn from(old: UserV1) -> Self {
        Self {
            id: old.id,
            email: old.email.to_lowercase(),
            city: old.city,
            active: true,
        }
    }
}

#[tokio::test]
async fn indexes_claims_and_transactions_are_kept() {
    let (server, db) = server().await;
    let user = |id: u64| UserV1 {
        id,
        email: format!("Ann{id}@x"),
        city: ["Oslo", "Rome"][(id % 2) as usize].to_owned(),
    };
    let old = db.table::<UserV1>();
    old.insert_many((0..40).map(user))
        .await
        .into_result()
        .unwrap();
    let users = other(&server).await.table::<User>();
    let db = users.db().clone();
    let error = db.transaction(|tx| {
        let users = users.clone();
        async move { tx.write(users.update(1, |row: &mut User| row.active = false)) }
    });
    assert_eq!(
        error.await.unwrap_err().kind(),
        ErrorKind::Schema,
        "not before it is migrated"
    );

    let migrated = users.migrate().alone().await.unwrap();
    assert_eq!(migrated.into_result().unwrap(), 40);
    let schema = users.schema().await.unwrap().unwrap();
    assert_eq!(schema.version, 2);
    assert!(
        schema
            .indexes
            .values()
            .all(|index| index.state == IndexState::Readable)
    );
    let row = stored(&db, "users/3.json").await;
    assert_eq!((&row["_v"], &row["email"]), (&2.into(), &"ann3@x".into()));
    assert!(row["_m"]["v"].is_string());

    let found = users.get_by(User::UNIQUE.email, "ann3@x").await.unwrap();
    assert_eq!(found.unwrap().id, 3);
    assert_eq!(
        users
            .query()
            .by(User::INDEX.city)
            .at("Oslo")
            .count()
            .await
            .unwrap(),
        20
    );
    let taken = User {
        id: 99,
        email: "ann3@x".into(),
        city: "Oslo".into(),
        active: true,
    };
    let error = users.insert(&taken).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UniqueViolation);
    let verified = users.verify().await.unwrap();
    let missing = |problem: &s3orm::index::Problem| {
        use s3orm::index::Problem::{DeadClaim, DeadEntry};
        !matches!(problem, DeadClaim | DeadEntry)
    };
    let wrong: Vec<_> = verified
        .findings
        .iter()
        .filter(|one| missing(&one.problem))
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    let users = &users;
    db.transaction(|tx| async move {
        tx.write(users.update(1, |row: &mut User| row.active = false))?;
        tx.write(users.update(2, |row: &mut User| row.active = false))
    })
    .await
    .unwrap();
    assert_eq!(stored(&db, "users/1.json").await["_v"], 2);
    let error = other(&server)
        .await
        .table::<UserV1>()
        .put(user(1))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema, "{error}");
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "visits", path = "<city>/<id>")]
struct VisitV1 {
    city: String,
    id: u64,
}

/// Found by the number first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(
    table = "visits",
    path = "by=<id>/<city>",
    version = 2,
    previous = "VisitV1"
)]
struct Visit {
    city: String,
    id: u64,
    paid: bool,
}

impl From<VisitV1> for Visit {
    fn from(old: VisitV1) -> Self {
        Self {
            city: old.city,
            id: old.id,
            paid: false,
        }
    }
}

#[tokio::test]
async fn rows_move_to_another_path() {
    let (server, db) = server().await;
    let old = |id| VisitV1 {
        city: "Oslo".into(),
        id,
    };
    fill(&db.table(), (0..50).map(old)).await;
    let visits = db.table::<Visit>();
    let plan = visits.migrate().dry_run().await.unwrap();
    assert_eq!((plan.to_rewrite, plan.versions), (50, [(1, 50)].into()));

    // Somebody has a row there already.
    let blind = PutObject {
        key: visits.key((7, "Oslo")).unwrap(),
        body: r#"{"_v":2,"city":"Oslo","id":7,"paid":true}"#.into(),
        ..PutObject::default()
    };
    db.store().put(&blind).await.unwrap();
    server.reset();
    let lease = Duration::from_millis(20);
    let migrated = visits.migrate().alone().lease(lease).await.unwrap();
    assert_eq!((migrated.complete, migrated.rewritten), (false, 49));
    let (key, error) = &migrated.failed[0];
    assert!(key.ends_with("visits/Oslo/7.json"), "{key}");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    let requests = server.spent();
    assert_eq!(count(&requests, "DeleteObject"), 49);
    assert!(
        visits.get((7, "Oslo")).await.unwrap().unwrap().paid,
        "neither is written over"
    );

    db.table::<VisitV1>().delete(("Oslo", 7)).await.unwrap();
    let migrated = visits.migrate().alone().lease(lease).await.unwrap();
    assert!(migrated.complete, "{migrated:?}");
    assert_eq!(visits.query().scan().count().await.unwrap(), 50);
    assert_eq!(
        db.table::<VisitV1>().query().scan().count().await.unwrap(),
        0
    );
    assert_eq!(stored(&db, "visits/by=3/Oslo.json").await["_v"], 2);
    assert!(!visits.get((3, "Oslo")).await.unwrap().unwrap().paid);
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "secrets", path = "<id>")]
struct SecretV1 {
    id: u64,
    word: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(
    table = "secrets",
    path = "<id>",
    version = 2,
    previous = "SecretV1",
    hooks
)]
struct Secret {
    id: u64,
    word: String,
    length: usize,
}

impl From<SecretV1> for Secret {
    fn from(old: SecretV1) -> Self {
        Self {
            id: old.id,
            length: old.word.len(),
            word: old.word,
        }
    }
}

impl Hooks for Secret {
    fn before_write(&mut self, _: &Prepare<'_>) -> HookResult {
        self.word.push('!');
        Ok(())
    }

    fn after_read(&mut self) -> HookResult {
        "…".clone_into(&mut self.word);
        Ok(())
    }
}

#[tokio::test]
async fn what_hooks_show_is_not_written() {
    let (_server, db) = server().await;
    let word = "sesame".to_owned();
    db.table().put(SecretV1 { id: 1, word }).await.unwrap();
    let secrets = db.table::<Secret>();
    assert_eq!(secrets.get(1).await.unwrap().unwrap().word, "…");
    secrets
        .migrate()
        .alone()
        .await
        .unwrap()
        .into_result()
        .unwrap();
    let row = stored(&db, "secrets/1.json").await;
    assert_eq!(
        (&row["word"], &row["length"]),
        (&"sesame".into(), &6.into())
    );
}
