//! A bucket as a folder of readable files, with S3's exact semantics, safe for several processes.
//!
//! The object `people/2024-01-02/42.json` is the file of that path; in awkward ones some bytes are
//! escaped as `%hh`, a file's name without a dot ends in `%f`, a folder's with one in `%d`. The tag,
//! content type and metadata are in the file's extended attribute `user.s3orm`. What else is needed is in `.s3orm` inside the folder: `locks`, files that hold
//! the locks of all keys; `tmp`, files that are being written; `uploads`; and `format`, which marks
//! the folder as a bucket.
//!
//! - **Writes** go to a file in `tmp`, to the disk, and over the old file by one rename, under the
//!   key's lock: a reader, or who comes after a crash, sees the old object or the new one. Locks are
//!   the kernel's, so a process that dies frees its own. A network file system is not for several
//!   machines at once.
//! - **Files of others** are objects, too, if they have a key's name: their tag is the MD5 of their
//!   bytes, which listing reads, and their metadata is S3's default. So are files that were edited
//!   or copied by hand. A name that no key is written as (`README` without a dot, anything that
//!   begins with a dot) is not listed.
//! - **Symlinks, pipes and devices** inside are never followed, replaced or listed.
//! - **Listing** reads each folder on its way once a page, in whatever order it has, and keeps the
//!   next entries only.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use self::folder::Root;
use self::name::Names;
use super::rules;
use super::{
    CompleteUpload, CopyObject, CreateUpload, DeleteObject, ETag, GetObject, ListObjects,
    ListParts, ListUploads, Object, ObjectMeta, Page, PartsPage, PutObject, Store, StoreError,
    StoreErrorKind, StoreFuture, UploadPart, UploadsPage, Written,
};
use crate::env::Env;

mod bucket;
mod file;
mod folder;
mod name;
mod object;
mod upload;
mod walk;

/// A bucket that is a folder. Its siblings that were opened or created as buckets are the other
/// buckets of the service.
///
/// ```
/// use s3orm::store::dir::DirStore;
/// use s3orm::store::{PutObject, Store};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let path = std::env::temp_dir().join(format!("s3orm-doc-{}", std::process::id()));
/// let store = DirStore::open(&path, s3orm::Env::system()).await?;
/// let put = PutObject { key: "people/42.json".into(), body: "{}".into(), ..PutObject::default() };
/// store.put(&put).await?;
/// assert_eq!(std::fs::read_to_string(path.join("people/42.json"))?, "{}");
/// # std::fs::remove_dir_all(path)?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct DirStore(Arc<Folder>);

struct Folder {
    env: Env,
    /// Absolute, and free of symlinks when it was opened.
    parent: PathBuf,
    bucket: String,
    names: OnceLock<Names>,
}

impl DirStore {
    /// Opens the folder, which is made if it is missing, and removes what crashed writes left in it
    /// more than an hour ago.
    ///
    /// # Errors
    ///
    /// `Unsupported` if its file system keeps no extended attributes, or if another version of this
    /// crate made the folder; `Denied` if it may not be written; `Invalid` for a path without a
    /// name, as `/`.
    pub async fn open(path: impl Into<PathBuf>, env: Env) -> Result<Self, StoreError> {
        let path = path.into();
        let opened = env.clone().spawn_blocking(move || {
            let (parent, bucket) = bucket::resolve(&path)?;
            let folder = Folder::new(env, parent, bucket);
            folder.open()?;
            Ok(Self(Arc::new(folder)))
        });
        opened.await.unwrap_or_else(|error| Err(cut_off(error)))
    }

    /// Runs file system calls where they may block. Once begun they run to their end, like a request
    /// that was sent.
    fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Folder) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        let folder = Arc::clone(&self.0);
        Box::pin(async move {
            let done = folder.env.clone().spawn_blocking(move || work(&folder));
            done.await.unwrap_or_else(|error| Err(cut_off(error)))
        })
    }
}

fn cut_off(error: tokio::task::JoinError) -> StoreError {
    StoreError::new(StoreErrorKind::Lost, "the work on files was cut off").with_source(error)
}

