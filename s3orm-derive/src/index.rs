//! Indexes: as they are written, and as they are understood.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident};
use syn::LitStr;
use syn::ext::IdentExt as _;

use crate::attr::{self, Body, TableOptions, Written};
use crate::diag::{self, Errors};
use crate::model::{Column, Field};

/// The most columns of an index: as many as a key has.
const MAX_COLUMNS: usize = 8;
const OPTIONS: &[&str] = &["name", "columns", "projection"];

/// `index` or `unique`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    Unique,
}

/// An index as it is written.
pub(crate) struct Declared {
    pub(crate) kind: Kind,
    /// Where it is written.
    pub(crate) mark: Ident,
    name: Option<LitStr>,
    columns: Vec<Ident>,
    projection: Option<Projection<Ident>>,
}

/// What an entry holds besides the key of its row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Projection<C> {
    Keys,
    All,
    Columns(Vec<C>),
}

/// An index, understood. Columns are numbers of the model's.
pub(crate) struct Index {
    pub(crate) kind: Kind,
    pub(crate) name: Ident,
    pub(crate) columns: Vec<usize>,
    pub(crate) projection: Projection<usize>,
}

impl Kind {
    fn option(self) -> &'static str {
        match self {
            Self::Plain => "index",
            Self::Unique => "unique",
        }
    }
}

impl Declared {
    /// `index(name = "…", columns(…), projection = "…")` on the struct.
    pub(crate) fn of_table(kind: Kind, option: &Written, errors: &mut Errors) -> Option<Self> {
        let example = format!("`{}(columns(city, age))`", kind.option());
        let Some(inside) = option.group() else {
            let message = format!("`{}` on the struct takes its columns", kind.option());
            let help = format!(
                "write {example}, or `#[s3({})]` above a field",
                kind.option()
            );
            errors.at_with_help(option, message, help);
            return None;
        };
        let mut this = Self {
            kind,
            mark: option.name.clone(),
            name: None,
            columns: Vec::new(),
            projection: None,
        };
        let mut sound = true;
        for part in attr::split(inside, errors) {
            sound &= this.set(&part, errors);
        }
        if this.columns.is_empty() && sound {
            let message = format!("this `{}` has no columns", kind.option());
            errors.at_with_help(option, message, format!("write {example}"));
        }
        (sound && !this.columns.is_empty()).then_some(this)
    }

    fn set(&mut self, part: &Written, errors: &mut Errors) -> bool {
        let known = &OPTIONS[..if self.kind == Kind::Plain { 3 } else { 2 }];
        let name = part.name.to_string();
        match &*name {
            "name" => self.name = part.string("\"by_city\"", errors),
            "columns" => match idents(part, errors) {
                Some(columns) => self.columns = columns,
                None => return false,
            },
            "projection" if self.kind == Kind::Plain => {
                self.projection = projection(part, errors);
                return self.projection.is_some();
            }
            "projection" => {
                let message = "a unique index has no projection: its claims name rows";
                errors.at_with_help(part, message, "leave `projection` out");
                return false;
            }
            _ => {
                let message = format!("unknown option `{name}` of `{}`", self.kind.option());
                let help = diag::suggest("options of an index", &name, known);
                errors.at_with_help(&part.name, message, help);
                return false;
            }
        }
        name != "name" || self.name.is_some()
    }
}

/// `columns(a, b)`
fn idents(part: &Written, errors: &mut Errors) -> Option<Vec<Ident>> {
    let name = &part.name;
    let wrong = |errors: &mut Errors| {
        let help = format!("write `{name}(city, age)`: fields of the struct, with commas between");
        errors.at_with_help(part, format!("`{name}` takes names of fields"), help);
    };
    let Some(inside) = part.group() else {
        wrong(errors);
        return None;
    };
    let mut names = Vec::new();
    for option in attr::split(inside, errors) {
        if option.value.is_some() {
            wrong(errors);
            return None;
        }
        names.push(option.name);
    }
    Some(names)
}

/// `projection = "keys"`, `projection = "all"`, `projection(a, b)`
fn projection(part: &Written, errors: &mut Errors) -> Option<Projection<Ident>> {
    if part.group().is_some() {
        return idents(part, errors).map(Projection::Columns);
    }
    let text = part.string("\"keys\"", errors)?;
    let known = [("keys", true), ("all", false)];
    let keys = attr::choice("projection", "projections", &text, &known, errors)?;
    Some(if keys {
        Projection::Keys
    } else {
        Projection::All
    })
}

/// `index` or `index = "by_city"` on a field.
pub(crate) struct OfField {
    pub(crate) kind: Kind,
    pub(crate) mark: Ident,
    pub(crate) name: Option<LitStr>,
}

