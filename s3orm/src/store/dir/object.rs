//! Reading, writing, copying and deleting objects.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};

use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;

use super::file::{self, NewFile, ObjectFile};
use super::folder::{Root, TEMPORARY, failed, in_the_way};
use super::name::Location;
use super::walk::Walk;
use super::{Folder, Names};
use crate::store::rules::{self, Attributes, Sums};
use crate::store::{
    CopyObject, DeleteObject, ETag, GetObject, ListObjects, Object, ObjectMeta, Page, Precondition,
    PutObject, StoreError, Written, check_key, listing,
};

impl Folder {
    /// Opens an object for reading.
    pub(super) fn read(&self, key: &str) -> Result<ObjectFile, StoreError> {
        check_key(key)?;
        let (root, names) = self.enter()?;
        let location = names.locate(key)?;
        let folder = root.find(&location.folders)?.folder()?;
        let object = match folder {
            Some(folder) => ObjectFile::open(folder.as_fd(), &location.file)?,
            None => None,
        };
        object.ok_or_else(|| rules::no_such_key(key))
    }

    pub(super) fn get(&self, request: &GetObject) -> Result<Object, StoreError> {
        let object = self.read(&request.key)?;
        rules::check_read(request, &object.sums.etag)?;
        let (start, end) = rules::answered_bytes(request, object.size)?;
        let body = object.read(start, end);
        Ok(Object {
            body: body.map_err(|e| failed("read", &request.key, e))?.into(),
            meta: object.into_meta(),
        })
    }

    pub(super) fn head(&self, key: &str) -> Result<ObjectMeta, StoreError> {
        self.read(key).map(ObjectFile::into_meta)
    }

    pub(super) fn put(&self, request: &PutObject) -> Result<Written, StoreError> {
        check_key(&request.key)?;
        rules::check_body(request.body.len())?;
        rules::check_unencrypted(request.encryption.as_ref())?;
        let attributes = Attributes::of_put(request)?;
        let (root, names) = self.enter()?;
        let target = Target::new(&root, names, &request.key)?;
        let sums = rules::checked_sums(&request.body, request.checksum)?;
        let new = self.write(&root, &sums, &attributes, file::bytes(&request.body))?;
        target.replace(new, sums.etag, &request.precondition)
    }

    pub(super) fn copy(&self, request: &CopyObject) -> Result<Written, StoreError> {
        check_key(&request.key)?;
        rules::check_unencrypted(request.encryption.as_ref())?;
        let (root, names) = self.enter()?;
        let target = Target::new(&root, names, &request.key)?;
        let source = match &request.source_bucket {
            Some(bucket) if *bucket != self.bucket => {
                self.sibling(bucket)?.read(&request.source)?
            }
            _ => self.read(&request.source)?,
        };
        rules::check_copy(request, &self.bucket, &source.sums.etag)?;
        let attributes = match &request.replace {
            Some(given) => Attributes::of_copy(given)?,
            None => source.attributes.clone(),
        };
        let sums = source.sums_in_one_piece();
        let sums = sums.map_err(|e| failed("read", &request.source, e))?;
        let new = self.write(&root, &sums, &attributes, |file| source.copy_to(file))?;
        target.replace(new, sums.etag, &request.precondition)
    }

    pub(super) fn delete(&self, request: &DeleteObject) -> Result<(), StoreError> {
        rules::check_delete(request)?;
        let (root, names) = self.enter()?;
        Target::new(&root, names, &request.key)?.delete(&request.precondition)
    }

    pub(super) fn delete_many(
        &self,
        requests: &[DeleteObject],
    ) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        rules::check_delete_count(requests.len())?;
        self.enter()?;
        Ok(requests
            .iter()
            .map(|request| self.delete(request))
            .collect())
    }

    pub(super) fn list(&self, request: &ListObjects) -> Result<Page, StoreError> {
        let (root, names) = self.enter()?;
        listing::page(request, &mut Walk::new(&root, names, &request.prefix))
    }

    /// Writes a new file that has no key yet.
    pub(super) fn write(
        &self,
        root: &Root,
        sums: &Sums,
        attributes: &Attributes,
        contents: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<NewFile, StoreError> {
        let (new, file) = NewFile::create(root.own(TEMPORARY)?, || self.random_name())?;
        new.write(file, sums, attributes, self.env.now(), contents)?;
        Ok(new)
    }
}

/// Where an object is written or deleted.
pub(super) struct Target<'a> {
    root: &'a Root,
    key: &'a str,
    location: Location,
}

impl<'a> Target<'a> {
    pub(super) fn new(root: &'a Root, names: Names, key: &'a str) -> Result<Self, StoreError> {
        Ok(Self {
            root,
            key,
            location: names.locate(key)?,
        })
    }

    /// Makes the new file the object, if the precondition holds.
    pub(super) fn replace(
        &self,
        new: NewFile,
        etag: ETag,
        precondition: &Precondition,
    ) -> Result<Written, StoreError> {
        let _lock = self.root.lock(self.key)?;
        self.replace_locked(new, etag, precondition)
    }

    /// [`replace`](Target::replace) for who holds the key's lock.
    pub(super) fn replace_locked(
        &self,
        mut new: NewFile,
        etag: ETag,
        precondition: &Precondition,
    ) -> Result<Written, StoreError> {
        if let Some(folder) = self.root.find(&self.location.folders)?.folder()? {
            self.check(&folder, precondition)?;
        } else {
            rules::check_write(self.key, None, precondition)?;
        }
        self.root.place(&self.location, |folder| {
            new.place(folder, &self.location.file)
        })?;
        Ok(Written { etag })
    }

    fn delete(&self, precondition: &Precondition) -> Result<(), StoreError> {
        let _lock = self.root.lock(self.key)?;
        let folder = self.root.find(&self.location.folders)?.folder()?;
        match folder {
            Some(folder) if self.check(&folder, precondition)? => {
                self.root.remove(&folder, &self.location)
            }
            Some(_) => Ok(()),
            None => rules::check_write(self.key, None, precondition),
        }
    }

    /// Checks the precondition by what the folder holds; whether there is an object.
    fn check(&self, folder: &OwnedFd, precondition: &Precondition) -> Result<bool, StoreError> {
        let name = &self.location.file;
        // Only a comparison needs the tag, which costs reading a file that others wrote.
        if let Precondition::IfMatch(_) = precondition {
            let object = ObjectFile::open(folder.as_fd(), name)?;
            let tag = object.as_ref().map(|object| &object.sums.etag);
            rules::check_write(self.key, tag, precondition)?;
            return Ok(object.is_some());
        }
        let there = match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode).is_file() => true,
            Ok(_) => return Err(in_the_way(name)),
            Err(Errno::NOENT) => false,
            Err(error) => return Err(failed("read", name, error)),
        };
        let any = ETag::new("");
        rules::check_write(self.key, there.then_some(&any), precondition)?;
        Ok(there)
    }
}
