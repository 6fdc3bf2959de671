//! The grammar's rules, a row each.

use super::*;

fn literal(text: &str) -> Piece {
    Piece::Literal(text.to_owned())
}

fn column(name: &str, form: Form, at: Range<usize>) -> Piece {
    Piece::Column(Placeholder {
        name: name.to_owned(),
        form,
        at,
    })
}

#[test]
fn sound_paths() {
    let cases = [
        ("<id>", vec![column("id", Form::Plain, 0..4)]),
        (
            "<date>/<id>",
            vec![
                column("date", Form::Plain, 0..6),
                literal("/"),
                column("id", Form::Plain, 7..11),
            ],
        ),
        (
            "order#<id>",
            vec![literal("order#"), column("id", Form::Plain, 6..10)],
        ),
        (
            "at=<at:desc>/n/<id:ordered>.x",
            vec![
                literal("at="),
                column("at", Form::Desc, 3..12),
                literal("/n/"),
                column("id", Form::Ordered, 15..27),
                literal(".x"),
            ],
        ),
        (
            "<a>=<b>",
            vec![
                column("a", Form::Plain, 0..3),
                literal("="),
                column("b", Form::Plain, 4..7),
            ],
        ),
        ("<größe>", vec![column("größe", Form::Plain, 0..9)]),
    ];
    for (path, pieces) in cases {
        assert_eq!(parse(path, true), (pieces, Vec::new()), "{path}");
    }
}

/// Every problem of a path: the place it points at, and a part of the message.
fn problems(path: &str, escaped: bool) -> Vec<(&str, String)> {
    let (_, problems) = parse(path, escaped);
    for problem in &problems {
        assert!(!problem.help.is_empty());
        assert_eq!(
            problem.render(path).contains('^'),
            !path.is_empty(),
            "{path}"
        );
    }
    problems
        .into_iter()
        .map(|problem| (&path[problem.at], problem.message))
        .collect()
}

#[test]
fn mistakes() {
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("", &[("", "the path is empty")]),
        ("/<id>", &[("/", "starts with `/`")]),
        ("<id>/", &[("/", "ends with `/`")]),
        ("<a>//<b>", &[("//", "empty segment")]),
        ("./<a>", &[(".", "`.` cannot be a segment")]),
        ("<a>/../<b>", &[("..", "`..` cannot be a segment")]),
        ("<id", &[("<id", "unclosed placeholder")]),
        ("<id/<b>", &[("<id", "unclosed placeholder")]),
        ("<id<b>", &[("<id", "unclosed placeholder")]),
        ("id>/<b>", &[(">", "closes no placeholder")]),
        ("<>", &[("<>", "the placeholder is empty")]),
        ("<:desc>", &[("<:desc>", "the placeholder is empty")]),
        ("<r#type>", &[("<r#type>", "not how a path names a field")]),
        ("<a.b>", &[("<a.b>", "`a.b` is not the name of a field")]),
        ("<7>", &[("<7>", "`7` is not the name of a field")]),
        ("<a:dsc>", &[("<a:dsc>", "unknown form `dsc`")]),
        ("<a:>", &[("<a:>", "unknown form ``")]),
        ("a b/<id>", &[(" ", "` ` cannot be part")]),
        ("ä/<id>", &[("ä", "`ä` cannot be part")]),
        ("!/<id>", &[("!", "`!` cannot be part")]),
        ("a%2f/<id>", &[("%", "`%` cannot be part")]),
        ("a\\<id>", &[("\\", "`\\` cannot be part")]),
        ("a\n<id>", &[("\n", "`\\n` cannot be part")]),
        ("<a><b>", &[("<b>", "two placeholders touch")]),
        ("<a>-<b>", &[("-", "`-` cannot separate")]),
        ("<a>x=<b>", &[("x=", "`x=` cannot separate")]),
        ("<a>/<a>", &[("<a>", "twice")]),
        ("fixed", &[("fixed", "names no column")]),
        (
            "<a>/<b>/<c>/<d>/<e>/<f>/<g>/<h>/<i>",
            &[("<i>", "9 columns: a key has at most 8")],
        ),
        (
            "/<a><b>//",
            &[
                ("/", "starts"),
                ("<b>", "touch"),
                ("//", "empty"),
                ("/", "ends"),
            ],
        ),
    ];
    for (path, expected) in cases {
        let found = problems(path, true);
        assert_eq!(found.len(), expected.len(), "{path}: {found:?}");
        for ((place, message), (expected_place, part)) in found.iter().zip(*expected) {
            assert_eq!(place, expected_place, "{path}: {message}");
            assert!(message.contains(part), "{path}: {message}");
        }
    }
}

#[test]
fn verbatim_leaves_separators_to_the_runtime() {
    assert_eq!(problems("<a>-<b>", false), []);
    assert_eq!(problems("<a><b>", false).len(), 1);
}

#[test]
fn carets_stand_under_what_is_shown() {
    let (_, problems) = parse("a\n/<x", true);
    assert_eq!(
        problems[0].render("a\n/<x"),
        "`\\n` cannot be part of a path\n      a\\n/<x\n       ^^\n\
         help: use visible ASCII characters other than `<`, `>`, `!`, `%` and `\\`"
    );
    assert!(problems[1].render("a\n/<x").contains("\n          ^^\n"));
}

#[test]
fn no_text_panics() {
    let alphabet = ["<", ">", "/", ":", "a", ".", "é", "!", "\n", "-", "r#"];
    let mut texts = vec![String::new()];
    for _ in 0..4 {
        texts = texts
            .iter()
            .flat_map(|text| alphabet.map(|next| format!("{text}{next}")))
            .collect();
        for text in &texts {
            for problem in parse(text, true).1 {
                problem.render(text);
            }
        }
    }
}
