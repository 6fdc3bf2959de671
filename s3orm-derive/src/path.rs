//! The grammar of `path = "…"`: literal text, `<field>`, `<field:ordered>` and `<field:desc>`.
//!
//! Knows nothing of syntax trees: text in, pieces and problems out, so that every rule is a row of
//! a table in the tests below.

use std::fmt::Write as _;
use std::ops::Range;

use crate::diag;

/// The most columns a key has: as many as the tuples that keys are made of.
pub(crate) const MAX_COLUMNS: usize = 8;

/// A piece of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Text as it is; may hold `/`.
    Literal(String),
    Column(Placeholder),
}

/// A column's place in the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placeholder {
    pub(crate) name: String,
    pub(crate) form: Form,
    /// The bytes from `<` to `>` in the path.
    pub(crate) at: Range<usize>,
}

/// How a column's value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Plain,
    Ordered,
    Desc,
}

/// What is wrong with a path, and at which bytes of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) at: Range<usize>,
    pub(crate) message: String,
    pub(crate) help: String,
}

impl Problem {
    pub(crate) fn new(
        at: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            at,
            message: message.into(),
            help: help.into(),
        }
    }

    /// The message with the path below it and carets under the place: on stable Rust no span can
    /// point into a literal.
    pub(crate) fn render(&self, path: &str) -> String {
        if path.is_empty() {
            return format!("{}\nhelp: {}", self.message, self.help);
        }
        let mut shown = String::new();
        let mut carets = String::new();
        for (at, character) in path.char_indices() {
            let caret = if self.at.contains(&at) { '^' } else { ' ' };
            for character in character.escape_debug() {
                shown.push(character);
                carets.push(caret);
            }
        }
        let mut text = self.message.clone();
        let _ = write!(
            text,
            "\n      {shown}\n      {}\nhelp: {}",
            carets.trim_end(),
            self.help
        );
        text
    }
}

/// The pieces of a path, and everything that is wrong with it. The pieces that could be read are
/// there even if others could not.
///
/// With `escaped` the text between two columns of one segment must begin with a character that
/// the escape never leaves in a value; without, values are checked when they are written.
pub(crate) fn parse(path: &str, escaped: bool) -> (Vec<Piece>, Vec<Problem>) {
    let mut parser = Parser {
        path,
        pieces: Vec::new(),
        problems: Vec::new(),
        literal: 0,
    };
    parser.read();
    let mut problems = parser.problems;
    let pieces = parser.pieces;
    if path.is_empty() {
        let help = "name the columns that find a row: `path = \"<id>\"`";
        problems.push(Problem::new(0..0, "the path is empty", help));
        return (pieces, problems);
    }
    check_segments(path, &mut problems);
    check_columns(path, &pieces, &mut problems);
    check_neighbours(path, &pieces, escaped, &mut problems);
    problems.sort_by_key(|problem| problem.at.start);
    (pieces, problems)
}

struct Parser<'a> {
    path: &'a str,
    pieces: Vec<Piece>,
    problems: Vec<Problem>,
    /// Where the literal text that is being read began.
    literal: usize,
}

impl Parser<'_> {
    fn read(&mut self) {
        let mut at = 0;
        while let Some(character) = self.path[at..].chars().next() {
            let next = at + character.len_utf8();
            match character {
                '<' => {
                    self.end_literal(at);
                    at = self.placeholder(at);
                    self.literal = at;
                    continue;
                }
                '>' => self.problem(
                    at..next,
                    "`>` closes no placeholder",
                    "a placeholder is written `<field>`",
                ),
                '!' | '%' | '\\' => self.problem(
                    at..next,
                    format!("`{character}` cannot be part of a path"),
                    "keys use it to escape values, or servers rewrite it: choose another character",
                ),
                character if !character.is_ascii_graphic() => self.problem(
                    at..next,
                    format!("`{}` cannot be part of a path", character.escape_debug()),
                    "use visible ASCII characters other than `<`, `>`, `!`, `%` and `\\`",
                ),
                _ => {}
            }
            at = next;
        }
        self.end_literal(at);
    }

    fn end_literal(&mut self, end: usize) {
        if self.literal < end {
            let text = self.path[self.literal..end].to_owned();
            self.pieces.push(Piece::Literal(text));
        }
    }

    /// Reads the placeholder that begins at `start`; answers where the text goes on.
    fn placeholder(&mut self, start: usize) -> usize {
        let inner = &self.path[start + 1..];
        let Some(length) = inner
            .find(['<', '>', '/'])
            .filter(|at| inner[*at..].starts_with('>'))
        else {
            let end = start + 1 + inner.find(['<', '/']).unwrap_or(inner.len());
            self.problem(
                start..end,
                "unclosed placeholder: expected `>`",
                format!("write `{}>`", &self.path[start..end]),
            );
            return end;
        };
        let at = start..start + length + 2;
        let (name, form) = match inner[..length].split_once(':') {
            None => (&inner[..length], Some(Form::Plain)),
            Some((name, form)) => (name, self.form(name, form, &at)),
        };
        let end = at.end;
        if self.is_name(name, &at)
            && let Some(form) = form
        {
            let name = name.to_owned();
            self.pieces
                .push(Piece::Column(Placeholder { name, form, at }));
        }
        end
    }

    fn form(&mut self, name: &str, form: &str, at: &Range<usize>) -> Option<Form> {
        match form {
            "ordered" => return Some(Form::Ordered),
            "desc" => return Some(Form::Desc),
            _ => {}
        }
        let help = match diag::did_you_mean(form, ["ordered", "desc"]) {
            Some(known) => format!("did you mean `<{name}:{known}>`?"),
            None => format!("write `<{name}>`, `<{name}:ordered>` or `<{name}:desc>`"),
        };
        self.problem(
            at.clone(),
            format!("unknown form `{form}` of a key column"),
            help,
        );
        None
    }

    fn is_name(&mut self, name: &str, at: &Range<usize>) -> bool {
        let mut characters = name.chars();
        let first = characters.next();
        let is_word = |character: char| character == '_' || character.is_alphanumeric();
        if first.is_some_and(|first| is_word(first) && !first.is_numeric())
            && characters.all(is_word)
        {
            return true;
        }
        if first.is_none() {
            self.problem(
                at.clone(),
                "the placeholder is empty",
                "name a field: `<id>`",
            );
        } else if let Some(bare) = name.strip_prefix("r#") {
            let message = format!("`{name}` is not how a path names a field");
            self.problem(
                at.clone(),
                message,
                format!("leave out the `r#`: `<{bare}>`"),
            );
        } else {
            let message = format!("`{}` is not the name of a field", name.escape_debug());
            self.problem(
                at.clone(),
                message,
                "a placeholder is one field of the struct: `<id>`",
            );
        }
        false
    }

    fn problem(&mut self, at: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.problems.push(Problem::new(at, message, help));
    }
}

