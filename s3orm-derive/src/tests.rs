//! The derive as a whole, on tokens. What rustc says about its output is tested in `s3orm-tests`.

use syn::{File, Item, LitStr};

use super::derive;

/// The output of an input, and the messages of its errors.
fn run(input: &str) -> (File, Vec<String>) {
    let tokens = input.parse().expect("the input is Rust");
    let output: File = syn::parse2(derive(tokens)).expect("the output is Rust");
    let messages = output.items.iter().filter_map(|item| match item {
        Item::Macro(item) => Some(item.mac.parse_body::<LitStr>().expect("a message").value()),
        _ => None,
    });
    let messages = messages.collect();
    (output, messages)
}

#[test]
fn a_sound_table_is_one_scope() {
    let (output, errors) = run(
        "#[s3(table = \"people\", path = \"<id>\")] pub struct Person { id: u64, age: Option<u8> }",
    );
    assert_eq!(errors, [""; 0]);
    assert!(matches!(&output.items[..], [Item::Const(_)]));
}

#[test]
fn every_mistake_is_reported_beside_the_impl() {
    let (output, errors) = run(
        "#[s3(table = \"peo ple\", path = \"/<day>/<id\", pth = \"x\")]
         struct Person { #[s3(key_olny)] date: u64, #[s3(body)] id: u64 }",
    );
    let expected = [
        "unknown `s3` option `pth`\nhelp: did you mean `path`?",
        "unknown `s3` option `key_olny`\nhelp: did you mean `key_only`?",
        "`peo ple` cannot be a table's name",
        "the path starts with `/`",
        "`<day>` names no field of `Person`",
        "unclosed placeholder",
        "`body` marks the field of a raw body",
    ];
    assert_eq!(errors.len(), expected.len(), "{errors:#?}");
    for (error, start) in errors.iter().zip(expected) {
        assert!(error.starts_with(start), "{error}");
    }
    assert!(matches!(&output.items[0], Item::Const(_)));
}

#[test]
fn a_slip_in_an_option_is_one_error() {
    for (slip, known) in [("tabel", "table"), ("tables", "table"), ("Table", "table")] {
        let input = format!("#[s3({slip} = \"people\", path = \"<id>\")] struct P {{ id: u64 }}");
        let expected = format!("unknown `s3` option `{slip}`\nhelp: did you mean `{known}`?");
        assert_eq!(run(&input).1, [expected]);
    }
}

/// Whatever is written in the attribute, and wherever: the derive answers with tokens.
#[test]
fn nothing_panics() {
    let items = [
        "struct P { id: u64 }",
        "struct P;",
        "struct P(#[s3(key_only)] u64);",
        "struct r#type<'a, const N: usize, T: Copy = u8> where T: Clone { #[s3(x)] r#fn: &'a T }",
        "enum E { A { #[s3(body)] a: u8 }, B }",
        "union U { a: u8 }",
        "struct P { #[s3(generate = 7, generate, body, updated_at = \"\")] #[serde(with)] é: fn() -> u8 }",
    ];
    let options = [
        "",
        "#[s3]",
        "#[s3 = 7]",
        "#[s3()]",
        "#[s3(,)]",
        "#[s3(table)]",
        "#[s3(table(\"x\"), path = , crate)]",
        "#[s3(table = \"\", path = \"\", extension = \"é\", encoding = \"\", body = \"\", crate = \"\")]",
        "#[s3(belongs_to, belongs_to = \"\", belongs_to = \"A<B>\", belongs_to = \"é\\0\", belongs_to = \"::A\")]",
        "#[s3(version, previous, version = -1, version = 99999999999, previous = \"\", reversible = 1)]",
        "#[s3(path = \"<é>/<\\0><\", crate = \"a b\", body = \"raw\")]",
        "#[s3(path = \"<id>\", r#type = 1, = , 'a, [b], table = r##\"t\"##)] #[serde(7, rename_all)]",
    ];
    for item in items {
        for option in options {
            let (_, errors) = run(&format!("{option} {item}"));
            assert!(!errors.is_empty(), "{option} {item}");
        }
    }
}
