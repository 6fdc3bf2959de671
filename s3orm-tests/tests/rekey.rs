//! Moving a row to another key over HTTP: what it costs, who may come between, and that whatever is
//! cut off, nothing is lost and the next run finishes it.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // A test may.

use std::time::Duration;

use s3orm::store::PutObject;
use s3orm::{Db, ErrorKind, Row, S3Schema, Table};
use s3orm_tests::connect;
use s3orm_tests::proxy::{Fault, Proxy, on};
use s3orm_tests::server::TestServer;
use s3orm_tests::tables::{Person, person};
use serde::{Deserialize, Serialize};

/// A table behind a proxy, and the same table without it.
struct Scene {
    server: TestServer,
    proxy: Proxy,
    people: Table<Person>,
    truth: Table<Person>,
    db: Db,
}

const OSLO: (&str, u64) = ("Oslo", 1);
const ROME: (&str, u64) = ("Rome", 1);

fn to_rome(person: &mut Person) {
    "Rome".clone_into(&mut person.city);
}

fn roman(age: u32) -> Person {
    Person {
        city: "Rome".to_owned(),
        id: 1,
        age,
    }
}

impl Scene {
    /// With one row, in Oslo.
    async fn new() -> Self {
        let server = TestServer::memory().await;
        let proxy = Proxy::in_front_of(server.local_addr()).await;
        let lossy = connect::builder(&proxy.endpoint()).timeout(Duration::from_millis(400));
        let people = lossy.connect().await.unwrap().table();
        let db = connect::db(&server.endpoint()).await;
        let truth = db.table::<Person>();
        truth.insert(person(1)).await.unwrap();
        server.reset();
        Self {
            server,
            proxy,
            people,
            truth,
            db,
        }
    }

    async fn rekey(&self) -> s3orm::Result<Row<Person>> {
        self.people.rekey(OSLO, to_rome).await
    }

    /// The table behind the proxy, for who waits longer than that delays.
    async fn patient(&self) -> Table<Person> {
        connect::db(&self.proxy.endpoint()).await.table()
    }

    /// The requests since the last call, as S3 names them.
    fn spent(&self) -> Vec<String> {
        let requests = self.server.requests();
        self.server.reset();
        let names = requests.iter().map(|request| request.operation.to_string());
        names.collect()
    }

    /// The ages of the rows in Oslo and in Rome.
    async fn ages(&self) -> (Option<u32>, Option<u32>) {
        let oslo = self.truth.get(OSLO).await.unwrap();
        let rome = self.truth.get(ROME).await.unwrap();
        self.server.reset();
        (oslo.map(|row| row.age), rome.map(|row| row.age))
    }

    /// Runs a re-key whose deletion is held back, so that both rows are there, and then `meanwhile`
    /// before the deletion is answered.
    async fn interrupted<F: Future>(&self, meanwhile: F) -> s3orm::Result<Row<Person>> {
        let slow = Fault::Delay(Duration::from_secs(1));
        self.proxy.fail_next(on("DeleteObject"), slow);
        let people = self.patient().await;
        let rekey = tokio::spawn(async move { people.rekey(OSLO, to_rome).await });
        while self.truth.get(ROME).await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        meanwhile.await;
        rekey.await.unwrap()
    }
}

const MOVED: [&str; 3] = ["GetObject", "PutObject", "DeleteObject"];

#[tokio::test]
async fn a_row_moves_in_three_requests() {
    let scene = Scene::new().await;
    let described = scene.truth.put(person(1)).metadata("source", "census");
    described.content_type("text/json").await.unwrap();
    scene.server.reset();

    let row = scene.rekey().await.unwrap();
    assert_eq!(scene.spent(), MOVED);
    assert_eq!(*row, roman(30));
    assert_eq!(row.key(), "people/Rome/1.json");
    assert_eq!(scene.ages().await, (None, Some(30)));

    // It is a row as any other: what was said of it has moved with it, and it can be saved.
    let read = scene.truth.read(ROME).await.unwrap().unwrap();
    assert_eq!(read.version(), row.version());
    assert_eq!(read.content_type(), Some("text/json"));
    let metadata: Vec<_> = read.metadata().keys().map(String::as_str).collect();
    assert_eq!(metadata, ["source"]);
    scene.truth.save(row).await.unwrap();

    let back = scene.people.rekey(ROME, |row| {
        "Oslo".clone_into(&mut row.city);
        row.age += 1;
    });
    assert_eq!(back.metadata("source", "move").await.unwrap().age, 31);
    let read = scene.truth.read(OSLO).await.unwrap().unwrap();
    assert_eq!(read.metadata()["source"], "move");
    assert_eq!(scene.ages().await, (Some(31), None));
}

