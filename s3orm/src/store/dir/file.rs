//! One object as one file: its bytes, and in an extended attribute all else, so that a rename swaps
//! both at once.

use std::fs::{File, FileTimes};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use md5::{Digest as _, Md5};
use rustix::fs::{AtFlags, Mode, OFlags, XattrFlags};
use rustix::io::Errno;

use super::folder::{failed, in_the_way};
use crate::store::rules::{self, Attributes, Sums};
use crate::store::{ETag, Metadata, ObjectMeta, StoreError};

const ATTRIBUTE: &str = "user.s3orm";
const VERSION: &str = "1";
/// The most that a file system of Linux takes for one attribute.
const MAX_ATTRIBUTE: usize = 64 << 10;

#[cfg(any(target_os = "linux", target_os = "android"))]
const NO_ATTRIBUTE: Errno = Errno::NODATA;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const NO_ATTRIBUTE: Errno = Errno::NOATTR;

/// An object that is open for reading: what is read is one version, whatever is written meanwhile.
pub(super) struct ObjectFile {
    file: File,
    pub(super) size: u64,
    pub(super) sums: Sums,
    pub(super) attributes: Attributes,
    modified: SystemTime,
}

impl ObjectFile {
    /// Opens the file; `None` if there is none. A file that others wrote or edited has the MD5 of
    /// its bytes as its tag, which costs reading it, and the default attributes.
    pub(super) fn open(folder: BorrowedFd<'_>, name: &str) -> Result<Option<Self>, StoreError> {
        // Opening a pipe waits for its other end, unless told not to.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(folder, name, flags, Mode::empty()) {
            Ok(fd) => File::from(fd),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::NXIO) => return Err(in_the_way(name)),
            Err(error) => return Err(failed("open", name, error)),
        };
        let known = file.metadata().map_err(|e| failed("read", name, e))?;
        if !known.is_file() {
            return Err(in_the_way(name));
        }
        let size = known.len();
        let modified = known.modified().map_err(|e| failed("read", name, e))?;
        let record = read_record(&file).map_err(|e| failed("read", name, e))?;
        let known = record.and_then(|record| parse_record(&record, &stamp(size, modified)));
        let (sums, attributes) = if let Some(record) = known {
            record
        } else {
            let etag = md5_of(&file).map_err(|e| failed("read", name, e))?;
            let checksum = None;
            (Sums { etag, checksum }, Attributes::default())
        };
        Ok(Some(Self {
            file,
            size,
            sums,
            attributes,
            modified,
        }))
    }

    pub(super) fn last_modified(&self) -> SystemTime {
        rules::to_seconds(self.modified)
    }

    /// The bytes `start..end`.
    pub(super) fn read(&self, start: u64, end: u64) -> io::Result<Vec<u8>> {
        let length = usize::try_from(end - start).map_err(io::Error::other)?;
        let mut body = vec![0; length];
        self.file.read_exact_at(&mut body, start)?;
        Ok(body)
    }

    /// Appends all bytes to `target`.
    pub(super) fn copy_to(&self, target: &mut File) -> io::Result<()> {
        let copied = io::copy(&mut (&self.file).take(self.size), target)?;
        if copied == self.size {
            return Ok(());
        }
        Err(io::Error::from(io::ErrorKind::UnexpectedEof))
    }

    /// The sums of the same bytes written in one piece.
    pub(super) fn sums_in_one_piece(&self) -> io::Result<Sums> {
        let mut sums = self.sums.clone();
        if rules::is_of_parts(&sums.etag) {
            sums.etag = md5_of(&self.file)?;
        }
        Ok(sums)
    }

    pub(super) fn into_meta(self) -> ObjectMeta {
        ObjectMeta {
            size: self.size,
            last_modified: Some(self.last_modified()),
            etag: self.sums.etag,
            content_type: Some(self.attributes.content_type),
            content_encoding: self.attributes.content_encoding,
            metadata: self.attributes.metadata,
            checksum: self.sums.checksum,
            encryption: None,
        }
    }
}

/// A file under a temporary name, which it loses when dropped: what stays after a crash is swept
/// when the store is next opened.
pub(super) struct NewFile {
    folder: OwnedFd,
    name: String,
    placed: bool,
}

