//! What building and reading a key costs: `cargo bench -p s3orm-tests --bench keys`.

use chrono::NaiveDate;
use divan::{AllocProfiler, Bencher, black_box};
use s3orm::key::{Encoding, Form, KeyTuple, PathTemplate, Piece};

const PATH: PathTemplate = PathTemplate {
    pieces: &[
        Piece::Column {
            name: "date",
            form: Form::Plain,
        },
        Piece::Literal("/"),
        Piece::Column {
            name: "id",
            form: Form::Plain,
        },
    ],
    extension: ".json",
    encoding: Encoding::Escaped,
};

/// Counts what each of them allocates.
#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

fn date_and_id() -> (NaiveDate, u64) {
    (
        NaiveDate::from_ymd_opt(2024, 2, 29).unwrap_or_default(),
        1_234_567,
    )
}

fn write<K: KeyTuple>(values: &K, out: &mut String) {
    out.push_str("prefix/people/");
    if values.write(&PATH, out).is_err() {
        out.clear();
    }
}

#[divan::bench]
fn write_to_a_fresh_string(bencher: Bencher) {
    let values = date_and_id();
    bencher.bench_local(|| {
        let mut out = String::new();
        write(black_box(&values), &mut out);
        out
    });
}

#[divan::bench]
fn write_to_a_reused_string(bencher: Bencher) {
    let values = date_and_id();
    let mut out = String::new();
    bencher.bench_local(|| {
        out.clear();
        write(black_box(&values), &mut out);
        out.len()
    });
}

#[divan::bench]
fn write_texts_to_escape(bencher: Bencher) {
    let values = ("Москва/Россия".to_owned(), "ann@example.org".to_owned());
    bencher.bench_local(|| {
        let mut out = String::new();
        write(black_box(&values), &mut out);
        out
    });
}

#[divan::bench]
fn read(bencher: Bencher) {
    bencher.bench_local(|| <(NaiveDate, u64)>::parse(&PATH, black_box("2024-02-29/1234567.json")));
}
