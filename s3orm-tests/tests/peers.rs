//! The comparison with other libraries runs: in a small form, with s3orm alone. What it is for is
//! `--bin peers`.

use std::process::Command;

#[test]
fn s3orm_alone_is_measured_and_a_page_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("docs/page.md");
    let run = Command::new(env!("CARGO_BIN_EXE_peers"))
        .args(["--alone", "--rows", "100", "--rounds", "2", "--page"])
        .arg(&page)
        .output()
        .unwrap();
    let (out, error) = (&run.stdout, &run.stderr);
    let (out, error) = (String::from_utf8_lossy(out), String::from_utf8_lossy(error));
    assert!(run.status.success(), "{out}{error}");
    let page = std::fs::read_to_string(page).unwrap();
    for task in ["insert", "get", "update", "delete", "distinct", "list keys"] {
        let rows = page.matches(&format!("\n| {task} | ")).count();
        assert_eq!(rows, 2, "{task}: {page}");
    }
    for plot in ["peers-cpu.svg", "peers-wall.svg"] {
        let plot = folder.path().join("docs/plots").join(plot);
        let plot = std::fs::read_to_string(plot).unwrap();
        assert!(
            plot.starts_with("<svg ") && plot.ends_with("</svg>\n"),
            "{plot}"
        );
    }
}

#[test]
fn a_peer_that_cannot_be_installed_is_named_and_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let run = Command::new(env!("CARGO_BIN_EXE_peers"))
        .args(["--only", "s3db.js", "--only", "boto3", "--no-page"])
        .args(["--rows", "100", "--rounds", "1", "--folder"])
        .arg(folder.path())
        .env("PATH", folder.path())
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{out}");
    for peer in ["s3db.js", "boto3"] {
        let left_out = format!("left out: {peer}: `bash` is not installed");
        assert!(out.contains(&left_out), "{out}");
    }
    assert!(out.contains("| insert | "), "{out}");
}