#[tokio::test]
async fn what_cannot_move_stays() {
    let scene = Scene::new().await;
    let error = scene.people.rekey(ROME, to_rome).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.key(), Some("people/Rome/1.json"));
    assert_eq!(scene.spent(), ["GetObject"]);

    let error = scene.people.rekey(OSLO, |row| row.age += 1).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidKey);
    assert!(error.to_string().contains("`update`"), "{error}");
    assert_eq!(scene.spent(), ["GetObject"]);

    let refused = scene.people.rekey(OSLO, |row| {
        to_rome(row);
        Err("not today")
    });
    assert_eq!(refused.await.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(scene.spent(), ["GetObject"]);

    scene.truth.insert(roman(50)).await.unwrap();
    scene.server.reset();
    let error = scene.rekey().await.unwrap_err();
    assert_eq!(scene.spent(), ["GetObject", "PutObject", "GetObject"]);
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(
        error.to_string(),
        "rekey `people/Rome/1.json`: a row with this key exists"
    );
    assert_eq!(scene.ages().await, (Some(30), Some(50)));
}

#[tokio::test]
async fn save_and_update_name_it() {
    let scene = Scene::new().await;
    let mut row = scene.truth.read(OSLO).await.unwrap().unwrap();
    to_rome(&mut row);
    let saved = scene.truth.save(row).await.unwrap_err();
    let updated = scene.truth.update(OSLO, to_rome).await.unwrap_err();
    for error in [saved, updated] {
        assert_eq!(error.kind(), ErrorKind::InvalidKey);
        assert!(error.help().unwrap().contains("`rekey`"), "{error}");
    }
}

/// Each request is lost in every way, on its way there and on its way back; then it is run again.
#[tokio::test]
async fn whatever_is_cut_off_the_next_run_finishes_it() {
    let faults = || {
        [
            Fault::CutBefore,
            Fault::CutAfter,
            Fault::Answer(500, "InternalError"),
            Fault::AnswerAfter(500, "InternalError"),
            Fault::AnswerAfter(503, "ServiceUnavailable"),
            Fault::Silence,
            Fault::Duplicate,
        ]
    };
    for request in MOVED {
        for fault in faults() {
            let context = format!("{request} {fault:?}");
            let scene = Scene::new().await;
            scene.proxy.fail_next(on(request), fault.clone());
            let first = scene.rekey().await;
            let ages = scene.ages().await;
            assert!(
                matches!(ages, (Some(30), None | Some(30)) | (None, Some(30))),
                "{context}: {ages:?}"
            );
            if let Err(error) = first {
                assert_eq!(
                    error.kind(),
                    ErrorKind::OutcomeUnknown,
                    "{context}: {error:?}"
                );
                let second = scene.rekey().await;
                match (ages.0, second) {
                    (Some(_), Ok(row)) => assert_eq!(*row, roman(30), "{context}"),
                    (None, Err(error)) => assert_eq!(error.kind(), ErrorKind::NotFound),
                    (_, other) => panic!("{context}: {other:?}"),
                }
            }
            assert_eq!(scene.ages().await, (None, Some(30)), "{context}");
            assert_eq!(scene.truth.query().count().await.unwrap(), 1, "{context}");
        }
    }
}

/// The client dies after the create, and comes back.
#[tokio::test]
async fn a_copy_is_known_again_and_nothing_is_done_twice() {
    let scene = Scene::new().await;
    let older = |row: &mut Person| {
        to_rome(row);
        row.age += 1;
    };
    scene.proxy.fail_next(on("DeleteObject"), Fault::CutBefore);
    scene.people.rekey(OSLO, older).await.unwrap_err();
    assert_eq!(scene.ages().await, (Some(30), Some(31)));

    let row = scene.people.rekey(OSLO, older).await.unwrap();
    let finished = ["GetObject", "PutObject", "GetObject", "DeleteObject"];
    assert_eq!(scene.spent(), finished);
    assert_eq!(row.age, 31, "once");
    assert_eq!(scene.ages().await, (None, Some(31)));
    scene.truth.save(row).await.unwrap();
}

