//! Collecting blobs that no row names: the protocol is [the module's](super#what-becomes-of-blobs-that-no-row-names).

use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::pin::pin;
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::id::{self, BlobId};
use super::mark::Named;
use crate::batch::bulk;
use crate::db::Db;
use crate::error::{ErrorKind, Result};
use crate::schema::S3Schema;
use crate::store::{ListedObject, Metadata, PutObject};
use crate::table::write_error;
use crate::tx::{GRACE, age};
use crate::write;

/// What the keys of all marks begin with, below the database's prefix.
const MARKS: &str = "_s3orm/blob-marks/";
/// Objects that are read at the same time, where no setting says.
const CONCURRENCY: usize = 16;
/// S3 gives whole seconds.
const TICK: Duration = Duration::from_secs(2);

impl Db {
    /// Collects blobs that no row names: of the tables that are named with
    /// [`of`](SweepWithoutTables::of), and no others.
    ///
    /// What is named nowhere is marked; a blob is removed by the first sweep that finds it so an hour
    /// after its mark. So run it now and then: each run does both. It may run anywhere, at any time,
    /// several times at once, and be cut off. [The protocol](crate::blob#what-becomes-of-blobs-that-no-row-names).
    ///
    /// ```
    /// # use s3orm::{Blob, S3Schema};
    /// # #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<id>")]
    /// # struct Person { id: u64, photo: Blob }
    /// # #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "papers", path = "<id>")]
    /// # struct Paper { id: u64, pages: Vec<Blob> }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let db = s3orm::Db::connect("memory:").await?;
    /// let swept = db.sweep_blobs().of::<Person>().of::<Paper>().await?;
    /// println!("{} removed, {} bytes; {} go next", swept.removed, swept.bytes, swept.marked);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Of awaiting: [`Decode`](ErrorKind::Decode), [`LimitExceeded`](ErrorKind::LimitExceeded) and those of the
    /// connection for an object of the tables that cannot be read: nothing is removed then. Those of
    /// the connection while it removes: what is done is done, and sweeping again goes on.
    ///
    /// # Cost
    /// 1 PUT and 1 HEAD; 1 LIST for each 1,000 blobs and each 1,000 marks of a table. If there are blobs older than
    /// an hour, 1 LIST for each 1,000 objects of the tables and 1 GET for each; if some are named
    /// nowhere, another LIST for each 1,000, and 1 GET for each object that was written meanwhile. For each blob that is named
    /// nowhere 1 PUT; for 1,000 that go, 2 POST. It holds 100 bytes in memory for each blob that is
    /// older than an hour.
    pub fn sweep_blobs(&self) -> SweepWithoutTables<'_> {
        SweepWithoutTables(self)
    }
}

/// A request of [`Db::sweep_blobs`] that is not told any table yet.
#[derive(Debug)]
#[must_use = "requests do nothing until awaited; name the tables first, by `of`"]
pub struct SweepWithoutTables<'a>(&'a Db);

impl<'a> SweepWithoutTables<'a> {
    /// Blobs of this table.
    pub fn of<T: S3Schema>(self) -> BlobSweep<'a> {
        let (db, tables) = (self.0, Vec::new());
        BlobSweep { db, tables }.of::<T>()
    }
}

/// A request of [`Db::sweep_blobs`]; awaiting returns [`SweptBlobs`].
#[derive(Debug)]
#[must_use = "requests do nothing until awaited"]
pub struct BlobSweep<'a> {
    db: &'a Db,
    tables: Vec<Named>,
}

/// What a sweep of blobs did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SweptBlobs {
    /// Blobs that are gone.
    pub removed: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Blobs that no row names: a sweep an hour or more after their mark removes them.
    pub marked: u64,
    /// Blobs that a row names.
    pub named: u64,
    /// Blobs that are younger than an hour, and were not judged.
    pub young: u64,
}

/// A table of the sweep, and a blob's number.
type Place = (usize, u128);

/// Blobs that may have to go.
#[derive(Default)]
struct Judged {
    /// Those that nothing names, as far as is known.
    left: BTreeMap<Place, Candidate>,
    /// Marks of blobs that are named, or gone.
    stale: Vec<Place>,
    swept: SweptBlobs,
}

struct Candidate {
    bytes: u64,
    /// When it was marked.
    mark: Option<SystemTime>,
}

impl Judged {
    fn spare(&mut self, place: Place) {
        if let Some(candidate) = self.left.remove(&place) {
            self.swept.named += 1;
            if candidate.mark.is_some() {
                self.stale.push(place);
            }
        }
    }
}

