//! Versions of a table's rows: each has a struct of its own, which becomes the next one.
//!
//! A row says of which version it is (`body/version.rs`). It is read by the struct of that version and
//! then goes through the conversions up to the newest; where versions are `reversible`, a row can be
//! written as an older version, too.

use super::{S3Schema, TableSchema};
use crate::body::{BodyError, Content, version};
use crate::key::KeyTuple as _;

/// A row that the version before becomes: what `impl From<Before> for After` implements.
#[diagnostic::on_unimplemented(
    message = "rows of `{P}` cannot become rows of `{Self}`",
    label = "there is no way from the version before",
    note = "write `impl From<{P}> for {Self}`: it is applied to each old row that is read"
)]
pub trait Upcast<P>: S3Schema {
    /// The row in its new form.
    fn upcast(previous: P) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: S3Schema + From<P>, P> Upcast<P> for T {
    fn upcast(previous: P) -> Self {
        previous.into()
    }
}

/// A row that can be written as the version before: what `impl From<&After> for Before` implements.
#[diagnostic::on_unimplemented(
    message = "rows of `{Self}` cannot be written as `{P}`",
    label = "`reversible` needs a way back to the version before",
    note = "write `impl From<&{Self}> for {P}`, or leave `reversible` out"
)]
pub trait Downcast<P>: S3Schema {
    /// The row in its old form.
    fn downcast(&self) -> P;
}

#[diagnostic::do_not_recommend]
impl<T: S3Schema, P: for<'r> From<&'r T>> Downcast<P> for T {
    fn downcast(&self) -> P {
        self.into()
    }
}

/// A table whose rows can be written as the version before: what `reversible` implements, and what
/// [`Migrate::down_to`](crate::migrate::Migrate::down_to) asks for.
#[diagnostic::on_unimplemented(
    message = "rows of `{Self}` cannot be written as the version before",
    label = "there is no way back from this version",
    note = "add `reversible` to the `#[s3(...)]` above `{Self}`, and write `impl From<&{Self}>` for the struct of `previous`"
)]
pub trait Reversible: S3Schema {}

/// A stored row of an older version.
#[derive(Debug, Clone, Copy)]
pub struct OldRow<'a> {
    pub(crate) version: u32,
    /// What follows the table's folder in its key.
    pub(crate) path: &'a str,
    pub(crate) content: Content<'a>,
}

/// A row in an older form, as it is stored.
#[derive(Debug)]
pub struct OldForm {
    pub(crate) bytes: Vec<u8>,
    pub(crate) schema: &'static TableSchema,
}

/// The row of stored bytes of any version that the struct knows, and that version.
///
/// # Errors
/// The bytes are not a row of the struct's, or of a version that it does not know.
pub(crate) fn decode<T: S3Schema>(
    key: T::Key,
    path: &str,
    content: &Content<'_>,
) -> Result<(T, u32), BodyError> {
    let (version, bytes) = version::split(content)?;
    let content = Content::new(content.format, &bytes);
    let row = if version == T::SCHEMA.version {
        T::decode(key, &content)
    } else {
        of_version(&OldRow {
            version,
            path,
            content,
        })
    };
    row.map(|row| (row, version))
}

/// The row of stored bytes of an older version; `None` if they are of this one.
///
/// # Errors
/// As [`decode`].
pub(crate) fn decode_old<T: S3Schema>(
    path: &str,
    content: &Content<'_>,
) -> Result<Option<(T, u32)>, BodyError> {
    let (version, bytes) = version::split(content)?;
    if version == T::SCHEMA.version {
        return Ok(None);
    }
    let content = Content::new(content.format, &bytes);
    let row = of_version(&OldRow {
        version,
        path,
        content,
    })?;
    Ok(Some((row, version)))
}

/// Whether the row of stored bytes may be one that the struct knows, whatever is in it.
///
/// # Errors
/// It is of a newer version.
pub(crate) fn check_known<T: S3Schema>(content: &Content<'_>) -> Result<(), BodyError> {
    check_not_newer(version::split(content)?.0, T::SCHEMA.version)
}

