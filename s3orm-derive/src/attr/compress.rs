//! `compress = "zstd"` and `compress(level = 9, above = 4096)`.

use proc_macro2::{Group, TokenStream, TokenTree};
use syn::{LitInt, LitStr};

use super::written::is_comma;
use super::{Compress, Written};
use crate::diag::{self, Errors};

const LEVEL: i32 = 3;
const LEVELS: std::ops::RangeInclusive<i32> = 1..=22;
const ABOVE: usize = 1024;
const HELP: &str = "write `compress = \"zstd\"`, or `compress(level = 3, above = 1024)`";

/// Reads the option; `None` if it is wrong, which is reported.
pub(super) fn read(option: &Written, errors: &mut Errors) -> Option<Compress> {
    let mut compress = Compress {
        mark: option.name.clone(),
        level: LEVEL,
        above: ABOVE,
    };
    let mut value = option.value.clone().unwrap_or_default().into_iter();
    let is_sound = match value.next() {
        Some(TokenTree::Group(group)) => settings(&group, &mut compress, errors),
        Some(TokenTree::Punct(sign)) if sign.as_char() == '=' => {
            algorithm(option, value.collect(), errors)
        }
        _ => {
            let message = "`compress` does not say how";
            errors.at_with_help(option, message, HELP);
            false
        }
    };
    is_sound.then_some(compress)
}

fn algorithm(option: &Written, value: TokenStream, errors: &mut Errors) -> bool {
    match syn::parse2::<LitStr>(value) {
        Ok(name) if name.value() == "zstd" => true,
        Ok(name) => {
            let message = format!("unknown compression `{}`", name.value().escape_debug());
            errors.at_with_help(&name, message, HELP);
            false
        }
        Err(_) => {
            errors.at_with_help(option, "`compress` takes a string", HELP);
            false
        }
    }
}

fn settings(group: &Group, compress: &mut Compress, errors: &mut Errors) -> bool {
    let mut tokens = group.stream().into_iter().peekable();
    let mut is_sound = true;
    while tokens.peek().is_some() {
        let setting: Vec<_> = tokens
            .by_ref()
            .take_while(|token| !is_comma(token))
            .collect();
        is_sound &= one(&setting, compress, errors);
    }
    is_sound
}

fn one(setting: &[TokenTree], compress: &mut Compress, errors: &mut Errors) -> bool {
    let [TokenTree::Ident(name), TokenTree::Punct(sign), value] = setting else {
        let text: TokenStream = setting.iter().cloned().collect();
        let message = format!("expected `level = ...` or `above = ...`, found `{text}`");
        errors.at_with_help(&text, message, HELP);
        return false;
    };
    let number = syn::parse2::<LitInt>(TokenStream::from(value.clone())).ok();
    let number = number.filter(|_| sign.as_char() == '=');
    let read = match &*name.to_string() {
        "level" => {
            let level = number.and_then(|number| number.base10_parse().ok());
            level
                .filter(|level| LEVELS.contains(level))
                .map(|level| compress.level = level)
                .ok_or("`level` is a number from 1, the fastest, to 22, the smallest")
        }
        "above" => number
            .and_then(|number| number.base10_parse().ok())
            .map(|above| compress.above = above)
            .ok_or("`above` is a number of bytes: smaller rows stay as they are"),
        other => {
            let message = format!("unknown setting `{other}` of `compress`");
            let help = diag::suggest("settings", other, &["level", "above"]);
            errors.at_with_help(name, message, help);
            return false;
        }
    };
    if let Err(message) = read {
        errors.at_with_help(value, message, HELP);
    }
    read.is_ok()
}
