//! What the compiler says about wrong tables. (Right ones are in `derive.rs`: one case that must
//! compile would have all dependencies built a second time instead of checked.)

#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    for folder in [
        "attr",
        "path",
        "model",
        "types",
        "query",
        "relation",
        "patch",
        "body",
        "encrypt",
        "transactional",
        "version",
        "index",
        "blob",
    ] {
        cases.compile_fail(format!("tests/ui/{folder}/*.rs"));
    }
}
