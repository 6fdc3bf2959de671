//! Keys as file paths: readable, bijective, and free of every name that a file system gives a
//! meaning to.
//!
//! A key is split at `/`; all segments but the last are folders. In a segment:
//!
//! | | becomes | because |
//! |---|---|---|
//! | `%`, `\`, `:`, control characters | `%hh` of each byte | it is the escape, or means something elsewhere |
//! | a leading `.` | `%2e` | `.`, `..`, and our own `.s3orm` |
//! | nothing | `%e` | a file has a name |
//! | a last segment without a `.` | and `%f` at its end | `a` and `a/b` are two objects |
//! | a folder with a `.` | and `%d` at its end | so are `a.json` and `a.json/b` |
//!
//! So files have a dot or end in `%f`, folders do neither. Where the file system takes `A` for `a`
//! or `é` for its other Unicode form, capital letters and all that is not ASCII are escaped as well.

use crate::store::{StoreError, StoreErrorKind};

/// The most bytes of a name on every Unix file system.
const MAX_NAME: usize = 255;

const EMPTY: &str = "%e";
const FILE: &str = "%f";
const FOLDER: &str = "%d";

/// How a file system tells names apart, and so how keys are written as names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// By their bytes.
    Exact,
    /// Some names that differ by case or Unicode form are the same.
    Folded,
}

/// Where an object is: folders from the root, and a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Location {
    pub(super) folders: Vec<String>,
    pub(super) file: String,
}

impl Names {
    /// Where the object of `key` is.
    pub(super) fn locate(self, key: &str) -> Result<Location, StoreError> {
        let (folders, last) = key
            .rsplit_once('/')
            .map_or((None, key), |(folders, last)| (Some(folders), last));
        let folders = folders.into_iter().flat_map(|folders| folders.split('/'));
        Ok(Location {
            folders: folders
                .map(|segment| checked(segment, self.folder(segment)))
                .collect::<Result<_, _>>()?,
            file: checked(last, self.file(last))?,
        })
    }

    /// The folders of a prefix that ends with `/`, or of the root if it is empty; `None` if no key
    /// can have it.
    pub(super) fn folders(self, base: &str) -> Option<Vec<String>> {
        let Some(base) = base.strip_suffix('/') else {
            return Some(Vec::new());
        };
        base.split('/')
            .map(|segment| checked(segment, self.folder(segment)).ok())
            .collect()
    }

    /// The segment that a file's name stands for; `None` if no key has such a name.
    pub(super) fn segment_of_file(self, name: &str) -> Option<String> {
        let segment = unescape(name.strip_suffix(FILE).unwrap_or(name))?;
        (self.file(&segment) == name).then_some(segment)
    }

    /// The segment that a folder's name stands for; `None` if no key has such a name.
    pub(super) fn segment_of_folder(self, name: &str) -> Option<String> {
        let segment = unescape(name.strip_suffix(FOLDER).unwrap_or(name))?;
        (self.folder(&segment) == name).then_some(segment)
    }

    fn file(self, segment: &str) -> String {
        let mut name = self.escape(segment);
        if !segment.contains('.') {
            name.push_str(FILE);
        }
        name
    }

    fn folder(self, segment: &str) -> String {
        let mut name = self.escape(segment);
        if segment.contains('.') {
            name.push_str(FOLDER);
        }
        name
    }

    fn escape(self, segment: &str) -> String {
        if segment.is_empty() {
            return EMPTY.to_owned();
        }
        let mut name = String::with_capacity(segment.len() + FILE.len());
        for (at, char) in segment.char_indices() {
            let folds = self == Self::Folded && (char.is_ascii_uppercase() || !char.is_ascii());
            let special = matches!(char, '%' | '\\' | ':') || char.is_control();
            if folds || special || (at == 0 && char == '.') {
                for byte in char.encode_utf8(&mut [0; 4]).bytes() {
                    name.push('%');
                    name.push_str(&crate::store::rules::hex(&[byte]));
                }
            } else {
                name.push(char);
            }
        }
        name
    }
}

