//! What a row costs on its way to its bytes and back: `cargo bench -p s3orm-tests --bench rows`. The
//! requests themselves are measured by `--bin overhead`.
#![allow(clippy::unwrap_used)] // Nothing here can fail but by a mistake in this file.

use divan::{AllocProfiler, Bencher, black_box};
use s3orm::key::KeyFrom;
use s3orm::{Db, S3Schema, Table};
use serde::{Deserialize, Serialize};

/// About 0.9 KB of JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<city>/<id:ordered>")]
struct Person {
    city: String,
    id: u64,
    name: String,
    age: u32,
    tags: Vec<String>,
    note: String,
}

/// The same in MessagePack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<city>/<id:ordered>", body = "msgpack")]
struct Packed {
    city: String,
    id: u64,
    name: String,
    age: u32,
    tags: Vec<String>,
    note: String,
}

macro_rules! sample {
    ($row:ident) => {
        $row {
            city: "Oslo".into(),
            id: 1_234_567,
            name: "Ann of the Hills".into(),
            age: 30,
            tags: (0..10).map(|tag| format!("tag-{tag}")).collect(),
            note: "a sentence that is neither long nor short. ".repeat(16),
        }
    };
}

/// Counts what each of them allocates.
#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

fn table<T: S3Schema>() -> Table<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(Db::connect("memory:")).unwrap().table()
}

fn encode<T: S3Schema>(bencher: Bencher, row: &T) {
    let table = table::<T>();
    bencher.bench_local(|| table.encode(black_box(row)).unwrap());
}

fn decode<T: S3Schema>(bencher: Bencher, row: &T)
where
    T::Key: for<'k> KeyFrom<(&'k str, u64)>,
{
    let table = table::<T>();
    let body = table.encode(row).unwrap();
    let key = ("Oslo", 1_234_567);
    bencher.bench_local(|| table.decode(key, black_box(&body)).unwrap());
}

#[divan::bench]
fn encode_json(bencher: Bencher) {
    encode(bencher, &sample!(Person));
}

/// The baseline: `serde_json` alone.
#[divan::bench]
fn encode_json_by_hand(bencher: Bencher) {
    let row = sample!(Person);
    bencher.bench_local(|| serde_json::to_vec(black_box(&row)).unwrap());
}

#[divan::bench]
fn encode_messagepack(bencher: Bencher) {
    encode(bencher, &sample!(Packed));
}

#[divan::bench]
fn decode_json(bencher: Bencher) {
    decode(bencher, &sample!(Person));
}

/// The baseline: `serde_json` alone.
#[divan::bench]
fn decode_json_by_hand(bencher: Bencher) {
    let body = serde_json::to_vec(&sample!(Person)).unwrap();
    bencher.bench_local(|| serde_json::from_slice::<Person>(black_box(&body)).unwrap());
}

#[divan::bench]
fn decode_messagepack(bencher: Bencher) {
    decode(bencher, &sample!(Packed));
}
