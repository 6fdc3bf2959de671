//! A struct with `S3Schema`, as Rust.

use std::collections::BTreeSet;
use std::fmt;

/// What rustfmt keeps in one line of an attribute.
const WIDTH: usize = 78;

/// A struct to be printed.
#[derive(Debug)]
pub(crate) struct Struct {
    name: String,
    table: String,
    path: String,
    pub(crate) doc: String,
    pub(crate) extension: String,
    pub(crate) verbatim: bool,
    pub(crate) raw: bool,
    pub(crate) transactional: bool,
    pub(crate) encrypted: bool,
    /// Unique or not, name, columns, and what entries keep.
    pub(crate) indexes: Vec<(bool, String, Vec<String>, Vec<String>)>,
    pub(crate) fields: Vec<Field>,
}

/// A field of it.
#[derive(Debug)]
pub(crate) struct Field {
    /// In the path.
    pub(crate) column: String,
    /// In the stored object.
    pub(crate) name: String,
    pub(crate) rust_type: String,
    pub(crate) nullable: bool,
    pub(crate) key_only: bool,
    pub(crate) default: bool,
    pub(crate) managed: Option<String>,
    pub(crate) encrypted: bool,
    pub(crate) body: bool,
    pub(crate) doc: String,
}

impl Field {
    /// The path's name of the column, its name in bodies, and its type.
    pub(crate) fn new(column: &str, name: &str, rust_type: &str) -> Self {
        Self {
            column: column.to_owned(),
            name: name.to_owned(),
            rust_type: rust_type.to_owned(),
            nullable: false,
            key_only: false,
            default: false,
            managed: None,
            encrypted: false,
            body: false,
            doc: String::new(),
        }
    }
}

impl Struct {
    pub(crate) fn new(name: &str, table: &str, path: &str) -> Self {
        Self {
            name: name.to_owned(),
            table: table.to_owned(),
            path: path.to_owned(),
            doc: String::new(),
            extension: ".json".to_owned(),
            verbatim: false,
            raw: false,
            transactional: false,
            encrypted: false,
            indexes: Vec::new(),
            fields: Vec::new(),
        }
    }

    /// As rustfmt writes them.
    fn options(&self) -> String {
        let mut options = vec![
            format!("table = {:?}", self.table),
            format!("path = {:?}", self.path),
        ];
        let extension = if self.raw { "" } else { ".json" };
        if self.extension != extension {
            options.push(format!("extension = {:?}", self.extension));
        }
        if self.verbatim {
            options.push("encoding = \"verbatim\"".to_owned());
        }
        if self.raw {
            options.push("body = \"raw\"".to_owned());
        }
        if self.transactional {
            options.push("transactional".to_owned());
        }
        if self.encrypted {
            options.push("encrypt".to_owned());
        }
        let line = format!("#[s3({})]", options.join(", "));
        if line.len() <= WIDTH {
            return line;
        }
        format!("#[s3(\n    {}\n)]", options.join(",\n    "))
    }
}

impl fmt::Display for Struct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "use s3orm::S3Schema;")?;
        if !self.raw {
            writeln!(f, "use serde::{{Deserialize, Serialize}};")?;
        }
        writeln!(f)?;
        doc(f, "", &self.doc)?;
        let derives = if self.raw {
            ""
        } else {
            "Serialize, Deserialize, "
        };
        writeln!(f, "#[derive(Debug, Clone, PartialEq, {derives}S3Schema)]")?;
        writeln!(f, "{}", self.options())?;
        let mut taken = BTreeSet::new();
        let idents: Vec<(String, &Field)> = self
            .fields
            .iter()
            .map(|field| (ident(&field.column, &mut taken), field))
            .collect();
        for (unique, name, columns, keeps) in &self.indexes {
            let kind = if *unique { "unique" } else { "index" };
            let fields = |names: &[String]| {
                let fields = names.iter().map(|name| {
                    idents
                        .iter()
                        .find(|(_, field)| field.name == *name)
                        .map_or(name.clone(), |(ident, _)| ident.clone())
                });
                fields.collect::<Vec<_>>().join(", ")
            };
            let keeps = match keeps.as_slice() {
                [] => String::new(),
                [all] if all == "*" => ", projection = \"all\"".to_owned(),
                some => format!(", projection({})", fields(some)),
            };
            writeln!(
                f,
                "#[s3({kind}(name = {name:?}, columns({}){keeps}))]",
                fields(columns)
            )?;
        }
        writeln!(f, "pub struct {} {{", self.name)?;
        for (ident, field) in &idents {
            self.field(f, ident, field)?;
        }
        writeln!(f, "}}")
    }
}

impl Struct {
    fn field(&self, f: &mut fmt::Formatter<'_>, ident: &str, field: &Field) -> fmt::Result {
        doc(f, "    ", &field.doc)?;
        let (rust_type, of_another) = known_type(&field.rust_type);
        if of_another {
            writeln!(
                f,
                "    // Of the type `{}` in the program that described it.",
                field.rust_type
            )?;
        }
        if field.body {
            writeln!(f, "    #[s3(body)]")?;
        }
        if field.key_only && !self.raw {
            writeln!(f, "    #[s3(key_only)]")?;
        }
        if field.encrypted {
            writeln!(f, "    #[s3(encrypt)]")?;
        }
        if let Some(managed) = &field.managed {
            let option = if managed == "generated" {
                "generate"
            } else {
                managed
            };
            writeln!(f, "    #[s3({option})]")?;
        }
        let mut serde = Vec::new();
        if ident.trim_start_matches("r#") != field.name && !self.raw && !field.key_only {
            serde.push(format!("rename = {:?}", field.name));
        }
        if field.nullable {
            serde.push("default".to_owned());
            serde.push("skip_serializing_if = \"Option::is_none\"".to_owned());
        } else if field.default {
            serde.push("default".to_owned());
        }
        if !serde.is_empty() {
            writeln!(f, "    #[serde({})]", serde.join(", "))?;
        }
        if field.nullable {
            writeln!(f, "    pub {ident}: Option<{rust_type}>,")
        } else {
            writeln!(f, "    pub {ident}: {rust_type},")
        }
    }
}