impl Folder {
    fn new(env: Env, parent: PathBuf, bucket: String) -> Self {
        Self {
            env,
            parent,
            bucket,
            names: OnceLock::new(),
        }
    }

    fn path(&self) -> PathBuf {
        self.parent.join(&self.bucket)
    }

    fn sibling(&self, bucket: &str) -> Result<Self, StoreError> {
        rules::check_bucket_name(bucket)?;
        let parent = self.parent.clone();
        Ok(Self::new(self.env.clone(), parent, bucket.to_owned()))
    }

    /// Enters the bucket, if it is there.
    fn enter(&self) -> Result<(Root, Names), StoreError> {
        let root = Root::enter(&self.path(), &self.bucket)?;
        let names = if let Some(names) = self.names.get() {
            *names
        } else {
            let names = self.read_names()?;
            *self.names.get_or_init(|| names)
        };
        Ok((root, names))
    }

    fn random_name(&self) -> String {
        rules::hex(&self.env.random_bytes::<16>())
    }
}

impl Store for DirStore {
    fn get(&self, request: GetObject) -> StoreFuture<'_, Object> {
        self.run(move |folder| folder.get(&request))
    }

    fn head(&self, key: &str) -> StoreFuture<'_, ObjectMeta> {
        let key = key.to_owned();
        self.run(move |folder| folder.head(&key))
    }

    fn put<'a>(&'a self, request: &'a PutObject) -> StoreFuture<'a, Written> {
        let request = request.clone();
        self.run(move |folder| folder.put(&request))
    }

    fn delete(&self, request: DeleteObject) -> StoreFuture<'_, ()> {
        self.run(move |folder| folder.delete(&request))
    }

    fn delete_many(
        &self,
        requests: Vec<DeleteObject>,
    ) -> StoreFuture<'_, Vec<Result<(), StoreError>>> {
        self.run(move |folder| folder.delete_many(&requests))
    }

    fn list(&self, request: ListObjects) -> StoreFuture<'_, Page> {
        self.run(move |folder| folder.list(&request))
    }

    fn copy(&self, request: CopyObject) -> StoreFuture<'_, Written> {
        self.run(move |folder| folder.copy(&request))
    }

    fn create_upload(&self, request: CreateUpload) -> StoreFuture<'_, String> {
        self.run(move |folder| folder.create_upload(&request))
    }

    fn upload_part(&self, request: UploadPart) -> StoreFuture<'_, ETag> {
        self.run(move |folder| folder.upload_part(&request))
    }

    fn complete_upload(&self, request: CompleteUpload) -> StoreFuture<'_, Written> {
        self.run(move |folder| folder.complete_upload(&request))
    }

    fn abort_upload(&self, key: &str, upload_id: &str) -> StoreFuture<'_, ()> {
        let (key, id) = (key.to_owned(), upload_id.to_owned());
        self.run(move |folder| folder.abort_upload(&key, &id))
    }

    fn list_uploads(&self, request: ListUploads) -> StoreFuture<'_, UploadsPage> {
        self.run(move |folder| folder.list_uploads(&request))
    }

    fn list_parts(&self, request: ListParts) -> StoreFuture<'_, PartsPage> {
        self.run(move |folder| folder.list_parts(&request))
    }

    fn service(&self) -> String {
        format!("file:{}", self.0.parent.display())
    }

    fn bucket(&self) -> &str {
        &self.0.bucket
    }

    fn with_bucket(&self, bucket: &str) -> Result<Arc<dyn Store>, StoreError> {
        Ok(Arc::new(Self(Arc::new(self.0.sibling(bucket)?))))
    }

    fn head_bucket(&self) -> StoreFuture<'_, ()> {
        self.run(|folder| folder.enter().map(|_| ()))
    }

    fn create_bucket(&self) -> StoreFuture<'_, ()> {
        self.run(Folder::create_bucket)
    }

    fn delete_bucket(&self) -> StoreFuture<'_, ()> {
        self.run(Folder::delete_bucket)
    }

    fn list_buckets(&self) -> StoreFuture<'_, Vec<String>> {
        self.run(Folder::list_buckets)
    }
}

impl fmt::Debug for DirStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirStore")
            .field("path", &self.0.path())
            .finish_non_exhaustive()
    }
}
