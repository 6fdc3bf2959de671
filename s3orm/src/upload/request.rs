//! An upload before it begins: its options.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::plan::Plan;
use super::session::Session;
use super::uploader::Uploader;
use super::{Unfinished, object_key};
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::row::Version;
use crate::store::{Checksum, Precondition};
use crate::table::WriteOptions;
use crate::write;

/// S3's smallest part, and its largest.
const MIN_PART: u64 = 5 << 20;
const MAX_PART: u64 = 5 << 30;

impl Db {
    /// Begins an upload to a key, which is relative to the database's prefix. No request: see
    /// [`upload`](crate::upload) for what follows.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let db = s3orm::Db::connect("memory:").await?;
    /// let uploaded = db.upload("notes/1.txt").if_absent().bytes("a note").await?;
    /// let replaced = db.upload("notes/1.txt").if_version(&uploaded.version).bytes("another").await?;
    /// assert_eq!(replaced.key, "notes/1.txt");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// None here; of what follows [`InvalidKey`](ErrorKind::InvalidKey) and
    /// [`Config`](ErrorKind::Config), which are found at the first write.
    pub fn upload(&self, key: impl AsRef<str>) -> Upload {
        self.upload_to(key.as_ref(), false)
    }

    /// Begins an upload to a key of the library's own.
    pub(crate) fn upload_own(&self, key: &str) -> Upload {
        self.upload_to(key, true)
    }

    fn upload_to(&self, key: &str, own: bool) -> Upload {
        Upload(Box::new(Options {
            key: key.to_owned(),
            own,
            db: self.clone(),
            write: WriteOptions::default(),
            precondition: Precondition::None,
            previous: None,
            min_part: MIN_PART,
            max_part: MAX_PART,
            size: None,
            parallel: 4,
            checksum: true,
            progress: None,
        }))
    }
}

/// An upload before it begins: of [`Db::upload`].
#[derive(Debug)]
#[must_use = "an upload does nothing until it is started or given its bytes"]
pub struct Upload(pub(super) Box<Options>);

#[derive(Debug)]
pub(super) struct Options {
    pub(super) db: Db,
    /// As it was given.
    key: String,
    /// Whether it is one of the library's own.
    own: bool,
    write: WriteOptions,
    pub(super) precondition: Precondition,
    previous: Option<String>,
    min_part: u64,
    pub(super) max_part: u64,
    size: Option<u64>,
    parallel: usize,
    checksum: bool,
    progress: Option<Progress>,
}

/// Told how many bytes the store has, and how many there will be, if that is known.
#[derive(Clone)]
pub(super) struct Progress(Arc<Mutex<Tell>>);

type Tell = dyn FnMut(u64, Option<u64>) + Send;

impl Progress {
    pub(super) fn tell(&self, done: u64, total: Option<u64>) {
        let mut tell = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tell(done, total);
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}

/// An upload's options, checked, for its parts and its end.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) db: Db,
    pub(super) key: String,
    /// What the object's metadata will say of the write.
    pub(super) id: String,
    pub(super) metadata: crate::store::Metadata,
    pub(super) content_type: Option<String>,
    pub(super) precondition: Precondition,
    pub(super) refused: ErrorKind,
    pub(super) plan: Plan,
    pub(super) size: Option<u64>,
    pub(super) parallel: usize,
    pub(super) checksum: bool,
    pub(super) progress: Option<Progress>,
}