/// All indexes of a table that are sound; the rest is reported.
pub(crate) fn read(
    options: &TableOptions,
    fields: &[Field<'_>],
    columns: &[Column],
    body: Body,
    errors: &mut Errors,
) -> Vec<Index> {
    let of_fields = fields.iter().flat_map(|field| {
        field.options.indexes.iter().map(|of| Declared {
            kind: of.kind,
            mark: of.mark.clone(),
            name: of.name.clone(),
            columns: vec![field.ident.clone()],
            projection: None,
        })
    });
    let of_fields: Vec<_> = of_fields.collect();
    let mut indexes: Vec<Index> = Vec::new();
    for declared in of_fields.iter().chain(&options.indexes) {
        if body == Body::Raw {
            let message = "a table of raw bodies cannot have an index";
            let help = "its rows have no columns but those of the key: store rows as JSON";
            errors.at_with_help(&declared.mark, message, help);
            continue;
        }
        let Some(index) = understand(declared, fields, columns, errors) else {
            continue;
        };
        let same = |other: &&Index| other.kind == index.kind && other.name == index.name;
        if indexes.iter().any(|other| same(&other)) {
            let what = index.kind.option();
            let message = format!("two of `{what}` have the name `{}`", index.name);
            let help = format!("name one of them: `{what}(name = \"...\", columns(...))`");
            errors.at_with_help(&declared.mark, message, help);
            continue;
        }
        indexes.push(index);
    }
    indexes
}

fn understand(
    declared: &Declared,
    fields: &[Field<'_>],
    columns: &[Column],
    errors: &mut Errors,
) -> Option<Index> {
    let kind = declared.kind;
    let found = find(&declared.columns, fields, columns, errors)?;
    if found.len() > MAX_COLUMNS {
        let message = format!("an index has at most {MAX_COLUMNS} columns");
        errors.at_with_help(&declared.mark, message, "leave some of them out");
        return None;
    }
    let projection = match &declared.projection {
        None | Some(Projection::Keys) => Projection::Keys,
        Some(Projection::All) => Projection::All,
        Some(Projection::Columns(names)) => {
            let found = find(names, fields, columns, errors)?;
            if let Some(at) = found.iter().position(|column| !columns[*column].stored) {
                let message = format!("`{}` is in the key: every entry tells it", names[at]);
                errors.at_with_help(&names[at], message, "leave it out of `projection`");
                return None;
            }
            Projection::Columns(found)
        }
    };
    is_of_use(declared, &found, columns, errors)?;
    Some(Index {
        kind,
        name: name(declared, errors)?,
        columns: found,
        projection,
    })
}

/// The columns of these names.
fn find(
    names: &[Ident],
    fields: &[Field<'_>],
    columns: &[Column],
    errors: &mut Errors,
) -> Option<Vec<usize>> {
    let mut found = Vec::new();
    for ident in names {
        let name = ident.unraw().to_string();
        let Some(column) = columns.iter().position(|column| column.field == name) else {
            if fields.iter().any(|field| field.name == name) {
                let message = format!("`{name}` is no column: serde passes it over");
                errors.at_with_help(
                    ident,
                    message,
                    "store the field, or leave it out of the index",
                );
            } else {
                let known: Vec<_> = columns.iter().map(|column| &*column.field).collect();
                let message = format!("`{name}` names no field of the struct");
                errors.at_with_help(ident, message, diag::suggest("columns", &name, &known));
            }
            return None;
        };
        if found.contains(&column) {
            let message = format!("`{name}` stands twice");
            errors.at_with_help(ident, message, "leave one of them out");
            return None;
        }
        found.push(column);
    }
    Some(found)
}

/// What the key does already needs no index.
fn is_of_use(
    declared: &Declared,
    found: &[usize],
    columns: &[Column],
    errors: &mut Errors,
) -> Option<()> {
    let place = |column: &usize| columns[*column].key.map(|key| key.position);
    let keys = columns.iter().filter(|column| column.key.is_some()).count();
    let (message, help) = match declared.kind {
        Kind::Plain if found.iter().map(place).eq((0..found.len()).map(Some)) => (
            "the path begins with these columns: the key finds such rows already",
            "leave the index out, and ask by `KEY`: `query().at(KEY.…, …)`",
        ),
        Kind::Unique
            if found
                .iter()
                .filter(|column| place(column).is_some())
                .count()
                == keys =>
        {
            (
                "these columns hold the whole key: no two rows share them",
                "leave `unique` out, or take key columns out of it",
            )
        }
        _ => return Some(()),
    };
    errors.at_with_help(&declared.mark, message, help);
    None
}

/// The name that is written, or those of the columns.
fn name(declared: &Declared, errors: &mut Errors) -> Option<Ident> {
    let Some(literal) = &declared.name else {
        if let [column] = &*declared.columns {
            return Some(column.clone());
        }
        let names: Vec<_> = declared
            .columns
            .iter()
            .map(|c| c.unraw().to_string())
            .collect();
        let name = names.join("_");
        return Some(format_ident!("{name}", span = declared.mark.span()));
    };
    let text = literal.value();
    let known = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    let is_name = text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.len() <= 63
        && text.bytes().all(known);
    let name = is_name.then(|| literal.parse::<Ident>().ok()).flatten();
    if name.is_none() {
        let message = format!("`{}` cannot be an index's name", text.escape_debug());
        let help = "a name is a lower-case letter, then up to 62 of `a-z`, `0-9` and `_`, and no word of Rust's";
        errors.at_with_help(literal, message, help);
    }
    name
}

impl ToTokens for Declared {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.mark.to_tokens(tokens);
    }
}
