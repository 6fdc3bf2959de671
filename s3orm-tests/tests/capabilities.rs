//! The table of capabilities is whole, and each test that it names exists.

use std::path::Path;

/// The families of capabilities, with how many each has, and those that are not there.
const FAMILIES: &[(char, usize, &[usize])] = &[
    ('E', 8, &[]),
    ('D', 11, &[]),
    ('A', 8, &[]),
    ('Y', 16, &[]),
    ('M', 10, &[10]),
    ('N', 15, &[14, 15]),
];

fn read(file: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let path = root.expect("the tests are in the workspace").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The rows of the table: an id, and the tests that it names.
fn rows(page: &str) -> Vec<(&str, Vec<&str>)> {
    let cells = page
        .lines()
        .filter_map(|line| line.strip_prefix("| "))
        .map(|line| line.split(" | ").collect::<Vec<_>>());
    let rows = cells
        .filter(|cells| cells.len() == 3 && cells[0].ends_with(|end: char| end.is_ascii_digit()));
    rows.map(|cells| (cells[0], cells[2].split('`').skip(1).step_by(2).collect()))
        .collect()
}

#[test]
fn every_capability_is_shown_by_tests_that_exist() {
    let page = read("docs/capabilities.md");
    let rows = rows(&page);
    let ids: Vec<String> = rows.iter().map(|(id, _)| (*id).to_owned()).collect();
    let expected: Vec<String> = FAMILIES
        .iter()
        .flat_map(|&(family, count, missing)| {
            let there = (1..=count).filter(|number| !missing.contains(number));
            there.map(move |number| format!("{family}{number}"))
        })
        .collect();
    assert_eq!(ids, expected);

    for (id, tests) in rows {
        assert!(!tests.is_empty(), "{id} names no test");
        for test in tests {
            let (file, name) = test
                .split_once("::")
                .unwrap_or_else(|| panic!("{id}: `{test}` is no `file::test`"));
            let declared = format!("fn {name}(");
            assert!(
                read(file).contains(&declared),
                "{id}: there is no `{name}` in `{file}`"
            );
        }
    }
}

/// No container engine is needed to see that the file says what the documentation promises.
#[test]
fn the_compose_file_names_a_server_and_its_ports() {
    let compose = read("docker-compose.yml");
    for part in ["services:", "image:", "ports:", "9000:9000"] {
        assert!(compose.contains(part), "`{part}` is missing");
    }
}