impl NewFile {
    /// Creates a file that was not there, for its owner alone.
    pub(super) fn create(
        folder: OwnedFd,
        mut random_name: impl FnMut() -> String,
    ) -> Result<(Self, File), StoreError> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        loop {
            let name = random_name();
            match rustix::fs::openat(&folder, &name, flags, Mode::RUSR | Mode::WUSR) {
                Ok(fd) => {
                    let new = Self {
                        folder,
                        name,
                        placed: false,
                    };
                    return Ok((new, File::from(fd)));
                }
                // Two environments of one seed draw the same names.
                Err(Errno::EXIST) => {}
                Err(error) => return Err(failed("create", &name, error)),
            }
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Writes what `contents` writes, and the record, to the disk.
    pub(super) fn write(
        &self,
        mut file: File,
        sums: &Sums,
        attributes: &Attributes,
        now: SystemTime,
        contents: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<(), StoreError> {
        let write = || {
            contents(&mut file)?;
            file.set_times(FileTimes::new().set_modified(now))?;
            write_record(&file, sums, attributes)?;
            file.sync_all()
        };
        write().map_err(|error: io::Error| failed("write", &self.name, error))
    }

    /// Gives it its name, in place of what had it; `NOENT` if the folder is gone.
    pub(super) fn place(&mut self, folder: BorrowedFd<'_>, name: &str) -> Result<(), Errno> {
        rustix::fs::renameat(&self.folder, &self.name, folder, name)?;
        self.placed = true;
        Ok(())
    }

    /// Gives it a second name, which nothing has: `EXIST` otherwise.
    pub(super) fn link(&self, folder: BorrowedFd<'_>, name: &str) -> Result<(), Errno> {
        rustix::fs::linkat(&self.folder, &self.name, folder, name, AtFlags::empty())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.placed {
            let _ = rustix::fs::unlinkat(&self.folder, &self.name, AtFlags::empty());
        }
    }
}

/// Whether the file system keeps extended attributes.
pub(super) fn keeps_attributes(file: impl AsFd) -> Result<bool, Errno> {
    match rustix::fs::fsetxattr(file, ATTRIBUTE, b"", XattrFlags::empty()) {
        Ok(()) => Ok(true),
        Err(Errno::NOTSUP) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The line of a content encoding, which no metadata's name begins as.
const ENCODING: &str = "==";

/// Writes the record: lines of text, the metadata last, the checksum among it without a name. Size
/// and time tell whether somebody edited the file since.
fn write_record(file: &File, sums: &Sums, attributes: &Attributes) -> io::Result<()> {
    let known = file.metadata()?;
    let mut record = format!(
        "{VERSION}\n{}\n{}\n{}\n",
        sums.etag,
        stamp(known.len(), known.modified()?),
        attributes.content_type
    );
    if let Some(encoding) = &attributes.content_encoding {
        record.extend([ENCODING, encoding, "\n"]);
    }
    if let Some(checksum) = sums.checksum {
        record.extend(["=", &checksum.to_string(), "\n"]);
    }
    for (name, value) in &attributes.metadata {
        record.extend([name, "=", value, "\n"]);
    }
    rustix::fs::fsetxattr(file, ATTRIBUTE, record.as_bytes(), XattrFlags::empty())?;
    Ok(())
}

/// The file's record as it was written, if it has one.
fn read_record(file: &File) -> Result<Option<String>, Errno> {
    let mut buffer = vec![0; 1 << 10];
    let length = match rustix::fs::fgetxattr(file, ATTRIBUTE, &mut buffer[..]) {
        Err(Errno::RANGE) => {
            buffer.resize(MAX_ATTRIBUTE, 0);
            rustix::fs::fgetxattr(file, ATTRIBUTE, &mut buffer[..])
        }
        answer => answer,
    };
    match length {
        Ok(length) => {
            buffer.truncate(length);
            Ok(String::from_utf8(buffer).ok())
        }
        Err(NO_ATTRIBUTE) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a record says of the file that has this stamp; `None` of one that was edited since.
fn parse_record(record: &str, stamp: &str) -> Option<(Sums, Attributes)> {
    let mut lines = record.lines();
    let (version, etag, stamped) = (lines.next()?, lines.next()?, lines.next()?);
    if version != VERSION || stamped != stamp {
        return None;
    }
    let content_type = lines.next()?.to_owned();
    let mut lines = lines.peekable();
    let encoding = lines.next_if(|line| line.starts_with(ENCODING));
    let content_encoding = encoding.map(|line| line[ENCODING.len()..].to_owned());
    let mut metadata = lines
        .map(|line| {
            let (name, value) = line.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        })
        .collect::<Option<Metadata>>()?;
    let sums = Sums {
        etag: ETag::new(etag),
        checksum: metadata.remove("").and_then(|text| text.parse().ok()),
    };
    let attributes = Attributes {
        content_type,
        content_encoding,
        metadata,
    };
    Some((sums, attributes))
}

fn stamp(size: u64, modified: SystemTime) -> String {
    let since = modified
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    format!("{size} {}", since.as_nanos())
}

fn md5_of(file: &File) -> io::Result<ETag> {
    let mut digest = Md5::new();
    let mut buffer = vec![0; 64 << 10];
    let mut offset = 0;
    loop {
        let count = file.read_at(&mut buffer, offset)?;
        if count == 0 {
            return Ok(ETag::new(&rules::hex(&digest.finalize())));
        }
        digest.update(&buffer[..count]);
        offset += count as u64;
    }
}

/// What fills a new file with these bytes.
pub(super) fn bytes(body: &[u8]) -> impl FnOnce(&mut File) -> io::Result<()> {
    move |file| file.write_all(body)
}