/// No segment may be empty, `.` or `..`.
fn check_segments(path: &str, problems: &mut Vec<Problem>) {
    let mut start = 0;
    for segment in path.split('/') {
        let end = start + segment.len();
        let problem = match segment {
            "" if start == 0 => Some((
                0..1,
                "the path starts with `/`".to_owned(),
                "leave it out: the path is already inside the table's folder",
            )),
            "" if end == path.len() => Some((
                end - 1..end,
                "the path ends with `/`".to_owned(),
                "leave it out: the last segment is the object's name",
            )),
            "" => Some((
                start - 1..end + 1,
                "the path has an empty segment".to_owned(),
                "put a name or a column between the two `/`, or leave one out",
            )),
            "." | ".." => Some((
                start..end,
                format!("`{segment}` cannot be a segment of a path"),
                "leave it out: tools and folders take it for a way out of the table",
            )),
            _ => None,
        };
        problems.extend(problem.map(|(at, message, help)| Problem::new(at, message, help)));
        start = end + 1;
    }
}

/// At least one column, at most [`MAX_COLUMNS`], none twice.
fn check_columns(path: &str, pieces: &[Piece], problems: &mut Vec<Problem>) {
    let columns: Vec<_> = pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Column(column) => Some(column),
            Piece::Literal(_) => None,
        })
        .collect();
    if columns.is_empty()
        && problems
            .iter()
            .all(|problem| !path[problem.at.clone()].contains('<'))
    {
        let help = if path.contains('{') {
            "braces are literal text; a column stands between `<` and `>`: `path = \"<id>\"`"
        } else {
            "name the columns that find a row: `path = \"<id>\"`"
        };
        let message = "the path names no column: every row would have the same key";
        problems.push(Problem::new(0..path.len(), message, help));
    }
    for (index, column) in columns.iter().enumerate() {
        if columns[..index]
            .iter()
            .any(|earlier| earlier.name == column.name)
        {
            let message = format!("`<{}>` stands in the path twice", column.name);
            let help = "a column has one place in the key: leave one out";
            problems.push(Problem::new(column.at.clone(), message, help));
        }
    }
    if let Some(column) = columns.get(MAX_COLUMNS) {
        problems.push(Problem::new(
            column.at.start..path.len(),
            format!(
                "the path has {} columns: a key has at most {MAX_COLUMNS}",
                columns.len()
            ),
            "join some of them in a type of yours that implements `s3orm::key::KeyColumn`",
        ));
    }
}

/// Two columns of one segment must be told apart when the key is read back.
fn check_neighbours(path: &str, pieces: &[Piece], escaped: bool, problems: &mut Vec<Problem>) {
    for pair in pieces.windows(2) {
        if let [Piece::Column(first), Piece::Column(second)] = pair
            && first.at.end == second.at.start
        {
            problems.push(Problem::new(
                second.at.clone(),
                "two placeholders touch: the key could not be read back",
                format!(
                    "put a separator between them: `<{}>/<{}>`",
                    first.name, second.name
                ),
            ));
        }
    }
    for triple in pieces.windows(3) {
        let [
            Piece::Column(first),
            Piece::Literal(between),
            Piece::Column(second),
        ] = triple
        else {
            continue;
        };
        if escaped && !between.contains('/') && between.starts_with(stays_as_it_is) {
            let (one, other) = (&first.name, &second.name);
            problems.push(Problem::new(
                first.at.end..second.at.start,
                format!("`{between}` cannot separate two columns of one segment: values may hold it"),
                format!("begin it with `=`, `+`, `,`, `@` or `~`, or use `/`: `<{one}>+<{other}>`, `<{one}>/<{other}>`"),
            ));
        }
    }
    debug_assert!(problems.iter().all(|problem| problem.at.end <= path.len()));
}

/// Whether the escape leaves the character in a value as it is.
fn stays_as_it_is(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.')
}

#[cfg(test)]
mod tests;
