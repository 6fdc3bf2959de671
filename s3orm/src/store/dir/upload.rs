//! Multipart uploads: a folder each under `.s3orm/uploads`, in which the file `key` holds the key and
//! the coming object's attributes, and every part is a file by its number.

use std::os::fd::{AsFd as _, OwnedFd};

use rustix::fs::{AtFlags, Mode};
use rustix::io::Errno;

use super::Folder;
use super::file::{self, ObjectFile};
use super::folder::{Root, UPLOADS, entries, failed, open_child};
use super::object::Target;
use crate::store::rules::{self, Attributes};
use crate::store::{
    CompleteUpload, CreateUpload, ETag, ListParts, ListUploads, ListedPart, ListedUpload,
    PartsPage, StoreError, UploadPart, UploadsPage, Written, check_key, listing,
};

const KEY: &str = "key";

impl Folder {
    pub(super) fn create_upload(&self, request: &CreateUpload) -> Result<String, StoreError> {
        check_key(&request.key)?;
        rules::check_unencrypted(request.encryption.as_ref())?;
        let attributes = Attributes::of_upload(request)?;
        let (root, names) = self.enter()?;
        // A key that cannot be a path is refused before its parts are uploaded.
        names.locate(&request.key)?;
        let key = request.key.as_bytes();
        let sums = rules::checked_sums(key, None)?;
        let mut new = self.write(&root, &sums, &attributes, file::bytes(key))?;
        let _lock = root.lock(&request.key)?;
        let (uploads, id) = (root.own(UPLOADS)?, self.random_name());
        let mut place = || {
            rustix::fs::mkdirat(&uploads, &id, Mode::RWXU)?;
            let upload = open_child(&uploads, &id)?;
            new.place(upload.as_fd(), KEY)?;
            rustix::fs::fsync(&upload)?;
            rustix::fs::fsync(&uploads)
        };
        place().map_err(|error: Errno| failed("create", &id, error))?;
        Ok(id)
    }

    pub(super) fn upload_part(&self, request: &UploadPart) -> Result<ETag, StoreError> {
        rules::check_part_number(request.number)?;
        rules::check_body(request.body.len())?;
        rules::check_unencrypted(request.encryption.as_ref())?;
        let (root, _) = self.enter()?;
        Upload::find(&root, &request.key, &request.upload_id)?;
        let sums = rules::checked_sums(&request.body, request.checksum)?;
        let fill = file::bytes(&request.body);
        let mut new = self.write(&root, &sums, &Attributes::default(), fill)?;
        let _lock = root.lock(&request.key)?;
        let upload = Upload::find(&root, &request.key, &request.upload_id)?;
        let name = part_name(request.number);
        new.place(upload.folder.as_fd(), &name)
            .and_then(|()| rustix::fs::fsync(&upload.folder))
            .map_err(|error| failed("write", &name, error))?;
        Ok(sums.etag)
    }

    pub(super) fn complete_upload(&self, request: &CompleteUpload) -> Result<Written, StoreError> {
        let (root, names) = self.enter()?;
        let target = Target::new(&root, names, &request.key)?;
        let upload = Upload::find(&root, &request.key, &request.upload_id)?;
        let sums = rules::check_parts(request, |number| {
            let part = upload.part(number)?;
            Ok(part.map(|part| (part.sums, part.size)))
        })?;
        // Copying may take long, so it is done before the lock is taken.
        let new = self.write(&root, &sums, &upload.attributes, |file| {
            for (number, tag) in &request.parts {
                match upload.part(*number).map_err(std::io::Error::other)? {
                    Some(part) if part.sums.etag == *tag => part.copy_to(file)?,
                    _ => return Err(std::io::Error::other(format!("part {number} was replaced"))),
                }
            }
            Ok(())
        })?;
        let _lock = root.lock(&request.key)?;
        let upload = Upload::find(&root, &request.key, &request.upload_id)?;
        let written = target.replace_locked(new, sums.etag, &request.precondition)?;
        // The object is there. If this fails, the upload stays and can be aborted.
        let _ = upload.remove();
        Ok(written)
    }

    pub(super) fn abort_upload(&self, key: &str, upload_id: &str) -> Result<(), StoreError> {
        let (root, _) = self.enter()?;
        let _lock = root.lock(key)?;
        let upload = Upload::find(&root, key, upload_id)?;
        let removed = upload.remove();
        removed.map_err(|error| failed("delete", upload_id, error))
    }

