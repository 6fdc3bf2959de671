//! Many writers of one object: conditions hold between them.

use std::sync::Arc;

use anyhow::{bail, ensure};
use s3orm::store::{
    DeleteObject, GetObject, Precondition, PutObject, Store, StoreError, StoreErrorKind,
};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::{Fixture, Outcome};

const TASKS: usize = 32;
const ROUNDS: usize = 4;
const LOST: [StoreErrorKind; 2] = [StoreErrorKind::PreconditionFailed, StoreErrorKind::Conflict];
/// A deletion that comes second finds nothing, or says that it came second.
const LOST_DELETE: [StoreErrorKind; 3] = [LOST[0], LOST[1], StoreErrorKind::NotFound];

/// Makes one future for each task and runs them at the same time; the answer is the one that won.
async fn race<F>(
    f: &Fixture,
    lost: &[StoreErrorKind],
    write: impl Fn(Arc<dyn Store>, usize) -> F,
) -> anyhow::Result<usize>
where
    F: Future<Output = Result<(), StoreError>> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(TASKS));
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let (writing, barrier) = (write(f.connection(task), task), Arc::clone(&barrier));
        tasks.spawn(async move {
            barrier.wait().await;
            (task, writing.await)
        });
    }
    let mut winners = Vec::new();
    for (task, answer) in tasks.join_all().await {
        match answer {
            Ok(()) => winners.push(task),
            Err(error) if lost.contains(&error.kind()) => {}
            Err(error) => bail!("task {task} was answered {error:?}"),
        }
    }
    match winners[..] {
        [winner] => Ok(winner),
        _ => bail!("{} of {TASKS} won: {winners:?}", winners.len()),
    }
}

fn put_of(f: &Fixture, task: usize, precondition: Precondition) -> PutObject {
    PutObject {
        precondition,
        ..f.write("a", &format!("task {task}"))
    }
}

pub(super) async fn one_of_32_creates(f: &Fixture) -> Outcome {
    for _ in 0..ROUNDS {
        let winner = race(f, &LOST, |store, task| {
            let put = put_of(f, task, Precondition::IfAbsent);
            async move { store.put(put).await.map(|_| ()) }
        });
        let winner = winner.await?;
        f.holds("a", &format!("task {winner}")).await?;
        f.delete_if("a", Precondition::None).await?;
    }
    Ok(())
}

pub(super) async fn one_of_32_replaces(f: &Fixture) -> Outcome {
    let mut tag = f.put("a", "before").await?;
    for round in 0..ROUNDS {
        let winner = race(f, &LOST, |store, task| {
            // Each round has bodies of its own: equal ones would bring back an old tag.
            let mut put = put_of(f, task, Precondition::IfMatch(tag.clone()));
            put.body = format!("round {round} task {task}").into();
            async move { store.put(put).await.map(|_| ()) }
        });
        let winner = winner.await?;
        f.holds("a", &format!("round {round} task {winner}"))
            .await?;
        tag = f.get("a").await?.meta.etag;
    }
    Ok(())
}

pub(super) async fn one_of_32_deletes(f: &Fixture) -> Outcome {
    for _ in 0..ROUNDS {
        let tag = f.put("a", "before").await?;
        let winner = race(f, &LOST_DELETE, |store, _| {
            let delete = DeleteObject {
                key: f.key("a"),
                precondition: Precondition::IfMatch(tag.clone()),
            };
            async move { store.delete(delete).await }
        });
        winner.await?;
        f.is_absent("a").await?;
    }
    Ok(())
}

/// Half replace and half delete the same version.
pub(super) async fn creates_against_deletes(f: &Fixture) -> Outcome {
    for _ in 0..ROUNDS {
        let tag = f.put("a", "before").await?;
        let winner = race(f, &LOST_DELETE, |store, task| {
            let put = put_of(f, task, Precondition::IfMatch(tag.clone()));
            let delete = DeleteObject {
                key: put.key.clone(),
                precondition: put.precondition.clone(),
            };
            async move {
                if task % 2 == 0 {
                    store.put(put).await.map(|_| ())
                } else {
                    store.delete(delete).await
                }
            }
        });
        match winner.await? {
            winner if winner % 2 == 0 => f.holds("a", &format!("task {winner}")).await?,
            _ => f.is_absent("a").await?,
        }
    }
    Ok(())
}

pub(super) async fn a_counter_loses_no_increment(f: &Fixture) -> Outcome {
    const COUNTERS: usize = 8;
    const INCREMENTS: usize = 125;
    f.put("counter", "0").await?;
    let mut tasks = JoinSet::new();
    for task in 0..COUNTERS {
        let (store, key) = (f.connection(task), f.key("counter"));
        tasks.spawn(async move {
            for _ in 0..INCREMENTS {
                increment(&*store, &key).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    f.holds("counter", &(COUNTERS * INCREMENTS).to_string())
        .await
}

/// Adds one to the number in the object, by compare-and-swap.
///
/// # Errors
///
/// All but a lost race, after which it tries again.
pub async fn increment(store: &dyn Store, key: &str) -> Outcome {
    loop {
        let read = store.get(GetObject {
            key: key.to_owned(),
            ..GetObject::default()
        });
        let read = read.await?;
        let count: usize = std::str::from_utf8(&read.body)?.parse()?;
        let put = store.put(PutObject {
            key: key.to_owned(),
            body: (count + 1).to_string().into(),
            precondition: Precondition::IfMatch(read.meta.etag),
            ..PutObject::default()
        });
        match put.await {
            Ok(_) => return Ok(()),
            Err(error) if LOST.contains(&error.kind()) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Bodies of one repeated byte: a mix of two would show.
pub(super) async fn readers_see_whole_objects(f: &Fixture) -> Outcome {
    const SIZE: usize = 100_000;
    let body = |byte: u8| vec![byte; SIZE];
    let put = |byte: u8| PutObject {
        body: body(byte).into(),
        metadata: [("byte".to_owned(), byte.to_string())].into(),
        ..f.write("a", "")
    };
    f.store().put(put(0)).await?;
    let mut writers = JoinSet::new();
    for task in 1..=4_u8 {
        let (store, put) = (f.connection(usize::from(task)), put(task));
        writers.spawn(async move {
            for _ in 0..10 {
                store.put(put.clone()).await?;
            }
            Ok::<_, StoreError>(())
        });
    }
    let mut reads = 0;
    while !writers.is_empty() {
        let read = f.get("a").await?;
        let byte = read.body.first().copied().unwrap_or_default();
        ensure!(read.body == body(byte), "two bodies are mixed");
        let recorded = read.meta.metadata.get("byte");
        ensure!(
            recorded == Some(&byte.to_string()),
            "the body is of {byte}, the metadata of {recorded:?}"
        );
        reads += 1;
        while let Some(done) = writers.try_join_next() {
            done??;
        }
    }
    ensure!(reads > 0, "nothing was read");
    Ok(())
}
