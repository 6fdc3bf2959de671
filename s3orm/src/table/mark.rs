//! The mark of a row that was moved: of what it is a copy (`rekey.rs`). Its text is on the bucket.

use md5::{Digest as _, Md5};

use crate::row::Version;
use crate::store::{Metadata, hex};
use crate::write;

/// What a copy is a copy of.
#[derive(Debug, PartialEq)]
pub(super) struct Mark {
    /// Digest of the key and the id of the version's write, where it has one.
    pub(super) write: String,
    /// Digest of the tag: another program may change the bytes and keep the id.
    tag: String,
}

impl Mark {
    const HALF: usize = 16;

    pub(super) fn of(object: &str, version: &Version) -> Self {
        let id = version.id.as_deref().unwrap_or_default();
        Self {
            write: Self::of_write(object, id),
            tag: digest(version.etag()),
        }
    }

    pub(super) fn of_write(object: &str, id: &str) -> String {
        digest(&format!("{object}\0{id}"))
    }

    pub(super) fn read(metadata: &Metadata) -> Option<Self> {
        let (write, tag) = metadata.get(write::FROM)?.split_at_checked(Self::HALF)?;
        Some(Self {
            write: write.to_owned(),
            tag: tag.to_owned(),
        })
    }

    pub(super) fn text(&self) -> String {
        format!("{}{}", self.write, self.tag)
    }
}

fn digest(text: &str) -> String {
    hex(&Md5::digest(text)[..Mark::HALF / 2])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::ETag;

    fn version(etag: &str, id: Option<&str>) -> Version {
        Version {
            etag: ETag::new(etag),
            id: id.map(str::to_owned),
        }
    }

    /// It is on the bucket, where another version of this library may have to know it again.
    #[test]
    fn the_mark_of_a_copy() {
        let mark = Mark::of("people/Oslo/1.json", &version("abc", Some("7f")));
        assert_eq!(mark.text(), "abccefd7cc22c2ba900150983cd24fb0");
        let metadata = Metadata::from([(write::FROM.to_owned(), mark.text())]);
        assert_eq!(Mark::read(&metadata), Some(mark));
        assert_eq!(Mark::read(&Metadata::new()), None);
    }

    #[test]
    fn marks_tell_keys_writes_and_bytes_apart() {
        let marks = [
            Mark::of("a", &version("1", Some("w"))),
            Mark::of("b", &version("1", Some("w"))),
            Mark::of("a", &version("2", Some("w"))),
            Mark::of("a", &version("1", Some("x"))),
            Mark::of("a", &version("1", None)),
        ];
        for (place, mark) in marks.iter().enumerate() {
            assert!(!marks[..place].contains(mark), "{place}");
        }
    }
}
