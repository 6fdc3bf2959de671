//! What serde's attributes say about the stored form of a row.
//!
//! Serde itself reports attributes that it cannot read; what is not understood here is passed over.

use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Lit, Meta, Token};

use crate::diag::Errors;

/// Attributes of the struct.
#[derive(Default)]
pub(crate) struct Container {
    rename_all: Option<String>,
    /// `default` or `default = "path"`.
    default: Option<Missing>,
    /// `transparent`, `into` and others under which rows are not this struct's columns.
    pub(crate) replaced: Option<Meta>,
}

/// Where a missing column's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Missing {
    Trait,
    Function(String),
}

/// Attributes of a field.
#[derive(Default)]
pub(crate) struct Field {
    rename: Option<String>,
    default: Option<Missing>,
    /// `skip` or `skip_serializing`.
    pub(crate) not_written: Option<Meta>,
    /// `skip` or `skip_deserializing`.
    pub(crate) not_read: Option<Meta>,
    /// `flatten`: the field is not one column.
    pub(crate) flatten: Option<Meta>,
    /// `with` or `deserialize_with`: the stored form is not the type's own.
    pub(crate) read_with: Option<Meta>,
}

impl Container {
    pub(crate) fn read(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut this = Self::default();
        for meta in metas(attributes) {
            match &*name(&meta) {
                "rename_all" => this.rename_all = renamed(&meta, errors),
                "default" => this.default = Some(Missing::of(&meta)),
                "transparent" | "into" | "from" | "try_from" | "remote" => {
                    this.replaced = Some(meta);
                }
                _ => {}
            }
        }
        this
    }

    /// A column's name in the stored object.
    pub(crate) fn column_name(&self, field: &str, attributes: &Field) -> String {
        match (&attributes.rename, &self.rename_all) {
            (Some(name), _) => name.clone(),
            (None, Some(rule)) => apply(rule, field),
            (None, None) => field.to_owned(),
        }
    }

    /// Where a row without the column gets its value, as text.
    pub(crate) fn column_default(
        &self,
        table: &str,
        field: &str,
        attributes: &Field,
    ) -> Option<String> {
        match (&attributes.default, &self.default) {
            (Some(Missing::Trait), _) => Some("Default::default()".to_owned()),
            (Some(Missing::Function(path)), _) => Some(path.clone()),
            (None, Some(Missing::Trait)) => Some(format!("{table}::default().{field}")),
            (None, Some(Missing::Function(path))) => Some(format!("{path}().{field}")),
            (None, None) => None,
        }
    }
}

impl Field {
    pub(crate) fn read(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut this = Self::default();
        for meta in metas(attributes) {
            match &*name(&meta) {
                "rename" => this.rename = renamed(&meta, errors),
                "default" => this.default = Some(Missing::of(&meta)),
                "skip" => {
                    this.not_written = Some(meta.clone());
                    this.not_read = Some(meta);
                }
                "skip_serializing" => this.not_written = Some(meta),
                "skip_deserializing" => this.not_read = Some(meta),
                "flatten" => this.flatten = Some(meta),
                "with" | "deserialize_with" => this.read_with = Some(meta),
                _ => {}
            }
        }
        this
    }
}

impl Missing {
    fn of(meta: &Meta) -> Self {
        text(meta).map_or(Self::Trait, Self::Function)
    }
}

/// Every entry of every `#[serde(...)]`.
fn metas(attributes: &[Attribute]) -> Vec<Meta> {
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("serde"))
        .filter_map(|attribute| {
            attribute
                .parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
                .ok()
        })
        .flatten()
        .collect()
}

pub(crate) fn name(meta: &Meta) -> String {
    meta.path()
        .get_ident()
        .map(ToString::to_string)
        .unwrap_or_default()
}