fn checked(segment: &str, name: String) -> Result<String, StoreError> {
    if name.len() <= MAX_NAME {
        return Ok(name);
    }
    Err(StoreError::new(
        StoreErrorKind::InvalidKey,
        format!(
            "the segment `{}` is {} bytes long as a file's name; a folder takes {MAX_NAME}",
            segment.escape_debug(),
            name.len()
        ),
    ))
}

/// Undoes the escapes; what is no escape stays, since the caller compares the name it would give.
fn unescape(name: &str) -> Option<String> {
    if name == EMPTY {
        return Some(String::new());
    }
    let mut pieces = name.split('%');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        bytes.extend(crate::store::rules::unhex(digits)?);
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [Names; 2] = [Names::Exact, Names::Folded];

    fn path(names: Names, key: &str) -> String {
        let location = names.locate(key).unwrap();
        let mut path = location.folders;
        path.push(location.file);
        path.join("/")
    }

    #[test]
    fn paths_are_readable() {
        for (key, expected) in [
            ("people/2024-01-02/42.json", "people/2024-01-02/42.json"),
            ("people", "people%f"),
            ("a.json/b", "a.json%d/b%f"),
            ("..", "%2e.%f".strip_suffix(FILE).unwrap()),
            ("../x", "%2e.%d/x%f"),
            (".s3orm/tmp", "%2es3orm%d/tmp%f"),
            ("/etc//p", "%e/etc/%e/p%f"),
            ("a/", "a/%e%f"),
            ("50%:\\\n\0", "50%25%3a%5c%0a%00%f"),
            ("é😀", "é😀%f"),
            ("\u{85}", "%c2%85%f"),
        ] {
            assert_eq!(path(Names::Exact, key), expected);
        }
    }

    #[test]
    fn folded_names_are_lower_case_ascii() {
        assert_eq!(path(Names::Folded, "Ann.json"), "%41nn.json");
        for key in ["Ann", "É", "e\u{301}", "ſ", "K"] {
            let path = path(Names::Folded, key);
            assert!(path.is_ascii() && path == path.to_lowercase(), "{path}");
        }
    }

    #[test]
    fn every_segment_comes_back_and_no_two_meet() {
        let pieces = [
            "", ".", "..", "a", "A", "%", "%2e", "%f", "%d", "%e", ":", "é", "f", "\n",
        ];
        for names in NAMES {
            let mut seen = std::collections::BTreeMap::new();
            for (first, second) in pieces.iter().flat_map(|a| pieces.map(|b| (a, b))) {
                let segment = format!("{first}{second}");
                let (file, folder) = (names.file(&segment), names.folder(&segment));
                assert_eq!(names.segment_of_file(&file).as_ref(), Some(&segment));
                assert_eq!(names.segment_of_folder(&folder).as_ref(), Some(&segment));
                for name in [file, folder] {
                    let owner = (segment.clone(), names.segment_of_file(&name).is_some());
                    let before = seen.insert(name.clone(), owner.clone());
                    assert!(before.is_none_or(|before| before == owner), "{name}");
                }
            }
        }
    }

    #[test]
    fn names_of_others_stand_for_no_key() {
        for name in [
            ".hidden", "README", "a%2Eb", "%", "a%", "%41.x", "a%zz.x", "%2f.x", "a:b.c",
        ] {
            assert_eq!(Names::Exact.segment_of_file(name), None, "{name}");
        }
        for name in [".s3orm", "a.b", "%41", "x%f%d"] {
            assert_eq!(Names::Exact.segment_of_folder(name), None, "{name}");
        }
        assert_eq!(Names::Folded.segment_of_file("Ann.json"), None);
    }

    #[test]
    fn long_segments_are_refused() {
        assert!(Names::Exact.locate(&"a".repeat(253)).is_ok());
        let error = Names::Exact.locate(&"a".repeat(254)).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::InvalidKey);
        assert!(error.message().contains("256 bytes long"), "{error}");
    }
}
