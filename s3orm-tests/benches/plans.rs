//! What a query costs before its first request, and what a filter costs of each row that is read:
//! `cargo bench -p s3orm-tests --bench plans`.
#![allow(clippy::unwrap_used)] // Nothing here can fail but by a mistake in this file.

use divan::{AllocProfiler, Bencher, black_box};
use s3orm::{Db, S3Schema, Table};
use serde::{Deserialize, Serialize};

/// A row with indexes to choose from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<city>/<id:ordered>")]
#[s3(index(name = "by_team", columns(team, age)))]
struct Person {
    city: String,
    id: u64,
    #[s3(index)]
    name: String,
    team: String,
    age: u32,
}

/// Counts what each of them allocates.
#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

fn people() -> Table<Person> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(Db::connect("memory:")).unwrap().table()
}

fn person() -> Person {
    Person {
        city: "Oslo".into(),
        id: 1_234_567,
        name: "Ann of the Hills".into(),
        team: "night".into(),
        age: 30,
    }
}

#[divan::bench]
fn a_partition(bencher: Bencher) {
    let people = people();
    bencher.bench_local(|| people.query().at(Person::KEY.city, "Oslo").plan().unwrap());
}

#[divan::bench]
fn a_range_with_a_filter(bencher: Bencher) {
    let people = people();
    bencher.bench_local(|| {
        let query = people.query().at(Person::KEY.city, "Oslo");
        let query = query
            .within(Person::KEY.id, 10..100)
            .filter(Person::COL.age.ge(18));
        query.plan().unwrap()
    });
}

/// The filter fixes both columns of one index, and the first of none other.
#[divan::bench]
fn the_choice_of_an_index(bencher: Bencher) {
    let people = people();
    let plan = || {
        let filter = Person::COL.team.eq("night").and(Person::COL.age.eq(30));
        people.query().filter(filter).plan().unwrap()
    };
    assert_eq!(plan().index, Some("by_team"));
    bencher.bench_local(plan);
}

/// Of five conditions, all of which hold.
#[divan::bench]
fn a_filter_of_a_row(bencher: Bencher) {
    let column = Person::COL;
    let filter = column
        .age
        .between(18, 65)
        .and(column.team.in_(["day", "night"]));
    let filter = filter.and(
        column
            .name
            .starts_with("Ann")
            .or(column.name.contains("Bob")),
    );
    let (filter, person) = (filter.and(column.city.ne("Rome")), person());
    assert!(filter.matches(&person));
    bencher.bench_local(|| filter.matches(black_box(&person)));
}
