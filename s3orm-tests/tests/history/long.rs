//! Long histories take time by their length.

use std::collections::BTreeMap;

use s3orm_tests::history::{Kind, Operation, Outcome, Row, Version, check};
use s3orm_tests::sim::Dice;

/// Transactions of one to three rows by eight clients, in the order of their instants; a twentieth of
/// them is of unknown outcome.
fn history(length: u64, dice: &Dice) -> Vec<Operation> {
    let mut rows: BTreeMap<Row, Version> = BTreeMap::new();
    let mut operations = Vec::new();
    for place in 0..length {
        let instant = 100 + place * 10;
        let (begun, ended) = (instant - dice.below(60), instant + 1 + dice.below(60));
        let mut operation = Operation::new(format!("transaction {place}"), begun, ended);
        for row in 0..=dice.below(3) {
            let row = row * 100 + dice.below(50);
            let (over, version) = (rows.get(&row).copied(), Version(u128::from(place)));
            operation = match dice.below(4) {
                0 => operation.read(row, over),
                1 => operation.read(row, over).write(row, version, over),
                2 => operation.write(row, version, over),
                _ => operation.delete(row, version, over),
            };
            if let Some(write) = operation.writes.last()
                && write.row == row
            {
                rows.insert(row, version);
            }
        }
        if dice.permille(50) {
            operation = operation.outcome(Outcome::Unknown);
        }
        operations.push(operation);
    }
    operations
}

#[test]
#[allow(clippy::disallowed_methods, reason = "how long it takes is told")]
fn a_hundred_thousand_operations_and_one_that_is_wrong() {
    let mut operations = history(100_000, &Dice::new(1));
    let start = std::time::Instant::now();
    let found = check(&operations);
    eprintln!("100,000 operations in {:?}", start.elapsed());
    assert_eq!(found, []);

    // Somebody reads what was replaced long before.
    let sure = operations[500..]
        .iter()
        .filter(|one| one.outcome == Outcome::Ok);
    let stale = sure.flat_map(|one| &one.writes).next().copied();
    let stale = stale.expect("somebody writes");
    let late = operations[90_000].responded;
    operations.push(Operation::new("stale", late, late + 1).read(stale.row, Some(stale.version)));
    let found = check(&operations);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].kind, Kind::RealTime);
    assert_eq!(found[0].operations.len(), 2, "the shortest: {}", found[0]);
}
