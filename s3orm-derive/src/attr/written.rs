//! An option as it is written: a name, and what stands behind it.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, LitStr, Meta};

use super::{Encrypt, ON_FIELD, ON_STRUCT, Scheme, choice};
use crate::diag::{self, Errors};

/// One option: `name`, or `name = value`, or `name(value)`.
pub(crate) struct Written {
    pub(crate) name: Ident,
    /// Everything behind the name.
    pub(crate) value: Option<TokenStream>,
}

impl ToTokens for Written {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.name.to_tokens(tokens);
        self.value.to_tokens(tokens);
    }
}

impl Written {
    /// What may be options, where a comma is missing before them.
    pub(super) fn names_in_value(&self) -> impl Iterator<Item = String> {
        let value = self.value.clone().unwrap_or_default().into_iter();
        value.filter_map(|token| match token {
            TokenTree::Ident(name) => Some(name.to_string()),
            _ => None,
        })
    }

    /// What stands in parentheses behind the name, if nothing else does.
    pub(crate) fn group(&self) -> Option<TokenStream> {
        let mut tokens = self.value.clone()?.into_iter();
        match (tokens.next(), tokens.next()) {
            (Some(TokenTree::Group(group)), None)
                if group.delimiter() == Delimiter::Parenthesis =>
            {
                Some(group.stream())
            }
            _ => None,
        }
    }

    /// The string behind `=`.
    pub(crate) fn string(&self, example: &str, errors: &mut Errors) -> Option<LitStr> {
        let mut value = self.value.clone().unwrap_or_default().into_iter();
        let is_assigned =
            matches!(value.next(), Some(TokenTree::Punct(sign)) if sign.as_char() == '=');
        let first = value.next().filter(|_| is_assigned);
        let text = syn::parse2::<LitStr>(first.into_iter().collect()).ok();
        let name = &self.name;
        if text.is_none() {
            let help = format!("write `{name} = {example}`");
            errors.at_with_help(self, format_args!("`{name}` takes a string"), help);
        } else if let Some(next) = value.next() {
            let message = format!("expected a comma, found `{next}`");
            errors.at_with_help(
                &next,
                message,
                format!("end `{name}` with a comma before it"),
            );
        }
        text
    }

    pub(super) fn encrypt(&self, errors: &mut Errors) -> Option<Encrypt> {
        if self.value.is_none() {
            return Some(Encrypt::Always);
        }
        let known = [("migrating", Encrypt::Migrating)];
        let text = self.string("\"migrating\"", errors)?;
        choice("way to encrypt", "ways", &text, &known, errors)
    }

    pub(super) fn scheme(&self, errors: &mut Errors) -> Option<Scheme> {
        if self.value.is_none() {
            return Some(Scheme::Default);
        }
        let known = [
            ("uuid_v7", Scheme::UuidV7),
            ("uuid_v4", Scheme::UuidV4),
            ("ulid", Scheme::Ulid),
        ];
        let text = self.string("\"uuid_v7\"", errors)?;
        choice("way to generate an id", "ways", &text, &known, errors)
    }

    pub(super) fn report_unknown(&self, known: &[&str], errors: &mut Errors) {
        let name = self.name.to_string();
        if ON_STRUCT.contains(&&*name) {
            let message = format!("`{name}` goes on the struct, not on a field");
            errors.at_with_help(
                &self.name,
                message,
                "write it in the `#[s3(...)]` above the struct",
            );
        } else if ON_FIELD.contains(&&*name) {
            let message = format!("`{name}` goes on a field, not on the struct");
            errors.at_with_help(
                &self.name,
                message,
                format!("write `#[s3({name})]` above the field"),
            );
        } else {
            let message = format!("unknown `s3` option `{name}`");
            errors.at_with_help(
                &self.name,
                message,
                diag::suggest("options here", &name, known),
            );
        }
    }

    pub(super) fn report_twice(&self, errors: &mut Errors) {
        let message = format!("`{}` is given twice", self.name);
        errors.at_with_help(self, message, "leave one of them out");
    }
}

/// The options of an attribute, parted at its commas.
pub(super) fn options(attribute: &Attribute, errors: &mut Errors) -> Vec<Written> {
    let Meta::List(list) = &attribute.meta else {
        let help = "write its options in parentheses: `#[s3(...)]`";
        errors.at_with_help(
            &attribute.meta,
            "the `s3` attribute has no list of options",
            help,
        );
        return Vec::new();
    };
    split(list.tokens.clone(), errors)
}

/// Options, parted at the commas between them.
pub(crate) fn split(tokens: TokenStream, errors: &mut Errors) -> Vec<Written> {
    let mut options = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    while tokens.peek().is_some() {
        let mut option = tokens.by_ref().take_while(|token| !is_comma(token));
        match option.next() {
            Some(TokenTree::Ident(name)) => {
                let value: TokenStream = option.collect();
                let value = (!value.is_empty()).then_some(value);
                options.push(Written { name, value });
            }
            Some(other) => {
                option.for_each(drop);
                let message = format!("expected an option, found `{other}`");
                errors.at_with_help(
                    &other,
                    message,
                    "options are written `name` or `name = \"value\"`, with commas between",
                );
            }
            None => {}
        }
    }
    options
}

pub(super) fn is_comma(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(sign) if sign.as_char() == ',')
}