    pub(super) fn list_uploads(&self, request: &ListUploads) -> Result<UploadsPage, StoreError> {
        let (root, _) = self.enter()?;
        let uploads = root.own(UPLOADS)?;
        let mut found = Vec::new();
        for entry in entries(uploads.as_fd())? {
            let (id, _) = entry.map_err(|error| failed("list", UPLOADS, error))?;
            let Ok(folder) = open_child(&uploads, &id) else {
                continue; // it has just ended
            };
            if let Some(recorded) = ObjectFile::open(folder.as_fd(), KEY)? {
                let key = recorded.read(0, recorded.size);
                let key = key.map_err(|error| failed("read", &id, error))?;
                found.push(ListedUpload {
                    // It was text when it was written.
                    key: String::from_utf8_lossy(&key).into_owned(),
                    upload_id: id,
                    initiated: recorded.last_modified(),
                });
            }
        }
        listing::uploads_page(request, found)
    }

    pub(super) fn list_parts(&self, request: &ListParts) -> Result<PartsPage, StoreError> {
        let (root, _) = self.enter()?;
        let upload = Upload::find(&root, &request.key, &request.upload_id)?;
        let mut found = Vec::new();
        for entry in entries(upload.folder.as_fd())? {
            let (name, _) = entry.map_err(|error| failed("list", &upload.id, error))?;
            let Some(number) = name.parse().ok().filter(|_| name != KEY) else {
                continue;
            };
            if let Some(part) = upload.part(number)? {
                found.push(ListedPart {
                    number,
                    etag: part.sums.etag,
                    size: part.size,
                    checksum: part.sums.checksum,
                });
            }
        }
        listing::parts_page(request, found)
    }
}

/// An upload that was begun and neither completed nor aborted.
struct Upload {
    uploads: OwnedFd,
    id: String,
    folder: OwnedFd,
    attributes: Attributes,
}

impl Upload {
    fn find(root: &Root, key: &str, id: &str) -> Result<Self, StoreError> {
        let is_id = id.len() == 32 && rules::unhex(id).is_some();
        if !is_id {
            return Err(rules::no_such_upload(id));
        }
        let uploads = root.own(UPLOADS)?;
        let folder = match open_child(&uploads, id) {
            Ok(folder) => folder,
            Err(Errno::NOENT) => return Err(rules::no_such_upload(id)),
            Err(error) => return Err(failed("open", id, error)),
        };
        let recorded = ObjectFile::open(folder.as_fd(), KEY)?;
        let recorded = recorded.ok_or_else(|| rules::no_such_upload(id))?;
        let found = recorded.read(0, recorded.size);
        if found.map_err(|e| failed("read", id, e))? != key.as_bytes() {
            return Err(rules::no_such_upload(id));
        }
        Ok(Self {
            uploads,
            id: id.to_owned(),
            folder,
            attributes: recorded.attributes,
        })
    }

    fn part(&self, number: u16) -> Result<Option<ObjectFile>, StoreError> {
        ObjectFile::open(self.folder.as_fd(), &part_name(number))
    }

    /// Ends the upload, then removes its parts.
    fn remove(&self) -> Result<(), Errno> {
        rustix::fs::unlinkat(&self.folder, KEY, AtFlags::empty())?;
        remove_parts(&self.uploads, &self.id, &self.folder)
    }
}

fn part_name(number: u16) -> String {
    format!("{number:05}")
}

fn remove_parts(uploads: &OwnedFd, id: &str, folder: &OwnedFd) -> Result<(), Errno> {
    let parts = entries(folder.as_fd()).map_err(|_| Errno::IO)?;
    for (name, _) in parts.flatten() {
        rustix::fs::unlinkat(folder, &name, AtFlags::empty())?;
    }
    rustix::fs::unlinkat(uploads, id, AtFlags::REMOVEDIR)
}

/// Removes the rest of an upload that ended, if it is one.
pub(super) fn remove_ended(uploads: &OwnedFd, id: &str) -> Result<(), Errno> {
    let folder = open_child(uploads, id)?;
    match rustix::fs::statat(&folder, KEY, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => remove_parts(uploads, id, &folder),
        answer => answer.map(|_| ()),
    }
}
