//! Indexes over HTTP: what is on the bucket, what each operation costs, and that no answer is wrong.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // A test may.

#[path = "index/build.rs"]
mod build;
#[path = "index/crashes.rs"]
mod crashes;
#[path = "index/fixture.rs"]
mod fixture;
#[path = "index/plain.rs"]
mod plain;
#[path = "index/query.rs"]
mod query;
#[path = "index/transactions.rs"]
mod transactions;
#[path = "index/unique.rs"]
mod unique;