fn check_not_newer(version: u32, own: u32) -> Result<(), BodyError> {
    if version <= own {
        return Ok(());
    }
    let detail = format!("the row is of version {version}, and this program knows version {own}");
    let help = "a newer program has written it: start that one in place of this";
    Err(BodyError::of_version(detail, help))
}

/// The row of an older version, or of this one.
fn of_version<T: S3Schema>(row: &OldRow<'_>) -> Result<T, BodyError> {
    let own = T::SCHEMA.version;
    check_not_newer(row.version, own)?;
    if row.version < own {
        return T::__upcast(row);
    }
    let key = T::Key::parse(&T::SCHEMA.path, row.path);
    let key = key.map_err(|error| BodyError::new(error.to_string()))?;
    T::decode(key, &row.content)
}

/// The row of an older version than `P`'s or of that, in the form of `T`.
///
/// # Errors
/// The bytes are not a row of one of the structs, or of a version older than them all.
pub fn upcast<T: Upcast<P>, P: S3Schema>(row: &OldRow<'_>) -> Result<T, BodyError> {
    of_version::<P>(row).map(T::upcast)
}

/// A struct without a version before reads no older rows.
///
/// # Errors
/// Always.
pub fn too_old<T: S3Schema>(row: &OldRow<'_>) -> Result<T, BodyError> {
    let (version, oldest) = (row.version, T::SCHEMA.version);
    let detail = format!(
        "the row is of version {version}, and this program reads version {oldest} and later"
    );
    let help = "migrate the table by a program that still has the struct of that version";
    Err(BodyError::of_version(detail, help))
}

/// The row as `P`, or as a version before that.
///
/// # Errors
/// It does not serialize; or `P` has another key for it.
pub fn downcast<T: Downcast<P>, P: S3Schema>(row: &T, version: u32) -> Result<OldForm, BodyError> {
    let old: P = row.downcast();
    let (mut here, mut there) = (String::new(), String::new());
    let keys = row.key().write(&T::SCHEMA.path, &mut here);
    let keys = keys.and_then(|()| old.key().write(&P::SCHEMA.path, &mut there));
    keys.map_err(|error| BodyError::new(error.to_string()))?;
    if here != there {
        let detail = "the row has another key in the version before, and cannot be written as that";
        return Err(BodyError::new(detail));
    }
    encode(&old, version)
}

/// The row as it is written at a version.
///
/// # Errors
/// It does not serialize, or cannot be written as that version.
pub(crate) fn encode<T: S3Schema>(row: &T, version: u32) -> Result<OldForm, BodyError> {
    let schema = T::SCHEMA;
    if version != schema.version {
        return row.__downcast(version);
    }
    let bytes = row.encode(schema.body)?;
    version::check_free(&bytes, schema.body)?;
    let bytes = version::mark(bytes, schema.body, version);
    Ok(OldForm { bytes, schema })
}

/// A struct that is not `reversible` cannot be written in an older form.
///
/// # Errors
/// Always.
pub fn not_reversible(version: u32) -> Result<OldForm, BodyError> {
    let detail = format!("the row cannot be written as version {version}");
    Err(BodyError::new(detail))
}

impl TableSchema {
    /// The descriptions of this version and of those before, as far as the program has structs for
    /// them.
    pub fn versions(&'static self) -> impl Iterator<Item = &'static Self> {
        std::iter::successors(Some(self), |schema| schema.previous)
    }

    /// Whether the program can write rows as this version.
    pub(crate) fn writes(&'static self, version: u32) -> bool {
        let mut reversible = true;
        self.versions().any(|schema| {
            let is_reached = reversible && schema.version == version;
            reversible &= schema.reversible;
            is_reached
        })
    }
}

/// Whether `after` is the next version of the same table.
///
/// # Panics
/// It is not: in a constant, which is the compiler's error.
pub const fn check_follows(after: &TableSchema, before: &TableSchema) {
    assert!(
        is_same(after.table, before.table),
        "the version before is of another table: give both structs the same `table`"
    );
    assert!(
        before.version + 1 == after.version,
        "versions follow one another: the struct of `previous` has the `version` that is one less"
    );
}

const fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}
