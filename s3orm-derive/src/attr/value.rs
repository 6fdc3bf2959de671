//! What stands behind `=`: one of several texts, the path of a type or of a crate.

use proc_macro2::Span;
use syn::LitStr;

use super::TypePath;
use crate::diag::{self, Errors};

/// One of several known texts.
pub(crate) fn choice<T: Copy>(
    what: &str,
    plural: &str,
    text: &LitStr,
    known: &[(&str, T)],
    errors: &mut Errors,
) -> Option<T> {
    let value = text.value();
    let found = known.iter().find(|(name, _)| *name == value);
    if found.is_none() {
        let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
        errors.at_with_help(
            text,
            format_args!("unknown {what} `{value}`"),
            diag::suggest(plural, &value, &names),
        );
    }
    found.map(|(_, value)| *value)
}

/// A type that is named by a text. Its tokens stand at the text, where what the compiler says about
/// them is told, but are of the expansion: lints about how paths are written stay silent.
pub(super) fn type_path(text: &LitStr, help: &str, errors: &mut Errors) -> Option<TypePath> {
    let place = text.span().resolved_at(Span::call_site());
    let path = LitStr::new(&text.value(), place).parse_with(syn::Path::parse_mod_style);
    if path.is_err() {
        let message = format!(
            "`{}` is not the path of a type",
            text.value().escape_debug()
        );
        errors.at_with_help(text, message, help);
    }
    path.ok().map(|ty| TypePath { ty, place })
}

/// The path of `crate = "…"`, made absolute: a relative one would mean something else under
/// `#![no_implicit_prelude]` or beside a module of the same name.
pub(super) fn crate_path(text: &LitStr, errors: &mut Errors) -> Option<syn::Path> {
    let Ok(mut path) = text.parse_with(syn::Path::parse_mod_style) else {
        let message = format!("`{}` is not the path of a crate", text.value());
        errors.at_with_help(
            text,
            message,
            "write the name that the crate has here: `crate = \"my_crate::s3orm\"`",
        );
        return None;
    };
    let first = path
        .segments
        .first()
        .map(|segment| segment.ident.to_string());
    if !matches!(
        first.as_deref(),
        Some("crate" | "self" | "super" | "$crate")
    ) {
        path.leading_colon
            .get_or_insert_with(|| syn::token::PathSep(text.span()));
    }
    Some(path)
}
