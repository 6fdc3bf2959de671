//! Paths as text: `<date:date>/<id:u64:ordered>`.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::ColumnType;
use crate::error::{Error, ErrorKind, Result, did_you_mean};
use crate::key::{Encoding, Form, PathTemplate, Piece};

/// A column of a dynamic table's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: ColumnType,
}

/// The pieces of a path, with its columns in order.
///
/// # Errors
/// [`Schema`](ErrorKind::Schema): it is no path, or keys could not be read back.
pub(super) fn parse(path: &str, encoding: Encoding) -> Result<(Vec<Piece>, Vec<Column>)> {
    let mut parser = Parser {
        pieces: Vec::new(),
        columns: Vec::new(),
    };
    let mut rest = path;
    while let Some((literal, after)) = rest.split_once('<') {
        parser.literal(literal)?;
        let inner = after
            .split_once('>')
            .filter(|(inner, _)| !inner.contains(['<', '/']));
        let (inner, after) = inner.ok_or_else(|| {
            wrong(
                format!("the path `{}` has a `<` without `>`", path.escape_debug()),
                "write a column as `<id>`, `<id:u64>` or `<id:u64:ordered>`",
            )
        })?;
        parser.placeholder(inner)?;
        rest = after;
    }
    parser.literal(rest)?;
    check(path, &parser.pieces, encoding)?;
    Ok((parser.pieces, parser.columns))
}

fn wrong(detail: String, help: impl Into<String>) -> Error {
    Error::new(ErrorKind::Schema, detail).with_help(help.into())
}

struct Parser {
    pieces: Vec<Piece>,
    columns: Vec<Column>,
}

impl Parser {
    fn literal(&mut self, text: &str) -> Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        let stray = |char: &char| !char.is_ascii_graphic() || "<>!%\\".contains(*char);
        if let Some(char) = text.chars().find(stray) {
            let detail = format!("`{}` cannot be part of a path", char.escape_debug());
            let help = "use visible ASCII characters other than `<`, `>`, `!`, `%` and `\\`";
            return Err(wrong(detail, help));
        }
        self.pieces.push(Piece::Literal(interned(text)));
        Ok(())
    }

    /// `id`, `id:u64`, `id:ordered`, `id:u64:ordered`.
    fn placeholder(&mut self, inner: &str) -> Result<()> {
        let mut parts = inner.split(':');
        let name = parts.next().unwrap_or_default();
        let mut column = Column {
            name: name.to_owned(),
            kind: ColumnType::Text,
        };
        let mut form = Form::Plain;
        for part in parts {
            match part {
                "ordered" => form = Form::Ordered,
                "desc" => form = Form::Desc,
                other => column.kind = kind(name, other)?,
            }
        }
        if name.is_empty() || self.columns.iter().any(|known| known.name == name) {
            let detail = format!(
                "the column `{}` is empty or stands there twice",
                name.escape_debug()
            );
            return Err(wrong(
                detail,
                "give each column of the key a name of its own",
            ));
        }
        if form == Form::Desc && matches!(column.kind, ColumnType::Text | ColumnType::Char) {
            let detail = format!("`<{name}:desc>` needs a type whose texts have one width");
            let help = format!("say the type, as in `<{name}:u64:desc>`");
            return Err(wrong(detail, help));
        }
        let name = interned(name);
        self.pieces.push(Piece::Column { name, form });
        self.columns.push(column);
        Ok(())
    }
}

fn kind(column: &str, text: &str) -> Result<ColumnType> {
    text.parse().map_err(
        |error: Error| match did_you_mean(text, ["ordered", "desc"]) {
            Some(near) => {
                let detail = format!(
                    "`{}` is no type and no form of a key column",
                    text.escape_debug()
                );
                wrong(detail, format!("did you mean `<{column}:{near}>`?"))
            }
            None => error,
        },
    )
}

