//! The bucket's folder, entered anew by each operation, and the steps within it: one component at a
//! time from its descriptor, so that neither a key nor a symlink leads out.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use md5::{Digest as _, Md5};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::name::Location;
use crate::store::rules;
use crate::store::{StoreError, StoreErrorKind};

/// What is ours and no object: no key's name begins with a dot.
pub(super) const INTERNAL: &str = ".s3orm";
pub(super) const LOCKS: &str = "locks";
pub(super) const TEMPORARY: &str = "tmp";
pub(super) const UPLOADS: &str = "uploads";
/// What makes a folder a bucket; in [`INTERNAL`].
pub(super) const MARKER: &str = "format";

/// How often a write makes its folder again that deletions took away.
const ATTEMPTS: u32 = 1000;

/// A failure of the file system, of which nothing was applied.
pub(super) fn failed(verb: &str, name: &str, error: impl Into<io::Error>) -> StoreError {
    let error = error.into();
    let kind = match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            StoreErrorKind::Denied
        }
        _ => StoreErrorKind::Unsent,
    };
    let message = format!("cannot {verb} `{}`: {error}", name.escape_debug());
    StoreError::new(kind, message).with_source(error)
}

/// A failure after the change was made: a crash of the machine may undo it.
fn unsettled(name: &str, error: impl Into<io::Error>) -> StoreError {
    let error = error.into();
    let message = format!(
        "cannot write `{}` to the disk: {error}",
        name.escape_debug()
    );
    StoreError::new(StoreErrorKind::Server, message).with_source(error)
}

pub(super) fn in_the_way(name: &str) -> StoreError {
    rules::invalid(format!(
        "`{}` is in the way: it is a symlink or not what this store wrote there, and is not followed",
        name.escape_debug()
    ))
}

/// What is found under a folder's name.
pub(super) enum Found {
    Folder(OwnedFd),
    Nothing,
    /// A file or a symlink of this name.
    InTheWay(String),
}

impl Found {
    /// The folder, if there is one; an error if something is in its place.
    pub(super) fn folder(self) -> Result<Option<OwnedFd>, StoreError> {
        match self {
            Self::Folder(folder) => Ok(Some(folder)),
            Self::Nothing => Ok(None),
            Self::InTheWay(name) => Err(in_the_way(&name)),
        }
    }
}

/// A bucket's folder that was found to be one, by its descriptors.
pub(super) struct Root {
    folder: OwnedFd,
    pub(super) internal: OwnedFd,
    bucket: String,
}

impl Root {
    /// Enters the bucket: `NoSuchBucket` if the folder is none.
    pub(super) fn enter(path: &Path, bucket: &str) -> Result<Self, StoreError> {
        let root = Self::enter_unmarked(path, bucket)?;
        root.check_marker()?;
        Ok(root)
    }

    /// Enters a folder that may have no marker yet.
    pub(super) fn enter_unmarked(path: &Path, bucket: &str) -> Result<Self, StoreError> {
        let no_bucket = |error| match error {
            Errno::NOENT | Errno::NOTDIR | Errno::LOOP => rules::no_such_bucket(bucket),
            error => failed("open", bucket, error),
        };
        let folder = rustix::fs::openat(CWD, path, folder_flags(), Mode::empty());
        let folder = folder.map_err(no_bucket)?;
        let internal = open_child(&folder, INTERNAL).map_err(no_bucket)?;
        Ok(Self {
            folder,
            internal,
            bucket: bucket.to_owned(),
        })
    }

    fn check_marker(&self) -> Result<(), StoreError> {
        match rustix::fs::statat(&self.internal, MARKER, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(()),
            Err(Errno::NOENT) => Err(rules::no_such_bucket(&self.bucket)),
            Err(error) => Err(failed("read", &self.bucket, error)),
        }
    }

    pub(super) fn folder(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }

    /// One of our own folders.
    pub(super) fn own(&self, name: &str) -> Result<OwnedFd, StoreError> {
        open_child(&self.internal, name).map_err(|error| match error {
            Errno::NOENT => rules::no_such_bucket(&self.bucket),
            error => failed("open", name, error),
        })
    }

    /// Excludes all other writers of the key, in this process and in others, until dropped.
    pub(super) fn lock(&self, key: &str) -> Result<File, StoreError> {
        self.lock_stripe(Md5::digest(key.as_bytes())[0])
    }

    /// Locks one of the 256 files that the keys share.
    pub(super) fn lock_stripe(&self, stripe: u8) -> Result<File, StoreError> {
        let name = rules::hex(&[stripe]);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let locks = self.own(LOCKS)?;
        // A handle of its own for each operation: tasks of one process exclude each other, too.
        let fd = rustix::fs::openat(locks, &name, flags, mode);
        let lock = File::from(fd.map_err(|error| failed("open", &name, error))?);
        lock.lock().map_err(|error| failed("lock", &name, error))?;
        // While this one waited, the bucket may have been deleted, and even created again.
        let links = lock
            .metadata()
            .map_err(|error| failed("lock", &name, error))?;
        if links.nlink() == 0 {
            return Err(rules::no_such_bucket(&self.bucket));
        }
        self.check_marker()?;
        Ok(lock)
    }

