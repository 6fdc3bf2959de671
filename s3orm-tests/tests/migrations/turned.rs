//! Jobs up and down that are paused, go on, turn round what the other began, and meet.

use std::future::IntoFuture as _;
use std::time::Duration;

use s3orm::migrate::MigrationState;
use s3orm::{Db, Env, ErrorKind};

use crate::{Both, LEASE, PersonV1, PersonV2, both, count, fill, other, server, v1, version};

/// Begins a way, and has it paused when it has looked at some rows.
async fn paused_half_way(db: &Db, down_to: Option<u32>) -> u64 {
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
    fill(&people, (0..400).map(both)).await;
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
    let puts = count(&server.spent(), "PutObject") as u64;
    assert!(puts <= 400 - rewritten + 64 + 10, "{puts} PUTs");
    let status = people.migrate().down_to(1).status().await.unwrap();
    assert_eq!((status.state, status.to), (MigrationState::Complete, 1));
}

#[tokio::test]
async fn what_was_paused_is_turned_round() {
    let (server, db) = server().await;
    fill(&db.table(), (0..400).map(v1)).await;
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

async fn paused_half_way_after_up(db: &Db) -> u64 {
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
    fill(&db.table(), (0..300).map(v1)).await;
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
    fill(&db.table(), (0..300).map(v1)).await;
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