/// ... and meanwhile somebody has changed the old row: the newer value wins.
#[tokio::test]
async fn a_stale_copy_is_replaced_by_the_newer_row() {
    let scene = Scene::new().await;
    scene.proxy.fail_next(on("DeleteObject"), Fault::CutBefore);
    scene.rekey().await.unwrap_err();
    let change = |row: &mut Person| row.age = 44;
    scene.truth.update(OSLO, change).await.unwrap();
    assert_eq!(scene.ages().await, (Some(44), Some(30)));

    assert_eq!(scene.rekey().await.unwrap().age, 44);
    let replaced = [
        "GetObject",
        "PutObject",
        "GetObject",
        "PutObject",
        "DeleteObject",
    ];
    assert_eq!(scene.spent(), replaced);
    assert_eq!(scene.ages().await, (None, Some(44)));
}

/// ... or the copy: then it is somebody's row, and so is the old one.
#[tokio::test]
async fn a_copy_that_was_changed_is_another_row() {
    let scene = Scene::new().await;
    scene.proxy.fail_next(on("DeleteObject"), Fault::CutBefore);
    scene.rekey().await.unwrap_err();
    let change = |row: &mut Person| row.age = 44;
    scene.truth.update(ROME, change).await.unwrap();
    let error = scene.rekey().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(scene.ages().await, (Some(30), Some(44)));
}

/// A finished move is no stale copy of the row that is at the old key today.
#[tokio::test]
async fn a_row_that_has_moved_is_not_written_over() {
    let scene = Scene::new().await;
    scene.rekey().await.unwrap();
    scene
        .truth
        .insert(Person {
            age: 7,
            ..person(1)
        })
        .await
        .unwrap();
    let error = scene.rekey().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(
        error.help().unwrap().contains("`people/Oslo/1.json`"),
        "{error}"
    );
    assert_eq!(scene.ages().await, (Some(7), Some(30)));

    scene.truth.update(OSLO, |row| row.age = 8).await.unwrap();
    let error = scene.rekey().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "nor after a change");
    assert_eq!(scene.ages().await, (Some(8), Some(30)));
}

#[tokio::test]
async fn a_change_that_comes_between_moves_along() {
    let scene = Scene::new().await;
    let meanwhile = scene.truth.update(OSLO, |row| row.age = 44);
    let row = scene.interrupted(meanwhile.into_future()).await.unwrap();
    assert_eq!(row.age, 44);
    assert_eq!(scene.ages().await, (None, Some(44)));
}

/// Two changes: the second does not name the version that was copied.
#[tokio::test]
async fn where_the_copy_is_not_proven_stale_both_rows_stay() {
    let scene = Scene::new().await;
    let meanwhile = async {
        scene.truth.update(OSLO, |row| row.age = 43).await.unwrap();
        scene.truth.update(OSLO, |row| row.age = 44).await.unwrap();
    };
    let error = scene.interrupted(meanwhile).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(error.help().unwrap().contains("earlier version"), "{error}");
    assert_eq!(scene.ages().await, (Some(44), Some(30)));
}

#[tokio::test]
async fn a_newer_version_may_be_refused_or_go_elsewhere() {
    for (elsewhere, kind) in [(false, ErrorKind::Cancelled), (true, ErrorKind::Conflict)] {
        let scene = Scene::new().await;
        let slow = Fault::Delay(Duration::from_secs(1));
        scene.proxy.fail_next(on("DeleteObject"), slow);
        let people = scene.patient().await;
        let rekey = tokio::spawn(async move {
            let change = |row: &mut Person| {
                to_rome(row);
                match (row.age, elsewhere) {
                    (30, _) => {}
                    (_, true) => row.id = 2,
                    (_, false) => return Err("too old"),
                }
                Ok(())
            };
            people.rekey(OSLO, change).await
        });
        while scene.truth.get(ROME).await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        scene.truth.update(OSLO, |row| row.age = 44).await.unwrap();
        let error = rekey.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        let help = error.help().unwrap();
        assert!(help.contains("`people/Rome/1.json`"), "{error}");
        assert_eq!(scene.ages().await, (Some(44), Some(30)));
    }
}

