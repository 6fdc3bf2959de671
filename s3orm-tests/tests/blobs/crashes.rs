//! Every operation with blobs, with its client ended before and after each of its requests: no row
//! names what is not there, and nothing is left behind once swept.

use std::future::Future;
use std::pin::Pin;

use s3orm::Result;
use s3orm::store::ListUploads;
use s3orm::testing::{Call, Fault, FaultStore, any};

use super::*;

type Ran = Pin<Box<dyn Future<Output = Result<()>>>>;

struct Deed {
    name: &'static str,
    run: fn(Db) -> Ran,
}

macro_rules! deed {
    ($name:literal, $run:expr) => {
        Deed {
            name: $name,
            run: |db| {
                Box::pin(async move {
                    let run: fn(_) -> _ = $run;
                    run(db).await
                })
            },
        }
    };
}

#[rustfmt::skip]
fn deeds() -> Vec<Deed> {
    vec![
        deed!("insert", |db: Db| async move {
            let photo = db.table::<Person>().blob().bytes("new").await?;
            db.table::<Person>().insert(person(9, photo)).await.map(drop)
        }),
        deed!("replace", |db: Db| async move {
            let photo = db.table::<Person>().blob().bytes("new").await?;
            db.table::<Person>().update(1, |person| person.photo = Some(photo.clone())).await.map(drop)
        }),
        deed!("replace by one of parts", |db: Db| async move {
            let photo = db.table::<Person>().blob().bytes(vec![1; 6 * MIB]).await?;
            db.table::<Person>().update(1, |person| person.photo = Some(photo.clone())).await.map(drop)
        }),
        deed!("delete", |db: Db| async move { db.table::<Person>().delete(1).await }),
        deed!("move", |db: Db| async move {
            db.table::<Person>().rekey(1, |person| person.id = 7).await.map(drop)
        }),
        deed!("copy", |db: Db| async move {
            let people = db.table::<Person>();
            let row = people.get(2).await?.expect("a row");
            let photo = people.copy_blob(&row.photo.expect("a photo")).await?;
            people.insert(person(8, photo)).await.map(drop)
        }),
        deed!("a page moves", |db: Db| async move {
            let papers = &db.table::<Paper>();
            db.transaction(|tx| async move {
                let mut from = tx.get(papers, 1).await?.expect("a row");
                // Without it, it was done before.
                let Some(page) = from.pages.remove("1") else { return Ok(()) };
                tx.write(papers.put(from))?;
                tx.write(papers.put(paper(3, page)))
            }).await
        }),
        deed!("a paper moves", |db: Db| async move {
            db.table::<Paper>().rekey(1, |paper| paper.id = 4).await.map(drop)
        }),
        deed!("a paper goes", |db: Db| async move { db.table::<Paper>().delete(1).await }),
        deed!("sweep", |db: Db| async move { sweep(&db).await }),
    ]
}

async fn sweep(db: &Db) -> Result<()> {
    db.sweep_blobs()
        .of::<Person>()
        .of::<Paper>()
        .await
        .map(drop)
}

/// Rows with blobs, blobs without rows, some marked and some due.
async fn prepared() -> FaultStore {
    let store = FaultStore::memory();
    let db = store.restart().db();
    let (people, papers) = (db.table::<Person>(), db.table::<Paper>());
    for id in [1, 2] {
        let photo = people.blob().bytes("old").await.unwrap();
        people.put(person(id, photo)).await.unwrap();
        let page = papers.blob().bytes("old").await.unwrap();
        papers.put(paper(id, page)).await.unwrap();
    }
    people.blob().bytes("due").await.unwrap();
    tokio::time::sleep(HOUR).await;
    people.blob().bytes("marked next").await.unwrap();
    sweep(&db).await.unwrap();
    tokio::time::sleep(HOUR).await;
    store
}

/// What goes wrong besides, at the first write.
const TROUBLES: [Option<Fault>; 4] = [
    None,
    Some(Fault::AnswerLost),
    Some(Fault::Conflict),
    Some(Fault::Status(500)),
];

fn is_write(call: Call) -> bool {
    matches!(
        call,
        Call::Put | Call::UploadPart | Call::CompleteUpload | Call::Delete | Call::DeleteMany
    )
}

async fn troubled(trouble: Option<Fault>) -> FaultStore {
    let (store, mut trouble) = (prepared().await, trouble);
    store.fail_when(move |request| trouble.take_if(|_| is_write(request.call)));
    store
}

async fn cut_off(deed: &Deed, trouble: Option<Fault>, n: usize, fault: Fault) {
    let context = format!("{}, {trouble:?}, {fault:?} at request {n}", deed.name);
    let store = troubled(trouble).await;
    // Before the trouble, if it is the same request.
    store.fail_nth(n, any(), fault);
    let outcome = (deed.run)(store.db()).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(store.count(any()) >= n, "{context}: {outcome:?}");

    let db = store.restart().db();
    whole(&db).await;
    // Whoever comes does it again, or finds that it is done.
    if let Err(error) = (deed.run)(db.clone()).await {
        let refused = [s3orm::ErrorKind::AlreadyExists, s3orm::ErrorKind::NotFound];
        assert!(refused.contains(&error.kind()), "{context}: {error:?}");
    }
    whole(&db).await;
    nothing_is_left_behind(&store, &context).await;
}

async fn nothing_is_left_behind(store: &FaultStore, context: &str) {
    let db = store.restart().db();
    for _ in 0..3 {
        tokio::time::sleep(HOUR).await;
        db.sweep().await.unwrap();
        db.table::<Paper>().vacuum().await.unwrap();
        sweep(&db).await.unwrap();
        let ended = db.sweep_uploads().older_than(HOUR).await.unwrap();
        assert_eq!(ended.kept, 0, "{context}");
        whole(&db).await;
    }
    let named = whole(&db).await;
    assert_eq!(
        keys(&store.restart(), "_s3orm/blob/").await,
        named,
        "{context}"
    );
    assert!(
        keys(&store.restart(), "_s3orm/blob-marks/")
            .await
            .is_empty(),
        "{context}"
    );
    let uploads = store.restart().list_uploads(ListUploads::default()).await;
    assert!(uploads.unwrap().uploads.is_empty(), "{context}");
}

#[tokio::test(start_paused = true)]
#[allow(clippy::print_stderr, reason = "the number of points is a figure")]
async fn a_crash_loses_no_blob_and_leaves_none() {
    let mut points = 0;
    for deed in deeds() {
        for trouble in TROUBLES {
            let store = troubled(trouble).await;
            let done = (deed.run)(store.db()).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            if trouble.is_none() {
                done.expect(deed.name);
            }
            let requests = store.count(any());
            whole(&store.restart().db()).await;
            nothing_is_left_behind(&store, deed.name).await;
            for n in 1..=requests {
                for fault in [Fault::CrashBefore, Fault::CrashAfter] {
                    cut_off(&deed, trouble, n, fault).await;
                    points += 1;
                }
            }
        }
    }
    eprintln!("{points} points");
    assert!(points > 400);
}

/// The test can fail: a row that is written before its blob.
#[tokio::test(start_paused = true)]
#[should_panic(expected = "is lost")]
async fn a_row_before_its_blob_is_seen() {
    let deed = deed!("the row first", |db: Db| async move {
        let people = db.table::<Person>();
        // Of another database, so that the blob is not here.
        let elsewhere = Db::connect("memory:").await?.table::<Person>();
        let photo = elsewhere.blob().bytes("new").await?;
        people.put(person(1, photo)).await.map(drop)
    });
    cut_off(&deed, None, 1, Fault::CrashAfter).await;
}