fn doc(f: &mut fmt::Formatter<'_>, indent: &str, text: &str) -> fmt::Result {
    text.lines().try_for_each(|line| {
        writeln!(
            f,
            "{indent}///{}{}",
            if line.is_empty() { "" } else { " " },
            line.trim()
        )
    })
}

/// The type if anybody knows it, else any JSON; and whether it is another's.
fn known_type(rust_type: &str) -> (String, bool) {
    let text: String = rust_type
        .chars()
        .filter(|char| !char.is_whitespace())
        .collect();
    match is_known(&text) {
        Some(known) => (known, false),
        None => ("serde_json::Value".to_owned(), true),
    }
}

const PRIMITIVES: &[&str] = &[
    "bool", "char", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128",
    "isize", "f32", "f64", "String",
];

/// The type with its path, of the standard library and of the crates that key columns come of.
fn is_known(text: &str) -> Option<String> {
    let (path, arguments) = match text.split_once('<') {
        Some((path, rest)) => (path, rest.strip_suffix('>')?),
        None => (text, ""),
    };
    let name = path.rsplit("::").next().unwrap_or(path);
    if !arguments.is_empty() {
        return match name {
            "Vec" | "Option" | "Box" => Some(format!("{name}<{}>", is_known(arguments)?)),
            "DateTime" if arguments.rsplit("::").next() == Some("Utc") => {
                Some("chrono::DateTime<chrono::Utc>".to_owned())
            }
            _ => None,
        };
    }
    match name {
        _ if PRIMITIVES.contains(&name) => Some(name.to_owned()),
        "NaiveDate" | "NaiveDateTime" => Some(format!("chrono::{name}")),
        "Date" | "DateTime" => Some(format!("jiff::civil::{name}")),
        "Timestamp" => Some("jiff::Timestamp".to_owned()),
        "Uuid" => Some("uuid::Uuid".to_owned()),
        "Ulid" => Some("ulid::Ulid".to_owned()),
        "Bytes" => Some("bytes::Bytes".to_owned()),
        "Value" if path.contains("serde_json") => Some("serde_json::Value".to_owned()),
        _ => None,
    }
}

const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let",
    "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return",
    "static", "struct", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use",
    "virtual", "where", "while", "yield",
];

/// A field's name for a column's: `firstName` is `first_name`.
fn ident(name: &str, taken: &mut BTreeSet<String>) -> String {
    let mut text = String::new();
    let mut after_small = false;
    for char in name.chars() {
        if char.is_uppercase() && after_small {
            text.push('_');
        }
        after_small = char.is_lowercase() || char.is_numeric();
        if char == '_' || char.is_ascii_alphanumeric() {
            text.extend(char.to_lowercase());
        } else if !text.ends_with('_') {
            text.push('_');
        }
    }
    if text.is_empty() || text.starts_with(|char: char| char.is_ascii_digit()) || text == "_" {
        text.insert_str(0, "column_");
    }
    if matches!(&*text, "self" | "super" | "crate") {
        text.push('_');
    }
    while taken.contains(&text) {
        text.push('_');
    }
    taken.insert(text.clone());
    if KEYWORDS.contains(&&*text) {
        format!("r#{text}")
    } else {
        text
    }
}

/// A struct's name for a table's: `order_lines` is `OrderLine`.
pub(crate) fn type_name(table: &str) -> String {
    let one = match table {
        "people" => "person",
        _ => match (table.strip_suffix("ies"), table.strip_suffix('s')) {
            (Some(stem), _) if stem.len() > 1 => &format!("{stem}y"),
            (_, Some(one)) if !one.ends_with('s') && one.len() > 1 => one,
            _ => table,
        },
    };
    let words = one
        .split(|char: char| !char.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let name: String = words
        .map(|word| {
            let (first, rest) = word.split_at(1);
            first.to_uppercase() + rest
        })
        .collect();
    if name.starts_with(|char: char| char.is_ascii_uppercase()) {
        name
    } else {
        format!("Row{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_rust() {
        let mut taken = BTreeSet::new();
        let mut field = |name| ident(name, &mut taken);
        for (name, expected) in [
            ("firstName", "first_name"),
            ("first_name", "first_name_"),
            ("type", "r#type"),
            ("self", "self_"),
            ("7th", "column_7th"),
            ("a-b c", "a_b_c"),
            ("HTTPCode", "httpcode"),
            ("", "column_"),
            ("é", "column__"),
        ] {
            assert_eq!(field(name), expected, "{name}");
        }
        for (table, expected) in [
            ("people", "Person"),
            ("order_lines", "OrderLine"),
            ("entries", "Entry"),
            ("glass", "Glass"),
            ("7up", "Row7up"),
            ("s", "S"),
        ] {
            assert_eq!(type_name(table), expected);
        }
    }

    #[test]
    fn types_that_nobody_knows_are_json() {
        for (text, expected) in [
            ("Vec<Option<u8>>", "Vec<Option<u8>>"),
            (
                "chrono :: DateTime < Utc >",
                "chrono::DateTime<chrono::Utc>",
            ),
            ("std::string::String", "String"),
            ("Address", "serde_json::Value"),
            ("HashMap<String,u8>", "serde_json::Value"),
        ] {
            assert_eq!(known_type(text).0, expected);
        }
    }
}
