//! What the source says about itself, as text: documentation and types.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::Attribute;

use crate::serde_attr::text;

/// The text of the documentation above an item, without the space after each `///`.
pub(crate) fn doc(attributes: &[Attribute]) -> String {
    let lines: Vec<_> = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("doc"))
        .filter_map(|attribute| text(&attribute.meta))
        .map(|line| {
            line.strip_prefix(' ')
                .unwrap_or(&line)
                .trim_end()
                .to_owned()
        })
        .collect();
    lines.join("\n").trim().to_owned()
}

/// Tokens as a person writes them: `Option<Vec<u8>>`, `&'static str`.
pub(crate) fn source_text(tokens: &impl ToTokens) -> String {
    let mut text = String::new();
    append_source(tokens.to_token_stream(), &mut text);
    text
}

fn append_source(tokens: TokenStream, text: &mut String) {
    for token in tokens {
        let wants_space = text.ends_with(|last: char| last.is_alphanumeric() || last == '_');
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::None => ("", ""),
                };
                text.push_str(open);
                append_source(group.stream(), text);
                text.push_str(close);
            }
            TokenTree::Punct(sign) => match sign.as_char() {
                other @ ('+' | '=') => text.extend([' ', other, ' ']),
                other @ (',' | ';') => text.extend([other, ' ']),
                '>' if text.ends_with('-') => {
                    text.pop();
                    text.push_str(" -> ");
                }
                other => text.push(other),
            },
            word => {
                if wants_space {
                    text.push(' ');
                }
                text.push_str(&word.to_string());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;
    use syn::parse_quote;

    #[test]
    fn source_text_is_what_a_person_writes() {
        for text in [
            "Option<Vec<u8>>",
            "&'static str",
            "chrono::DateTime<Utc>",
            "[u8; 4]",
            "(u8, i64)",
            "Box<dyn Fn(u8) -> u8 + Send>",
            "fn()",
        ] {
            let tokens: TokenStream = text.parse().unwrap();
            assert_eq!(source_text(&tokens), text);
        }
        assert_eq!(source_text(&quote!(r#type::T)), "r#type::T");
    }

    #[test]
    fn documentation() {
        let attributes: Vec<Attribute> = parse_quote! {
            /// One.
            ///
            ///  - Two.
            #[doc(hidden)]
            #[doc = include_str!("x.md")]
        };
        assert_eq!(doc(&attributes), "One.\n\n - Two.");
    }
}