/// The string of `name = "…"`.
pub(crate) fn text(meta: &Meta) -> Option<String> {
    match meta {
        Meta::NameValue(pair) => match &pair.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

/// The text of `rename = "…"`, or of `rename(serialize = "…", deserialize = "…")` with the same
/// text in both places: a column has one name.
fn renamed(meta: &Meta, errors: &mut Errors) -> Option<String> {
    let Meta::List(list) = meta else {
        return text(meta);
    };
    let parts = list
        .parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
        .ok()?;
    let part = |wanted: &str| {
        parts
            .iter()
            .find(|part| name(part) == wanted)
            .and_then(text)
    };
    let (written, read) = (part("serialize"), part("deserialize"));
    if written != read {
        let name = name(meta);
        errors.at_with_help(
            meta,
            format_args!("`{name}` writes and reads a column under two names"),
            format_args!("a row is read back as it was written: write `{name} = \"...\"`"),
        );
    }
    written
}

/// A field's name under one of serde's rules. As in serde, an unknown rule changes nothing here and
/// is serde's to report.
fn apply(rule: &str, field: &str) -> String {
    match rule {
        "UPPERCASE" | "SCREAMING_SNAKE_CASE" => field.to_ascii_uppercase(),
        "PascalCase" => pascal(field),
        "camelCase" => {
            let mut name = pascal(field);
            if let Some(first) = name.get_mut(..1) {
                first.make_ascii_lowercase();
            }
            name
        }
        "kebab-case" => field.replace('_', "-"),
        "SCREAMING-KEBAB-CASE" => field.to_ascii_uppercase().replace('_', "-"),
        _ => field.to_owned(),
    }
}

fn pascal(field: &str) -> String {
    let mut starts_word = true;
    let mut name = String::new();
    for character in field.chars() {
        if character == '_' {
            starts_word = true;
        } else if std::mem::take(&mut starts_word) {
            name.push(character.to_ascii_uppercase());
        } else {
            name.push(character);
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn rules_are_serdes() {
        let cases = [
            ("lowercase", "user_id"),
            ("UPPERCASE", "USER_ID"),
            ("PascalCase", "UserId"),
            ("camelCase", "userId"),
            ("snake_case", "user_id"),
            ("SCREAMING_SNAKE_CASE", "USER_ID"),
            ("kebab-case", "user-id"),
            ("SCREAMING-KEBAB-CASE", "USER-ID"),
            ("no such rule", "user_id"),
        ];
        for (rule, name) in cases {
            assert_eq!(apply(rule, "user_id"), name, "{rule}");
        }
        assert_eq!(apply("camelCase", "_"), "");
        assert_eq!(apply("camelCase", "ärger"), "ärger");
    }

    #[test]
    fn names_and_defaults() {
        let mut errors = Errors::new();
        let container: Vec<Attribute> =
            parse_quote!(#[serde(deny_unknown_fields, rename_all = "camelCase", default)]);
        let container = Container::read(&container, &mut errors);
        let read = |attributes: Vec<Attribute>, errors: &mut Errors| {
            let field = Field::read(&attributes, errors);
            (
                container.column_name("user_id", &field),
                container.column_default("T", "user_id", &field),
            )
        };
        let cases: [(Vec<Attribute>, &str, &str); 5] = [
            (vec![], "userId", "T::default().user_id"),
            (
                parse_quote!(#[serde(rename = "U")]),
                "U",
                "T::default().user_id",
            ),
            (
                parse_quote!(#[serde(default)] #[other]),
                "userId",
                "Default::default()",
            ),
            (
                parse_quote!(#[serde(default = "a::b", bound(serialize = ""))]),
                "userId",
                "a::b",
            ),
            (
                parse_quote!(#[serde(rename(serialize = "x", deserialize = "x"))]),
                "x",
                "T::default().user_id",
            ),
        ];
        for (attributes, name, default) in cases {
            let expected = (name.to_owned(), Some(default.to_owned()));
            assert_eq!(read(attributes, &mut errors), expected);
        }
        assert!(errors.is_empty());
        read(parse_quote!(#[serde(rename(serialize = "x"))]), &mut errors);
        assert!(!errors.is_empty());
        errors.finish();
    }
}