impl BlobSweep<'_> {
    /// Blobs of this table, too.
    pub fn of<T: S3Schema>(mut self) -> Self {
        if !self
            .tables
            .iter()
            .any(|known| known.table == T::SCHEMA.table)
        {
            self.tables.push(Named::of::<T>());
        }
        self
    }

    async fn run(self) -> Result<SweptBlobs> {
        let now = self.db.s3_now().await?;
        let mut judged = Judged::default();
        for table in 0..self.tables.len() {
            self.list_blobs(table, now, &mut judged).await?;
            self.list_marks(table, &mut judged).await?;
        }
        if !judged.left.is_empty() {
            self.cross_out(None, &mut judged).await?;
        }
        if !judged.left.is_empty() {
            let begun = now.checked_sub(TICK).unwrap_or(SystemTime::UNIX_EPOCH);
            self.cross_out(Some(begun), &mut judged).await?;
        }
        self.judge(now, judged).await
    }

    /// The old ones.
    async fn list_blobs(&self, table: usize, now: SystemTime, judged: &mut Judged) -> Result<()> {
        let folder = format!("{}/", self.tables[table].table);
        let mut blobs = pin!(self.objects_of(id::FOLDER, &folder));
        while let Some((number, object)) = blobs.try_next().await? {
            if age(Some(object.last_modified), now) < GRACE {
                judged.swept.young += 1;
                continue;
            }
            let candidate = Candidate {
                bytes: object.size,
                mark: None,
            };
            judged.left.insert((table, number), candidate);
        }
        Ok(())
    }

    async fn list_marks(&self, table: usize, judged: &mut Judged) -> Result<()> {
        let folder = format!("{}/", self.tables[table].table);
        let mut marks = pin!(self.objects_of(MARKS, &folder));
        while let Some((number, object)) = marks.try_next().await? {
            match judged.left.get_mut(&(table, number)) {
                Some(candidate) => candidate.mark = Some(object.last_modified),
                None => judged.stale.push((table, number)),
            }
        }
        Ok(())
    }

    /// The objects of a folder of ours whose keys end in a blob's number.
    fn objects_of(
        &self,
        all: &str,
        folder: &str,
    ) -> impl futures_util::Stream<Item = Result<(u128, ListedObject)>> + Send + use<> {
        let folder = format!("{}{all}{folder}", self.db.prefix());
        let objects = self.db.objects(folder.clone());
        objects.try_filter_map(move |object| {
            let number = object.key.strip_prefix(&folder).and_then(id::parse_number);
            std::future::ready(Ok(number.map(|number| (number, object))))
        })
    }

    /// Takes those away that the tables' objects name; only of objects that were written since, if that
    /// is said.
    async fn cross_out(&self, since: Option<SystemTime>, judged: &mut Judged) -> Result<()> {
        let concurrency = self.db.concurrency().unwrap_or(CONCURRENCY);
        for named in &self.tables {
            let objects = self.db.objects(named.folder(self.db));
            let wanted = objects.try_filter(move |object| {
                let wanted = since.is_none_or(|since| object.last_modified >= since);
                std::future::ready(wanted)
            });
            let read = wanted.map_ok(|object| named.clone().read(self.db.clone(), object.key));
            let mut read = pin!(read.try_buffer_unordered(concurrency));
            while let Some(blobs) = read.try_next().await? {
                for blob in blobs {
                    self.cross_out_one(&blob, judged);
                }
            }
        }
        Ok(())
    }

    fn cross_out_one(&self, blob: &BlobId, judged: &mut Judged) {
        let mut tables = self.tables.iter();
        if let Some(table) = tables.position(|named| named.table == blob.table()) {
            judged.spare((table, blob.number));
        }
    }

    /// What nothing names is marked, or goes.
    async fn judge(&self, now: SystemTime, judged: Judged) -> Result<SweptBlobs> {
        let Judged {
            left,
            mut stale,
            mut swept,
        } = judged;
        let (mut doomed, mut unmarked) = (Vec::new(), Vec::new());
        for (place, candidate) in left {
            match candidate.mark {
                None => unmarked.push(place),
                Some(mark) if age(Some(mark), now) < GRACE => swept.marked += 1,
                Some(_) => {
                    swept.bytes += candidate.bytes;
                    doomed.push(place);
                }
            }
        }
        swept.marked += unmarked.len() as u64;
        let keys = unmarked.into_iter().map(|place| self.key(MARKS, place));
        let keys: Vec<String> = keys.collect();
        let marked = stream::iter(keys).map(|key| mark(self.db.clone(), key));
        let mut marked = marked.buffer_unordered(CONCURRENCY);
        while let Some(outcome) = marked.next().await {
            outcome?;
        }
        swept.removed = doomed.len() as u64;
        self.remove(id::FOLDER, &doomed).await?;
        // A mark outlives its blob, never the other way round.
        stale.extend(doomed);
        self.remove(MARKS, &stale).await?;
        Ok(swept)
    }

    fn key(&self, all: &str, (table, number): Place) -> String {
        let (prefix, table) = (self.db.prefix(), self.tables[table].table);
        format!("{prefix}{all}{table}/{}", id::number(number))
    }

    async fn remove(&self, all: &str, places: &[Place]) -> Result<u64> {
        let keys = places.iter().map(|place| Ok(self.key(all, *place)));
        let keys: Vec<Result<String>> = keys.collect();
        bulk::delete_all(self.db, stream::iter(keys)).await
    }
}

async fn mark(db: Db, key: String) -> Result<()> {
    let mut metadata = Metadata::new();
    metadata.insert(write::ID.to_owned(), write::new_id(db.env()));
    let mark = PutObject {
        key: key.clone(),
        metadata,
        ..PutObject::default()
    };
    let put = write::put(db.store(), db.env(), &mark).await;
    put.map(drop)
        .map_err(|failure| write_error(failure, key, ErrorKind::Conflict))
}

impl<'a> IntoFuture for BlobSweep<'a> {
    type Output = Result<SweptBlobs>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let swept = self.run().await;
            swept.map_err(|error| error.during("sweep_blobs", ""))
        })
    }
}
