//! Diagnostics: every error of an input is collected, and all are reported together.

use std::fmt::Display;

use proc_macro2::TokenStream;
use quote::ToTokens;

/// The errors found so far.
///
/// It must be asked for its result before it goes out of scope: an error that was found and then
/// forgotten would let a wrong table compile.
#[derive(Debug)]
pub(crate) struct Errors(Option<Vec<syn::Error>>);

impl Errors {
    pub(crate) fn new() -> Self {
        Self(Some(Vec::new()))
    }

    /// An error at the tokens of `place`.
    pub(crate) fn at(&mut self, place: &impl ToTokens, message: impl Display) {
        self.push(syn::Error::new_spanned(place, message));
    }

    /// An error at the tokens of `place`, and what to write instead.
    pub(crate) fn at_with_help(
        &mut self,
        place: &impl ToTokens,
        message: impl Display,
        help: impl Display,
    ) {
        self.at(place, format_args!("{message}\nhelp: {help}"));
    }

    pub(crate) fn push(&mut self, error: syn::Error) {
        self.0.get_or_insert_default().push(error);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(Vec::is_empty)
    }

    /// One `compile_error!` for each error.
    pub(crate) fn finish(mut self) -> TokenStream {
        self.0
            .take()
            .unwrap_or_default()
            .iter()
            .map(syn::Error::to_compile_error)
            .collect()
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        debug_assert!(
            self.0.is_none() || std::thread::panicking(),
            "errors were collected and not reported"
        );
    }
}

/// The names in backticks, as a list for a person.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// What to say about an unknown name: the known one that it resembles, or else all of them.
pub(crate) fn suggest(kind: &str, word: &str, known: &[&str]) -> String {
    match did_you_mean(word, known.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("the {kind} are {}", list(known.iter().copied())),
    }
}

/// The closest of `candidates` to `word`, when it is close enough to be a slip.
pub(crate) fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| {
            let is_beginning = word.len() >= 3 && candidate.starts_with(word);
            let distance = if is_beginning {
                1
            } else {
                edit_distance(word, candidate)
            };
            (distance, candidate)
        })
        .filter(|(distance, candidate)| *distance <= (candidate.len().max(word.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, substitutions and swaps of neighbours from `a` to `b`.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before_last = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let substituted = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = substituted.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before_last[j - 2] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        let names = ["table", "path", "extension"];
        assert_eq!(did_you_mean("tabel", names), Some("table"));
        assert_eq!(did_you_mean("pth", names), Some("path"));
        assert_eq!(did_you_mean("extention", names), Some("extension"));
        assert_eq!(did_you_mean("ext", names), Some("extension"));
        assert_eq!(did_you_mean("colour", names), None);
        assert_eq!(did_you_mean("", names), None);
    }

    #[test]
    fn distances() {
        for (a, b, distance) in [
            ("", "", 0),
            ("", "ab", 2),
            ("ab", "ba", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(edit_distance(a, b), distance, "{a} {b}");
            assert_eq!(edit_distance(b, a), distance, "{b} {a}");
        }
    }

    #[test]
    fn every_error_becomes_one_compile_error() {
        let mut errors = Errors::new();
        assert!(errors.is_empty());
        errors.at(&quote!(a b), "one");
        errors.at_with_help(&quote!(c), "two", "three");
        assert!(!errors.is_empty());
        let tokens = errors.finish().to_string();
        assert_eq!(tokens.matches("compile_error").count(), 2);
        assert!(tokens.contains("two\\nhelp: three"));
    }

    #[test]
    #[should_panic(expected = "not reported")]
    fn forgetting_the_errors_is_caught() {
        drop(Errors::new());
    }
}
