//! Which versions a program can bring the rows of its table to, and where their keys are.

use crate::encrypt::Encrypt;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::TableSchema;

/// Whether rows can go back to a version, as far as the program's structs tell.
///
/// # Errors
/// [`Schema`](ErrorKind::Schema), [`Unsupported`](ErrorKind::Unsupported).
pub(super) fn check_back(program: &'static TableSchema, to: u32) -> Result<()> {
    let own = program.version;
    if to >= own {
        let detail = format!("version {to} is not before that of the program, which is {own}");
        let help = "`migrate()` without `down_to` brings rows to the version of the program";
        return Err(Error::new(ErrorKind::Schema, detail).with_help(help));
    }
    for schema in program.versions().take_while(|schema| schema.version > to) {
        let (row, version) = (schema.row, schema.version);
        let Some(before) = schema.previous else {
            let detail = format!("the program has no struct of version {to}");
            let help = format!("declare it again, and name it as `previous` of `{row}`");
            return Err(Error::new(ErrorKind::Schema, detail).with_help(help));
        };
        if !schema.reversible {
            let detail = format!(
                "rows of `{row}`, which is version {version}, cannot be written as the version before"
            );
            let help = format!(
                "add `reversible` to `{row}`, and write `impl From<&{row}> for {}`",
                before.row
            );
            return Err(Error::new(ErrorKind::Schema, detail).with_help(help));
        }
    }
    let of = program.versions().find(|schema| schema.version == to);
    if program.is_stamped() && !of.is_some_and(TableSchema::is_stamped) {
        let detail = format!(
            "version {to} has neither transactions nor indexes, and the rows keep what belongs to them"
        );
        let help = "read the table, and write another one";
        return Err(Error::new(ErrorKind::Unsupported, detail).with_help(help));
    }
    if let Some(of) = of {
        check_encryption(program, of)?;
    }
    check_paths(program, to)
}

/// Whether the program reads what the older version does not encrypt.
fn check_encryption(program: &TableSchema, of: &TableSchema) -> Result<()> {
    let what = if program.encrypt == Some(Encrypt::Always) && of.encrypt.is_none() {
        "rows".to_owned()
    } else {
        let is_open = |name| {
            let mut columns = of.columns.iter();
            columns.any(|column| column.name == name && column.encrypt.is_none())
        };
        let mut columns = program.columns.iter();
        let column =
            columns.find(|column| column.encrypt == Some(Encrypt::Always) && is_open(column.name));
        let Some(column) = column else { return Ok(()) };
        format!("the column `{}`", column.name)
    };
    let (row, version) = (program.row, of.version);
    let detail =
        format!("version {version} does not encrypt {what}, and `{row}` reads nothing else");
    let help =
        format!("write `encrypt = \"migrating\"` in `{row}`, for as long as there are such rows");
    Err(Error::new(ErrorKind::Schema, detail).with_help(help))
}

/// Whether all versions from one on have their rows at the same keys.
///
/// # Errors
/// [`Unsupported`](ErrorKind::Unsupported).
pub(super) fn check_paths(program: &'static TableSchema, from: u32) -> Result<()> {
    let mut versions = program.versions();
    let Some(moved) = versions.find(|schema| schema.version >= from && schema.path != program.path)
    else {
        return Ok(());
    };
    let detail = format!(
        "rows of version {} are at other keys, `{}`, and rows do not move back",
        moved.version, moved.path
    );
    Err(Error::new(ErrorKind::Unsupported, detail)
        .with_help("read the table, and write another one"))
}

/// The schemas whose paths the keys of rows may have: the program's, and before it older ones that
/// differ, so that rows are where they should be once the program's keys are looked at. Rows that go
/// back are at the program's keys.
pub(super) fn paths(program: &'static TableSchema, to: u32) -> Vec<&'static TableSchema> {
    let mut paths: Vec<&'static TableSchema> = Vec::new();
    for schema in program.versions() {
        if !paths.iter().any(|known| known.path == schema.path) {
            paths.push(schema);
        }
        if to < program.version {
            break;
        }
    }
    paths.reverse();
    paths
}
