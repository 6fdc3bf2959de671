//! The conformance suite over the store in memory.

use std::future::{Ready, ready};

use s3orm::Env;
use s3orm::store::memory::MemoryStore;
use s3orm_tests::conformance::Fixture;

fn memory() -> Ready<Fixture> {
    ready(Fixture::new(MemoryStore::new("rows", Env::system())))
}

s3orm_tests::conformance!(memory);
