//! `version = 2`

use proc_macro2::TokenTree;
use syn::LitInt;

use super::Written;
use crate::diag::Errors;

/// The number behind `=`.
pub(super) fn read(option: &Written, errors: &mut Errors) -> Option<u32> {
    let mut value = option.value.clone().unwrap_or_default().into_iter();
    let is_assigned = matches!(value.next(), Some(TokenTree::Punct(sign)) if sign.as_char() == '=');
    let rest = value.filter(|_| is_assigned).collect();
    let number = syn::parse2::<LitInt>(rest);
    let number = number
        .ok()
        .and_then(|number| number.base10_parse::<u32>().ok());
    if number.is_none_or(|number| number == 0) {
        let message = "`version` takes a whole number from 1 on";
        errors.at_with_help(
            option,
            message,
            "write `version = 2`: rows without a version are of version 1",
        );
        return None;
    }
    number
}
