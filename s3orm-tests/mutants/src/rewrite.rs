//! A file with all of its changes in it, each behind a condition.

use std::ops::Range;

use anyhow::{Context, Result, bail};
use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::list::Mutant;

/// What the changed crate asks whether a change is switched on.
pub const SWITCH: &str = "
#[doc(hidden)]
mod mutant {
    pub(crate) fn on(number: usize) -> bool {
        static ON: std::sync::LazyLock<Option<usize>> =
            std::sync::LazyLock::new(|| std::env::var(\"MUTANT\").ok()?.parse().ok());
        *ON == Some(number)
    }
}
";

/// A place in a file that one or more changes are at.
struct Site {
    range: Range<usize>,
    /// Sites of one range nest in this order.
    depth: u8,
    changes: Vec<(usize, Change)>,
}

enum Change {
    /// This is returned instead of running the function.
    Return(String),
    /// The expression is another.
    Instead(String),
    /// The arm's guard is what it was, or this.
    Guard(bool),
    /// An arm without a guard, which is passed over.
    NoArm,
    /// Nothing: an error that is told of this place is the change's.
    Mark,
    /// The field is that of the expression's base.
    FieldOfBase { member: String, base: String },
}

/// `source` with the changes of `mutants`, which are numbered, and the numbers of those that it cannot
/// have, because they do not compile.
///
/// # Errors
///
/// Where a change is of a kind or at a place that is not known.
pub fn rewrite(source: &str, mutants: &[(usize, &Mutant)]) -> Result<(String, Vec<usize>)> {
    let file = syn::parse_file(source).context("a file that rustc reads")?;
    let mut sites: Vec<Site> = Vec::new();
    let mut refused = Vec::new();
    for (number, mutant) in mutants {
        let found = find(source, &file, mutant).with_context(|| mutant.name.clone())?;
        if found.is_empty() {
            refused.push(*number);
        }
        for (range, depth, change) in found {
            match sites
                .iter_mut()
                .find(|site| site.range == range && site.depth == depth)
            {
                Some(site) => site.changes.push((*number, change)),
                None => sites.push(Site {
                    range,
                    depth,
                    changes: vec![(*number, change)],
                }),
            }
        }
    }
    sites.sort_by_key(|site| (site.range.start, usize::MAX - site.range.end, site.depth));
    Ok((render(source, 0..source.len(), &sites), refused))
}

/// The numbers of the changes in whose text `place` of a rewritten file is.
pub fn numbers_at(text: &str, place: Range<usize>) -> Vec<usize> {
    let mut found = Vec::new();
    for (start, _) in text.match_indices("/*<") {
        let rest = &text[start + 3..];
        let number = &rest[..rest.find("*/").unwrap_or(0)];
        let end = text[start..]
            .find(&format!("/*{number}>*/"))
            .map_or(start, |length| start + length);
        if start <= place.start && place.end <= end {
            found.extend(number.parse::<usize>());
        }
    }
    found
}

fn render(source: &str, range: Range<usize>, sites: &[Site]) -> String {
    let mut text = String::new();
    let mut at = range.start;
    let mut next = 0;
    while let Some(site) = sites.get(next) {
        let within = sites[next + 1..]
            .iter()
            .take_while(|inner| inner.range.start < site.range.end)
            .count();
        text.push_str(&source[at..site.range.start]);
        let inner = render(source, site.range.clone(), &sites[next + 1..=next + within]);
        text.push_str(&changed(&inner, &site.changes));
        at = site.range.end;
        next += 1 + within;
    }
    text + &source[at..range.end]
}

fn changed(original: &str, changes: &[(usize, Change)]) -> String {
    changes
        .iter()
        .fold(original.to_owned(), |text, (number, change)| {
            let on = format!("crate::mutant::on({number})");
            let marked = |change: &str| format!("/*<{number}*/{change}/*{number}>*/");
            match change {
                Change::Return(value) => marked(&format!("if {on} {{ return {value}; }} ")) + &text,
                Change::Instead(other) => format!(
                    "({} else {{ {text} }})",
                    marked(&format!("if {on} {{ {other} }}"))
                ),
                Change::Guard(true) => marked(&format!("{on} || ")) + &format!("({text})"),
                Change::Guard(false) => marked(&format!("!{on} && ")) + &format!("({text})"),
                Change::Mark => marked(&text),
                Change::NoArm => text + &marked(&format!(" if !{on}")),
                Change::FieldOfBase { member, base } => {
                    let value = text
                        .split_once(':')
                        .map_or(member.as_str(), |(_, value)| value);
                    let other = marked(&format!("if {on} {{ {base} }}"));
                    format!("{member}: {other} else {{ {value} }}")
                }
            }
        })
}

type At = (Range<usize>, u8, Change);

/// Where the change is; nowhere, if it does not compile.
fn find(source: &str, file: &syn::File, mutant: &Mutant) -> Result<Vec<At>> {
    let range = mutant.span.bytes(source);
    let mut finder = Finder {
        genre: &mutant.genre,
        range: range.clone(),
        found: None,
    };
    let replacement = mutant.replacement.clone();
    match mutant.genre.as_str() {
        "FnValue" => return Ok(vec![(range, 0, Change::Return(replacement))]),
        "MatchArmGuard" => return Ok(vec![(range, 1, Change::Guard(replacement == "true"))]),
        "BinaryOperator" | "UnaryOperator" | "MatchArm" | "StructField" => finder.visit_file(file),
        other => bail!("changes of the kind {other}"),
    }
    let text = |range: Range<usize>| source[range].to_owned();
    Ok(match finder.found.context("no expression is there")? {
        Found::Chain => Vec::new(),
        Found::Binary(whole) => {
            let other = text(whole.start..range.start) + &replacement + &text(range.end..whole.end);
            vec![(whole, 2, Change::Instead(other))]
        }
        Found::Unary { whole, operand } => {
            let operand = text(operand);
            vec![(whole, 2, Change::Instead(operand))]
        }
        Found::Arm {
            guard: Some(guard), ..
        } => vec![(guard, 1, Change::Guard(false))],
        Found::Arm {
            of,
            pattern,
            guard: None,
        } => vec![(of, 3, Change::Mark), (pattern, 2, Change::NoArm)],
        Found::Field {
            whole,
            member,
            path,
            base,
        } => {
            let base = format!("let base: {path} = {}; base.{member}", text(base));
            vec![(whole, 2, Change::FieldOfBase { member, base })]
        }
    })
}

enum Found {
    /// An `&&` beside a `let`, which can be nothing else.
    Chain,
    Binary(Range<usize>),
    Unary {
        whole: Range<usize>,
        operand: Range<usize>,
    },
    Arm {
        of: Range<usize>,
        pattern: Range<usize>,
        guard: Option<Range<usize>>,
    },
    Field {
        whole: Range<usize>,
        member: String,
        path: String,
        base: Range<usize>,
    },
}

/// Finds the expression that a change's place belongs to.
struct Finder<'a> {
    genre: &'a str,
    range: Range<usize>,
    found: Option<Found>,
}

impl Finder<'_> {
    fn begins(&self, genre: &str, span: Span) -> bool {
        self.genre == genre && span.byte_range().start == self.range.start
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_expr_binary(&mut self, binary: &'ast syn::ExprBinary) {
        if self.begins("BinaryOperator", binary.op.span()) {
            let chain = has_let(&binary.left) || has_let(&binary.right);
            let whole = binary.span().byte_range();
            self.found = Some(if chain {
                Found::Chain
            } else {
                Found::Binary(whole)
            });
        }
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_unary(&mut self, unary: &'ast syn::ExprUnary) {
        let (whole, operand) = (unary.span().byte_range(), unary.expr.span().byte_range());
        if self.begins("UnaryOperator", unary.span()) {
            self.found = Some(Found::Unary { whole, operand });
        }
        visit::visit_expr_unary(self, unary);
    }

    fn visit_expr_match(&mut self, value: &'ast syn::ExprMatch) {
        for arm in &value.arms {
            if self.begins("MatchArm", arm.span()) {
                self.found = Some(Found::Arm {
                    of: value.expr.span().byte_range(),
                    pattern: arm.pat.span().byte_range(),
                    guard: arm
                        .guard
                        .as_ref()
                        .map(|(_, guard)| guard.span().byte_range()),
                });
            }
        }
        visit::visit_expr_match(self, value);
    }

    fn visit_expr_struct(&mut self, value: &'ast syn::ExprStruct) {
        for field in &value.fields {
            let whole = field.span().byte_range();
            if self.begins("StructField", field.span())
                && let (syn::Member::Named(name), Some(base)) = (&field.member, &value.rest)
            {
                let path = value
                    .path
                    .segments
                    .last()
                    .map_or_else(String::new, |segment| segment.ident.to_string());
                let base = base.span().byte_range();
                self.found = Some(Found::Field {
                    whole,
                    member: name.to_string(),
                    path,
                    base,
                });
            }
        }
        visit::visit_expr_struct(self, value);
    }
}

fn has_let(expression: &syn::Expr) -> bool {
    match expression {
        syn::Expr::Let(_) => true,
        syn::Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{numbers_at, rewrite};
    use crate::list::Mutant;

    const SOURCE: &str = "fn is(a: Option<u8>, b: S) -> bool {
    match a {
        Some(1) if b.x => !b.y,
        None => S { x: true, ..b }.x,
        _ if let Some(c) = a && c > 2 => c == 3 && b.y,
        _ => false,
    }
}
";

    /// The change of the kind `genre` whose place is the first one of `text`.
    fn mutant(genre: &str, text: &str, replacement: &str) -> Mutant {
        let start = SOURCE.find(text).expect("it is there");
        let point = |at: usize| {
            let before = &SOURCE[..at];
            let column = at - before.rfind('\n').map_or(0, |line| line + 1) + 1;
            serde_json::json!({"line": before.matches('\n').count() + 1, "column": column})
        };
        let span = serde_json::json!({"start": point(start), "end": point(start + text.len())});
        let mutant = serde_json::json!({
            "name": text, "file": "is.rs", "genre": genre, "span": span, "replacement": replacement,
        });
        serde_json::from_value(mutant).expect("a change as it is listed")
    }

    fn rewritten(genre: &str, text: &str, replacement: &str) -> String {
        let mutant = mutant(genre, text, replacement);
        rewrite(SOURCE, &[(7, &mutant)]).expect("it is known").0
    }

    #[test]
    fn each_kind_of_change_is_behind_its_condition() {
        for (genre, text, replacement, expected) in [
            (
                "BinaryOperator",
                "==",
                "!=",
                "(/*<7*/if crate::mutant::on(7) { c != 3 }/*7>*/ else { c == 3 }) && b.y",
            ),
            (
                "UnaryOperator",
                "!",
                "",
                "=> (/*<7*/if crate::mutant::on(7) { b.y }/*7>*/ else { !b.y }),",
            ),
            (
                "MatchArmGuard",
                "b.x",
                "true",
                "if /*<7*/crate::mutant::on(7) || /*7>*/(b.x) =>",
            ),
            (
                "MatchArmGuard",
                "b.x",
                "false",
                "if /*<7*/!crate::mutant::on(7) && /*7>*/(b.x) =>",
            ),
            (
                "MatchArm",
                "None => S { x: true, ..b }.x,",
                "",
                "None/*<7*/ if !crate::mutant::on(7)/*7>*/ =>",
            ),
            (
                "StructField",
                "x: true",
                "",
                "S { x: /*<7*/if crate::mutant::on(7) { let base: S = b; base.x }/*7>*/ else {  true }, ..b }",
            ),
        ] {
            let text = rewritten(genre, text, replacement);
            assert!(text.contains(expected), "{text}");
            syn::parse_file(&text).expect("Rust");
        }
        let body = SOURCE
            .lines()
            .skip(1)
            .take(6)
            .collect::<Vec<_>>()
            .join("\n");
        let text = rewritten("FnValue", body.trim_start(), "true");
        assert!(
            text.contains("{\n    /*<7*/if crate::mutant::on(7) { return true; } /*7>*/match a {"),
            "{text}"
        );
    }

    #[test]
    fn changes_nest() {
        let outer = mutant("BinaryOperator", "&& b.y", "||");
        let inner = mutant("BinaryOperator", "==", "!=");
        let (text, refused) = rewrite(SOURCE, &[(1, &outer), (2, &inner)]).expect("both are known");
        assert!(refused.is_empty());
        let expected = "{ c == 3 ||";
        assert!(
            text.contains(expected),
            "the outer one has the inner one's original: {text}"
        );
        assert!(
            text.contains(
                "else { (/*<2*/if crate::mutant::on(2) { c != 3 }/*2>*/ else { c == 3 }) && b.y })"
            ),
            "{text}"
        );
    }

    #[test]
    fn an_and_beside_a_let_is_left_alone() {
        let chain = mutant("BinaryOperator", "&& c", "||");
        assert_eq!(
            rewrite(SOURCE, &[(1, &chain)]).expect("it is known"),
            (SOURCE.to_owned(), vec![1])
        );
    }

    #[test]
    fn an_error_is_of_the_change_that_it_is_in() {
        let text = rewritten("BinaryOperator", "==", "!=");
        let at = text.find("!=").expect("it is there");
        assert_eq!(numbers_at(&text, at..at + 2), [7]);
        assert_eq!(numbers_at(&text, 0..text.len()), [0; 0]);
    }
}
