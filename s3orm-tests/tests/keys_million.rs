//! Memory stays flat while keys are listed; the long run is `--bin keys_million`.

use std::process::Command;

#[test]
fn a_hundred_thousand_keys_are_listed_in_flat_memory() {
    let listed = Command::new(env!("CARGO_BIN_EXE_keys_million"))
        .arg("100000")
        .output()
        .unwrap();
    let (out, error) = (&listed.stdout, &listed.stderr);
    let (out, error) = (String::from_utf8_lossy(out), String::from_utf8_lossy(error));
    assert!(listed.status.success(), "{out}{error}");
    assert!(out.contains(r#""keys":100000,"lists":100,"#), "{out}");
}
