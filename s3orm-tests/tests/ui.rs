//! What the compiler says about wrong tables, and that right ones compile.

#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    for folder in ["attr", "path", "model", "types"] {
        cases.compile_fail(format!("tests/ui/{folder}/*.rs"));
    }
    cases.pass("tests/ui/pass/*.rs");
}