impl Upload {
    /// The object's content type: `application/octet-stream` unless said.
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.0.write.content_type = Some(content_type.into());
        self
    }

    /// Adds user metadata (`x-amz-meta-<name>`): a name of lower-case letters, digits and `-`, a
    /// value of visible ASCII. S3 takes 2 KB in all; 100 bytes of it are the library's.
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into().to_ascii_lowercase();
        self.0.write.metadata.insert(name, value.into());
        self
    }

    /// Only if there is no object with this key when the upload is completed:
    /// [`AlreadyExists`](ErrorKind::AlreadyExists) otherwise.
    pub fn if_absent(mut self) -> Self {
        self.0.precondition = Precondition::IfAbsent;
        self.0.previous = None;
        self
    }

    /// Only over this version of the object: [`Conflict`](ErrorKind::Conflict) otherwise.
    pub fn if_version(mut self, version: &Version) -> Self {
        self.0.precondition = Precondition::IfMatch(version.etag.clone());
        self.0.previous.clone_from(&version.id);
        self
    }

    /// The shortest part in bytes, but for the last (5 MiB unless set, which is S3's least). What
    /// is no longer is one PUT.
    pub fn min_part_size(mut self, bytes: u64) -> Self {
        self.0.min_part = bytes;
        self
    }

    /// The longest part in bytes (5 GiB unless set, which is S3's most). Parts do not grow over it,
    /// and a single [`write`](Uploader::write) that is longer is refused.
    pub fn max_part_size(mut self, bytes: u64) -> Self {
        self.0.max_part = bytes;
        self
    }

    /// How long the object will be: parts are even then, and progress is told of a whole. A hint; it
    /// is not checked.
    pub fn size_hint(mut self, bytes: u64) -> Self {
        self.0.size = Some(bytes);
        self
    }

    /// How many parts are sent at the same time (4 unless set). So many, and one more, are in
    /// memory.
    pub fn parallel(mut self, parts: usize) -> Self {
        self.0.parallel = parts.max(1);
        self
    }

    /// For a store that refuses CRC-64/NVME. What is sent is then checked by its signature alone,
    /// and what is kept by nothing but the store's own care.
    pub fn without_checksum(mut self) -> Self {
        self.0.checksum = false;
        self
    }

    /// Is told after each part how many bytes the store has, and how many there will be, where
    /// [`size_hint`](Self::size_hint) said so or the source knows.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let db = s3orm::Db::connect("memory:").await?;
    /// let (told, hear) = std::sync::mpsc::channel();
    /// let upload = db.upload("a").on_progress(move |done, total| {
    ///     let _ = told.send((done, total));
    /// });
    /// upload.bytes(vec![0; 6 << 20]).await?;
    /// assert_eq!(hear.iter().last(), Some((6 << 20, Some(6 << 20))));
    /// # Ok(()) }
    /// ```
    pub fn on_progress(mut self, tell: impl FnMut(u64, Option<u64>) + Send + 'static) -> Self {
        self.0.progress = Some(Progress(Arc::new(Mutex::new(tell))));
        self
    }

    /// The uploader to write to. No request: the first is made when more is written than one part
    /// holds, or when it is completed.
    pub fn start(self) -> Uploader {
        Uploader::new(self.0.begin())
    }

    /// Goes on with an upload that was interrupted: of [`Db::uploads`] or
    /// [`Uploader::unfinished`]. All data is written again from the start; parts that the store has, by
    /// their checksum, are not sent again. Content type and metadata are those that it was begun
    /// with.
    ///
    /// Where the upload comes from a listing, its write id is not known: if the answer to its
    /// completion is lost, that is [`OutcomeUnknown`](ErrorKind::OutcomeUnknown).
    ///
    /// ```
    /// use futures_util::TryStreamExt as _;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let db = s3orm::Db::connect("memory:").await?;
    /// let mut uploader = db.upload("a").start();
    /// uploader.write(vec![1; 11 << 20]).await?;
    /// uploader.leave().await?;                                     // or the program ends
    ///
    /// let left: Vec<_> = db.uploads("").try_collect().await?;
    /// let mut uploader = db.upload("a").resume(&left[0]).await?;
    /// uploader.write(vec![1; 12 << 20]).await?;
    /// assert_eq!(uploader.complete().await?.reused, 2);            // two parts of 5 MiB were there
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) if it is an upload to another key,
    /// [`Conflict`](ErrorKind::Conflict) if it has ended, and those of the connection.
    ///
    /// # Cost
    /// 1 LIST (`ListParts`) for each 1,000 parts that are there.
    pub async fn resume(self, unfinished: &Unfinished) -> Result<Uploader> {
        let session = self.0.resume(unfinished).await;
        let session = session.map_err(|error| error.during("upload", ""))?;
        Ok(Uploader::new(Ok(session)))
    }
}

impl Options {
    pub(super) fn begin(&self) -> Result<Session> {
        Ok(Session::new(self.target()?))
    }

    async fn resume(&self, unfinished: &Unfinished) -> Result<Session> {
        let mut target = self.target()?;
        if unfinished.key != target.key {
            return Err(Error::config(
                format!(
                    "the upload is to `{}`, not to `{}`",
                    unfinished.key.escape_debug(),
                    target.key.escape_debug()
                ),
                "resume it with the key that it was begun with",
            ));
        }
        target.id = unfinished.write_id.clone().unwrap_or_default();
        Session::resumed(target, unfinished.upload_id.clone()).await
    }

    pub(super) fn target(&self) -> Result<Target> {
        let mut metadata = self.write.metadata(self.db.env())?;
        if let Some(previous) = &self.previous {
            metadata.insert(write::PREVIOUS.to_owned(), previous.clone());
        }
        Ok(Target {
            key: if self.own {
                format!("{}{}", self.db.prefix(), self.key)
            } else {
                object_key(&self.db, &self.key)?
            },
            db: self.db.clone(),
            id: metadata.get(write::ID).cloned().unwrap_or_default(),
            metadata,
            content_type: self.write.content_type.clone(),
            precondition: self.precondition.clone(),
            refused: match self.precondition {
                Precondition::IfAbsent => ErrorKind::AlreadyExists,
                _ => ErrorKind::Conflict,
            },
            plan: Plan::new(self.min_part, self.max_part, self.size)?,
            size: self.size,
            parallel: self.parallel,
            checksum: self.checksum,
            progress: self.progress.clone(),
        })
    }
}

/// An object that was uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Uploaded {
    /// The object's key, as it is on the bucket.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Its version: of a download of the same object, and what [`Upload::if_version`] takes.
    pub version: Version,
    /// The CRC-64/NVME of its bytes; not of an upload [without](Upload::without_checksum).
    pub checksum: Option<Checksum>,
    /// In how many parts it was uploaded; 0 if it was one PUT.
    pub parts: u16,
    /// How many of them were there already, of an upload that was [resumed](Upload::resume).
    pub reused: u16,
}
