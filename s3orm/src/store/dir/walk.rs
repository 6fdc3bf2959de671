//! A folder's keys in byte order, found lazily: what a listing passes over is not walked through.

use std::collections::{BinaryHeap, VecDeque};
use std::ops::Bound;
use std::os::fd::AsFd as _;

use rustix::fs::FileType;

use super::file::ObjectFile;
use super::folder::{Found, Root, entries, failed};
use super::name::Names;
use crate::store::listing::Keys;
use crate::store::{ListedObject, StoreError};

/// The most entries of one folder that are kept at once. A larger folder is read several times.
const KEPT: usize = 1024;

/// A walk down the tree. Of each folder on the way it keeps some entries, so memory is bounded by
/// the depth, however many files there are.
pub(super) struct Walk<'a> {
    root: &'a Root,
    names: Names,
    prefix: &'a str,
    /// Where the walk begins, until it has begun.
    start: Option<&'a str>,
    stack: Vec<Level>,
}

/// A folder that the walk is in.
struct Level {
    /// The start of all its keys: empty, or ends with `/`.
    base: String,
    /// Its next entries in order: segments, and those of folders with a `/` at the end.
    entries: VecDeque<String>,
    /// The last entry that was kept, where there are more.
    more_after: Option<String>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(root: &'a Root, names: Names, prefix: &'a str) -> Self {
        Self {
            root,
            names,
            prefix,
            start: Some(prefix.rfind('/').map_or("", |at| &prefix[..=at])),
            stack: Vec::new(),
        }
    }

    /// Reads the next entries of the folder: the first in order after `after` that are wanted.
    fn read(
        &self,
        base: &str,
        after: Option<&str>,
        from: Bound<&str>,
    ) -> Result<Level, StoreError> {
        let mut level = Level {
            base: base.to_owned(),
            entries: VecDeque::new(),
            more_after: None,
        };
        let Some(folders) = self.names.folders(base) else {
            return Ok(level);
        };
        // A symlink is not listed, whether it was found by its folder or stands in the prefix.
        let Found::Folder(folder) = self.root.find(&folders)? else {
            return Ok(level);
        };
        let mut first = BinaryHeap::new();
        let mut left_out = false;
        let mut full = base.to_owned();
        for entry in entries(folder.as_fd())? {
            let (name, kind) = entry.map_err(|error| failed("list", base, error))?;
            let Some(text) = self.text_of(&name, kind) else {
                continue;
            };
            full.truncate(base.len());
            full.push_str(&text);
            let is_next = after.is_none_or(|after| text.as_str() > after);
            if is_next && self.wants(&full, text.ends_with('/'), from) {
                first.push(text);
                if first.len() > KEPT {
                    first.pop();
                    left_out = true;
                }
            }
        }
        level.entries = first.into_sorted_vec().into();
        if left_out {
            level.more_after = level.entries.back().cloned();
        }
        Ok(level)
    }

    fn text_of(&self, name: &str, kind: FileType) -> Option<String> {
        match kind {
            FileType::RegularFile => self.names.segment_of_file(name),
            FileType::Directory => {
                let mut text = self.names.segment_of_folder(name)?;
                text.push('/');
                Some(text)
            }
            _ => None,
        }
    }

    /// Whether the key `full` is asked for, or one of the keys of a folder that all start with it.
    fn wants(&self, full: &str, is_folder: bool, from: Bound<&str>) -> bool {
        let beyond = match from {
            // A file of the name that an empty key would have is none of ours.
            Bound::Unbounded => !full.is_empty(),
            Bound::Included(key) => full >= key || (is_folder && key.starts_with(full)),
            Bound::Excluded(key) => full > key || (is_folder && key.starts_with(full)),
        };
        beyond && (full.starts_with(self.prefix) || (is_folder && self.prefix.starts_with(full)))
    }
}

impl Keys for Walk<'_> {
    fn next(&mut self, from: Bound<&str>) -> Result<Option<String>, StoreError> {
        if let Some(base) = self.start.take() {
            self.stack.push(self.read(base, None, from)?);
        }
        while let Some(mut level) = self.stack.pop() {
            if let Some(text) = level.entries.pop_front() {
                let full = format!("{}{text}", level.base);
                self.stack.push(level);
                // The key `a/` is a file of an empty name: only folders end with `/` here.
                let is_folder = text.ends_with('/');
                if !self.wants(&full, is_folder, from) {
                    continue;
                }
                if !is_folder {
                    return Ok(Some(full));
                }
                self.stack.push(self.read(&full, None, from)?);
            } else if let Some(after) = level.more_after
                && (level.base.is_empty() || self.wants(&level.base, true, from))
            {
                let next = self.read(&level.base, Some(&after), from)?;
                self.stack.push(next);
            }
        }
        Ok(None)
    }

    fn object(&mut self, key: String) -> Result<Option<ListedObject>, StoreError> {
        let location = self.names.locate(&key)?;
        let Found::Folder(folder) = self.root.find(&location.folders)? else {
            return Ok(None);
        };
        let object = ObjectFile::open(folder.as_fd(), &location.file)?;
        Ok(object.map(|object| ListedObject {
            key,
            size: object.size,
            last_modified: object.last_modified(),
            etag: object.sums.etag,
        }))
    }
}
