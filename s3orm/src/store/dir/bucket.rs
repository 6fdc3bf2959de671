//! Making, checking and deleting the bucket's folder, and sweeping what crashes left.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fs, io};

use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;

use super::file::{NewFile, bytes, keeps_attributes};
use super::folder::{
    INTERNAL, LOCKS, MARKER, Root, TEMPORARY, UPLOADS, entries, failed, make_child, open_child,
};
use super::{Folder, Names, upload};
use crate::store::rules;
use crate::store::{StoreError, StoreErrorKind};

const EXACT: &str = "s3orm folder 1, exact names\n";
const FOLDED: &str = "s3orm folder 1, folded names\n";

/// Younger files may be a write's that is under way.
const SWEPT_AFTER: Duration = Duration::from_hours(1);

impl Folder {
    /// Opens the bucket, made if it is not there.
    pub(super) fn open(&self) -> Result<(), StoreError> {
        self.make()?;
        let (root, names) = self.enter()?;
        if self.probe(&root)? == Names::Folded && names == Names::Exact {
            return Err(StoreError::new(
                StoreErrorKind::Unsupported,
                format!(
                    "`{}` was made where `a` and `A` are two files, and they are one here: copy its \
                     objects into a new folder",
                    self.path().display()
                ),
            ));
        }
        self.sweep(&root);
        Ok(())
    }

    /// Creates the bucket. A folder that holds anything is not made one: it is somebody's.
    pub(super) fn create_bucket(&self) -> Result<(), StoreError> {
        rules::check_bucket_name(&self.bucket)?;
        if let Ok(held) = fs::read_dir(self.path()) {
            let foreign = held.flatten().any(|entry| entry.file_name() != INTERNAL);
            if foreign && !self.is_bucket() {
                return Err(rules::invalid(format!(
                    "`{}` is a folder with other files: open it by its path to make it a bucket",
                    self.path().display()
                )));
            }
        }
        if self.make()? {
            return Ok(());
        }
        Err(rules::bucket_exists(&self.bucket))
    }

    fn is_bucket(&self) -> bool {
        Root::enter(&self.path(), &self.bucket).is_ok()
    }

    /// Makes the folder a bucket; whether it was none before. The marker comes last and at once, so
    /// of many creators one succeeds, and a crash leaves no half of a bucket.
    fn make(&self) -> Result<bool, StoreError> {
        if self.is_bucket() {
            return Ok(false);
        }
        let path = self.path();
        let mut builder = fs::DirBuilder::new();
        builder.mode(0o700).recursive(true);
        let made = builder.create(path.join(INTERNAL));
        made.map_err(|e| failed("create", &path.to_string_lossy(), e))?;
        let root = Root::enter_unmarked(&path, &self.bucket)?;
        for name in [LOCKS, TEMPORARY, UPLOADS] {
            make_child(root.internal.as_fd(), name).map_err(|e| failed("create", name, e))?;
        }
        let text = match self.probe(&root)? {
            Names::Exact => EXACT,
            Names::Folded => FOLDED,
        };
        let (new, mut file) = NewFile::create(root.own(TEMPORARY)?, || self.random_name())?;
        bytes(text.as_bytes())(&mut file)
            .and_then(|()| file.sync_all())
            .map_err(|e| failed("write", new.name(), e))?;
        match new.link(root.internal.as_fd(), MARKER) {
            Ok(()) => {}
            Err(Errno::EXIST) => return Ok(false),
            Err(error) => return Err(failed("create", MARKER, error)),
        }
        let parent = fs::File::open(&self.parent);
        rustix::fs::fsync(&root.internal)
            .and_then(|()| rustix::fs::fsync(root.folder()))
            .map_err(io::Error::from)
            .and_then(|()| parent?.sync_all())
            .map_err(|e| failed("write", &self.bucket, e))?;
        Ok(true)
    }

    /// How this file system tells names apart; an error if it cannot hold objects at all.
    fn probe(&self, root: &Root) -> Result<Names, StoreError> {
        let temporary = root.own(TEMPORARY)?;
        let (new, file) = NewFile::create(temporary, || format!("{}-é", self.random_name()))?;
        let others = [
            new.name().to_uppercase(),
            new.name().replace('é', "e\u{301}"),
        ];
        let temporary = root.own(TEMPORARY)?;
        let folds = others
            .iter()
            .any(|other| rustix::fs::statat(&temporary, other, AtFlags::SYMLINK_NOFOLLOW).is_ok());
        match keeps_attributes(&file) {
            Ok(true) if folds => Ok(Names::Folded),
            Ok(true) => Ok(Names::Exact),
            Ok(false) => Err(StoreError::new(
                StoreErrorKind::Unsupported,
                format!(
                    "the file system of `{}` keeps no extended attributes, which hold the objects' \
                     metadata: use a folder on another",
                    self.path().display()
                ),
            )),
            Err(error) => Err(failed("write", new.name(), error)),
        }
    }