/// Whether every key can be read back, and stays in the table's folder.
fn check(path: &str, pieces: &[Piece], encoding: Encoding) -> Result<()> {
    let shown = path.escape_debug();
    if !pieces
        .iter()
        .any(|piece| matches!(piece, Piece::Column { .. }))
    {
        let detail = format!("the path `{shown}` has no columns");
        return Err(wrong(detail, "name one at least: `<id>`"));
    }
    if path
        .split('/')
        .any(|segment| matches!(segment, "" | "." | ".."))
    {
        let detail = format!("the path `{shown}` has a segment that is empty, `.` or `..`");
        return Err(wrong(
            detail,
            "leave it out; a path begins and ends without `/`",
        ));
    }
    for pair in pieces.windows(2) {
        if let [
            Piece::Column { name: one, .. },
            Piece::Column { name: other, .. },
        ] = pair
        {
            let detail = format!("`<{one}>` and `<{other}>` touch: keys could not be read back");
            return Err(wrong(detail, "put a `/` between them"));
        }
    }
    for triple in pieces.windows(3) {
        if let [
            Piece::Column { name: one, .. },
            Piece::Literal(text),
            Piece::Column { name: other, .. },
        ] = triple
            && encoding == Encoding::Escaped
            && !text.contains('/')
            && text.starts_with(|char: char| char.is_ascii_alphanumeric() || "-_.".contains(char))
        {
            let detail =
                format!("`{text}` cannot separate `<{one}>` and `<{other}>`: values may hold it");
            return Err(wrong(
                detail,
                "begin it with `=`, `+`, `,`, `@` or `~`, or use `/`",
            ));
        }
    }
    Ok(())
}

/// The template of these pieces. Templates are static, as those of structs: each one that differs is
/// kept once, for as long as the program runs.
pub(super) fn template(
    pieces: Vec<Piece>,
    extension: &str,
    encoding: Encoding,
) -> &'static PathTemplate {
    static KNOWN: Mutex<Vec<&'static PathTemplate>> = Mutex::new(Vec::new());
    let extension = interned(extension);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let same = known.iter().find(|template| {
        template.pieces == pieces
            && template.extension == extension
            && template.encoding == encoding
    });
    if let Some(template) = same {
        return template;
    }
    let template: &'static PathTemplate = Box::leak(Box::new(PathTemplate {
        pieces: Vec::leak(pieces),
        extension,
        encoding,
    }));
    known.push(template);
    template
}

/// A text that is kept for as long as the program runs, once: names of columns and tables.
pub(super) fn interned(text: &str) -> &'static str {
    static KNOWN: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(text) = known.get(text) {
        return text;
    }
    let text: &'static str = Box::leak(text.to_owned().into_boxed_str());
    known.insert(text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(path: &str) -> String {
        let parsed = parse(path, Encoding::Escaped);
        parsed.expect_err(path).to_string()
    }

    #[test]
    fn types_and_forms_are_read() {
        let (pieces, columns) =
            parse("date=<date>/n<id:u64:ordered>.x", Encoding::Escaped).unwrap();
        assert_eq!(pieces.len(), 5);
        assert_eq!(columns[1].kind, ColumnType::U64);
        let template = template(pieces.clone(), ".json", Encoding::Escaped);
        assert_eq!(template.to_string(), "date=<date>/n<id:ordered>.x.json");
        let again = super::template(pieces, ".json", Encoding::Escaped);
        assert!(std::ptr::eq(template, again));
    }

    #[test]
    fn every_mistake_has_its_own_answer() {
        for (path, expected) in [
            ("", "has no columns"),
            ("all", "has no columns"),
            ("<id", "has a `<` without `>`"),
            ("<a/b>", "has a `<` without `>`"),
            ("a>b<id>", "`>` cannot be part of a path"),
            ("ä/<id>", "cannot be part of a path"),
            ("<>", "is empty or stands there twice"),
            ("<id>/<id>", "`id` is empty or stands there twice"),
            ("/<id>", "has a segment that is empty"),
            ("<a>//<b>", "has a segment that is empty"),
            ("../<id>", "has a segment that is empty"),
            ("<a><b>", "`<a>` and `<b>` touch"),
            ("<a>-<b>", "`-` cannot separate `<a>` and `<b>`"),
            ("<id:tezt>", "did you mean `text`?"),
            ("<id:orderd>", "did you mean `<id:ordered>`?"),
            ("<id:desc>", "as in `<id:u64:desc>`"),
        ] {
            let message = message(path);
            assert!(message.contains(expected), "{path}: {message}");
        }
        assert!(parse("<a>-<b>", Encoding::Verbatim).is_ok());
        assert!(parse("<a>+<b:i32:desc>", Encoding::Escaped).is_ok());
    }
}
