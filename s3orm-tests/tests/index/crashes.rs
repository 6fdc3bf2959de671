//! A client that ends at any of its requests, and many whose requests are lost, late and doubled:
//! no answer is wrong, and what is left is dead and goes.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use s3orm::index::Problem;
use s3orm::store::memory::MemoryStore;
use s3orm::testing::{Fault, FaultStore, any};
use s3orm::{Db, Env, ErrorKind, Result, S3Schema, Table};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(
    table = "members",
    path = "<id>",
    transactional,
    index(name = "kept", columns(club), projection = "all")
)]
struct Member {
    id: u64,
    #[s3(unique)]
    email: String,
    #[s3(index)]
    club: Option<String>,
    visits: u32,
}

fn member(id: u64, email: &str, club: &str) -> Member {
    Member {
        id,
        email: email.to_owned(),
        club: Some(club.to_owned()),
        visits: 0,
    }
}

type Ran = Pin<Box<dyn Future<Output = Result<()>> + Send>>;
type Case = (&'static str, fn(Table<Member>) -> Ran);

fn cases() -> Vec<Case> {
    fn run<F: Future<Output = Result<()>> + Send + 'static>(future: F) -> Ran {
        Box::pin(future)
    }
    vec![
        ("insert", |members| {
            run(async move { members.insert(member(9, "new@a.org", "A")).await.map(drop) })
        }),
        ("insert of what is there", |members| {
            run(async move { members.insert(member(1, "new@a.org", "B")).await.map(drop) })
        }),
        ("insert of what is taken", |members| {
            run(async move { members.insert(member(9, "2@a.org", "B")).await.map(drop) })
        }),
        ("insert of what is claimed in vain", |members| {
            run(async move { members.insert(member(9, "dead@a.org", "B")).await.map(drop) })
        }),
        ("put", |members| {
            run(async move { members.put(member(1, "1@a.org", "B")).await.map(drop) })
        }),
        ("update of both", |members| {
            run(async move {
                let changed = members.update(1, |row| {
                    row.email = "other@a.org".into();
                    row.club = Some("B".into());
                });
                changed.await.map(drop)
            })
        }),
        ("update of what is kept", |members| {
            run(async move { members.update(1, |row| row.visits = 7).await.map(drop) })
        }),
        ("update to nothing", |members| {
            run(async move { members.patch(1).unset(Member::COL.club).await.map(drop) })
        }),
        ("delete", |members| {
            run(async move { members.delete(1).await })
        }),
        ("re-key", |members| {
            run(async move { members.rekey(1, |row| row.id = 9).await.map(drop) })
        }),
        ("transaction", |members| {
            run(async move {
                let all = &members;
                let done = all.db().transaction(|tx| async move {
                    tx.write(all.insert(member(9, "new@a.org", "C")))?;
                    tx.write(all.delete(2))?;
                    tx.write(all.update(1, |row| {
                        row.email = "other@a.org".into();
                        row.club = None;
                    }))
                });
                done.await
            })
        }),
        ("transaction over values that change places", |members| {
            run(async move {
                let all = &members;
                let done = all.db().transaction(|tx| async move {
                    let rows = (tx.get(all, 1).await?, tx.get(all, 2).await?);
                    let (Some(mut one), Some(mut two)) = rows else {
                        return Ok(());
                    };
                    std::mem::swap(&mut one.email, &mut two.email);
                    tx.write(all.put(one))?;
                    tx.write(all.put(two))
                });
                done.await
            })
        }),
    ]
}

/// A store with three rows, and a claim that no row has ever agreed with.
async fn prepared() -> FaultStore {
    let store = FaultStore::memory();
    let members = store.restart().db().table::<Member>();
    for id in 1..=3 {
        let row = member(id, &format!("{id}@a.org"), "A");
        members.insert(row).await.expect("nothing goes wrong yet");
    }
    let claim = s3orm::store::PutObject {
        key: "_s3orm/uq/members/email/dead!40a.org.json".to_owned(),
        body: r#"{"_m":{"v":"x"},"pks":["3.json"]}"#.into(),
        ..Default::default()
    };
    let db = store.restart().db();
    db.store()
        .put(&claim)
        .await
        .expect("nothing goes wrong yet");
    store
}

/// Every row is found by each of its values, and no value by two.
async fn check_answers(db: &Db, context: &str) {
    let members = db.table::<Member>();
    let rows = members.query().scan().all().await.expect(context);
    for row in &rows {
        let found = members.get_by(Member::UNIQUE.email, &row.email).await;
        assert_eq!(found.expect(context).as_ref(), Some(row), "{context}");
    }
    for club in ["A", "B", "C"] {
        let has = |row: &&Member| row.club.as_deref() == Some(club);
        let expected: Vec<_> = rows.iter().filter(has).cloned().collect();
        let found = members.query().by(Member::INDEX.club).at(club).all().await;
        assert_eq!(found.expect(context), expected, "{context}");
    }
}