    /// What the marker says of the names.
    pub(super) fn read_names(&self) -> Result<Names, StoreError> {
        let path = self.path().join(INTERNAL).join(MARKER);
        match fs::read_to_string(&path).as_deref() {
            Ok(EXACT) => Ok(Names::Exact),
            Ok(FOLDED) => Ok(Names::Folded),
            Ok(_) => Err(StoreError::new(
                StoreErrorKind::Unsupported,
                format!(
                    "`{}` is of another version: use the version that made it",
                    path.display()
                ),
            )),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(rules::no_such_bucket(&self.bucket))
            }
            Err(error) => Err(failed("read", MARKER, io::Error::from(error.kind()))),
        }
    }

    /// Deletes the bucket's folder. It holds every lock meanwhile; who waited for one finds that the
    /// bucket is gone.
    pub(super) fn delete_bucket(&self) -> Result<(), StoreError> {
        let (root, _) = self.enter()?;
        let mut locks = Vec::with_capacity(256);
        for stripe in 0..=u8::MAX {
            locks.push(root.lock_stripe(stripe)?);
        }
        if holds_files(root.folder())? {
            return Err(rules::bucket_not_empty(&self.bucket));
        }
        let deleted = rustix::fs::unlinkat(&root.internal, MARKER, AtFlags::empty());
        deleted.map_err(|error| failed("delete", &self.bucket, error))?;
        // It is no bucket from here on; what cannot be removed is reused by the next of its name.
        let _ = fs::remove_dir_all(self.path().join(INTERNAL));
        let _ = remove_folders(root.folder());
        let _ = fs::remove_dir(self.path());
        Ok(())
    }

    /// The sibling folders that are buckets.
    pub(super) fn list_buckets(&self) -> Result<Vec<String>, StoreError> {
        let fail = |error| failed("list", &self.parent.to_string_lossy(), error);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.parent).map_err(fail)? {
            let Ok(name) = entry.map_err(fail)?.file_name().into_string() else {
                continue;
            };
            if Root::enter(&self.parent.join(&name), &name).is_ok() {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Removes what crashes left. A failure leaves it to the next time.
    fn sweep(&self, root: &Root) {
        let Some(limit) = self.env.now().checked_sub(SWEPT_AFTER) else {
            return;
        };
        if let Ok(temporary) = root.own(TEMPORARY) {
            for name in older(&temporary, limit) {
                let _ = rustix::fs::unlinkat(&temporary, &name, AtFlags::empty());
            }
        }
        if let Ok(uploads) = root.own(UPLOADS) {
            for id in older(&uploads, limit) {
                let _ = upload::remove_ended(&uploads, &id);
            }
        }
    }
}

/// The names of what was last changed before `limit`.
fn older(folder: &OwnedFd, limit: SystemTime) -> Vec<String> {
    let limit = limit.duration_since(UNIX_EPOCH).unwrap_or_default();
    let is_older = |name: &String| {
        rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|stat| u64::try_from(stat.st_mtime).unwrap_or_default() < limit.as_secs())
    };
    let Ok(entries) = entries(folder.as_fd()) else {
        return Vec::new();
    };
    let names = entries.flatten().map(|(name, _)| name);
    names.filter(is_older).collect()
}

/// Whether anything but folders is there, of ours or of others.
fn holds_files(folder: BorrowedFd<'_>) -> Result<bool, StoreError> {
    for entry in entries(folder)? {
        let (name, kind) = entry.map_err(|error| failed("list", ".", error))?;
        if name == INTERNAL {
            continue;
        }
        if kind != FileType::Directory {
            return Ok(true);
        }
        let child = open_child(folder, &name).map_err(|error| failed("open", &name, error))?;
        if holds_files(child.as_fd())? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Removes folders that hold nothing but such.
fn remove_folders(folder: BorrowedFd<'_>) -> Result<(), StoreError> {
    for (name, _) in entries(folder)?.flatten() {
        if let Ok(child) = open_child(folder, &name) {
            remove_folders(child.as_fd())?;
            let _ = rustix::fs::unlinkat(folder, &name, AtFlags::REMOVEDIR);
        }
    }
    Ok(())
}

/// Splits the path into the folder's parent and its name, without symlinks.
pub(super) fn resolve(path: &Path) -> Result<(std::path::PathBuf, String), StoreError> {
    let shown = path.display().to_string();
    let mut builder = fs::DirBuilder::new();
    builder.mode(0o700).recursive(true);
    builder
        .create(path)
        .map_err(|e| failed("create", &shown, e))?;
    let path = fs::canonicalize(path).map_err(|e| failed("open", &shown, e))?;
    match (
        path.parent(),
        path.file_name().and_then(|name| name.to_str()),
    ) {
        (Some(parent), Some(name)) => Ok((parent.to_owned(), name.to_owned())),
        _ => Err(rules::invalid(format!(
            "`{shown}` cannot be a bucket: use a folder with a name of UTF-8"
        ))),
    }
}
