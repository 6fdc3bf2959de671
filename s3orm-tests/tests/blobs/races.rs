//! Writers and sweeps at the same time, for days: no row ever names what is not there.

use std::sync::atomic::{AtomicU64, Ordering};

use s3orm::store::DeleteObject;
use s3orm::testing::{Fault, FaultStore};
use s3orm::{Env, ErrorKind, Result};

use super::*;

/// A client whose requests take their time, up to so long, and whose answers are lost now and then.
fn client(store: &FaultStore, seed: u64, longest: Duration) -> FaultStore {
    let (client, chance) = (store.restart(), Env::seeded(seed));
    client.fail_when(move |_| match chance.random_bytes::<1>()[0] {
        0..4 => Some(Fault::AnswerLost),
        4..8 => Some(Fault::RequestLost),
        _ => Some(Fault::Latency(chance.jitter(longest))),
    });
    client
}

struct Writer {
    db: Db,
    chance: Env,
}

impl Writer {
    fn below(&self, limit: u8) -> u64 {
        u64::from(self.chance.random_bytes::<1>()[0] % limit)
    }

    /// An application takes its time, too.
    async fn dawdle(&self) {
        tokio::time::sleep(self.chance.jitter(Duration::from_mins(5))).await;
    }

    async fn act(&self) -> Result<()> {
        let (people, papers) = (self.db.table::<Person>(), self.db.table::<Paper>());
        let (id, other) = (self.below(6), self.below(6));
        match self.below(10) {
            0 | 1 => {
                let photo = people.blob().bytes("a photo").await?;
                self.dawdle().await;
                people.put(person(id, photo)).await.map(drop)
            }
            2 => {
                let photo = people.blob().bytes("one more").await?;
                self.dawdle().await;
                let add = |person: &mut Person| person.more.push(photo.clone());
                people.update(id, add).await.map(drop)
            }
            // Over whatever came meanwhile.
            3 => match people.get(id).await? {
                Some(mut row) => {
                    self.dawdle().await;
                    row.more.truncate(1);
                    people.put(row).await.map(drop)
                }
                None => Ok(()),
            },
            4 => people.delete(id).await,
            5 => people.rekey(id, |person| person.id = other).await.map(drop),
            6 => {
                let page = papers.blob().bytes("a page").await?;
                self.dawdle().await;
                papers.put(paper(id, page)).await.map(drop)
            }
            7 => papers.rekey(id, |paper| paper.id = other).await.map(drop),
            8 => papers.delete(id).await,
            _ => self.move_pages(id, other).await,
        }
    }

    /// All pages of one paper to another, at one instant.
    async fn move_pages(&self, from: u64, to: u64) -> Result<()> {
        let papers = &self.db.table::<Paper>();
        let moved = self.db.transaction(|tx| async move {
            let (Some(mut old), Some(mut new)) =
                (tx.get(papers, from).await?, tx.get(papers, to).await?)
            else {
                return Ok(());
            };
            if from == to {
                return Ok(());
            }
            for (name, page) in std::mem::take(&mut old.pages) {
                new.pages.insert(format!("{name}{from}"), page);
            }
            tx.write(papers.put(old))?;
            tx.write(papers.put(new))
        });
        moved.await
    }

    /// Reads a row, and then what it names.
    async fn look(&self) -> Result<usize> {
        let id = self.below(6);
        let mut blobs = Vec::new();
        if let Some(person) = self.db.table::<Person>().get(id).await? {
            blobs.extend(person.photo.into_iter().chain(person.more));
        }
        if let Some(paper) = self.db.table::<Paper>().get(id).await? {
            blobs.extend(paper.pages.into_values());
        }
        for blob in &blobs {
            match blob.bytes(&self.db, 100).await {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    panic!("{blob:?} is lost: {error:?}")
                }
                read => drop(read?),
            }
        }
        Ok(blobs.len())
    }
}