    /// Walks down the folders.
    pub(super) fn find(&self, folders: &[String]) -> Result<Found, StoreError> {
        let mut found: Option<OwnedFd> = None;
        for name in folders {
            let parent = found.as_ref().map_or(self.folder.as_fd(), AsFd::as_fd);
            match open_child(parent, name) {
                Ok(folder) => found = Some(folder),
                Err(Errno::NOENT) => return Ok(Found::Nothing),
                Err(Errno::NOTDIR | Errno::LOOP) => return Ok(Found::InTheWay(name.clone())),
                Err(error) => return Err(failed("open", name, error)),
            }
        }
        match found {
            Some(folder) => Ok(Found::Folder(folder)),
            None => open_child(&self.folder, ".")
                .map(Found::Folder)
                .map_err(|error| failed("open", &self.bucket, error)),
        }
    }

    /// Makes the folders that are missing, calls `place` with the last, and writes it to the disk;
    /// again if the folder was taken away between the two.
    pub(super) fn place(
        &self,
        location: &Location,
        mut place: impl FnMut(BorrowedFd<'_>) -> Result<(), Errno>,
    ) -> Result<(), StoreError> {
        for _ in 0..ATTEMPTS {
            let folder = match self.make(&location.folders) {
                Ok(folder) => folder,
                Err((_, Errno::NOENT)) => continue,
                Err((name, Errno::NOTDIR | Errno::LOOP)) => return Err(in_the_way(&name)),
                Err((name, error)) => return Err(failed("create", &name, error)),
            };
            match place(folder.as_fd()) {
                Ok(()) => {
                    return rustix::fs::fsync(&folder)
                        .map_err(|error| unsettled(&location.file, error));
                }
                Err(Errno::NOENT) => {}
                Err(Errno::ISDIR) => return Err(in_the_way(&location.file)),
                Err(error) => return Err(failed("write", &location.file, error)),
            }
        }
        Err(failed("write", &location.file, Errno::NOENT))
    }

    fn make(&self, folders: &[String]) -> Result<OwnedFd, (String, Errno)> {
        let mut last = open_child(&self.folder, ".").map_err(|e| (self.bucket.clone(), e))?;
        for name in folders {
            last = make_child(last.as_fd(), name).map_err(|error| (name.clone(), error))?;
        }
        Ok(last)
    }

    /// Removes the file, writes that to the disk, and removes the folders that it leaves empty.
    pub(super) fn remove(&self, folder: &OwnedFd, location: &Location) -> Result<(), StoreError> {
        match rustix::fs::unlinkat(folder, &location.file, AtFlags::empty()) {
            Ok(()) => {}
            Err(Errno::ISDIR | Errno::PERM) => return Err(in_the_way(&location.file)),
            Err(error) => return Err(failed("delete", &location.file, error)),
        }
        rustix::fs::fsync(folder).map_err(|error| unsettled(&location.file, error))?;
        self.prune(&location.folders);
        Ok(())
    }

    /// Each parent is reached from the root again: `..` of a folder that somebody moved leads
    /// elsewhere. What cannot be removed is in use, or harmless: an empty folder is never listed.
    fn prune(&self, folders: &[String]) {
        let mut folders = folders;
        while let Some((last, above)) = folders.split_last() {
            let Ok(Found::Folder(parent)) = self.find(above) else {
                return;
            };
            if rustix::fs::unlinkat(&parent, last, AtFlags::REMOVEDIR).is_err() {
                return;
            }
            folders = above;
        }
    }
}

fn folder_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

pub(super) fn open_child(parent: impl AsFd, name: &str) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(parent, name, folder_flags(), Mode::empty())
}

/// Opens the folder, made if it is missing and for its owner alone.
pub(super) fn make_child(parent: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, Errno> {
    match open_child(parent, name) {
        Err(Errno::NOENT) => {}
        answer => return answer,
    }
    match rustix::fs::mkdirat(parent, name, Mode::RWXU) {
        Ok(()) => rustix::fs::fsync(parent)?,
        Err(Errno::EXIST) => {}
        Err(error) => return Err(error),
    }
    open_child(parent, name)
}

/// What a folder holds: names of UTF-8 and their types, in no order.
pub(super) fn entries(
    folder: BorrowedFd<'_>,
) -> Result<impl Iterator<Item = io::Result<(String, FileType)>>, StoreError> {
    let entries = rustix::fs::Dir::read_from(folder).map_err(|e| failed("list", ".", e))?;
    let folder = folder
        .try_clone_to_owned()
        .map_err(|e| failed("list", ".", e))?;
    Ok(entries.filter_map(move |entry| {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => return Some(Err(error.into())),
        };
        // What is not UTF-8 is no key's name.
        let name = entry.file_name().to_str().ok()?;
        if name == "." || name == ".." {
            return None;
        }
        let kind = match entry.file_type() {
            FileType::Unknown => {
                match rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                    // It was deleted meanwhile.
                    Err(Errno::NOENT) => return None,
                    Err(error) => return Some(Err(error.into())),
                }
            }
            kind => kind,
        };
        Some(Ok((name.to_owned(), kind)))
    }))
}