/// Who has deleted it nobody can tell; the copy may be all that is left of the row.
#[tokio::test]
async fn a_row_that_is_gone_before_it_is_deleted_is_not_lost() {
    let scene = Scene::new().await;
    let meanwhile = scene.truth.delete(OSLO);
    let error = scene
        .interrupted(meanwhile.into_future())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    assert!(
        error.to_string().contains("`people/Rome/1.json`"),
        "{error}"
    );
    assert_eq!(scene.ages().await, (None, Some(30)));
}

#[tokio::test]
async fn a_row_that_is_created_at_the_new_key_is_left_alone() {
    let scene = Scene::new().await;
    let slow = Fault::Delay(Duration::from_secs(1));
    scene.proxy.fail_next(on("PutObject"), slow);
    let people = scene.patient().await;
    let rekey = tokio::spawn(async move { people.rekey(OSLO, to_rome).await });
    while scene.server.count("GetObject") == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    scene.truth.insert(roman(50)).await.unwrap();
    let error = rekey.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(scene.ages().await, (Some(30), Some(50)));
}

/// A store that does not delete on condition, or not for this caller.
#[tokio::test]
async fn where_the_old_row_may_not_be_deleted_nothing_is_lost() {
    for (status, code, kind) in [
        (501, "NotImplemented", ErrorKind::Unsupported),
        (403, "AccessDenied", ErrorKind::Denied),
    ] {
        let scene = Scene::new().await;
        scene
            .proxy
            .fail_next(on("DeleteObject"), Fault::Answer(status, code));
        let error = scene.rekey().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(
            error.help().unwrap().contains("`people/Rome/1.json`"),
            "{error}"
        );
        assert_eq!(scene.ages().await, (Some(30), Some(30)));
        scene.rekey().await.unwrap();
        assert_eq!(scene.ages().await, (None, Some(30)));
    }
}

/// Movers and changers at the same time: one row in the end, with every change that was answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn movers_and_changers_lose_nothing() {
    for _ in 0..20 {
        let scene = Scene::new().await;
        let movers: Vec<_> = (0..4)
            .map(|_| {
                let people = scene.people.clone();
                tokio::spawn(async move { people.rekey(OSLO, to_rome).await })
            })
            .collect();
        let truth = scene.truth.clone();
        let changed = truth.update(OSLO, |row| row.age = 44).await.is_ok();
        let mut moved = 0;
        for mover in movers {
            match mover.await.unwrap() {
                Ok(_) => moved += 1,
                Err(error) => assert!(
                    matches!(
                        error.kind(),
                        ErrorKind::NotFound | ErrorKind::AlreadyExists | ErrorKind::OutcomeUnknown
                    ),
                    "{error:?}"
                ),
            }
        }
        assert!(moved > 0);
        let age = if changed { 44 } else { 30 };
        assert_eq!(scene.ages().await, (None, Some(age)), "changed: {changed}");
    }
}

/// A row of another program has no write id, and one whose columns are in the key alone has nothing
/// in its bytes to tell it from others.
#[tokio::test]
async fn rows_of_other_programs_move_too() {
    #[derive(Debug, PartialEq, Serialize, Deserialize, S3Schema)]
    #[s3(table = "items", path = "<shelf>/<id>")]
    struct Item {
        #[s3(key_only)]
        shelf: String,
        #[s3(key_only)]
        id: u64,
        stock: u32,
    }
    let scene = Scene::new().await;
    for key in ["items/a/1.json", "items/b/1.json"] {
        let request = PutObject {
            key: key.to_owned(),
            body: r#"{"stock":5}"#.into(),
            ..PutObject::default()
        };
        scene.db.store().put(&request).await.unwrap();
    }
    let (items, lossy) = (scene.db.table::<Item>(), scene.people.db().table::<Item>());
    let to_c = |item: &mut Item| "c".clone_into(&mut item.shelf);

    scene.proxy.fail_next(on("DeleteObject"), Fault::CutBefore);
    lossy.rekey(("a", 1), to_c).await.unwrap_err();
    let error = items.rekey(("b", 1), to_c).await.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::AlreadyExists,
        "a copy of another row"
    );
    items.rekey(("a", 1), to_c).await.unwrap();
    let rows = items.query().scan().all().await.unwrap();
    let shelves: Vec<_> = rows.iter().map(|item| (&*item.shelf, item.id)).collect();
    assert_eq!(shelves, [("b", 1), ("c", 1)]);
}