/// Two days of this. `sweep` runs every now and then.
async fn days<F: Future<Output = ()>>(seed: u64, sweep: impl Fn(Db) -> F) -> (u64, u64, u64) {
    let store = FaultStore::memory();
    let end = tokio::time::Instant::now() + Duration::from_hours(48);
    let (acted, looked) = (AtomicU64::new(0), AtomicU64::new(0));
    let writers = (0..6).map(|number| {
        let db = client(&store, seed * 100 + number, Duration::from_secs(20)).db();
        let chance = Env::seeded(seed * 1000 + number);
        let (writer, acted, looked) = (Writer { db, chance }, &acted, &looked);
        async move {
            while tokio::time::Instant::now() < end {
                if writer.act().await.is_ok() {
                    acted.fetch_add(1, Ordering::Relaxed);
                }
                if let Ok(count) = writer.look().await {
                    looked.fetch_add(count as u64, Ordering::Relaxed);
                }
                writer.dawdle().await;
            }
        }
    });
    let sweepers = (0..2).map(|number| {
        let chance = Env::seeded(seed * 10 + number);
        let client = client(&store, seed * 77 + number, Duration::from_mins(2));
        let sweep = &sweep;
        async move {
            while tokio::time::Instant::now() < end {
                tokio::time::sleep(chance.jitter(Duration::from_hours(2))).await;
                sweep(client.db()).await;
            }
        }
    });
    tokio::join!(
        futures_util::future::join_all(writers),
        futures_util::future::join_all(sweepers)
    );

    let db = store.restart().db();
    tokio::time::sleep(HOUR).await;
    db.sweep().await.unwrap();
    let before = keys(&store, "_s3orm/blob/").await.len();
    for _ in 0..3 {
        tokio::time::sleep(HOUR).await;
        db.table::<Paper>().vacuum().await.unwrap();
        db.sweep_blobs().of::<Person>().of::<Paper>().await.unwrap();
    }
    assert_eq!(keys(&store, "_s3orm/blob/").await, whole(&db).await);
    assert!(keys(&store, "_s3orm/blob-marks/").await.is_empty());
    let count = |count: AtomicU64| count.into_inner();
    (count(acted), count(looked), before as u64)
}

#[tokio::test(start_paused = true)]
#[allow(clippy::print_stderr, reason = "the numbers are figures")]
async fn no_live_blob_is_lost() {
    let removed = AtomicU64::new(0);
    let (mut acted, mut looked) = (0, 0);
    for seed in 1..=5 {
        let sweep = async |db: Db| {
            // What goes wrong ends a sweep: the next goes on.
            if let Ok(swept) = db.sweep_blobs().of::<Person>().of::<Paper>().await {
                removed.fetch_add(swept.removed, Ordering::Relaxed);
            }
        };
        let (acts, looks, _) = days(seed, sweep).await;
        acted += acts;
        looked += looks;
    }
    let removed = removed.into_inner();
    eprintln!("{acted} operations, {looked} blobs read, {removed} removed");
    assert!(acted > 10_000 && looked > 10_000 && removed > 1000);
}

/// The test can fail: who removes at once what is named nowhere.
#[tokio::test(start_paused = true)]
#[should_panic(expected = "is lost")]
async fn a_sweep_without_grace_is_seen() {
    days(1, |db| async move {
        let store = db.store();
        let Ok(page) = store.list(under("_s3orm/blob/")).await else {
            return;
        };
        let blobs: BTreeSet<String> = page.objects.into_iter().map(|blob| blob.key).collect();
        let Ok(people) = db.table::<Person>().query().scan().all().await else {
            return;
        };
        let Ok(papers) = db.table::<Paper>().query().scan().all().await else {
            return;
        };
        let of_people = people.iter().flat_map(|person| person.blobs());
        let named = of_people.chain(papers.iter().flat_map(|paper| paper.pages.values()));
        let named: BTreeSet<String> = named.map(Blob::key).collect();
        for key in blobs.difference(&named) {
            let delete = DeleteObject {
                key: key.clone(),
                ..DeleteObject::default()
            };
            let _ = store.delete(delete).await;
        }
    })
    .await;
}

fn under(prefix: &str) -> ListObjects {
    ListObjects {
        prefix: prefix.to_owned(),
        ..ListObjects::default()
    }
}