/// What is left is dead; once it is old it can be removed, and then nothing is.
async fn check_remains(db: &Db, env: &Env, context: &str) {
    let members = db.table::<Member>();
    env.sleep(Duration::from_secs(15)).await;
    db.settle().await.expect(context);
    let found = members.verify().await.expect(context);
    let harmless = [Problem::DeadEntry, Problem::DeadClaim, Problem::StaleEntry];
    for finding in &found.findings {
        assert!(
            harmless.contains(&finding.problem),
            "{context}: {finding:?}"
        );
    }
    let early = members.repair().await.expect(context);
    let young = |one: &&s3orm::index::Finding| one.problem != Problem::StaleEntry;
    assert!(
        !early.findings.iter().filter(young).any(|one| one.mended),
        "{context}: {early:?}"
    );
    env.sleep(Duration::from_mins(61)).await;
    let repaired = members.repair().await.expect(context);
    assert!(repaired.is_clean(), "{context}: {repaired:?}");
    let clean = members.verify().await.expect(context);
    assert_eq!(clean.found, 0, "{context}: {clean:?}");
    check_answers(db, context).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_after_a_crash_finds_every_row_by_its_values() {
    let mut points = 0;
    for (name, run) in cases() {
        let troubles = [
            None,
            Some(Fault::AnswerLost),
            Some(Fault::RequestLost),
            Some(Fault::Conflict),
        ];
        for trouble in troubles {
            for n in 1.. {
                let mut left = 0;
                for fault in [Fault::CrashBefore, Fault::CrashAfter] {
                    let store = prepared().await;
                    let mut ahead = trouble;
                    store.fail_when(move |request| {
                        let is_write = !matches!(
                            request.call,
                            s3orm::testing::Call::Get
                                | s3orm::testing::Call::List
                                | s3orm::testing::Call::Head
                        );
                        ahead.take_if(|_| is_write)
                    });
                    store.fail_nth(n, any(), fault);
                    let _ = run(store.db().table()).await;
                    if store.count(any()) < n {
                        continue;
                    }
                    left += 1;
                    let context = format!("{name}, {trouble:?}, {fault:?} at request {n}");
                    let env = Env::seeded(1);
                    let db = store.restart().db();
                    check_answers(&db, &context).await;
                    let again = run(db.table()).await.map_err(|error| error.kind());
                    let known = [
                        ErrorKind::AlreadyExists,
                        ErrorKind::NotFound,
                        ErrorKind::UniqueViolation,
                    ];
                    assert!(
                        again.is_ok() || again.is_err_and(|kind| known.contains(&kind)),
                        "{context}"
                    );
                    check_answers(&db, &context).await;
                    check_remains(&db, &env, &context).await;
                }
                points += left;
                if left == 0 {
                    break;
                }
            }
        }
    }
    assert!(points > 400, "{points}");
}

/// Draws a number below `limit`.
fn draw(env: &Env, limit: u8) -> u8 {
    env.random_bytes::<1>()[0] % limit
}

/// What becomes of a request, by chance.
fn chance(env: &Env) -> Option<Fault> {
    match draw(env, 64) {
        0 => Some(Fault::RequestLost),
        1 => Some(Fault::AnswerLost),
        2 => Some(Fault::Late(Duration::from_secs(u64::from(draw(env, 250))))),
        3 => Some(Fault::Duplicate),
        4 => Some(Fault::Conflict),
        5 => Some(Fault::SlowDown),
        6 => Some(Fault::Status(500)),
        _ => None,
    }
}

/// One write of one row, by chance.
async fn act(members: &Table<Member>, env: &Env) -> Result<()> {
    let id = u64::from(draw(env, 4));
    let email = format!("{}@a.org", draw(env, 3));
    let club = ["A", "B", "C"][usize::from(draw(env, 3))];
    match draw(env, 6) {
        0 => members.insert(member(id, &email, club)).await.map(drop),
        1 => members.put(member(id, &email, club)).await.map(drop),
        2 => members.delete(id).await,
        3 => members.patch(id).unset(Member::COL.club).await.map(drop),
        4 => members
            .patch(id)
            .set(Member::COL.email, email)
            .await
            .map(drop),
        _ => {
            let changed = members.update(id, |row| {
                row.club = Some(club.to_owned());
                row.visits += 1;
            });
            changed.await.map(drop)
        }
    }
}

/// Many clients at once, whose requests are lost, late and doubled.
#[tokio::test(start_paused = true)]
async fn many_clients_under_faults_keep_the_indexes() {
    for seed in 0..60 {
        let env = Env::seeded(seed);
        let inner = Arc::new(MemoryStore::new("testing", env.clone()));
        let calm = FaultStore::over(inner, env.clone());
        let members = calm.db().table::<Member>();
        members
            .insert(member(0, "0@a.org", "A"))
            .await
            .expect("nothing goes wrong yet");
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (client, env) = (calm.restart(), env.clone());
            let faults = env.clone();
            client.fail_when(move |_| chance(&faults));
            tasks.spawn(async move {
                let members = client.db().table::<Member>();
                for _ in 0..8 {
                    // Whatever it says: what counts is what is there afterwards.
                    let _ = act(&members, &env).await;
                }
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.expect("no task panics");
        }
        env.sleep(Duration::from_mins(16)).await;
        let context = format!("seed {seed}");
        check_answers(&calm.db(), &context).await;
        check_remains(&calm.db(), &env, &context).await;
    }
}
